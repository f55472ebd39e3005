/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.mirror: the device looks at a process's memory through its own page table. What the kernel
 * takes back must not be used any more, and what it does not allow the device may not do.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devmem.h"

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

/* What may not be read the device may not read either, also through entries that it had. */
static void mirror_no_access(struct area *a)
{
	autofree unsigned char *buffer = xcalloc(a->pages, page_size());
	size_t len = a->pages * page_size();
	int err;

	area_check_mirror(a, 0, a->pages, "before it may not be read");
	if (mprotect(a->start, len, PROT_NONE) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() fails: %s", strerror(errno));
	err = area_access(a, P2PCERT_IOC_DEVPRIV_MIRROR_READ, 0, a->pages, buffer);
	if (err != -EFAULT)
		devmem_refute(
			a->dev, EVIDENCE_DATA,
			"the device's read of memory that may not be read gives %s, not EFAULT",
			err ? errno_text(err) : "no error");
	if (mprotect(a->start, len, PROT_READ | PROT_WRITE) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() back fails: %s", strerror(errno));
	area_check_mirror(a, 0, a->pages, "when it may be read again");
}

/*
 * After fork() the device writes for the parent. The child, which looks only then, finds it in memory
 * that is shared, and else what there was.
 */
static void mirror_after_fork(struct area *a, bool shared)
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
		/* the parent draws the same one for what it writes */
		if (shared)
			area_expect(a, 0, a->pages, area_seed(a));
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

static bool mirror_changes(struct devmem *dev)
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
			mirror_no_access(a);
		if (!dev->refuted)
			mirror_after_fork(a, false);
		area_check(a, 0, a->pages, "at the end, by the CPU");
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

static bool mirror_shared(struct devmem *dev)
{
	struct area *a = area_new(dev, AREA_SHARED, MIRROR_PAGES, "shared with a child");
	bool ok = a && area_mirror(a);

	if (ok) {
		area_fill(a, 0, a->pages);
		mirror_after_fork(a, true);
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

/* The device writes a huge page that nobody has touched, and one that the CPU has filled. */
static bool mirror_huge(struct devmem *dev)
{
	struct area *a = area_new(dev, AREA_HUGE, AREA_HUGE_BYTES / page_size(), "a huge page");
	bool ok = a && area_mirror(a);

	if (ok) {
		area_write_mirror(a, 0, a->pages);
		area_check(a, 0, a->pages, "as the device wrote what was never touched");
		area_fill(a, 0, a->pages);
		area_check_mirror(a, 0, a->pages, "as the CPU wrote it");
		area_write_mirror(a, 1, a->pages / 2);
		area_check(a, 0, a->pages, "as the device wrote a part");
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

/* Each of two devices with a mirror of the same memory finds what the other has written. */
static void mirror_by_both(struct area *a, struct area *by_other)
{
	area_fill(a, 0, a->pages);
	area_check_mirror(a, 0, a->pages, "by the first device");
	area_check_mirror(by_other, 0, a->pages, "by the second device");
	area_write_mirror(a, 0, a->pages / 2);
	area_check_mirror(by_other, 0, a->pages, "by the second device, after the first wrote");
	area_write_mirror(by_other, a->pages / 4, a->pages / 2);
	area_check_mirror(a, 0, a->pages, "by the first device, after the second wrote");
	by_new_mapping(a);
	area_check_mirror(a, 0, a->pages, "by the first device, after it was mapped anew");
	area_check_mirror(by_other, 0, a->pages, "by the second device, after it was mapped anew");
	area_send(a, 0, a->pages);
	area_check_mirror(by_other, 0, a->pages,
			  "by the second device, from the first one's memory");
	area_check(a, 0, a->pages, "by the CPU");
}

static bool mirror_twice(struct devmem *dev)
{
	struct devmem *other = devmem_open_ram(dev->ctx, 1);
	struct area *a = other ? area_new(dev, AREA_PRIVATE, MIRROR_PAGES, "two mirrors") : NULL;
	struct area by_other;
	bool ok = a && area_mirror(a);

	if (ok) {
		by_other = *a; /* the model of the pages is one */
		by_other.dev = other;
		ok = area_mirror(&by_other);
	}
	if (ok)
		mirror_by_both(a, &by_other);
	if (other && other->refuted)
		dev->refuted = true;
	area_end(a);
	devmem_unmirror(dev);
	devmem_close(other);
	return ok;
}

static bool body_mirror(struct devmem *dev)
{
	return mirror_changes(dev) && mirror_shared(dev) && mirror_huge(dev) && mirror_twice(dev);
}

static enum outcome run_mirror(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_mirror);
}

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
