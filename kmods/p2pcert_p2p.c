// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pcert_p2p: what the running kernel says about peer-to-peer DMA, and one real transfer by a real
 * DMA engine. It answers four questions for user space: the p2pdma distance of a pair, how a range
 * of the caller's memory is mapped for a device, whether a memcpy channel moves bytes from one
 * range to another, and whether a range can be pinned. It keeps no state between them but a range
 * that stays pinned because the caller wants it so.
 *
 * No device is ever programmed here: transfers go through the dmaengine API, so that the engine's
 * own driver stays in charge, and a mapping made only to be described is taken down again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "p2pcert_dma.h"

#define P2P_MAX_LENGTH ((u64)SZ_1G)
#define P2P_MAX_TIMEOUT_MS (10 * 60 * 1000)
/* Descriptors in flight: enough to keep an engine busy, few enough for the smallest ring. */
#define P2P_WINDOW 16

#define P2P_FAULTS                                                                                 \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY |         \
	 P2PCERT_FAULT_WRONG_VERDICT | P2PCERT_FAULT_LEAK | P2PCERT_FAULT_MAP_FAILS |              \
	 P2PCERT_FAULTS_ENTER)

/* Before this flag existed the kernel could not hand P2PDMA pages to user space at all. */
#if HAVE_FOLL_PCI_P2PDMA
#define P2P_FOLL FOLL_PCI_P2PDMA
#else
#define P2P_FOLL 0
#endif

/* A range of the caller, pinned, and mapped for dev while `mapped` says so. */
struct p2p_range {
	struct page **pages;
	unsigned int nr_pages; /* pinned */
	unsigned int offset; /* of the range's first byte in pages[0] */
	u64 length;
	bool write; /* the device writes into it */
	bool got; /* by get_user_pages_...(), and so not pinned in the kernel's sense */
	struct device *dev;
	struct sg_table sgt;
	bool mapped;
};

struct p2p_file {
	u32 faults;
	struct mutex lock; /* of held */
	struct p2p_range held; /* by P2PCERT_PIN_HOLD */
};

/* A page or function kept for P2PCERT_FAULT_LEAK, until the module goes. */
struct p2p_leak {
	struct list_head node;
	struct page *page;
	bool got;
	struct pci_dev *pdev;
};

static LIST_HEAD(p2p_leaks);
static DEFINE_MUTEX(p2p_leaks_lock);

/* What is held now, for whoever looks for leaks. */
static atomic64_t p2p_pages_held;
static atomic64_t p2p_mappings_held;
static atomic64_t p2p_functions_held;

static int p2p_check_range(u64 addr, u64 length)
{
	if (!length || length > P2P_MAX_LENGTH || addr + length < addr)
		return -EINVAL;
	if (addr != (unsigned long)addr || !access_ok(u64_to_user_ptr(addr), length))
		return -EINVAL;
	return 0;
}

static struct pci_dev *p2p_get_function(const struct p2pcert_bdf *bdf)
{
	struct pci_dev *pdev;

	if (bdf->domain > INT_MAX)
		return NULL;
	pdev = pci_get_domain_bus_and_slot(bdf->domain, bdf->bus, bdf->devfn);
	if (pdev)
		atomic64_inc(&p2p_functions_held);
	return pdev;
}

static void p2p_put_function(struct pci_dev *pdev)
{
	if (pdev)
		atomic64_dec(&p2p_functions_held);
	pci_dev_put(pdev);
}

static void p2p_unmap(struct p2p_range *r)
{
	if (r->mapped) {
		dma_unmap_sgtable(r->dev, &r->sgt, r->write ? DMA_FROM_DEVICE : DMA_TO_DEVICE, 0);
		atomic64_dec(&p2p_mappings_held);
	}
	r->mapped = false;
	sg_free_table(&r->sgt);
}

