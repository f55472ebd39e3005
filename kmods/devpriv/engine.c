// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying by a DMA engine: a device may be given a memcpy channel, which then copies the pages that
 * migrate, one after the other. Ordinary memory is mapped for it as such, a BAR as peer-to-peer
 * pages, so that the kernel decides which way the transfer goes, and whether it may. What the
 * engine does not do is left to the CPU.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "p2pcert_dma.h"

#define DPV_MAX_TIMEOUT_MS (10 * 60 * 1000)

struct dpv_engine {
	const void *owner; /* the file that it ends with */
	struct dma_chan *chan;
	struct device *dev; /* that its DMA is mapped for */
	u32 timeout_ms;
	u32 every;
	u32 chances;
	struct completion done;
	enum dmaengine_tx_result result;
};

/* One page as one segment, mapped. */
struct dpv_side {
	struct scatterlist sg;
	struct sg_table table;
	enum dma_data_direction dir;
};

static int dpv_map_side(struct dpv_engine *e, struct dpv_side *s, struct page *page,
			enum dma_data_direction dir)
{
	sg_init_table(&s->sg, 1);
	sg_set_page(&s->sg, page, PAGE_SIZE, 0);
	s->table.sgl = &s->sg;
	s->table.nents = 1;
	s->table.orig_nents = 1;
	s->dir = dir;
	return dma_map_sgtable(e->dev, &s->table, dir, 0);
}

static void dpv_unmap_side(struct dpv_engine *e, struct dpv_side *s)
{
	dma_unmap_sgtable(e->dev, &s->table, s->dir, 0);
}

/* --- one transfer --------------------------------------------------------------------------- */

static void dpv_engine_done(void *param, const struct dmaengine_result *result)
{
	struct dpv_engine *e = param;

	e->result = result ? result->result : DMA_TRANS_NOERROR;
	complete(&e->done);
}

/* An engine that does not stop is waited for: it may still write, so nothing else would be safe. */
static void dpv_engine_stop(struct dpv_engine *e)
{
	if (!dmaengine_terminate_sync(e->chan))
		return;
	pr_warn("p2pcert_devpriv: %s cannot be stopped, and is waited for\n", dev_name(e->dev));
	dma_async_issue_pending(e->chan);
	wait_for_completion(&e->done);
}

