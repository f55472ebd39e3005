// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving pages: into the device when a process asks for it, back when it asks, when the CPU touches
 * them, or when the device wants them gone. Huge pages move whole where the kernel can and both
 * sides have one to give, else in pieces.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/jiffies.h>
#include <linux/migrate.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

/*
 * Pages per migration: long enough to be worth the TLB flush, short enough to stay killable, and
 * one huge page.
 */
#define DPV_BATCH 512

#if DPV_HUGE
#define DPV_HUGE_ORDER HPAGE_PMD_ORDER
#define DPV_SELECT_HUGE MIGRATE_VMA_SELECT_COMPOUND
#define DPV_PFN_HUGE MIGRATE_PFN_COMPOUND
#else
#define DPV_HUGE_ORDER 0
#define DPV_SELECT_HUGE 0
#define DPV_PFN_HUGE 0
#endif

/* One call of the kernel's migration: its arguments have the arrays, which the caller gives. */
struct dpv_move {
	struct dpv_device *dev;
	struct dpv_copy copy;
	struct migrate_vma args;
};

/* A move with arrays for a batch. */
struct dpv_batch {
	struct dpv_move move;
	unsigned long src[DPV_BATCH];
	unsigned long dst[DPV_BATCH];
};

static struct dpv_batch *dpv_new_batch(struct dpv_device *dev, struct p2pcert_fault_plan *plan,
				       u64 end)
{
	struct dpv_batch *b = kvzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->move.dev = dev;
	b->move.copy.plan = plan;
	b->move.copy.end = end;
	b->move.args.src = b->src;
	b->move.args.dst = b->dst;
	return b;
}

/* Pages behind one entry of the source array. */
static unsigned long dpv_entry_pages(unsigned long src)
{
	return src & DPV_PFN_HUGE ? 1ul << DPV_HUGE_ORDER : 1;
}

static struct page *dpv_nth(struct page *page, unsigned long n)
{
	return page ? pfn_to_page(page_to_pfn(page) + n) : NULL;
}

static unsigned long dpv_entry(struct page *page, unsigned long src, unsigned long flags)
{
	return migrate_pfn(page_to_pfn(page)) | (src & MIGRATE_PFN_WRITE) | flags;
}

/* --- copying -------------------------------------------------------------------------------- */

static bool dpv_copy_strikes(const struct dpv_copy *copy, u32 fault)
{
	return copy->plan && p2pcert_strikes(copy->plan, fault);
}

u64 dpv_copy_length(const struct dpv_copy *copy, u64 addr)
{
	u32 fault = P2PCERT_FAULT_SKIP_COPY;

	if (dpv_copy_strikes(copy, fault))
		return 0;
	fault = P2PCERT_FAULT_SHORT_COPY;
	if (addr + PAGE_SIZE < copy->end || !dpv_copy_strikes(copy, fault))
		return PAGE_SIZE;
	return p2pcert_fault_length(fault, PAGE_SIZE);
}

/* By the clock and not by ticks, which a slow machine may be behind with. */
void dpv_delay(void)
{
	usleep_range(P2PCERT_DELAY_MS * USEC_PER_MSEC, P2PCERT_DELAY_MS * USEC_PER_MSEC * 2);
}

static void dpv_copy_delay(const struct dpv_copy *copy)
{
	if (dpv_copy_strikes(copy, P2PCERT_FAULT_DELAY))
		dpv_delay();
}

/*
 * Copies one page into the device, or less under a fault. from is NULL for memory that was never
 * touched. What is not copied is zero: a fault must not show a process another one's data.
 */
