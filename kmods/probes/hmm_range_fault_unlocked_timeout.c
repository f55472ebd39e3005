// SPDX-License-Identifier: GPL-2.0-only
/* A range is faulted without the caller holding the mmap lock. */
#include <linux/hmm.h>

#include "probe.h"

PROBE_DECLARED(hmm_range_fault_unlocked_timeout);
