// SPDX-License-Identifier: GPL-2.0-only
/* A range of pages is mapped for DMA page by page. */
#include <linux/hmm-dma.h>
#include <linux/pci-p2pdma.h>

#include "probe.h"

PROBE_FUNCTION(hmm_dma_map_pfn,
	       dma_addr_t (*)(struct device *, struct hmm_dma_map *, size_t,
			      struct pci_p2pdma_map_state *));
