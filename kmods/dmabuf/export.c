// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-bufs whose memory has several places, moves between them on command, and can be revoked; and
 * the policy of who may have it. All places stay the dma-buf's own while it exists, so that what an
 * importer still reaches by an address of before is never somebody else's; it is overwritten, so
 * that it shows.
 */
#include "dmabuf.h"

#if DMB_SUPPORTED

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#if DMB_BARS
#include <linux/dma-buf-mapping.h>
#endif

#define DMB_MAX_LENGTH ((u64)SZ_64M)
#define DMB_OVERWRITTEN 0xdb

/* What a function may do; of all those that are no PCI functions if it is zero. */
struct dmb_policy {
	struct list_head node;
	struct p2pcert_bdf function;
	u32 policy;
};

/* A page kept for P2PCERT_FAULT_LEAK, until the module goes. */
struct dmb_leak {
	struct list_head node;
	struct page *page;
};

struct p2pcert_holdings dmb_held;

static LIST_HEAD(dmb_leaks);
static DEFINE_MUTEX(dmb_leaks_lock);

/* --- memory --------------------------------------------------------------------------------- */

static void dmb_free_pages(struct page **pages, unsigned long nr)
{
	if (!pages)
		return;
	for (unsigned long i = 0; i < nr && pages[i]; i++) {
		__free_page(pages[i]);
		atomic64_dec(&dmb_held.pages);
	}
	kvfree(pages);
}

static struct page **dmb_alloc_pages(unsigned long nr)
{
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);

	if (!pages)
		return NULL;
	for (unsigned long i = 0; i < nr; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[i]) {
			dmb_free_pages(pages, nr);
			return NULL;
		}
		atomic64_inc(&dmb_held.pages);
	}
	return pages;
}

static int dmb_leak_page(void)
{
	struct dmb_leak *leak = kmalloc(sizeof(*leak), GFP_KERNEL);

	if (!leak)
		return -ENOMEM;
	leak->page = alloc_page(GFP_KERNEL);
	if (!leak->page) {
		kfree(leak);
		return -ENOMEM;
	}
	atomic64_inc(&dmb_held.pages);
	mutex_lock(&dmb_leaks_lock);
	list_add(&leak->node, &dmb_leaks);
	mutex_unlock(&dmb_leaks_lock);
	return 0;
}

void dmb_drop_leaks(void)
{
	struct dmb_leak *leak, *next;

	list_for_each_entry_safe(leak, next, &dmb_leaks, node) {
		list_del(&leak->node);
		__free_page(leak->page);
		atomic64_dec(&dmb_held.pages);
		kfree(leak);
	}
}

static u64 dmb_range_length(const struct dmb_buffer *b)
{
	return ((u64)b->nr_pages << PAGE_SHIFT) / b->nr_ranges;
}

/* Where a page of the buffer is in its BAR. */
static u64 dmb_bar_place(const struct dmb_buffer *b, unsigned long nr)
{
	u64 length = dmb_range_length(b);
	u64 at = (u64)nr << PAGE_SHIFT;

	return b->bar_offset + at / length * 2 * length + at % length;
}

static phys_addr_t dmb_phys(const struct dmb_buffer *b, unsigned long nr)
{
	if (b->place == P2PCERT_PLACE_BAR)
		return b->bar->start + dmb_bar_place(b, nr);
	return page_to_phys(b->pages[b->place][nr]);
}

/* A part of one page at a place. */
static void dmb_read(struct dmb_buffer *b, u32 place, unsigned long nr, u32 at, void *data,
		     u32 length)
{
	if (place == P2PCERT_PLACE_BAR)
		memcpy_fromio(data, b->bar->base + dmb_bar_place(b, nr) + at, length);
	else
		memcpy_from_page(data, b->pages[place][nr], at, length);
}

