/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: memory that the kernel itself uses. Whatever takes hold of a page that is in
 * the device brings it back first, and as long as it is held it does not go out again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devfile.h"
#include "scenario/devmem.h"
#include "scenario/devpin.h"

#define HUGE_BYTES (2u << 20)
#define PAGES 16
#define HELD 4 /* pages, in the middle */

/* --- held, and let go of ---------------------------------------------------------------------- */

/* Of a huge page that is held in part the rest may go or stay, but what is held must not. */
static void expect_held(struct area *a, size_t first, const struct devpin_kind *kind)
{
	long moved = area_to_device(a, 0, a->pages);

	if (moved < 0 || moved > (long)(a->pages - HELD))
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: migration says %ld while %d pages are %s",
			      a->name, moved, HELD, kind->name);
	area_look(a, first, HELD, AREA_IN_RAM, "while they are held");
	area_check(a, first, HELD, "while they are held");
}

static void expect_free(struct area *a)
{
	area_check(a, 0, a->pages, "let go of");
	area_fill(a, 0, a->pages);
	if (area_send(a, 0, a->pages))
		area_check_device(a, 0, a->pages, "let go of");
	area_check(a, 0, a->pages, "at the end");
}

/* False if the kernel does not hold pages in this way, which says nothing of the device. */
static bool hold(struct area *a, const struct devpin_kind *kind)
{
	size_t first = (a->pages - HELD) / 2;
	struct devpin pin;
	int err;

	area_fill(a, 0, a->pages);
	if (!area_send(a, 0, a->pages))
		return true;
	area_write_device(a, 0, a->pages);
	err = kind->take(&pin, area_page(a, first), HELD * page_size());
	if (err)
		return false;
	area_look(a, first, HELD, AREA_IN_RAM, "as soon as they are held");
	expect_held(a, first, kind);
	devpin_release(&pin);
	expect_free(a);
	return true;
}

/* All ways of holding on an area of one kind; adds how many there were. */
static bool hold_each(struct devmem *dev, enum area_kind kind, size_t *ways)
{
	size_t pages = kind == AREA_HUGE ? HUGE_BYTES / page_size() : PAGES;

	for (size_t i = 0; i < devpin_kinds_len; i++) {
		autofree char *name =
			xasprintf("%s%s", kind == AREA_HUGE ? "huge, " : "", devpin_kinds[i].name);
		struct area *a = area_new(dev, kind, pages, name);

		if (!a)
			return false;
		*ways += hold(a, &devpin_kinds[i]);
		area_end(a);
	}
	return true;
}

/* --- used for a moment ------------------------------------------------------------------------ */

/* Each begins with the area in the device and new data there, and has it looked at. */
struct use {
	const char *name;
	void (*run)(struct area *a);
};

static int open_file(struct area *a)
{
	int fd = devfile_open(true);

	if (fd < 0)
		devmem_missing(a->dev, EVIDENCE_DATA, "no folder for a file: %s", strerror(-fd));
	return fd;
}

/* Past the page cache where the file system can, which then takes the pages themselves. */
static void set_direct(int fd, bool direct)
{
	(void)fcntl(fd, F_SETFL, direct ? O_DIRECT : 0);
}

static void write_out(struct area *a)
{
	size_t len = a->pages * page_size();
	autofree unsigned char *buffer = xcalloc(1, len);
	autoclose int fd = open_file(a);

	if (fd < 0)
		return;
	set_direct(fd, true);
	if (pwrite(fd, a->start, len, 0) != (ssize_t)len)
		devmem_refute(a->dev, EVIDENCE_DATA, "%s: the file takes it not whole: %s", a->name,
			      strerror(errno));
	set_direct(fd, false);
	if (devfile_read(a->dev->ctx, fd, buffer, len))
		area_check_copy(a, buffer, 0, a->pages, "in the file");
	area_look(a, 0, a->pages, AREA_IN_RAM, "after they were written to a file");
}

static void read_in(struct area *a)
{
	size_t len = a->pages * page_size();
	uint64_t seed = area_seed(a);
	autoclose int fd = open_file(a);

	if (fd < 0 || !devfile_fill(a->dev->ctx, fd, len, seed))
		return;
	set_direct(fd, true);
	if (pread(fd, a->start, len, 0) != (ssize_t)len)
		devmem_refute(a->dev, EVIDENCE_DATA, "%s: the file comes not whole: %s", a->name,
			      strerror(errno));
	area_expect(a, 0, a->pages, seed);
	area_look(a, 0, a->pages, AREA_IN_RAM, "after they were read from a file");
}

static void read_as_debugger(struct area *a)
{
	size_t len = a->pages * page_size();
	autofree unsigned char *buffer = xcalloc(1, len);
	struct iovec to = { .iov_base = buffer, .iov_len = len };
	struct iovec from = { .iov_base = a->start, .iov_len = len };

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)len)
		devmem_refute(a->dev, EVIDENCE_DATA, "%s: not all is read: %s", a->name,
			      strerror(errno));
	else
		area_check_copy(a, buffer, 0, a->pages, "as another process reads them");
	area_look(a, 0, a->pages, AREA_IN_RAM, "after they were read");
}

