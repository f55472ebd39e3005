// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pcert_devpriv: a device whose memory is device-private, in the smallest form in which the
 * kernel's migration, fault and snapshot paths can be held to their promises. Its "device memory"
 * is ordinary memory that no process can reach: each device page has a backing page which holds the
 * data while the page is in the device.
 *
 * Layers, from the bottom: a chunk is one dev_pagemap with its pages and what backs them; the
 * device hands pages out of chunks and grows by chunks; migration and access work on pages only,
 * and reach their data through dpv_data_page().
 *
 * Memory that a process has migrated stays in the device when the file is closed: it belongs to the
 * address space, which may be shared with a child and outlives the file, and it comes back when it
 * is touched. It is brought back when the module goes, so that unloading never loses data.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/hmm.h>
#include <linux/ioport.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "p2pcert_kmod.h"

/*
 * Without device-private memory the functions below are not exported, and memremap_pages() would
 * warn: such a kernel gets a module that says so and does not load.
 */
#define DPV_SUPPORTED                                                                              \
	(HAVE_CONFIG_DEVICE_PRIVATE && HAVE_EXPORT_HMM_RANGE_FAULT &&                              \
	 HAVE_EXPORT_MIGRATE_VMA_SETUP && HAVE_EXPORT_MIGRATE_DEVICE_RANGE &&                      \
	 HAVE_EXPORT_REQUEST_FREE_MEM_REGION && HAVE_EXPORT_MMU_INTERVAL_NOTIFIER_INSERT)

#if DPV_SUPPORTED

static unsigned long max_mb = 1024;
module_param(max_mb, ulong, 0444);
MODULE_PARM_DESC(max_mb, "most device memory, in MiB (default 1024)");

/* A multiple of the sparse memory section, which is what the kernel hands out anyway. */
#define DPV_CHUNK_SIZE SZ_128M
/* Pages per migration: long enough to be worth the TLB flush, short enough to stay killable. */
#define DPV_BATCH 256

#define DPV_FAULTS                                                                                 \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY |         \
	 P2PCERT_FAULT_NO_MIGRATE | P2PCERT_FAULT_LEAK | P2PCERT_FAULTS_ENTER)

struct dpv_device;

/* One piece of device memory. */
struct dpv_chunk {
	struct dev_pagemap pagemap;
	struct dpv_device *dev;
	struct list_head node;
	struct resource *res;
	unsigned long first_pfn;
	unsigned long nr_pages; /* usable: the last chunk may be larger than what is allowed */
	unsigned long *used; /* bitmap of pages handed out */
	unsigned long hint; /* where to look for a free one first */
	struct page **backing; /* of each page in use */
};

struct dpv_device {
	spinlock_t lock; /* protects the page state of all chunks */
	struct list_head chunks; /* only grows, under grow_lock and lock */
	struct mutex grow_lock; /* held while a chunk is added */
	unsigned long nr_pages;
	unsigned long nr_used;
	struct list_head leaks;
	atomic64_t to_device;
	atomic64_t to_ram;
	atomic64_t faults;
	atomic64_t evicted;
};

struct dpv_leak {
	struct list_head node;
	struct page *page;
};

struct dpv_file {
	struct dpv_device *dev;
	u32 faults;
};

static struct dpv_device dpv_device;

/* --- chunks and pages ----------------------------------------------------------------------- */

static struct dpv_chunk *dpv_page_chunk(const struct page *page)
{
#if HAVE_PAGE_PGMAP
	return container_of(page_pgmap(page), struct dpv_chunk, pagemap);
#else
	return container_of(page->pgmap, struct dpv_chunk, pagemap);
#endif
}

/* The memory that holds the data of a page in the device. */
static struct page *dpv_data_page(struct page *page)
{
	struct dpv_chunk *chunk = dpv_page_chunk(page);

	return chunk->backing[page_to_pfn(page) - chunk->first_pfn];
}

