/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: the device looks at a process's memory through its own page table. What the
 * kernel says of each page must be true, what it takes back must not be used any more, and what the
 * device has alone nobody else may touch.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/devmem.h"

#define HUGE_BYTES (2u << 20)

#define WORKAROUND "hmm-huge-offset"

/* --- snapshot --------------------------------------------------------------------------------- */

/* What a page is made to be, and what a snapshot must say of it; bits not in mask may be either. */
struct state_case {
	const char *name;
	uint64_t mask, state;
};

enum {
	PAGE_UNTOUCHED,
	PAGE_ZERO_READ,
	PAGE_WRITTEN,
	PAGE_READ_ONLY,
	PAGE_IN_DEVICE,
	PAGE_IN_OTHER,
	PAGE_UNMAPPED,
	NR_PAGE_STATES,
};

#define FLAGS ((1ull << P2PCERT_PAGE_NUMBER_SHIFT) - 1)
static const struct state_case states[NR_PAGE_STATES] = {
	[PAGE_UNTOUCHED] = { "never touched", FLAGS, 0 },
	[PAGE_ZERO_READ] = { "the zero page", FLAGS, P2PCERT_PAGE_VALID | P2PCERT_PAGE_ZERO },
	[PAGE_WRITTEN] = { "written", FLAGS, P2PCERT_PAGE_VALID | P2PCERT_PAGE_WRITE },
	[PAGE_READ_ONLY] = { "read-only", FLAGS, P2PCERT_PAGE_VALID },
	[PAGE_IN_DEVICE] = { "in the device", FLAGS,
			     P2PCERT_PAGE_VALID | P2PCERT_PAGE_WRITE | P2PCERT_PAGE_DEVICE },
	[PAGE_IN_OTHER] = { "in another device", FLAGS, 0 },
	[PAGE_UNMAPPED] = { "not mapped", FLAGS, P2PCERT_PAGE_ERROR },
};

/* Page i is what states[i] says. */
static bool make_states(struct area *a, struct devmem *other)
{
	struct area on_other = *a;

	(void)*(volatile unsigned char *)area_page(a, PAGE_ZERO_READ);
	area_fill(a, PAGE_WRITTEN, 1);
	area_fill(a, PAGE_READ_ONLY, 1);
	area_fill(a, PAGE_IN_DEVICE, 1);
	area_fill(a, PAGE_IN_OTHER, 1);
	on_other.dev = other;
	return mprotect(area_page(a, PAGE_READ_ONLY), page_size(), PROT_READ) == 0 &&
	       munmap(area_page(a, PAGE_UNMAPPED), page_size()) == 0 &&
	       area_to_device(a, PAGE_IN_DEVICE, 1) == 1 &&
	       area_to_device(&on_other, PAGE_IN_OTHER, 1) == 1;
}

static void check_states(struct area *a)
{
	uint64_t seen[NR_PAGE_STATES];
	int err;

	/* the snapshot ends at the first page that is not mapped, so that one is looked at alone */
	err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, 0, PAGE_UNMAPPED, seen);
	if (err)
		devmem_refute(a->dev, EVIDENCE_DATA, "the snapshot fails: %s", errno_text(err));
	for (size_t i = 0; !err && i < PAGE_UNMAPPED; i++)
		if ((seen[i] & states[i].mask) != states[i].state)
			devmem_refute(a->dev, EVIDENCE_DATA,
				      "a page that is %s: the snapshot says 0x%" PRIx64
				      ", and it should be 0x%" PRIx64,
				      states[i].name, seen[i], states[i].state);
	err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, PAGE_UNMAPPED, 1, seen);
	if (err != -EFAULT && (err || seen[0] != states[PAGE_UNMAPPED].state))
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "a page that is not mapped: the snapshot says 0x%" PRIx64 " (%s)",
			      seen[0], err ? errno_text(err) : "no error");
	if (!a->dev->refuted)
		devmem_prove(a->dev, EVIDENCE_DATA, "the snapshot is right in %d states",
			     NR_PAGE_STATES);
	area_look(a, PAGE_IN_DEVICE, 2, AREA_AWAY, "after the snapshot");
}

