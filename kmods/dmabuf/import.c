// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer: attaches to anybody's dma-buf, maps it, and reads and writes it, as a device would
 * that has a memory region over it. Told that the memory moves it unmaps, and maps again when it is
 * used next. Its engine runs with the reservation object locked, so that nothing moves meanwhile.
 */
#include "dmabuf.h"

#if DMB_SUPPORTED

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#define DMB_MAX_ACCESS ((u64)SZ_64K)

#define DMB_ATTACH_FLAGS (P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PEER | P2PCERT_ATTACH_PIN |       \
			  P2PCERT_ATTACH_WRITE)

/* --- attaching ------------------------------------------------------------------------------- */

static enum dma_data_direction dmb_direction(const struct dmb_importer *im)
{
	return im->flags & P2PCERT_ATTACH_WRITE ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

static void dmb_unmap_locked(struct dmb_importer *im)
{
	if (!im->sgt)
		return;
	dma_buf_unmap_attachment(im->attach, im->sgt, dmb_direction(im));
	im->sgt = NULL;
	atomic64_inc(&im->unmapped);
}

/* The exporter calls, with the reservation object locked. */
static void dmb_notified(struct dma_buf_attachment *attach)
{
	struct dmb_importer *im = attach->importer_priv;

	atomic64_inc(&im->notified);
	if (!(READ_ONCE(im->faults) & P2PCERT_FAULT_STALE_ADDRESS))
		dmb_unmap_locked(im);
}

#if HAVE_DMA_BUF_INVALIDATE_MAPPINGS
#define DMB_ON_MOVE(function) .invalidate_mappings = (function)
#define DMB_ON_NO_MOVE
#else
/* Older kernels want to be able to tell everybody, also who has it pinned. */
static void dmb_not_notified(struct dma_buf_attachment *attach)
{
}

#define DMB_ON_MOVE(function) .move_notify = (function)
#define DMB_ON_NO_MOVE .move_notify = dmb_not_notified
#endif

static const struct dma_buf_attach_ops dmb_importers[2][2] = {
	{ { DMB_ON_NO_MOVE }, { .allow_peer2peer = true, DMB_ON_NO_MOVE } },
	{ { DMB_ON_MOVE(dmb_notified) }, { .allow_peer2peer = true, DMB_ON_MOVE(dmb_notified) } },
};

/* NULL: of the kind that knows of no moves, and for which the kernel pins. */
static const struct dma_buf_attach_ops *dmb_importer_ops(u32 flags)
{
	if (!(flags & (P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PEER | P2PCERT_ATTACH_PIN)))
		return NULL;
	return &dmb_importers[!!(flags & P2PCERT_ATTACH_NOTIFY)][!!(flags & P2PCERT_ATTACH_PEER)];
}

static void dmb_drop_device(struct dmb_importer *im)
{
	if (im->channel.chan)
		atomic64_dec(&dmb_held.functions);
	p2pcert_chan_release(&im->channel);
}

/* Without an engine it is the module's own device, and the CPU copies. */
static int dmb_take_device(struct dmb_importer *im, struct device *own,
			   struct p2pcert_dmabuf_attach *a)
{
	int err;

	if (!a->channel[0]) {
		im->channel.dev = get_device(own);
		return 0;
	}
	err = p2pcert_chan_take(&im->channel, a->channel);
	if (err)
		return err;
	atomic64_inc(&dmb_held.functions);
	p2pcert_describe_function(im->channel.dev, &a->function);
	return 0;
}

static int dmb_pin_attachment(struct dmb_importer *im)
{
	int err;

	dma_resv_lock(im->attach->dmabuf->resv, NULL);
	err = dma_buf_pin(im->attach);
	dma_resv_unlock(im->attach->dmabuf->resv);
	return err;
}

/* Takes the place of the caller's reference, which is dropped if it fails. */
static int dmb_attach_to(struct dmb_importer *im, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	int err = 0;

	attach = dma_buf_dynamic_attach(dmabuf, im->channel.dev, dmb_importer_ops(im->flags), im);
	if (IS_ERR(attach)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attach);
	}
	im->attach = attach;
	if (im->flags & P2PCERT_ATTACH_PIN)
		err = dmb_pin_attachment(im);
	if (err) {
		im->attach = NULL;
		dma_buf_detach(dmabuf, attach);
		dma_buf_put(dmabuf);
	}
	return err;
}

