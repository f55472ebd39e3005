// SPDX-License-Identifier: GPL-2.0-only
/*
 * The consumer's side of peer-to-peer DMA to device-private pages: a device that is not the owner
 * uses a range of a process's memory, as an RDMA device does with on-demand paging. Pages that are
 * in the owner's memory it uses in place, through the alias that the owner gives it; all others,
 * and those that it is refused, in memory.
 *
 * hmm_range_fault() tells a device-private page only to a caller that names the owner of its
 * pagemap, and brings it back to memory for all others. Where the kernel asks the owner by itself,
 * as has been proposed, a consumer names nobody; here the consumer looks as if it were the owner,
 * so that nothing moves, asks for an alias of each device page that it finds, and never uses such a
 * page itself. What it is refused it looks for once more as a stranger, which brings that back.
 *
 * Looking and faulting are two things: a page that hmm_range_fault() has to fault in makes it fault
 * in all that follow in the range (hmm_vma_fault(), 7.2 and 7.3), and those come back with it which
 * would have been granted. So nothing is faulted in at first, and then what is missing page by
 * page.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/bitmap.h>
#include <linux/hmm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "p2pcert_dma.h"
#include "use.h"

struct dpv_consumer {
	struct list_head node; /* of the owner's consumers */
	struct mmu_interval_notifier notifier;
	struct mutex lock; /* of the uses: they stay what they are while it is held */
	struct mutex faulting; /* held during a fault of the consumer */
	struct mutex copying; /* held during an access, which has the bounce page */
	struct dpv_device *dev; /* the owner */
	struct p2pcert_fault_plan *plan;
	struct p2pcert_chan channel;
	u64 addr;
	unsigned long nr;
	struct dpv_use *uses;
	unsigned long *pfns; /* as they were found; under faulting, as what is next */
	unsigned long *missing; /* bitmap: those to be faulted in */
	struct page *bounce;
	struct dpv_side bounce_side;
	bool bounce_mapped;
	bool by_kernel; /* the kernel asks for aliases */
	bool transferring; /* under lock */
	atomic64_t faults, granted, denied, unmapped, none, fallbacks;
	atomic64_t invalidations, invalidated, waited, retries;
	atomic64_t alias_copied, memory_copied, recalled;
};

#if HAVE_PAGEMAP_P2P_PFN && HAVE_HMM_PFN_ALLOW_P2P
#define DPV_ASK_KERNEL HMM_PFN_ALLOW_P2P
#elif HAVE_PAGEMAP_P2P_PAGE && HAVE_HMM_PFN_REQ_ALLOW_P2P
#define DPV_ASK_KERNEL HMM_PFN_REQ_ALLOW_P2P
#else
#define DPV_ASK_KERNEL 0ul /* no such kernel */
#endif

static u64 dpv_use_addr(const struct dpv_consumer *c, unsigned long i)
{
	return c->addr + ((u64)i << PAGE_SHIFT);
}

/* --- uses ----------------------------------------------------------------------------------- */

/* All that follow with the lock held. */

static unsigned int dpv_unuse(struct dpv_consumer *c, struct dpv_use *u)
{
	if (!u->page)
		return 0;
	if (u->alias)
		atomic64_sub(u->head->nr, &c->dev->count.aliases);
	return dpv_use_unmap(c->channel.dev, u);
}

/* Maps nr pages as one, whatever was used there. */
static int dpv_use_pages(struct dpv_consumer *c, struct dpv_use *u, struct page *page,
			 unsigned int nr, bool write)
{
	for (unsigned int i = 0; i < nr; i++)
		dpv_unuse(c, u + i);
	return dpv_use_map(c->channel.dev, u, page, nr, write);
}

/* What the owner answers of a device page, which may be writable as it is mapped. */
static int dpv_ask_owner(struct dpv_consumer *c, unsigned long found, bool write,
			 unsigned long *alias)
{
	int err;

	*alias = 0;
	/* where its owner may not write either, the kernel has to see to it first */
	if (write && !(found & HMM_PFN_WRITE))
		return -EPERM;
	err = dpv_alias(c->dev, c->channel.dev, c->plan, hmm_pfn_to_page(found), write, alias);
	return err || (*alias & HMM_PFN_VALID) ? err : -EOPNOTSUPP;
}