/* The kernel drops its last reference, under page table locks. */
static void dpv_put_page(struct page *page)
{
	struct dpv_chunk *chunk = dpv_page_chunk(page);
	unsigned long i = page_to_pfn(page) - chunk->first_pfn;
	struct page *backing;

	spin_lock(&chunk->dev->lock);
	backing = chunk->backing[i];
	chunk->backing[i] = NULL;
	__clear_bit(i, chunk->used);
	chunk->dev->nr_used--;
	spin_unlock(&chunk->dev->lock);
	if (backing)
		__free_page(backing);
}

#if HAVE_PAGEMAP_FOLIO_FREE
static void dpv_folio_free(struct folio *folio)
{
	dpv_put_page(folio_page(folio, 0));
}
#endif

static vm_fault_t dpv_migrate_to_ram(struct vm_fault *vmf);

static const struct dev_pagemap_ops dpv_pagemap_ops = {
#if HAVE_PAGEMAP_FOLIO_FREE
	.folio_free = dpv_folio_free,
#else
	.page_free = dpv_put_page,
#endif
	.migrate_to_ram = dpv_migrate_to_ram,
};

static void dpv_init_page(struct dpv_chunk *chunk, struct page *page)
{
#if HAVE_ZONE_DEVICE_PAGE_INIT_PGMAP
	zone_device_page_init(page, &chunk->pagemap, 0);
#elif HAVE_ZONE_DEVICE_PAGE_INIT_ORDER
	zone_device_page_init(page, 0);
#else
	zone_device_page_init(page);
#endif
}

static unsigned long dpv_limit(void)
{
	return min(max_mb, ULONG_MAX >> 20) << (20 - PAGE_SHIFT);
}

static void dpv_free_chunk(struct dpv_chunk *chunk)
{
	kvfree(chunk->backing);
	bitmap_free(chunk->used);
	if (!IS_ERR_OR_NULL(chunk->res))
		release_mem_region(chunk->res->start, resource_size(chunk->res));
	kfree(chunk);
}

static struct dpv_chunk *dpv_alloc_chunk(struct dpv_device *dev, unsigned long nr_pages)
{
	struct dpv_chunk *chunk = kzalloc_obj(*chunk, GFP_KERNEL);

	if (!chunk)
		return NULL;
	chunk->dev = dev;
	chunk->nr_pages = nr_pages;
	chunk->used = bitmap_zalloc(nr_pages, GFP_KERNEL);
	chunk->backing = kvcalloc(nr_pages, sizeof(*chunk->backing), GFP_KERNEL);
	chunk->res = request_free_mem_region(&iomem_resource, DPV_CHUNK_SIZE, KBUILD_MODNAME);
	if (!chunk->used || !chunk->backing || IS_ERR(chunk->res)) {
		dpv_free_chunk(chunk);
		return NULL;
	}
	chunk->first_pfn = PHYS_PFN(chunk->res->start);
	chunk->pagemap.type = MEMORY_DEVICE_PRIVATE;
	chunk->pagemap.range.start = chunk->res->start;
	chunk->pagemap.range.end = chunk->res->end;
	chunk->pagemap.nr_range = 1;
	chunk->pagemap.ops = &dpv_pagemap_ops;
	chunk->pagemap.owner = dev;
	return chunk;
}

static int dpv_add_chunk(struct dpv_device *dev)
{
	unsigned long nr_pages = min_t(unsigned long, DPV_CHUNK_SIZE >> PAGE_SHIFT,
				       dpv_limit() - dev->nr_pages);
	struct dpv_chunk *chunk;
	void *ptr;

	if (!nr_pages)
		return -ENOSPC;
	chunk = dpv_alloc_chunk(dev, nr_pages);
	if (!chunk)
		return -ENOMEM;
	ptr = memremap_pages(&chunk->pagemap, numa_node_id());
	if (IS_ERR(ptr)) {
		dpv_free_chunk(chunk);
		return PTR_ERR(ptr);
	}
	spin_lock(&dev->lock);
	list_add_tail(&chunk->node, &dev->chunks);
	dev->nr_pages += nr_pages;
	spin_unlock(&dev->lock);
	return 0;
}

