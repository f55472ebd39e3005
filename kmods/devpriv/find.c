// SPDX-License-Identifier: GPL-2.0-only
/* Finding a process's pages for a device's page table, until nothing changed while it looked. */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>

/* Has what was found since seq been invalidated? With the lock held. */
static bool dpv_is_outdated(const struct dpv_finder *f, unsigned long seq)
{
	if (DPV_DEFECT(sequence_ignored))
		return false;
	return mmu_interval_read_retry(f->notifier, seq) ||
	       p2pcert_strikes(f->plan, P2PCERT_FAULT_INVALIDATED);
}

int dpv_find(const struct dpv_finder *f, struct hmm_range *range)
{
	struct mm_struct *mm = f->notifier->mm;
	int err;

	range->notifier = f->notifier;
	for (;;) {
		if (fatal_signal_pending(current))
			return -EINTR;
		memset(range->hmm_pfns, 0,
		       ((range->end - range->start) >> PAGE_SHIFT) * sizeof(*range->hmm_pfns));
		range->notifier_seq = mmu_interval_read_begin(f->notifier);
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		err = hmm_range_fault(range);
		mmap_read_unlock(mm);
		if (err && err != -EBUSY)
			return err;
		if (!err && p2pcert_strikes(f->plan, P2PCERT_FAULT_DELAY))
			dpv_delay();
		if (!err) {
			mutex_lock(f->lock);
			if (!dpv_is_outdated(f, range->notifier_seq))
				return 0;
			mutex_unlock(f->lock);
		}
		atomic64_inc(f->retries);
		cond_resched();
	}
}

#endif /* DPV_SUPPORTED */
