// SPDX-License-Identifier: GPL-2.0-only
/* DMA mapping of physical addresses. */
#include <linux/dma-mapping.h>

#include "probe.h"

PROBE_DECLARED(dma_map_phys);
