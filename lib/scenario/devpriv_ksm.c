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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "scenario/devmem.h"
#include "scenario/memstat.h"

#define PAGES 64
#define HALF (PAGES / 2)
#define TRIES 100 /* of a tenth of a second each */
#define FAULTS_ENDLESS (1000 * PAGES) /* a page comes back by the first, or never */
#define IDLE_SECONDS 30 /* without a step; what a step waits for, it waits for a third of that */

#define KSM_RUN "/sys/kernel/mm/ksm/run"
#define KSM_SCANS "/sys/kernel/mm/ksm/full_scans"
#define KSM_MINE "/proc/self/ksm_stat"

static void wait_a_moment(void)
{
	const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };

	nanosleep(&moment, NULL);
}

/* --- the process with merged memory ----------------------------------------------------------- */

/* Lets who watches know that something was done; if nobody does, nothing is lost. */
static void step(int steps)
{
	ssize_t n = write(steps, "", 1);

	(void)n;
}

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
static void use_merged(struct area *a, struct area *b, int steps)
{
	long moved = area_to_device(a, 0, PAGES);

	step(steps);
	if (moved < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "migration of merged pages fails: %s",
			      errno_text((int)moved));
	else
		devmem_prove(a->dev, EVIDENCE_PATH, "%ld of %d merged pages migrate", moved, PAGES);
	if (moved == PAGES)
		area_check_device(a, 0, PAGES, "merged");
	/* and these are what it compares the others with, which are still merged */
	area_fill(a, 0, HALF);
	step(steps);
	wait_for_scans(a->dev);
	step(steps);
	area_check(b, 0, PAGES, "after the other side has been written");
	area_check(a, 0, PAGES, "after a half has been written");
	/* and no more merged: the device takes all of it */
	area_fill(b, 0, PAGES);
	step(steps);
	if (area_send(b, 0, PAGES))
		area_check_device(b, 0, PAGES, "written after merging");
	area_check(b, 0, PAGES, "written after merging");
	area_check(a, 0, PAGES, "at the end");
}

static bool use_memory(struct devmem *dev, int steps)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, "merged, one side"), *b;
	bool ok;

	if (!a)
		return false;
	area_fill(a, 0, PAGES);
	b = area_copy(a, "merged, other side");
	ok = b && merge(a, b);
	step(steps);
	if (ok)
		use_merged(a, b, steps);
	step(steps);
	area_end(b);
	area_end(a);
	return ok;
}

/* How the child ends; what it saw it has said itself. */
enum child_end { CHILD_RIGHT, CHILD_REFUTED, CHILD_SKIPPED, CHILD_BROKEN };

static enum child_end child_main(struct devmem *dev, int steps)
{
	devmem_in_child(dev);
	if (use_memory(dev, steps))
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

/* The process with merged memory, and what is known of it without asking the kernel about its memory. */
struct child {
	pid_t pid;
	int steps; /* a byte can be read for each */
	int64_t last; /* one was, by clock_ns() */
	uint64_t faults; /* its own, by then */
	int status; /* when it has ended */
};

/* Waits for a moment at least; false: the child has not ended. */
static bool child_ended(struct child *c)
{
	wait_a_moment();
	return waitpid(c->pid, &c->status, WNOHANG) != 0;
}

/* Nothing may wait for it longer than this: what it faults on may never be given back. */
static void end_child(struct child *c)
{
	kill(c->pid, SIGKILL);
	for (int i = 0; i < TRIES && !child_ended(c); i++)
		;
}

/* How often it has faulted, which is told without waiting for its memory; 0: nobody knows. */
static uint64_t faults_of(pid_t pid)
{
	autofree char *path = xasprintf("/proc/%d/stat", (int)pid);
	autofree char *text = NULL;
	uint64_t faults;
	const char *rest;

	if (fs_read_attr(AT_FDCWD, path, &text) < 0)
		return 0;
	rest = strrchr(text, ')'); /* its name can hold anything */
	return rest && sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %" SCNu64, &faults) == 1 ? faults
											    : 0;
}

static bool child_idles(struct child *c)
{
	char steps[64];

	if (read(c->steps, steps, sizeof(steps)) > 0) {
		c->last = clock_ns();
		c->faults = faults_of(c->pid);
	}
	return clock_ns() - c->last > IDLE_SECONDS * NS_PER_S;
}

static void tell_of_death(struct devmem *dev)
{
	devmem_refute(dev, EVIDENCE_PATH, "the thread that merges pages has died");
	scn_finding(dev->ctx, "HMM-KSM-OOPS", NULL, 0,
		    "%s: after merged pages had migrated into the device, ksmd was gone",
		    dev->name);
}

/* As a body returns. */
static bool judge_idling(struct devmem *dev, uint64_t faults)
{
	if (faults < FAULTS_ENDLESS) {
		scn_error(dev->ctx, ERROR_TIMEOUT,
			  "the process with merged memory has come no further for %d seconds",
			  IDLE_SECONDS);
		return false;
	}
	devmem_refute(dev, EVIDENCE_PATH,
		      "the process with merged memory has come no further for %d seconds and "
		      "%" PRIu64 " faults",
		      IDLE_SECONDS, faults);
	scn_finding(dev->ctx, "HMM-KSM-OOPS", NULL, 0,
		    "%s: after merged pages had migrated into the device, a process that writes to "
		    "them has faulted %" PRIu64 " times, and not got them back",
		    dev->name, faults);
	return true;
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

static bool watch(struct devmem *dev, struct child *c)
{
	uint64_t faults;
	bool ended;

	do {
		ended = child_ended(c);
		if (!find_ksmd()) {
			tell_of_death(dev);
			if (!ended)
				end_child(c);
			return true;
		}
		if (!ended && child_idles(c)) {
			faults = faults_of(c->pid) - c->faults;
			end_child(c);
			return judge_idling(dev, faults);
		}
	} while (!ended);
	return judge_child(dev, c->status);
}

static bool watch_child(struct devmem *dev)
{
	autoclose int read_end = -1, write_end = -1;
	struct child c;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		scn_error(dev->ctx, ERROR_SETUP, "no pipe to a child: %s", strerror(errno));
		return false;
	}
	read_end = fds[0];
	write_end = fds[1];
	c = (struct child){ .pid = fork(), .steps = read_end, .last = clock_ns() };
	if (c.pid == 0)
		_exit(child_main(dev, write_end));
	if (c.pid > 0)
		return watch(dev, &c);
	scn_error(dev->ctx, ERROR_SETUP, "no child for merged memory: %s", strerror(errno));
	return false;
}

/*
 * Linux 7.2 and 7.3 let merged pages migrate into device memory, and the stable tree's nodes follow them
 * there (folio_migrate_ksm()): ksmd then compares others with what no CPU can read, and dies; or the
 * page does not come back to who touches it. Not done unless asked for.
 */
static bool body_ksm(struct devmem *dev)
{
	uint64_t running = 0;

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
	return watch_child(dev);
}

DEVMEM_SCENARIO(ksm, "ksm",
		"pages that the kernel has merged go to the device and part when written", 90);
