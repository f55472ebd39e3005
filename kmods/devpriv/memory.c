// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices, their pages and the data behind these. A device's memory is ordinary memory that no
 * process can reach, a page behind each device page in use, or a PCI function's BAR, where device
 * page and BAR page belong together for good, as in a GPU.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/slab.h>

static unsigned long max_mb = 1024;
module_param(max_mb, ulong, 0444);
MODULE_PARM_DESC(max_mb, "most memory of one device, in MiB (default 1024)");

/* A multiple of the sparse memory section, which is what the kernel hands out anyway. */
#define DPV_CHUNK_SIZE SZ_128M

struct dpv_leak {
	struct list_head node;
	struct page *page;
};

static DEFINE_MUTEX(dpv_devices_lock);
static LIST_HEAD(dpv_devices);

/* --- pages and their data ------------------------------------------------------------------- */

static struct dpv_chunk *dpv_page_chunk(const struct page *page)
{
#if HAVE_PAGE_PGMAP
	return container_of(page_pgmap(page), struct dpv_chunk, pagemap);
#else
	return container_of(page->pgmap, struct dpv_chunk, pagemap);
#endif
}

struct dpv_device *dpv_page_device(const struct page *page)
{
	return dpv_page_chunk(page)->dev;
}

void *dpv_owner(struct dpv_device *dev)
{
	return DPV_DEFECT(wrong_owner) ? (void *)&dpv_devices : dev;
}

static unsigned long dpv_page_index(const struct dpv_chunk *chunk, struct page *page)
{
	return page_to_pfn(page) - chunk->first_pfn;
}

u64 dpv_page_number(struct page *page)
{
	const struct dpv_chunk *chunk = dpv_page_chunk(page);

	return chunk->first_number + dpv_page_index(chunk, page);
}

static void __iomem *dpv_page_bar(const struct dpv_chunk *chunk, struct page *page)
{
	return dpv_bar_at(chunk->dev->bar, dpv_page_number(page) << PAGE_SHIFT);
}

void dpv_data_read(struct page *page, void *to, size_t length)
{
	struct dpv_chunk *chunk = dpv_page_chunk(page);

	if (chunk->backing)
		memcpy_from_page(to, chunk->backing[dpv_page_index(chunk, page)], 0, length);
	else
		memcpy_fromio(to, dpv_page_bar(chunk, page), length);
}

void dpv_data_write(struct page *page, const void *from, size_t length)
{
	struct dpv_chunk *chunk = dpv_page_chunk(page);

	if (DPV_DEFECT(write_spills) && chunk->backing &&
	    chunk->backing[dpv_page_index(chunk, page) ^ 1])
		memcpy_to_page(chunk->backing[dpv_page_index(chunk, page) ^ 1], 0, from, length);
	if (chunk->backing)
		memcpy_to_page(chunk->backing[dpv_page_index(chunk, page)], 0, from, length);
	else
		memcpy_toio(dpv_page_bar(chunk, page), from, length);
}

void dpv_data_clear(struct page *page)
{
	struct dpv_chunk *chunk = dpv_page_chunk(page);

	if (chunk->backing)
		clear_highpage(chunk->backing[dpv_page_index(chunk, page)]);
	else
		memset_io(dpv_page_bar(chunk, page), 0, PAGE_SIZE);
}

struct page *dpv_data_page(struct page *page)
{
	struct dpv_chunk *chunk = dpv_page_chunk(page);

	return chunk->backing ? chunk->backing[dpv_page_index(chunk, page)] :
				dpv_bar_page(chunk->dev->bar, dpv_page_number(page));
}

static void dpv_free_backing(struct page **backing, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (backing[i])
			__free_page(backing[i]);
		if (backing[i] && DPV_DEFECT(freed_twice))
			__free_page(backing[i]);
		backing[i] = NULL;
	}
}

/* Are the pages used, all of them? */
static bool dpv_are_used(struct dpv_chunk *chunk, unsigned long i, unsigned long nr)
{
	unsigned long hole;

	spin_lock(&chunk->dev->lock);
	hole = find_next_zero_bit(chunk->used, i + nr, i);
	spin_unlock(&chunk->dev->lock);
	return hole >= i + nr;
}

/*
 * The kernel drops its last reference, under page table locks. What is behind the pages is freed
 * while they are still marked as used: from then on they are somebody else's.
 *
 * It may do so twice: Linux 7.2 and 7.3 hold nothing of a page that is being faulted back while
 * they unlock what they have split from its huge page (migrate_vma_split_folio()). If nobody has
 * got the page meanwhile, that is seen here, and mended: the kernel will give back a hold of the
 * pagemap that it does not have.
 */
