// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel rules on a pair: how far apart it thinks they are, and how it maps a range of the
 * caller's memory for a function. A mapping made only to be described is taken down again.
 */
#include "p2p/p2p.h"

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

/* --- distance -------------------------------------------------------------------------------- */

static int p2p_distance(struct p2pcert_distance *d, u32 faults, bool why)
{
	struct pci_dev *provider = p2p_get_function(&d->provider);
	struct pci_dev *client = p2p_get_function(&d->client);
	struct device *clients[1];
	int err = 0;

	d->result = -ENODEV;
	d->distance = -1;
	if (provider && client) {
		clients[0] = &client->dev;
		d->result = 0;
		d->distance = pci_p2pdma_distance_many(provider, clients, 1, why);
		if (faults & P2PCERT_FAULT_WRONG_VERDICT)
			d->distance = d->distance < 0 ? 2 : -1;
	}
	if (provider && (faults & P2PCERT_FAULT_LEAK)) {
		err = p2p_leak_function(provider);
		if (!err)
			provider = NULL;
	}
	p2p_put_function(client);
	p2p_put_function(provider);
	return err;
}

long p2p_ioctl_distance(void __user *arg, u32 faults, bool why)
{
	struct p2pcert_distance d;
	int err;

	if (copy_from_user(&d, arg, sizeof(d)))
		return -EFAULT;
	if (d.provider.reserved || d.client.reserved)
		return -EINVAL;
	err = p2pcert_fault_enter(faults);
	if (!err)
		err = p2p_distance(&d, faults, why);
	if (err)
		return err;
	return copy_to_user(arg, &d, sizeof(d)) ? -EFAULT : 0;
}

/* --- map ------------------------------------------------------------------------------------- */

/* What a wrong verdict claims of a mapping that the kernel refused. */
static u32 p2p_describe_lie(const struct p2p_range *r, struct p2pcert_seg *seg)
{
	seg->phys_addr = page_to_phys(r->pages[0]) + r->offset;
	seg->dma_addr = seg->phys_addr;
	seg->length = r->length;
	seg->flags = is_pci_p2pdma_page(r->pages[0]) ? P2PCERT_SEG_P2P_PAGE : 0;
	return 1;
}

/*
 * A function without a driver still has the PCI core's default mask of 32 bits, which says nothing
 * about the hardware and would decide the mapping. Called with the device lock held, which keeps
 * drivers from binding meanwhile.
 */
static int p2p_map_unbound(struct p2p_range *r)
{
	struct device *dev = r->dev;
	u64 mask;
	int err;

	if (!dev->dma_mask)
		return -EOPNOTSUPP;
	mask = *dev->dma_mask;
	err = dma_set_mask(dev, DMA_BIT_MASK(64));
	if (!err)
		err = p2p_map(r);
	*dev->dma_mask = mask;
	return err;
}

static int p2p_map_for_client(struct p2pcert_map *m, struct pci_dev *pdev, u32 faults)
{
	struct device *dev = &pdev->dev;
	struct p2p_range r = {};
	int err;

	err = p2p_pin(&r, dev, m->addr, m->length, false);
	if (err)
		goto out;

	/*
	 * Binding and unbinding change how DMA is mapped for a device and hold its lock. Taken
	 * after pinning: a page fault must not wait for a driver.
	 */
	err = device_lock_interruptible(dev);
	if (err)
		goto out;
	if (!device_is_registered(dev))
		err = -ENODEV;
	else if (faults & P2PCERT_FAULT_MAP_FAILS)
		err = -ENOMEM;
	else
		err = dev->driver ? p2p_map(&r) : p2p_map_unbound(&r);
	if (!err)
		m->nr_segs = p2p_describe(&r, m->segs, P2PCERT_MAX_SEGS);
	p2p_unmap(&r);
	device_unlock(dev);

	if (faults & P2PCERT_FAULT_WRONG_VERDICT) {
		memset(m->segs, 0, sizeof(m->segs));
		m->nr_segs = err ? p2p_describe_lie(&r, m->segs) : 0;
		err = err ? 0 : -EREMOTEIO;
	}
	if (faults & P2PCERT_FAULT_LEAK) {
		int leak_err = p2p_leak_page(&r);

		if (leak_err)
			err = leak_err;
	}
out:
	p2p_unpin(&r);
	return err;
}

long p2p_ioctl_map(void __user *arg, u32 faults)
{
	struct p2pcert_map *m;
	struct pci_dev *pdev;
	long ret;

	m = memdup_user(arg, sizeof(*m));
	if (IS_ERR(m))
		return PTR_ERR(m);
	ret = -EINVAL;
	if (m->client.reserved)
		goto out;
	ret = p2p_check_range(m->addr, m->length);
	if (ret)
		goto out;
	ret = p2pcert_fault_enter(faults);
	if (ret)
		goto out;

	m->nr_segs = 0;
	memset(m->segs, 0, sizeof(m->segs));
	m->result = -ENODEV;
	pdev = p2p_get_function(&m->client);
	if (pdev) {
		m->result = p2p_map_for_client(m, pdev, faults);
		p2p_put_function(pdev);
	}
	/* An interrupted call answered nothing. */
	ret = m->result == -EINTR ? -EINTR : 0;
	if (!ret && copy_to_user(arg, m, sizeof(*m)))
		ret = -EFAULT;
out:
	kfree(m);
	return ret;
}
