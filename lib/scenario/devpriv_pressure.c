/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: a device that has no room. What does not fit stays in memory, what the device
 * wants gone comes back, and wherever a page ends up its data is right.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devmem.h"

#define HUGE_BYTES (2u << 20)
#define LARGEST_FILLED \
	(64u << 20) /* bytes of a device that is filled; a larger one only says it is */
#define BESIDES 256 /* pages more than fit */
#define PAGES 768 /* for a device that is not filled */

/* How the pages of the area lie now. */
struct lie {
	struct pagemap_count count;
	uint64_t *entries;
};

static bool look(struct area *a, struct lie *lie)
{
	int err = pagemap_read(a->dev->pagemap, a->start, a->pages, lie->entries);

	if (!err)
		err = pagemap_count(a->dev->pagemap, a->start, a->pages * page_size(), &lie->count);
	if (err)
		devmem_missing(a->dev, EVIDENCE_PATH, "%s: the page table cannot be read: %s",
			       a->name, strerror(-err));
	else if (lie->count.none)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: %zu pages are gone", a->name,
			      lie->count.none);
	return !err;
}

/* The device has what is away, and no more; it is checked run by run, as it lies. */
static void check_away(struct area *a, const struct lie *lie)
{
	for (size_t i = 0, end; i < a->pages; i = end + 1) {
		for (end = i; end < a->pages && lie->entries[end] & PAGEMAP_SWAP;)
			end++;
		if (end > i && !area_check_device(a, i, end - i, "in a device that is full"))
			return;
	}
}

/* One call: what it reports is what the page table shows. How many pages are in the device after it. */
static size_t fill_device(struct area *a, struct lie *lie)
{
	struct p2pcert_devpriv_range range = {
		.addr = (uintptr_t)a->start,
		.length = a->pages * page_size(),
	};
	size_t before;
	int err;

	if (!look(a, lie))
		return 0;
	before = lie->count.swap;
	err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_TO_DEVICE, &range);
	if (!err)
		err = range.result;
	if (err)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: a device that is full fails: %s", a->name,
			      errno_text(err));
	if (!look(a, lie))
		return 0;
	if (lie->count.swap - before != range.pages)
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "%s: %" PRIu64 " pages migrated, and %zu more are away", a->name,
			      (uint64_t)range.pages, lie->count.swap - before);
	if (!lie->count.swap || !lie->count.present)
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "%s: %zu pages are away and %zu in memory: the device was not full",
			      a->name, lie->count.swap, lie->count.present);
	check_away(a, lie);
	return lie->count.swap;
}

/* The device wants about half of its pages back. */
static void evict_half(struct area *a, struct lie *lie, size_t away)
{
	struct p2pcert_devpriv_evict e = { .pages = away / 2 };
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_EVICT, &e);

	if (err || !e.evicted)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: the device gets no page free: %s",
			      a->name, strerror(-err));
	if (!look(a, lie))
		return;
	if (lie->count.swap + e.evicted != away)
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "%s: of %zu pages %" PRIu64 " were evicted, and %zu are away",
			      a->name, away, (uint64_t)e.evicted, lie->count.swap);
	else
		devmem_prove(a->dev, EVIDENCE_PATH, "%s: of %zu pages %" PRIu64 " were evicted",
			     a->name, away, (uint64_t)e.evicted);
	check_away(a, lie);
}

static void squeeze(struct area *a)
{
	autofree uint64_t *entries = xcalloc(a->pages, sizeof(*entries));
	struct lie lie = { .entries = entries };
	size_t away;

	area_fill(a, 0, a->pages);
	away = fill_device(a, &lie);
	if (away)
		evict_half(a, &lie, away);
	if (away)
		(void)fill_device(a, &lie);
	if (area_to_ram(a, 0, a->pages) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: what is away cannot be brought back",
			      a->name);
	area_check(a, 0, a->pages, "after the device was full");
}

static bool run_squeeze(struct devmem *dev, enum area_kind kind, size_t pages)
{
	struct area *a = area_new(dev, kind, pages, kind == AREA_HUGE ? "huge" : "pages");

	if (!a)
		return false;
	squeeze(a);
	area_end(a);
	return true;
}

/* --- a huge hole ------------------------------------------------------------------------------ */

/*
 * What a driver may do and 7.2 and 7.3 oops at: so it is done by a process of its own, and only if --inject
 * asks for it. They take for granted that a driver fills a huge hole whole (migrate_vma_insert_page()),
 * and that a huge page which it takes in small ones has been mapped but once
 * (migrate_vma_split_unmapped_folio()): here the child and its parent both have it.
 */