static void dpv_put_pages(struct page *page, unsigned long nr)
{
	struct dpv_chunk *chunk = dpv_page_chunk(page);
	unsigned long i = dpv_page_index(chunk, page);

	if (!dpv_are_used(chunk, i, nr)) {
		atomic64_add(nr, &chunk->dev->count.freed_twice);
		percpu_ref_get_many(&chunk->pagemap.ref, nr);
		return;
	}
	if (chunk->backing)
		dpv_free_backing(chunk->backing + i, nr);
	spin_lock(&chunk->dev->lock);
	bitmap_clear(chunk->used, i, nr);
	chunk->dev->nr_used -= nr;
	spin_unlock(&chunk->dev->lock);
}

#if HAVE_PAGEMAP_FOLIO_FREE
static void dpv_folio_free(struct folio *folio)
{
	dpv_put_pages(folio_page(folio, 0), folio_nr_pages(folio));
}
#else
static void dpv_page_free(struct page *page)
{
	dpv_put_pages(page, 1);
}
#endif

#if DPV_HUGE
/*
 * Called for every folio that is cut off a huge one, and once more without any when that is over.
 * The data needs nothing: it belongs to pages, not to folios.
 */
static void dpv_folio_split(struct folio *from, struct folio *cut)
{
	if (!cut) {
		atomic64_inc(&dpv_page_device(folio_page(from, 0))->count.splits);
		return;
	}
	cut->pgmap = DPV_DEFECT(split_without_pagemap) ? NULL : from->pgmap;
	cut->mapping = from->mapping;
}
#endif

static const struct dev_pagemap_ops dpv_pagemap_ops = {
#if HAVE_PAGEMAP_FOLIO_FREE
	.folio_free = dpv_folio_free,
#else
	.page_free = dpv_page_free,
#endif
#if DPV_HUGE
	.folio_split = dpv_folio_split,
#endif
	.migrate_to_ram = dpv_migrate_to_ram,
#if HAVE_PAGEMAP_P2P_PFN
	.get_dma_pfn_for_device = dpv_alias_pfn,
#elif HAVE_PAGEMAP_P2P_PAGE
	.get_dma_page_for_device = dpv_alias_page,
#endif
};

/*
 * A page may still look like the tail of a huge one that it was part of, until it is initialised:
 * nothing may ask for its folio before.
 */
static void dpv_init_pages(struct dpv_chunk *chunk, struct page *page, unsigned int order)
{
#if HAVE_ZONE_DEVICE_PAGE_INIT_PGMAP
	zone_device_page_init(page, &chunk->pagemap, order);
#elif HAVE_ZONE_DEVICE_PAGE_INIT_ORDER
	zone_device_page_init(page, order);
#else
	zone_device_page_init(page);
#endif
#if DPV_HUGE
	if (order)
		folio_set_large_rmappable(page_folio(page));
#endif
}

/* --- chunks --------------------------------------------------------------------------------- */

unsigned long dpv_limit(const struct dpv_device *dev)
{
	unsigned long nr = min(max_mb, ULONG_MAX >> 20) << (20 - PAGE_SHIFT);

	return dev->bar ? min(nr, dpv_bar_pages(dev->bar)) : nr;
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
	chunk->first_number = dev->nr_pages;
	if (!dev->bar)
		chunk->backing = kvcalloc(nr_pages, sizeof(*chunk->backing), GFP_KERNEL);
	chunk->res = request_free_mem_region(&iomem_resource, DPV_CHUNK_SIZE, KBUILD_MODNAME);
	if (!chunk->used || (!dev->bar && !chunk->backing) || IS_ERR(chunk->res)) {
		dpv_free_chunk(chunk);
		return NULL;
	}
	chunk->first_pfn = PHYS_PFN(chunk->res->start);
	chunk->pagemap.type = MEMORY_DEVICE_PRIVATE;
	chunk->pagemap.range.start = chunk->res->start;
	chunk->pagemap.range.end = chunk->res->end;
	chunk->pagemap.nr_range = 1;
	chunk->pagemap.ops = &dpv_pagemap_ops;
	chunk->pagemap.owner = dpv_owner(dev);
	return chunk;
}

