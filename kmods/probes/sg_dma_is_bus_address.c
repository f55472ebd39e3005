// SPDX-License-Identifier: GPL-2.0-only
/* A mapped segment says that it holds a bus address. */
#include <linux/scatterlist.h>

#include "probe.h"

PROBE_FUNCTION(sg_dma_is_bus_address, bool (*)(struct scatterlist *));
