/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What different tools mean by "ACS is on", port by port, and how many pairs each port matters to. All
 * are facts about those tools, read in their sources:
 *
 * gpud: source validation is on, at any function (leptonai/gpud, pkg/pci and components/pci: it warns,
 *	outside of virtual machines).
 * nvidia-fs: any bit of control is on, at a bridge (NVIDIA/gds-nvidia-fs, src/nvfs-pci.c,
 *	nvfs_pcie_acs_enabled()).
 * Linux: request redirect, completion redirect or egress control is on, at any function on the way of
 *	the pair up to and with what both share (drivers/pci/p2pdma.c, pci_bridge_has_acs_redir()).
 * rdma_topo check: certain ports have certain bits, neither more nor fewer (linux-rdma/rdma-core,
 *	kernel-boot/rdma_topo), on the machines with ConnectX that it knows.
 */
#ifndef P2PCERT_P2P_ACS_RULES_H
#define P2PCERT_P2P_ACS_RULES_H

#include "p2p/isolation.h"

struct acs_reading {
	/* does it say that ACS is on (Linux: that the port redirects)? */
	enum p2p_answer gpud, nvidia_fs, linux_says;
	/*
	 * The bits that rdma_topo asks for, a character each, bit 0 last: 1 on, 0 off, x either. NULL:
	 * it asks for nothing there, or does not know the machine.
	 */
	const char *rdma_topo;
	enum p2p_answer rdma_topo_fits;
	/* ordered pairs of initiators and targets which share a port, whose way passes here */
	uint64_t pairs;
};

/* For each function; the caller frees it. */
struct acs_reading *acs_read_rules(const struct platform *platform) attr_must_check;

/*
 * rdma_topo's masks alone, for each function, into an array that is all NULL; nothing is written where it
 * would refuse the machine. It also asks for product data which the model does not have: taken to be
 * there.
 */
void rdma_topo_masks(const struct platform *platform, const char **mask);

#endif