static const struct danger {
	const char *inject;
	struct p2pcert_faults faults;
	bool filled;
	const char *code, *does; /* the finding */
} dangers[] = {
	{ "part-of-hole",
	  { .mask = P2PCERT_FAULT_PART_OF_HOLE },
	  false,
	  "HMM-HUGE-HOLE-OOPS",
	  "a huge page that was never touched, of which the device takes the first page alone" },
	{ "split-shared",
	  { .mask = P2PCERT_FAULT_NO_DEVICE_MEMORY, .times = 1 },
	  true,
	  "HMM-SPLIT-SHARED-HUGE",
	  "a huge page that its parent has mapped, too, and that the device takes in small pages" },
};

static void migrate_in_child(struct area *a, const struct danger *d)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	const int tries = 250;
	int status = -1;
	pid_t pid = fork(), ended = 0;

	if (pid == 0)
		_exit(area_to_device(a, 0, a->pages) < 0);
	for (int i = 0; i < tries && pid > 0 && !ended; i++) {
		nanosleep(&moment, NULL);
		ended = waitpid(pid, &status, WNOHANG);
	}
	if (pid < 0) {
		devmem_missing(a->dev, EVIDENCE_DATA, "no child: %s", strerror(errno));
	} else if (ended == pid && status == 0) {
		devmem_prove(a->dev, EVIDENCE_DATA, "a process migrates %s", d->does);
		area_check(a, 0, a->pages, "migrated by a child");
	} else {
		devmem_refute(a->dev, EVIDENCE_DATA, "who migrates %s %s", d->does,
			      ended == pid ? "dies" : "does not come back");
		scn_finding(a->dev->ctx, d->code, NULL, 0, "%s: a process that migrates %s, %s",
			    a->dev->name, d->does, ended == pid ? "dies" : "does not come back");
	}
}

/* Nothing was ever there: it is in the device, or still nowhere, and zero. */
static void fill_hole(struct area *a)
{
	struct pagemap_count c = { 0 };
	long moved = area_to_device(a, 0, a->pages);
	int err = pagemap_count(a->dev->pagemap, a->start, a->pages * page_size(), &c);

	if (err || moved < 0 || (size_t)moved != c.swap || c.present)
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "%s: %ld pages migrated; %zu are away, %zu in memory", a->name, moved,
			      c.swap, c.present);
	area_check(a, 0, a->pages, "never written");
}

static struct area *new_hole(struct devmem *dev)
{
	return area_new(dev, AREA_HUGE, HUGE_BYTES / page_size(), "a huge hole");
}

static bool run_danger(struct devmem *dev, const struct danger *d)
{
	struct area *a = new_hole(dev);
	bool ok = a && devmem_set_faults(dev, d->faults);

	if (ok && d->filled)
		area_fill(a, 0, a->pages);
	if (ok)
		migrate_in_child(a, d);
	area_end(a);
	return ok;
}

/* The last that is done with the file: who does not come back keeps its locks. */
static bool run_hole(struct devmem *dev)
{
	const struct p2pcert_faults refuse = {
		.mask = P2PCERT_FAULT_NO_DEVICE_MEMORY,
		.every = 2,
	};
	struct area *a = new_hole(dev);
	bool ok = a && devmem_set_faults(dev, refuse);

	if (ok)
		fill_hole(a);
	area_end(a);
	for (size_t i = 0; i < ARRAY_LEN(dangers) && ok; i++)
		if (scn_injected(dev->ctx, dangers[i].inject))
			ok = run_danger(dev, &dangers[i]);
	return ok;
}

static bool body_pressure(struct devmem *dev)
{
	bool small = dev->pages <= LARGEST_FILLED / page_size();
	size_t huge = HUGE_BYTES / page_size();
	size_t pages = small ? dev->pages + BESIDES : PAGES;
	size_t huge_pages = small ? (dev->pages / huge + 1) * huge : 3 * huge;
	struct p2pcert_faults refuse = {
		.mask = small ? 0 : P2PCERT_FAULT_NO_DEVICE_MEMORY,
		.every = 3,
	};

	return devmem_set_faults(dev, refuse) && run_squeeze(dev, AREA_PRIVATE, pages) &&
	       run_squeeze(dev, AREA_HUGE, huge_pages) && run_hole(dev);
}

DEVMEM_SCENARIO(pressure, "pressure",
		"what a full device cannot take stays in memory, and what it gives up comes back",
		30, "part-of-hole", "split-shared");