static void p2p_unpin_page(struct page *page, bool written, bool got)
{
	if (got)
		put_page(page);
	else /* Dirty is a notion of memory that can be written back; a BAR cannot. */
		unpin_user_pages_dirty_lock(&page, 1, written && !is_pci_p2pdma_page(page));
	atomic64_dec(&p2p_pages_held);
}

static void p2p_unpin(struct p2p_range *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_pages; i++) {
		if (r->pages[i])
			p2p_unpin_page(r->pages[i], r->write, r->got);
		if (!(i % 4096))
			cond_resched();
	}
	r->nr_pages = 0;
	kvfree(r->pages);
	r->pages = NULL;
}

static void p2p_release_range(struct p2p_range *r)
{
	p2p_unmap(r);
	p2p_unpin(r);
}

/* The kernel's functions differ in the order of their arguments. */
static int p2p_gup(unsigned long at, int n, unsigned int gup, struct page **pages, u32 flags)
{
	switch (flags & (P2PCERT_PIN_GET | P2PCERT_PIN_FAST)) {
	case P2PCERT_PIN_GET | P2PCERT_PIN_FAST:
		return get_user_pages_fast(at, n, gup, pages);
	case P2PCERT_PIN_GET:
		return get_user_pages_unlocked(at, n, pages, gup);
	case P2PCERT_PIN_FAST:
		return pin_user_pages_fast(at, n, gup, pages);
	default:
		return pin_user_pages_unlocked(at, n, pages, gup);
	}
}

/* Until an error: what was pinned before stays so. */
static int p2p_pin_pages(struct p2p_range *r, u64 addr, u64 length, u32 flags)
{
	unsigned long at = addr & PAGE_MASK;
	unsigned int gup = 0, want;

	if (flags & P2PCERT_PIN_WRITE)
		gup |= FOLL_WRITE;
	if (flags & P2PCERT_PIN_LONGTERM)
		gup |= FOLL_LONGTERM;
	if (flags & P2PCERT_PIN_P2P)
		gup |= P2P_FOLL;
	r->write = flags & P2PCERT_PIN_WRITE;
	r->got = flags & P2PCERT_PIN_GET;
	r->offset = offset_in_page(addr);
	r->length = length;
	want = DIV_ROUND_UP(r->offset + length, PAGE_SIZE);
	r->pages = kvcalloc(want, sizeof(*r->pages), GFP_KERNEL);
	if (!r->pages)
		return -ENOMEM;

	while (r->nr_pages < want) {
		int n = min(want - r->nr_pages, 1024U);

		if (fatal_signal_pending(current))
			return -EINTR;
		n = p2p_gup(at, n, gup, r->pages + r->nr_pages, flags);
		if (n <= 0)
			return n ? n : -EFAULT;
		r->nr_pages += n;
		atomic64_add(n, &p2p_pages_held);
		at += (unsigned long)n << PAGE_SHIFT;
		cond_resched();
	}
	return 0;
}

static int p2p_pin(struct p2p_range *r, struct device *dev, u64 addr, u64 length, bool write)
{
	u32 flags = P2PCERT_PIN_FAST | (write ? P2PCERT_PIN_WRITE : 0);

	/* Asking for P2PDMA pages is only right for a device whose mapping can take them. */
	if (dma_pci_p2pdma_supported(dev))
		flags |= P2PCERT_PIN_P2P;
	r->dev = dev;
	return p2p_pin_pages(r, addr, length, flags);
}

static int p2p_map(struct p2p_range *r)
{
	unsigned int max_seg = ALIGN_DOWN(dma_get_max_seg_size(r->dev), PAGE_SIZE);
	int err;

	/* Mapping for a device that cannot do DMA makes the kernel warn: tell instead. */
	if (!r->dev->dma_mask || !*r->dev->dma_mask)
		return -EOPNOTSUPP;
	if (!max_seg)
		return -EINVAL;

	/* Does not merge pages of different providers, nor these with memory. */
	err = sg_alloc_table_from_pages_segment(&r->sgt, r->pages, r->nr_pages, r->offset,
						r->length, max_seg, GFP_KERNEL);
	if (err)
		return err;
	err = dma_map_sgtable(r->dev, &r->sgt, r->write ? DMA_FROM_DEVICE : DMA_TO_DEVICE, 0);
	r->mapped = !err;
	if (r->mapped)
		atomic64_inc(&p2p_mappings_held);
	return err;
}

