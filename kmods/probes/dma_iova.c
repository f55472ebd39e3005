// SPDX-License-Identifier: GPL-2.0-only
/* DMA mapping in two steps: allocate addresses, then link. */
#include <linux/dma-mapping.h>

#include "probe.h"

PROBE_FUNCTION(dma_iova_try_alloc,
	       bool (*)(struct device *, struct dma_iova_state *, phys_addr_t, size_t));
