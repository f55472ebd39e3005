// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI functions whose largest memory BAR can be handed out. The driver knows no function by itself:
 * it binds what driver_override names it for, and nothing else. What lies in the BAR is revoked
 * before it is unbound, and then the BAR holds what it held before.
 */
#include "dmabuf.h"

#if DMB_SUPPORTED

#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "p2pcert_bar.h"

/* From its beginning, more is not handed out. */
#define DMB_BAR_SIZE SZ_64K

static LIST_HEAD(dmb_bars);
static DEFINE_MUTEX(dmb_bars_mutex);

void dmb_bars_lock(void)
{
	mutex_lock(&dmb_bars_mutex);
}

void dmb_bars_unlock(void)
{
	mutex_unlock(&dmb_bars_mutex);
}

struct dmb_bar *dmb_bar_find(const struct p2pcert_bdf *bdf)
{
	struct dmb_bar *bar;

	list_for_each_entry(bar, &dmb_bars, node) {
		if (pci_domain_nr(bar->pdev->bus) == bdf->domain &&
		    bar->pdev->bus->number == bdf->bus && bar->pdev->devfn == bdf->devfn)
			return bar;
	}
	return NULL;
}

#if DMB_BARS

static int dmb_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int nr = p2pcert_largest_bar(pdev);
	struct dmb_bar *bar;
	int err;

	if (nr < 0 || pci_resource_len(pdev, nr) < PAGE_SIZE)
		return -ENODEV;
	bar = devm_kzalloc(&pdev->dev, sizeof(*bar), GFP_KERNEL);
	if (!bar)
		return -ENOMEM;
	err = pcim_enable_device(pdev);
	if (!err)
		err = pcim_request_region(pdev, nr, KBUILD_MODNAME);
	if (!err)
		err = pcim_p2pdma_init(pdev);
	if (err)
		return err;
	bar->provider = pcim_p2pdma_provider(pdev, nr);
	if (!bar->provider)
		return -EOPNOTSUPP;
	bar->pdev = pdev;
	bar->start = pci_resource_start(pdev, nr);
	bar->size = min_t(u64, pci_resource_len(pdev, nr), DMB_BAR_SIZE);
	INIT_LIST_HEAD(&bar->buffers);
	/* memory without side effects, so that writes may be combined */
	bar->base = devm_ioremap_wc(&pdev->dev, bar->start, bar->size);
	bar->before = devm_kmalloc(&pdev->dev, bar->size, GFP_KERNEL);
	if (!bar->base || !bar->before)
		return -ENOMEM;
	memcpy_fromio(bar->before, bar->base, bar->size);
	pci_set_drvdata(pdev, bar);
	dmb_bars_lock();
	list_add_tail(&bar->node, &dmb_bars);
	dmb_bars_unlock();
	return 0;
}

#else

static int dmb_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	pci_info(pdev, "this kernel cannot map a BAR without pages for a peer\n");
	return -EOPNOTSUPP;
}

#endif

static void dmb_remove(struct pci_dev *pdev)
{
	struct dmb_bar *bar = pci_get_drvdata(pdev);
	struct dmb_buffer *b, *next;

	dmb_bars_lock();
	list_del(&bar->node);
	list_for_each_entry_safe(b, next, &bar->buffers, node)
		dmb_buffer_lose_bar(b);
	dmb_bars_unlock();
	memcpy_toio(bar->base, bar->before, bar->size);
	/* and has arrived before anybody else gets the function */
	readb(bar->base);
}

static const struct pci_device_id dmb_ids[] = { { } };

static struct pci_driver dmb_driver = {
	.name = KBUILD_MODNAME,
	.id_table = dmb_ids,
	.probe = dmb_probe,
	.remove = dmb_remove,
};

int dmb_bar_register(void)
{
	return pci_register_driver(&dmb_driver);
}

void dmb_bar_unregister(void)
{
	pci_unregister_driver(&dmb_driver);
}

#endif /* DMB_SUPPORTED */
