// SPDX-License-Identifier: GPL-2.0-only
/* A fault may ask for P2P to device-private pages, as the later postings name it. */
#include <linux/hmm.h>

#include "probe.h"

static_assert(HMM_PFN_ALLOW_P2P != 0);
