// SPDX-License-Identifier: GPL-2.0-only
/* Exclusive access is taken one page at a time. */
#include <linux/mm.h>
#include <linux/rmap.h>

#include "probe.h"

PROBE_FUNCTION(make_device_exclusive,
	       struct page *(*)(struct mm_struct *, unsigned long, void *, struct folio **));
