/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rules of one range of kernel releases are, for the files of this folder. */
#ifndef P2PCERT_P2P_RULES_H
#define P2PCERT_P2P_RULES_H

#include "p2p/p2p.h"

struct p2p_rules {
	const char *name;
	unsigned int release;
	/* the firmware's opt-in to DMA remapping holds against intel_iommu=off (intel/dmar.c) */
	bool opt_in_beats_off;
	/*
	 * pci=config_acs= is known; it and disable_acs_redir= start from what firmware left, and
	 * what the kernel sets by itself is lost there (pci.c, __pci_config_acs)
	 */
	bool writes_over_firmware;
	/* the source validation of two IDT switches does not count (quirks.c, broken ACS SV) */
	bool distrusts_idt_sv;
};

#endif
