// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's look at a process's memory. A mirror covers a range of an address space: it finds
 * pages through hmm_range_fault(), keeps them in a page table of its own, as a device would, and
 * forgets them when the kernel says so. Nothing is read or written through an entry that the kernel
 * has invalidated: entries are used under the lock that an invalidation waits for.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/highmem.h>
#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

/* Pages found under one sequence, and copied through one bounce buffer: a huge page's. */
#define DPV_MIRROR_BATCH 512ul

/* What an entry of the device's page table allows, besides reading; tags of the pointer. */
#define DPV_PT_WRITE 1u
#define DPV_PT_EXCLUSIVE 2u /* and nobody else has access */

struct dpv_mirror {
	struct mmu_interval_notifier notifier;
	struct mutex lock; /* of the page table; pages in it stay what they are while it is held */
	struct xarray pt; /* by page of the address: a page and DPV_PT_* */
	struct dpv_device *dev;
	struct p2pcert_fault_plan *plan;
	atomic64_t faults;
	atomic64_t invalidations;
	atomic64_t entries_invalidated;
	atomic64_t retries;
};

/* One batch of pages of a mirror, and the bytes that go to or come from user space. */
struct dpv_view {
	struct dpv_mirror *mirror;
	struct dpv_copy copy;
	u64 addr;
	u64 end;
	unsigned long nr;
	unsigned long pfns[DPV_MIRROR_BATCH];
	bool done[DPV_MIRROR_BATCH];
	u8 *bounce;
};

static unsigned long dpv_index(u64 addr)
{
	return addr >> PAGE_SHIFT;
}

/* For planted defects: an entry stays that should go. Its page must not, whoever has mapped it. */
static bool dpv_overlooks(const struct mmu_notifier_range *range, void *entry)
{
	struct page *page = xa_untag_pointer(entry);

	if (DPV_DEFECT(protection_ignored))
		return range->event == MMU_NOTIFY_PROTECTION_VMA ||
		       range->event == MMU_NOTIFY_PROTECTION_PAGE;
	if (DPV_DEFECT(exclusive_kept))
		return range->event == MMU_NOTIFY_CLEAR &&
		       (xa_pointer_tag(entry) & DPV_PT_EXCLUSIVE);
	if (!DPV_DEFECT(stale_entry) || range->event != MMU_NOTIFY_CLEAR ||
	    is_device_private_page(page))
		return false;
	get_page(page);
	return true;
}

static bool dpv_invalidate(struct mmu_interval_notifier *notifier,
			   const struct mmu_notifier_range *range, unsigned long seq)
{
	struct dpv_mirror *m = container_of(notifier, struct dpv_mirror, notifier);
	unsigned long index;
	void *entry;

	/* Also for our own migrations: they free the very pages that are being copied. */
	if (mmu_notifier_range_blockable(range))
		mutex_lock(&m->lock);
	else if (!mutex_trylock(&m->lock))
		return false;
	mmu_interval_set_seq(notifier, seq);
	atomic64_inc(&m->invalidations);
	xa_for_each_range(&m->pt, index, entry, dpv_index(range->start),
			  dpv_index(range->end - 1)) {
		if (dpv_overlooks(range, entry))
			continue;
		/* takes the place of another entry, which needs no memory */
		if (DPV_DEFECT(read_kept) && range->event == MMU_NOTIFY_PROTECTION_VMA) {
			xa_store(&m->pt, index, xa_untag_pointer(entry), GFP_NOWAIT);
			continue;
		}
		xa_erase(&m->pt, index);
		atomic64_inc(&m->entries_invalidated);
	}
	mutex_unlock(&m->lock);
	return true;
}

static const struct mmu_interval_notifier_ops dpv_notifier_ops = {
	.invalidate = dpv_invalidate,
};

struct dpv_mirror *dpv_mirror_start(struct dpv_device *dev, struct p2pcert_fault_plan *plan,
				    u64 addr, u64 length)
{
	struct dpv_mirror *m = kzalloc_obj(*m, GFP_KERNEL);
	int err;

	if (!m)
		return ERR_PTR(-ENOMEM);
	mutex_init(&m->lock);
	xa_init(&m->pt);
	m->dev = dev;
	m->plan = plan;
	err = mmu_interval_notifier_insert(&m->notifier, current->mm, addr, length,
					   &dpv_notifier_ops);
	if (!err)
		return m;
	kfree(m);
	return ERR_PTR(err);
}