/*
 * How many pages of a huge one, from page i on and before end, the consumer can have as one: the
 * owner says yes to each of them, their aliases follow each other, and so long a segment may be.
 */
static unsigned int dpv_alias_run(struct dpv_consumer *c, unsigned long i, unsigned long end,
				  bool write, unsigned long alias)
{
	unsigned long huge = 1ul << hmm_pfn_to_map_order(c->pfns[i]);
	unsigned long inside = (dpv_use_addr(c, i) >> PAGE_SHIFT) & (huge - 1);
	unsigned long segment = dma_get_max_seg_size(c->channel.dev) >> PAGE_SHIFT;
	unsigned long most = min3(huge - inside, segment, end - i);
	unsigned long next;
	unsigned int nr = 1;

	while (nr < most && !dpv_can_use(&c->uses[i + nr], write) &&
	       !dpv_ask_owner(c, c->pfns[i + nr], write, &next) && next == alias + nr)
		nr++;
	return nr;
}

static int dpv_use_alias(struct dpv_consumer *c, struct dpv_use *u, unsigned long alias,
			 unsigned int nr, bool write)
{
	int err = -ENOMEM;

	if (!p2pcert_strikes(c->plan, P2PCERT_FAULT_MAP_FAILS))
		err = dpv_use_pages(c, u, hmm_pfn_to_page(alias), nr, write);
	if (err) {
		atomic64_inc(&c->unmapped);
		return err;
	}
	for (unsigned int i = 0; i < nr; i++)
		u[i].alias = true;
	atomic64_add(nr, &c->dev->count.aliases);
	atomic64_add(nr, &c->granted);
	return 0;
}

/* A page in the owner's memory, and those that come with it; an errno: not in place. */
static int dpv_use_device(struct dpv_consumer *c, unsigned long i, unsigned long end, bool write)
{
	unsigned long alias;
	int err = dpv_ask_owner(c, c->pfns[i], write, &alias);

	if (err) {
		atomic64_inc(err == -EACCES ? &c->denied : &c->none);
		return err;
	}
	return dpv_use_alias(c, &c->uses[i], alias, dpv_alias_run(c, i, end, write, alias), write);
}

/* 0; 1: page i, before end, has to be faulted in; or an errno. */
static int dpv_use_found(struct dpv_consumer *c, unsigned long i, unsigned long end, bool write)
{
	const unsigned long need = HMM_PFN_VALID | (write ? HMM_PFN_WRITE : 0);
	unsigned long found = c->pfns[i];
	struct page *page;
	int err;

	if (!(found & HMM_PFN_VALID) || (found & HMM_PFN_ERROR))
		return 1;
	page = hmm_pfn_to_page(found);
	if (is_device_private_page(page))
		err = dpv_use_device(c, i, end, write);
	else if ((found & need) != need)
		return 1;
	else if (c->by_kernel && is_pci_p2pdma_page(page))
		err = dpv_use_alias(c, &c->uses[i], found, 1, write);
	else
		return dpv_use_pages(c, &c->uses[i], page, 1, write);
	if (err)
		atomic64_inc(&c->fallbacks);
	return !!err;
}

/* For a planted defect and a fault: a use stays that should go. */
static bool dpv_use_stays(const struct dpv_consumer *c, const struct dpv_use *u)
{
	return u->alias && (DPV_DEFECT(alias_kept) ||
			    p2pcert_strikes(c->plan, P2PCERT_FAULT_STALE_ADDRESS));
}

/* What is mapped with it goes with it, and is found anew if it is still there. */
static void dpv_end_use(struct dpv_consumer *c, struct dpv_use *u)
{
	if (!u->page || dpv_use_stays(c, u))
		return;
	if (DPV_DEFECT(alias_not_unmapped) && u->alias) {
		u->page = NULL;
		return;
	}
	atomic64_add(dpv_unuse(c, u), &c->invalidated);
}

/* The lock of the uses, after a transfer that is under way. */
static void dpv_lock_uses(struct dpv_consumer *c)
{
	if (mutex_trylock(&c->lock))
		return;
	if (READ_ONCE(c->transferring))
		atomic64_inc(&c->waited);
	mutex_lock(&c->lock);
}

/* --- invalidation --------------------------------------------------------------------------- */

