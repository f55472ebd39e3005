/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.six-cases: the ways in which an address that a device is given can come about, each of which has
 * its own code in the kernel: at its physical address; through an IOMMU; past it, on the bus below one
 * switch; through one bounce buffer; through several; and where a range neither begins nor ends with a
 * page. Each is exercised that this platform offers, and the others are named.
 */
#include <errno.h>

#include "base/alloc.h"
#include "scenario/dma_rig.h"

#define PAGES 4
#define INSET 136

static const char *const cases[] = {
	"direct",
	"through the IOMMU",
	"bus address behind an IOMMU",
	"one bounce buffer",
	"several bounce buffers",
	"unaligned",
};
enum { CASE_DIRECT, CASE_IOMMU, CASE_BUS, CASE_BOUNCE, CASE_BOUNCES, CASE_UNALIGNED, NR_CASES };

struct six {
	struct dma_rig *rig;
	bool seen[NR_CASES];
};

/* Which of the cases a mapping is one of. */
static void note(struct six *s, const struct dma_want *w, const struct dma_mapping *m)
{
	size_t n = dma_range_pages(&m->range);

	for (size_t i = 0; i < n; i++) {
		switch (dma_kind_of(&m->pages[i], m->range.translated)) {
		case DMA_DIRECT:
			s->seen[CASE_DIRECT] = true;
			break;
		case DMA_IOVA:
			s->seen[CASE_IOMMU] = true;
			break;
		case DMA_BUS:
			s->seen[CASE_BUS] |= s->rig->translated;
			break;
		case DMA_BOUNCED:
			s->seen[n > 1 ? CASE_BOUNCES : CASE_BOUNCE] = true;
			break;
		default:
			break;
		}
	}
	s->seen[CASE_UNALIGNED] |= w->offset % page_size() && n > 1;
}

/* As a driver does that has both: in two steps, or page by page where the kernel says so. */
static void exercise(struct six *s, struct dma_area *a, struct dma_want w, bool peers)
{
	struct dma_mapping m;
	int err;

	w.method = P2PCERT_IOVA_BY_IOVA;
	err = dma_map(s->rig, a, &w, &m);
	if (err == -EOPNOTSUPP) {
		w.method = P2PCERT_IOVA_BY_PAGE;
		err = dma_map(s->rig, a, &w, &m);
	}
	if (err == -EREMOTEIO || (err == -EOPNOTSUPP && peers))
		return;
	if (err) {
		dma_refute(s->rig, EVIDENCE_PATH, "%s: cannot be mapped: %s", w.name,
			   errno_text(err));
		return;
	}
	note(s, &w, &m);
	dma_unmap(s->rig, &m, NULL);
	if (!dma_exercise(s->rig, a, &w, NULL, &err) && err)
		dma_refute(s->rig, EVIDENCE_PATH, "%s: cannot be mapped a second time: %s", w.name,
			   errno_text(err));
}

static bool exercise_memory(struct six *s)
{
	const size_t page = page_size();
	const struct dma_want wants[] = {
		{ .name = "whole pages", .offset = 0, .len = PAGES * page },
		{ .name = "one page", .offset = page, .len = page },
		{ .name = "from within a page into another one",
		  .offset = INSET,
		  .len = PAGES * page - 2 * INSET },
	};
	struct dma_area a;

	if (!dma_area_ready(s->rig, &a, PAGES))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(wants); i++)
		exercise(s, &a, wants[i], false);
	dma_area_end(&a);
	return true;
}

static void exercise_peer(struct six *s, const struct function *f)
{
	const char *sysroot = scn_env(s->rig->ctx)->sysroot;
	autofree char *name = xasprintf("memory of %s", pci_addr_str(f->addr));
	const struct dma_want w = { .name = name, .len = 2 * page_size() };
	const struct function *const owners[] = { f, f };
	struct dma_area a;
	uint64_t before = 0;

	if (p2pmem_available(sysroot, f->addr, &before) < 0 ||
	    dma_area_begin_of(&a, sysroot, owners, ARRAY_LEN(owners)) < 0)
		return;
	exercise(s, &a, w, true);
	dma_area_end(&a);
	if (!p2pmem_judge_available(s->rig->ctx, f->addr, before))
		s->rig->refuted = true;
}

/* "direct, unaligned"; the caller frees it. */
static char *list(const struct six *s, bool seen)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < NR_CASES; i++) {
		char *longer;

		if (s->seen[i] != seen)
			continue;
		longer = xasprintf("%s%s%s", text, *text ? ", " : "", cases[i]);
		free(text);
		text = longer;
	}
	return text;
}

static bool body_six_cases(struct dma_rig *r)
{
	const struct platform *platform = scn_env(r->ctx)->platform;
	autofree char *seen = NULL, *missing = NULL;
	struct six s = { .rig = r };

	if (!exercise_memory(&s))
		return false;
	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];

		if (p2pmem_is_provider(f) && f != r->engine)
			exercise_peer(&s, f);
	}
	seen = list(&s, true);
	missing = list(&s, false);
	if (r->refuted)
		return true;
	dma_prove(r, EVIDENCE_PATH, "exercised: %s", seen);
	scn_why(r->ctx, "%s; not to be had here: %s", seen, *missing ? missing : "none");
	return true;
}

DMA_SCENARIO(six_cases, "six-cases", "each way in which an address for DMA can come about",
	     EV(DATA) | EV(PATH), 180, DMA_DATA_FAULT_NAMES);
