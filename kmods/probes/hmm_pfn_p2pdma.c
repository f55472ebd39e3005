// SPDX-License-Identifier: GPL-2.0-only
/* A range says how each page is mapped for DMA. */
#include <linux/hmm.h>

#include "probe.h"

static_assert((HMM_PFN_DMA_MAPPED && HMM_PFN_P2PDMA && HMM_PFN_P2PDMA_BUS) != 0);