void dpv_mirror_stop(struct dpv_mirror *m)
{
	if (!m)
		return;
	mmu_interval_notifier_remove(&m->notifier);
	xa_destroy(&m->pt);
	kfree(m);
}

bool dpv_mirror_covers(const struct dpv_mirror *m, u64 addr, u64 length)
{
	return addr >= m->notifier.interval_tree.start &&
	       addr + length - 1 <= m->notifier.interval_tree.last;
}

void dpv_mirror_count(struct dpv_mirror *m, struct p2pcert_devpriv_mirror_counters *c)
{
	unsigned long index;
	void *entry;

	c->faults = atomic64_read(&m->faults);
	c->invalidations = atomic64_read(&m->invalidations);
	c->entries_invalidated = atomic64_read(&m->entries_invalidated);
	c->retries = atomic64_read(&m->retries);
	c->entries = 0;
	mutex_lock(&m->lock);
	xa_for_each(&m->pt, index, entry)
		c->entries++;
	mutex_unlock(&m->lock);
}

/* --- one batch ------------------------------------------------------------------------------ */

static struct dpv_view *dpv_view_new(struct dpv_mirror *m, u64 end)
{
	struct dpv_view *v = kvzalloc(sizeof(*v), GFP_KERNEL);

	if (!v)
		return NULL;
	v->mirror = m;
	v->copy.plan = m->plan;
	v->copy.end = end;
	v->bounce = vzalloc(DPV_MIRROR_BATCH * PAGE_SIZE);
	if (v->bounce)
		return v;
	kvfree(v);
	return NULL;
}

static void dpv_view_free(struct dpv_view *v)
{
	vfree(v->bounce);
	kvfree(v);
}

/* The view moves to the batch at addr; batches do not cut huge pages. */
static void dpv_view_move(struct dpv_view *v, u64 addr)
{
	v->addr = addr;
	v->end = min_t(u64, v->copy.end, ALIGN(addr + 1, DPV_MIRROR_BATCH * PAGE_SIZE));
	v->nr = (v->end - addr) >> PAGE_SHIFT;
	memset(v->done, 0, sizeof(v->done));
}

/*
 * Finds out where the pages of the view are, and with flags of HMM_PFN_REQ_* sees to it that they
 * are there; returns with the mirror's lock held if it returns 0. The address space may be another
 * one than the caller's.
 */
static int dpv_view_find(struct dpv_view *v, unsigned long flags)
{
	struct dpv_mirror *m = v->mirror;
	const struct dpv_finder finder = {
		.notifier = &m->notifier,
		.lock = &m->lock,
		.plan = m->plan,
		.retries = &m->retries,
	};
	struct hmm_range range = {
		.start = v->addr,
		.end = v->end,
		.hmm_pfns = v->pfns,
		.default_flags = flags,
		.dev_private_owner = dpv_owner(m->dev),
	};

	return dpv_find(&finder, &range);
}

/* Data of a page, wherever it is. */
static void dpv_page_read(struct page *page, void *to, size_t length)
{
	if (is_device_private_page(page))
		dpv_data_read(page, to, length);
	else
		memcpy_from_page(to, page, 0, length);
}

static void dpv_page_write(struct page *page, const void *from, size_t length)
{
	if (is_device_private_page(page))
		dpv_data_write(page, from, length);
	else
		memcpy_to_page(page, 0, from, length);
}

/* Copies the view's page i, honestly or with the faults of the plan. */
static void dpv_view_copy(struct dpv_view *v, unsigned long i, struct page *page, bool write)
{
	unsigned long at = DPV_DEFECT(page_off) ? (i + 1) % v->nr : i;
	u8 *bounce = v->bounce + (at << PAGE_SHIFT);
	u64 length = dpv_copy_length(&v->copy, v->addr + (i << PAGE_SHIFT));
	u8 flip = length && p2pcert_strikes(v->copy.plan, P2PCERT_FAULT_CORRUPT_COPY);

	if (write) {
		bounce[0] ^= flip;
		dpv_page_write(page, bounce, length);
	} else {
		dpv_page_read(page, bounce, length);
		bounce[0] ^= flip;
	}
	v->done[i] = true;
}

