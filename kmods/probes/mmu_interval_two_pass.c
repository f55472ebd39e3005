// SPDX-License-Identifier: GPL-2.0-only
/* Invalidation in two passes, so that devices wait together. */
#include <linux/mmu_notifier.h>

#include "probe.h"

PROBE_TYPE(((struct mmu_interval_notifier_ops *)0)->invalidate_start,
	   bool (*)(struct mmu_interval_notifier *, const struct mmu_notifier_range *,
		    unsigned long, struct mmu_interval_notifier_finish **));
