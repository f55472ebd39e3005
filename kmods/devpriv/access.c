// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's own look at a process's memory: it finds its pages through hmm_range_fault(), and
 * holds invalidations off while it uses them.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/* Pages looked at under one sequence, and copied through one bounce buffer: a huge page's. */
#define DPV_ACCESS_BATCH 512ul

struct dpv_access {
	struct mmu_interval_notifier notifier;
	struct mutex lock; /* the pages found stay what they are while it is held */
	struct dpv_device *dev;
	struct dpv_copy copy;
	bool write;
	unsigned long pfns[DPV_ACCESS_BATCH];
	bool ours[DPV_ACCESS_BATCH];
	u8 *bounce;
};

static bool dpv_invalidate(struct mmu_interval_notifier *notifier,
			   const struct mmu_notifier_range *range, unsigned long seq)
{
	struct dpv_access *a = container_of(notifier, struct dpv_access, notifier);

	/* Also for our own migrations: they free the very pages that are being copied. */
	if (mmu_notifier_range_blockable(range))
		mutex_lock(&a->lock);
	else if (!mutex_trylock(&a->lock))
		return false;
	mmu_interval_set_seq(notifier, seq);
	mutex_unlock(&a->lock);
	return true;
}

static const struct mmu_interval_notifier_ops dpv_notifier_ops = {
	.invalidate = dpv_invalidate,
};

/* Finds out where the pages of [start, end) are; returns with the lock held if it returns 0. */
static int dpv_snapshot(struct dpv_access *a, unsigned long start, unsigned long end)
{
	struct mm_struct *mm = a->notifier.mm;
	struct hmm_range range = {
		.notifier = &a->notifier,
		.start = start,
		.end = end,
		.hmm_pfns = a->pfns,
		.dev_private_owner = a->dev,
	};
	int err;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		memset(a->pfns, 0, sizeof(a->pfns));
		range.notifier_seq = mmu_interval_read_begin(&a->notifier);
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		err = hmm_range_fault(&range);
		mmap_read_unlock(mm);
		if (err && err != -EBUSY)
			return err;
		if (err)
			continue;
		mutex_lock(&a->lock);
		if (!mmu_interval_read_retry(&a->notifier, range.notifier_seq) &&
		    !p2pcert_strikes(a->copy.plan, P2PCERT_FAULT_INVALIDATED))
			return 0;
		mutex_unlock(&a->lock);
		err = -EBUSY;
	} while (err);
	return err;
}

static bool dpv_accessible(const struct dpv_access *a, unsigned long pfn)
{
	unsigned long need = HMM_PFN_VALID | (a->write ? HMM_PFN_WRITE : 0);
	struct page *page;

	if ((pfn & need) != need || (pfn & HMM_PFN_ERROR))
		return false;
	/* A snapshot reports device-private pages of its owner only. */
	page = hmm_pfn_to_page(pfn);
	return is_device_private_page(page);
}

static void dpv_access_page(struct dpv_access *a, unsigned long i, u64 addr)
{
	struct page *page = hmm_pfn_to_page(a->pfns[i]);
	u8 *bounce = a->bounce + (i << PAGE_SHIFT);
	u64 length = dpv_copy_length(&a->copy, addr);
	bool corrupt = length && p2pcert_strikes(a->copy.plan, P2PCERT_FAULT_CORRUPT_COPY);

	if (a->write && corrupt)
		bounce[0] ^= 1;
	if (a->write)
		dpv_data_write(page, bounce, length);
	else
		dpv_data_read(page, bounce, length);
	if (!a->write && corrupt)
		bounce[0] ^= 1;
}

static int dpv_access_batch(struct dpv_access *a, u64 start, u64 end, void __user *buffer,
			    u64 *pages)
{
	unsigned long nr = (end - start) >> PAGE_SHIFT;
	unsigned long i;
	int err;

	/* User memory is touched outside the lock only: a fault may invalidate, and wait for it. */
	if (a->write && copy_from_user(a->bounce, buffer, end - start))
		return -EFAULT;
	err = dpv_snapshot(a, start, end);
	if (err)
		return err;
	for (i = 0; i < nr; i++) {
		a->ours[i] = dpv_accessible(a, a->pfns[i]);
		if (a->ours[i])
			dpv_access_page(a, i, start + (i << PAGE_SHIFT));
	}
	mutex_unlock(&a->lock);

	for (i = 0; i < nr; i++) {
		if (!a->ours[i])
			continue;
		++*pages;
		if (!a->write && copy_to_user(buffer + (i << PAGE_SHIFT),
					      a->bounce + (i << PAGE_SHIFT), PAGE_SIZE))
			return -EFAULT;
	}
	return 0;
}

static int dpv_access_range(struct dpv_access *a, struct p2pcert_devpriv_access *r)
{
	void __user *buffer = u64_to_user_ptr(r->buffer);
	u64 addr, next;
	int err = 0;

	for (addr = r->addr; addr < a->copy.end && !err; addr = next) {
		next = min_t(u64, a->copy.end, ALIGN(addr + 1, DPV_ACCESS_BATCH * PAGE_SIZE));
		err = dpv_access_batch(a, addr, next, buffer + (addr - r->addr), &r->pages);
		cond_resched();
	}
	return err;
}

int dpv_access(struct dpv_device *dev, struct p2pcert_devpriv_access *r,
	       struct p2pcert_fault_plan *plan, bool write)
{
	struct dpv_access *a;
	int err = -ENOMEM;

	a = kzalloc_obj(*a, GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	mutex_init(&a->lock);
	a->dev = dev;
	a->copy.plan = plan;
	a->copy.end = r->addr + r->length;
	a->write = write;
	a->bounce = vzalloc(DPV_ACCESS_BATCH * PAGE_SIZE);
	if (!a->bounce)
		goto out;
	err = mmu_interval_notifier_insert(&a->notifier, current->mm, r->addr, r->length,
					   &dpv_notifier_ops);
	if (err)
		goto out;
	err = dpv_access_range(a, r);
	mmu_interval_notifier_remove(&a->notifier);
out:
	vfree(a->bounce);
	kfree(a);
	return err;
}

#endif /* DPV_SUPPORTED */