static int dpv_add_chunk(struct dpv_device *dev)
{
	unsigned long nr_pages = min_t(unsigned long, DPV_CHUNK_SIZE >> PAGE_SHIFT,
				       dpv_limit(dev) - dev->nr_pages);
	struct dpv_chunk *chunk;
	void *ptr;

	if (!nr_pages)
		return -ENOSPC;
	chunk = dpv_alloc_chunk(dev, nr_pages);
	if (!chunk)
		return -ENOMEM;
	ptr = memremap_pages(&chunk->pagemap, dev->bar ? dpv_bar_node(dev->bar) : numa_node_id());
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

void dpv_reserve(struct dpv_device *dev, unsigned long nr)
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

static void dpv_remove_chunks(struct dpv_device *dev)
{
	struct dpv_chunk *chunk, *next;

	list_for_each_entry_safe(chunk, next, &dev->chunks, node) {
		memunmap_pages(&chunk->pagemap);
		dpv_free_chunk(chunk);
	}
	INIT_LIST_HEAD(&dev->chunks);
}

/* --- handing out pages ---------------------------------------------------------------------- */

/* The first of nr free pages in a row, as aligned as they are many; nr_pages if there are none. */
static unsigned long dpv_find_free(const struct dpv_chunk *chunk, unsigned long nr)
{
	unsigned long i = bitmap_find_next_zero_area(chunk->used, chunk->nr_pages, chunk->hint, nr,
						     nr - 1);

	if (i >= chunk->nr_pages)
		i = bitmap_find_next_zero_area(chunk->used, chunk->nr_pages, 0, nr, nr - 1);
	return min(i, chunk->nr_pages);
}

/* Marks nr free pages as used, and says which chunk they are of; NULL if the device has none. */
static struct page *dpv_take_pages(struct dpv_device *dev, unsigned long nr,
				   struct dpv_chunk **owner)
{
	struct page *page = NULL;
	struct dpv_chunk *chunk;
	unsigned long i;

	spin_lock(&dev->lock);
	list_for_each_entry(chunk, &dev->chunks, node) {
		i = dpv_find_free(chunk, nr);
		if (i == chunk->nr_pages)
			continue;
		bitmap_set(chunk->used, i, nr);
		chunk->hint = i + nr;
		dev->nr_used += nr;
		page = pfn_to_page(chunk->first_pfn + i);
		*owner = chunk;
		break;
	}
	spin_unlock(&dev->lock);
	return page;
}

static bool dpv_alloc_backing(struct page **backing, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		backing[i] = alloc_page(GFP_HIGHUSER | __GFP_NOWARN);
		if (!backing[i]) {
			dpv_free_backing(backing, i);
			return false;
		}
	}
	return true;
}

/* dev->fresh is held for reading. */
static struct page *dpv_make_pages(struct dpv_device *dev, unsigned int order)
{
	unsigned long nr = 1ul << order;
	struct dpv_chunk *chunk;
	struct page *page = dpv_take_pages(dev, nr, &chunk);

	if (!page)
		return NULL;
	if (chunk->backing &&
	    !dpv_alloc_backing(chunk->backing + dpv_page_index(chunk, page), nr)) {
		spin_lock(&dev->lock);
		bitmap_clear(chunk->used, dpv_page_index(chunk, page), nr);
		dev->nr_used -= nr;
		spin_unlock(&dev->lock);
		return NULL;
	}
	dpv_init_pages(chunk, page, order);
	return page;
}

struct page *dpv_get_pages(struct dpv_device *dev, unsigned int order)
{
	struct page *page;

	down_read(&dev->fresh);
	page = dpv_make_pages(dev, order);
	up_read(&dev->fresh);
	return page;
}

bool dpv_keep_page(struct dpv_device *dev, struct page *page)
{
	struct dpv_leak *leak = kmalloc(sizeof(*leak), GFP_NOWAIT);

	if (!leak)
		return false;
	leak->page = page;
	spin_lock(&dev->lock);
	list_add(&leak->node, &dev->leaks);
	spin_unlock(&dev->lock);
	return true;
}

