// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI functions whose largest memory BAR is a device's memory. The driver knows no function by
 * itself: it binds what driver_override names it for, and nothing else.
 */
#include "devpriv.h"

#if DPV_SUPPORTED

#include <linux/io.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

#include "p2pcert_bar.h"

struct dpv_bar {
	struct pci_dev *pdev;
	void __iomem *base;
	u64 size;
	int nr; /* of the BAR */
	struct mutex lock; /* held while pages are added */
	bool has_pages;
	struct dpv_device *dev;
};

bool dpv_bar_is(const struct dpv_bar *bar, const struct p2pcert_bdf *bdf)
{
	return pci_domain_nr(bar->pdev->bus) == bdf->domain &&
	       bar->pdev->bus->number == bdf->bus && bar->pdev->devfn == bdf->devfn;
}

void __iomem *dpv_bar_at(const struct dpv_bar *bar, u64 offset)
{
	return bar->base + offset;
}

unsigned long dpv_bar_pages(const struct dpv_bar *bar)
{
	return bar->size >> PAGE_SHIFT;
}

int dpv_bar_node(const struct dpv_bar *bar)
{
	int node = dev_to_node(&bar->pdev->dev);

	return node == NUMA_NO_NODE ? numa_node_id() : node;
}

/* The kernel warns of pages that do not fill the least that it can add: tell instead. */
static int dpv_try_add_pages(struct dpv_bar *bar)
{
	if (!IS_ALIGNED(pci_resource_start(bar->pdev, bar->nr) | bar->size, SUBSECTION_SIZE))
		return -EOPNOTSUPP;
	return pci_p2pdma_add_resource(bar->pdev, bar->nr, 0, 0);
}

int dpv_bar_add_pages(struct dpv_bar *bar)
{
	int err = 0;

	mutex_lock(&bar->lock);
	if (!bar->has_pages)
		err = dpv_try_add_pages(bar);
	if (!err)
		WRITE_ONCE(bar->has_pages, true);
	mutex_unlock(&bar->lock);
	return err;
}

bool dpv_bar_has_pages(const struct dpv_bar *bar)
{
	return READ_ONCE(bar->has_pages);
}

struct page *dpv_bar_page(const struct dpv_bar *bar, u64 nr)
{
	return pfn_to_page(PHYS_PFN(pci_resource_start(bar->pdev, bar->nr)) + nr);
}

static int dpv_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int nr = p2pcert_largest_bar(pdev);
	struct dpv_bar *bar;
	int err;

	if (nr < 0 || pci_resource_len(pdev, nr) < PAGE_SIZE)
		return -ENODEV;
	bar = devm_kzalloc(&pdev->dev, sizeof(*bar), GFP_KERNEL);
	if (!bar)
		return -ENOMEM;
	err = pcim_enable_device(pdev);
	if (!err)
		err = pcim_request_region(pdev, nr, KBUILD_MODNAME);
	if (err)
		return err;
	mutex_init(&bar->lock);
	bar->pdev = pdev;
	bar->nr = nr;
	bar->size = pci_resource_len(pdev, nr);
	/* memory without side effects, so that writes may be combined */
	bar->base = devm_ioremap_wc(&pdev->dev, pci_resource_start(pdev, nr), bar->size);
	if (!bar->base)
		return -ENOMEM;
	bar->dev = dpv_add_device(bar, 0);
	if (IS_ERR(bar->dev))
		return PTR_ERR(bar->dev);
	pci_set_drvdata(pdev, bar);
	return 0;
}

static void dpv_remove(struct pci_dev *pdev)
{
	struct dpv_bar *bar = pci_get_drvdata(pdev);

	dpv_remove_device(bar->dev);
}

static const struct pci_device_id dpv_ids[] = { { } };

static struct pci_driver dpv_driver = {
	.name = KBUILD_MODNAME,
	.id_table = dpv_ids,
	.probe = dpv_probe,
	.remove = dpv_remove,
};

int dpv_bar_register(void)
{
	return pci_register_driver(&dpv_driver);
}

void dpv_bar_unregister(void)
{
	pci_unregister_driver(&dpv_driver);
}

#endif /* DPV_SUPPORTED */
