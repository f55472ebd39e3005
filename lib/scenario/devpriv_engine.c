/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.engine-copy: a DMA engine moves the data of pages that migrate, on each way that they can
 * take. It must have moved all of them, by its own count; and those that it does not take or does not
 * finish are the CPU's, each of them, with nothing lost.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "scenario/devmem.h"

#define PAGES_SLOW 5
#define PAGES_FAST 64
#define SLOW_PAGE_NS (5 * 1000 * 1000)

static bool go_out(struct area *a)
{
	return area_send(a, 0, a->pages);
}

static bool come_back(struct area *a)
{
	long back = area_to_ram(a, 0, a->pages);

	if (back == (long)a->pages)
		return area_look(a, 0, a->pages, AREA_IN_RAM, "brought back");
	devmem_refute(a->dev, EVIDENCE_PATH, "%s: %ld of %zu pages came back", a->name, back,
		      a->pages);
	return false;
}

static bool touch(struct area *a)
{
	for (size_t i = 0; i < a->pages; i++)
		(void)*(volatile unsigned char *)area_page(a, i);
	return area_look(a, 0, a->pages, AREA_IN_RAM, "touched");
}

static bool evict(struct area *a)
{
	struct p2pcert_devpriv_evict e = { .pages = a->pages };
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_EVICT, &e);

	if (!err && e.evicted == a->pages)
		return area_look(a, 0, a->pages, AREA_IN_RAM, "evicted");
	devmem_refute(a->dev, EVIDENCE_PATH, "%s: %" PRIu64 " of %zu pages were evicted (%s)",
		      a->name, (uint64_t)e.evicted, a->pages, errno_text(err));
	return false;
}

static const struct way {
	const char *name;
	bool (*go)(struct area *a);
	bool from_device; /* all must be there before */
} ways[] = {
	{ "on the way out", go_out, false },
	{ "on the way back", come_back, true },
	{ "when the CPU touches it", touch, true },
	{ "when the device wants it gone", evict, true },
};

/* Which of the pages the CPU has to copy. */
static const struct engine_case {
	const char *name;
	uint32_t fault; /* strikes each second page */
} cases[] = {
	{ "an engine that does its work", 0 },
	{ "an engine that refuses", P2PCERT_FAULT_ENGINE_REFUSES },
	{ "an engine that hangs", P2PCERT_FAULT_ENGINE_HANGS },
};

/* Each page was copied once, by whom it had to be. */
static void judge_counters(struct area *a, const struct p2pcert_devpriv_counters *before,
			   const struct p2pcert_devpriv_counters *after, bool faults)
{
	uint64_t failed = faults ? a->pages / 2 : 0;
	uint64_t by_engine = after->engine_copied - before->engine_copied;
	uint64_t by_cpu = after->cpu_copied - before->cpu_copied;
	uint64_t gave_up = after->engine_failed - before->engine_failed;

	if (by_engine != a->pages - failed || by_cpu != failed || gave_up != failed)
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "%s: the engine copied %" PRIu64 " of %zu pages, the CPU %" PRIu64
			      ", of which %" PRIu64 " were the engine's; %" PRIu64
			      " should be the CPU's",
			      a->name, by_engine, a->pages, by_cpu, gave_up, failed);
	else
		devmem_prove(a->dev, EVIDENCE_PATH,
			     "%s: the engine copied %" PRIu64 " pages, the CPU %" PRIu64, a->name,
			     by_engine, by_cpu);
}

/* Under the case's faults the pages go their way, and the engine is counted. False after scn_error(). */
static bool go_counted(struct area *a, const struct way *way, const struct engine_case *c)
{
	struct p2pcert_devpriv_counters before, after;
	bool gone;

	if (!devmem_counted(a->dev, &before))
		return true;
	if (!devmem_set_faults(a->dev, (struct p2pcert_faults){ .mask = c->fault, .every = 2 }))
		return false;
	gone = way->go(a);
	if (!devmem_set_faults(a->dev, (struct p2pcert_faults){ 0 }))
		return false;
	if (gone && devmem_counted(a->dev, &after))
		judge_counters(a, &before, &after, c->fault);
	return true;
}

static bool run_case(struct area *a, const struct way *way, const struct engine_case *c)
{
	area_fill(a, 0, a->pages);
	if (way->from_device && (!area_send(a, 0, a->pages) || !area_write_device(a, 0, a->pages)))
		return true;
	if (!go_counted(a, way, c))
		return false;
	if (!way->from_device && !a->dev->refuted)
		area_check_device(a, 0, a->pages, "in the device");
	area_check(a, 0, a->pages, "in memory again");
	return true;
}

static bool body(struct devmem *dev)
{
	size_t pages = PAGES_FAST;
	bool ok = true;

	if (!devmem_engine_begin(dev, 0)) {
		devmem_skip(dev, SKIP_HW_UNSUPPORTED,
			    "no DMA engine is free, copies memory and reaches it");
		return false;
	}
	dev->engine.may_fail = true;
	if (dev->engine.page_ns > SLOW_PAGE_NS)
		pages = PAGES_SLOW;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++)
		for (size_t w = 0; w < ARRAY_LEN(ways) && ok && !dev->refuted; w++) {
			autofree char *name = xasprintf("%s, %s", cases[c].name, ways[w].name);
			struct area *a = area_new(dev, AREA_PRIVATE, pages, name);

			ok = a && run_case(a, &ways[w], &cases[c]);
			area_end(a);
		}
	return ok;
}

static enum outcome run_engine(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body);
}

const struct scenario scenario_devpriv_engine_copy = {
	.id = "devpriv.engine-copy",
	.title = "a DMA engine moves the data of pages that migrate, and the CPU what it leaves",
	.NEEDS(DEVMEM_NEEDS, { NEED_KCONFIG, "CONFIG_DMA_ENGINE" }, { NEED_MODULE, "p2pcert_edu" }),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 60,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_engine,
};
