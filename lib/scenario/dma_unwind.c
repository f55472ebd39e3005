/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.unwind: mapping fails at every page, and when all is linked; what was done is undone by the calls
 * that a driver has for it, one way and the other. Then the same memory can be mapped again, where it
 * was before: the addresses have come back, as many as there were.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/dma_rig.h"

#define PAGES 8
#define CONTROLS 3

/* How a mapping is undone that has failed. */
struct way {
	const char *name;
	uint32_t method;
	uint32_t flags;
};

static const struct way ways[] = {
	{ "unlinked, then freed", P2PCERT_IOVA_BY_IOVA, P2PCERT_IOVA_UNLINK },
	{ "destroyed", P2PCERT_IOVA_BY_IOVA, 0 },
	{ "page by page", P2PCERT_IOVA_BY_PAGE, 0 },
};

struct unwind {
	struct dma_rig *rig;
	const struct way *way;
	struct dma_area *area;
	uint64_t iova; /* that a mapping gets as long as none has failed; 0: it is not the same */
	size_t failed; /* mappings that have, as they must */
	size_t moved; /* after how many of them the next one was elsewhere */
	uint64_t elsewhere; /* the last of these */
};

static struct dma_want want(const struct unwind *u, uint32_t fail_at, uint32_t flags)
{
	return (struct dma_want){
		.name = u->way->name,
		.method = u->way->method,
		.flags = u->way->flags | flags,
		.fail_at = fail_at,
		.len = u->area->len,
	};
}

/* Maps all of it, and unmaps. 0 or a negative errno; *iova is where it was. */
static int map_once(struct unwind *u, uint64_t *iova)
{
	const struct dma_want w = want(u, 0, 0);
	struct dma_mapping m;
	int err = dma_map(u->rig, u->area, &w, &m);

	if (err)
		return err;
	*iova = m.said.iova ? m.said.iova : m.pages[0].dma_addr;
	dma_unmap(u->rig, &m, NULL);
	return 0;
}

/* False if it cannot be mapped at all, which is said. */
static bool control(struct unwind *u)
{
	for (size_t i = 0; i < CONTROLS; i++) {
		uint64_t iova = 0;
		int err = map_once(u, &iova);

		if (err == -EOPNOTSUPP && u->way->method == P2PCERT_IOVA_BY_IOVA)
			return false;
		if (err) {
			dma_refute(u->rig, EVIDENCE_ERRNO, "%s: nothing fails, and yet: %s",
				   u->way->name, errno_text(err));
			return false;
		}
		if (i && iova != u->iova)
			iova = 0;
		u->iova = iova;
		if (!iova)
			return true;
	}
	return true;
}

/* One mapping that fails; and what is so afterwards. */
static void fail(struct unwind *u, uint32_t fail_at, uint32_t flags)
{
	const struct dma_want w = want(u, fail_at, flags);
	struct dma_mapping m;
	uint64_t iova = 0;
	int err = dma_map(u->rig, u->area, &w, &m);

	if (!err) {
		dma_refute(u->rig, EVIDENCE_ERRNO, "%s, page %u: the mapping does not fail", w.name,
			   fail_at);
		dma_unmap(u->rig, &m, NULL);
		return;
	}
	if (err == -EALREADY) {
		dma_refute(u->rig, EVIDENCE_ERRNO,
			   "%s, page %u: linked where another page is linked already", w.name,
			   fail_at);
		return;
	}
	u->failed++;
	err = map_once(u, &iova);
	if (err)
		dma_refute(u->rig, EVIDENCE_ERRNO,
			   "%s, page %u: after the failure the memory cannot be mapped: %s", w.name,
			   fail_at, errno_text(err));
	else if (u->iova && iova != u->iova) {
		u->moved++;
		u->elsewhere = iova;
		/* the next failure is held against this one */
		u->iova = iova;
	}
}

static void judge(struct unwind *u, uint64_t first)
{
	struct dma_rig *r = u->rig;

	if (!u->moved) {
		dma_prove(r, EVIDENCE_ERRNO,
			  "%s: %zu mappings failed as they must, and left nothing%s", u->way->name,
			  u->failed, first ? ": the next one is where it was before" : "");
		return;
	}
	dma_refute(
		r, EVIDENCE_LEAK,
		"%s: after %zu of %zu failures the next range is elsewhere, at last at 0x%" PRIx64
		" instead of 0x%" PRIx64 ": not all addresses have come back",
		u->way->name, u->moved, u->failed, u->elsewhere, first);
	scn_finding(
		r->ctx, "DMA-IOVA-LOST", &r->engine->addr, 1,
		"a mapping of %d pages that fails half way, and is undone by dma_iova_destroy(), "
		"gives back fewer addresses than it had: the next one gets others",
		PAGES);
}

static void exercise(struct unwind *u)
{
	struct dma_want w = want(u, 0, 0);
	uint64_t first;
	int err;

	if (!control(u))
		return;
	first = u->iova;
	for (uint32_t at = 1; at <= PAGES; at++)
		fail(u, at, 0);
	if (u->way->method == P2PCERT_IOVA_BY_IOVA)
		fail(u, 0, P2PCERT_IOVA_FAIL_SYNC);
	judge(u, first);
	w.len = 2 * page_size();
	if (!dma_exercise(u->rig, u->area, &w, NULL, &err) && err)
		dma_refute(u->rig, EVIDENCE_DATA, "%s: at the end it cannot be mapped: %s", w.name,
			   errno_text(err));
}

static bool body_unwind(struct dma_rig *r)
{
	struct dma_area a;

	if (!dma_one_cpu(r) || !dma_area_ready(r, &a, PAGES))
		return false;
	dma_area_fill(&a, dma_seed(r));
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct unwind u = { .rig = r, .way = &ways[i], .area = &a };

		exercise(&u);
	}
	dma_area_end(&a);
	return true;
}

DMA_SCENARIO(unwind, "unwind", "mapping that fails at any page leaves nothing behind",
	     EV(ERRNO) | EV(DATA), 120, DMA_DATA_FAULT_NAMES, "free-less");