/* How many bytes from position at (relative to pages[0]) are described by one segment. */
static u64 p2p_run_length(const struct p2p_range *r, u64 at, u64 max)
{
	unsigned long i = at >> PAGE_SHIFT;
	bool p2p = is_pci_p2pdma_page(r->pages[i]);
	u64 run = PAGE_SIZE - offset_in_page(at);

	while (run < max && ++i < r->nr_pages) {
		if (is_pci_p2pdma_page(r->pages[i]) != p2p)
			break;
		/* Whoever proves that an address lies in a BAR needs the whole run in it. */
		if (p2p && page_to_pfn(r->pages[i]) != page_to_pfn(r->pages[i - 1]) + 1)
			break;
		run += PAGE_SIZE;
	}
	return min(run, max);
}

/* Describes up to max runs of a mapped range; returns how many runs there are. */
static u32 p2p_describe(const struct p2p_range *r, struct p2pcert_seg *segs, u32 max)
{
	struct scatterlist *sg;
	u64 at = r->offset;
	u32 nr = 0;
	int i;

	for_each_sgtable_dma_sg(&r->sgt, sg, i) {
		u64 dma = sg_dma_address(sg);
		u64 left = sg_dma_len(sg);

		while (left && at >> PAGE_SHIFT < r->nr_pages) {
			struct page *page = r->pages[at >> PAGE_SHIFT];
			u64 run = p2p_run_length(r, at, left);

			if (nr < max)
				p2pcert_describe_run(sg, dma, page, offset_in_page(at), run,
						     &segs[nr]);
			nr++;
			dma += run;
			at += run;
			left -= run;
		}
	}
	return nr;
}

/* What a wrong verdict claims of a mapping that the kernel refused. */
static u32 p2p_describe_lie(const struct p2p_range *r, struct p2pcert_seg *seg)
{
	seg->phys_addr = page_to_phys(r->pages[0]) + r->offset;
	seg->dma_addr = seg->phys_addr;
	seg->length = r->length;
	seg->flags = is_pci_p2pdma_page(r->pages[0]) ? P2PCERT_SEG_P2P_PAGE : 0;
	return 1;
}

static int p2p_leak(struct page *page, bool got, struct pci_dev *pdev)
{
	struct p2p_leak *leak = kmalloc(sizeof(*leak), GFP_KERNEL);

	if (!leak)
		return -ENOMEM;
	leak->page = page;
	leak->got = got;
	leak->pdev = pdev;
	mutex_lock(&p2p_leaks_lock);
	list_add(&leak->node, &p2p_leaks);
	mutex_unlock(&p2p_leaks_lock);
	return 0;
}

/* Takes one page out of a range, so that releasing the range leaves it pinned. */
static int p2p_leak_page(struct p2p_range *r)
{
	int err = p2p_leak(r->pages[0], r->got, NULL);

	if (!err)
		r->pages[0] = NULL;
	return err;
}

static void p2p_drop_leaks(void)
{
	struct p2p_leak *leak, *next;

	list_for_each_entry_safe(leak, next, &p2p_leaks, node) {
		list_del(&leak->node);
		if (leak->page)
			p2p_unpin_page(leak->page, false, leak->got);
		p2p_put_function(leak->pdev);
		kfree(leak);
	}
}

/* --- distance ------------------------------------------------------------------------------- */

