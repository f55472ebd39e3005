/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often the IOMMU's cache was flushed as memory was unmapped, and whether this is what the kernel
 * promises of it: strict, at once; or lazy, of pages that are unmapped one by one, later and for many
 * together.
 */
#ifndef P2PCERT_SCENARIO_DMA_FLUSHES_H
#define P2PCERT_SCENARIO_DMA_FLUSHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct dma_flushes {
	bool lazy; /* the kernel says that it queues flushes (a domain of type DMA-FQ) */
	size_t pages; /* of the range, and of those that are unmapped one by one */
	uint64_t one; /* flushes before unlinking a range of one page was done */
	uint64_t range; /* the same of one with all pages */
	uint64_t singly; /* flushes before unmapping all pages one by one was done */
	uint64_t later; /* the same, and DMA_FLUSH_WAIT_MS */
};

/* Some hundred times what the kernel's queue waits (IOVA_DEFAULT_FQ_TIMEOUT, 10 ms). */
#define DMA_FLUSH_WAIT_MS 2000

/* What is wrong with these; NULL if nothing. The caller frees it. one is not 0. */
char *dma_refuse_flushes(const struct dma_flushes *f) attr_must_check;

/* What they come to, in words; the caller frees it. */
char *dma_flushes_text(const struct dma_flushes *f) attr_must_check;

#endif