static void dmb_write(struct dmb_buffer *b, u32 place, unsigned long nr, u32 at, const void *data,
		      u32 length)
{
	if (place == P2PCERT_PLACE_BAR)
		memcpy_toio(b->bar->base + dmb_bar_place(b, nr) + at, data, length);
	else
		memcpy_to_page(b->pages[place][nr], at, data, length);
}

int dmb_buffer_access(struct dmb_buffer *b, u64 offset, void *data, u64 length, bool write)
{
	dma_resv_assert_held(b->dmabuf->resv);
	/* What is revoked may have lost the BAR that it was in. */
	if (b->place == P2PCERT_PLACE_BAR && !b->bar)
		return -ENODEV;
	while (length) {
		u32 at = offset_in_page(offset);
		u32 part = min_t(u64, length, PAGE_SIZE - at);

		if (write)
			dmb_write(b, b->place, offset >> PAGE_SHIFT, at, data, part);
		else
			dmb_read(b, b->place, offset >> PAGE_SHIFT, at, data, part);
		offset += part;
		data += part;
		length -= part;
	}
	/* What was written to a BAR may still be being combined. */
	wmb();
	return 0;
}

/* --- the exporter's side of an attachment --------------------------------------------------- */

static void dmb_notify(struct dma_buf *dmabuf)
{
#if HAVE_DMA_BUF_INVALIDATE_MAPPINGS
	dma_buf_invalidate_mappings(dmabuf);
#else
	dma_buf_move_notify(dmabuf);
#endif
	/* Who cannot stop at once has left a fence. */
	dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false, MAX_SCHEDULE_TIMEOUT);
}

static int dmb_move(struct dmb_buffer *b, u32 place, u32 faults)
{
	void *page;

	dma_resv_assert_held(b->dmabuf->resv);
	if (b->revoked)
		return -ENODEV;
	if (place == b->place)
		return 0;
	if (place == P2PCERT_PLACE_BAR && !b->bar)
		return -ENXIO;
	if (b->pins)
		return -EBUSY;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	if (!(faults & P2PCERT_FAULT_NOTIFY_LOST))
		dmb_notify(b->dmabuf);
	for (unsigned long i = 0; i < b->nr_pages; i++) {
		dmb_read(b, b->place, i, 0, page, PAGE_SIZE);
		dmb_write(b, place, i, 0, page, PAGE_SIZE);
		memset(page, DMB_OVERWRITTEN, PAGE_SIZE);
		dmb_write(b, b->place, i, 0, page, PAGE_SIZE);
	}
	/* What was written to a BAR arrives before anybody maps it. */
	wmb();
	b->place = place;
	kfree(page);
	return 0;
}

/* A BAR that is gone is gone, whatever faults there are. */
static bool dmb_is_revoked(const struct dmb_buffer *b)
{
	if (b->place == P2PCERT_PLACE_BAR && !b->bar)
		return true;
	return b->revoked && !(b->faults & P2PCERT_FAULT_REVOKE_IGNORED);
}

static u32 dmb_policy_of(const struct dmb_buffer *b, struct device *dev)
{
	struct p2pcert_bdf bdf = {};
	struct dmb_policy *p;

	if (b->faults & P2PCERT_FAULT_POLICY_IGNORED)
		return P2PCERT_POLICY_ALLOW;
	if (dev_is_pci(dev)) {
		bdf.domain = pci_domain_nr(to_pci_dev(dev)->bus);
		bdf.bus = to_pci_dev(dev)->bus->number;
		bdf.devfn = to_pci_dev(dev)->devfn;
	}
	list_for_each_entry(p, &b->policies, node) {
		if (!memcmp(&p->function, &bdf, sizeof(bdf)))
			return p->policy;
	}
	return P2PCERT_POLICY_ALLOW;
}

static int dmb_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct dmb_buffer *b = dmabuf->priv;
	u32 policy;
	int err = 0;

	dma_resv_lock(dmabuf->resv, NULL);
	policy = dmb_policy_of(b, attach->dev);
	if (dmb_is_revoked(b))
		err = -ENODEV;
	else if (policy == P2PCERT_POLICY_DENY)
		err = -EACCES;
	if (!err) {
		b->attachments++;
		b->attached++;
		attach->priv = (void *)(unsigned long)policy;
	}
	dma_resv_unlock(dmabuf->resv);
	return err;
}

