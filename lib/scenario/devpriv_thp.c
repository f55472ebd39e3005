/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: huge pages. Where the kernel can, one goes to the device whole and comes back
 * whole; it is split when only a part of it is touched, unmapped or moved, or when one side has no
 * huge page to give. The data must be right in all cases.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "scenario/devmem.h"

#define HUGE_BYTES (2u << 20)

static size_t huge_pages(void)
{
	return HUGE_BYTES / page_size();
}

/* What the device is made to do besides, and how the memory is used. */
struct thp_case {
	const char *name;
	uint32_t faults; /* of the module */
	bool whole_out; /* goes to the device as one */
	bool whole_back; /* and comes back as one */
	void (*use)(struct area *a);
};

static void touch_all(struct area *a)
{
	area_check(a, 0, a->pages, "touched from the first page on");
}

static void touch_middle(struct area *a)
{
	area_check(a, a->pages / 2, 1, "touched in the middle first");
	area_check(a, 0, a->pages, "then all of it");
}

static void unmap_part(struct area *a)
{
	size_t at = 3, nr = 5;

	if (munmap(area_page(a, at), nr * page_size()) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "munmap() fails: %s", strerror(errno));
	area_look(a, at, nr, AREA_NOWHERE, "after munmap()");
	area_check(a, 0, at, "before a hole");
	area_check(a, at + nr, a->pages - at - nr, "behind a hole");
}

static void move_part(struct area *a, int flags)
{
	size_t nr = a->pages / 4, len = nr * page_size();
	unsigned char *to = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (to == MAP_FAILED || mremap(area_page(a, nr), len, len,
				       MREMAP_MAYMOVE | MREMAP_FIXED | flags, to) == MAP_FAILED) {
		devmem_refute(a->dev, EVIDENCE_PATH, "mremap() of a part fails: %s",
			      strerror(errno));
		return;
	}
	area_check_copy(a, to, nr, nr, "where mremap() moved them");
	area_check(a, 0, nr, "before what was moved");
	area_check(a, 2 * nr, a->pages - 2 * nr, "behind what was moved");
	munmap(to, len);
}

static void move_away(struct area *a)
{
	move_part(a, 0);
}

static void move_leave(struct area *a)
{
	move_part(a, MREMAP_DONTUNMAP);
	/* what stays behind is as if it had never been touched */
	area_expect(a, a->pages / 4, a->pages / 4, 0);
	area_check(a, a->pages / 4, a->pages / 4, "left behind by MREMAP_DONTUNMAP");
}

static void protect_part(struct area *a)
{
	size_t nr = a->pages / 4;

	if (mprotect(area_page(a, nr), nr * page_size(), PROT_READ) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mprotect() of a part fails: %s",
			      strerror(errno));
	area_check(a, 0, a->pages, "with a part that is read-only");
}

/* Freed when memory is short, which it is not: each page is as it was, or empty. */
static void free_all(struct area *a)
{
	if (madvise(a->start, a->pages * page_size(), MADV_FREE) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "MADV_FREE fails: %s", strerror(errno));
	for (size_t i = 0; i < a->pages; i++)
		if (!*(volatile unsigned char *)area_page(a, i) &&
		    !memcmp(area_page(a, i), area_page(a, i) + 1, page_size() - 1))
			area_expect(a, i, 1, 0);
	area_check(a, 0, a->pages, "after MADV_FREE");
	area_fill(a, 0, a->pages);
	area_check(a, 0, a->pages, "written after MADV_FREE");
}

static void drop(struct area *a, size_t first, size_t nr)
{
	if (madvise(area_page(a, first), nr * page_size(), MADV_DONTNEED) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "MADV_DONTNEED fails: %s", strerror(errno));
	area_expect(a, first, nr, 0);
	area_look(a, first, nr, AREA_NOWHERE, "after MADV_DONTNEED");
	area_check(a, 0, a->pages, "after MADV_DONTNEED");
}

static void drop_all(struct area *a)
{
	drop(a, 0, a->pages);
}

static void drop_part(struct area *a)
{
	drop(a, a->pages / 4, a->pages / 4);
}

