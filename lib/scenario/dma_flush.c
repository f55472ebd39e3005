/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.single-flush: however many pages are linked to a range of addresses, unlinking them makes the
 * kernel flush the IOMMU's cache once. What it calls to flush is counted by a kprobe, as no trace event
 * is common to all IOMMUs: for many pages in one range as often as for one, and beside that for as many
 * pages that are mapped one by one. Those are flushed at once where the kernel is strict, and where it is
 * lazy not at once, but soon.
 */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/callcount.h"
#include "scenario/dma_flushes.h"
#include "scenario/dma_rig.h"

#define PAGES 16
/* Others flush, too, for devices of their own: the least of some counts is ours. */
#define ROUNDS 5

/* What is called once for each flush, by the beginning of an IOMMU unit's name in sysfs. */
static const struct flusher {
	const char *unit, *function;
} flushers[] = {
	{ "dmar", "qi_submit_sync" },
	{ "ivhd", "amd_iommu_domain_flush_pages" },
};

static const struct flusher *flusher_of(const struct function *f)
{
	for (size_t i = 0; f->iommu_unit && i < ARRAY_LEN(flushers); i++)
		if (strncmp(f->iommu_unit, flushers[i].unit, strlen(flushers[i].unit)) == 0)
			return &flushers[i];
	return NULL;
}

/* The least of several counts of one mapping, from before it to after. 0 or a negative errno. */
static int count(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w,
		 const struct callcount *c, uint64_t *least)
{
	*least = UINT64_MAX;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct dma_mapping m;
		uint64_t before, after;
		int err = dma_map(r, a, w, &m);

		if (err)
			return err;
		err = callcount_read(c, &before);
		dma_unmap(r, &m, NULL);
		err = err ? err : callcount_read(c, &after);
		if (err)
			return err;
		if (after - before < *least)
			*least = after - before;
	}
	return 0;
}

/* The same of pages that are unmapped one by one, as soon as one has come, or none does. */
static int count_later(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w,
		       const struct callcount *c, uint64_t *flushes)
{
	const struct timespec moment = { .tv_nsec = NS_PER_MS };
	const int64_t end = clock_ns() + DMA_FLUSH_WAIT_MS * NS_PER_MS;
	struct dma_mapping m;
	uint64_t before, now;
	int err = dma_map(r, a, w, &m);

	if (err)
		return err;
	err = callcount_read(c, &before);
	dma_unmap(r, &m, NULL);
	do {
		nanosleep(&moment, NULL);
		err = err ? err : callcount_read(c, &now);
		*flushes = err ? 0 : now - before;
	} while (!err && !*flushes && clock_ns() < end);
	return err;
}

static void judge(struct dma_rig *r, const struct flusher *f, const struct dma_flushes *seen)
{
	autofree char *wrong = seen->one ? dma_refuse_flushes(seen) : NULL;
	autofree char *text = dma_flushes_text(seen);

	scn_measure(r->ctx, "flushes.range", "", (double)seen->range);
	scn_measure(r->ctx, "flushes.page-by-page", "", (double)seen->singly);
	if (!seen->one)
		dma_missing(r, EVIDENCE_COUNTERS, "unlinking one page does not call '%s'",
			    f->function);
	else if (wrong)
		dma_refute(r, EVIDENCE_COUNTERS, "%s (calls of '%s')", wrong, f->function);
	else
		dma_prove(r, EVIDENCE_COUNTERS, "%s (calls of '%s')", text, f->function);
}

static int exercise(struct dma_rig *r, const struct flusher *f, const struct callcount *c)
{
	struct dma_want w = { .method = P2PCERT_IOVA_BY_IOVA, .flags = P2PCERT_IOVA_UNLINK };
	struct dma_flushes seen = {
		.lazy = dma_is_lazy(r),
		.pages = PAGES,
	};
	struct dma_area a;
	int err = dma_area_begin(&a, PAGES);

	if (err)
		return err;
	dma_area_fill(&a, dma_seed(r));
	w.len = page_size();
	err = count(r, &a, &w, c, &seen.one);
	w.len = a.len;
	err = err ? err : count(r, &a, &w, c, &seen.range);
	w.method = P2PCERT_IOVA_BY_PAGE;
	err = err ? err : count(r, &a, &w, c, &seen.singly);
	if (seen.lazy)
		err = err ? err : count_later(r, &a, &w, c, &seen.later);
	if (!err)
		judge(r, f, &seen);
	dma_area_end(&a);
	return err;
}

static bool body_single_flush(struct dma_rig *r)
{
	const struct flusher *f = flusher_of(r->engine);
	struct callcount c;
	int err;

	if (!r->translated || !f) {
		dma_not_here(r, r->translated
					? "how its IOMMU is flushed is not known"
					: "no IOMMU translates for it: there is nothing to flush");
		return true;
	}
	err = callcount_open(&c, f->function);
	if (err)
		dma_not_here(r, "calls of '%s' cannot be counted: %s", f->function, strerror(-err));
	else
		err = exercise(r, f, &c);
	if (err && err != -ENOENT)
		dma_missing(r, EVIDENCE_COUNTERS, "flushes cannot be counted: %s", strerror(-err));
	callcount_close(&c);
	return true;
}

DMA_SCENARIO(single_flush, "single-flush",
	     "a range of I/O addresses is flushed once, however many pages it has", EV(COUNTERS),
	     60, "flush-each");