static void dmb_detach_op(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct dmb_buffer *b = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	b->attachments--;
	dma_resv_unlock(dmabuf->resv);
}

/* What is pinned is in RAM: a BAR must be able to go. */
static int dmb_pin(struct dma_buf_attachment *attach)
{
	struct dmb_buffer *b = attach->dmabuf->priv;
	int err = 0;

	if (dmb_is_revoked(b))
		return -ENODEV;
	if (b->place == P2PCERT_PLACE_BAR)
		err = dmb_move(b, P2PCERT_PLACE_RAM, 0);
	if (!err)
		b->pins++;
	return err;
}

static void dmb_unpin(struct dma_buf_attachment *attach)
{
	struct dmb_buffer *b = attach->dmabuf->priv;

	b->pins--;
}

static struct sg_table *dmb_map_ram(struct dmb_buffer *b, struct device *dev,
				    enum dma_data_direction dir)
{
	struct sg_table *sgt = kzalloc_obj(*sgt, GFP_KERNEL);
	int err;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	err = sg_alloc_table_from_pages(sgt, b->pages[b->place], b->nr_pages, 0,
					b->nr_pages << PAGE_SHIFT, GFP_KERNEL);
	if (err)
		goto free;
	err = dma_map_sgtable(dev, sgt, dir, 0);
	if (!err)
		return sgt;
	sg_free_table(sgt);
free:
	kfree(sgt);
	return ERR_PTR(err);
}

#if DMB_BARS

static struct sg_table *dmb_map_bar(struct dmb_buffer *b, struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	unsigned long pages = b->nr_pages / b->nr_ranges;
	struct phys_vec ranges[P2PCERT_DMABUF_MAX_RANGES];

	for (u32 i = 0; i < b->nr_ranges; i++) {
		ranges[i].paddr = dmb_phys(b, i * pages);
		ranges[i].len = dmb_range_length(b);
	}
	return dma_buf_phys_vec_to_sgt(attach, b->bar->provider, ranges, b->nr_ranges,
				       b->nr_pages << PAGE_SHIFT, dir);
}

/* The kernel says by this of a table that it has made of ranges. */
static bool dmb_is_bar(const struct sg_table *sgt)
{
	return !sgt->orig_nents;
}

static void dmb_unmap_bar(struct dma_buf_attachment *attach, struct sg_table *sgt,
			  enum dma_data_direction dir)
{
	dma_buf_free_sgt(attach, sgt, dir);
}

#else

static struct sg_table *dmb_map_bar(struct dmb_buffer *b, struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static bool dmb_is_bar(const struct sg_table *sgt)
{
	return false;
}

static void dmb_unmap_bar(struct dma_buf_attachment *attach, struct sg_table *sgt,
			  enum dma_data_direction dir)
{
}

#endif

static int dmb_check_map(const struct dmb_buffer *b, const struct dma_buf_attachment *attach,
			 enum dma_data_direction dir)
{
	u32 policy = (unsigned long)attach->priv;

	if (b->faults & P2PCERT_FAULT_MAP_FAILS)
		return -ENOMEM;
	if (dmb_is_revoked(b))
		return -ENODEV;
	if (policy == P2PCERT_POLICY_READ_ONLY && dir != DMA_TO_DEVICE)
		return -EACCES;
	return 0;
}

static struct sg_table *dmb_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct dmb_buffer *b = attach->dmabuf->priv;
	struct sg_table *sgt;
	int err = dmb_check_map(b, attach, dir);

	/* For whom a peer's memory is of no use it comes to RAM. */
	if (!err && b->place == P2PCERT_PLACE_BAR && !attach->peer2peer)
		err = dmb_move(b, P2PCERT_PLACE_RAM, 0);
	if (err)
		return ERR_PTR(err);
	if (b->place == P2PCERT_PLACE_BAR)
		sgt = dmb_map_bar(b, attach, dir);
	else
		sgt = dmb_map_ram(b, attach->dev, dir);
	if (!IS_ERR(sgt)) {
		b->mappings++;
		atomic64_inc(&dmb_held.mappings);
	}
	return sgt;
}