/*
 * Sees to it that there are pages to hand out. Called before any lock of the memory manager is
 * held: adding memory takes locks that must not nest inside these. Other callers may be faster, so
 * this promises nothing; a device that is full is no error either.
 */
static void dpv_reserve(struct dpv_device *dev, unsigned long nr)
{
	unsigned long free;

	mutex_lock(&dev->grow_lock);
	do {
		spin_lock(&dev->lock);
		free = dev->nr_pages - dev->nr_used;
		spin_unlock(&dev->lock);
	} while (free < nr && !dpv_add_chunk(dev));
	mutex_unlock(&dev->grow_lock);
}

/* Marks a free page as used, and says which chunk it is of; NULL if the device is full. */
static struct page *dpv_take_page(struct dpv_device *dev, struct page *backing,
				  struct dpv_chunk **owner)
{
	struct page *page = NULL;
	struct dpv_chunk *chunk;
	unsigned long i;

	spin_lock(&dev->lock);
	list_for_each_entry(chunk, &dev->chunks, node) {
		i = find_next_zero_bit(chunk->used, chunk->nr_pages, chunk->hint);
		if (i == chunk->nr_pages)
			i = find_first_zero_bit(chunk->used, chunk->nr_pages);
		if (i == chunk->nr_pages)
			continue;
		__set_bit(i, chunk->used);
		chunk->hint = i + 1;
		chunk->backing[i] = backing;
		dev->nr_used++;
		page = pfn_to_page(chunk->first_pfn + i);
		*owner = chunk;
		break;
	}
	spin_unlock(&dev->lock);
	return page;
}

/* A locked device page with one reference and undefined content, or NULL. */
static struct page *dpv_get_page(struct dpv_device *dev)
{
	struct page *backing = alloc_page(GFP_HIGHUSER | __GFP_NOWARN);
	struct dpv_chunk *chunk;
	struct page *page;

	if (!backing)
		return NULL;
	page = dpv_take_page(dev, backing, &chunk);
	if (!page) {
		__free_page(backing);
		return NULL;
	}
	dpv_init_page(chunk, page);
	return page;
}

/* Keeps one device page for P2PCERT_FAULT_LEAK. */
static int dpv_leak_page(struct dpv_device *dev)
{
	struct dpv_leak *leak = kmalloc(sizeof(*leak), GFP_KERNEL);

	if (!leak)
		return -ENOMEM;
	dpv_reserve(dev, 1);
	leak->page = dpv_get_page(dev);
	if (!leak->page) {
		kfree(leak);
		return -ENOMEM;
	}
	unlock_page(leak->page);
	spin_lock(&dev->lock);
	list_add(&leak->node, &dev->leaks);
	spin_unlock(&dev->lock);
	return 0;
}

static void dpv_drop_leaks(struct dpv_device *dev)
{
	struct dpv_leak *leak, *next;

	list_for_each_entry_safe(leak, next, &dev->leaks, node) {
		list_del(&leak->node);
		put_page(leak->page);
		kfree(leak);
	}
}

/* --- migration ------------------------------------------------------------------------------ */

/* How data is copied: honestly, or with the faults that a file asked for. */
struct dpv_copy {
	u32 faults;
	u64 end; /* of the whole range, for the fault that strikes its tail */
};

/* What one ioctl migrates, and the arrays that the kernel wants for it. */
struct dpv_migration {
	struct dpv_device *dev;
	struct dpv_copy copy;
	struct migrate_vma args;
	unsigned long src[DPV_BATCH];
	unsigned long dst[DPV_BATCH];
};

/* Bytes of the page at addr to copy: all, but for faults. */
static u64 dpv_copy_length(const struct dpv_copy *copy, u64 addr)
{
	if (addr + PAGE_SIZE < copy->end && !(copy->faults & P2PCERT_FAULT_SKIP_COPY))
		return PAGE_SIZE;
	return p2pcert_fault_length(copy->faults, PAGE_SIZE);
}

