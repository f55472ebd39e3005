// SPDX-License-Identifier: GPL-2.0-only
/* A DMA mapping says that it is of MMIO. */
#include <linux/dma-mapping.h>

#include "probe.h"

static_assert((DMA_ATTR_MMIO) != 0);
