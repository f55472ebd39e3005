// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying by a DMA engine: a device may be given a memcpy channel, which then copies the pages that
 * migrate, one after the other. What the engine does not do is left to the CPU.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/ktime.h>
#include <linux/slab.h>

#include "channel.h"
#include "p2pcert_dma.h"

struct dpv_engine {
	const void *owner; /* the file that it ends with */
	struct p2pcert_chan channel;
	u32 every;
	u32 chances;
};

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
	err = dpv_map_side(e->channel.dev, &src, from, 1, DMA_TO_DEVICE);
	if (err)
		return err;
	err = dpv_map_side(e->channel.dev, &dst, to, 1, DMA_FROM_DEVICE);
	if (!err) {
		/* what the CPU has written to a BAR may still be being combined */
		wmb();
		start = ktime_get();
		err = dpv_channel_copy(&e->channel, sg_dma_address(&dst.sg),
				       sg_dma_address(&src.sg), PAGE_SIZE, hang);
		atomic64_add(ktime_to_ns(ktime_sub(ktime_get(), start)), &dev->count.engine_ns);
		dpv_unmap_side(e->channel.dev, &dst);
	}
	dpv_unmap_side(e->channel.dev, &src);
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
	p2pcert_chan_release(&e->channel);
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
		err = dpv_map_side(e->channel.dev, &side, dpv_bar_page(bar, 0), 1, DMA_FROM_DEVICE);
	if (err)
		return err;
	p2pcert_describe_run(&side.sg, sg_dma_address(&side.sg), dpv_bar_page(bar, 0), 0,
			     PAGE_SIZE, seg);
	dpv_unmap_side(e->channel.dev, &side);
	return 0;
}

/* Takes the channel, and finds out what there is to tell of it. */
static int dpv_engine_try(struct dpv_device *dev, struct dpv_engine *e,
			  struct p2pcert_devpriv_engine *r)
{
	int err = dpv_channel_take(&e->channel, r->channel, sizeof(r->channel), r->timeout_ms);

	if (err)
		return err;
	p2pcert_describe_function(e->channel.dev, &r->engine);
	return dev->bar ? dpv_engine_try_bar(e, dev->bar, &r->seg) : 0;
}

int dpv_engine_set(struct dpv_device *dev, struct p2pcert_devpriv_engine *r, const void *owner)
{
	struct dpv_engine *e;
	int err;

	dpv_engine_drop(dev, owner);
	if (!r->channel[0])
		return 0;
	e = kzalloc_obj(*e, GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	e->owner = owner;
	e->every = max(r->every, 1u);
	err = dpv_engine_try(dev, e, r);
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