static int p2p_distance(struct p2pcert_distance *d, u32 faults, bool why)
{
	struct pci_dev *provider = p2p_get_function(&d->provider);
	struct pci_dev *client = p2p_get_function(&d->client);
	struct device *clients[1];
	int err = 0;

	d->result = -ENODEV;
	d->distance = -1;
	if (provider && client) {
		clients[0] = &client->dev;
		d->result = 0;
		d->distance = pci_p2pdma_distance_many(provider, clients, 1, why);
		if (faults & P2PCERT_FAULT_WRONG_VERDICT)
			d->distance = d->distance < 0 ? 2 : -1;
	}
	if (provider && (faults & P2PCERT_FAULT_LEAK)) {
		err = p2p_leak(NULL, false, provider);
		if (!err)
			provider = NULL;
	}
	p2p_put_function(client);
	p2p_put_function(provider);
	return err;
}

static long p2p_ioctl_distance(void __user *arg, u32 faults, bool why)
{
	struct p2pcert_distance d;
	int err;

	if (copy_from_user(&d, arg, sizeof(d)))
		return -EFAULT;
	if (d.provider.reserved || d.client.reserved)
		return -EINVAL;
	err = p2pcert_fault_enter(faults);
	if (!err)
		err = p2p_distance(&d, faults, why);
	if (err)
		return err;
	return copy_to_user(arg, &d, sizeof(d)) ? -EFAULT : 0;
}

/* --- pin ------------------------------------------------------------------------------------ */

#define P2P_PIN_FLAGS                                                                              \
	(P2PCERT_PIN_P2P | P2PCERT_PIN_WRITE | P2PCERT_PIN_LONGTERM | P2PCERT_PIN_FAST |           \
	 P2PCERT_PIN_GET | P2PCERT_PIN_HOLD)

static u64 p2p_kinds(const struct p2p_range *r)
{
	u64 kinds = 0;
	unsigned int i;

	for (i = 0; i < r->nr_pages && i < 64; i++)
		if (is_pci_p2pdma_page(r->pages[i]))
			kinds |= BIT_ULL(i);
	return kinds;
}

static int p2p_pin_as_asked(struct p2p_file *f, struct p2pcert_pin *pin, u32 faults)
{
	struct p2p_range r = {};
	int err = faults & P2PCERT_FAULT_MAP_FAILS ? -ENOMEM : 0;

	if (!err)
		err = p2p_pin_pages(&r, pin->addr, pin->length, pin->flags);
	pin->nr_pages = r.nr_pages;
	pin->p2p_pages = p2p_kinds(&r);
	pin->result = err;
	if (faults & P2PCERT_FAULT_WRONG_VERDICT)
		pin->result = err ? 0 : -EREMOTEIO;
	if ((faults & P2PCERT_FAULT_LEAK) && r.nr_pages)
		err = p2p_leak_page(&r) ?: err;
	if (!err && (pin->flags & P2PCERT_PIN_HOLD))
		f->held = r;
	else
		p2p_unpin(&r);
	return err == -EINTR ? err : 0;
}

static long p2p_ioctl_pin(struct p2p_file *f, void __user *arg, u32 faults)
{
	struct p2pcert_pin pin;
	long err;

	if (copy_from_user(&pin, arg, sizeof(pin)))
		return -EFAULT;
	if (pin.reserved || (pin.flags & ~P2P_PIN_FLAGS))
		return -EINVAL;
	if ((pin.flags & P2PCERT_PIN_LONGTERM) && (pin.flags & (P2PCERT_PIN_P2P | P2PCERT_PIN_GET)))
		return -EINVAL;
	err = p2p_check_range(pin.addr, pin.length);
	if (!err)
		err = p2pcert_fault_enter(faults);
	if (err)
		return err;

	err = mutex_lock_interruptible(&f->lock);
	if (err)
		return err;
	if ((pin.flags & P2PCERT_PIN_HOLD) && f->held.pages)
		err = -EBUSY;
	else
		err = p2p_pin_as_asked(f, &pin, faults);
	mutex_unlock(&f->lock);
	if (err)
		return err;
	return copy_to_user(arg, &pin, sizeof(pin)) ? -EFAULT : 0;
}

