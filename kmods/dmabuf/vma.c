// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a device file, mapped in the ways in which drivers map what is theirs: as bare page
 * frames at once or as they are touched, not at all for the CPU, or as pages. Who wants to register
 * it with another device meets what the kernel says to each.
 */
#include "dmabuf.h"

#if DMB_SUPPORTED

#include <linux/refcount.h>
#include <linux/slab.h>

/* Of one mmap(), and of what it is split and copied into. */
struct dmb_vma {
	refcount_t ref;
	const bool *allowed; /* the file's, which the mapping keeps open */
	unsigned long first; /* offset, in pages, of pages[0] */
	struct page *pages[P2PCERT_VMA_MAX_PAGES];
};

static void dmb_vma_put(struct dmb_vma *v)
{
	if (!refcount_dec_and_test(&v->ref))
		return;
	for (unsigned int i = 0; i < P2PCERT_VMA_MAX_PAGES && v->pages[i]; i++) {
		put_page(v->pages[i]);
		atomic64_dec(&dmb_held.pages);
	}
	kfree(v);
}

static void dmb_vma_open(struct vm_area_struct *vma)
{
	struct dmb_vma *v = vma->vm_private_data;

	refcount_inc(&v->ref);
}

static void dmb_vma_close(struct vm_area_struct *vma)
{
	dmb_vma_put(vma->vm_private_data);
}

static vm_fault_t dmb_vma_fault(struct vm_fault *vmf)
{
	struct dmb_vma *v = vmf->vma->vm_private_data;
	unsigned long nr = vmf->pgoff - v->first;

	if (v->first != P2PCERT_VMA_FAULT || !READ_ONCE(*v->allowed))
		return VM_FAULT_SIGBUS;
	if (nr >= P2PCERT_VMA_MAX_PAGES || !v->pages[nr])
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(v->pages[nr]));
}

static const struct vm_operations_struct dmb_vma_ops = {
	.open = dmb_vma_open,
	.close = dmb_vma_close,
	.fault = dmb_vma_fault,
};

static struct dmb_vma *dmb_vma_new(unsigned long first, unsigned long nr, const bool *allowed)
{
	struct dmb_vma *v = kzalloc_obj(*v, GFP_KERNEL);
	void *memory;

	if (!v)
		return NULL;
	refcount_set(&v->ref, 1);
	v->first = first;
	v->allowed = allowed;
	/* In one piece, so that page frames are mapped all together, or not at all. */
	memory = alloc_pages_exact(nr << PAGE_SHIFT, GFP_KERNEL | __GFP_ZERO);
	if (!memory) {
		kfree(v);
		return NULL;
	}
	for (unsigned long i = 0; i < nr; i++)
		v->pages[i] = virt_to_page(memory + (i << PAGE_SHIFT));
	atomic64_add(nr, &dmb_held.pages);
	return v;
}

/* What is mapped at once. */
static int dmb_vma_fill(struct vm_area_struct *vma, const struct dmb_vma *v, unsigned long nr)
{
	int err = 0;

	if (v->first == P2PCERT_VMA_PFN)
		return remap_pfn_range(vma, vma->vm_start, page_to_pfn(v->pages[0]),
				       nr << PAGE_SHIFT, vma->vm_page_prot);
	for (unsigned long i = 0; v->first == P2PCERT_VMA_PAGES && i < nr && !err; i++)
		err = vm_insert_page(vma, vma->vm_start + (i << PAGE_SHIFT), v->pages[i]);
	return err;
}

int dmb_mmap(struct vm_area_struct *vma, const bool *allowed)
{
	unsigned long nr = vma_pages(vma);
	struct dmb_vma *v;
	int err;

	if (vma->vm_pgoff % P2PCERT_VMA_MAX_PAGES || vma->vm_pgoff > P2PCERT_VMA_PAGES ||
	    nr > P2PCERT_VMA_MAX_PAGES || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	v = dmb_vma_new(vma->vm_pgoff, nr, allowed);
	if (!v)
		return -ENOMEM;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	if (v->first == P2PCERT_VMA_FAULT || v->first == P2PCERT_VMA_NO_CPU)
		vm_flags_set(vma, VM_IO | VM_PFNMAP);
	err = dmb_vma_fill(vma, v, nr);
	if (err) {
		dmb_vma_put(v);
		return err;
	}
	vma->vm_ops = &dmb_vma_ops;
	vma->vm_private_data = v;
	return 0;
}

void dmb_zap_faulted(struct address_space *mapping)
{
	unmap_mapping_range(mapping, (loff_t)P2PCERT_VMA_FAULT << PAGE_SHIFT,
			    (loff_t)P2PCERT_VMA_MAX_PAGES << PAGE_SHIFT, 1);
}

#endif /* DMB_SUPPORTED */