/* With hang it is submitted and never begins, which is found out without waiting for it. */
static int dpv_engine_transfer(struct dpv_engine *e, dma_addr_t to, dma_addr_t from, bool hang)
{
	unsigned long timeout = hang ? 0 : msecs_to_jiffies(e->timeout_ms);
	struct dma_async_tx_descriptor *tx;

	if (!is_dma_copy_aligned(e->chan->device, from, to, PAGE_SIZE))
		return -EINVAL;
	tx = dmaengine_prep_dma_memcpy(e->chan, to, from, PAGE_SIZE,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (!tx)
		return -ENOMEM;
	tx->callback_result = dpv_engine_done;
	tx->callback_param = e;
	reinit_completion(&e->done);
	if (dma_submit_error(dmaengine_submit(tx)))
		return -EIO;
	if (!hang)
		dma_async_issue_pending(e->chan);
	if (DPV_DEFECT(engine_not_awaited)) {
		dpv_engine_stop(e);
		return 0;
	}
	if (!wait_for_completion_timeout(&e->done, timeout)) {
		dpv_engine_stop(e);
		return -ETIMEDOUT;
	}
	return e->result == DMA_TRANS_NOERROR ? 0 : -EIO;
}

static bool dpv_engine_strikes(struct dpv_device *dev, struct p2pcert_fault_plan *plan, u32 fault)
{
	return plan ? p2pcert_strikes(plan, fault) : dpv_device_strikes(dev, fault);
}

static int dpv_engine_page(struct dpv_device *dev, struct p2pcert_fault_plan *plan,
			   struct page *to, struct page *from)
{
	struct dpv_engine *e = dev->engine;
	struct dpv_side src, dst;
	ktime_t start;
	bool hang;
	int err;

	if (dpv_engine_strikes(dev, plan, P2PCERT_FAULT_ENGINE_REFUSES))
		return -ENOMEM;
	hang = dpv_engine_strikes(dev, plan, P2PCERT_FAULT_ENGINE_HANGS);
	err = dpv_map_side(e, &src, from, DMA_TO_DEVICE);
	if (err)
		return err;
	err = dpv_map_side(e, &dst, to, DMA_FROM_DEVICE);
	if (!err) {
		/* what the CPU has written to a BAR may still be being combined */
		wmb();
		start = ktime_get();
		err = dpv_engine_transfer(e, sg_dma_address(&dst.sg), sg_dma_address(&src.sg),
					  hang);
		atomic64_add(ktime_to_ns(ktime_sub(ktime_get(), start)), &dev->count.engine_ns);
		dpv_unmap_side(e, &dst);
	}
	dpv_unmap_side(e, &src);
	return err;
}

bool dpv_engine_copy(struct dpv_device *dev, struct p2pcert_fault_plan *plan, struct page *page,
		     struct page *ram, bool to_device)
{
	struct dpv_engine *e;
	bool copied = false;
	int err;

	if (!READ_ONCE(dev->engine))
		return false;
	mutex_lock(&dev->engine_lock);
	e = dev->engine;
	if (e && e->chances++ % e->every == 0) {
		struct page *data = dpv_data_page(page);

		err = to_device ? dpv_engine_page(dev, plan, data, ram) :
				  dpv_engine_page(dev, plan, ram, data);
		copied = !err || DPV_DEFECT(engine_failure_ignored);
		atomic64_inc(copied ? &dev->count.engine_copied : &dev->count.engine_failed);
	}
	mutex_unlock(&dev->engine_lock);
	return copied;
}

/* --- giving a device an engine -------------------------------------------------------------- */

static void dpv_free_engine(struct dpv_engine *e)
{
	if (!e)
		return;
	if (e->chan)
		dma_release_channel(e->chan);
	put_device(e->dev);
	kfree(e);
}

void dpv_engine_drop(struct dpv_device *dev, const void *owner)
{
	struct dpv_engine *e;

	mutex_lock(&dev->engine_lock);
	e = dev->engine;
	if (e && owner && e->owner != owner)
		e = NULL;
	if (e)
		WRITE_ONCE(dev->engine, NULL);
	mutex_unlock(&dev->engine_lock);
	dpv_free_engine(e);
}

/* Can the engine reach the BAR, and how? */
static int dpv_engine_try_bar(struct dpv_engine *e, struct dpv_bar *bar, struct p2pcert_seg *seg)
{
	struct dpv_side side;
	int err = dpv_bar_add_pages(bar);

	if (!err)
		err = dpv_map_side(e, &side, dpv_bar_page(bar, 0), DMA_FROM_DEVICE);
	if (err)
		return err;
	p2pcert_describe_run(&side.sg, sg_dma_address(&side.sg), dpv_bar_page(bar, 0), 0,
			     PAGE_SIZE, seg);
	dpv_unmap_side(e, &side);
	return 0;
}

static struct dpv_engine *dpv_new_engine(const struct p2pcert_devpriv_engine *r, const void *owner)
{
	struct dpv_engine *e = kzalloc_obj(*e, GFP_KERNEL);

	if (!e)
		return NULL;
	e->owner = owner;
	e->timeout_ms = r->timeout_ms;
	e->every = max(r->every, 1u);
	init_completion(&e->done);
	e->chan = p2pcert_get_chan(r->channel, &e->dev);
	return e;
}

static int dpv_check_engine(struct dpv_device *dev, struct dpv_engine *e,
			    struct p2pcert_devpriv_engine *r)
{
	if (!e->chan)
		return -ENODEV;
	if (!e->chan->device->device_terminate_all || !e->dev->dma_mask || !*e->dev->dma_mask)
		return -EOPNOTSUPP;
	p2pcert_describe_function(e->dev, &r->engine);
	return dev->bar ? dpv_engine_try_bar(e, dev->bar, &r->seg) : 0;
}

int dpv_engine_set(struct dpv_device *dev, struct p2pcert_devpriv_engine *r, const void *owner)
{
	struct dpv_engine *e;
	int err;

	if (strnlen(r->channel, sizeof(r->channel)) == sizeof(r->channel))
		return -EINVAL;
	dpv_engine_drop(dev, owner);
	if (!r->channel[0])
		return 0;
	if (!r->timeout_ms || r->timeout_ms > DPV_MAX_TIMEOUT_MS)
		return -EINVAL;
	e = dpv_new_engine(r, owner);
	if (!e)
		return -ENOMEM;
	err = dpv_check_engine(dev, e, r);
	mutex_lock(&dev->engine_lock);
	if (!err && dev->engine)
		err = -EBUSY;
	if (!err)
		WRITE_ONCE(dev->engine, e);
	mutex_unlock(&dev->engine_lock);
	if (err)
		dpv_free_engine(e);
	return err;
}

#endif /* DPV_SUPPORTED */
