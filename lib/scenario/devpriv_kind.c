/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: kinds of memory. Anonymous memory goes to the device, also what was never
 * written; pages of files and of shared memory stay where they are, and huge pages of hugetlbfs are
 * refused (mm/migrate_device.c, migrate_vma_setup(), __migrate_device_pages()). Whatever does not go
 * the device can still use through its page table.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devfile.h"
#include "scenario/devmem.h"
#include "scenario/pattern.h"

#define PAGES 24
#define HUGE_BYTES (2u << 20)

static size_t huge_pages(void)
{
	return HUGE_BYTES / page_size();
}

/* --- files and shared memory ------------------------------------------------------------------ */

struct kind {
	const char *name;
	int flags;
	bool written; /* by the CPU, through the mapping */
	bool moves;
};

static const struct kind kinds[] = {
	{ "shared, only read", MAP_SHARED, false, false },
	{ "shared, written", MAP_SHARED, true, false },
	{ "private, only read", MAP_PRIVATE, false, false },
	/* what a write leaves in a private mapping is a copy, and anonymous */
	{ "private, written", MAP_PRIVATE, true, true },
};

/* The file holds what the area does if the mapping is shared, and else what it held before. */
static void check_file(struct area *a, int fd, const struct kind *k, uint64_t before)
{
	size_t len = a->pages * page_size();
	autofree unsigned char *buffer = xcalloc(1, len);
	struct pattern_mismatch m;

	if (!devfile_read(a->dev->ctx, fd, buffer, len))
		return;
	if (k->flags == MAP_SHARED)
		area_check_copy(a, buffer, 0, a->pages, "in the file");
	else if (!pattern_verify(buffer, len, before, 0, &m))
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "%s: the file changed, %zu bytes from 0x%zx on", a->name, m.wrong,
			      m.first);
}

/* In the device: used there, and brought back by the module. */
static void use_away(struct area *a)
{
	area_check_device(a, 0, a->pages, "in the device");
	area_write_device(a, 0, a->pages);
	if (area_to_ram(a, 0, a->pages) != (long)a->pages)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: not all pages come back", a->name);
	area_check(a, 0, a->pages, "back from the device");
}

static void use_in_place(struct area *a)
{
	area_check_mirror(a, 0, a->pages, "where it is");
	area_write_mirror(a, a->pages / 3, a->pages / 3);
	area_check(a, 0, a->pages, "written by the device where it is");
}

static void expect_moved(struct area *a, long moved, size_t expected)
{
	if (moved < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: migration fails: %s", a->name,
			      errno_text((int)moved));
	else if (moved != (long)expected)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: %ld of %zu pages migrated, not %zu",
			      a->name, moved, a->pages, expected);
}

static void try_kind(struct area *a, int fd, const struct kind *k, uint64_t before)
{
	area_check(a, 0, a->pages, "as it is in the file");
	if (k->written)
		area_fill(a, 0, a->pages);
	expect_moved(a, area_to_device(a, 0, a->pages), k->moves ? a->pages : 0);
	area_look(a, 0, a->pages, k->moves ? AREA_AWAY : AREA_IN_RAM, "after migration");
	if (k->moves)
		use_away(a);
	else
		use_in_place(a);
	check_file(a, fd, k, before);
}

/* The file is new; false after scn_error(). */
static bool run_kind(struct devmem *dev, int fd, const struct kind *k)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, k->name);
	uint64_t before = a ? area_seed(a) : 0;
	bool ok = a && devfile_fill(dev->ctx, fd, PAGES * page_size(), before) &&
		  area_map(a, 0, PAGES, k->flags, fd) && area_mirror(a);

	if (ok) {
		area_expect(a, 0, PAGES, before);
		try_kind(a, fd, k, before);
		devmem_unmirror(dev);
	}
	area_end(a);
	return ok;
}

/* fd is closed. */
static bool run_kinds(struct devmem *dev, int fd)
{
	autoclose int file = fd;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!run_kind(dev, file, &kinds[i]))
			return false;
	return true;
}

static bool body_file(struct devmem *dev)
{
	int fd = devfile_open(false);

	if (fd < 0) {
		devmem_skip(dev, SKIP_RESOURCE_BUSY, "no folder for a file that is not in memory");
		return false;
	}
	return run_kinds(dev, fd);
}

static bool run_shared_anonymous(struct devmem *dev)
{
	struct area *a = area_new(dev, AREA_SHARED, PAGES, "shared anonymous");
	bool ok = a && area_mirror(a);

	if (ok) {
		area_fill(a, 0, PAGES / 2);
		expect_moved(a, area_to_device(a, 0, PAGES), 0);
		area_look(a, 0, PAGES / 2, AREA_IN_RAM, "after migration");
		area_look(a, PAGES / 2, PAGES / 2, AREA_NOWHERE, "never touched, after migration");
		use_in_place(a);
		devmem_unmirror(dev);
	}
	area_end(a);
	return ok;
}

static bool body_shmem(struct devmem *dev)
{
	int fd = memfd_create("p2pcert", MFD_CLOEXEC);

	if (fd < 0) {
		scn_error(dev->ctx, ERROR_SETUP, "no shared memory: %s", strerror(errno));
		return false;
	}
	return run_kinds(dev, fd) && run_shared_anonymous(dev);
}

