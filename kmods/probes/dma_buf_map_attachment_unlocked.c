// SPDX-License-Identifier: GPL-2.0-only
/* dma-bufs are mapped with the reservation object locked, whoever maps. */
#include <linux/dma-buf.h>

#include "probe.h"

PROBE_DECLARED(dma_buf_map_attachment_unlocked);