/*
 * Copies one page of a range, or less under a fault. src is NULL for memory that was never touched.
 * What is not copied is zero: a fault must not show a process another one's data.
 */
static void dpv_copy_page(const struct dpv_copy *copy, unsigned long addr, struct page *dst,
			  struct page *src)
{
	u64 length = dpv_copy_length(copy, addr);

	if (length < PAGE_SIZE || !src)
		clear_highpage(dst);
	if (length == PAGE_SIZE && src)
		copy_highpage(dst, src);
	else if (length && src)
		memcpy_page(dst, 0, src, 0, length);

	if (copy->faults & P2PCERT_FAULT_CORRUPT_COPY) {
		u8 *va = kmap_local_page(dst);

		va[0] ^= 1;
		kunmap_local(va);
	}
}

static void dpv_fill_to_device(struct dpv_migration *m)
{
	unsigned long i;

	for (i = 0; i < m->args.npages; i++) {
		unsigned long addr = m->args.start + (i << PAGE_SHIFT);
		struct page *page;

		m->dst[i] = 0;
		if (!(m->src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		page = dpv_get_page(m->dev);
		if (!page)
			continue;
		dpv_copy_page(&m->copy, addr, dpv_data_page(page),
			      migrate_pfn_to_page(m->src[i]));
		m->dst[i] = migrate_pfn(page_to_pfn(page));
		if (m->src[i] & MIGRATE_PFN_WRITE)
			m->dst[i] |= MIGRATE_PFN_WRITE;
	}
}

/* One page of memory for what device page src holds; vma is NULL if it is not known. */
static unsigned long dpv_fill_one_to_ram(const struct dpv_copy *copy, unsigned long src,
					 struct vm_area_struct *vma, unsigned long addr)
{
	struct page *from = migrate_pfn_to_page(src);
	unsigned long dst;
	struct page *page;

	if (!(src & MIGRATE_PFN_MIGRATE) || !from)
		return 0;
	if (vma)
		page = alloc_page_vma(GFP_HIGHUSER_MOVABLE, vma, addr);
	else
		page = alloc_page(GFP_HIGHUSER_MOVABLE);
	if (!page)
		return 0;
	lock_page(page);
	dpv_copy_page(copy, addr, page, dpv_data_page(from));
	dst = migrate_pfn(page_to_pfn(page));
	if (src & MIGRATE_PFN_WRITE)
		dst |= MIGRATE_PFN_WRITE;
	return dst;
}

static unsigned long dpv_count_moved(const struct dpv_migration *m, unsigned long nr)
{
	unsigned long i, moved = 0;

	for (i = 0; i < nr; i++)
		moved += m->dst[i] && (m->src[i] & MIGRATE_PFN_MIGRATE);
	return moved;
}

/* Migrates [start, end) of one vma, at most DPV_BATCH pages; returns pages moved or an error. */
static long dpv_migrate_batch(struct dpv_migration *m, struct vm_area_struct *vma,
			      unsigned long start, unsigned long end, bool to_device)
{
	unsigned long i, moved;
	int err;

	m->args = (struct migrate_vma) {
		.vma = vma,
		.src = m->src,
		.dst = m->dst,
		.start = start,
		.end = end,
		.pgmap_owner = m->dev,
		.flags = to_device ? MIGRATE_VMA_SELECT_SYSTEM : MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
	};
	err = migrate_vma_setup(&m->args);
	if (err)
		return err;
	if (to_device) {
		dpv_fill_to_device(m);
	} else {
		for (i = 0; i < m->args.npages; i++)
			m->dst[i] = dpv_fill_one_to_ram(&m->copy, m->src[i], vma,
							start + (i << PAGE_SHIFT));
	}
	migrate_vma_pages(&m->args);
	moved = dpv_count_moved(m, m->args.npages);
	migrate_vma_finalize(&m->args);
	atomic64_add(moved, to_device ? &m->dev->to_device : &m->dev->to_ram);
	return moved;
}

/*
 * Migrates the part of [addr, end) that lies in the vma at or after addr, one batch at most, and
 * moves addr behind it. Holes are passed over: their pages are missing in the count.
 */
static long dpv_migrate_next(struct dpv_migration *m, u64 *addr, u64 end, bool to_device)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long start, stop;
	long moved = 0;

	if (to_device)
		dpv_reserve(m->dev, min_t(u64, (end - *addr) >> PAGE_SHIFT, DPV_BATCH));
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, *addr);
	if (!vma || vma->vm_start >= end) {
		*addr = end;
	} else {
		start = max_t(u64, *addr, vma->vm_start);
		stop = min3((u64)vma->vm_end, end, (u64)start + DPV_BATCH * PAGE_SIZE);
		moved = dpv_migrate_batch(m, vma, start, stop, to_device);
		*addr = stop;
	}
	mmap_read_unlock(mm);
	return moved;
}