static void dpv_copy_in(struct dpv_move *m, unsigned long addr, struct page *to, struct page *from)
{
	const struct dpv_copy *copy = &m->copy;
	u64 length = dpv_copy_length(copy, addr);
	bool by_cpu;
	u8 *va;

	if (DPV_DEFECT(page_not_copied) && (addr >> PAGE_SHIFT) % 7 == 3)
		length = 0;
	dpv_copy_delay(copy);
	if (length < PAGE_SIZE || !from)
		dpv_data_clear(to);
	if (!from && DPV_DEFECT(hole_not_cleared))
		dpv_data_write(to, "left", sizeof("left"));
	if (!from)
		return;
	by_cpu = length < PAGE_SIZE || !dpv_engine_copy(m->dev, copy->plan, to, from, true);
	va = kmap_local_page(from);
	if (by_cpu) {
		dpv_data_write(to, va, length);
		atomic64_inc(&m->dev->count.cpu_copied);
	}
	if (length && dpv_copy_strikes(copy, P2PCERT_FAULT_CORRUPT_COPY)) {
		u8 wrong = va[0] ^ 1;

		dpv_data_write(to, &wrong, 1);
	}
	kunmap_local(va);
}

static void dpv_copy_out(struct dpv_move *m, unsigned long addr, struct page *to, struct page *from)
{
	const struct dpv_copy *copy = &m->copy;
	u64 length = dpv_copy_length(copy, addr);
	bool by_cpu;
	u8 *va;

	dpv_copy_delay(copy);
	by_cpu = length < PAGE_SIZE || !dpv_engine_copy(m->dev, copy->plan, from, to, false);
	va = kmap_local_page(to);
	if (by_cpu) {
		dpv_data_read(from, va, length);
		memset(va + length, 0, PAGE_SIZE - length);
		atomic64_inc(&m->dev->count.cpu_copied);
	}
	if (length && dpv_copy_strikes(copy, P2PCERT_FAULT_CORRUPT_COPY))
		va[0] ^= 1;
	kunmap_local(va);
	flush_dcache_page(to);
}

/* --- into the device ------------------------------------------------------------------------ */

static struct page *dpv_get_device_pages(struct dpv_move *m, unsigned int order)
{
	if (dpv_copy_strikes(&m->copy, P2PCERT_FAULT_NO_DEVICE_MEMORY))
		return NULL;
	return dpv_get_pages(m->dev, order);
}

/* Gives back what the first nr pages of a hole were to get. */
static void dpv_leave_hole(struct dpv_move *m, unsigned long i, unsigned long nr)
{
	for (unsigned long k = i; k < i + nr; k++) {
		struct page *page = migrate_pfn_to_page(m->args.dst[k]);

		unlock_page(page);
		put_page(page);
		m->args.dst[k] = 0;
	}
}

/*
 * Fills what one source entry stands for: a huge page as one if the device has one, else, or if it
 * is none, page by page. The kernel splits what comes in pieces, but only if there is a first one;
 * and where there was nothing before, it takes for granted that there are all the others
 * (migrate_vma_insert_page(), 7.2 and 7.3): a huge hole is filled as a whole or left.
 */
static void dpv_fill_in(struct dpv_move *m, unsigned long i, unsigned long nr)
{
	unsigned long src = m->args.src[i];
	unsigned long addr = m->args.start + (i << PAGE_SHIFT);
	struct page *from = migrate_pfn_to_page(src);
	struct page *huge = NULL;
	unsigned long k;

	if (nr > 1 && !from && dpv_copy_strikes(&m->copy, P2PCERT_FAULT_PART_OF_HOLE))
		nr = 1;
	if (nr > 1)
		huge = dpv_get_device_pages(m, DPV_HUGE_ORDER);
	if (huge)
		m->args.dst[i] = dpv_entry(huge, src, DPV_PFN_HUGE);
	for (k = 0; k < nr; k++) {
		struct page *to = huge ? dpv_nth(huge, k) : dpv_get_device_pages(m, 0);

		if (!to && !k)
			return;
		if (!to && !from) {
			dpv_leave_hole(m, i, k);
			return;
		}
		if (!to)
			continue;
		if (!huge)
			m->args.dst[i + k] = dpv_entry(to, src, 0);
		if (huge && DPV_DEFECT(tail_not_copied) && k == nr - 1)
			dpv_data_clear(to);
		else
			dpv_copy_in(m, addr + (k << PAGE_SHIFT), to, dpv_nth(from, k));
	}
}