static long p2p_ioctl_unpin(struct p2p_file *f)
{
	long err = mutex_lock_interruptible(&f->lock);

	if (err)
		return err;
	err = f->held.pages ? 0 : -ENOENT;
	p2p_unpin(&f->held);
	mutex_unlock(&f->lock);
	return err;
}

/* --- map ------------------------------------------------------------------------------------ */

/*
 * A function without a driver still has the PCI core's default mask of 32 bits, which says nothing
 * about the hardware and would decide the mapping. Called with the device lock held, which keeps
 * drivers from binding meanwhile.
 */
static int p2p_map_unbound(struct p2p_range *r)
{
	struct device *dev = r->dev;
	u64 mask;
	int err;

	if (!dev->dma_mask)
		return -EOPNOTSUPP;
	mask = *dev->dma_mask;
	err = dma_set_mask(dev, DMA_BIT_MASK(64));
	if (!err)
		err = p2p_map(r);
	*dev->dma_mask = mask;
	return err;
}

static int p2p_map_for_client(struct p2pcert_map *m, struct pci_dev *pdev, u32 faults)
{
	struct device *dev = &pdev->dev;
	struct p2p_range r = {};
	int err;

	err = p2p_pin(&r, dev, m->addr, m->length, false);
	if (err)
		goto out;

	/*
	 * Binding and unbinding change how DMA is mapped for a device and hold its lock. Taken
	 * after pinning: a page fault must not wait for a driver.
	 */
	err = device_lock_interruptible(dev);
	if (err)
		goto out;
	if (!device_is_registered(dev))
		err = -ENODEV;
	else if (faults & P2PCERT_FAULT_MAP_FAILS)
		err = -ENOMEM;
	else
		err = dev->driver ? p2p_map(&r) : p2p_map_unbound(&r);
	if (!err)
		m->nr_segs = p2p_describe(&r, m->segs, P2PCERT_MAX_SEGS);
	p2p_unmap(&r);
	device_unlock(dev);

	if (faults & P2PCERT_FAULT_WRONG_VERDICT) {
		memset(m->segs, 0, sizeof(m->segs));
		m->nr_segs = err ? p2p_describe_lie(&r, m->segs) : 0;
		err = err ? 0 : -EREMOTEIO;
	}
	if (faults & P2PCERT_FAULT_LEAK) {
		int leak_err = p2p_leak_page(&r);

		if (leak_err)
			err = leak_err;
	}
out:
	p2p_unpin(&r);
	return err;
}

static long p2p_ioctl_map(void __user *arg, u32 faults)
{
	struct p2pcert_map *m;
	struct pci_dev *pdev;
	long ret;

	m = memdup_user(arg, sizeof(*m));
	if (IS_ERR(m))
		return PTR_ERR(m);
	ret = -EINVAL;
	if (m->client.reserved)
		goto out;
	ret = p2p_check_range(m->addr, m->length);
	if (ret)
		goto out;
	ret = p2pcert_fault_enter(faults);
	if (ret)
		goto out;

	m->nr_segs = 0;
	memset(m->segs, 0, sizeof(m->segs));
	m->result = -ENODEV;
	pdev = p2p_get_function(&m->client);
	if (pdev) {
		m->result = p2p_map_for_client(m, pdev, faults);
		p2p_put_function(pdev);
	}
	/* An interrupted call answered nothing. */
	ret = m->result == -EINTR ? -EINTR : 0;
	if (!ret && copy_to_user(arg, m, sizeof(*m)))
		ret = -EFAULT;
out:
	kfree(m);
	return ret;
}

/* --- copy ----------------------------------------------------------------------------------- */

struct p2p_job;

struct p2p_piece {
	struct p2p_job *job;
	u32 length;
};

/*
 * One transfer. On the heap, since an engine that cannot be stopped may still call back, and write,
 * after the caller has gone: such a job is abandoned with everything it holds.
 */
