/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.mirror: the device looks at a process's memory through its own page table. What the kernel
 * takes back must not be used any more, and what it does not allow the device may not do.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
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

/* --- while the device is looking --------------------------------------------------------------- */

#define TURN_PAGES 4
#define TURNS_MAX 60
/* So often what the device has found must have been out of date when it was to be used. */
#define RETRIES_WANTED 5

/*
 * Pages of two files take turns at one place. They all stay what they are, so that a device which uses
 * one that is mapped no more does no harm, and shows.
 */
struct turns {
	struct area *a;
	int fds[2];
	uint64_t seeds[2][TURN_PAGES];
	unsigned char *buffer;
	int err; /* of the device's look */
};

static bool take_turn(struct turns *t, size_t which)
{
	if (!area_map(t->a, 0, TURN_PAGES, MAP_SHARED, t->fds[which]))
		return false;
	memcpy(t->a->seeds, t->seeds[which], sizeof(t->seeds[which]));
	return true;
}

static bool fill_file(struct turns *t, size_t which)
{
	if (ftruncate(t->fds[which], (off_t)(TURN_PAGES * page_size())) < 0) {
		scn_error(t->a->dev->ctx, ERROR_SETUP, "no file in memory: %s", strerror(errno));
		return false;
	}
	if (!take_turn(t, which))
		return false;
	area_fill(t->a, 0, TURN_PAGES);
	memcpy(t->seeds[which], t->a->seeds, sizeof(t->seeds[which]));
	return true;
}

/* It gets the data of one file or of the other; which, is asked when it is over. */
static void *look(void *with)
{
	struct turns *t = with;

	t->err = area_access(t->a, P2PCERT_IOC_DEVPRIV_MIRROR_READ, 0, TURN_PAGES, t->buffer);
	return NULL;
}

/*
 * One file's turn, of which the device has found nothing yet; and so many milliseconds after it has begun
 * to look the other's. False after scn_error().
 */
static bool look_meanwhile(struct turns *t, unsigned int ms)
{
	const struct timespec moment = { .tv_nsec = (long)ms * 1000 * 1000 };
	pthread_t thread;
	bool taken;
	int err;

	if (!take_turn(t, 0))
		return false;
	err = pthread_create(&thread, NULL, look, t);
	if (err) {
		scn_error(t->a->dev->ctx, ERROR_SETUP, "no thread: %s", strerror(err));
		return false;
	}
	nanosleep(&moment, NULL);
	taken = take_turn(t, 1);
	pthread_join(thread, NULL);
	if (t->err)
		devmem_refute(t->a->dev, EVIDENCE_DATA,
			      "the device cannot read what is mapped anew meanwhile: %s",
			      errno_text(t->err));
	if (taken)
		area_check_mirror(t->a, 0, TURN_PAGES, "mapped anew while the device was looking");
	return taken;
}

/* The device's looks take a while from now on. False after scn_error(). */
static bool take_turns(struct turns *t)
{
	struct devmem *dev = t->a->dev;
	struct p2pcert_devpriv_mirror_counters before = { 0 }, now = { 0 };
	bool going = devmem_set_faults(dev, (struct p2pcert_faults){ .mask = P2PCERT_FAULT_DELAY });

	going = going && mirror_counters(dev, &before);
	for (size_t i = 0; going && i < TURNS_MAX && !dev->refuted; i++) {
		going = look_meanwhile(t, 1 + i % P2PCERT_DELAY_MS);
		if (mirror_counters(dev, &now) && now.retries >= before.retries + RETRIES_WANTED)
			break;
	}
	if (going && now.retries >= before.retries + RETRIES_WANTED)
		devmem_prove(dev, EVIDENCE_COUNTERS,
			     "%" PRIu64
			     " times what the device had found was out of date, and looked for "
			     "again",
			     (uint64_t)(now.retries - before.retries));
	else if (going)
		devmem_missing(dev, EVIDENCE_COUNTERS,
			       "what the device had found was hardly ever out of date");
	return going && devmem_set_faults(dev, (struct p2pcert_faults){ 0 });
}

static bool mirror_meanwhile(struct devmem *dev)
{
	struct area *a = area_new(dev, AREA_SHARED, TURN_PAGES, "two files by turns");
	autofree unsigned char *buffer = xcalloc(TURN_PAGES, page_size());
	autoclose int first = memfd_create("p2pcert", MFD_CLOEXEC);
	autoclose int second = memfd_create("p2pcert", MFD_CLOEXEC);
	struct turns t = { .a = a, .fds = { first, second }, .buffer = buffer };
	bool ok = a && area_mirror(a);

	ok = ok && fill_file(&t, 0) && fill_file(&t, 1) && take_turns(&t);
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

static bool body_mirror(struct devmem *dev)
{
	return mirror_changes(dev) && mirror_shared(dev) && mirror_huge(dev) && mirror_twice(dev) &&
	       mirror_meanwhile(dev);
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
	.seconds = 20,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_mirror,
};
