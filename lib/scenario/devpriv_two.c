/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: two devices and one memory. What is in one of them the other neither sees nor
 * takes; it gets it through memory, when it asks for it as the CPU would, by a fault.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/devmem.h"

#define HUGE_BYTES (2u << 20)
#define PAGES 32
/* The other device draws its patterns from here on, so that they are not the first one's. */
#define OTHER_PATTERNS (1ull << 32)

/* The other device says nothing of it, has nothing of it, and cannot take it. */
static void expect_foreign(struct area *a, size_t first, size_t nr)
{
	autofree unsigned char *buffer = xcalloc(nr, page_size());
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)area_page(a, first),
		.length = nr * page_size(),
		.buffer = (uintptr_t)buffer,
	};
	autofree uint64_t *seen = xcalloc(nr, sizeof(*seen));
	size_t told = 0, errors = 0;
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_READ, &x);

	if (err || x.result || x.pages)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "%s: reads %" PRIu64 " pages of another device (%s)", a->name,
			      (uint64_t)x.pages, errno_text(err ? err : x.result));
	err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, first, nr, seen);
	for (size_t i = 0; i < nr; i++) {
		told += seen[i] && seen[i] != P2PCERT_PAGE_ERROR;
		errors += seen[i] == P2PCERT_PAGE_ERROR;
	}
	if (err || told)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "%s: a snapshot tells of %zu pages of another device (%s)", a->name,
			      told, err ? errno_text(err) : "no error");
	if (errors)
		scn_finding(
			a->dev->ctx, "HMM-FOREIGN-HUGE-ERROR", NULL, 0,
			"%s: hmm_range_fault() without faulting says of %zu pages of a huge page "
			"in another device that they cannot be accessed",
			a->dev->name, errors);
}

static void expect_not_taken(struct area *a, size_t first, size_t nr)
{
	long to = area_to_device(a, first, nr), from = area_to_ram(a, first, nr);

	if (to || from)
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "%s: of another device's pages %ld were taken and %ld brought back",
			      a->name, to, from);
	area_look(a, first, nr, AREA_AWAY, "after another device asked for them");
}

/* What one device has written gets to the other by its fault, and then into it. */
static void hand_over(struct area *from, struct area *to)
{
	size_t nr = from->pages;

	if (!area_send(from, 0, nr) || !area_write_device(from, 0, nr))
		return;
	expect_foreign(to, 0, nr);
	expect_not_taken(to, 0, nr);
	area_check_device(from, 0, nr, "after another device asked for them");
	area_check_mirror(to, 0, nr, "faulted in from another device");
	area_look(to, 0, nr, AREA_IN_RAM, "faulted in by another device");
	area_write_mirror(to, 0, nr / 2);
	if (area_send(to, 0, nr))
		area_check_device(to, 0, nr, "handed over");
	area_check(to, 0, nr, "handed over, by the CPU");
}

/* Both have a part, and the CPU finds all of it. */
static void share(struct area *one, struct area *two)
{
	size_t half = one->pages / 2;

	area_fill(one, 0, one->pages);
	if (!area_send(one, 0, half) || !area_send(two, half, half))
		return;
	expect_foreign(two, 0, half);
	expect_foreign(one, half, half);
	area_write_device(one, 0, half);
	area_write_device(two, half, half);
	area_check(one, 0, one->pages, "half of it in either device");
}

static void judge_other(struct devmem *dev, struct devmem *other)
{
	struct p2pcert_devpriv_counters since = { 0 };

	if (devmem_counted(other, &since) && since.pages_in_use)
		devmem_refute(dev, EVIDENCE_LEAK, "%" PRIu64 " pages are still in '%s'",
			      (uint64_t)since.pages_in_use, other->name);
	if (other->refuted)
		dev->refuted = true;
}

static bool run_pair(struct devmem *dev, struct devmem *other, enum area_kind kind)
{
	size_t pages = kind == AREA_HUGE ? HUGE_BYTES / page_size() : PAGES;
	struct area *one = area_new(dev, kind, pages, kind == AREA_HUGE ? "huge" : "pages");
	struct area two;
	bool ok;

	if (!one)
		return false;
	two = *one;
	two.dev = other;
	ok = area_mirror(one) && area_mirror(&two);
	if (ok) {
		area_fill(one, 0, pages);
		hand_over(one, &two);
		hand_over(&two, one);
		share(one, &two);
	}
	area_end(one);
	devmem_unmirror(other);
	devmem_unmirror(dev);
	return ok;
}

static bool body_two_devices(struct devmem *dev)
{
	struct devmem *other = devmem_open_ram(dev->ctx, 1);
	bool ok;

	if (!other)
		return false;
	other->patterns = OTHER_PATTERNS;
	ok = run_pair(dev, other, AREA_PRIVATE) && run_pair(dev, other, AREA_HUGE);
	judge_other(dev, other);
	devmem_close(other);
	return ok;
}

DEVMEM_SCENARIO(two_devices, "two-devices",
		"what is in one device another one neither sees nor takes, and gets through memory",
		20);
