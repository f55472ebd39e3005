// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's side of peer-to-peer DMA to device-private pages: which page of the BAR a device page
 * is, and who may have it. Whether a peer can reach it is decided as it is mapped, and not here.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/hmm.h>
#include <linux/slab.h>

#include "p2pcert_dma.h"

struct dpv_policy {
	struct list_head node;
	struct p2pcert_bdf function;
	u32 policy;
	const void *owner; /* the file that it ends with */
};

static bool dpv_is_function(const struct p2pcert_bdf *a, const struct p2pcert_bdf *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->devfn == b->devfn;
}

static u32 dpv_policy(struct dpv_device *dev, struct device *peer)
{
	u32 policy = P2PCERT_POLICY_ALLOW;
	struct p2pcert_bdf function = {};
	struct dpv_policy *p;

	p2pcert_describe_function(peer, &function);
	spin_lock(&dev->lock);
	list_for_each_entry(p, &dev->policies, node) {
		if (!dpv_is_function(&p->function, &function) && !DPV_DEFECT(alias_same_for_all))
			continue;
		policy = p->policy;
		break;
	}
	spin_unlock(&dev->lock);
	return policy;
}

static bool dpv_allows(u32 policy, bool write)
{
	return policy == P2PCERT_POLICY_ALLOW || (policy == P2PCERT_POLICY_READ_ONLY && !write);
}

bool dpv_alias_is_allowed(struct dpv_device *dev, struct device *peer, bool write)
{
	return dpv_allows(dpv_policy(dev, peer), write);
}

int dpv_alias_set_policy(struct dpv_device *dev, const struct p2pcert_devpriv_policy *r,
			 const void *owner)
{
	struct dpv_policy *new = kzalloc_obj(*new, GFP_KERNEL);
	struct dpv_policy *p, *old = NULL;

	if (!new)
		return -ENOMEM;
	new->function = r->function;
	new->policy = r->policy;
	new->owner = owner;
	spin_lock(&dev->lock);
	list_for_each_entry(p, &dev->policies, node)
		if (dpv_is_function(&p->function, &r->function))
			old = p;
	if (old)
		list_del(&old->node);
	list_add(&new->node, &dev->policies);
	spin_unlock(&dev->lock);
	kfree(old);
	dpv_consumers_recall(dev);
	return 0;
}

void dpv_alias_drop_policies(struct dpv_device *dev, const void *owner)
{
	struct dpv_policy *p, *next;
	LIST_HEAD(dropped);

	spin_lock(&dev->lock);
	list_for_each_entry_safe(p, next, &dev->policies, node)
		if (!owner || p->owner == owner)
			list_move(&p->node, &dropped);
	spin_unlock(&dev->lock);
	list_for_each_entry_safe(p, next, &dropped, node)
		kfree(p);
}

/* Of a huge page each small one has its own, which follow each other as the pages do. */
static bool dpv_has_alias(struct dpv_device *dev, struct page *page)
{
	return dev->bar && dpv_bar_has_pages(dev->bar) && dpv_page_device(page) == dev;
}

int dpv_alias(struct dpv_device *dev, struct device *peer, struct p2pcert_fault_plan *plan,
	      struct page *page, bool write, unsigned long *hmm_pfn)
{
	u32 policy = dpv_policy(dev, peer);
	u64 nr;

	if (!dpv_has_alias(dev, page))
		return -EOPNOTSUPP;
	if (p2pcert_strikes(plan, P2PCERT_FAULT_POLICY_IGNORED))
		policy = P2PCERT_POLICY_ALLOW;
	if (DPV_DEFECT(alias_write_gained) && policy == P2PCERT_POLICY_READ_ONLY)
		policy = P2PCERT_POLICY_ALLOW;
	if (!dpv_allows(policy, write))
		return -EACCES;
	nr = dpv_page_number(page);
	if (DPV_DEFECT(alias_off))
		nr = (nr + 1) % dpv_bar_pages(dev->bar);
	*hmm_pfn = page_to_pfn(dpv_bar_page(dev->bar, nr)) | HMM_PFN_VALID |
		   (policy == P2PCERT_POLICY_ALLOW ? HMM_PFN_WRITE : 0);
	if (DPV_DEFECT(alias_masked))
		*hmm_pfn &= HMM_PFN_WRITE;
	return 0;
}

/*
 * The kernel's own question, as it was posted: it does not say who asks, so all are told what the
 * function is told that may do least.
 */
#if HAVE_PAGEMAP_P2P_PFN || HAVE_PAGEMAP_P2P_PAGE

static bool dpv_all_may(struct dpv_device *dev)
{
	struct dpv_policy *p;
	bool all = true;

	spin_lock(&dev->lock);
	list_for_each_entry(p, &dev->policies, node)
		all &= p->policy == P2PCERT_POLICY_ALLOW;
	spin_unlock(&dev->lock);
	return all;
}

struct page *dpv_alias_page(struct page *page)
{
	struct dpv_device *dev = dpv_page_device(page);

	if (!dpv_has_alias(dev, page) || !dpv_all_may(dev))
		return NULL;
	return dpv_bar_page(dev->bar, dpv_page_number(page));
}

int dpv_alias_pfn(struct page *page, unsigned long *pfn)
{
	struct page *alias = dpv_alias_page(page);

	if (!alias)
		return -EOPNOTSUPP;
	*pfn = page_to_pfn(alias);
	return 0;
}

#endif

#endif /* DPV_SUPPORTED */
