/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: how fast memory goes to the device and comes back, for small pages and huge ones,
 * beside copying as much with memcpy() in the same run. Figures, which no one holds against anything;
 * the data is checked all the same, as wrong data is fast.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/devmem.h"

#define HUGE_BYTES (2u << 20)
#define ROUNDS 32 /* at most, of a size and kind */
#define ROUNDS_MIN 3
#define ROUNDS_NS (NS_PER_S / 2) /* after which no other is begun */

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)

static const struct size_case {
	enum level level; /* the first that it is part of */
	uint64_t bytes;
} sizes[] = {
	{ LEVEL_QUICK, KIB(4) },   { LEVEL_QUICK, KIB(64) },    { LEVEL_QUICK, MIB(1) },
	{ LEVEL_QUICK, MIB(2) },   { LEVEL_STANDARD, MIB(16) }, { LEVEL_STANDARD, MIB(64) },
	{ LEVEL_FULL, MIB(1024) },
};

/* What is timed, in this order in each round. */
enum step { STEP_OUT, STEP_BACK, STEP_OUT_AGAIN, STEP_TOUCH, STEP_COPY, NR_STEPS };

struct bench {
	struct area *area;
	unsigned char *copy; /* as much memory */
	size_t rounds;
	uint64_t ns[NR_STEPS][ROUNDS];
};

static bool out(struct bench *b)
{
	return area_to_device(b->area, 0, b->area->pages) == (long)b->area->pages;
}

static bool back(struct bench *b)
{
	return area_to_ram(b->area, 0, b->area->pages) == (long)b->area->pages;
}

static bool touch(struct bench *b)
{
	for (size_t i = 0; i < b->area->pages; i++)
		(void)*(volatile unsigned char *)area_page(b->area, i);
	return true;
}

static bool copy(struct bench *b)
{
	memcpy(b->copy, b->area->start, b->area->pages * page_size());
	return true;
}

static const struct {
	const char *name; /* NULL: as before, and not told again */
	bool (*run)(struct bench *b);
} steps[NR_STEPS] = {
	[STEP_OUT] = { "to-device", out }, [STEP_BACK] = { "to-ram", back },
	[STEP_OUT_AGAIN] = { NULL, out },  [STEP_TOUCH] = { "cpu-fault", touch },
	[STEP_COPY] = { "memcpy", copy },
};

static bool run_round(struct bench *b)
{
	for (size_t s = 0; s < NR_STEPS; s++) {
		int64_t start = clock_ns();

		if (!steps[s].run(b)) {
			devmem_refute(b->area->dev, EVIDENCE_PATH, "%s: not all pages move",
				      b->area->name);
			return false;
		}
		b->ns[s][b->rounds] = (uint64_t)(clock_ns() - start);
	}
	b->rounds++;
	return true;
}

/* --- figures ---------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest value that so many percent of the sorted ones do not exceed. */
static uint64_t percentile(const uint64_t *sorted, size_t n, unsigned int percent)
{
	return sorted[(n * percent + 99) / 100 - 1];
}

static void measure(struct bench *b, const char *what, uint64_t *ns)
{
	static const unsigned int percents[] = { 50, 90, 99 };
	struct scenario_ctx *ctx = b->area->dev->ctx;
	autofree char *rate = xasprintf("%s.%s.rate", b->area->name, what);
	double bytes = (double)(b->area->pages * page_size());

	qsort(ns, b->rounds, sizeof(*ns), compare);
	if (percentile(ns, b->rounds, 50))
		scn_measure(ctx, rate, "bytes/s",
			    bytes * 1e9 / (double)percentile(ns, b->rounds, 50));
	for (size_t i = 0; i < ARRAY_LEN(percents); i++) {
		autofree char *name = xasprintf("%s.%s.p%u", b->area->name, what, percents[i]);

		scn_measure(ctx, name, "ns", (double)percentile(ns, b->rounds, percents[i]));
	}
}

static bool run_size(struct devmem *dev, uint64_t bytes, enum area_kind kind)
{
	size_t pages = bytes / page_size();
	autofree char *name = xasprintf("%s%s.%" PRIu64, dev->is_bar ? "bar." : "",
					kind == AREA_HUGE ? "huge" : "pages", bytes);
	struct bench b = { .area = area_new(dev, kind, pages, name) };
	int64_t start = clock_ns();

	if (!b.area)
		return false;
	b.copy = xcalloc(pages, page_size());
	area_fill(b.area, 0, pages);
	memset(b.copy, 1, pages * page_size());
	/* once with a look at where they are: what does not move is fast */
	if (area_send(b.area, 0, pages))
		area_check(b.area, 0, pages, "before the first round");
	while (!dev->refuted && b.rounds < ROUNDS &&
	       (b.rounds < ROUNDS_MIN || clock_ns() - start < ROUNDS_NS) && run_round(&b))
		;
	for (size_t s = 0; s < NR_STEPS && !dev->refuted; s++)
		if (steps[s].name)
			measure(&b, steps[s].name, b.ns[s]);
	if (b.rounds)
		area_check_copy(b.area, b.copy, 0, pages, "copied after the last round");
	free(b.copy);
	area_end(b.area);
	return true;
}

/* It is in memory, copied, and in a device that takes its memory from the same place. */
static bool fits(const struct devmem *dev, uint64_t bytes)
{
	uint64_t available;

	/* half the device at most, so that what others have there does not matter */
	return bytes >= page_size() && bytes / page_size() <= dev->pages / 2 &&
	       proc_status_bytes("/proc/meminfo", "MemAvailable", &available) == 0 &&
	       bytes <= available / 6;
}

static bool body(struct devmem *dev)
{
	for (size_t i = 0; i < ARRAY_LEN(sizes) && !dev->refuted; i++) {
		uint64_t n = sizes[i].bytes;

		if (sizes[i].level > scn_env(dev->ctx)->level || !fits(dev, n))
			continue;
		if (!run_size(dev, n, AREA_PRIVATE) ||
		    (n >= HUGE_BYTES && !run_size(dev, n, AREA_HUGE)))
			return false;
	}
	return true;
}

static enum outcome run_bench(struct scenario_ctx *ctx)
{
	enum outcome outcome = devmem_run(ctx, body);

	return outcome == OUTCOME_PASS ? OUTCOME_INFO : outcome;
}

const struct scenario scenario_devpriv_bench = {
	.id = "devpriv.bench",
	.title = "how fast memory goes to the device and comes back, beside memcpy()",
	.NEEDS(DEVMEM_NEEDS),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 120,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_bench,
};