/*
 * What goes by an address of these pages ends before they go anywhere: a transfer is waited for,
 * which its timeout bounds, and the next one finds no address.
 */
static bool dpv_consumer_invalidate(struct mmu_interval_notifier *notifier,
				    const struct mmu_notifier_range *range, unsigned long seq)
{
	struct dpv_consumer *c = container_of(notifier, struct dpv_consumer, notifier);
	u64 start = max_t(u64, range->start, c->addr);
	u64 end = min_t(u64, range->end, dpv_use_addr(c, c->nr));

	if (mmu_notifier_range_blockable(range))
		dpv_lock_uses(c);
	else if (!mutex_trylock(&c->lock))
		return false;
	mmu_interval_set_seq(notifier, seq);
	atomic64_inc(&c->invalidations);
	for (u64 addr = start; addr < end; addr += PAGE_SIZE)
		dpv_end_use(c, &c->uses[(addr - c->addr) >> PAGE_SHIFT]);
	mutex_unlock(&c->lock);
	return true;
}

static const struct mmu_interval_notifier_ops dpv_consumer_ops = {
	.invalidate = dpv_consumer_invalidate,
};

/* --- the owner's second thoughts ------------------------------------------------------------ */

/*
 * The owner is asked and its answer mapped under one hold of the lock: what was granted by an older
 * policy is seen here, and what is asked later goes by the new one.
 */
static void dpv_consumer_recall(struct dpv_consumer *c)
{
	dpv_lock_uses(c);
	for (unsigned long i = 0; i < c->nr; i++) {
		struct dpv_use *u = &c->uses[i];

		if (!u->page || !u->alias ||
		    dpv_alias_is_allowed(c->dev, c->channel.dev, u->write) ||
		    p2pcert_strikes(c->plan, P2PCERT_FAULT_REVOKE_IGNORED))
			continue;
		atomic64_add(dpv_unuse(c, u), &c->recalled);
	}
	mutex_unlock(&c->lock);
}

void dpv_consumers_recall(struct dpv_device *dev)
{
	struct dpv_consumer *c;

	mutex_lock(&dev->consumers_lock);
	list_for_each_entry(c, &dev->consumers, node)
		dpv_consumer_recall(c);
	mutex_unlock(&dev->consumers_lock);
}

/* --- faults --------------------------------------------------------------------------------- */

/* What a fault of the consumer is about: some of its pages, and as whom it looks for them. */
struct dpv_want {
	unsigned long first, nr;
	bool write;
	bool stranger; /* all must be in memory afterwards */
};

static int dpv_consumer_find(struct dpv_consumer *c, const struct dpv_want *w)
{
	const struct dpv_finder finder = {
		.notifier = &c->notifier,
		.lock = &c->lock,
		.plan = c->plan,
		.retries = &c->retries,
	};
	struct hmm_range range = {
		.start = dpv_use_addr(c, w->first),
		.end = dpv_use_addr(c, w->first + w->nr),
		.hmm_pfns = c->pfns + w->first,
	};

	if (w->stranger || c->by_kernel)
		range.default_flags = HMM_PFN_REQ_FAULT | (w->write ? HMM_PFN_REQ_WRITE : 0);
	if (!w->stranger && c->by_kernel)
		range.default_flags |= DPV_ASK_KERNEL;
	else if (!w->stranger)
		range.dev_private_owner = dpv_owner(c->dev);
	return dpv_find(&finder, &range);
}

/*
 * Which page is at an address, of what hmm_range_fault() has found there. Of a place inside a huge
 * page in a device 7.2 and 7.3 tell the page of its beginning (hmm_vma_handle_absent_pmd()); but
 * both the page and the address of a huge one are multiples of its size.
 */
static unsigned long dpv_found_at(unsigned long found, u64 addr)
{
	unsigned long inside = (1ul << hmm_pfn_to_map_order(found)) - 1;

	if (!(found & HMM_PFN_VALID) || DPV_DEFECT(alias_in_huge_off))
		return found;
	return (found & ~inside) | ((addr >> PAGE_SHIFT) & inside);
}

