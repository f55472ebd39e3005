/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of drivers/iommu/dma-iommu.c, dma_iova_unlink(), __iommu_dma_unmap() and queue_iova(). */
#include "scenario/dma_flushes.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"

char *dma_refuse_flushes(const struct dma_flushes *f)
{
	const uint64_t least = f->lazy ? 1 : f->pages * f->one;

	if (f->range != f->one)
		return xasprintf("unlinking %zu pages of one range flushes %" PRIu64
				 " times, one page %" PRIu64,
				 f->pages, f->range, f->one);
	if (f->lazy && f->singly)
		return xasprintf("flushes are queued, and unmapping %zu pages one by one "
				 "flushes %" PRIu64 " times",
				 f->pages, f->singly);
	if (f->lazy && f->later < least)
		return xasprintf("%d ms after %zu pages were unmapped one by one, what was "
				 "queued is not flushed",
				 DMA_FLUSH_WAIT_MS, f->pages);
	if (!f->lazy && f->singly < least)
		return xasprintf("unmapping %zu pages one by one flushes %" PRIu64
				 " times, must be %" PRIu64,
				 f->pages, f->singly, least);
	return NULL;
}

char *dma_flushes_text(const struct dma_flushes *f)
{
	autofree char *range =
		xasprintf("unlinking %zu pages of one range flushes %" PRIu64
			  " times, as for one; unmapping as many one by one %" PRIu64 " times",
			  f->pages, f->range, f->singly);

	if (!f->lazy)
		return xasprintf("strict: %s", range);
	return xasprintf("lazy: %s, and what was queued %" PRIu64 " times afterwards", range,
			 f->later);
}
