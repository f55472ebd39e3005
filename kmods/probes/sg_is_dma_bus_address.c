// SPDX-License-Identifier: GPL-2.0-only
/* The same under its first name. */
#include <linux/scatterlist.h>

#include "probe.h"

PROBE_FUNCTION(sg_is_dma_bus_address, bool (*)(struct scatterlist *));