long dmb_ioctl_attach(struct dmb_importer *im, struct device *own, void __user *arg)
{
	struct p2pcert_dmabuf_attach a;
	struct dma_buf *dmabuf;
	int err;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (a.reserved || (a.flags & ~DMB_ATTACH_FLAGS) ||
	    strnlen(a.channel, sizeof(a.channel)) == sizeof(a.channel))
		return -EINVAL;
	/* Who is not told of moves must not let them happen. */
	if ((a.flags & P2PCERT_ATTACH_PEER) &&
	    !(a.flags & (P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PIN)))
		return -EINVAL;
	if (im->attach)
		return -EBUSY;
	err = p2pcert_fault_enter(im->faults);
	if (err)
		return err;
	memset(&a.function, 0, sizeof(a.function));
	im->flags = a.flags;
	dmabuf = dma_buf_get(a.fd);
	a.result = PTR_ERR_OR_ZERO(dmabuf);
	if (!a.result) {
		a.result = dmb_take_device(im, own, &a);
		if (a.result)
			dma_buf_put(dmabuf);
		else
			a.result = dmb_attach_to(im, dmabuf);
		if (a.result)
			dmb_drop_device(im);
	}
	return copy_to_user(arg, &a, sizeof(a)) ? -EFAULT : 0;
}

long dmb_unmap(struct dmb_importer *im)
{
	if (!im->attach)
		return -EINVAL;
	dma_resv_lock(im->attach->dmabuf->resv, NULL);
	dmb_unmap_locked(im);
	dma_resv_unlock(im->attach->dmabuf->resv);
	return 0;
}

long dmb_detach(struct dmb_importer *im)
{
	struct dma_buf *dmabuf;

	if (!im->attach)
		return -EINVAL;
	dmabuf = im->attach->dmabuf;
	dma_resv_lock(dmabuf->resv, NULL);
	dmb_unmap_locked(im);
	if (im->flags & P2PCERT_ATTACH_PIN)
		dma_buf_unpin(im->attach);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_detach(dmabuf, im->attach);
	dma_buf_put(dmabuf);
	im->attach = NULL;
	dmb_drop_device(im);
	return 0;
}

/* --- mapping --------------------------------------------------------------------------------- */

static int dmb_map_locked(struct dmb_importer *im)
{
	struct sg_table *sgt;
	long left;

	if (!im->sgt) {
		sgt = dma_buf_map_attachment(im->attach, dmb_direction(im));
		if (IS_ERR(sgt))
			return PTR_ERR(sgt);
		im->sgt = sgt;
		atomic64_inc(&im->mapped);
	}
	/* What is moved there may still be on its way. */
	left = dma_resv_wait_timeout(im->attach->dmabuf->resv, DMA_RESV_USAGE_KERNEL, true,
				     MAX_SCHEDULE_TIMEOUT);
	return left < 0 ? -EINTR : 0;
}

static u32 dmb_describe_map(struct sg_table *sgt, struct p2pcert_seg *segs, u32 max)
{
	struct scatterlist *sg;
	u32 nr = 0;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (nr < max) {
			segs[nr].dma_addr = sg_dma_address(sg);
			segs[nr].length = sg_dma_len(sg);
			if (p2pcert_is_bus_address(sg))
				segs[nr].flags = P2PCERT_SEG_BUS_ADDRESS;
		}
		nr++;
	}
	return nr;
}