static int dpv_migrate_range(struct dpv_device *dev, struct p2pcert_devpriv_range *r, u32 faults,
			     bool to_device)
{
	struct dpv_migration *m;
	u64 addr = r->addr;
	u64 end = r->addr + r->length;
	long moved = 0;

	if (faults & P2PCERT_FAULT_NO_MIGRATE) {
		r->pages = r->length >> PAGE_SHIFT;
		return 0;
	}
	m = kvzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->dev = dev;
	m->copy.faults = faults;
	m->copy.end = end;
	while (addr < end && moved >= 0) {
		moved = dpv_migrate_next(m, &addr, end, to_device);
		if (moved > 0)
			r->pages += moved;
		if (fatal_signal_pending(current))
			moved = -EINTR;
		cond_resched();
	}
	kvfree(m);
	return min(moved, 0L);
}

/* The CPU touched a page that is in the device. */
static vm_fault_t dpv_migrate_to_ram(struct vm_fault *vmf)
{
	struct dpv_device *dev = dpv_page_chunk(vmf->page)->dev;
	unsigned long addr = vmf->address & PAGE_MASK;
	const struct dpv_copy honest = { .end = U64_MAX };
	unsigned long src = 0, dst = 0;
	struct migrate_vma args = {
		.vma = vmf->vma,
		.src = &src,
		.dst = &dst,
		.start = addr,
		.end = addr + PAGE_SIZE,
		.pgmap_owner = dev,
		.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
#if HAVE_MIGRATE_VMA_FAULT_PAGE
		.fault_page = vmf->page,
#endif
	};
	vm_fault_t ret = 0;

	atomic64_inc(&dev->faults);
	if (migrate_vma_setup(&args))
		return VM_FAULT_SIGBUS;
	dst = dpv_fill_one_to_ram(&honest, src, vmf->vma, addr);
	if ((src & MIGRATE_PFN_MIGRATE) && !dst)
		ret = VM_FAULT_OOM;
	migrate_vma_pages(&args);
	if (dst && (src & MIGRATE_PFN_MIGRATE))
		atomic64_inc(&dev->to_ram);
	migrate_vma_finalize(&args);
	return ret;
}

/* --- access as the device ------------------------------------------------------------------- */

/* Pages looked at under one sequence, and copied through one bounce buffer. */
#define DPV_ACCESS_BATCH 64

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
		if (!mmu_interval_read_retry(&a->notifier, range.notifier_seq))
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
	struct page *data = dpv_data_page(hmm_pfn_to_page(a->pfns[i]));
	u8 *bounce = a->bounce + (i << PAGE_SHIFT);
	u64 length = dpv_copy_length(&a->copy, addr);
	u8 *va;

	va = kmap_local_page(data);
	if (a->write)
		memcpy(va, bounce, length);
	else
		memcpy(bounce, va, length);
	if (length && (a->copy.faults & P2PCERT_FAULT_CORRUPT_COPY))
		*(a->write ? va : bounce) ^= 1;
	kunmap_local(va);
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
		next = min_t(u64, a->copy.end, addr + DPV_ACCESS_BATCH * PAGE_SIZE);
		err = dpv_access_batch(a, addr, next, buffer + (addr - r->addr), &r->pages);
		cond_resched();
	}
	return err;
}

