/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.iova-basic: where an IOMMU translates for an engine, a range of addresses is allocated, pages are
 * linked to it and the whole is used, in pieces and from odd places too. dma.iova-fallback: where there
 * is no range to be had, the kernel says so, and mapping page by page works.
 */
#include <errno.h>

#include "base/alloc.h"
#include "scenario/dma_rig.h"

#define PAGES 6
/* Not a multiple of what a cache line or an engine's word is long. */
#define INSET 264

/* Some pages in the middle go, and come back. */
static bool relink(struct dma_rig *r, attr_unused struct dma_mapping *m)
{
	struct p2pcert_iova_relink l = { .first = 3, .nr = 2 };
	int err = modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_RELINK, &l);

	if (!err && !l.result)
		return true;
	dma_refute(r, EVIDENCE_PATH, "two pages are unlinked, and cannot be linked again: %s",
		   errno_text(err ? err : l.result));
	return false;
}

struct iova_case {
	struct dma_want want;
	bool (*between)(struct dma_rig *r, struct dma_mapping *m);
};

static bool exercise(struct dma_rig *r, uint32_t method, const struct iova_case *c)
{
	struct dma_want w = c->want;
	struct dma_area a;
	int err;

	if (!dma_area_ready(r, &a, PAGES))
		return false;
	w.method = method;
	if (!dma_exercise(r, &a, &w, c->between, &err) && err)
		dma_refute(r, EVIDENCE_PATH, "%s: cannot be mapped: %s", w.name, errno_text(err));
	dma_area_end(&a);
	return true;
}

/* Those of ranges of addresses come last. */
static bool exercise_all(struct dma_rig *r, uint32_t method)
{
	const size_t page = page_size();
	const struct iova_case cases[] = {
		{ { .name = "whole pages", .offset = page, .len = (PAGES - 2) * page }, NULL },
		{ { .name = "from within a page into another one",
		    .offset = page + INSET,
		    .len = (PAGES - 2) * page - 2 * INSET },
		  NULL },
		{ { .name = "a part of a page", .offset = page + INSET, .len = INSET }, NULL },
		{ { .name = "unlinked before the addresses are freed",
		    .flags = P2PCERT_IOVA_UNLINK,
		    .offset = page,
		    .len = (PAGES - 2) * page },
		  NULL },
		{ { .name = "two pages linked anew", .offset = 0, .len = PAGES * page }, relink },
	};
	const size_t n = method == P2PCERT_IOVA_BY_IOVA ? ARRAY_LEN(cases) : 3;
	bool good = true;

	for (size_t i = 0; i < n && good; i++)
		good = exercise(r, method, &cases[i]);
	return good;
}

/* Does the kernel allocate a range of addresses for this engine? A negative errno: it fails. */
static int takes_range(struct dma_rig *r)
{
	struct dma_want w = { .name = "one page", .method = P2PCERT_IOVA_BY_IOVA };
	struct dma_mapping m;
	struct dma_area a;
	int err;

	w.len = page_size();
	err = dma_area_begin(&a, 1);
	if (err)
		return err;
	err = dma_map(r, &a, &w, &m);
	if (!err)
		dma_unmap(r, &m, NULL);
	dma_area_end(&a);
	return err == -EOPNOTSUPP ? 0 : err ? err : 1;
}

/* What the kernel does must be what the domain of the engine's IOMMU group says. */
static bool as_declared(struct dma_rig *r, int takes)
{
	const char *type = r->engine->iommu_type;

	if (takes < 0)
		dma_refute(r, EVIDENCE_PATH, "a page cannot be mapped: %s", errno_text(takes));
	else if (type && r->translated != (takes == 1))
		dma_refute(r, EVIDENCE_PATH,
			   "the IOMMU domain is '%s', and a range of addresses %s", type,
			   takes ? "is allocated" : "is refused");
	else
		return true;
	return false;
}

static bool body_iova_basic(struct dma_rig *r)
{
	int takes = takes_range(r);

	if (!as_declared(r, takes))
		return true;
	if (!takes) {
		dma_not_here(r, "no IOMMU translates for it: the kernel allocates no range of "
				"addresses");
		return true;
	}
	return exercise_all(r, P2PCERT_IOVA_BY_IOVA);
}

static bool body_iova_fallback(struct dma_rig *r)
{
	int takes = takes_range(r);

	if (!as_declared(r, takes))
		return true;
	if (takes) {
		dma_not_here(r, "the kernel allocates ranges of addresses for it");
		return true;
	}
	return exercise_all(r, P2PCERT_IOVA_BY_PAGE);
}

DMA_SCENARIO(iova_basic, "iova-basic",
	     "a range of I/O addresses is allocated, pages are linked to it, used, and unlinked",
	     EV(DATA) | EV(PATH), 120, DMA_DATA_FAULT_NAMES);
DMA_SCENARIO(iova_fallback, "iova-fallback",
	     "where no range of I/O addresses is to be had, pages are mapped one by one",
	     EV(DATA) | EV(PATH), 120, DMA_DATA_FAULT_NAMES);
