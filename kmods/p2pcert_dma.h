/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test modules share that use DMA engines: finding a memcpy channel by its name, saying
 * whose it is, and saying how something was mapped for it.
 */
#ifndef P2PCERT_DMA_H
#define P2PCERT_DMA_H

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/minmax.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/string.h>

#include "p2pcert_kmod.h"

#define P2PCERT_MAX_TIMEOUT_MS (10 * 60 * 1000)

static inline bool p2pcert_timeout_is_good(u32 ms)
{
	return ms && ms <= P2PCERT_MAX_TIMEOUT_MS;
}

struct p2pcert_find_chan {
	const char *name;
	struct device *dev;
};

/* Runs under dmaengine's lock: only here is the channel's device certain to be there. */
static inline bool p2pcert_match_chan(struct dma_chan *chan, void *param)
{
	struct p2pcert_find_chan *find = param;

	if (strcmp(dma_chan_name(chan), find->name))
		return false;
	put_device(find->dev);
	find->dev = get_device(dmaengine_get_dma_device(chan));
	return true;
}

/*
 * The memcpy channel of that name, and a reference on the device that its DMA is mapped for; NULL
 * if it is not there or in use.
 */
static inline struct dma_chan *p2pcert_get_chan(const char *name, struct device **dev)
{
	struct p2pcert_find_chan find = { .name = name };
	struct dma_chan *chan;
	dma_cap_mask_t mask;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	chan = dma_request_channel(mask, p2pcert_match_chan, &find);
	if (chan)
		*dev = find.dev;
	else
		put_device(find.dev);
	return chan;
}

/* The PCI function that a device is, or is a part of; unchanged if it is none. */
static inline void p2pcert_describe_function(struct device *dev, struct p2pcert_bdf *bdf)
{
	struct pci_dev *pdev;

	while (dev && !dev_is_pci(dev))
		dev = dev->parent;
	if (!dev)
		return;
	pdev = to_pci_dev(dev);
	bdf->domain = pci_domain_nr(pdev->bus);
	bdf->bus = pdev->bus->number;
	bdf->devfn = pdev->devfn;
}

static inline bool p2pcert_is_bus_address(struct scatterlist *sg)
{
#if HAVE_SG_DMA_IS_BUS_ADDRESS
	return sg_dma_is_bus_address(sg);
#elif HAVE_SG_IS_DMA_BUS_ADDRESS
	return sg_is_dma_bus_address(sg);
#else
	return false;
#endif
}

/* How length bytes at offset of a mapped segment were mapped: they are one run, of that page on. */
static inline void p2pcert_describe_run(struct scatterlist *sg, dma_addr_t dma, struct page *page,
					u32 offset, u64 length, struct p2pcert_seg *seg)
{
	seg->dma_addr = dma;
	seg->phys_addr = page_to_phys(page) + offset;
	seg->length = length;
	seg->flags = 0;
	if (is_pci_p2pdma_page(page))
		seg->flags |= P2PCERT_SEG_P2P_PAGE;
	if (p2pcert_is_bus_address(sg))
		seg->flags |= P2PCERT_SEG_BUS_ADDRESS;
}

/*
 * May the channel be given a copy of length bytes between these DMA addresses? -EINVAL: it cannot
 * do their alignment; -EOVERFLOW: its device cannot drive them. The kernel sees to the latter for
 * all but bus addresses (dma_direct_map_sg(), iommu_dma_map_sg()), and a device that leaves out
 * the upper bits reaches somebody else's memory.
 */
static inline int p2pcert_check_copy(struct dma_chan *chan, struct device *dev, dma_addr_t to,
				     dma_addr_t from, u64 length)
{
	if (!is_dma_copy_aligned(chan->device, from, to, length))
		return -EINVAL;
	return max(to, from) + length - 1 > dma_get_mask(dev) ? -EOVERFLOW : 0;
}

#endif /* P2PCERT_DMA_H */
