// SPDX-License-Identifier: GPL-2.0-only
/* Device pages are initialised with their order only. */
#include <linux/mm.h>
#include <linux/memremap.h>

#include "probe.h"

PROBE_FUNCTION(zone_device_page_init, void (*)(struct page *, unsigned int));
