/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.leak: the same memory is mapped and unmapped thousands of times, in each way. What is held is the
 * same afterwards, and the addresses that are used do not wander: the lowest one of the second half of the time
 * is none that the first half did not reach. Where unmapping is lazy, addresses come back when a queue is full or a timer goes off, and it is a
 * matter of time how far down they go until then: there it goes on for as long as they do, up to a limit.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/dma_rig.h"

#define PAGES 4
#define LAPS 2
#define LAPS_LAZY 16

static const struct dma_want ways[] = {
	{ .name = "in two steps", .method = P2PCERT_IOVA_BY_IOVA },
	{ .name = "in two steps, unlinked before",
	  .method = P2PCERT_IOVA_BY_IOVA,
	  .flags = P2PCERT_IOVA_UNLINK },
	{ .name = "page by page", .method = P2PCERT_IOVA_BY_PAGE },
	{ .name = "as a scatterlist", .method = P2PCERT_IOVA_BY_SG },
	{ .name = "unpinned", .method = P2PCERT_IOVA_BY_HMM },
};

static size_t cycles(const struct dma_rig *r)
{
	static const size_t of_level[NR_LEVELS] = { 250, 1000, 10000, 10000 };

	return of_level[scn_env(r->ctx)->level];
}

/* Maps and unmaps so many times. 0 or a negative errno; *lowest is the lowest address of all. */
static int cycle(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w,
		 size_t times, uint64_t *lowest)
{
	*lowest = UINT64_MAX;
	for (size_t i = 0; i < times; i++) {
		struct dma_mapping m;
		int err = dma_map(r, a, w, &m);

		if (err)
			return err;
		for (size_t k = 0; k < PAGES; k++)
			if (m.pages[k].dma_addr < *lowest)
				*lowest = m.pages[k].dma_addr;
		dma_unmap(r, &m, NULL);
	}
	return 0;
}

static void exercise(struct dma_rig *r, const struct dma_area *a, struct dma_want w)
{
	const size_t lap = cycles(r) / LAPS;
	const size_t most = dma_is_lazy(r) ? LAPS_LAZY : LAPS;
	uint64_t before, lowest = 0;
	size_t laps = 1;
	int err;

	w.len = a->len;
	err = cycle(r, a, &w, lap, &lowest);
	do {
		before = lowest;
		err = err ? err : cycle(r, a, &w, lap, &lowest);
		laps++;
	} while (!err && r->translated && lowest < before && laps < most);
	/* no range is to be had; or bouncing is not for who does not own the buffer */
	if (err == -EOPNOTSUPP && !r->translated)
		return;
	if (err)
		dma_refute(r, EVIDENCE_LEAK, "%s: cannot be mapped any more: %s", w.name,
			   errno_text(err));
	else if (r->translated && lowest < before)
		dma_refute(r, EVIDENCE_LEAK,
			   "%s: addresses went down with every %zu of %zu mappings, to 0x%" PRIx64,
			   w.name, lap, laps * lap, lowest);
	else
		dma_prove(r, EVIDENCE_LEAK, "%s: %zu mappings, the lowest address is 0x%" PRIx64,
			  w.name, laps * lap, before);
}

static bool body_leak(struct dma_rig *r)
{
	struct dma_area a;

	if (!dma_one_cpu(r) || !dma_area_ready(r, &a, PAGES))
		return false;
	dma_area_fill(&a, dma_seed(r));
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		exercise(r, &a, ways[i]);
	dma_area_end(&a);
	return true;
}

DMA_SCENARIO(leak, "leak", "thousands of mappings leave nothing behind", 0, 180, "free-late");
