/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A memcpy channel of a DMA engine, which a module has for itself, and one copy at a time with it:
 * when a call returns, the engine does not touch the memory any more, whatever came of it.
 */
#ifndef P2PCERT_CHAN_H
#define P2PCERT_CHAN_H

#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/jiffies.h>

#include "p2pcert_dma.h"

struct p2pcert_chan {
	struct dma_chan *chan; /* NULL: none */
	struct device *dev; /* that its DMA is mapped for, with a reference */
	u32 timeout_ms; /* of each copy */
	struct completion done;
	enum dmaengine_tx_result result;
};

static inline void p2pcert_chan_release(struct p2pcert_chan *c)
{
	if (c->chan)
		dma_release_channel(c->chan);
	put_device(c->dev);
	c->chan = NULL;
	c->dev = NULL;
}

/*
 * Takes the memcpy channel of that name. 0, -ENODEV if it is not there or in use, -EOPNOTSUPP if it
 * can do no DMA or cannot be stopped; after an error nothing is held.
 */
static inline int p2pcert_chan_take(struct p2pcert_chan *c, const char *name)
{
	*c = (struct p2pcert_chan){};
	init_completion(&c->done);
	c->chan = p2pcert_get_chan(name, &c->dev);
	if (!c->chan)
		return -ENODEV;
	if (c->chan->device->device_terminate_all && c->dev->dma_mask && *c->dev->dma_mask)
		return 0;
	p2pcert_chan_release(c);
	return -EOPNOTSUPP;
}

static inline void p2pcert_chan_done(void *param, const struct dmaengine_result *result)
{
	struct p2pcert_chan *c = param;

	c->result = result ? result->result : DMA_TRANS_NOERROR;
	complete(&c->done);
}

/* Prepares a copy between mapped addresses, which does not begin before it is issued. */
static inline int p2pcert_chan_submit(struct p2pcert_chan *c, dma_addr_t to, dma_addr_t from,
				      size_t length)
{
	struct dma_async_tx_descriptor *tx;
	int err = p2pcert_check_copy(c->chan, c->dev, to, from, length);

	if (err)
		return err;
	tx = dmaengine_prep_dma_memcpy(c->chan, to, from, length,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (!tx)
		return -ENOMEM;
	tx->callback_result = p2pcert_chan_done;
	tx->callback_param = c;
	reinit_completion(&c->done);
	return dma_submit_error(dmaengine_submit(tx)) ? -EIO : 0;
}

/* An engine that does not stop is waited for: it may still write, so nothing else would be safe. */
static inline void p2pcert_chan_stop(struct p2pcert_chan *c)
{
	if (!dmaengine_terminate_sync(c->chan))
		return;
	dev_warn(c->dev, "cannot be stopped, and " KBUILD_MODNAME " waits for it\n");
	dma_async_issue_pending(c->chan);
	wait_for_completion(&c->done);
}

/*
 * Copies length bytes between mapped addresses. 0; -EINVAL, -EOVERFLOW: see p2pcert_check_copy();
 * -ENOMEM: the engine takes no descriptor; -ETIMEDOUT; -EIO.
 */
static inline int p2pcert_chan_copy(struct p2pcert_chan *c, dma_addr_t to, dma_addr_t from,
				    size_t length)
{
	int err = p2pcert_chan_submit(c, to, from, length);

	if (err)
		return err;
	dma_async_issue_pending(c->chan);
	if (!wait_for_completion_timeout(&c->done, msecs_to_jiffies(c->timeout_ms))) {
		p2pcert_chan_stop(c);
		return -ETIMEDOUT;
	}
	return c->result == DMA_TRANS_NOERROR ? 0 : -EIO;
}

#endif /* P2PCERT_CHAN_H */
