/* SPDX-License-Identifier: GPL-2.0-only */
/* Which BAR of a function is meant where a module uses its memory. */
#ifndef P2PCERT_BAR_H
#define P2PCERT_BAR_H

#include <linux/pci.h>

/* The largest BAR that is memory, or -ENODEV. */
static inline int p2pcert_largest_bar(struct pci_dev *pdev)
{
	int largest = -ENODEV;

	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (!(pci_resource_flags(pdev, i) & IORESOURCE_MEM) || !pci_resource_start(pdev, i))
			continue;
		if (largest < 0 || pci_resource_len(pdev, i) > pci_resource_len(pdev, largest))
			largest = i;
	}
	return largest;
}

#endif /* P2PCERT_BAR_H */
