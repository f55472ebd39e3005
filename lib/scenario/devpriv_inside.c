/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: a device that uses a part of a huge page in its own memory. It asks the kernel
 * for the pages of a range that begins inside, as a driver does at a page fault, and what it writes
 * there must be found there, by the device and by the CPU, and nowhere else.
 */
#include <string.h>

#include "base/alloc.h"
#include "scenario/devmem.h"
#include "scenario/pattern.h"

#define HUGE_BYTES (2u << 20)
#define WORKAROUND "hmm-huge-offset"

static size_t huge_pages(void)
{
	return HUGE_BYTES / page_size();
}

/* Where the device's writes went, when they are not where they should be; a->pages: nowhere. */
static size_t find(struct area *a, size_t written)
{
	struct pattern_mismatch m;

	for (size_t i = 0; i < a->pages; i++)
		if (i != written && pattern_verify(area_page(a, i), page_size(), a->seeds[written],
						   written * page_size(), &m))
			return i;
	return a->pages;
}

static bool is_there(struct area *a, size_t at)
{
	struct pattern_mismatch m;

	return pattern_verify(area_page(a, at), page_size(), a->seeds[at], at * page_size(), &m);
}

/* The CPU finds what the device has written where it was written. */
static bool expect_there(struct area *a, size_t at)
{
	size_t landed;

	if (is_there(a, at))
		return true;
	landed = find(a, at);
	if (landed == a->pages)
		return area_check(a, at, 1, "written by the device");
	devmem_refute(a->dev, EVIDENCE_DATA,
		      "%s: what the device wrote to page %zu is in page %zu, whose data is lost",
		      a->name, at, landed);
	scn_finding(a->dev->ctx, "HMM-WRONG-DEVICE-PAGE", NULL, 0,
		    "%s: a device that writes to page %zu of a huge page in its memory, through "
		    "what hmm_range_fault() tells it, writes to page %zu: the data there is lost",
		    a->dev->name, at, landed);
	return false;
}

/* One page of it is read and written through a new mirror, so that nothing is known of the others. */
static void use_one(struct area *a, size_t at)
{
	area_fill(a, 0, a->pages);
	if (!area_send(a, 0, a->pages) || !area_mirror(a))
		return;
	if (area_write_mirror(a, at, 1) && expect_there(a, at)) {
		area_check(a, 0, a->pages, "around what the device wrote");
		if (area_send(a, 0, a->pages))
			area_check_mirror(a, at, 1, "alone");
	}
	devmem_unmirror(a->dev);
}

static bool run_kind(struct devmem *dev, enum area_kind kind)
{
	const size_t at[] = { 0, 1, huge_pages() / 2, huge_pages() - 1 };
	const char *name = kind == AREA_HUGE ? "a huge page" : "pages that are not huge";
	struct area *a = area_new(dev, kind, huge_pages(), name);

	if (!a)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(at) && !dev->refuted; i++)
		use_one(a, at[i]);
	area_end(a);
	return true;
}

/* What a user can do about it comes first, and may be all: as many pages that are not huge. */
static bool body_inside(struct devmem *dev)
{
	bool small = scn_works_around(dev->ctx, WORKAROUND);

	return run_kind(dev, AREA_PRIVATE) && (small || dev->refuted || run_kind(dev, AREA_HUGE));
}

static enum outcome run_inside(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_inside);
}

const struct scenario scenario_devpriv_inside = {
	.id = "devpriv.inside-huge",
	.title = "a device that uses a part of a huge page in its memory uses that part",
	.NEEDS(DEVMEM_NEEDS),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 20,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.WORKAROUNDS(WORKAROUND),
	.run = run_inside,
};
