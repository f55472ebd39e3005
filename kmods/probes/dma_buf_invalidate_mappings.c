// SPDX-License-Identifier: GPL-2.0-only
/* Exporters call back mappings under the newer name. */
#include <linux/dma-buf.h>

#include "probe.h"

PROBE_FUNCTION(dma_buf_invalidate_mappings, void (*)(struct dma_buf *));
