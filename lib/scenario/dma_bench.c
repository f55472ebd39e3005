/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.bench: how long mapping takes, and unmapping, in two steps, page by page and as a scatterlist, of
 * memory from one page to a gibibyte, side by side. Figures, which no one holds against anything.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/dma_rig.h"

#define ROUNDS 16 /* at most, of which the fastest counts */
#define ROUNDS_NS (NS_PER_S / 2) /* after which no other is begun */

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

static const struct size_case {
	enum level level; /* the first that it is part of */
	size_t bytes;
} sizes[] = {
	{ LEVEL_QUICK, KIB(4) },     { LEVEL_QUICK, KIB(64) },     { LEVEL_QUICK, MIB(1) },
	{ LEVEL_STANDARD, MIB(16) }, { LEVEL_STANDARD, MIB(256) }, { LEVEL_FULL, MIB(1024) },
};

static const struct dma_want ways[] = {
	{ .name = "iova", .method = P2PCERT_IOVA_BY_IOVA },
	{ .name = "page", .method = P2PCERT_IOVA_BY_PAGE },
	{ .name = "sg", .method = P2PCERT_IOVA_BY_SG },
};

struct figures {
	uint64_t map_ns, unmap_ns; /* the least */
};

/* Maps without a look at the pages, which is not what is timed. 0 or a negative errno. */
static int round_trip(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w,
		      struct figures *f)
{
	struct p2pcert_iova_map m = {
		.addr = (uintptr_t)a->addr,
		.length = a->len,
		.method = w->method,
	};
	uint64_t ns = 0;
	int err = modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_MAP, &m);

	err = err ? err : m.result;
	err = err ? err : modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_UNMAP, &ns);
	if (err)
		return err;
	f->map_ns = m.duration_ns < f->map_ns ? m.duration_ns : f->map_ns;
	f->unmap_ns = ns < f->unmap_ns ? ns : f->unmap_ns;
	return 0;
}

static void measure(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w)
{
	autofree char *map = xasprintf("%s.%zu.map", w->name, a->len);
	autofree char *unmap = xasprintf("%s.%zu.unmap", w->name, a->len);
	struct figures f = { UINT64_MAX, UINT64_MAX };
	int64_t start = clock_ns();
	int err = 0;

	for (size_t i = 0; i < ROUNDS && !err && (!i || clock_ns() - start < ROUNDS_NS); i++)
		err = round_trip(r, a, w, &f);
	if (err == -EOPNOTSUPP && w->method == P2PCERT_IOVA_BY_IOVA && !r->translated)
		return;
	if (err) {
		dma_not_here(r, "%zu bytes cannot be mapped, %s: %s", a->len, w->name,
			     errno_text(err));
		return;
	}
	scn_measure(r->ctx, map, "ns", (double)f.map_ns);
	scn_measure(r->ctx, unmap, "ns", (double)f.unmap_ns);
	r->used = true;
}

static bool fits(size_t bytes)
{
	uint64_t available;

	return bytes >= page_size() &&
	       proc_status_bytes("/proc/meminfo", "MemAvailable", &available) == 0 &&
	       bytes <= available / 3;
}

/* Bounce buffers are few, and everybody's: what would use up too many is left out. */
static bool body(struct dma_rig *r)
{
	const size_t bounced_max = MIB(16);
	size_t max = SIZE_MAX;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct dma_area a;

		if (sizes[i].level > scn_env(r->ctx)->level || sizes[i].bytes > max ||
		    !fits(sizes[i].bytes))
			continue;
		if (!dma_area_ready(r, &a, sizes[i].bytes / page_size()))
			return false;
		if (dma_bounces(r, &a))
			max = bounced_max;
		for (size_t k = 0; k < ARRAY_LEN(ways); k++)
			measure(r, &a, &ways[k]);
		dma_area_end(&a);
	}
	return true;
}

static enum outcome run_bench(struct scenario_ctx *ctx)
{
	enum outcome outcome = dma_run(ctx, body);

	return outcome == OUTCOME_PASS ? OUTCOME_INFO : outcome;
}

const struct scenario scenario_dma_bench = {
	.id = "dma.bench",
	.title = "how long it takes to map memory for DMA, in two steps and otherwise",
	.NEEDS(DMA_NEEDS),
	.evidence = EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 180,
	.FAULTS("leak", MODFD_FAULTS_ENTER),
	.run = run_bench,
};
