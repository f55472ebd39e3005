/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devpriv family: the CPU touches memory that is in the device, one page at a time. */
#include <inttypes.h>

#include "scenario/devmem.h"

#define PAGES 64

/* Not next to each other, and the first and the last. */
static const size_t touched[] = { 0, 5, 6, 31, 40, PAGES - 1 };

static void touch(struct area *a, size_t i, bool write)
{
	if (write)
		area_fill(a, i, 1);
	else
		(void)*(volatile unsigned char *)area_page(a, i);
}

/* One page comes back, with what was in it, and its neighbours stay away. */
static bool touch_one(struct area *a, size_t i, bool write)
{
	struct p2pcert_devpriv_counters before, after;
	struct devmem *dev = a->dev;

	if (!devmem_counted(dev, &before))
		return false;
	touch(a, i, write);
	if (!devmem_counted(dev, &after))
		return false;
	if (after.pages_to_ram - before.pages_to_ram != 1)
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "one page was touched, and %" PRIu64 " came back",
			      (uint64_t)(after.pages_to_ram - before.pages_to_ram));
	if (after.cpu_faults == before.cpu_faults)
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "a page was touched, and the device saw no fault");
	return area_look(a, i, 1, AREA_IN_RAM, "touched") &&
	       area_check(a, i, 1, write ? "after a write" : "after a read");
}

static bool is_touched(size_t page)
{
	for (size_t i = 0; i < ARRAY_LEN(touched); i++)
		if (touched[i] == page)
			return true;
	return false;
}

static bool run_faults(struct devmem *dev, bool write)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, write ? "write-fault" : "read-fault");

	if (!a)
		return false;
	area_fill(a, 0, PAGES);
	if (area_send(a, 0, PAGES))
		for (size_t i = 0; i < ARRAY_LEN(touched) && !dev->refuted; i++)
			(void)touch_one(a, touched[i], write);
	for (size_t i = 0; i < PAGES && !dev->refuted; i++)
		if (!is_touched(i) && area_look(a, i, 1, AREA_AWAY, "while others were touched"))
			(void)area_check_device(a, i, 1, "while others were touched");
	area_check(a, 0, PAGES, "at the end");
	area_end(a);
	return true;
}

static bool run_read(struct devmem *dev)
{
	return run_faults(dev, false);
}

static bool run_write(struct devmem *dev)
{
	return run_faults(dev, true);
}

static enum outcome run_read_fault(struct scenario_ctx *ctx)
{
	return devmem_run_by_engine(ctx, run_read, 2 * PAGES);
}

static enum outcome run_write_fault(struct scenario_ctx *ctx)
{
	return devmem_run_by_engine(ctx, run_write, 2 * PAGES);
}

const struct scenario scenario_devpriv_read_fault = {
	.id = "devpriv.read-fault",
	.title = "a page that is read comes back, and only that page",
	.NEEDS(DEVMEM_NEEDS, { NEED_MODULE, "p2pcert_edu" }),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 30,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_read_fault,
};

const struct scenario scenario_devpriv_write_fault = {
	.id = "devpriv.write-fault",
	.title = "a page that is written comes back, and only that page",
	.NEEDS(DEVMEM_NEEDS, { NEED_MODULE, "p2pcert_edu" }),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 30,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_write_fault,
};