/* Makes the pages that are wanted usable, and remembers those that are missing. */
static int dpv_fault_in(struct dpv_consumer *c, const struct dpv_want *w)
{
	unsigned long end = w->first + w->nr;
	int err = dpv_consumer_find(c, w);

	if (err)
		return err;
	for (unsigned long i = w->first; i < end; i++)
		c->pfns[i] = dpv_found_at(c->pfns[i], dpv_use_addr(c, i));
	for (unsigned long i = w->first; i < end && err >= 0; i++) {
		if (dpv_can_use(&c->uses[i], w->write))
			continue;
		err = dpv_use_found(c, i, end, w->write);
		if (err > 0)
			__set_bit(i, c->missing);
	}
	mutex_unlock(&c->lock);
	return min(err, 0);
}

static int dpv_consumer_fault(struct dpv_consumer *c, unsigned long first, unsigned long nr,
			      bool write);

/*
 * A page that is missing, or that is in the device and refused: it comes into memory as for any
 * device that is not its owner, and no other does.
 */
static int dpv_fall_back(struct dpv_consumer *c, const struct dpv_want *all, unsigned long i)
{
	struct dpv_want want = { .first = i, .nr = 1, .write = all->write, .stranger = true };

	if (DPV_DEFECT(alias_all_back)) {
		want.first = all->first;
		want.nr = all->nr;
	}
	if (DPV_DEFECT(alias_retry_locked))
		return dpv_consumer_fault(c, i, 1, all->write);
	return dpv_fault_in(c, &want);
}

/*
 * Tries to make pages usable, all of them by what was found at once; what has become of them when
 * it returns is for the caller to see.
 */
static int dpv_consumer_fault(struct dpv_consumer *c, unsigned long first, unsigned long nr,
			      bool write)
{
	struct dpv_want want = { .first = first, .nr = nr, .write = write };
	unsigned long i;
	int err;

	if (mutex_lock_killable(&c->faulting))
		return -EINTR;
	atomic64_inc(&c->faults);
	bitmap_zero(c->missing, c->nr);
	err = dpv_fault_in(c, &want);
	for (i = find_first_bit(c->missing, c->nr); i < c->nr && !err;
	     i = find_next_bit(c->missing, c->nr, i + 1))
		err = dpv_fall_back(c, &want, i);
	mutex_unlock(&c->faulting);
	return err;
}

/* --- transfers ------------------------------------------------------------------------------ */

static int dpv_transfer(struct dpv_consumer *c, struct dpv_use *u, size_t length, bool write)
{
	struct device *dev = c->channel.dev;
	dma_addr_t bounce = sg_dma_address(&c->bounce_side.sg);
	dma_addr_t place = dpv_use_dma(u);
	bool memory = !is_pci_p2pdma_page(u->page);
	int err;

	dma_sync_sgtable_for_device(dev, &c->bounce_side.table, DMA_BIDIRECTIONAL);
	if (memory)
		dma_sync_sgtable_for_device(dev, &u->side.table, u->side.dir);
	/* what the CPU has written to a BAR may still be being combined */
	wmb();
	WRITE_ONCE(c->transferring, true);
	err = dpv_channel_copy(&c->channel, write ? place : bounce, write ? bounce : place, length,
			       false);
	WRITE_ONCE(c->transferring, false);
	if (memory)
		dma_sync_sgtable_for_cpu(dev, &u->side.table, u->side.dir);
	dma_sync_sgtable_for_cpu(dev, &c->bounce_side.table, DMA_BIDIRECTIONAL);
	u->dirty |= write && memory;
	return err;
}

/* Page i between its place and the bounce page, honestly or with the faults of the plan. */
static int dpv_consumer_copy(struct dpv_consumer *c, unsigned long i, u64 end, bool write)
{
	const struct dpv_copy copy = { .plan = c->plan, .end = end };
	u64 length = dpv_copy_length(&copy, dpv_use_addr(c, i));
	u8 flip = length && p2pcert_strikes(c->plan, P2PCERT_FAULT_CORRUPT_COPY);
	struct dpv_use *u = &c->uses[i];
	u8 *bounce = page_address(c->bounce);
	int err = 0;

	if (write)
		bounce[0] ^= flip;
	if (length)
		err = dpv_transfer(c, u, length, write);
	if (!write) {
		memset(bounce + length, 0, PAGE_SIZE - length);
		bounce[0] ^= flip;
	}
	if (!err)
		atomic64_inc(u->alias ? &c->alias_copied : &c->memory_copied);
	return err;
}