static bool snapshot_states(struct devmem *dev)
{
	struct devmem *other = devmem_open_ram(dev->ctx, 1);
	struct area *a = other ? area_new(dev, AREA_PRIVATE, NR_PAGE_STATES, "states") : NULL;
	bool ok = a && area_mirror(a);

	if (ok && make_states(a, other))
		check_states(a);
	else if (ok)
		devmem_refute(dev, EVIDENCE_PATH, "pages cannot be brought into their states");
	area_end(a);
	devmem_unmirror(dev);
	devmem_close(other);
	return ok;
}

/*
 * The device's pages behind a huge page lie in a row, so a snapshot that starts anywhere in it must
 * show the numbers that one from its beginning shows.
 */
static void snapshot_inside(struct area *a, const uint64_t *whole, size_t first)
{
	const size_t nr = 8;
	uint64_t part[8];
	int err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, first, nr, part);

	if (err) {
		devmem_refute(a->dev, EVIDENCE_DATA, "the snapshot fails: %s", errno_text(err));
		return;
	}
	if (memcmp(part, whole + first, sizeof(part)) == 0) {
		devmem_prove(a->dev, EVIDENCE_DATA,
			     "a snapshot from page %zu of a huge page on shows the right pages",
			     first);
		return;
	}
	devmem_refute(a->dev, EVIDENCE_DATA,
		      "a snapshot from page %zu of a huge page on shows device page %" PRIu64
		      ", and it is page %" PRIu64,
		      first, part[0] >> P2PCERT_PAGE_NUMBER_SHIFT,
		      whole[first] >> P2PCERT_PAGE_NUMBER_SHIFT);
	scn_finding(
		a->dev->ctx, "HMM-WRONG-DEVICE-PAGE", NULL, 0,
		"%s: hmm_range_fault() from page %zu of a huge page on gives device page %" PRIu64
		" instead of %" PRIu64,
		a->dev->name, first, part[0] >> P2PCERT_PAGE_NUMBER_SHIFT,
		whole[first] >> P2PCERT_PAGE_NUMBER_SHIFT);
}

/* With the workaround none is huge: it advises MADV_NOHUGEPAGE. */
static bool snapshot_huge(struct devmem *dev)
{
	bool small = scn_works_around(dev->ctx, WORKAROUND);
	size_t pages = HUGE_BYTES / page_size();
	struct area *a = area_new(dev, small ? AREA_PRIVATE : AREA_HUGE, pages,
				  small ? "as large as a huge page" : "huge page");
	autofree uint64_t *whole = xcalloc(pages, sizeof(*whole));
	bool ok = a && area_mirror(a);

	if (ok) {
		area_fill(a, 0, pages);
		if (area_send(a, 0, pages) &&
		    area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, 0, pages, whole) == 0) {
			snapshot_inside(a, whole, 0);
			snapshot_inside(a, whole, pages / 2);
			snapshot_inside(a, whole, pages - 8);
		}
		area_check(a, 0, pages, "after the snapshots");
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

static bool body_snapshot(struct devmem *dev)
{
	return snapshot_states(dev) && snapshot_huge(dev);
}

/* --- mirror ----------------------------------------------------------------------------------- */

#define MIRROR_PAGES 64

/* What changes the memory, each time after the device has found all of it. */
static void by_cpu(struct area *a)
{
	area_fill(a, 0, a->pages / 2);
}

static void by_dontneed(struct area *a)
{
	(void)madvise(a->start, a->pages / 4 * page_size(), MADV_DONTNEED);
	area_expect(a, 0, a->pages / 4, 0);
}

static void by_new_mapping(struct area *a)
{
	(void)mmap(a->start, a->pages / 4 * page_size(), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	area_expect(a, 0, a->pages / 4, 0);
}

static void by_migration(struct area *a)
{
	(void)area_send(a, 0, a->pages / 2);
}

static void by_return(struct area *a)
{
	area_check(a, 0, a->pages, "when the CPU reads it back");
}

static const struct {
	const char *name;
	void (*change)(struct area *a);
	bool invalidates;
} changes[] = {
	{ "after the CPU wrote", by_cpu, false },
	{ "after migration to the device", by_migration, true },
	{ "after the CPU brought it back", by_return, true },
	{ "after MADV_DONTNEED", by_dontneed, true },
	{ "after another mapping took its place", by_new_mapping, true },
};

static bool mirror_counters(struct devmem *dev, struct p2pcert_devpriv_mirror_counters *c)
{
	return modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_MIRROR_COUNTERS, c) == 0;
}

static void mirror_change(struct area *a, size_t i)
{
	struct p2pcert_devpriv_mirror_counters before = { 0 }, after = { 0 };

	if (!mirror_counters(a->dev, &before))
		return;
	changes[i].change(a);
	if (!mirror_counters(a->dev, &after))
		return;
	if (changes[i].invalidates && after.entries_invalidated == before.entries_invalidated)
		devmem_refute(a->dev, EVIDENCE_COUNTERS, "%s no entry was invalidated",
			      changes[i].name);
	area_check_mirror(a, 0, a->pages, changes[i].name);
	area_write_mirror(a, a->pages / 4, a->pages / 2);
}

static void refuse_write(struct area *a, const char *when)
{
	autofree unsigned char *buffer = xcalloc(a->pages, page_size());
	int err = area_access(a, P2PCERT_IOC_DEVPRIV_MIRROR_WRITE, 0, a->pages, buffer);

	if (err != -EPERM)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "the device's write to read-only memory %s gives %s, not EPERM", when,
			      err ? errno_text(err) : "no error");
}

