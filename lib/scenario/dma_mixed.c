/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.mixed-range: memory of which every second page is a peer's, mapped in each way: with an IOMMU that
 * translates, all that it addresses is in one range, and each page where it belongs there; what is
 * addressed past the IOMMU has the address of its BAR on the bus. The engine reads and writes all of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/dma_rig.h"
#include "scenario/pair.h"

#define PAGES 6
/* The first page of an area that is a peer's, and every so-many-th from then on. */
#define FIRST 1
#define STEP 2

static const struct dma_want wants[] = {
	{ .name = "in two steps", .method = P2PCERT_IOVA_BY_IOVA },
	{ .name = "page by page", .method = P2PCERT_IOVA_BY_PAGE },
	{ .name = "as a scatterlist", .method = P2PCERT_IOVA_BY_SG },
	{ .name = "unpinned", .method = P2PCERT_IOVA_BY_HMM },
};

struct mixed {
	struct dma_rig *rig;
	const struct function *target;
	struct dma_area *area;
};

static bool is_peers(size_t i)
{
	return i >= FIRST && (i - FIRST) % STEP == 0;
}

/* What is wrong with a peer's page; NULL if nothing. The caller frees it. */
static char *refuse_peers(const struct mixed *x, const struct p2pcert_iova_page *p, bool translated)
{
	int bar = pair_bar_holding(x->target, p->phys_addr, page_size());
	int64_t offset;

	if (bar < 0)
		return xasprintf("0x%" PRIx64 " is in no BAR of %s", (uint64_t)p->phys_addr,
				 pci_addr_str(x->target->addr));
	if (!(p->flags & P2PCERT_IOVA_PAGE_BUS))
		return NULL;
	offset = pair_bus_offset(scn_env(x->rig->ctx)->sysroot, x->target, bar);
	if (p->dma_addr == p->phys_addr + (uint64_t)offset)
		return NULL;
	return xasprintf("0x%" PRIx64 " is given as bus address 0x%" PRIx64 "%s",
			 (uint64_t)p->phys_addr, (uint64_t)p->dma_addr,
			 translated ? ", past the IOMMU" : "");
}

static char *refuse_kinds(const struct mixed *x, const struct dma_mapping *m, size_t *linked)
{
	*linked = 0;
	for (size_t i = 0; i < PAGES; i++) {
		const struct p2pcert_iova_page *p = &m->pages[i];
		bool p2p = p->flags & P2PCERT_IOVA_PAGE_P2P;

		if (p2p != is_peers(i))
			return xasprintf("page %zu is mapped as %s memory", i,
					 p2p ? "a peer's" : "ordinary");
		if (p2p) {
			char *wrong = refuse_peers(x, p, m->range.translated);

			if (wrong)
				return wrong;
		}
		*linked += !(p->flags & P2PCERT_IOVA_PAGE_BUS);
	}
	return NULL;
}

/* Maps once to look, as the memory is used by another. */
static int judge(const struct mixed *x, const struct dma_want *w)
{
	autofree char *wrong = NULL;
	struct dma_mapping m;
	size_t linked;
	int err = dma_map(x->rig, x->area, w, &m);

	if (err)
		return err;
	wrong = refuse_kinds(x, &m, &linked);
	if (wrong)
		dma_refute(x->rig, EVIDENCE_PATH, "%s, %s: %s", pci_addr_str(x->target->addr),
			   w->name, wrong);
	else if (w->method == P2PCERT_IOVA_BY_IOVA && m.said.links != linked)
		dma_refute(x->rig, EVIDENCE_COUNTERS, "%s, %s: %u of %zu pages are linked",
			   pci_addr_str(x->target->addr), w->name, m.said.links, linked);
	else if (w->method == P2PCERT_IOVA_BY_IOVA)
		dma_prove(x->rig, EVIDENCE_COUNTERS,
			  "%s, %s: one range of 0x%" PRIx64 " bytes at 0x%" PRIx64
			  ", to which %zu of %d pages are linked",
			  pci_addr_str(x->target->addr), w->name, (uint64_t)m.said.iova_size,
			  (uint64_t)m.said.iova, linked, PAGES);
	dma_unmap(x->rig, &m, NULL);
	return 0;
}

/* True if the kernel lets the engine reach the peer this way. */
static bool exercise(const struct mixed *x, const struct dma_want *form)
{
	autofree char *name = xasprintf("%s, %s", pci_addr_str(x->target->addr), form->name);
	struct dma_want w = *form;
	int err;

	w.len = x->area->len;
	err = judge(x, &w);
	w.name = name;
	if (!err && (dma_exercise(x->rig, x->area, &w, NULL, &err) || !err))
		return true;
	/* no range is to be had; or bouncing is not for who does not own the buffer */
	if (err == -EOPNOTSUPP && !x->rig->translated)
		return false;
	if (err == -EREMOTEIO)
		return false;
	dma_refute(x->rig, EVIDENCE_PATH, "%s: cannot be mapped: %s", name, errno_text(err));
	return true;
}

/* False after an error. */
static bool examine(struct dma_rig *r, const struct function *target)
{
	const char *sysroot = scn_env(r->ctx)->sysroot;
	size_t reached = 0;
	struct dma_area a;
	struct mixed x = { .rig = r, .target = target, .area = &a };
	uint64_t before = 0;
	int err = p2pmem_available(sysroot, target->addr, &before);

	err = err ? err : dma_area_begin_mixed(&a, sysroot, target->addr, PAGES, FIRST, STEP);
	if (err) {
		dma_not_here(r, "%s lends no memory: %s", pci_addr_str(target->addr),
			     strerror(-err));
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(wants); i++)
		reached += exercise(&x, &wants[i]);
	dma_area_end(&a);
	if (!p2pmem_judge_available(r->ctx, target->addr, before))
		r->refuted = true;
	if (reached)
		scn_device(r->ctx, target->addr);
	else
		dma_not_here(r, "the kernel does not let it reach %s", pci_addr_str(target->addr));
	return true;
}

static bool body_mixed_range(struct dma_rig *r)
{
	const struct platform *platform = scn_env(r->ctx)->platform;

	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];

		if (p2pmem_is_provider(f) && f != r->engine && !examine(r, f))
			return false;
	}
	if (!r->used && !r->no_use)
		dma_not_here(r, "no function publishes memory for peers");
	return true;
}

DMA_SCENARIO(mixed_range, "mixed-range",
	     "memory of peers among ordinary memory, in one range of I/O addresses",
	     EV(DATA) | EV(PATH), 300, DMA_DATA_FAULT_NAMES);