static void dmb_unmap_op(struct dma_buf_attachment *attach, struct sg_table *sgt,
			 enum dma_data_direction dir)
{
	struct dmb_buffer *b = attach->dmabuf->priv;

	if (dmb_is_bar(sgt)) {
		dmb_unmap_bar(attach, sgt, dir);
	} else {
		dma_unmap_sgtable(attach->dev, sgt, dir, 0);
		sg_free_table(sgt);
		kfree(sgt);
	}
	atomic64_dec(&dmb_held.mappings);
	if (!--b->mappings)
		wake_up_all(&b->unmapped);
}

static void dmb_free_buffer(struct dmb_buffer *b)
{
	struct dmb_policy *p, *next;

	list_for_each_entry_safe(p, next, &b->policies, node)
		kfree(p);
	dmb_free_pages(b->pages[0], b->nr_pages);
	dmb_free_pages(b->pages[1], b->nr_pages);
	kfree(b);
}

static void dmb_release(struct dma_buf *dmabuf)
{
	struct dmb_buffer *b = dmabuf->priv;

	dmb_bars_lock();
	list_del(&b->node);
	dmb_bars_unlock();
	dmb_free_buffer(b);
}

static const struct dma_buf_ops dmb_ops = {
	.attach = dmb_attach,
	.detach = dmb_detach_op,
	.pin = dmb_pin,
	.unpin = dmb_unpin,
	.map_dma_buf = dmb_map,
	.unmap_dma_buf = dmb_unmap_op,
	.release = dmb_release,
};

struct dmb_buffer *dmb_buffer_of(struct dma_buf *dmabuf)
{
	return dmabuf->ops == &dmb_ops ? dmabuf->priv : NULL;
}

struct dmb_buffer *dmb_buffer_get(int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);
	if (dmb_buffer_of(dmabuf))
		return dmabuf->priv;
	dma_buf_put(dmabuf);
	return ERR_PTR(-EINVAL);
}

void dmb_buffer_put(struct dmb_buffer *b)
{
	dma_buf_put(b->dmabuf);
}

/* With BARs locked, which also keeps the buffer. */
void dmb_buffer_lose_bar(struct dmb_buffer *b)
{
	bool in_bar;

	dma_resv_lock(b->dmabuf->resv, NULL);
	in_bar = b->place == P2PCERT_PLACE_BAR;
	if (in_bar) {
		b->revoked = true;
		dmb_notify(b->dmabuf);
	}
	b->bar = NULL;
	list_del_init(&b->node);
	dma_resv_unlock(b->dmabuf->resv);
	if (in_bar)
		wait_event(b->unmapped, !READ_ONCE(b->mappings));
}

/* --- what user space asks of the exporter ---------------------------------------------------- */

static int dmb_check_export(const struct p2pcert_dmabuf_export *e, bool has_bar)
{
	if (!e->length || e->length > DMB_MAX_LENGTH || !PAGE_ALIGNED(e->length))
		return -EINVAL;
	if (e->reserved || e->bar.reserved || !PAGE_ALIGNED(e->bar_offset))
		return -EINVAL;
	if (!e->nr_ranges || e->nr_ranges > P2PCERT_DMABUF_MAX_RANGES ||
	    (e->length >> PAGE_SHIFT) % e->nr_ranges)
		return -EINVAL;
	if (!has_bar && (e->nr_ranges != 1 || e->bar_offset || e->place == P2PCERT_PLACE_BAR))
		return -EINVAL;
	return e->place > P2PCERT_PLACE_BAR ? -EINVAL : 0;
}