static int dpv_view_to_user(struct dpv_view *v, void __user *buffer)
{
	for (unsigned long i = 0; i < v->nr; i++)
		if (v->done[i] && copy_to_user(buffer + (i << PAGE_SHIFT),
					       v->bounce + (i << PAGE_SHIFT), PAGE_SIZE))
			return -EFAULT;
	return 0;
}

static unsigned long dpv_view_count(const struct dpv_view *v)
{
	unsigned long n = 0;

	for (unsigned long i = 0; i < v->nr; i++)
		n += v->done[i];
	return n;
}

/* --- looking without touching --------------------------------------------------------------- */

static bool dpv_is_ours(unsigned long pfn, bool write)
{
	unsigned long need = HMM_PFN_VALID | (write ? HMM_PFN_WRITE : 0);

	if ((pfn & need) != need || (pfn & HMM_PFN_ERROR) || (write && DPV_DEFECT(write_lost)))
		return false;
	if (DPV_DEFECT(sees_memory))
		return true;
	/* Device-private pages are reported to their owner only. */
	return is_device_private_page(hmm_pfn_to_page(pfn));
}

static int dpv_peek_batch(struct dpv_view *v, bool write)
{
	int err = dpv_view_find(v, 0);

	if (err)
		return err;
	for (unsigned long i = 0; i < v->nr; i++)
		if (dpv_is_ours(v->pfns[i], write))
			dpv_view_copy(v, i, hmm_pfn_to_page(v->pfns[i]), write);
	mutex_unlock(&v->mirror->lock);
	return 0;
}

/* What hmm_range_fault() said of a page, for user space. */
static u64 dpv_describe(const struct dpv_mirror *m, unsigned long pfn)
{
	u64 state = 0;
	struct page *page;

	if (pfn & HMM_PFN_ERROR)
		return P2PCERT_PAGE_ERROR;
	if (!(pfn & HMM_PFN_VALID))
		return 0;
	page = hmm_pfn_to_page(pfn);
	state = P2PCERT_PAGE_VALID;
	if (pfn & HMM_PFN_WRITE)
		state |= P2PCERT_PAGE_WRITE;
	if (!DPV_DEFECT(order_lost))
		state |= (hmm_pfn_to_map_order(pfn) & P2PCERT_PAGE_ORDER_MASK)
			 << P2PCERT_PAGE_ORDER_SHIFT;
	if (is_zero_pfn(page_to_pfn(page)))
		state |= P2PCERT_PAGE_ZERO;
	if (!is_device_private_page(page))
		return state;
	if (dpv_page_device(page) != m->dev)
		return state | P2PCERT_PAGE_FOREIGN;
	return state | P2PCERT_PAGE_DEVICE | dpv_page_number(page) << P2PCERT_PAGE_NUMBER_SHIFT;
}

static u64 dpv_hold(const struct dpv_mirror *m, unsigned long pfn)
{
	struct folio *folio;

	if (!dpv_is_ours(pfn, false))
		return 0;
	folio = page_folio(hmm_pfn_to_page(pfn));
	return (u64)folio_order(folio) << 48 | (u64)folio_mapcount(folio) << 24 |
	       folio_ref_count(folio);
}

static int dpv_snapshot_batch(struct dpv_view *v,
			      u64 (*describe)(const struct dpv_mirror *m, unsigned long pfn))
{
	u64 *states = (u64 *)v->bounce;
	int err = dpv_view_find(v, 0);

	if (err)
		return err;
	for (unsigned long i = 0; i < v->nr; i++)
		states[i] = describe(v->mirror, v->pfns[i]);
	mutex_unlock(&v->mirror->lock);
	return 0;
}

/* --- through the device's page table -------------------------------------------------------- */

static struct page *dpv_pt_page(struct dpv_mirror *m, u64 addr, bool write)
{
	void *entry = xa_load(&m->pt, dpv_index(addr));

	if (!entry || (write && !(xa_pointer_tag(entry) & DPV_PT_WRITE)))
		return NULL;
	return xa_untag_pointer(entry);
}

/* With the lock held, for which reclaim would wait. */
static int dpv_pt_set(struct dpv_mirror *m, u64 addr, struct page *page, unsigned int tag)
{
	return xa_err(xa_store(&m->pt, dpv_index(addr), xa_tag_pointer(page, tag), GFP_NOWAIT));
}

