// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device that memory is mapped for: the owner of a memcpy channel, which reads and writes
 * through the mapping, to and from memory of the kernel's that is mapped as any driver's is.
 */
#include "iova.h"

#if IOV_SUPPORTED

#include <linux/jiffies.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "p2pcert_dma.h"

#define IOV_MAX_ACCESS ((u64)SZ_64K)
#define IOV_MAX_TIMEOUT_MS (10 * 60 * 1000)

/* --- whose it is ------------------------------------------------------------------------------ */

long iov_detach(struct iov_file *f)
{
	if (!f->chan)
		return -EINVAL;
	iov_drop_map(f);
	dma_release_channel(f->chan);
	put_device(f->dev);
	atomic64_dec(&iov_held.functions);
	f->chan = NULL;
	f->dev = NULL;
	return 0;
}

static int iov_take(struct iov_file *f, struct p2pcert_iova_attach *a)
{
	f->chan = p2pcert_get_chan(a->channel, &f->dev);
	if (!f->chan)
		return -ENODEV;
	atomic64_inc(&iov_held.functions);
	if (!f->chan->device->device_terminate_all || !f->dev->dma_mask || !*f->dev->dma_mask) {
		iov_detach(f);
		return -EOPNOTSUPP;
	}
	p2pcert_describe_function(f->dev, &a->function);
	a->merge_boundary = dma_get_merge_boundary(f->dev);
	return 0;
}

long iov_ioctl_attach(struct iov_file *f, void __user *arg)
{
	struct p2pcert_iova_attach a;
	int err;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (a.reserved || !a.channel[0] ||
	    strnlen(a.channel, sizeof(a.channel)) == sizeof(a.channel))
		return -EINVAL;
	if (f->chan)
		return -EBUSY;
	err = p2pcert_fault_enter(f->faults);
	if (err)
		return err;
	memset(&a.function, 0, sizeof(a.function));
	a.merge_boundary = 0;
	a.result = iov_take(f, &a);
	return copy_to_user(arg, &a, sizeof(a)) ? -EFAULT : 0;
}

/* --- reading and writing ---------------------------------------------------------------------- */

static void iov_engine_done(void *param, const struct dmaengine_result *result)
{
	struct iov_file *f = param;

	f->result = result ? result->result : DMA_TRANS_NOERROR;
	complete(&f->done);
}

/* An engine that does not stop is waited for: it may still write, so nothing else would be safe. */
static void iov_engine_stop(struct iov_file *f)
{
	if (!dmaengine_terminate_sync(f->chan))
		return;
	pr_warn("%s cannot be stopped, and is waited for\n", dev_name(f->dev));
	wait_for_completion(&f->done);
}

static int iov_engine_run(struct iov_file *f, dma_addr_t to, dma_addr_t from, u32 length,
			  u32 timeout_ms)
{
	struct dma_async_tx_descriptor *tx;
	int err = p2pcert_check_copy(f->chan, f->dev, to, from, length);

	if (err)
		return err;
	tx = dmaengine_prep_dma_memcpy(f->chan, to, from, length,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (!tx)
		return -ENOMEM;
	tx->callback_result = iov_engine_done;
	tx->callback_param = f;
	reinit_completion(&f->done);
	if (dma_submit_error(dmaengine_submit(tx)))
		return -EIO;
	dma_async_issue_pending(f->chan);
	if (!wait_for_completion_timeout(&f->done, msecs_to_jiffies(timeout_ms))) {
		iov_engine_stop(f);
		return -ETIMEDOUT;
	}
	return f->result == DMA_TRANS_NOERROR ? 0 : -EIO;
}

/* The range's part in a page, of which length bytes from offset on are copied. */
static int iov_engine_part(struct iov_file *f, unsigned int page, u32 offset, dma_addr_t own,
			   u32 length, const struct p2pcert_iova_access *r, bool write)
{
	dma_addr_t at = f->map->at[page].dma + offset;

	return write ? iov_engine_run(f, at, own, length, r->timeout_ms) :
		       iov_engine_run(f, own, at, length, r->timeout_ms);
}

static int iov_engine_pages(struct iov_file *f, const struct p2pcert_iova_access *r, dma_addr_t own,
			    u64 length, bool write)
{
	u64 end = r->offset + length;
	u64 at = r->offset;
	int err = 0;

	while (at < end && !err) {
		unsigned int page = (f->map->offset + at) >> PAGE_SHIFT;
		u32 offset = at - iov_page_begin(f->map, page);
		u32 part = min_t(u64, end - at, iov_page_length(f->map, page) - offset);

		err = iov_engine_part(f, page, offset, own + (at - r->offset), part, r, write);
		at += part;
	}
	return err;
}

static int iov_engine_access(struct iov_file *f, const struct p2pcert_iova_access *r, void *data,
			     bool write)
{
	enum dma_data_direction dir = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	u64 length = p2pcert_fault_length(f->faults, r->length);
	dma_addr_t own;
	int err = 0;

	if (!length)
		return 0;
	own = dma_map_single(f->dev, data, length, dir);
	if (dma_mapping_error(f->dev, own))
		return -ENOMEM;
	if (f->map->hmm)
		err = iov_hmm_lock(f->map);
	if (!err) {
		err = iov_engine_pages(f, r, own, length, write);
		if (f->map->hmm)
			iov_hmm_unlock(f->map);
	}
	dma_unmap_single(f->dev, own, length, dir);
	return err;
}

static bool iov_can_access(const struct iov_file *f, const struct p2pcert_iova_access *r)
{
	if (!f->map || !r->length || r->length > IOV_MAX_ACCESS)
		return false;
	if (r->buffer != (unsigned long)r->buffer || !r->timeout_ms ||
	    r->timeout_ms > IOV_MAX_TIMEOUT_MS)
		return false;
	return r->offset <= f->map->length && r->length <= f->map->length - r->offset;
}

static int iov_access(struct iov_file *f, const struct p2pcert_iova_access *r, u8 *data, bool write)
{
	bool corrupt = f->faults & P2PCERT_FAULT_CORRUPT_COPY;
	int err;

	/* One bit, of what goes out or of what has come in. */
	if (corrupt && write)
		data[0] ^= 1;
	err = iov_engine_access(f, r, data, write);
	if (corrupt && !write)
		data[0] ^= 1;
	return err;
}

long iov_ioctl_access(struct iov_file *f, void __user *arg, bool write)
{
	struct p2pcert_iova_access r;
	void __user *buffer;
	long ret = 0;
	u8 *data;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (!iov_can_access(f, &r))
		return -EINVAL;
	/* Before anything is locked that a page fault might need. */
	data = kzalloc(r.length, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	buffer = u64_to_user_ptr(r.buffer);
	if (write && copy_from_user(data, buffer, r.length))
		ret = -EFAULT;
	if (!ret)
		r.result = iov_access(f, &r, data, write);
	if (!ret && !write && !r.result && copy_to_user(buffer, data, r.length))
		ret = -EFAULT;
	if (!ret && copy_to_user(arg, &r, sizeof(r)))
		ret = -EFAULT;
	kfree(data);
	return ret;
}

#endif /* IOV_SUPPORTED */