static void dmb_clear_bar(struct dmb_buffer *b)
{
	for (unsigned long i = 0; i < b->nr_pages; i++)
		memset_io(b->bar->base + dmb_bar_place(b, i), 0, PAGE_SIZE);
	/* What was written to a BAR arrives before anybody maps it. */
	wmb();
}

/* Has it all the BAR that it wants? */
static int dmb_take_bar(struct dmb_buffer *b, const struct p2pcert_dmabuf_export *e)
{
	u64 end;

	b->bar = dmb_bar_find(&e->bar);
	if (!b->bar)
		return DMB_BARS ? -ENODEV : -EOPNOTSUPP;
	b->bar_offset = e->bar_offset;
	if (e->bar_offset > b->bar->size)
		return -EINVAL;
	end = dmb_bar_place(b, b->nr_pages - 1) + PAGE_SIZE;
	if (end > b->bar->size)
		return -EINVAL;
	if (e->place == P2PCERT_PLACE_BAR)
		dmb_clear_bar(b);
	return 0;
}

static struct dmb_buffer *dmb_new_buffer(const struct p2pcert_dmabuf_export *e, u32 faults)
{
	struct dmb_buffer *b = kzalloc_obj(*b, GFP_KERNEL);

	if (!b)
		return NULL;
	INIT_LIST_HEAD(&b->node);
	INIT_LIST_HEAD(&b->policies);
	init_waitqueue_head(&b->unmapped);
	b->nr_pages = e->length >> PAGE_SHIFT;
	b->nr_ranges = e->nr_ranges;
	b->place = e->place;
	b->faults = faults;
	b->pages[0] = dmb_alloc_pages(b->nr_pages);
	b->pages[1] = dmb_alloc_pages(b->nr_pages);
	if (b->pages[0] && b->pages[1])
		return b;
	dmb_free_buffer(b);
	return NULL;
}

static int dmb_export(struct dmb_buffer *b, const struct p2pcert_dmabuf_export *e, bool has_bar)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	int err = 0;

	info.ops = &dmb_ops;
	info.size = e->length;
	info.flags = O_RDWR | O_CLOEXEC;
	info.priv = b;
	dmb_bars_lock();
	if (has_bar)
		err = dmb_take_bar(b, e);
	if (!err) {
		b->dmabuf = dma_buf_export(&info);
		err = PTR_ERR_OR_ZERO(b->dmabuf);
	}
	if (!err && has_bar)
		list_add_tail(&b->node, &b->bar->buffers);
	dmb_bars_unlock();
	return err;
}

long dmb_ioctl_export(void __user *arg, u32 faults)
{
	static const struct p2pcert_bdf none;
	struct p2pcert_dmabuf_export e;
	struct dmb_buffer *b;
	bool has_bar;
	int err;

	if (copy_from_user(&e, arg, sizeof(e)))
		return -EFAULT;
	has_bar = memcmp(&e.bar, &none, sizeof(none));
	err = dmb_check_export(&e, has_bar);
	if (!err)
		err = p2pcert_fault_enter(faults);
	if (!err && (faults & P2PCERT_FAULT_LEAK))
		err = dmb_leak_page();
	if (err)
		return err;
	b = dmb_new_buffer(&e, faults);
	if (!b)
		return -ENOMEM;
	err = dmb_export(b, &e, has_bar);
	if (err) {
		dmb_free_buffer(b);
		return err;
	}
	e.fd = dma_buf_fd(b->dmabuf, O_CLOEXEC);
	if (e.fd < 0) {
		dmb_buffer_put(b);
		return e.fd;
	}
	/* The caller has the descriptor, whether or not it can be told. */
	return copy_to_user(arg, &e, sizeof(e)) ? -EFAULT : 0;
}

