// SPDX-License-Identifier: GPL-2.0-only
/*
 * lab_switch: stands in for the routing inside a switch, which QEMU's switches do not have. They
 * send what one function below them writes to the bus address of another one up to the IOMMU, which
 * knows no such address. Here the IOMMU is told: in the domain of each function below a switch, the
 * BARs of the others below that switch are mapped at their own bus addresses, and what the switch
 * would have routed arrives where it would have arrived. What a port redirects is not.
 *
 * The kernel gives no such address to anything else, as it keeps the windows of host bridges free
 * (iova_reserve_pci_windows()). What is mapped stays as long as the machine runs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>

#define LAB_PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO)

/* The upstream port of the switch that a function is directly below, or NULL. */
static struct pci_dev *lab_switch_of(struct pci_dev *pdev)
{
	struct pci_dev *port = pci_upstream_bridge(pdev);
	struct pci_dev *above = port ? pci_upstream_bridge(port) : NULL;

	if (!above || !pci_is_pcie(above) || pci_pcie_type(above) != PCI_EXP_TYPE_UPSTREAM)
		return NULL;
	return above;
}

static bool lab_is_redirected(struct pci_dev *pdev)
{
	struct pci_dev *port = pci_upstream_bridge(pdev);
	int acs = pci_find_ext_capability(port, PCI_EXT_CAP_ID_ACS);
	u16 control = 0;

	if (acs)
		pci_read_config_word(port, acs + PCI_ACS_CTRL, &control);
	return control & (PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC);
}

/* Functions that are not isolated from each other share a domain: what is there is there. */
static int lab_map_bar(struct iommu_domain *domain, struct pci_dev *peer, int bar)
{
	phys_addr_t phys = pci_resource_start(peer, bar);
	size_t length = pci_resource_len(peer, bar);
	pci_bus_addr_t bus = pci_bus_address(peer, bar);

	if (!(pci_resource_flags(peer, bar) & IORESOURCE_MEM) || !phys || length < PAGE_SIZE ||
	    iommu_iova_to_phys(domain, bus) == phys)
		return 0;
	return iommu_map(domain, bus, phys, length, LAB_PROT, GFP_KERNEL) ?: 1;
}

/* How many BARs of the peers of a function were mapped for it, or a negative errno. */
static int lab_map_peers(struct pci_dev *pdev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&pdev->dev);
	struct pci_dev *peer = NULL;
	int mapped = 0;

	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING))
		return 0;
	for_each_pci_dev(peer) {
		if (peer == pdev || lab_switch_of(peer) != lab_switch_of(pdev) ||
		    lab_is_redirected(peer))
			continue;
		for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
			int one = lab_map_bar(domain, peer, bar);

			if (one < 0) {
				pci_err(peer, "BAR %d cannot be mapped for %s: %d\n", bar,
					pci_name(pdev), one);
				pci_dev_put(peer);
				return one;
			}
			mapped += one;
		}
	}
	return mapped;
}

static int __init lab_switch_init(void)
{
	struct pci_dev *pdev = NULL;
	int mapped = 0;

	for_each_pci_dev(pdev) {
		int one;

		if (!lab_switch_of(pdev) || lab_is_redirected(pdev))
			continue;
		one = lab_map_peers(pdev);
		if (one < 0) {
			pci_dev_put(pdev);
			return one;
		}
		mapped += one;
	}
	pr_info("%d BARs are mapped at their own bus addresses\n", mapped);
	return mapped ? 0 : -ENODEV;
}
module_init(lab_switch_init);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: the routing inside a switch, for emulated machines that lack it");
MODULE_LICENSE("GPL");
