// SPDX-License-Identifier: GPL-2.0-only
/* Memory of the caller: pinned, mapped for a device, and how it came to be mapped. */
#include "p2p/p2p.h"

#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "p2pcert_dma.h"

#define P2P_MAX_LENGTH ((u64)SZ_1G)

struct p2pcert_holdings p2p_held;

int p2p_check_range(u64 addr, u64 length)
{
	if (!length || length > P2P_MAX_LENGTH || addr + length < addr)
		return -EINVAL;
	if (addr != (unsigned long)addr || !access_ok(u64_to_user_ptr(addr), length))
		return -EINVAL;
	return 0;
}

/* --- pinning --------------------------------------------------------------------------------- */

static void p2p_unpin_page(struct page *page, bool written, bool got)
{
	if (got)
		put_page(page);
	else /* Dirty is a notion of memory that can be written back; a BAR cannot. */
		unpin_user_pages_dirty_lock(&page, 1, written && !is_pci_p2pdma_page(page));
	atomic64_dec(&p2p_held.pages);
}

void p2p_unpin(struct p2p_range *r)
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

int p2p_pin_pages(struct p2p_range *r, u64 addr, u64 length, u32 flags)
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
		atomic64_add(n, &p2p_held.pages);
		at += (unsigned long)n << PAGE_SHIFT;
		cond_resched();
	}
	return 0;
}

int p2p_pin(struct p2p_range *r, struct device *dev, u64 addr, u64 length, bool write)
{
	u32 flags = P2PCERT_PIN_FAST | (write ? P2PCERT_PIN_WRITE : 0);

	/* Asking for P2PDMA pages is only right for a device whose mapping can take them. */
	if (dma_pci_p2pdma_supported(dev))
		flags |= P2PCERT_PIN_P2P;
	r->dev = dev;
	return p2p_pin_pages(r, addr, length, flags);
}

/* --- mapping --------------------------------------------------------------------------------- */

int p2p_map(struct p2p_range *r)
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
		atomic64_inc(&p2p_held.mappings);
	return err;
}

void p2p_unmap(struct p2p_range *r)
{
	if (r->mapped) {
		dma_unmap_sgtable(r->dev, &r->sgt, r->write ? DMA_FROM_DEVICE : DMA_TO_DEVICE, 0);
		atomic64_dec(&p2p_held.mappings);
	}
	r->mapped = false;
	sg_free_table(&r->sgt);
}

void p2p_release_range(struct p2p_range *r)
{
	p2p_unmap(r);
	p2p_unpin(r);
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

u32 p2p_describe(const struct p2p_range *r, struct p2pcert_seg *segs, u32 max)
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

/* --- functions, and what is kept ------------------------------------------------------------- */

struct pci_dev *p2p_get_function(const struct p2pcert_bdf *bdf)
{
	struct pci_dev *pdev;

	if (bdf->domain > INT_MAX)
		return NULL;
	pdev = pci_get_domain_bus_and_slot(bdf->domain, bdf->bus, bdf->devfn);
	if (pdev)
		atomic64_inc(&p2p_held.functions);
	return pdev;
}

void p2p_put_function(struct pci_dev *pdev)
{
	if (pdev)
		atomic64_dec(&p2p_held.functions);
	pci_dev_put(pdev);
}

/* A page or function kept for P2PCERT_FAULT_LEAK, until the module goes. */
struct p2p_leak {
	struct list_head node;
	struct page *page;
	bool got;
	struct pci_dev *pdev;
};

static LIST_HEAD(p2p_leaks);
static DEFINE_MUTEX(p2p_leaks_lock);

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

int p2p_leak_function(struct pci_dev *pdev)
{
	return p2p_leak(NULL, false, pdev);
}

/* Takes one page out of a range, so that releasing the range leaves it pinned. */
int p2p_leak_page(struct p2p_range *r)
{
	int err = p2p_leak(r->pages[0], r->got, NULL);

	if (!err)
		r->pages[0] = NULL;
	return err;
}

void p2p_drop_leaks(void)
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
