/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: what a driver must live with and that loses nothing. Each such fault of the
 * module strikes once, regularly and by chance, on each way that it can be met, with small pages and
 * with a huge one. What the module says it moved must be what the page table says is moved, what
 * stayed must go at the next try, and no byte may change.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/devmem.h"

#define SMALL_PAGES 64
#define HUGE_BYTES (2u << 20)

/* Where a fault can be met. Each says whether it is seen to have struck. */
enum way { WAY_OUT, WAY_BACK, WAY_TOUCH, WAY_DEVICE, NR_WAYS };

static const struct fault_case {
	const char *name;
	uint32_t mask;
	bool ways[NR_WAYS];
} faults[] = {
	{ "no device memory", P2PCERT_FAULT_NO_DEVICE_MEMORY, { [WAY_OUT] = true } },
	{ "no memory", P2PCERT_FAULT_NO_MEMORY, { [WAY_BACK] = true, [WAY_TOUCH] = true } },
	{ "a delay",
	  P2PCERT_FAULT_DELAY,
	  { [WAY_OUT] = true, [WAY_BACK] = true, [WAY_TOUCH] = true } },
	{ "an abort", P2PCERT_FAULT_ABORT, { [WAY_OUT] = true, [WAY_BACK] = true } },
	{ "an invalidation", P2PCERT_FAULT_INVALIDATED, { [WAY_DEVICE] = true } },
};

/* How often at most: a delay is 10 ms. */
static const struct plan {
	const char *name;
	uint32_t every, times;
	bool by_chance;
} plans[] = {
	{ "once", 0, 1, false },
	{ "at each seventh chance", 7, 10, false },
	{ "by chance", 5, 10, true },
};

/* What one way did, in figures that a fault changes. */
struct effect {
	uint64_t moved; /* of the pages that should */
	uint64_t huge; /* in huge pages */
	uint64_t cpu_faults;
	uint64_t retries; /* of the device's looks at the address space */
	int64_t ns;
};

struct run {
	struct devmem *dev;
	const struct fault_case *fault;
	const struct plan *plan;
	enum area_kind kind;
	enum way way;
	struct area *area;
};

/* --- ways ------------------------------------------------------------------------------------- */

/* One try, which the fault may leave unfinished: its count is the page table's. */
static void migrate_once(struct run *r, unsigned long request, enum area_place place,
			 struct effect *e)
{
	struct area *a = r->area;
	struct p2pcert_devpriv_range range = {
		.addr = (uintptr_t)a->start,
		.length = a->pages * page_size(),
	};
	struct pagemap_count c = { 0 };
	int err = modfd_ioctl(r->dev->fd, request, &range);
	size_t found;

	if (!err)
		err = range.result;
	if (err)
		devmem_refute(r->dev, EVIDENCE_PATH, "%s: the migration fails: %s", a->name,
			      errno_text(err));
	e->moved = range.pages;
	err = pagemap_count(r->dev->pagemap, a->start, a->pages * page_size(), &c);
	found = place == AREA_AWAY ? c.swap : c.present;
	if (err)
		devmem_missing(r->dev, EVIDENCE_PATH, "%s: the page table cannot be read: %s",
			       a->name, strerror(-err));
	else if (found != e->moved || c.none)
		devmem_refute(r->dev, EVIDENCE_PATH,
			      "%s: the module says that it moved %" PRIu64
			      " pages, and the page table has %zu in memory, %zu away, %zu nowhere",
			      a->name, e->moved, c.present, c.swap, c.none);
}

static bool way_out(struct run *r, struct effect *e)
{
	migrate_once(r, P2PCERT_IOC_DEVPRIV_TO_DEVICE, AREA_AWAY, e);
	return true;
}

static bool way_back(struct run *r, struct effect *e)
{
	migrate_once(r, P2PCERT_IOC_DEVPRIV_TO_RAM, AREA_IN_RAM, e);
	return true;
}

static bool way_touch(struct run *r, struct effect *e)
{
	struct area *a = r->area;

	area_check(a, 0, a->pages, "touched under faults");
	if (area_look(a, 0, a->pages, AREA_IN_RAM, "touched under faults"))
		e->moved = a->pages;
	return true;
}

/*
 * What the device has looked up is out of date at once, and it must look again, and again. Only a
 * mirror counts that, so its look is the first.
 */
static bool way_device(struct run *r, struct effect *e)
{
	struct p2pcert_devpriv_mirror_counters c = { 0 };
	struct area *a = r->area;

	if (!area_mirror(a))
		return false;
	area_check_mirror(a, 0, a->pages, "read by page table under faults");
	if (modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_MIRROR_COUNTERS, &c) == 0)
		e->retries = c.retries;
	devmem_unmirror(r->dev);
	area_check_device(a, 0, a->pages, "read under faults");
	if (area_write_device(a, 0, a->pages))
		e->moved = a->pages;
	return true;
}

