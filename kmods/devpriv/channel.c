// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memcpy channel that copies a page at a time. Pages are mapped for it as one segment each:
 * ordinary memory as such, a BAR as peer-to-peer pages, so that the kernel decides which way the
 * transfer goes, and whether it may.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/jiffies.h>

#include "channel.h"
#include "p2pcert_dma.h"

#define DPV_MAX_TIMEOUT_MS (10 * 60 * 1000)

int dpv_map_side(struct device *dev, struct dpv_side *s, struct page *page,
		 enum dma_data_direction dir)
{
	sg_init_table(&s->sg, 1);
	sg_set_page(&s->sg, page, PAGE_SIZE, 0);
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

static void dpv_channel_done(void *param, const struct dmaengine_result *result)
{
	struct dpv_channel *ch = param;

	ch->result = result ? result->result : DMA_TRANS_NOERROR;
	complete(&ch->done);
}

/* An engine that does not stop is waited for: it may still write, so nothing else would be safe. */
static void dpv_channel_stop(struct dpv_channel *ch)
{
	if (!dmaengine_terminate_sync(ch->chan))
		return;
	pr_warn("p2pcert_devpriv: %s cannot be stopped, and is waited for\n", dev_name(ch->dev));
	dma_async_issue_pending(ch->chan);
	wait_for_completion(&ch->done);
}

int dpv_channel_copy(struct dpv_channel *ch, dma_addr_t to, dma_addr_t from, size_t length,
		     bool hang)
{
	unsigned long timeout = hang ? 0 : msecs_to_jiffies(ch->timeout_ms);
	struct dma_async_tx_descriptor *tx;
	int err = p2pcert_check_copy(ch->chan, ch->dev, to, from, length);

	if (err)
		return err;
	tx = dmaengine_prep_dma_memcpy(ch->chan, to, from, length,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (!tx)
		return -ENOMEM;
	tx->callback_result = dpv_channel_done;
	tx->callback_param = ch;
	reinit_completion(&ch->done);
	if (dma_submit_error(dmaengine_submit(tx)))
		return -EIO;
	if (!hang)
		dma_async_issue_pending(ch->chan);
	if (DPV_DEFECT(engine_not_awaited)) {
		dpv_channel_stop(ch);
		return 0;
	}
	if (!wait_for_completion_timeout(&ch->done, timeout)) {
		dpv_channel_stop(ch);
		return -ETIMEDOUT;
	}
	return ch->result == DMA_TRANS_NOERROR ? 0 : -EIO;
}

/* --- taking one ----------------------------------------------------------------------------- */

int dpv_channel_take(struct dpv_channel *ch, const char *name, size_t size, u32 timeout_ms)
{
	*ch = (struct dpv_channel){ .timeout_ms = timeout_ms };
	init_completion(&ch->done);
	if (strnlen(name, size) == size || !timeout_ms || timeout_ms > DPV_MAX_TIMEOUT_MS)
		return -EINVAL;
	ch->chan = p2pcert_get_chan(name, &ch->dev);
	if (!ch->chan)
		return -ENODEV;
	if (!ch->chan->device->device_terminate_all || !ch->dev->dma_mask || !*ch->dev->dma_mask)
		return -EOPNOTSUPP;
	return 0;
}

void dpv_channel_release(struct dpv_channel *ch)
{
	if (ch->chan)
		dma_release_channel(ch->chan);
	put_device(ch->dev);
	ch->chan = NULL;
	ch->dev = NULL;
}

#endif /* DPV_SUPPORTED */
