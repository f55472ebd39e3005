/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: memory that user space watches through userfaultfd. A page that is write
 * protected there stays so in the device and after it has come back, and one that was never there is
 * left to whoever must provide it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devmem.h"
#include "scenario/pattern.h"

/* Newer than some headers: a write ends the protection by itself, nobody has to answer. */
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

#define PAGEMAP_UFFD_WP (1ull << 57)
#define SMALL_PAGES 64
#define HUGE_BYTES (2u << 20)

/* A descriptor, or -1 after devmem_skip(). Faults that nobody answers end in SIGBUS, not in a wait. */
static int uffd_open(struct devmem *dev)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP |
			    UFFD_FEATURE_WP_ASYNC,
	};
	autoclose int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0) {
		devmem_skip(dev, SKIP_KERNEL_CONFIG, "no userfaultfd: %s", strerror(errno));
		return -1;
	}
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		devmem_skip(dev, SKIP_KERNEL_VERSION,
			    "userfaultfd cannot write protect without an answer: %s",
			    strerror(errno));
		return -1;
	}
	return take_fd(fd);
}

static bool uffd_register(struct area *a, int fd, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)a->start, a->pages * page_size() },
		.mode = mode,
	};

	if (ioctl(fd, UFFDIO_REGISTER, &reg) == 0)
		return true;
	scn_error(a->dev->ctx, ERROR_SETUP, "userfaultfd does not take memory: %s",
		  strerror(errno));
	return false;
}

/* --- write protection ------------------------------------------------------------------------- */

static const struct wp_case {
	const char *name;
	enum area_kind kind;
	bool half; /* only the first half is protected */
	bool in_device; /* and only when it is in the device */
} wp_cases[] = {
	{ "pages protected, then migrated", AREA_PRIVATE, true, false },
	{ "pages protected in the device", AREA_PRIVATE, true, true },
	{ "a huge page protected, then migrated", AREA_HUGE, false, false },
	{ "a huge page protected in the device", AREA_HUGE, false, true },
	{ "half a huge page protected in the device", AREA_HUGE, true, true },
};

static void protect(struct area *a, int fd, size_t nr)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)a->start, nr * page_size() },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(fd, UFFDIO_WRITEPROTECT, &wp) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: write protection fails: %s", a->name,
			      strerror(errno));
}

/* The first nr pages are protected, and no others. */
static void look_protected(struct area *a, size_t nr, const char *when)
{
	autofree uint64_t *entries = xcalloc(a->pages, sizeof(*entries));
	int err = pagemap_read(a->dev->pagemap, a->start, a->pages, entries);

	if (err) {
		devmem_missing(a->dev, EVIDENCE_PATH, "%s: the page table cannot be read: %s",
			       a->name, strerror(-err));
		return;
	}
	for (size_t i = 0; i < a->pages; i++)
		if (!(entries[i] & PAGEMAP_UFFD_WP) != (i >= nr)) {
			devmem_refute(a->dev, EVIDENCE_PATH,
				      "%s: page %zu %s write protected %s (0x%llx)", a->name, i,
				      i < nr ? "is not" : "is", when,
				      (unsigned long long)entries[i]);
			return;
		}
	devmem_prove(a->dev, EVIDENCE_PATH, "%s: %zu of %zu pages are write protected %s", a->name,
		     nr, a->pages, when);
}

static bool run_wp(struct devmem *dev, const struct wp_case *c)
{
	size_t pages = c->kind == AREA_HUGE ? HUGE_BYTES / page_size() : SMALL_PAGES;
	size_t nr = c->half ? pages / 2 : pages;
	autoclose int fd = uffd_open(dev);
	struct area *a = fd < 0 ? NULL : area_new(dev, c->kind, pages, c->name);

	if (!a)
		return false;
	area_fill(a, 0, pages);
	if (!uffd_register(a, fd, UFFDIO_REGISTER_MODE_WP)) {
		area_end(a);
		return false;
	}
	if (!c->in_device)
		protect(a, fd, nr);
	area_send(a, 0, pages);
	if (c->in_device)
		protect(a, fd, nr);
	look_protected(a, nr, "in the device");
	area_check_device(a, 0, pages, "in the device");
	area_check(a, 0, pages, "brought back by reading");
	look_protected(a, nr, "after reading");
	area_fill(a, 0, pages);
	look_protected(a, 0, "after writing");
	area_check(a, 0, pages, "written");
	area_end(a);
	return true;
}

/* --- pages that are missing ------------------------------------------------------------------- */

static int provide(struct area *a, int fd, const unsigned char *from, size_t nr)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)a->start,
		.src = (uintptr_t)from,
		.len = nr * page_size(),
	};

	return ioctl(fd, UFFDIO_COPY, &copy) < 0 ? -errno : 0;
}

/* A page in the device is there: it can neither be missing nor be provided a second time. */
static void use_provided(struct area *a, int fd)
{
	uint64_t seed = area_seed(a);
	autofree unsigned char *buffer = xcalloc(a->pages, page_size());
	int err;

	pattern_fill(buffer, a->pages * page_size(), seed, 0);
	err = provide(a, fd, buffer, a->pages);
	if (err) {
		devmem_refute(a->dev, EVIDENCE_DATA, "%s: pages cannot be provided: %s", a->name,
			      strerror(-err));
		return;
	}
	area_expect(a, 0, a->pages, seed);
	if (!area_send(a, 0, a->pages))
		return;
	memset(buffer, 0, page_size());
	err = provide(a, fd, buffer, 1);
	if (err != -EEXIST)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "%s: a page that is in the device can be provided again (%d)",
			      a->name, err);
	area_check_device(a, 0, a->pages, "provided by user space");
	area_check(a, 0, a->pages, "provided by user space");
}

/* hmm_range_fault() does not wait for user space: the device gets an error, and nothing is there. */
static void expect_no_answer(struct area *a)
{
	autofree unsigned char *buffer = xcalloc(a->pages, page_size());
	int err;

	if (!area_mirror(a))
		return;
	err = area_access(a, P2PCERT_IOC_DEVPRIV_MIRROR_READ, 0, a->pages, buffer);
	if (err != -EFAULT)
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "of pages that nobody provides the device reads: %s",
			      err ? errno_text(err) : "no error");
	area_look(a, 0, a->pages, AREA_NOWHERE, "after the device missed them");
	devmem_unmirror(a->dev);
}

static bool run_missing(struct devmem *dev)
{
	autoclose int fd = uffd_open(dev);
	struct area *a = fd < 0 ? NULL : area_new(dev, AREA_PRIVATE, SMALL_PAGES, "missing pages");
	bool ok;
	long moved;

	if (!a)
		return false;
	ok = uffd_register(a, fd, UFFDIO_REGISTER_MODE_MISSING);
	if (ok) {
		moved = area_to_device(a, 0, a->pages);
		if (moved)
			devmem_refute(dev, EVIDENCE_PATH,
				      "of pages that user space has to provide, %ld are migrated",
				      moved);
		area_look(a, 0, a->pages, AREA_NOWHERE, "before user space provides them");
		expect_no_answer(a);
		use_provided(a, fd);
	}
	area_end(a);
	return ok;
}

static bool body_userfaultfd(struct devmem *dev)
{
	for (size_t i = 0; i < ARRAY_LEN(wp_cases) && !dev->refuted; i++)
		if (!run_wp(dev, &wp_cases[i]))
			return false;
	return dev->refuted || run_missing(dev);
}

DEVMEM_SCENARIO(userfaultfd, "userfaultfd",
		"memory that user space watches stays watched in the device and back", 20);
