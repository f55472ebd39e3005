/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.ksm: pages that the kernel has merged, while some of them are in the device. Kernels are known
 * that die of it, and leave the process that has such pages in page faults without end: the memory is
 * a child's, and who watches the kernel's thread has none of it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/devmem.h"
#include "scenario/memstat.h"

#define PAGES 64
#define HALF (PAGES / 2)
#define TRIES 100 /* of a tenth of a second each */

#define KSM_RUN "/sys/kernel/mm/ksm/run"
#define KSM_SCANS "/sys/kernel/mm/ksm/full_scans"
#define KSM_MINE "/proc/self/ksm_stat"

static void wait_a_moment(void)
{
	const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };

	nanosleep(&moment, NULL);
}

/* --- the process with merged memory ----------------------------------------------------------- */

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

static uint64_t ksm_scans(void)
{
	uint64_t scans = 0;

	return fs_read_u64(AT_FDCWD, KSM_SCANS, &scans) < 0 ? 0 : scans;
}

/* The kernel's thread looks at all memory twice more, if it lives. */
static void wait_for_scans(struct devmem *dev)
{
	uint64_t before = ksm_scans();

	for (int i = 0; i < TRIES && ksm_scans() < before + 2; i++)
		wait_a_moment();
	if (ksm_scans() < before + 2)
		devmem_missing(dev, EVIDENCE_PATH,
			       "the kernel has not looked for pages to merge in 10 seconds");
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
	wait_for_scans(a->dev);
	area_check(b, 0, PAGES, "after the other side has been written");
	area_check(a, 0, PAGES, "after a half has been written");
	/* and no more merged: the device takes all of it */
	area_fill(b, 0, PAGES);
	if (area_send(b, 0, PAGES))
		area_check_device(b, 0, PAGES, "written after merging");
	area_check(b, 0, PAGES, "written after merging");
	area_check(a, 0, PAGES, "at the end");
}

static bool use_memory(struct devmem *dev)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, "merged, one side"), *b;
	bool ok;

	if (!a)
		return false;
	area_fill(a, 0, PAGES);
	b = area_copy(a, "merged, other side");
	ok = b && merge(a, b);
	if (ok)
		use_merged(a, b);
	area_end(b);
	area_end(a);
	return ok;
}

/* How the child ends; what it saw it has said itself. */
enum child_end { CHILD_RIGHT, CHILD_REFUTED, CHILD_SKIPPED, CHILD_BROKEN };

static enum child_end child_main(struct devmem *dev)
{
	devmem_in_child(dev);
	if (use_memory(dev))
		return dev->refuted ? CHILD_REFUTED : CHILD_RIGHT;
	return dev->skipped ? CHILD_SKIPPED : CHILD_BROKEN;
}

/* --- the process that watches ----------------------------------------------------------------- */

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

/* Waits for a moment at least; false: the child has not ended. */
static bool child_ended(pid_t child, int *status)
{
	wait_a_moment();
	return waitpid(child, status, WNOHANG) != 0;
}

/* What it faults on, or waits for, nobody gives back; it may not end even so. */
static void end_child(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	for (int i = 0; i < TRIES && !child_ended(child, &status); i++)
		;
}

static void tell_of_death(struct devmem *dev)
{
	devmem_refute(dev, EVIDENCE_PATH, "the thread that merges pages has died");
	scn_finding(dev->ctx, "HMM-KSM-OOPS", NULL, 0,
		    "%s: after merged pages had migrated into the device, ksmd was gone",
		    dev->name);
}

/* As a body returns. */
static bool judge_child(struct devmem *dev, int status)
{
	if (WIFSIGNALED(status)) {
		devmem_refute(dev, EVIDENCE_DATA,
			      "the process with merged memory died of signal %d", WTERMSIG(status));
		return true;
	}
	dev->refuted |= WEXITSTATUS(status) == CHILD_REFUTED;
	dev->skipped |= WEXITSTATUS(status) == CHILD_SKIPPED;
	return WEXITSTATUS(status) <= CHILD_REFUTED;
}

/* The scenario's deadline ends it if neither of them ends. */
static bool watch(struct devmem *dev, pid_t child)
{
	int status = W_EXITCODE(CHILD_BROKEN, 0);
	bool ended;

	do {
		ended = child_ended(child, &status);
		if (find_ksmd())
			continue;
		tell_of_death(dev);
		if (!ended)
			end_child(child);
		return true;
	} while (!ended);
	return judge_child(dev, status);
}

/*
 * Linux 7.2 and 7.3 let merged pages migrate into device memory, and the stable tree's nodes follow them
 * there (folio_migrate_ksm()): ksmd then compares others with what no CPU can read, and dies. Not done
 * unless asked for.
 */
static bool body_ksm(struct devmem *dev)
{
	uint64_t running = 0;
	pid_t child;

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
	child = fork();
	if (child == 0)
		_exit(child_main(dev));
	if (child > 0)
		return watch(dev, child);
	scn_error(dev->ctx, ERROR_SETUP, "no child for merged memory: %s", strerror(errno));
	return false;
}

DEVMEM_SCENARIO(ksm, "ksm",
		"pages that the kernel has merged go to the device and part when written", 40);