static int dpv_access(struct dpv_device *dev, struct p2pcert_devpriv_access *r, u32 faults,
		      bool write)
{
	struct dpv_access *a;
	int err = -ENOMEM;

	a = kzalloc_obj(*a, GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	mutex_init(&a->lock);
	a->dev = dev;
	a->copy.faults = faults;
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

/* --- leaving -------------------------------------------------------------------------------- */

/* Brings back what it can of nr pages from pfn on, whoever uses them. */
static void dpv_evict_batch(struct dpv_migration *m, unsigned long pfn, unsigned long nr)
{
	unsigned long i, moved;

	migrate_device_range(m->src, pfn, nr);
	for (i = 0; i < nr; i++)
		m->dst[i] = dpv_fill_one_to_ram(&m->copy, m->src[i], NULL, 0);
	migrate_device_pages(m->src, m->dst, nr);
	moved = dpv_count_moved(m, nr);
	migrate_device_finalize(m->src, m->dst, nr);
	atomic64_add(moved, &m->dev->to_ram);
	atomic64_add(moved, &m->dev->evicted);
}

static void dpv_evict_chunk(struct dpv_migration *m, struct dpv_chunk *chunk)
{
	unsigned long i, nr;

	for (i = 0; i < chunk->nr_pages; i += nr) {
		nr = min_t(unsigned long, chunk->nr_pages - i, DPV_BATCH);
		/* Racy, and only a shortcut: what is missed now is seen in the next round. */
		if (find_next_bit(chunk->used, i + nr, i) < i + nr)
			dpv_evict_batch(m, chunk->first_pfn + i, nr);
		cond_resched();
	}
}

static unsigned long dpv_in_use(struct dpv_device *dev)
{
	unsigned long nr;

	spin_lock(&dev->lock);
	nr = dev->nr_used;
	spin_unlock(&dev->lock);
	return nr;
}

/*
 * No file is open any more, so no page can enter the device; pages that were being faulted or
 * unmapped at the first try are free or movable later. There is no giving up: the kernel would wait
 * for the same pages when their pagemap goes, without saying which.
 */
static void dpv_evict_all(struct dpv_device *dev)
{
	unsigned long next_message = jiffies + 10 * HZ;
	static struct dpv_migration m;
	struct dpv_chunk *chunk;

	m.dev = dev;
	m.copy.end = U64_MAX;
	for (;;) {
		list_for_each_entry(chunk, &dev->chunks, node)
			dpv_evict_chunk(&m, chunk);
		if (!dpv_in_use(dev))
			return;
		if (time_after(jiffies, next_message)) {
			pr_warn("still waiting for %lu pages to come back\n", dpv_in_use(dev));
			next_message = jiffies + 10 * HZ;
		}
		msleep(20);
	}
}

static void dpv_remove_chunks(struct dpv_device *dev)
{
	struct dpv_chunk *chunk, *next;

	list_for_each_entry_safe(chunk, next, &dev->chunks, node) {
		memunmap_pages(&chunk->pagemap);
		dpv_free_chunk(chunk);
	}
	INIT_LIST_HEAD(&dev->chunks);
}

/* --- the device ----------------------------------------------------------------------------- */

static int dpv_check_range(u64 addr, u64 length)
{
	if (!length || !PAGE_ALIGNED(addr) || !PAGE_ALIGNED(length) || addr + length < addr)
		return -EINVAL;
	if (addr != (unsigned long)addr || !access_ok(u64_to_user_ptr(addr), length))
		return -EINVAL;
	return 0;
}

static long dpv_ioctl_range(struct dpv_file *f, void __user *arg, u32 faults, bool to_device)
{
	struct p2pcert_devpriv_range r;
	long ret;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.reserved)
		return -EINVAL;
	ret = dpv_check_range(r.addr, r.length);
	if (!ret)
		ret = p2pcert_fault_enter(faults);
	if (ret)
		return ret;
	if (faults & P2PCERT_FAULT_LEAK) {
		ret = dpv_leak_page(f->dev);
		if (ret)
			return ret;
	}
	r.pages = 0;
	r.result = dpv_migrate_range(f->dev, &r, faults, to_device);
	if (r.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long dpv_ioctl_access(struct dpv_file *f, void __user *arg, u32 faults, bool write)
{
	struct p2pcert_devpriv_access r;
	long ret;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.reserved || r.buffer != (unsigned long)r.buffer)
		return -EINVAL;
	ret = dpv_check_range(r.addr, r.length);
	if (!ret)
		ret = p2pcert_fault_enter(faults);
	if (ret)
		return ret;
	r.pages = 0;
	r.result = dpv_access(f->dev, &r, faults, write);
	if (r.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long dpv_ioctl_counters(struct dpv_device *dev, void __user *arg)
{
	struct p2pcert_devpriv_counters c = {
		.pages_to_device = atomic64_read(&dev->to_device),
		.pages_to_ram = atomic64_read(&dev->to_ram),
		.cpu_faults = atomic64_read(&dev->faults),
		.pages_evicted = atomic64_read(&dev->evicted),
	};

	spin_lock(&dev->lock);
	c.pages_in_use = dev->nr_used;
	c.pages_total = dev->nr_pages;
	spin_unlock(&dev->lock);
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

static int dpv_open(struct inode *inode, struct file *file)
{
	struct dpv_file *f;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	f = kzalloc_obj(*f, GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->dev = &dpv_device;
	file->private_data = f;
	return nonseekable_open(inode, file);
}

static int dpv_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static long dpv_ioctl(struct file *file, unsigned int cmd, unsigned long value)
{
	struct dpv_file *f = file->private_data;
	void __user *arg = (void __user *)value;
	u32 faults = READ_ONCE(f->faults);

	switch (cmd) {
	case P2PCERT_IOC_VERSION:
		return p2pcert_ioctl_version(arg);
	case P2PCERT_IOC_SET_FAULTS:
		return p2pcert_ioctl_set_faults(arg, DPV_FAULTS, &f->faults);
	case P2PCERT_IOC_DEVPRIV_TO_DEVICE:
		return dpv_ioctl_range(f, arg, faults, true);
	case P2PCERT_IOC_DEVPRIV_TO_RAM:
		return dpv_ioctl_range(f, arg, faults, false);
	case P2PCERT_IOC_DEVPRIV_READ:
		return dpv_ioctl_access(f, arg, faults, false);
	case P2PCERT_IOC_DEVPRIV_WRITE:
		return dpv_ioctl_access(f, arg, faults, true);
	case P2PCERT_IOC_DEVPRIV_COUNTERS:
		return dpv_ioctl_counters(f->dev, arg);
	}
	return -ENOTTY;
}

static const struct file_operations dpv_fops = {
	.owner = THIS_MODULE,
	.open = dpv_open,
	.release = dpv_release,
	.unlocked_ioctl = dpv_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice dpv_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = P2PCERT_DEV_DEVPRIV,
	.fops = &dpv_fops,
	.mode = 0600,
};

static int __init dpv_init(void)
{
	spin_lock_init(&dpv_device.lock);
	mutex_init(&dpv_device.grow_lock);
	INIT_LIST_HEAD(&dpv_device.chunks);
	INIT_LIST_HEAD(&dpv_device.leaks);
	return misc_register(&dpv_misc);
}

static void __exit dpv_exit(void)
{
	misc_deregister(&dpv_misc);
	dpv_drop_leaks(&dpv_device);
	dpv_evict_all(&dpv_device);
	dpv_remove_chunks(&dpv_device);
}
module_exit(dpv_exit);

#else /* DPV_SUPPORTED */

static int __init dpv_init(void)
{
	pr_info("not loaded: this kernel was built without CONFIG_DEVICE_PRIVATE or its exports\n");
	return -EOPNOTSUPP;
}

#endif /* DPV_SUPPORTED */

module_init(dpv_init);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: device-private memory backed by memory");
MODULE_LICENSE("GPL");
MODULE_VERSION(P2PCERT_VERSION);