/* Describes up to max runs of what the memory consists of; returns how many there are. */
static u32 dmb_describe(const struct dmb_buffer *b, struct p2pcert_seg *segs, u32 max)
{
	phys_addr_t end = 0;
	u32 nr = 0;

	if (b->place == P2PCERT_PLACE_BAR && !b->bar)
		return 0;
	for (unsigned long i = 0; i < b->nr_pages; i++) {
		phys_addr_t phys = dmb_phys(b, i);

		if (nr && phys == end) {
			if (nr <= max)
				segs[nr - 1].length += PAGE_SIZE;
		} else if (nr++ < max) {
			segs[nr - 1].phys_addr = phys;
			segs[nr - 1].length = PAGE_SIZE;
		}
		end = phys + PAGE_SIZE;
	}
	return nr;
}

long dmb_ioctl_place(void __user *arg)
{
	struct p2pcert_dmabuf_place *p = memdup_user(arg, sizeof(*p));
	struct dmb_buffer *b;
	long ret = 0;

	if (IS_ERR(p))
		return PTR_ERR(p);
	b = dmb_buffer_get(p->fd);
	if (IS_ERR(b)) {
		kfree(p);
		return PTR_ERR(b);
	}
	memset(p->segs, 0, sizeof(p->segs));
	dma_resv_lock(b->dmabuf->resv, NULL);
	p->place = b->place;
	p->revoked = b->revoked;
	p->attachments = b->attachments;
	p->mappings = b->mappings;
	p->pins = b->pins;
	p->attached = b->attached;
	p->nr_segs = dmb_describe(b, p->segs, P2PCERT_MAX_SEGS);
	dma_resv_unlock(b->dmabuf->resv);
	dmb_buffer_put(b);
	if (copy_to_user(arg, p, sizeof(*p)))
		ret = -EFAULT;
	kfree(p);
	return ret;
}

long dmb_ioctl_move(void __user *arg, u32 faults, bool revoke)
{
	struct p2pcert_dmabuf_move m;
	struct dmb_buffer *b;
	int err;

	if (copy_from_user(&m, arg, sizeof(m)))
		return -EFAULT;
	if (m.reserved || (!revoke && m.place > P2PCERT_PLACE_BAR))
		return -EINVAL;
	b = dmb_buffer_get(m.fd);
	if (IS_ERR(b))
		return PTR_ERR(b);
	err = p2pcert_fault_enter(faults);
	if (err)
		goto put;
	dma_resv_lock(b->dmabuf->resv, NULL);
	if (revoke) {
		m.result = 0;
		b->revoked = true;
		if (!(faults & P2PCERT_FAULT_NOTIFY_LOST))
			dmb_notify(b->dmabuf);
	} else {
		m.result = dmb_move(b, m.place, faults);
	}
	dma_resv_unlock(b->dmabuf->resv);
	if (copy_to_user(arg, &m, sizeof(m)))
		err = -EFAULT;
put:
	dmb_buffer_put(b);
	return err;
}

static void dmb_set_policy(struct dmb_buffer *b, struct dmb_policy *policy)
{
	struct dmb_policy *p, *next;

	dma_resv_lock(b->dmabuf->resv, NULL);
	list_for_each_entry_safe(p, next, &b->policies, node) {
		if (!memcmp(&p->function, &policy->function, sizeof(p->function))) {
			list_del(&p->node);
			kfree(p);
		}
	}
	list_add(&policy->node, &b->policies);
	dma_resv_unlock(b->dmabuf->resv);
}

long dmb_ioctl_policy(void __user *arg)
{
	struct p2pcert_dmabuf_policy r;
	struct dmb_policy *policy;
	struct dmb_buffer *b;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.policy > P2PCERT_POLICY_READ_ONLY || r.function.reserved)
		return -EINVAL;
	b = dmb_buffer_get(r.fd);
	if (IS_ERR(b))
		return PTR_ERR(b);
	policy = kzalloc_obj(*policy, GFP_KERNEL);
	if (policy) {
		policy->function = r.function;
		policy->policy = r.policy;
		dmb_set_policy(b, policy);
	}
	dmb_buffer_put(b);
	return policy ? 0 : -ENOMEM;
}

#endif /* DMB_SUPPORTED */