struct p2p_job {
	struct dma_chan *chan;
	struct device *dev; /* that the engine's DMA is mapped for */
	struct p2p_range src;
	struct p2p_range dst;
	struct p2p_piece pieces[P2P_WINDOW];
	atomic_t pending; /* pieces in flight, and one while they are being submitted */
	atomic_t errors;
	atomic64_t bytes_done;
	struct completion idle;
	u64 duration_ns;
	bool abandoned;
};

/* A position in the DMA segments of one side. */
struct p2p_cursor {
	struct scatterlist *sg;
	u32 used;
};

static void p2p_free_job(struct p2p_job *job)
{
	p2p_release_range(&job->src);
	p2p_release_range(&job->dst);
	if (job->chan)
		dma_release_channel(job->chan);
	put_device(job->dev);
	kfree(job);
}

static void p2p_piece_done(void *param, const struct dmaengine_result *result)
{
	struct p2p_piece *piece = param;
	struct p2p_job *job = piece->job;

	if (result && result->result != DMA_TRANS_NOERROR)
		atomic_inc(&job->errors);
	else
		atomic64_add(piece->length, &job->bytes_done);
	if (atomic_dec_and_test(&job->pending))
		complete(&job->idle);
}

static u32 p2p_cursor_left(const struct p2p_cursor *c)
{
	return sg_dma_len(c->sg) - c->used;
}

static dma_addr_t p2p_cursor_addr(const struct p2p_cursor *c)
{
	return sg_dma_address(c->sg) + c->used;
}

static void p2p_cursor_advance(struct p2p_cursor *c, u32 length)
{
	c->used += length;
	if (c->used == sg_dma_len(c->sg)) {
		c->sg = sg_next(c->sg);
		c->used = 0;
	}
}

/* Submits up to a window of pieces; returns their bytes, 0 if the engine took none. */
static u64 p2p_submit_window(struct p2p_job *job, struct p2p_cursor *src, struct p2p_cursor *dst,
			     u64 left, int *err)
{
	u64 submitted = 0;
	int i;

	for (i = 0; i < P2P_WINDOW && submitted < left; i++) {
		u32 length = min_t(u64, left - submitted,
				   min(p2p_cursor_left(src), p2p_cursor_left(dst)));
		struct dma_async_tx_descriptor *tx;

		*err = p2pcert_check_copy(job->chan, job->dev, p2p_cursor_addr(dst),
					  p2p_cursor_addr(src), length);
		if (*err)
			break;
		tx = dmaengine_prep_dma_memcpy(job->chan, p2p_cursor_addr(dst),
					       p2p_cursor_addr(src), length,
					       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
		/* A full ring is no error as long as something is in flight. */
		if (!tx)
			break;
		job->pieces[i].job = job;
		job->pieces[i].length = length;
		tx->callback_result = p2p_piece_done;
		tx->callback_param = &job->pieces[i];
		atomic_inc(&job->pending);
		if (dma_submit_error(dmaengine_submit(tx))) {
			atomic_dec(&job->pending);
			*err = -EIO;
			break;
		}
		submitted += length;
		p2p_cursor_advance(src, length);
		p2p_cursor_advance(dst, length);
	}
	return submitted;
}

/*
 * Makes sure that the engine no longer touches the job's memory. Where it cannot be made sure, the
 * job keeps the memory, the mapping, the channel and this module for good: a leak is repairable by
 * a reboot, a stray write is not.
 */
static void p2p_stop(struct p2p_job *job)
{
	if (!dmaengine_terminate_sync(job->chan))
		return;
	job->abandoned = true;
	__module_get(THIS_MODULE);
	pr_warn("%s cannot be stopped: %u pages stay pinned until the next boot\n",
		dev_name(job->dev), job->src.nr_pages + job->dst.nr_pages);
}

static int p2p_transfer(struct p2p_job *job, u64 length, u32 timeout_ms)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(timeout_ms);
	struct p2p_cursor src = { .sg = job->src.sgt.sgl };
	struct p2p_cursor dst = { .sg = job->dst.sgt.sgl };
	u64 moved = 0;
	int err = 0;

	while (moved < length && !err) {
		ktime_t start = ktime_get();
		long left = deadline - jiffies;
		long woken = 1;
		u64 bytes;

		reinit_completion(&job->idle);
		atomic_set(&job->pending, 1);
		bytes = p2p_submit_window(job, &src, &dst, length - moved, &err);
		dma_async_issue_pending(job->chan);
		if (!bytes && !err)
			err = -ENOMEM;
		if (!atomic_dec_and_test(&job->pending))
			woken = wait_for_completion_killable_timeout(&job->idle, max(left, 1L));
		job->duration_ns += ktime_to_ns(ktime_sub(ktime_get(), start));
		if (woken <= 0) {
			err = woken ? -EINTR : -ETIMEDOUT;
			p2p_stop(job);
		} else if (atomic_read(&job->errors) && !err) {
			err = -EIO;
		}
		moved += bytes;
	}
	return err;
}