/* Addresses are used under the lock that an invalidation waits for. */
static int dpv_consumer_page(struct dpv_consumer *c, unsigned long i, u64 end, bool write)
{
	unsigned long left = (end - dpv_use_addr(c, i)) >> PAGE_SHIFT;
	bool done = false;
	int err = 0;

	while (!err && !done) {
		mutex_lock(&c->lock);
		done = dpv_can_use(&c->uses[i], write);
		if (done)
			err = dpv_consumer_copy(c, i, end, write);
		mutex_unlock(&c->lock);
		if (!done)
			err = dpv_consumer_fault(c, i, left, write);
	}
	return err;
}

static int dpv_consumer_range(struct dpv_consumer *c, struct p2pcert_devpriv_access *r, bool write)
{
	unsigned long first = (r->addr - c->addr) >> PAGE_SHIFT;
	unsigned long nr = r->length >> PAGE_SHIFT;
	int err = 0;

	/* user memory is touched outside the lock only: a fault may invalidate, and wait for it */
	for (unsigned long i = 0; i < nr && !err; i++) {
		void __user *buffer = u64_to_user_ptr(r->buffer + ((u64)i << PAGE_SHIFT));

		if (write && copy_from_user(page_address(c->bounce), buffer, PAGE_SIZE))
			return -EFAULT;
		err = dpv_consumer_page(c, first + i, r->addr + r->length, write);
		if (!err && !write && copy_to_user(buffer, page_address(c->bounce), PAGE_SIZE))
			return -EFAULT;
		r->pages += !err;
	}
	return err;
}

int dpv_consumer_access(struct dpv_consumer *c, struct p2pcert_devpriv_access *r, bool write)
{
	struct mm_struct *mm = c->notifier.mm;
	int err = -EINTR;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	if (!mutex_lock_killable(&c->copying)) {
		err = dpv_consumer_range(c, r, write);
		mutex_unlock(&c->copying);
	}
	mmput(mm);
	return err;
}

int dpv_consumer_table(struct dpv_consumer *c, struct p2pcert_devpriv_access *r)
{
	unsigned long first = (r->addr - c->addr) >> PAGE_SHIFT;
	unsigned long nr = r->length >> PAGE_SHIFT;
	struct p2pcert_seg *segs = kvcalloc(nr, sizeof(*segs), GFP_KERNEL);
	int err = 0;

	if (!segs)
		return -ENOMEM;
	mutex_lock(&c->lock);
	for (unsigned long i = 0; i < nr; i++) {
		struct dpv_use *u = &c->uses[first + i];

		if (u->page)
			p2pcert_describe_run(&u->head->side.sg, dpv_use_dma(u), u->page, 0,
					     PAGE_SIZE, &segs[i]);
	}
	mutex_unlock(&c->lock);
	if (copy_to_user(u64_to_user_ptr(r->buffer), segs, nr * sizeof(*segs)))
		err = -EFAULT;
	r->pages = nr;
	kvfree(segs);
	return err;
}

/* --- beginning and end ---------------------------------------------------------------------- */

static void dpv_free_consumer(struct dpv_consumer *c)
{
	if (c->bounce_mapped)
		dpv_unmap_side(c->channel.dev, &c->bounce_side);
	if (c->bounce)
		__free_page(c->bounce);
	p2pcert_chan_release(&c->channel);
	kvfree(c->uses);
	kvfree(c->pfns);
	bitmap_free(c->missing);
	kfree(c);
}

static struct dpv_consumer *dpv_new_consumer(struct dpv_device *dev,
					     struct p2pcert_fault_plan *plan,
					     const struct p2pcert_devpriv_consumer *r)
{
	struct dpv_consumer *c = kzalloc_obj(*c, GFP_KERNEL);

	if (!c)
		return NULL;
	mutex_init(&c->lock);
	mutex_init(&c->faulting);
	mutex_init(&c->copying);
	c->dev = dev;
	c->plan = plan;
	c->addr = r->addr;
	c->nr = r->length >> PAGE_SHIFT;
	c->by_kernel = r->flags & P2PCERT_CONSUMER_KERNEL;
	c->uses = kvcalloc(c->nr, sizeof(*c->uses), GFP_KERNEL);
	c->pfns = kvcalloc(c->nr, sizeof(*c->pfns), GFP_KERNEL);
	c->missing = bitmap_zalloc(c->nr, GFP_KERNEL);
	c->bounce = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (c->uses && c->pfns && c->missing && c->bounce)
		return c;
	dpv_free_consumer(c);
	return NULL;
}

