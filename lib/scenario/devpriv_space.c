/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: what happens to the address space while its pages are in the device. Memory
 * that goes away is given back by the device, what moves keeps its data, what is copied by fork()
 * stays apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "scenario/devmem.h"

#define PAGES 96
#define THIRD (PAGES / 3)

/* An area whose pages are all in the device; NULL if the scenario cannot go on from there. */
static struct area *area_away(struct devmem *dev, const char *name)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, name);

	if (!a)
		return NULL;
	area_fill(a, 0, PAGES);
	(void)area_send(a, 0, PAGES);
	return a;
}

/*
 * So many pages of the area are in the device, no more and no less. Where something is wrong already,
 * pages have not been where they should, or were not all touched, and the count says nothing.
 */
static void expect_in_use(struct area *a, uint64_t pages, const char *when)
{
	struct p2pcert_devpriv_counters since;

	if (!a->dev->refuted && devmem_counted(a->dev, &since) && since.pages_in_use != pages)
		devmem_refute(a->dev, EVIDENCE_LEAK,
			      "%s: %" PRIu64 " pages are in the device %s, and %" PRIu64
			      " should be",
			      a->name, (uint64_t)since.pages_in_use, when, pages);
}

/* --- munmap, madvise -------------------------------------------------------------------------- */

static bool body_munmap(struct devmem *dev)
{
	struct area *a = area_away(dev, "munmap");

	if (!a)
		return false;
	if (munmap(area_page(a, THIRD), THIRD * page_size()) < 0)
		devmem_refute(dev, EVIDENCE_PATH, "munmap() fails: %s", strerror(errno));
	expect_in_use(a, PAGES - THIRD, "after munmap() of a third");
	area_look(a, THIRD, THIRD, AREA_NOWHERE, "after munmap()");
	area_look(a, 0, THIRD, AREA_AWAY, "before what was unmapped");
	area_look(a, 2 * THIRD, THIRD, AREA_AWAY, "behind what was unmapped");
	area_check_device(a, 0, THIRD, "after munmap()");
	area_check(a, 0, THIRD, "after munmap()");
	area_check(a, 2 * THIRD, THIRD, "after munmap()");
	area_end(a);
	return true;
}

static bool body_madvise(struct devmem *dev)
{
	struct area *a = area_away(dev, "madvise");

	if (!a)
		return false;
	if (madvise(area_page(a, 0), THIRD * page_size(), MADV_DONTNEED) < 0)
		devmem_refute(dev, EVIDENCE_PATH, "MADV_DONTNEED fails: %s", strerror(errno));
	area_expect(a, 0, THIRD, 0);
	expect_in_use(a, PAGES - THIRD, "after MADV_DONTNEED of a third");
	area_look(a, 0, THIRD, AREA_NOWHERE, "after MADV_DONTNEED");
	/* free when memory is short, and until then either the data or zeros: here it is written */
	if (madvise(area_page(a, THIRD), THIRD * page_size(), MADV_FREE) < 0)
		devmem_refute(dev, EVIDENCE_PATH, "MADV_FREE fails: %s", strerror(errno));
	area_fill(a, THIRD, THIRD);
	area_check(a, 0, PAGES, "after MADV_DONTNEED and MADV_FREE");
	area_end(a);
	return true;
}

/* --- mremap, mprotect ------------------------------------------------------------------------- */

static bool body_mremap(struct devmem *dev)
{
	struct area *a = area_away(dev, "mremap");
	size_t len = THIRD * page_size();
	unsigned char *to;

	if (!a)
		return false;
	to = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED || mremap(area_page(a, THIRD), len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
				       to) == MAP_FAILED) {
		devmem_refute(dev, EVIDENCE_PATH, "mremap() fails: %s", strerror(errno));
		area_end(a);
		return true;
	}
	expect_in_use(a, PAGES, "after mremap()");
	area_check_copy(a, to, THIRD, THIRD, "where mremap() moved them");
	expect_in_use(a, PAGES - THIRD, "after what was moved came back");
	area_look(a, 0, THIRD, AREA_AWAY, "beside what was moved");
	area_check(a, 0, THIRD, "beside what was moved");
	area_check(a, 2 * THIRD, THIRD, "beside what was moved");
	munmap(to, len);
	area_end(a);
	return true;
}

