/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of struct dma_iova_state one address and one size, drivers/iommu/dma-iommu.c; of the rest, one each. */
#include "scenario/dma_pages.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"

const char *dma_kind_name(enum dma_kind kind)
{
	static const char *const names[NR_DMA_KINDS] = {
		[DMA_NOT_MAPPED] = "not mapped", [DMA_DIRECT] = "direct",
		[DMA_BOUNCED] = "bounced",       [DMA_IOVA] = "IOVA",
		[DMA_BUS] = "bus address",
	};

	return names[kind];
}

enum dma_kind dma_kind_of(const struct p2pcert_iova_page *p, bool translated)
{
	if (!(p->flags & P2PCERT_IOVA_PAGE_MAPPED))
		return DMA_NOT_MAPPED;
	if (p->flags & P2PCERT_IOVA_PAGE_BUS)
		return DMA_BUS;
	if (translated)
		return DMA_IOVA;
	return p->dma_addr == p->phys_addr ? DMA_DIRECT : DMA_BOUNCED;
}

size_t dma_range_pages(const struct dma_range *r)
{
	return (r->offset + r->len + r->page - 1) / r->page;
}

static char *refuse_page(const struct dma_range *r, size_t i, const struct p2pcert_iova_page *p)
{
	enum dma_kind kind = dma_kind_of(p, r->translated);
	uint64_t at = i ? i * r->page - r->offset : 0;

	if (kind == DMA_NOT_MAPPED)
		return xasprintf("page %zu is not mapped", i);
	if (kind == DMA_BUS && !(p->flags & P2PCERT_IOVA_PAGE_P2P))
		return xasprintf("page %zu is ordinary memory, and has a bus address", i);
	if (kind == DMA_BOUNCED && p->flags & P2PCERT_IOVA_PAGE_P2P)
		return xasprintf("page %zu is a peer's, at 0x%" PRIx64
				 ", and is bounced through 0x%" PRIx64,
				 i, (uint64_t)p->phys_addr, (uint64_t)p->dma_addr);
	if (kind == DMA_IOVA && r->iova && p->dma_addr != r->iova + at)
		return xasprintf("page %zu is at 0x%" PRIx64 ", must be at 0x%" PRIx64
				 " of the range at 0x%" PRIx64,
				 i, (uint64_t)p->dma_addr, r->iova + at, r->iova);
	return NULL;
}

char *dma_refuse_pages(const struct dma_range *r, const struct p2pcert_iova_page *pages)
{
	size_t n = dma_range_pages(r);

	if (r->iova && r->iova_size != r->len)
		return xasprintf("%" PRIu64 " bytes of addresses were allocated for %zu bytes",
				 r->iova_size, r->len);
	if (r->iova && r->iova % r->page != r->offset)
		return xasprintf("the range of addresses begins at 0x%" PRIx64
				 ", the memory %zu bytes into a page",
				 r->iova, r->offset);
	for (size_t i = 0; i < n; i++) {
		char *wrong = refuse_page(r, i, &pages[i]);

		if (wrong)
			return wrong;
	}
	return NULL;
}

char *dma_pages_text(const struct dma_range *r, const struct p2pcert_iova_page *pages)
{
	size_t count[NR_DMA_KINDS] = { 0 };
	char *text = xstrdup("");

	for (size_t i = 0; i < dma_range_pages(r); i++)
		count[dma_kind_of(&pages[i], r->translated)]++;
	for (size_t k = 0; k < NR_DMA_KINDS; k++) {
		char *longer;

		if (!count[k])
			continue;
		longer = xasprintf("%s%s%zu %s", text, *text ? ", " : "", count[k],
				   dma_kind_name((enum dma_kind)k));
		free(text);
		text = longer;
	}
	return text;
}