static const struct {
	const char *name;
	bool from_device; /* all must be there before */
	bool (*go)(struct run *r, struct effect *e); /* false after scn_error() */
} ways[NR_WAYS] = {
	[WAY_OUT] = { "on the way out", false, way_out },
	[WAY_BACK] = { "on the way back", true, way_back },
	[WAY_TOUCH] = { "when the CPU touches it", true, way_touch },
	[WAY_DEVICE] = { "when the device uses it", true, way_device },
};

/* --- one case --------------------------------------------------------------------------------- */

/* Under the case's faults, what the way does; false after scn_error(). */
static bool go_under_faults(struct run *r, struct effect *e)
{
	const struct p2pcert_faults f = {
		.mask = r->fault->mask,
		.every = r->plan->every,
		.times = r->plan->times,
		.seed = r->plan->by_chance ? area_seed(r->area) : 0,
	};
	struct p2pcert_devpriv_counters before, after;
	int64_t start;

	if (!devmem_counted(r->dev, &before))
		return true;
	if (!devmem_set_faults(r->dev, f))
		return false;
	start = clock_ns();
	if (!ways[r->way].go(r, e))
		return false;
	e->ns = clock_ns() - start;
	if (!devmem_set_faults(r->dev, (struct p2pcert_faults){ 0 }))
		return false;
	if (!devmem_counted(r->dev, &after))
		return true;
	e->cpu_faults = after.cpu_faults - before.cpu_faults;
	e->huge = after.huge_to_device + after.huge_to_ram - before.huge_to_device -
		  before.huge_to_ram;
	return true;
}

/*
 * A fault that struck is seen: something stayed, or came in pieces, or came again, or took longer.
 * There are few looks, of which only the first is sure to be struck.
 */
static bool struck(const struct run *r, const struct effect *e)
{
	if (r->fault->mask == P2PCERT_FAULT_DELAY)
		return e->ns >= P2PCERT_DELAY_MS * NS_PER_MS;
	if (r->fault->mask == P2PCERT_FAULT_INVALIDATED)
		return e->retries || r->plan->times != 1;
	if (r->way == WAY_TOUCH)
		return e->cpu_faults > (r->kind == AREA_HUGE ? 1 : r->area->pages);
	return e->moved < r->area->pages || (r->kind == AREA_HUGE && !e->huge);
}

/* What stayed behind is not lost to the device, nor what came back to the CPU. */
static void finish(struct run *r, const struct effect *e)
{
	struct area *a = r->area;

	long left = (long)(a->pages - e->moved);

	if (r->way == WAY_OUT) {
		if (left && area_to_device(a, 0, a->pages) != left)
			devmem_refute(r->dev, EVIDENCE_PATH,
				      "%s: %ld pages stayed, and do not go without faults either",
				      a->name, left);
		if (area_look(a, 0, a->pages, AREA_AWAY, "without faults again"))
			area_check_device(a, 0, a->pages, "without faults again");
	}
	area_check(a, 0, a->pages, "without faults again");
}

static bool run_case(struct run *r)
{
	struct effect e = { 0 };
	struct area *a = r->area;

	area_fill(a, 0, a->pages);
	if (ways[r->way].from_device && !area_send(a, 0, a->pages))
		return true;
	if (!go_under_faults(r, &e))
		return false;
	finish(r, &e);
	/* a huge page has few chances, of which only the first is sure */
	if (!struck(r, &e) && (r->kind != AREA_HUGE || r->plan->times == 1))
		devmem_missing(r->dev, EVIDENCE_COUNTERS,
			       "%s: nothing shows that the fault struck: %" PRIu64
			       " pages moved, %" PRIu64 " CPU faults, %" PRIu64
			       " looks again, %" PRId64 " ns",
			       a->name, e.moved, e.cpu_faults, e.retries, e.ns);
	return true;
}

static bool run_way(struct run *r)
{
	bool huge = r->kind == AREA_HUGE, ok = true;
	size_t pages = huge ? HUGE_BYTES / page_size() : SMALL_PAGES;

	for (size_t i = 0; i < ARRAY_LEN(plans) && ok && !r->dev->refuted; i++) {
		autofree char *name = xasprintf("%s %s, %s, %s", r->fault->name, ways[r->way].name,
						plans[i].name, huge ? "a huge page" : "pages");

		r->plan = &plans[i];
		r->area = area_new(r->dev, r->kind, pages, name);
		ok = r->area && run_case(r);
		area_end(r->area);
	}
	return ok;
}

static bool body_error_inject(struct devmem *dev)
{
	static const enum area_kind kinds[] = { AREA_PRIVATE, AREA_HUGE };
	bool ok = true;

	for (size_t f = 0; f < ARRAY_LEN(faults); f++)
		for (unsigned int w = 0; w < NR_WAYS; w++)
			for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
				struct run r = {
					.dev = dev,
					.fault = &faults[f],
					.kind = kinds[k],
					.way = w,
				};

				if (ok && faults[f].ways[w] && !dev->refuted)
					ok = run_way(&r);
			}
	return ok;
}

DEVMEM_SCENARIO(error_inject, "error-inject",
		"what a driver must live with loses no byte and no page, and hangs nothing", 30);
