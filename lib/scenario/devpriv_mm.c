/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: what else the kernel does with memory, while some of it is in the device:
 * swapping, compaction. What the administrator has not turned on is not turned on here.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/devmem.h"
#include "scenario/memstat.h"

#define PAGES 64
#define HALF (PAGES / 2)
#define TRIES 100

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static void wait_a_moment(void)
{
	const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };

	nanosleep(&moment, NULL);
}

/* --- swapping --------------------------------------------------------------------------------- */

/* How many of the pages go; the kernel writes them while we wait. */
static size_t page_out(struct area *a, size_t first, size_t nr)
{
	struct pagemap_count c = { 0 };

	for (int i = 0; i < TRIES && c.swap < nr; i++) {
		if (i)
			wait_a_moment();
		(void)madvise(area_page(a, first), nr * page_size(), MADV_PAGEOUT);
		if (pagemap_count(a->dev->pagemap, area_page(a, first), nr * page_size(), &c) < 0)
			return 0;
	}
	return c.swap;
}

/* What is swapped out stays there, and the device takes the rest. */
static void use_swapped(struct area *a, size_t swapped)
{
	long moved;

	moved = area_to_device(a, 0, PAGES);
	if (moved != (long)(PAGES - swapped))
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "%zu of %d pages are swapped out, and %ld go to the device", swapped,
			      PAGES, moved);
	area_look(a, 0, PAGES, AREA_AWAY, "swapped out or migrated");
	area_check_device(a, HALF, HALF, "beside what is swapped out");
	area_check(a, 0, PAGES, "after swap and device");
	/* the other way round: what is in the device does not go to swap */
	if (area_send(a, 0, HALF) && page_out(a, HALF, HALF))
		area_check_device(a, 0, HALF, "while the rest is swapped out");
	(void)madvise(a->start, HALF * page_size(), MADV_PAGEOUT);
	area_check_device(a, 0, HALF, "after being asked to go to swap");
	area_check(a, 0, PAGES, "after device and swap");
}

static bool body_swap(struct devmem *dev)
{
	uint64_t swap = 0;
	struct area *a;
	size_t swapped;

	if (proc_status_bytes("/proc/meminfo", "SwapFree", &swap) < 0 ||
	    swap < 2 * PAGES * page_size()) {
		devmem_skip(dev, SKIP_DEPENDENCY, "there is no free swap space");
		return false;
	}
	a = area_new(dev, AREA_PRIVATE, PAGES, "swap");
	if (!a)
		return false;
	area_fill(a, 0, PAGES);
	swapped = page_out(a, 0, HALF);
	if (swapped)
		use_swapped(a, swapped);
	else
		devmem_skip(dev, SKIP_DEPENDENCY, "the kernel swaps nothing out when asked to");
	area_end(a);
	return swapped;
}

/* --- compaction ------------------------------------------------------------------------------- */

#define COMPACT "/proc/sys/vm/compact_memory"

static bool body_compaction(struct devmem *dev)
{
	uint64_t before = memstat_told("/proc/vmstat", "compact_migrate_scanned");
	struct area *a;
	int err = 0;

	a = area_new(dev, AREA_PRIVATE, PAGES, "compaction");
	if (!a)
		return false;
	area_fill(a, 0, PAGES);
	for (int i = 0; i < 4 && !err && !dev->refuted && area_send(a, 0, HALF); i++) {
		err = fs_write_attr(AT_FDCWD, COMPACT, "1");
		area_look(a, 0, HALF, AREA_AWAY, "after compaction");
		area_look(a, HALF, HALF, AREA_IN_RAM, "after compaction");
		area_check_device(a, 0, HALF, "after compaction");
		area_check(a, 0, PAGES, "after compaction");
		area_fill(a, 0, PAGES);
	}
	area_end(a);
	if (err)
		devmem_skip(dev, SKIP_KERNEL_CONFIG, "'" COMPACT "' takes nothing: %s",
			    strerror(-err));
	else if (memstat_told("/proc/vmstat", "compact_migrate_scanned") == before)
		devmem_missing(dev, EVIDENCE_PATH, "the kernel has compacted nothing");
	return !err;
}

/* --- records ---------------------------------------------------------------------------------- */

DEVMEM_SCENARIO(swap, "swap", "swap space and device memory do not get in each other's way", 40);
DEVMEM_SCENARIO(compaction, "compaction", "compaction leaves alone what is in the device", 40);
