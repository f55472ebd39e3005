// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device that memory is mapped for: the owner of a memcpy channel, which reads and writes
 * through the mapping, to and from memory of the kernel's that is mapped as any driver's is.
 */
#include "iova.h"

#if IOV_SUPPORTED

#include <linux/sizes.h>
#include <linux/slab.h>

#define IOV_MAX_ACCESS ((u64)SZ_64K)

/* --- whose it is ------------------------------------------------------------------------------ */

long iov_detach(struct iov_file *f)
{
	if (!f->channel.chan)
		return -EINVAL;
	iov_drop_map(f);
	iov_drop_late(f);
	p2pcert_chan_release(&f->channel);
	atomic64_dec(&iov_held.functions);
	return 0;
}

static int iov_take(struct iov_file *f, struct p2pcert_iova_attach *a)
{
	int err = p2pcert_chan_take(&f->channel, a->channel);

	if (err)
		return err;
	atomic64_inc(&iov_held.functions);
	p2pcert_describe_function(f->channel.dev, &a->function);
	a->merge_boundary = dma_get_merge_boundary(f->channel.dev);
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
	if (f->channel.chan)
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

/* The range's part in a page, of which length bytes from offset on are copied. */
static int iov_engine_part(struct iov_file *f, unsigned int page, u32 offset, dma_addr_t own,
			   u32 length, bool write)
{
	dma_addr_t at = f->map->at[page].dma + offset;

	return write ? p2pcert_chan_copy(&f->channel, at, own, length) :
		       p2pcert_chan_copy(&f->channel, own, at, length);
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

		err = iov_engine_part(f, page, offset, own + (at - r->offset), part, write);
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
	own = dma_map_single(f->channel.dev, data, length, dir);
	if (dma_mapping_error(f->channel.dev, own))
		return -ENOMEM;
	if (f->map->hmm)
		err = iov_hmm_lock(f->map);
	if (!err) {
		err = iov_engine_pages(f, r, own, length, write);
		if (f->map->hmm)
			iov_hmm_unlock(f->map);
	}
	dma_unmap_single(f->channel.dev, own, length, dir);
	return err;
}

static bool iov_can_access(const struct iov_file *f, const struct p2pcert_iova_access *r)
{
	if (!f->map || !r->length || r->length > IOV_MAX_ACCESS)
		return false;
	if (r->buffer != (unsigned long)r->buffer || !p2pcert_timeout_is_good(r->timeout_ms))
		return false;
	return r->offset <= f->map->length && r->length <= f->map->length - r->offset;
}

static int iov_access(struct iov_file *f, const struct p2pcert_iova_access *r, u8 *data, bool write)
{
	bool corrupt = f->faults & P2PCERT_FAULT_CORRUPT_COPY;
	int err;

	f->channel.timeout_ms = r->timeout_ms;
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