/* Copies what the page table allows; true if that was all that was still to be done. */
static bool dpv_view_through(struct dpv_view *v, bool write)
{
	bool all = true;

	for (unsigned long i = 0; i < v->nr; i++) {
		struct page *page;

		if (v->done[i])
			continue;
		page = dpv_pt_page(v->mirror, v->addr + (i << PAGE_SHIFT), write);
		if (page)
			dpv_view_copy(v, i, page, write);
		else
			all = false;
	}
	return all;
}

/*
 * The device's page fault: the pages of the view come into its page table. Returns with the lock
 * held if it returns 0.
 */
static int dpv_view_fault(struct dpv_view *v, bool write)
{
	struct dpv_mirror *m = v->mirror;
	int err = dpv_view_find(v, HMM_PFN_REQ_FAULT | (write ? HMM_PFN_REQ_WRITE : 0));

	if (err)
		return err;
	atomic64_inc(&m->faults);
	for (unsigned long i = 0; i < v->nr && !err; i++) {
		struct page *page = hmm_pfn_to_page(v->pfns[i]);
		bool may_write = v->pfns[i] & HMM_PFN_WRITE;

		/* the zero page is everybody's, and not to be written even then */
		if (DPV_DEFECT(write_gained) && !is_zero_pfn(page_to_pfn(page)))
			may_write = true;
		err = dpv_pt_set(m, v->addr + (i << PAGE_SHIFT), page,
				 may_write ? DPV_PT_WRITE : 0);
	}
	if (err)
		mutex_unlock(&m->lock);
	return err;
}

static int dpv_touch_batch(struct dpv_view *v, bool write)
{
	bool all;
	int err;

	mutex_lock(&v->mirror->lock);
	all = dpv_view_through(v, write);
	mutex_unlock(&v->mirror->lock);
	while (!all) {
		err = dpv_view_fault(v, write);
		if (err)
			return err;
		all = dpv_view_through(v, write);
		mutex_unlock(&v->mirror->lock);
	}
	return 0;
}

/* --- a range, batch by batch ---------------------------------------------------------------- */

enum dpv_way { DPV_PEEK, DPV_TOUCH, DPV_SNAPSHOT, DPV_HOLDS };

static int dpv_batch(struct dpv_view *v, enum dpv_way way, void __user *buffer, bool write)
{
	int err;

	/* User memory is touched outside the lock only: a fault may invalidate, and wait for it. */
	if (write && copy_from_user(v->bounce, buffer, v->nr << PAGE_SHIFT))
		return -EFAULT;
	err = way == DPV_PEEK ? dpv_peek_batch(v, write) : dpv_touch_batch(v, write);
	if (!err && !write)
		err = dpv_view_to_user(v, buffer);
	return err;
}

static int dpv_snapshot_to_user(struct dpv_view *v, enum dpv_way way, u64 __user *buffer)
{
	int err = dpv_snapshot_batch(v, way == DPV_HOLDS ? dpv_hold : dpv_describe);

	if (!err && copy_to_user(buffer, v->bounce, v->nr * sizeof(u64)))
		err = -EFAULT;
	return err;
}

static int dpv_view_range(struct dpv_view *v, enum dpv_way way, struct p2pcert_devpriv_access *r,
			  bool write)
{
	const bool states = way == DPV_SNAPSHOT || way == DPV_HOLDS;
	u64 addr;
	int err = 0;

	for (addr = r->addr; addr < v->copy.end && !err; addr = v->end) {
		u64 at = addr - r->addr;

		dpv_view_move(v, addr);
		if (states)
			err = dpv_snapshot_to_user(v, way, u64_to_user_ptr(r->buffer +
					(at >> PAGE_SHIFT) * sizeof(u64)));
		else
			err = dpv_batch(v, way, u64_to_user_ptr(r->buffer + at), write);
		r->pages += states && !err ? v->nr : dpv_view_count(v);
		cond_resched();
	}
	return err;
}

static int dpv_mirror_range(struct dpv_mirror *m, enum dpv_way way,
			    struct p2pcert_devpriv_access *r, bool write)
{
	struct dpv_view *v;
	int err;