/* Its engine, the page that this copies from and to, and the aliases that it may ask for. */
static int dpv_consumer_equip(struct dpv_consumer *c, struct p2pcert_devpriv_consumer *r)
{
	int err = dpv_channel_take(&c->channel, r->channel, sizeof(r->channel), r->timeout_ms);

	if (err)
		return err;
	p2pcert_describe_function(c->channel.dev, &r->function);
	err = dpv_map_side(c->channel.dev, &c->bounce_side, c->bounce, 1,
			   DMA_BIDIRECTIONAL);
	if (err)
		return err;
	c->bounce_mapped = true;
	err = dpv_enter(c->dev);
	if (err)
		return err;
	/* a BAR that can have no pages has no aliases, which the owner says when it is asked */
	if (c->dev->bar)
		(void)dpv_bar_add_pages(c->dev->bar);
	dpv_leave(c->dev);
	return 0;
}

struct dpv_consumer *dpv_consumer_start(struct dpv_device *dev, struct p2pcert_fault_plan *plan,
					struct p2pcert_devpriv_consumer *r)
{
	struct dpv_consumer *c;
	int err;

	if ((r->flags & P2PCERT_CONSUMER_KERNEL) && !DPV_ASK_KERNEL)
		return ERR_PTR(-EOPNOTSUPP);
	c = dpv_new_consumer(dev, plan, r);
	if (!c)
		return ERR_PTR(-ENOMEM);
	err = dpv_consumer_equip(c, r);
	if (!err)
		err = mmu_interval_notifier_insert(&c->notifier, current->mm, r->addr, r->length,
						   &dpv_consumer_ops);
	if (err) {
		dpv_free_consumer(c);
		return ERR_PTR(err);
	}
	mutex_lock(&dev->consumers_lock);
	list_add(&c->node, &dev->consumers);
	mutex_unlock(&dev->consumers_lock);
	return c;
}

void dpv_consumer_stop(struct dpv_consumer *c)
{
	if (!c)
		return;
	mutex_lock(&c->dev->consumers_lock);
	list_del(&c->node);
	mutex_unlock(&c->dev->consumers_lock);
	mmu_interval_notifier_remove(&c->notifier);
	mutex_lock(&c->lock);
	for (unsigned long i = 0; i < c->nr; i++)
		dpv_unuse(c, &c->uses[i]);
	mutex_unlock(&c->lock);
	dpv_free_consumer(c);
}

bool dpv_consumer_covers(const struct dpv_consumer *c, u64 addr, u64 length)
{
	return addr >= c->addr && addr + length <= dpv_use_addr(c, c->nr);
}

void dpv_consumer_count(struct dpv_consumer *c, struct p2pcert_devpriv_consumer_counters *n)
{
	*n = (struct p2pcert_devpriv_consumer_counters){
		.faults = atomic64_read(&c->faults),
		.granted = atomic64_read(&c->granted),
		.denied = atomic64_read(&c->denied),
		.unmapped = atomic64_read(&c->unmapped),
		.none = atomic64_read(&c->none),
		.fallbacks = atomic64_read(&c->fallbacks),
		.invalidations = atomic64_read(&c->invalidations),
		.invalidated = atomic64_read(&c->invalidated),
		.waited = atomic64_read(&c->waited),
		.retries = atomic64_read(&c->retries),
		.alias_copied = atomic64_read(&c->alias_copied),
		.memory_copied = atomic64_read(&c->memory_copied),
		.recalled = atomic64_read(&c->recalled),
	};
	mutex_lock(&c->lock);
	for (unsigned long i = 0; i < c->nr; i++) {
		n->mapped += !!c->uses[i].page;
		n->aliases += c->uses[i].page && c->uses[i].alias;
		n->mappings += c->uses[i].page && c->uses[i].head == &c->uses[i];
	}
	mutex_unlock(&c->lock);
}

#endif /* DPV_SUPPORTED */
