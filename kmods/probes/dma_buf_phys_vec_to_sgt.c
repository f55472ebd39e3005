// SPDX-License-Identifier: GPL-2.0-only
/* A list of physical ranges becomes a mapped table. */
#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>

#include "probe.h"

PROBE_DECLARED(dma_buf_phys_vec_to_sgt);
