/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.exclusive: what the device has alone nobody else may touch, and it has it no more as soon as
 * the CPU touches it, may not write it any more, or a child comes to share it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devmem.h"

#define ADD_TIMES 1000
#define START 1000u /* of what is added to */

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

/* The device adds, and all of it must be done: evidence data. */
static void must_add(struct area *a, size_t page, uint64_t add, const char *when)
{
	uint64_t done = 0;
	int err = device_adds(a, page, add, &done);

	if (err || done != ADD_TIMES)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "%s the device adds %" PRIu64 " of %d times: %s", when, done,
			      ADD_TIMES, errno_text(err));
}

/* The device may not add any more. */
static void must_not_add(struct area *a, size_t page, const char *when)
{
	uint64_t done = 0;
	int err = device_adds(a, page, 1, &done);

	if (err != -EAGAIN || done)
		devmem_refute(a->dev, EVIDENCE_DATA, "the device still adds after %s (%s)", when,
			      err ? errno_text(err) : "no error");
}

static void must_hold(struct area *a, size_t page, uint64_t value, const char *when)
{
	uint64_t found = *(volatile uint64_t *)area_page(a, page);

	if (found != value)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "%s the CPU finds %" PRIu64 ", and it should be %" PRIu64, when,
			      found, value);
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
	const uint64_t sum = 3;

	must_add(a, page, sum, "alone,");
	area_look(a, page, 1, AREA_AWAY, "while the device has it alone");
	must_hold(a, page, START + sum * ADD_TIMES, "after the device added,");
	must_not_add(a, page, "the CPU has touched the page");
}

/* What may not be written any more the device may not add to, and it has lost nothing. */
static void exclusive_mprotect(struct area *a, size_t page)
{
	autofree unsigned char *buffer = xcalloc(1, page_size());
	const uint64_t sum = 5;
	int err;

	must_add(a, page, sum, "before mprotect(),");
	if (mprotect(area_page(a, page), page_size(), PROT_READ) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() fails: %s", strerror(errno));
	must_not_add(a, page, "mprotect()");
	err = area_access(a, P2PCERT_IOC_DEVPRIV_MIRROR_WRITE, page, 1, buffer);
	if (err != -EPERM)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "the device's write after mprotect() gives %s, not EPERM",
			      err ? errno_text(err) : "no error");
	must_hold(a, page, START + sum * ADD_TIMES, "after mprotect(),");
	if (mprotect(area_page(a, page), page_size(), PROT_READ | PROT_WRITE) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() back fails: %s", strerror(errno));
}

/* The child lives until the parent's end of the pipe closes, and then looks. */
static pid_t fork_looker(struct area *a, size_t page, uint64_t value, const int ends[2])
{
	pid_t pid = fork();
	char byte;

	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0 ||
		      *(volatile uint64_t *)area_page(a, page) != value);
	}
	return pid;
}

/* A page that a child shares is nobody's alone; taken again it is the parent's, and the child's stays. */
static void exclusive_cow(struct area *a, size_t page)
{
	const uint64_t sum = 7, before = START + sum * ADD_TIMES;
	uint64_t taken = 0;
	int ends[2];
	pid_t pid;

	must_add(a, page, sum, "before fork(),");
	if (pipe2(ends, O_CLOEXEC) < 0) {
		scn_error(a->dev->ctx, ERROR_SETUP, "no pipe: %s", strerror(errno));
		return;
	}
	pid = fork_looker(a, page, before, ends);
	close(ends[0]);
	must_not_add(a, page, "fork()");
	if (take_exclusive(a, page, 1, &taken) || taken != 1)
		devmem_refute(a->dev, EVIDENCE_PATH, "the page cannot be had alone after fork()");
	must_add(a, page, sum, "alone again,");
	close(ends[1]);
	if (devmem_child_right(a->dev, pid, "what the device adds after fork()"))
		must_hold(a, page, before + sum * ADD_TIMES, "in the parent, after fork(),");
}

/* The CPU does not read it, it writes. */
static void exclusive_written(struct area *a, size_t page)
{
	area_fill(a, page, 1);
	area_check(a, page, 1, "written while the device had it alone");
	must_not_add(a, page, "the CPU has written the page");
}

/* What ends it; each has a page of its own. */
static void (*const ends_by[])(struct area *a, size_t page) = {
	exclusive_page, exclusive_page, exclusive_mprotect, exclusive_cow, exclusive_written,
};

/*
 * The device takes each page just before it is used: what ends its access to one of them may end that to
 * its neighbours, since the kernel may invalidate more than it changes. 0 or a negative errno.
 */
static int end_all(struct area *a)
{
	uint64_t taken = 0;
	int err;

	for (size_t i = 0; i < a->pages; i++) {
		*(volatile uint64_t *)area_page(a, i) = START;
		err = take_exclusive(a, i, 1, &taken);
		if (err || taken != 1)
			return err ? err : -EIO;
		ends_by[i](a, i);
	}
	if (!a->dev->refuted)
		devmem_prove(a->dev, EVIDENCE_DATA,
			     "the device's sums on %zu pages, none lost, and none after it has had "
			     "them alone",
			     a->pages - 1);
	return 0;
}

static bool body_exclusive(struct devmem *dev)
{
	struct area *a = area_new(dev, AREA_PRIVATE, ARRAY_LEN(ends_by), "exclusive");
	bool ok = a && area_mirror(a);
	int err = ok ? end_all(a) : 0;

	if (err == -EOPNOTSUPP) {
		devmem_skip(dev, SKIP_KERNEL_VERSION,
			    "make_device_exclusive() is not what the module knows");
		ok = false;
	} else if (err) {
		devmem_refute(dev, EVIDENCE_PATH, "a page cannot be had alone: %s",
			      errno_text(err));
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
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