long dmb_ioctl_map(struct dmb_importer *im, void __user *arg)
{
	struct p2pcert_dmabuf_map *m;
	long ret;

	if (!im->attach)
		return -EINVAL;
	ret = p2pcert_fault_enter(im->faults);
	if (ret)
		return ret;
	m = kzalloc_obj(*m, GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	dma_resv_lock(im->attach->dmabuf->resv, NULL);
	m->result = dmb_map_locked(im);
	if (!m->result)
		m->nr_segs = dmb_describe_map(im->sgt, m->segs, P2PCERT_MAX_SEGS);
	dma_resv_unlock(im->attach->dmabuf->resv);
	if (copy_to_user(arg, m, sizeof(*m)))
		ret = -EFAULT;
	kfree(m);
	return ret;
}

/* --- reading and writing ---------------------------------------------------------------------- */

/* Between a piece of what is mapped and memory of the kernel's. */
static int dmb_engine_piece(struct dmb_importer *im, dma_addr_t at, void *data, u32 length,
			    bool write)
{
	enum dma_data_direction dir = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	struct p2pcert_chan *c = &im->channel;
	dma_addr_t own = dma_map_single(c->dev, data, length, dir);
	int err;

	if (dma_mapping_error(c->dev, own))
		return -ENOMEM;
	err = write ? p2pcert_chan_copy(c, at, own, length) :
		      p2pcert_chan_copy(c, own, at, length);
	dma_unmap_single(c->dev, own, length, dir);
	return err;
}

static int dmb_engine_access(struct dmb_importer *im, u64 offset, void *data, u64 length,
			     bool write)
{
	struct scatterlist *sg;
	int err = 0;
	int i;

	for_each_sgtable_dma_sg(im->sgt, sg, i) {
		u32 part;

		if (offset >= sg_dma_len(sg)) {
			offset -= sg_dma_len(sg);
			continue;
		}
		part = min_t(u64, length, sg_dma_len(sg) - offset);
		err = dmb_engine_piece(im, sg_dma_address(sg) + offset, data, part, write);
		offset = 0;
		data += part;
		length -= part;
		if (err || !length)
			break;
	}
	return err ? err : length ? -ENXIO : 0;
}

/* What is mapped is looked at as the exporter lets the CPU see it. */
static int dmb_cpu_access(struct dma_buf *dmabuf, u64 offset, void *data, u64 length, bool write)
{
	struct dmb_buffer *ours = dmb_buffer_of(dmabuf);
	struct iosys_map map;
	int err;

	if (ours)
		return dmb_buffer_access(ours, offset, data, length, write);
	err = dma_buf_vmap(dmabuf, &map);
	if (err)
		return err;
	if (write)
		iosys_map_memcpy_to(&map, offset, data, length);
	else
		iosys_map_memcpy_from(data, &map, offset, length);
	dma_buf_vunmap(dmabuf, &map);
	return 0;
}

static int dmb_access_locked(struct dmb_importer *im, const struct p2pcert_dmabuf_access *r,
			     void *data, bool write)
{
	u64 length = p2pcert_fault_length(im->faults, r->length);
	int err = dmb_map_locked(im);

	if (!err && write && !(im->flags & P2PCERT_ATTACH_WRITE))
		err = -EACCES;
	if (err || !length)
		return err;
	if (im->channel.chan) {
		im->channel.timeout_ms = r->timeout_ms;
		err = dmb_engine_access(im, r->offset, data, length, write);
		if (!err)
			atomic64_add(length, &im->engine_bytes);
	} else {
		err = dmb_cpu_access(im->attach->dmabuf, r->offset, data, length, write);
		if (!err)
			atomic64_add(length, &im->cpu_bytes);
	}
	return err;
}

static int dmb_import_access(struct dmb_importer *im, struct p2pcert_dmabuf_access *r, void *data,
			     bool write)
{
	struct dma_buf *dmabuf = im->attach->dmabuf;
	enum dma_data_direction dir = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	int err = 0;

	r->by_engine = !!im->channel.chan;
	if (!im->channel.chan)
		err = dma_buf_begin_cpu_access(dmabuf, dir);
	if (err)
		return err;
	dma_resv_lock(dmabuf->resv, NULL);
	err = dmb_access_locked(im, r, data, write);
	dma_resv_unlock(dmabuf->resv);
	if (!im->channel.chan)
		dma_buf_end_cpu_access(dmabuf, dir);
	return err;
}

static int dmb_export_access(struct dmb_importer *im, struct p2pcert_dmabuf_access *r, void *data,
			     bool write)
{
	struct dmb_buffer *b = dmb_buffer_get(r->fd);
	int err;

	if (IS_ERR(b))
		return PTR_ERR(b);
	r->by_engine = 0;
	dma_resv_lock(b->dmabuf->resv, NULL);
	err = dmb_buffer_access(b, r->offset, data, r->length, write);
	dma_resv_unlock(b->dmabuf->resv);
	dmb_buffer_put(b);
	return err;
}

static int dmb_check_access(struct dmb_importer *im, const struct p2pcert_dmabuf_access *r)
{
	struct dmb_buffer *b = NULL;
	u64 size;

	if (!r->length || r->length > DMB_MAX_ACCESS || r->buffer != (unsigned long)r->buffer)
		return -EINVAL;
	if (r->fd < 0 && (!im->attach || !p2pcert_timeout_is_good(r->timeout_ms)))
		return -EINVAL;
	if (r->fd >= 0)
		b = dmb_buffer_get(r->fd);
	if (IS_ERR(b))
		return PTR_ERR(b);
	size = b ? b->dmabuf->size : im->attach->dmabuf->size;
	if (b)
		dmb_buffer_put(b);
	return r->offset > size || r->length > size - r->offset ? -EINVAL : 0;
}

static int dmb_do_access(struct dmb_importer *im, struct p2pcert_dmabuf_access *r, void *data,
			 bool write)
{
	bool corrupt = im->faults & P2PCERT_FAULT_CORRUPT_COPY;
	u8 *bytes = data;
	int err;

	if (r->fd >= 0)
		return dmb_export_access(im, r, data, write);
	/* One bit, of what goes out or of what has come in. */
	if (corrupt && write)
		bytes[0] ^= 1;
	err = dmb_import_access(im, r, data, write);
	if (corrupt && !write)
		bytes[0] ^= 1;
	return err;
}

long dmb_ioctl_access(struct dmb_importer *im, void __user *arg, bool write)
{
	struct p2pcert_dmabuf_access r;
	void __user *buffer;
	void *data;
	long ret;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	ret = dmb_check_access(im, &r);
	if (!ret && r.fd < 0)
		ret = p2pcert_fault_enter(im->faults);
	if (ret)
		return ret;
	/* In one piece, and before anything is locked that a page fault might need. */
	data = kzalloc(r.length, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	buffer = u64_to_user_ptr(r.buffer);
	if (write && copy_from_user(data, buffer, r.length))
		ret = -EFAULT;
	if (!ret)
		r.result = dmb_do_access(im, &r, data, write);
	if (!ret && !write && !r.result && copy_to_user(buffer, data, r.length))
		ret = -EFAULT;
	if (!ret && copy_to_user(arg, &r, sizeof(r)))
		ret = -EFAULT;
	kfree(data);
	return ret;
}

long dmb_ioctl_counters(struct dmb_importer *im, void __user *arg)
{
	struct p2pcert_dmabuf_counters c = {
		.notified = atomic64_read(&im->notified),
		.mapped = atomic64_read(&im->mapped),
		.unmapped = atomic64_read(&im->unmapped),
		.engine_bytes = atomic64_read(&im->engine_bytes),
		.cpu_bytes = atomic64_read(&im->cpu_bytes),
	};

	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

#endif /* DMB_SUPPORTED */
