/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: what else the kernel does with memory, while some of it is in the device: merging
 * equal pages, swapping, compaction. What the administrator has not turned on is not turned on here.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
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

/* --- merging ---------------------------------------------------------------------------------- */

#define KSM_RUN "/sys/kernel/mm/ksm/run"
#define KSM_SCANS "/sys/kernel/mm/ksm/full_scans"
#define KSM_MINE "/proc/self/ksm_stat"

/* Another area with the same data. */
static struct area *area_copy(const struct area *a, const char *name)
{
	struct area *b = area_new(a->dev, AREA_PRIVATE, a->pages, name);

	if (!b)
		return NULL;
	memcpy(b->start, a->start, a->pages * page_size());
	for (size_t i = 0; i < a->pages; i++)
		area_expect(b, i, 1, a->seeds[i]);
	return b;
}

/* True when the kernel has merged them; false after devmem_skip(). */
static bool merge(struct area *a, struct area *b)
{
	size_t len = a->pages * page_size();
	uint64_t merged = 0;

	if (madvise(a->start, len, MADV_MERGEABLE) < 0 ||
	    madvise(b->start, len, MADV_MERGEABLE) < 0) {
		devmem_skip(a->dev, SKIP_KERNEL_CONFIG, "memory cannot be merged: %s",
			    strerror(errno));
		return false;
	}
	for (int i = 0; i < TRIES && merged < a->pages; i++) {
		wait_a_moment();
		merged = memstat_told(KSM_MINE, "ksm_merging_pages");
	}
	if (merged < a->pages) {
		devmem_skip(a->dev, SKIP_DEPENDENCY,
			    "the kernel has merged %" PRIu64 " of %zu pages in 10 seconds", merged,
			    a->pages);
		return false;
	}
	return true;
}

/* The kernel thread's process id, 0 if there is none: one that has oopsed is gone. */
static pid_t find_ksmd(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t pid = 0;

	while (proc && !pid && (entry = readdir(proc))) {
		autofree char *path = xasprintf("/proc/%s/comm", entry->d_name);
		autofree char *name = NULL;

		if (isdigit(entry->d_name[0]) && fs_read_attr(AT_FDCWD, path, &name) >= 0 &&
		    strcmp(name, "ksmd") == 0)
			pid = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	if (proc)
		closedir(proc);
	return pid;
}

static uint64_t ksm_scans(void)
{
	uint64_t scans = 0;

	return fs_read_u64(AT_FDCWD, KSM_SCANS, &scans) < 0 ? 0 : scans;
}

/* The thread looks at all memory twice more, or dies of it. */
static void outlive_scan(struct devmem *dev)
{
	uint64_t before = ksm_scans();

	for (int i = 0; i < TRIES && ksm_scans() < before + 2 && find_ksmd(); i++)
		wait_a_moment();
	if (find_ksmd())
		return;
	devmem_refute(dev, EVIDENCE_PATH, "the thread that merges pages has died");
	scn_finding(dev->ctx, "HMM-KSM-OOPS", NULL, 0,
		    "%s: after merged pages had migrated into the device, ksmd was gone",
		    dev->name);
}

/* Whatever goes with what, each side's data is its own. */
static void use_merged(struct area *a, struct area *b)
{
	long moved = area_to_device(a, 0, PAGES);

	if (moved < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "migration of merged pages fails: %s",
			      errno_text((int)moved));
	else
		devmem_prove(a->dev, EVIDENCE_PATH, "%ld of %d merged pages migrate", moved, PAGES);
	if (moved == PAGES)
		area_check_device(a, 0, PAGES, "merged");
	/* and these are what it compares the others with, which are still merged */
	area_fill(a, 0, HALF);
	outlive_scan(a->dev);
	area_check(b, 0, PAGES, "after the other side has been written");
	area_check(a, 0, PAGES, "after a half has been written");
	/* and no more merged: the device takes all of it */
	area_fill(b, 0, PAGES);
	if (area_send(b, 0, PAGES))
		area_check_device(b, 0, PAGES, "written after merging");
	area_check(b, 0, PAGES, "written after merging");
	area_check(a, 0, PAGES, "at the end");
}

/*
 * Linux 7.2 and 7.3 let merged pages migrate into device memory, and the stable tree's nodes follow them
 * there (folio_migrate_ksm()): ksmd then compares others with what no CPU can read, and dies. Not done
 * unless asked for.
 */
static bool body_ksm(struct devmem *dev)
{
	struct area *a, *b;
	uint64_t running = 0;
	bool ok = false;

	if (fs_read_u64(AT_FDCWD, KSM_RUN, &running) < 0 || running != 1) {
		devmem_skip(dev, SKIP_DEPENDENCY,
			    "the kernel is not merging pages: 'echo 1 > " KSM_RUN "'");
		return false;
	}
	if (!scn_env(dev->ctx)->allow_unsafe) {
		devmem_skip(dev, SKIP_UNSAFE_NOT_ENABLED,
			    "kernels are known whose ksmd dies of merged pages in a device: "
			    "--allow-unsafe");
		return false;
	}
	a = area_new(dev, AREA_PRIVATE, PAGES, "merged, one side");
	if (!a)
		return false;
	area_fill(a, 0, PAGES);
	b = area_copy(a, "merged, other side");
	if (b)
		ok = merge(a, b);
	if (ok)
		use_merged(a, b);
	area_end(b);
	area_end(a);
	return ok;
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

DEVMEM_SCENARIO(ksm, "ksm",
		"pages that the kernel has merged go to the device and part when written", 40);
DEVMEM_SCENARIO(swap, "swap", "swap space and device memory do not get in each other's way", 40);
DEVMEM_SCENARIO(compaction, "compaction", "compaction leaves alone what is in the device", 40);