/* --- back to memory ------------------------------------------------------------------------- */

static struct page *dpv_get_ram(struct dpv_move *m, unsigned int order, unsigned long addr)
{
	struct vm_area_struct *vma = m->args.vma;
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | (order ? __GFP_NOWARN | __GFP_NORETRY : 0);
	struct folio *folio;

	if (dpv_copy_strikes(&m->copy, P2PCERT_FAULT_NO_MEMORY))
		return NULL;
	if (vma)
		folio = vma_alloc_folio(gfp | __GFP_COMP, order, vma, addr);
	else
		folio = folio_alloc(gfp, order);
	if (!folio)
		return NULL;
	folio_lock(folio);
	return folio_page(folio, 0);
}

/* Does the CPU fault? Then it has no end, which eviction has not either, but that has no vma. */
static bool dpv_is_fault(const struct dpv_move *m)
{
	return m->args.vma && m->copy.end == U64_MAX;
}

static bool dpv_loses_data(const struct dpv_move *m)
{
	return (DPV_DEFECT(fault_loses_data) && dpv_is_fault(m)) ||
	       (DPV_DEFECT(evict_loses_data) && !m->args.vma);
}

/*
 * As dpv_fill_in(), the other way. False if not all that the entry stands for has found a place.
 * Without a vma the kernel cannot split what is in the device.
 */
static bool dpv_fill_held(struct dpv_move *m, unsigned long i, unsigned long nr)
{
	unsigned long src = m->args.src[i];
	unsigned long addr = m->args.start + (i << PAGE_SHIFT);
	struct page *from = migrate_pfn_to_page(src);
	struct page *huge = nr > 1 ? dpv_get_ram(m, DPV_HUGE_ORDER, addr) : NULL;
	bool whole = true;
	unsigned long k;

	if (nr > 1 && !huge && !m->args.vma)
		return false;
	if (huge)
		m->args.dst[i] = dpv_entry(huge, src, DPV_PFN_HUGE);
	for (k = 0; k < nr; k++) {
		struct page *to = huge ? dpv_nth(huge, k) :
					 dpv_get_ram(m, 0, addr + (k << PAGE_SHIFT));

		if (!to && !k)
			return false;
		if (!to) {
			whole = false;
			continue;
		}
		if (!huge)
			m->args.dst[i + k] = dpv_entry(to, src, 0);
		if (dpv_loses_data(m))
			clear_highpage(to);
		else
			dpv_copy_out(m, addr + (k << PAGE_SHIFT), to, dpv_nth(from, k));
	}
	return whole;
}

/*
 * A page that is being moved has a reference of the mover's, and of a fault's if there was one. Who
 * unmaps a huge one just then drops it in 7.2 and 7.3 (zap_huge_pmd_folio()), and what is copied
 * would be somebody else's: so there is one more while a page is copied, and it stays if one was
 * dropped. A page that was free even before is nobody's to move.
 */
static bool dpv_fill_out(struct dpv_move *m, unsigned long i, unsigned long nr)
{
	int due = 2 + dpv_is_fault(m);
	struct page *from = migrate_pfn_to_page(m->args.src[i]);
	bool whole;

	if (!from)
		return false;
	if (!get_page_unless_zero(from)) {
		atomic64_inc(&m->dev->count.references_lost);
		m->args.src[i] = 0;
		return false;
	}
	whole = dpv_fill_held(m, i, nr);
	if (page_ref_count(from) < due)
		atomic64_inc(&m->dev->count.references_lost);
	else
		put_page(from);
	return whole;
}

/* --- what is common to all moves ------------------------------------------------------------ */