/* One bit in each page of the range, where the CPU sees what the engine wrote. */
static void p2p_corrupt(const struct p2p_range *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_pages; i++) {
		u8 *va = kmap_local_page(r->pages[i]);
		u8 *byte = va + (i ? 0 : r->offset);

		WRITE_ONCE(*byte, READ_ONCE(*byte) ^ 1);
		kunmap_local(va);
	}
}

static int p2p_copy(struct p2p_job *job, struct p2pcert_copy *c, u32 faults)
{
	u64 real = p2pcert_fault_length(faults, c->length);
	int err;

	job->chan = p2pcert_get_chan(c->channel, &job->dev);
	if (!job->chan)
		return -ENODEV;
	p2pcert_describe_function(job->dev, &c->engine);
	err = p2p_pin(&job->src, job->dev, c->src, c->length, false);
	if (err)
		return err;
	err = p2p_pin(&job->dst, job->dev, c->dst, c->length, true);
	if (err)
		return err;

	err = p2p_map(&job->src);
	if (!err)
		err = p2p_map(&job->dst);
	if (faults & P2PCERT_FAULT_WRONG_VERDICT) {
		c->bytes_done = err ? c->length : 0;
		return err ? 0 : -EREMOTEIO;
	}
	if (err)
		return err;
	p2p_describe(&job->src, &c->src_seg, 1);
	p2p_describe(&job->dst, &c->dst_seg, 1);

	err = p2p_transfer(job, real, c->timeout_ms);
	c->duration_ns = job->duration_ns;
	c->bytes_done = atomic64_read(&job->bytes_done);
	if (job->abandoned)
		return err;
	if (!err)
		c->bytes_done += c->length - real;

	/* What the CPU sees from here on is final: a bounce buffer has been copied back. */
	p2p_unmap(&job->dst);
	if (!err && (faults & P2PCERT_FAULT_CORRUPT_COPY))
		p2p_corrupt(&job->dst);
	p2p_unmap(&job->src);
	/* A page of a BAR is missed sooner. */
	if (!err && (faults & P2PCERT_FAULT_LEAK))
		err = p2p_leak_page(is_pci_p2pdma_page(job->dst.pages[0]) ? &job->dst : &job->src);
	return err;
}

