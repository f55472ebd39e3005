/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A memcpy channel of a DMA engine, which copies a page at a time, and pages that are mapped for
 * it: what the engine of a device and that of a consumer have in common.
 */
#ifndef P2PCERT_DEVPRIV_CHANNEL_H
#define P2PCERT_DEVPRIV_CHANNEL_H

#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>

#include "p2pcert_chan.h"

/*
 * Takes the memcpy channel of that name: 0, -EINVAL for what cannot be asked, or what
 * p2pcert_chan_take() says.
 */
int dpv_channel_take(struct p2pcert_chan *c, const char *name, size_t size, u32 timeout_ms);
/*
 * Copies length bytes, one page at most, between mapped pages. When it returns the engine does not
 * touch them any more. With hang it is submitted and never begins, which is found out without
 * waiting for it.
 */
int dpv_channel_copy(struct p2pcert_chan *c, dma_addr_t to, dma_addr_t from, size_t length,
		     bool hang);

/* Pages in a row as one segment, mapped for a device. */
struct dpv_side {
	struct scatterlist sg;
	struct sg_table table;
	enum dma_data_direction dir;
};

int dpv_map_side(struct device *dev, struct dpv_side *s, struct page *page, unsigned int nr,
		 enum dma_data_direction dir);
void dpv_unmap_side(struct device *dev, struct dpv_side *s);

#endif /* P2PCERT_DEVPRIV_CHANNEL_H */