/* What the kernel lets a child do to a page is seen by its dying of it. */
static int child_writes(unsigned char *at)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		*(volatile unsigned char *)at = 1;
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static bool body_mprotect(struct devmem *dev)
{
	struct area *a = area_away(dev, "mprotect");
	size_t len = THIRD * page_size();
	int r;

	if (!a)
		return false;
	if (mprotect(area_page(a, 0), len, PROT_READ) < 0 ||
	    mprotect(area_page(a, THIRD), len, PROT_NONE) < 0)
		devmem_refute(dev, EVIDENCE_PATH, "mprotect() fails: %s", strerror(errno));
	area_look(a, 0, PAGES, AREA_AWAY, "after mprotect()");
	r = child_writes(area_page(a, 1));
	if (r != SIGSEGV)
		devmem_refute(dev, EVIDENCE_DATA,
			      "a write to a read-only page in the device gives %d, not SIGSEGV", r);
	area_check(a, 0, THIRD, "read-only");
	if (mprotect(area_page(a, THIRD), len, PROT_READ | PROT_WRITE) < 0 ||
	    mprotect(area_page(a, 0), len, PROT_READ | PROT_WRITE) < 0)
		devmem_refute(dev, EVIDENCE_PATH, "mprotect() back fails: %s", strerror(errno));
	area_check(a, 0, PAGES, "after mprotect() and back");
	area_fill(a, 0, PAGES);
	area_check(a, 0, PAGES, "written after mprotect()");
	area_end(a);
	return true;
}

/* --- fork ------------------------------------------------------------------------------------- */

static bool body_fork(struct devmem *dev)
{
	struct area *a = area_away(dev, "fork");
	pid_t pid;

	if (!a)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(!area_check(a, 0, PAGES, "in the child after fork()"));
	if (devmem_child_right(dev, pid, "fork()"))
		area_check(a, 0, PAGES, "in the parent after fork()");
	expect_in_use(a, 0, "after both have touched everything");
	area_end(a);
	return true;
}

/* A third is written by the child, a third by the parent, a third by nobody: they stay apart. */
static int child_of_cow(struct area *a, int ready)
{
	char byte;

	area_fill(a, 0, THIRD);
	if (read(ready, &byte, 1) != 0) /* the parent has written its third */
		return 1;
	return !area_check(a, 0, PAGES, "in the child, which wrote the first third");
}

static bool body_cow(struct devmem *dev)
{
	struct area *a = area_away(dev, "cow");
	int ready[2];
	pid_t pid;

	if (!a)
		return false;
	if (pipe2(ready, O_CLOEXEC) < 0) {
		scn_error(dev->ctx, ERROR_SETUP, "no pipe: %s", strerror(errno));
		area_end(a);
		return false;
	}
	pid = fork();
	if (pid == 0) {
		close(ready[1]);
		_exit(child_of_cow(a, ready[0]));
	}
	area_fill(a, THIRD, THIRD);
	close(ready[1]);
	close(ready[0]);
	if (devmem_child_right(dev, pid, "copy on write"))
		area_check(a, 0, PAGES, "in the parent, which wrote the second third");
	area_end(a);
	return true;
}

/* --- exit ------------------------------------------------------------------------------------- */

/* Dies with its pages in the device, at once or by a signal. */
static void child_of_exit(struct devmem *dev, bool kill_it)
{
	struct area *a;

	devmem_in_child(dev);
	a = area_new(dev, AREA_PRIVATE, PAGES, "exit");
	if (!a)
		_exit(1);
	area_fill(a, 0, PAGES);
	if (!area_send(a, 0, PAGES))
		_exit(1);
	if (kill_it)
		raise(SIGKILL);
	_exit(0);
}

static bool body_exit(struct devmem *dev)
{
	for (int kill_it = 0; kill_it < 2; kill_it++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			child_of_exit(dev, kill_it);
		if (pid < 0 || waitpid(pid, &status, 0) < 0) {
			scn_error(dev->ctx, ERROR_SETUP, "no child: %s", strerror(errno));
			return false;
		}
		if (kill_it ? !WIFSIGNALED(status) : status != 0)
			devmem_refute(dev, EVIDENCE_PATH,
				      "the child could not bring its pages into the device");
		else
			devmem_prove(dev, EVIDENCE_DATA, "a process %s with %d pages in the device",
				     kill_it ? "was killed" : "ended", PAGES);
	}
	return true;
}

/* --- records ---------------------------------------------------------------------------------- */

DEVMEM_SCENARIO(munmap, "munmap", "memory that is unmapped while it is in the device is given back",
		10);
DEVMEM_SCENARIO(madvise, "madvise-free", "memory that is not needed any more is given back", 10);
DEVMEM_SCENARIO(mremap, "mremap", "memory that is in the device can be moved in the address space",
		10);
DEVMEM_SCENARIO(mprotect, "mprotect", "protection of memory that is in the device holds", 10);
DEVMEM_SCENARIO(fork, "fork", "parent and child both see what was in the device when they parted",
		10);
DEVMEM_SCENARIO(cow, "cow", "what parent and child write after fork() stays apart", 10);
DEVMEM_SCENARIO(exit, "exit", "a process that ends leaves nothing in the device", 10);