int dpv_leak_page(struct dpv_device *dev)
{
	struct page *page;

	dpv_reserve(dev, 1);
	page = dpv_get_pages(dev, 0);
	if (!page)
		return -ENOMEM;
	unlock_page(page);
	if (dpv_keep_page(dev, page))
		return 0;
	put_page(page);
	return -ENOMEM;
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

unsigned long dpv_in_use(struct dpv_device *dev)
{
	unsigned long nr;

	spin_lock(&dev->lock);
	nr = dev->nr_used;
	spin_unlock(&dev->lock);
	return nr;
}

/* --- faults that belong to the device ------------------------------------------------------- */

bool dpv_device_strikes(struct dpv_device *dev, u32 fault)
{
	bool strikes;

	spin_lock(&dev->lock);
	strikes = dev->plan && p2pcert_strikes(dev->plan, fault);
	spin_unlock(&dev->lock);
	return strikes;
}

void dpv_device_plan(struct dpv_device *dev, struct p2pcert_fault_plan *plan)
{
	spin_lock(&dev->lock);
	dev->plan = plan;
	spin_unlock(&dev->lock);
}

void dpv_device_unplan(struct dpv_device *dev, struct p2pcert_fault_plan *plan)
{
	spin_lock(&dev->lock);
	if (dev->plan == plan)
		dev->plan = NULL;
	spin_unlock(&dev->lock);
}

/* --- devices -------------------------------------------------------------------------------- */

int dpv_enter(struct dpv_device *dev)
{
	down_read(&dev->gate);
	if (!dev->gone)
		return 0;
	up_read(&dev->gate);
	return -ENODEV;
}

void dpv_leave(struct dpv_device *dev)
{
	up_read(&dev->gate);
}

static void dpv_release_device(struct kref *ref)
{
	kfree(container_of(ref, struct dpv_device, ref));
}

void dpv_put_device(struct dpv_device *dev)
{
	kref_put(&dev->ref, dpv_release_device);
}

static struct dpv_device *dpv_new_device(struct dpv_bar *bar, unsigned int index)
{
	struct dpv_device *dev = kzalloc_obj(*dev, GFP_KERNEL);

	if (!dev)
		return ERR_PTR(-ENOMEM);
	kref_init(&dev->ref);
	init_rwsem(&dev->gate);
	init_rwsem(&dev->fresh);
	dev->index = index;
	dev->bar = bar;
	spin_lock_init(&dev->lock);
	INIT_LIST_HEAD(&dev->chunks);
	mutex_init(&dev->grow_lock);
	mutex_init(&dev->engine_lock);
	INIT_LIST_HEAD(&dev->leaks);
	INIT_LIST_HEAD(&dev->policies);
	mutex_init(&dev->consumers_lock);
	INIT_LIST_HEAD(&dev->consumers);
	return dev;
}

struct dpv_device *dpv_add_device(struct dpv_bar *bar, unsigned int index)
{
	struct dpv_device *dev = dpv_new_device(bar, index);

	if (IS_ERR(dev))
		return dev;
	mutex_lock(&dpv_devices_lock);
	list_add_tail(&dev->node, &dpv_devices);
	mutex_unlock(&dpv_devices_lock);
	return dev;
}

struct dpv_device *dpv_ram_device(unsigned int index)
{
	struct dpv_device *dev;

	mutex_lock(&dpv_devices_lock);
	list_for_each_entry(dev, &dpv_devices, node)
		if (!dev->bar && dev->index == index)
			goto found;
	dev = dpv_new_device(NULL, index);
	if (IS_ERR(dev))
		goto out;
	list_add_tail(&dev->node, &dpv_devices);
found:
	kref_get(&dev->ref);
out:
	mutex_unlock(&dpv_devices_lock);
	return dev;
}

struct dpv_device *dpv_bar_device(const struct p2pcert_bdf *bdf)
{
	struct dpv_device *dev, *found = ERR_PTR(-ENODEV);

	mutex_lock(&dpv_devices_lock);
	list_for_each_entry(dev, &dpv_devices, node) {
		if (!dev->bar || !dpv_bar_is(dev->bar, bdf))
			continue;
		kref_get(&dev->ref);
		found = dev;
		break;
	}
	mutex_unlock(&dpv_devices_lock);
	return found;
}

/*
 * Memory that a process has in the device comes back before the device goes, so that nothing is
 * lost; open files keep the structure, and find it gone.
 */
void dpv_remove_device(struct dpv_device *dev)
{
	mutex_lock(&dpv_devices_lock);
	list_del(&dev->node);
	mutex_unlock(&dpv_devices_lock);
	down_write(&dev->gate);
	dev->gone = true;
	up_write(&dev->gate);
	dpv_engine_drop(dev, NULL);
	dpv_alias_drop_policies(dev, NULL);
	dpv_drop_leaks(dev);
	dpv_evict_all(dev);
	dpv_remove_chunks(dev);
	dpv_put_device(dev);
}

void dpv_remove_devices(void)
{
	struct dpv_device *dev, *next;

	list_for_each_entry_safe(dev, next, &dpv_devices, node)
		dpv_remove_device(dev);
}

#endif /* DPV_SUPPORTED */
