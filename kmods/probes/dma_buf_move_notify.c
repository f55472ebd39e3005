// SPDX-License-Identifier: GPL-2.0-only
/* Exporters call back mappings under the older name. */
#include <linux/dma-buf.h>

#include "probe.h"

PROBE_FUNCTION(dma_buf_move_notify, void (*)(struct dma_buf *));
