// SPDX-License-Identifier: GPL-2.0-only
/* Later postings of P2P for device-private memory: the alias as a pfn. */
#include <linux/mm.h>
#include <linux/memremap.h>

#include "probe.h"

PROBE_TYPE(((struct dev_pagemap_ops *)0)->get_dma_pfn_for_device,
	   int (*)(struct page *, unsigned long *));
