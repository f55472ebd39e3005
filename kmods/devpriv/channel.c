// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memcpy channel that copies a page at a time. Pages are mapped for it as one segment each:
 * ordinary memory as such, a BAR as peer-to-peer pages, so that the kernel decides which way the
 * transfer goes, and whether it may.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include "channel.h"

int dpv_map_side(struct device *dev, struct dpv_side *s, struct page *page, unsigned int nr,
		 enum dma_data_direction dir)
{
	sg_init_table(&s->sg, 1);
	sg_set_page(&s->sg, page, nr << PAGE_SHIFT, 0);
	s->table.sgl = &s->sg;
	s->table.nents = 1;
	s->table.orig_nents = 1;
	s->dir = dir;
	return dma_map_sgtable(dev, &s->table, dir, 0);
}

void dpv_unmap_side(struct device *dev, struct dpv_side *s)
{
	dma_unmap_sgtable(dev, &s->table, s->dir, 0);
}

/* --- one transfer --------------------------------------------------------------------------- */

int dpv_channel_copy(struct p2pcert_chan *c, dma_addr_t to, dma_addr_t from, size_t length,
		     bool hang)
{
	int err;

	if (!hang && !DPV_DEFECT(engine_not_awaited))
		return p2pcert_chan_copy(c, to, from, length);
	err = p2pcert_chan_submit(c, to, from, length);
	if (err)
		return err;
	if (!hang)
		dma_async_issue_pending(c->chan);
	p2pcert_chan_stop(c);
	return hang ? -ETIMEDOUT : 0;
}

/* --- taking one ----------------------------------------------------------------------------- */

int dpv_channel_take(struct p2pcert_chan *c, const char *name, size_t size, u32 timeout_ms)
{
	int err;

	if (strnlen(name, size) == size || !p2pcert_timeout_is_good(timeout_ms))
		return -EINVAL;
	err = p2pcert_chan_take(c, name);
	c->timeout_ms = timeout_ms;
	return err;
}

#endif /* DPV_SUPPORTED */