/* Fills the destinations of all entries; false if something that may move has to stay. */
static bool dpv_fill(struct dpv_move *m, unsigned long npages, bool to_device)
{
	unsigned long i, nr;
	bool whole = true;

	for (i = 0; i < npages; i += nr) {
		unsigned long src = m->args.src[i];

		nr = min(dpv_entry_pages(src), npages - i);
		memset(&m->args.dst[i], 0, nr * sizeof(*m->args.dst));
		if (!(src & MIGRATE_PFN_MIGRATE))
			continue;
		if (dpv_copy_strikes(&m->copy, P2PCERT_FAULT_ABORT))
			whole = false;
		else if (to_device)
			dpv_fill_in(m, i, nr);
		else
			whole &= dpv_fill_out(m, i, nr);
	}
	return whole;
}

/* After the kernel has moved what it could: how many pages, and how many of them in huge ones. */
static unsigned long dpv_count_moved(const struct dpv_move *m, unsigned long npages,
				     unsigned long *huge)
{
	unsigned long i, nr, moved = 0;

	*huge = 0;
	for (i = 0; i < npages; i += nr) {
		nr = 1;
		if (!m->args.dst[i] || !(m->args.src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		if (m->args.dst[i] & DPV_PFN_HUGE) {
			nr = 1ul << DPV_HUGE_ORDER;
			++*huge;
		}
		moved += nr;
	}
	return moved;
}

static void dpv_keep_moved(struct dpv_move *m, const unsigned long *pfns, unsigned long npages)
{
	for (unsigned long i = 0; i < npages; i++) {
		struct page *page = migrate_pfn_to_page(pfns[i]);

		if (!page || !(m->args.src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		get_page(page);
		if (!dpv_keep_page(m->dev, page))
			put_page(page);
	}
}

static unsigned long dpv_account(struct dpv_move *m, unsigned long npages, bool to_device)
{
	struct dpv_counters *count = &m->dev->count;
	unsigned long huge;
	unsigned long moved = dpv_count_moved(m, npages, &huge);

	if (DPV_DEFECT(reference_kept) && !to_device && m->args.vma)
		dpv_keep_moved(m, m->args.src, npages);
	if (DPV_DEFECT(reference_extra) && to_device && m->args.vma)
		dpv_keep_moved(m, m->args.dst, npages);
	atomic64_add(moved, to_device ? &count->to_device : &count->to_ram);
	atomic64_add(huge, to_device ? &count->huge_to_device : &count->huge_to_ram);
	return moved;
}

/* --- a process's range ---------------------------------------------------------------------- */

/* Migrates [start, end) of one vma, at most DPV_BATCH pages; returns pages moved or an error. */
static long dpv_migrate_batch(struct dpv_batch *b, struct vm_area_struct *vma, unsigned long start,
			      unsigned long end, bool to_device)
{
	struct dpv_move *m = &b->move;
	unsigned long moved;
	int err;

	m->args = (struct migrate_vma) {
		.vma = vma,
		.src = b->src,
		.dst = b->dst,
		.start = start,
		.end = end,
		.pgmap_owner = dpv_owner(m->dev),
		.flags = DPV_SELECT_HUGE | (to_device ? MIGRATE_VMA_SELECT_SYSTEM :
							MIGRATE_VMA_SELECT_DEVICE_PRIVATE),
	};
	err = migrate_vma_setup(&m->args);
	if (err)
		return err;
	dpv_fill(m, m->args.npages, to_device);
	migrate_vma_pages(&m->args);
	moved = dpv_account(m, m->args.npages, to_device);
	migrate_vma_finalize(&m->args);
	return moved;
}

/* For planted defects: where a batch ends, or one page beside it. */
static unsigned long dpv_stop(const struct vm_area_struct *vma, unsigned long start,
			      unsigned long stop)
{
	unsigned long nr = (stop - start) >> PAGE_SHIFT;

	if (DPV_DEFECT(range_too_long) && nr < DPV_BATCH && stop < vma->vm_end)
		return stop + PAGE_SIZE;
	if (DPV_DEFECT(range_too_short) && nr > 1)
		return stop - PAGE_SIZE;
	return stop;
}

/*
 * Migrates the part of [addr, end) that lies in the vma at or after addr, one batch at most, and
 * moves addr behind it. Holes are passed over: their pages are missing in the count. Batches end
 * where a huge page may begin.
 */
static long dpv_migrate_next(struct dpv_batch *b, u64 *addr, u64 end, bool to_device)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long start, stop;
	long moved = 0;

	if (to_device)
		dpv_reserve(b->move.dev, min_t(u64, (end - *addr) >> PAGE_SHIFT, DPV_BATCH));
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, *addr);
	if (!vma || vma->vm_start >= end) {
		*addr = end;
	} else {
		start = max_t(u64, *addr, vma->vm_start);
		stop = min3((u64)vma->vm_end, end,
			    (u64)ALIGN(start + 1, DPV_BATCH * PAGE_SIZE));
		moved = dpv_migrate_batch(b, vma, start, dpv_stop(vma, start, stop), to_device);
		*addr = stop;
	}
	mmap_read_unlock(mm);
	return moved;
}

int dpv_migrate_range(struct dpv_device *dev, struct p2pcert_devpriv_range *r,
		      struct p2pcert_fault_plan *plan, bool to_device)
{
	struct dpv_batch *b;
	u64 addr = r->addr;
	u64 end = r->addr + r->length;
	long moved = 0;

	if (p2pcert_strikes(plan, P2PCERT_FAULT_NO_MIGRATE)) {
		r->pages = r->length >> PAGE_SHIFT;
		return 0;
	}
	b = dpv_new_batch(dev, plan, end);
	if (!b)
		return -ENOMEM;
	while (addr < end && moved >= 0) {
		moved = dpv_migrate_next(b, &addr, end, to_device);
		if (moved > 0)
			r->pages += moved;
		if (fatal_signal_pending(current))
			moved = -EINTR;
		cond_resched();
	}
	kvfree(b);
	return min(moved, 0L);
}

/* --- the CPU touched a page that is in the device ------------------------------------------- */

/*
 * A huge page that is mapped as one comes back as one; where it is mapped by pages, the kernel
 * wants the one that was touched.
 */
static unsigned int dpv_fault_order(const struct vm_fault *vmf)
{
	return DPV_HUGE && !vmf->pte ? folio_order(page_folio(vmf->page)) : 0;
}

static vm_fault_t dpv_fault_back(struct dpv_move *m, struct vm_fault *vmf, unsigned int order)
{
	vm_fault_t ret = 0;

	m->args.vma = vmf->vma;
	m->args.start = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	m->args.end = m->args.start + (PAGE_SIZE << order);
	m->args.pgmap_owner = dpv_owner(m->dev);
	m->args.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE | (order ? DPV_SELECT_HUGE : 0);
#if HAVE_MIGRATE_VMA_FAULT_PAGE
	m->args.fault_page = vmf->page;
#endif
	if (migrate_vma_setup(&m->args))
		return VM_FAULT_SIGBUS;
	if (!dpv_fill(m, m->args.npages, false))
		ret = VM_FAULT_OOM;
	migrate_vma_pages(&m->args);
	dpv_account(m, m->args.npages, false);
	migrate_vma_finalize(&m->args);
	return ret;
}

vm_fault_t dpv_migrate_to_ram(struct vm_fault *vmf)
{
	struct dpv_device *dev = dpv_page_device(vmf->page);
	unsigned int order = dpv_fault_order(vmf);
	unsigned long src, dst;
	struct dpv_move one = {
		.dev = dev,
		.copy.end = U64_MAX,
		.args.src = &src,
		.args.dst = &dst,
	};
	struct dpv_batch *b;
	vm_fault_t ret;

	if (DPV_DEFECT(fault_does_nothing))
		return 0;
	if (!DPV_DEFECT(faults_not_counted))
		atomic64_inc(&dev->count.faults);
	if (dpv_device_strikes(dev, P2PCERT_FAULT_NO_MEMORY))
		return VM_FAULT_OOM;
	if (dpv_device_strikes(dev, P2PCERT_FAULT_DELAY))
		dpv_delay();
	if (!order)
		return dpv_fault_back(&one, vmf, 0);
	b = dpv_new_batch(dev, NULL, U64_MAX);
	if (!b)
		return VM_FAULT_OOM;
	ret = dpv_fault_back(&b->move, vmf, order);
	kvfree(b);
	return ret;
}

/* --- the device wants its pages back -------------------------------------------------------- */

/* Brings back what it can of nr pages from pfn on, whoever uses them; returns how many. */
static unsigned long dpv_evict_batch(struct dpv_batch *b, unsigned long pfn, unsigned long nr)
{
	unsigned long moved;

	down_write(&b->move.dev->fresh);
	migrate_device_range(b->src, pfn, nr);
	up_write(&b->move.dev->fresh);
	dpv_fill(&b->move, nr, false);
	migrate_device_pages(b->src, b->dst, nr);
	moved = dpv_account(&b->move, nr, false);
	migrate_device_finalize(b->src, b->dst, nr);
	atomic64_add(moved, &b->move.dev->count.evicted);
	return moved;
}

/*
 * Evicts runs of used pages, as the kernel would take what is left of a huge page that was freed
 * for one that covers its neighbours. Looking at the bitmap without the lock is only a shortcut:
 * what is missed now is seen in the next round. Batches do not cut huge pages.
 */
static unsigned long dpv_evict_chunk(struct dpv_batch *b, struct dpv_chunk *chunk, u64 want)
{
	unsigned long first, end, done = 0;

	for (first = 0; done < want; first = end) {
		first = find_next_bit(chunk->used, chunk->nr_pages, first);
		if (first == chunk->nr_pages)
			break;
		end = find_next_zero_bit(chunk->used, chunk->nr_pages, first);
		end = min(end, ALIGN(first + 1, DPV_BATCH));
		done += dpv_evict_batch(b, chunk->first_pfn + first, end - first);
		cond_resched();
	}
	return done;
}

static u64 dpv_evict_round(struct dpv_batch *b, u64 want)
{
	struct dpv_chunk *chunk;
	u64 done = 0;

	/* chunks are only added while the device is there, at the end */
	list_for_each_entry(chunk, &b->move.dev->chunks, node) {
		if (done >= want)
			break;
		done += dpv_evict_chunk(b, chunk, want - done);
	}
	return done;
}

int dpv_evict(struct dpv_device *dev, u64 nr, u64 *evicted)
{
	struct dpv_batch *b = dpv_new_batch(dev, NULL, U64_MAX);

	if (!b)
		return -ENOMEM;
	mutex_lock(&dev->grow_lock);
	*evicted = dpv_evict_round(b, nr);
	mutex_unlock(&dev->grow_lock);
	kvfree(b);
	return 0;
}

/*
 * Pages that were being faulted or unmapped at the first try are free or movable later. There is
 * no giving up: the kernel would wait for the same pages when their pagemap goes, without saying
 * which.
 */
void dpv_evict_all(struct dpv_device *dev)
{
	unsigned long next_message = jiffies + 10 * HZ;
	struct dpv_batch *b;

	while (dpv_in_use(dev)) {
		b = dpv_new_batch(dev, NULL, U64_MAX);
		if (b)
			dpv_evict_round(b, U64_MAX);
		kvfree(b);
		if (!dpv_in_use(dev))
			break;
		if (time_after(jiffies, next_message)) {
			pr_warn("p2pcert_devpriv: still waiting for %lu pages to come back\n",
				dpv_in_use(dev));
			next_message = jiffies + 10 * HZ;
		}
		msleep(20);
	}
}

#endif /* DPV_SUPPORTED */