static long p2p_ioctl_copy(void __user *arg, u32 faults)
{
	struct p2pcert_copy c;
	struct p2p_job *job;
	long ret;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!c.channel[0] || strnlen(c.channel, sizeof(c.channel)) == sizeof(c.channel))
		return -EINVAL;
	if (!c.timeout_ms || c.timeout_ms > P2P_MAX_TIMEOUT_MS)
		return -EINVAL;
	ret = p2p_check_range(c.src, c.length);
	if (!ret)
		ret = p2p_check_range(c.dst, c.length);
	if (ret)
		return ret;
	/* An engine promises nothing about ranges that overlap. */
	if (c.src < c.dst + c.length && c.dst < c.src + c.length)
		return -EINVAL;
	ret = p2pcert_fault_enter(faults);
	if (ret)
		return ret;

	job = kzalloc_obj(*job, GFP_KERNEL);
	if (!job)
		return -ENOMEM;
	init_completion(&job->idle);
	c.duration_ns = 0;
	c.bytes_done = 0;
	memset(&c.engine, 0, sizeof(c.engine));
	memset(&c.src_seg, 0, sizeof(c.src_seg));
	memset(&c.dst_seg, 0, sizeof(c.dst_seg));
	c.result = p2p_copy(job, &c, faults);
	if (!job->abandoned)
		p2p_free_job(job);

	if (c.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

static long p2p_ioctl_held(void __user *arg)
{
	struct p2pcert_held held = {
		.pages = atomic64_read(&p2p_pages_held),
		.mappings = atomic64_read(&p2p_mappings_held),
		.functions = atomic64_read(&p2p_functions_held),
	};

	return copy_to_user(arg, &held, sizeof(held)) ? -EFAULT : 0;
}

/* --- the device ----------------------------------------------------------------------------- */

static int p2p_open(struct inode *inode, struct file *file)
{
	struct p2p_file *f;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	f = kzalloc_obj(*f, GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	mutex_init(&f->lock);
	file->private_data = f;
	return nonseekable_open(inode, file);
}

static int p2p_release(struct inode *inode, struct file *file)
{
	struct p2p_file *f = file->private_data;

	p2p_unpin(&f->held);
	kfree(f);
	return 0;
}

static long p2p_ioctl(struct file *file, unsigned int cmd, unsigned long value)
{
	struct p2p_file *f = file->private_data;
	void __user *arg = (void __user *)value;
	u32 faults = READ_ONCE(f->faults);

	switch (cmd) {
	case P2PCERT_IOC_VERSION:
		return p2pcert_ioctl_version(arg);
	case P2PCERT_IOC_SET_FAULTS:
		return p2pcert_ioctl_set_faults(arg, P2P_FAULTS, &f->faults);
	case P2PCERT_IOC_DISTANCE:
		return p2p_ioctl_distance(arg, faults, false);
	case P2PCERT_IOC_DISTANCE_WHY:
		return p2p_ioctl_distance(arg, faults, true);
	case P2PCERT_IOC_MAP:
		return p2p_ioctl_map(arg, faults);
	case P2PCERT_IOC_COPY:
		return p2p_ioctl_copy(arg, faults);
	case P2PCERT_IOC_HELD:
		return p2p_ioctl_held(arg);
	case P2PCERT_IOC_PIN:
		return p2p_ioctl_pin(f, arg, faults);
	case P2PCERT_IOC_UNPIN:
		return p2p_ioctl_unpin(f);
	}
	return -ENOTTY;
}

static const struct file_operations p2p_fops = {
	.owner = THIS_MODULE,
	.open = p2p_open,
	.release = p2p_release,
	.unlocked_ioctl = p2p_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice p2p_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = P2PCERT_DEV_P2P,
	.fops = &p2p_fops,
	.mode = 0600,
};

static int __init p2p_init(void)
{
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA)) {
		pr_info("not loaded: this kernel was built without CONFIG_PCI_P2PDMA\n");
		return -EOPNOTSUPP;
	}
	if (!P2P_FOLL) {
		pr_info("not loaded: this kernel cannot pin P2PDMA pages of user space\n");
		return -EOPNOTSUPP;
	}
	return misc_register(&p2p_misc);
}
module_init(p2p_init);

static void __exit p2p_exit(void)
{
	misc_deregister(&p2p_misc);
	p2p_drop_leaks();
}
module_exit(p2p_exit);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: peer-to-peer DMA verdicts, mappings and transfers");
MODULE_LICENSE("GPL");
MODULE_VERSION(P2PCERT_MODULE_VERSION);