	if (!mmget_not_zero(m->notifier.mm))
		return -ESRCH;
	v = dpv_view_new(m, r->addr + r->length);
	err = v ? dpv_view_range(v, way, r, write) : -ENOMEM;
	if (v)
		dpv_view_free(v);
	mmput(m->notifier.mm);
	return err;
}

int dpv_mirror_access(struct dpv_mirror *m, struct p2pcert_devpriv_access *r, bool write)
{
	return dpv_mirror_range(m, DPV_TOUCH, r, write);
}

int dpv_mirror_snapshot(struct dpv_mirror *m, struct p2pcert_devpriv_access *r)
{
	return dpv_mirror_range(m, DPV_SNAPSHOT, r, false);
}

/* For a moment there is a mirror, to look through. */
static int dpv_look(struct dpv_device *dev, enum dpv_way way, struct p2pcert_devpriv_access *r,
		    struct p2pcert_fault_plan *plan, bool write)
{
	struct dpv_mirror *m = dpv_mirror_start(dev, plan, r->addr, r->length);
	int err;

	if (IS_ERR(m))
		return PTR_ERR(m);
	err = dpv_mirror_range(m, way, r, write);
	dpv_mirror_stop(m);
	return err;
}

int dpv_peek(struct dpv_device *dev, struct p2pcert_devpriv_access *r,
	     struct p2pcert_fault_plan *plan, bool write)
{
	return dpv_look(dev, DPV_PEEK, r, plan, write);
}

int dpv_holds(struct dpv_device *dev, struct p2pcert_devpriv_access *r,
	      struct p2pcert_fault_plan *plan)
{
	return dpv_look(dev, DPV_HOLDS, r, plan, false);
}

/* --- exclusive access ----------------------------------------------------------------------- */

#if HAVE_MAKE_DEVICE_EXCLUSIVE_FOLIO

/*
 * While the folio is locked the CPU cannot take the page back, so the entry is in the table before
 * the invalidation that would take it out again.
 */
static int dpv_exclusive_page(struct dpv_mirror *m, u64 addr)
{
	struct folio *folio;
	struct page *page;
	int err;

	page = make_device_exclusive(m->notifier.mm, addr, m->dev, &folio);
	if (IS_ERR(page))
		return PTR_ERR(page);
	mutex_lock(&m->lock);
	err = dpv_pt_set(m, addr, page, DPV_PT_WRITE | DPV_PT_EXCLUSIVE);
	mutex_unlock(&m->lock);
	folio_unlock(folio);
	folio_put(folio);
	return err;
}

int dpv_mirror_exclusive(struct dpv_mirror *m, struct p2pcert_devpriv_range *r)
{
	struct mm_struct *mm = m->notifier.mm;
	u64 addr;
	int err = 0;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	for (addr = r->addr; addr < r->addr + r->length && !err; addr += PAGE_SIZE) {
		if (mmap_read_lock_killable(mm)) {
			err = -EINTR;
			break;
		}
		err = dpv_exclusive_page(m, addr);
		mmap_read_unlock(mm);
		r->pages += !err;
	}
	mmput(mm);
	return err;
}

#else

int dpv_mirror_exclusive(struct dpv_mirror *m, struct p2pcert_devpriv_range *r)
{
	return -EOPNOTSUPP;
}

#endif

static bool dpv_add_once(struct dpv_mirror *m, u64 addr, u64 add)
{
	void *entry = xa_load(&m->pt, dpv_index(addr));
	struct page *page;
	u64 *va;

	if (!entry || !(xa_pointer_tag(entry) & DPV_PT_EXCLUSIVE))
		return false;
	page = xa_untag_pointer(entry);
	/* plain, in two steps: that it is not torn is what exclusive access is for */
	va = kmap_local_page(page) + offset_in_page(addr);
	WRITE_ONCE(*va, READ_ONCE(*va) + add);
	kunmap_local(va);
	return true;
}

int dpv_mirror_add(struct dpv_mirror *m, struct p2pcert_devpriv_add *a)
{
	bool exclusive = true;

	for (a->done = 0; a->done < a->times && exclusive; a->done += exclusive) {
		if (fatal_signal_pending(current))
			return -EINTR;
		mutex_lock(&m->lock);
		exclusive = dpv_add_once(m, a->addr, a->add);
		mutex_unlock(&m->lock);
		cond_resched();
	}
	return exclusive ? 0 : -EAGAIN;
}

#endif /* DPV_SUPPORTED */
