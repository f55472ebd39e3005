/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a range of memory came to be mapped for a device, page by page, and whether this is what the
 * kernel promises of it. Pure functions over what p2pcert_iova tells.
 */
#ifndef P2PCERT_SCENARIO_DMA_PAGES_H
#define P2PCERT_SCENARIO_DMA_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "uapi/p2pcert.h"

enum dma_kind {
	DMA_NOT_MAPPED,
	DMA_DIRECT, /* at its physical address */
	DMA_BOUNCED, /* through another place in memory (swiotlb) */
	DMA_IOVA, /* at an address that the IOMMU translates */
	DMA_BUS, /* at an address of the PCI bus, past the IOMMU */
	NR_DMA_KINDS,
};

const char *dma_kind_name(enum dma_kind kind);

/* Without an IOMMU that translates, an address is the memory's, or that of a bounce buffer. */
enum dma_kind dma_kind_of(const struct p2pcert_iova_page *p, bool translated);

struct dma_range {
	size_t page; /* bytes in one */
	size_t offset; /* of the range's first byte in its first page */
	size_t len;
	bool translated;
	uint64_t iova, iova_size; /* of the range of addresses that was allocated; 0: none was */
};

size_t dma_range_pages(const struct dma_range *r);

/*
 * What is wrong with these pages, those of the range: one that is not mapped; or, with one range of
 * addresses, one that is not where it has to be in that, if it is no bus address; or without one and
 * without an IOMMU, a peer's memory that is bounced. NULL if nothing; the caller frees it.
 */
char *dma_refuse_pages(const struct dma_range *r,
		       const struct p2pcert_iova_page *pages) attr_must_check;

/* "6 IOVA, 2 bus address"; the caller frees it. */
char *dma_pages_text(const struct dma_range *r,
		     const struct p2pcert_iova_page *pages) attr_must_check;

#endif