/* mlock(2) makes pages present; it does not keep them from going to the device. */
static void lock(struct area *a)
{
	if (mlock(a->start, a->pages * page_size()) < 0) {
		devmem_refute(a->dev, EVIDENCE_PATH, "mlock() fails: %s", strerror(errno));
		return;
	}
	area_look(a, 0, a->pages, AREA_IN_RAM, "after mlock()");
	area_check(a, 0, a->pages, "after mlock()");
	if (area_send(a, 0, a->pages))
		area_check_device(a, 0, a->pages, "locked");
}

/* Moving a page begins with every CPU emptying its batches, even if the page is where it goes to. */
static void empty_batches(struct area *a)
{
	void *page = area_page(a, 0);
	int node = 0, status;

	(void)syscall(SYS_move_pages, 0, 1ul, &page, &node, &status, MPOL_MF_MOVE);
}

static uint64_t in_use(struct area *a)
{
	struct p2pcert_devpriv_counters since;

	return devmem_counted(a->dev, &since) ? since.pages_in_use : 0;
}

/*
 * What nobody has mapped any more is given back at once: a device waits for its memory, where the
 * kernel may let ordinary memory wait until the CPU has a batch of what was locked.
 */
static void unmap_locked(struct area *a)
{
	uint64_t before, kept;

	if (mlock(a->start, a->pages * page_size()) < 0) {
		devmem_refute(a->dev, EVIDENCE_PATH, "mlock() fails: %s", strerror(errno));
		return;
	}
	before = in_use(a);
	if (!area_send(a, 0, a->pages) ||
	    !area_map(a, 0, a->pages, MAP_PRIVATE | MAP_ANONYMOUS, -1))
		return;
	kept = in_use(a) - before;
	area_expect(a, 0, a->pages, 0);
	if (!kept)
		return;
	empty_batches(a);
	if (in_use(a) == before)
		scn_finding(a->dev->ctx, "DEVICE-MEMORY-IN-MUNLOCK-BATCH", NULL, 0,
			    "%s: of %zu locked pages that were unmapped in the device, %" PRIu64
			    " are given back only when the CPU's batch is emptied",
			    a->dev->name, a->pages, kept);
}

/* Pages that the kernel counts as locked, all of them; false if it does not say. */
static bool count_locked(uint64_t *pages)
{
	unsigned long kib;
	char line[128];
	FILE *f = fopen("/proc/sys/vm/stat_refresh", "re");
	bool found = false;

	/* reading has each CPU add what it has counted for itself */
	if (f) {
		(void)fgets(line, sizeof(line), f);
		fclose(f);
	}
	f = fopen("/proc/meminfo", "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Mlocked: %lu kB", &kib) == 1;
	if (f)
		fclose(f);
	*pages = found ? kib * 1024 / page_size() : 0;
	return found;
}

/* What is locked no more does not count as locked, wherever it was when that ended. */
static void unlock(struct area *a)
{
	size_t len = a->pages * page_size();
	uint64_t before, after;

	empty_batches(a);
	if (!count_locked(&before))
		return;
	if (mlock(a->start, len) < 0 || !area_send(a, 0, a->pages) || munlock(a->start, len) < 0)
		return;
	area_check(a, 0, a->pages, "after munlock()");
	empty_batches(a);
	if (count_locked(&after) && after - before == a->pages)
		scn_finding(a->dev->ctx, "DEVICE-MEMORY-COUNTED-AS-LOCKED", NULL, 0,
			    "%s: %zu pages that were unlocked in the device, and came back, still "
			    "count as locked in '/proc/meminfo'",
			    a->dev->name, a->pages);
}

static const struct use uses[] = {
	{ "written to a file", write_out },
	{ "read from a file", read_in },
	{ "read by process_vm_readv()", read_as_debugger },
	{ "locked", lock },
	{ "locked, and unmapped", unmap_locked },
	{ "locked, and unlocked", unlock },
};

static bool use_each(struct devmem *dev)
{
	for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
		struct area *a = area_new(dev, AREA_PRIVATE, PAGES, uses[i].name);

		if (!a)
			return false;
		area_fill(a, 0, PAGES);
		if (area_send(a, 0, PAGES) && area_write_device(a, 0, PAGES))
			uses[i].run(a);
		area_check(a, 0, PAGES, "at the end");
		area_end(a);
	}
	return true;
}

static bool body_pin(struct devmem *dev)
{
	size_t ways = 0;

	if (!hold_each(dev, AREA_PRIVATE, &ways) || !hold_each(dev, AREA_HUGE, &ways))
		return false;
	if (!ways)
		devmem_missing(dev, EVIDENCE_PATH, "this kernel lets nothing hold pages");
	return use_each(dev);
}

DEVMEM_SCENARIO(pin, "pin", "what the kernel takes hold of comes back, and stays while it is held",
		20);