static const struct thp_case cases[] = {
	{ "whole", 0, true, true, touch_all },
	{ "touched in the middle", 0, true, true, touch_middle },
	{ "partly unmapped", 0, true, false, unmap_part },
	{ "partly moved", 0, true, false, move_away },
	{ "partly moved, not unmapped", 0, true, false, move_leave },
	{ "partly read-only", 0, true, false, protect_part },
	{ "freed", 0, true, true, free_all },
	{ "not needed", 0, true, false, drop_all },
	{ "partly not needed", 0, true, false, drop_part },
	{ "the device has only small pages to give", P2PCERT_FAULT_NO_DEVICE_MEMORY, false, false,
	  touch_all },
};

/* Once: the huge page is refused, the small ones are not. */
static bool set_faults(struct devmem *dev, uint32_t mask)
{
	return devmem_set_faults(dev,
				 (struct p2pcert_faults){ .mask = mask, .times = mask ? 1 : 0 });
}

static void expect_huge(struct area *a, const char *way, uint64_t moved, bool whole)
{
	if (whole && moved != 1)
		devmem_refute(a->dev, EVIDENCE_COUNTERS,
			      "%s: the huge page did not %s as one: %" PRIu64, a->name, way, moved);
	if (!whole && moved)
		devmem_refute(a->dev, EVIDENCE_COUNTERS, "%s: the huge page must not %s as one",
			      a->name, way);
}

/* Is the area one huge page now? A kernel that has none to give is no failure of the device. */
static bool is_huge(struct area *a, bool *huge)
{
	struct p2pcert_devpriv_counters before, after;

	area_fill(a, 0, a->pages);
	if (!devmem_counted(a->dev, &before) || !area_send(a, 0, a->pages) ||
	    !devmem_counted(a->dev, &after))
		return false;
	*huge = after.huge_to_device != before.huge_to_device;
	return true;
}

static void run_case(struct area *a, const struct thp_case *c)
{
	struct p2pcert_devpriv_counters before, between, after;

	area_fill(a, 0, a->pages);
	if (!devmem_counted(a->dev, &before) || !area_send(a, 0, a->pages) ||
	    !devmem_counted(a->dev, &between))
		return;
	expect_huge(a, "go out", between.huge_to_device - before.huge_to_device, c->whole_out);
	area_check_device(a, 0, a->pages, "in the device");
	area_write_device(a, 0, a->pages);
	c->use(a);
	if (devmem_counted(a->dev, &after))
		expect_huge(a, "come back", after.huge_to_ram - between.huge_to_ram, c->whole_back);
}

/* Memory that was never written goes to the device as zeros, whatever was there before. */
static bool run_unwritten(struct devmem *dev, bool read)
{
	struct area *a = area_new(dev, AREA_HUGE, huge_pages(),
				  read ? "the huge zero page" : "never touched");

	if (!a)
		return false;
	if (read)
		(void)*(volatile unsigned char *)area_page(a, 0);
	if (area_send(a, 0, a->pages) && area_check_device(a, 0, a->pages, "in the device"))
		area_check(a, 0, a->pages, "brought back");
	area_end(a);
	return true;
}

static bool body(struct devmem *dev)
{
	struct area *probe = area_new(dev, AREA_HUGE, huge_pages(), "probe");
	bool huge = false;

	if (!probe)
		return false;
	if (is_huge(probe, &huge))
		area_check(probe, 0, probe->pages, "brought back");
	area_end(probe);
	if (!huge && !dev->refuted) {
		devmem_skip(
			dev, SKIP_KERNEL_VERSION,
			"no huge page goes to the device as one: the kernel cannot, or has none");
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(cases) && !dev->refuted; i++) {
		struct area *a = area_new(dev, AREA_HUGE, huge_pages(), cases[i].name);

		if (!a || !set_faults(dev, cases[i].faults))
			return false;
		run_case(a, &cases[i]);
		area_end(a);
	}
	return set_faults(dev, 0) && run_unwritten(dev, false) && run_unwritten(dev, true);
}

static enum outcome run_thp(struct scenario_ctx *ctx)
{
	return devmem_run_by_engine(ctx, body, (ARRAY_LEN(cases) + 2) * 2 * huge_pages());
}

const struct scenario scenario_devpriv_thp = {
	.id = "devpriv.thp",
	.title = "huge pages go to the device and back, whole or split, with all their data",
	.NEEDS(DEVMEM_NEEDS, { NEED_MODULE, "p2pcert_edu" }),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 40,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_thp,
};
