// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is mapped for a device without being pinned: hmm_range_fault() finds the pages, the
 * kernel's helpers map them one by one, and an interval notifier takes them away again. The same
 * helpers tell, through a page's mapping, how the kernel rules on memory of a peer, which it tells
 * modules in no other way.
 */
#include "iova.h"

#if IOV_SUPPORTED

#include <linux/hmm.h>
#include <linux/jiffies.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#define IOV_HMM_TIMEOUT_MS 5000
#define IOV_STICKY (HMM_PFN_DMA_MAPPED | HMM_PFN_P2PDMA | HMM_PFN_P2PDMA_BUS)

/* --- memory of peers -------------------------------------------------------------------------- */

int iov_p2p_kind(struct device *dev, struct page *page, struct iov_page *at)
{
	struct pci_p2pdma_map_state state = {};
	struct hmm_dma_map map = {};
	dma_addr_t dma;
	int err;

	err = hmm_dma_map_alloc(dev, &map, 1, PAGE_SIZE);
	if (err)
		return err;
	map.pfn_list[0] = page_to_pfn(page) | HMM_PFN_VALID | HMM_PFN_WRITE;
	dma = hmm_dma_map_pfn(dev, &map, 0, &state);
	at->flags |= P2PCERT_IOVA_PAGE_P2P;
	if (dma == DMA_MAPPING_ERROR)
		err = -EREMOTEIO;
	if (!err && map.pfn_list[0] & HMM_PFN_P2PDMA_BUS) {
		at->flags |= P2PCERT_IOVA_PAGE_BUS | P2PCERT_IOVA_PAGE_MAPPED;
		at->dma = dma;
	}
	if (!err)
		hmm_dma_unmap_pfn(dev, &map, 0);
	hmm_dma_map_free(dev, &map);
	return err;
}

/* --- invalidations ---------------------------------------------------------------------------- */

/* With the lock; the page is still there. */
static void iov_hmm_drop(struct iov_hmm *h, unsigned long i)
{
	unsigned long pfn = h->map.pfn_list[i];

	if (!(pfn & HMM_PFN_DMA_MAPPED))
		return;
	/* The device may have written it. */
	if (pfn & HMM_PFN_WRITE && !(pfn & (HMM_PFN_P2PDMA | HMM_PFN_P2PDMA_BUS)))
		set_page_dirty(compound_head(hmm_pfn_to_page(pfn)));
	hmm_dma_unmap_pfn(h->dev, &h->map, i);
	h->map.pfn_list[i] = 0;
	h->invalidated++;
}

static bool iov_hmm_invalidate(struct mmu_interval_notifier *notifier,
			       const struct mmu_notifier_range *range, unsigned long seq)
{
	struct iov_hmm *h = container_of(notifier, struct iov_hmm, notifier);
	unsigned long first, end;

	if (!mmu_notifier_range_blockable(range))
		return false;
	mutex_lock(&h->lock);
	mmu_interval_set_seq(notifier, seq);
	if (!h->deaf) {
		first = (max(range->start, h->start) - h->start) >> PAGE_SHIFT;
		end = PFN_UP(min(range->end, h->start + (h->nr << PAGE_SHIFT)) - h->start);
		for (unsigned long i = first; i < end; i++)
			iov_hmm_drop(h, i);
	}
	mutex_unlock(&h->lock);
	return true;
}

static const struct mmu_interval_notifier_ops iov_hmm_ops = {
	.invalidate = iov_hmm_invalidate,
};

/* --- looking for pages ------------------------------------------------------------------------ */

/* What the kernel finds, in pfns, which hold what was known; good if seq is still true. */
static int iov_hmm_look(struct iov_hmm *h, unsigned long *pfns, unsigned long *seq)
{
	struct hmm_range range = {
		.notifier = &h->notifier,
		.start = h->start,
		.end = h->start + (h->nr << PAGE_SHIFT),
		.hmm_pfns = pfns,
		.default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE,
	};
	struct mm_struct *mm = h->notifier.mm;
	int err;

	mutex_lock(&h->lock);
	memcpy(pfns, h->map.pfn_list, h->nr * sizeof(*pfns));
	mutex_unlock(&h->lock);
	range.notifier_seq = mmu_interval_read_begin(&h->notifier);
	*seq = range.notifier_seq;
	mmap_read_lock(mm);
	err = hmm_range_fault(&range);
	mmap_read_unlock(mm);
	return err;
}

/* With the lock: what was found, and is still so. Flags of a mapping must have outlived that. */
static int iov_hmm_take(struct iov_map *m, const unsigned long *pfns)
{
	struct pci_p2pdma_map_state state = {};
	struct iov_hmm *h = m->hmm;

	for (unsigned long i = 0; i < h->nr; i++) {
		unsigned long was = h->map.pfn_list[i];
		dma_addr_t dma;

		if ((was & IOV_STICKY) != (pfns[i] & IOV_STICKY))
			m->at[i].flags |= P2PCERT_IOVA_PAGE_FORGOTTEN;
		h->map.pfn_list[i] = pfns[i] | (was & IOV_STICKY);
		dma = hmm_dma_map_pfn(h->dev, &h->map, i, &state);
		if (dma == DMA_MAPPING_ERROR)
			return -EREMOTEIO;
		m->at[i].dma = dma + (i ? 0 : m->offset);
		m->links++;
	}
	return 0;
}

