// SPDX-License-Identifier: GPL-2.0-only
/* Device pages are initialised with pagemap and order. */
#include <linux/mm.h>
#include <linux/memremap.h>

#include "probe.h"

PROBE_FUNCTION(zone_device_page_init, void (*)(struct page *, struct dev_pagemap *, unsigned int));