/* --- hugetlbfs -------------------------------------------------------------------------------- */

static bool get_huge_page(struct devmem *dev)
{
	autofree char *why = NULL;

	if (devmem_get_huge_page(dev, &why))
		return true;
	devmem_skip(dev, SKIP_RESOURCE_BUSY, "%s", why);
	return false;
}

/* What lies before the refused huge page goes, as it would alone. */
static void try_hugetlb(struct area *a)
{
	size_t before = a->pages - huge_pages();
	long err;

	area_fill(a, 0, a->pages);
	err = area_to_device(a, 0, a->pages);
	if (err != -EINVAL)
		devmem_refute(a->dev, EVIDENCE_PATH, "a page of hugetlbfs is not refused: %s",
			      err < 0 ? errno_text((int)err) : "no error");
	area_look(a, 0, before, AREA_AWAY, "before what is refused");
	area_look(a, before, huge_pages(), AREA_IN_RAM, "after it was refused");
	area_check_device(a, 0, before, "before what is refused");
	area_check_mirror(a, 0, a->pages, "through its page table");
	area_write_mirror(a, before / 2, huge_pages());
	area_check(a, 0, a->pages, "at the end");
}

static bool body_hugetlb(struct devmem *dev)
{
	size_t huge = huge_pages();
	struct area *a;
	bool ok;

	if (!get_huge_page(dev))
		return false;
	a = area_new(dev, AREA_PRIVATE, 2 * huge, "hugetlb");
	ok = a && area_map(a, huge, huge, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1) &&
	     area_mirror(a);
	if (ok) {
		try_hugetlb(a);
		devmem_unmirror(dev);
	}
	area_end(a);
	return ok;
}

/* --- memory that nobody has written ----------------------------------------------------------- */

struct empty {
	const char *name;
	enum area_kind kind;
	bool read; /* by the CPU: the zero page is mapped */
	bool read_only; /* then */
	uint32_t refused; /* once: the huge page, which then goes or comes in small ones */
};

static const struct empty empties[] = {
	{ "never touched", AREA_PRIVATE, false, false, 0 },
	{ "zero page", AREA_PRIVATE, true, false, 0 },
	{ "zero page, read-only", AREA_PRIVATE, true, true, 0 },
	{ "huge, never touched", AREA_HUGE, false, false, 0 },
	{ "huge zero page", AREA_HUGE, true, false, 0 },
	{ "huge, never touched, into small pages", AREA_HUGE, false, false,
	  P2PCERT_FAULT_NO_DEVICE_MEMORY },
	{ "huge zero page, into small pages", AREA_HUGE, true, false,
	  P2PCERT_FAULT_NO_DEVICE_MEMORY },
	{ "huge, never touched, back into small pages", AREA_HUGE, false, false,
	  P2PCERT_FAULT_NO_MEMORY },
	{ "huge zero page, back into small pages", AREA_HUGE, true, false,
	  P2PCERT_FAULT_NO_MEMORY },
};

/* What may not be written the device may not write either. */
static void expect_read_only(struct area *a)
{
	autofree unsigned char *buffer = xcalloc(a->pages, page_size());

	if (area_access(a, P2PCERT_IOC_DEVPRIV_WRITE, 0, a->pages, buffer) != -EIO)
		devmem_refute(a->dev, EVIDENCE_DATA, "%s: the device may write it", a->name);
}

static void try_empty(struct area *a, const struct empty *e)
{
	if (e->read)
		area_check(a, 0, a->pages, "before it goes");
	if (e->read_only && mprotect(a->start, a->pages * page_size(), PROT_READ) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() fails: %s", strerror(errno));
	if (!area_send(a, 0, a->pages))
		return;
	area_check_device(a, 0, a->pages, "and never written");
	if (e->read_only)
		expect_read_only(a);
	else
		area_write_device(a, 0, a->pages);
	if (area_to_ram(a, 0, a->pages) != (long)a->pages)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: not all pages come back", a->name);
	area_check(a, 0, a->pages, "back from the device");
}

static bool run_empty(struct devmem *dev, const struct empty *e)
{
	struct p2pcert_faults refuse_huge = { .mask = e->refused, .times = e->refused != 0 };
	size_t pages = e->kind == AREA_HUGE ? huge_pages() : PAGES;
	struct area *a = area_new(dev, e->kind, pages, e->name);

	if (!a || !devmem_set_faults(dev, refuse_huge)) {
		area_end(a);
		return false;
	}
	try_empty(a, e);
	area_end(a);
	return devmem_set_faults(dev, (struct p2pcert_faults){ 0 });
}

static bool body_zero_page(struct devmem *dev)
{
	for (size_t i = 0; i < ARRAY_LEN(empties); i++)
		if (!run_empty(dev, &empties[i]))
			return false;
	return true;
}

/* --- records ---------------------------------------------------------------------------------- */

DEVMEM_SCENARIO(file, "file", "pages of a file stay, private copies of them go to the device", 20);
DEVMEM_SCENARIO(shmem, "shmem", "shared memory stays, private copies of it go to the device", 20);
DEVMEM_SCENARIO(hugetlb, "hugetlb",
		"huge pages of hugetlbfs are refused, and the device can use them", 20);
DEVMEM_SCENARIO(zero_page, "zero-page", "memory that nobody has written is zero in the device", 20);