int iov_hmm_lock(struct iov_map *m)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(IOV_HMM_TIMEOUT_MS);
	struct iov_hmm *h = m->hmm;
	unsigned long *pfns;
	unsigned long seq;
	int err;

	if (h->notifier.mm != current->mm)
		return -EINVAL;
	if (h->deaf && h->kept) {
		mutex_lock(&h->lock);
		return 0;
	}
	pfns = kvcalloc(h->nr, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return -ENOMEM;
	do {
		err = fatal_signal_pending(current) ? -EINTR : iov_hmm_look(h, pfns, &seq);
		if (err == -EBUSY)
			continue;
		if (err)
			break;
		mutex_lock(&h->lock);
		if (!mmu_interval_read_retry(&h->notifier, seq)) {
			err = iov_hmm_take(m, pfns);
			if (err)
				mutex_unlock(&h->lock);
			break;
		}
		mutex_unlock(&h->lock);
		err = -EBUSY;
	} while (time_before(jiffies, deadline));
	kvfree(pfns);
	return err;
}

void iov_hmm_unlock(struct iov_map *m)
{
	mutex_unlock(&m->hmm->lock);
}

void iov_hmm_describe(const struct iov_map *m, unsigned int i, struct p2pcert_iova_page *p)
{
	unsigned long pfn = m->hmm->map.pfn_list[i];

	p->flags = m->at[i].flags & P2PCERT_IOVA_PAGE_FORGOTTEN;
	if (!(pfn & HMM_PFN_DMA_MAPPED))
		return;
	p->flags |= P2PCERT_IOVA_PAGE_MAPPED;
	if (pfn & HMM_PFN_WRITE)
		p->flags |= P2PCERT_IOVA_PAGE_WRITE;
	if (pfn & (HMM_PFN_P2PDMA | HMM_PFN_P2PDMA_BUS))
		p->flags |= P2PCERT_IOVA_PAGE_P2P;
	if (pfn & HMM_PFN_P2PDMA_BUS)
		p->flags |= P2PCERT_IOVA_PAGE_BUS;
	p->dma_addr = m->at[i].dma;
	p->phys_addr = hmm_pfn_to_phys(pfn) + (i ? 0 : m->offset);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* Who does not listen must not write what is somebody else's by then. */
static int iov_hmm_keep(struct iov_hmm *h)
{
	struct page **kept = kvcalloc(h->nr, sizeof(*kept), GFP_KERNEL);

	if (!kept)
		return -ENOMEM;
	for (unsigned long i = 0; i < h->nr; i++) {
		kept[i] = hmm_pfn_to_page(h->map.pfn_list[i]);
		get_page(kept[i]);
	}
	h->kept = kept;
	return 0;
}

/* With the lock: the faults of a mapping. */
static int iov_hmm_spoil(struct iov_map *m)
{
	if (m->faults & P2PCERT_FAULT_WRONG_OFFSET && m->nr_pages > 3)
		swap(m->at[1].dma, m->at[2].dma);
	if (!(m->faults & P2PCERT_FAULT_NOTIFY_LOST))
		return 0;
	m->hmm->deaf = true;
	return iov_hmm_keep(m->hmm);
}

static void iov_hmm_free(struct iov_map *m)
{
	struct iov_hmm *h = m->hmm;

	m->hmm = NULL;
	hmm_dma_map_free(h->dev, &h->map);
	mutex_destroy(&h->lock);
	kfree(h);
}

void iov_hmm_end(struct iov_map *m)
{
	struct iov_hmm *h = m->hmm;

	mutex_lock(&h->lock);
	for (unsigned long i = 0; i < h->nr; i++)
		iov_hmm_drop(h, i);
	for (unsigned long i = 0; h->kept && i < h->nr; i++)
		put_page(h->kept[i]);
	kvfree(h->kept);
	h->kept = NULL;
	mutex_unlock(&h->lock);
	mmu_interval_notifier_remove(&h->notifier);
	iov_hmm_free(m);
}

int iov_hmm_begin(struct iov_map *m, unsigned long addr)
{
	struct iov_hmm *h = kzalloc_obj(*h, GFP_KERNEL);
	int err;

	if (!h)
		return -ENOMEM;
	mutex_init(&h->lock);
	h->dev = m->dev;
	h->start = addr & PAGE_MASK;
	h->nr = m->nr_pages;
	m->hmm = h;
	err = hmm_dma_map_alloc(h->dev, &h->map, h->nr, PAGE_SIZE);
	if (err) {
		m->hmm = NULL;
		kfree(h);
		return err;
	}
	err = mmu_interval_notifier_insert(&h->notifier, current->mm, h->start, h->nr << PAGE_SHIFT,
					   &iov_hmm_ops);
	if (err) {
		iov_hmm_free(m);
		return err;
	}
	err = iov_hmm_lock(m);
	if (!err) {
		err = iov_hmm_spoil(m);
		iov_hmm_unlock(m);
	}
	if (err)
		iov_hmm_end(m);
	return err;
}

#endif /* IOV_SUPPORTED */