/* What may only be read the device may not write, whatever it was allowed before. */
static void mirror_read_only(struct area *a)
{
	size_t len = a->pages * page_size();

	area_write_mirror(a, 0, a->pages);
	if (mprotect(a->start, len, PROT_READ) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() fails: %s", strerror(errno));
	refuse_write(a, "that it has just written");
	area_check_mirror(a, 0, a->pages, "read-only");
	refuse_write(a, "that it has just read");
	if (mprotect(a->start, len, PROT_READ | PROT_WRITE) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() back fails: %s", strerror(errno));
	area_check_mirror(a, 0, a->pages, "when it may be written again");
}

/* After fork() the device writes for the parent alone: the child keeps what there was. */
static void mirror_after_fork(struct area *a)
{
	int written[2];
	pid_t pid;
	char byte;

	area_write_mirror(a, 0, a->pages);
	if (pipe2(written, O_CLOEXEC) < 0) {
		scn_error(a->dev->ctx, ERROR_SETUP, "no pipe: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (pid == 0) {
		close(written[1]);
		_exit(read(written[0], &byte, 1) != 0 ||
		      !area_check(a, 0, a->pages, "in the child, after the device wrote"));
	}
	close(written[0]);
	area_check_mirror(a, 0, a->pages, "after fork()");
	area_write_mirror(a, 0, a->pages);
	close(written[1]);
	if (devmem_child_right(a->dev, pid, "the device's writes after fork()"))
		area_check(a, 0, a->pages, "in the parent, for which the device wrote");
}

static bool body_mirror(struct devmem *dev)
{
	struct area *a = area_new(dev, AREA_PRIVATE, MIRROR_PAGES, "mirror");
	bool ok = a && area_mirror(a);

	if (ok) {
		area_fill(a, 0, a->pages);
		area_check_mirror(a, 0, a->pages, "as the CPU wrote it");
		for (size_t i = 0; i < ARRAY_LEN(changes) && !dev->refuted; i++)
			mirror_change(a, i);
		if (!dev->refuted)
			mirror_read_only(a);
		if (!dev->refuted)
			mirror_after_fork(a);
		area_check(a, 0, a->pages, "at the end, by the CPU");
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

/* --- exclusive -------------------------------------------------------------------------------- */

#define ADD_TIMES 1000

static int device_adds(struct area *a, size_t page, uint64_t add, uint64_t *done)
{
	struct p2pcert_devpriv_add x = {
		.addr = (uintptr_t)area_page(a, page),
		.add = add,
		.times = ADD_TIMES,
	};
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_ADD, &x);

	*done = x.done;
	return err ? err : x.result;
}

static int take_exclusive(struct area *a, size_t first, size_t nr, uint64_t *pages)
{
	struct p2pcert_devpriv_range r = {
		.addr = (uintptr_t)area_page(a, first),
		.length = nr * page_size(),
	};
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_EXCLUSIVE, &r);

	*pages = r.pages;
	return err ? err : r.result;
}

/* While the device has the page alone its sums count; once the CPU has touched it they are refused. */
static void exclusive_page(struct area *a, size_t page)
{
	volatile uint64_t *word = (volatile uint64_t *)area_page(a, page);
	uint64_t done = 0, sum = 3;
	int err;

	err = device_adds(a, page, sum, &done);
	if (err || done != ADD_TIMES)
		devmem_refute(a->dev, EVIDENCE_DATA, "the device adds %" PRIu64 " of %d times: %s",
			      done, ADD_TIMES, errno_text(err));
	area_look(a, page, 1, AREA_AWAY, "while the device has it alone");
	if (*word != 1000 + sum * ADD_TIMES)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "the CPU finds %" PRIu64 " where the device has made it %" PRIu64,
			      *word, (uint64_t)1000 + sum * ADD_TIMES);
	err = device_adds(a, page, sum, &done);
	if (err != -EAGAIN || done)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "the device still adds after the CPU has touched the page (%s)",
			      err ? errno_text(err) : "no error");
}

static bool body_exclusive(struct devmem *dev)
{
	const size_t pages = 4;
	struct area *a = area_new(dev, AREA_PRIVATE, pages, "exclusive");
	uint64_t taken = 0;
	bool ok = a && area_mirror(a);
	int err = 0;

	if (ok) {
		for (size_t i = 0; i < pages; i++)
			*(volatile uint64_t *)area_page(a, i) = 1000;
		err = take_exclusive(a, 0, pages, &taken);
	}
	if (ok && err == -EOPNOTSUPP) {
		devmem_skip(dev, SKIP_KERNEL_VERSION,
			    "make_device_exclusive() is not what the module knows");
		ok = false;
	} else if (ok && (err || taken != pages)) {
		devmem_refute(dev, EVIDENCE_PATH, "%" PRIu64 " of %zu pages are exclusive (%s)",
			      taken, pages, err ? errno_text(err) : "no error");
	} else if (ok) {
		for (size_t i = 0; i + 1 < pages; i++)
			exclusive_page(a, i);
		/* the last is written to, not read */
		area_fill(a, pages - 1, 1);
		area_check(a, pages - 1, 1, "written while the device had it alone");
		if (!dev->refuted)
			devmem_prove(
				dev, EVIDENCE_DATA,
				"%d sums on each of %zu pages, none lost, none after revocation",
				ADD_TIMES, pages - 1);
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

/* --- records ---------------------------------------------------------------------------------- */

static enum outcome run_snapshot(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_snapshot);
}

static enum outcome run_mirror(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_mirror);
}

static enum outcome run_exclusive(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_exclusive);
}

const struct scenario scenario_devpriv_exclusive = {
	.id = "devpriv.exclusive",
	.title = "what the device has alone nobody else touches, and it ends when the CPU does",
	.NEEDS(DEVMEM_NEEDS),
	.evidence = EV(DATA) | EV(PATH) | EV(LEAK),
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 10,
	.FAULTS(MODFD_FAULTS_ENTER),
	.run = run_exclusive,
};

const struct scenario scenario_devpriv_snapshot = {
	.id = "devpriv.snapshot",
	.title = "the kernel tells the device truly where each page is, and not of other devices' "
		 "pages",
	.NEEDS(DEVMEM_NEEDS),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 10,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.WORKAROUNDS(WORKAROUND),
	.run = run_snapshot,
};

const struct scenario scenario_devpriv_mirror = {
	.id = "devpriv.mirror",
	.title = "the device's page table never shows what the address space no longer has",
	.NEEDS(DEVMEM_NEEDS),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 10,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_mirror,
};
