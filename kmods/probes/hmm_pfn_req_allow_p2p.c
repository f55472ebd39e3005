// SPDX-License-Identifier: GPL-2.0-only
/* A fault may ask for P2P to device-private pages, as the first posting named it. */
#include <linux/hmm.h>

#include "probe.h"

static_assert(HMM_PFN_REQ_ALLOW_P2P != 0);
