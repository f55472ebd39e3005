/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.mixed-range: memory of which every second page is a peer's, or two of three are two peers', mapped
 * in each way: with an IOMMU that translates, all that it addresses is in one range, and each page where
 * it belongs there; what is addressed past the IOMMU has the address of its BAR on the bus. The engine
 * reads and writes all of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/dma_rig.h"
#include "scenario/pair.h"

#define PAGES 6
static const struct dma_want wants[] = {
	{ .name = "in two steps", .method = P2PCERT_IOVA_BY_IOVA },
	{ .name = "page by page", .method = P2PCERT_IOVA_BY_PAGE },
	{ .name = "as a scatterlist", .method = P2PCERT_IOVA_BY_SG },
	{ .name = "unpinned", .method = P2PCERT_IOVA_BY_HMM },
};

struct mixed {
	struct dma_rig *rig;
	char *name; /* of the peers */
	const struct function *owners[PAGES]; /* of each page; NULL: it is ordinary memory */
	struct dma_area *area;
};

/* What is wrong with a peer's page; NULL if nothing. The caller frees it. */
static char *refuse_peers(const struct mixed *x, const struct function *owner,
			  const struct p2pcert_iova_page *p)
{
	int bar = pair_bar_holding(owner, p->phys_addr, page_size());
	int64_t offset;

	if (bar < 0)
		return xasprintf("0x%" PRIx64 " is in no BAR of %s", (uint64_t)p->phys_addr,
				 pci_addr_str(owner->addr));
	if (!(p->flags & P2PCERT_IOVA_PAGE_BUS))
		return NULL;
	offset = pair_bus_offset(scn_env(x->rig->ctx)->sysroot, owner, bar);
	if (p->dma_addr == p->phys_addr + (uint64_t)offset)
		return NULL;
	return xasprintf("0x%" PRIx64 " is given as bus address 0x%" PRIx64, (uint64_t)p->phys_addr,
			 (uint64_t)p->dma_addr);
}

static char *refuse_kinds(const struct mixed *x, const struct dma_mapping *m, size_t *linked)
{
	*linked = 0;
	for (size_t i = 0; i < PAGES; i++) {
		const struct p2pcert_iova_page *p = &m->pages[i];
		bool p2p = p->flags & P2PCERT_IOVA_PAGE_P2P;

		if (p2p != !!x->owners[i])
			return xasprintf("page %zu is mapped as %s memory", i,
					 p2p ? "a peer's" : "ordinary");
		if (p2p) {
			char *wrong = refuse_peers(x, x->owners[i], p);

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
		dma_refute(x->rig, EVIDENCE_PATH, "%s, %s: %s", x->name, w->name, wrong);
	else if (w->method == P2PCERT_IOVA_BY_IOVA && m.said.links != linked)
		dma_refute(x->rig, EVIDENCE_COUNTERS, "%s, %s: %u of %zu pages are linked", x->name,
			   w->name, m.said.links, linked);
	else if (w->method == P2PCERT_IOVA_BY_IOVA)
		dma_prove(x->rig, EVIDENCE_COUNTERS,
			  "%s, %s: one range of 0x%" PRIx64 " bytes at 0x%" PRIx64
			  ", to which %zu of %d pages are linked",
			  x->name, w->name, (uint64_t)m.said.iova_size, (uint64_t)m.said.iova,
			  linked, PAGES);
	dma_unmap(x->rig, &m, NULL);
	return 0;
}

/* True if the kernel lets the engine reach the peer this way. */
static bool exercise(const struct mixed *x, const struct dma_want *form)
{
	autofree char *name = xasprintf("%s, %s", x->name, form->name);
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

/* In each way. */
static void examine_lent(struct mixed *x)
{
	size_t reached = 0;

	for (size_t i = 0; i < ARRAY_LEN(wants); i++)
		reached += exercise(x, &wants[i]);
	if (!reached)
		dma_not_here(x->rig, "the kernel does not let it reach %s", x->name);
}

/* Of one peer, or of two. */
static void examine(struct dma_rig *r, const struct function *const *peers, size_t n)
{
	const char *sysroot = scn_env(r->ctx)->sysroot;
	struct dma_area a;
	struct mixed x = { .rig = r, .area = &a };
	uint64_t before[2] = { 0 };
	int err = 0;

	x.name = n > 1 ? xasprintf("%s and %s", pci_addr_str(peers[0]->addr),
				   pci_addr_str(peers[1]->addr))
		       : xstrdup(pci_addr_str(peers[0]->addr));
	for (size_t i = 0; i < PAGES; i++)
		x.owners[i] = i % (n + 1) ? peers[i % (n + 1) - 1] : NULL;
	for (size_t i = 0; i < n && !err; i++)
		err = p2pmem_available(sysroot, peers[i]->addr, &before[i]);
	err = err ? err : dma_area_begin_of(&a, sysroot, x.owners, PAGES);
	if (err) {
		dma_not_here(r, "%s: no memory is lent: %s", x.name, strerror(-err));
	} else {
		examine_lent(&x);
		dma_area_end(&a);
	}
	for (size_t i = 0; i < n && !err; i++)
		if (!p2pmem_judge_available(r->ctx, peers[i]->addr, before[i]))
			r->refuted = true;
	free(x.name);
}

/* Each peer alone, and with the one before it. */
static bool body_mixed_range(struct dma_rig *r)
{
	const struct platform *platform = scn_env(r->ctx)->platform;
	const struct function *peers[2] = { NULL, NULL };

	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];

		if (!p2pmem_is_provider(f) || f == r->engine)
			continue;
		peers[0] = f;
		scn_device(r->ctx, f->addr);
		examine(r, peers, 1);
		if (peers[1])
			examine(r, peers, 2);
		peers[1] = f;
	}
	if (!peers[0])
		dma_not_here(r, "no function publishes memory for peers");
	return true;
}

DMA_SCENARIO(mixed_range, "mixed-range",
	     "memory of peers among ordinary memory, in one range of I/O addresses",
	     EV(DATA) | EV(PATH), 300, DMA_DATA_FAULT_NAMES);
