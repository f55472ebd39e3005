// SPDX-License-Identifier: GPL-2.0-only
/* First posting of P2P for device-private memory: the alias as a page. */
#include <linux/mm.h>
#include <linux/memremap.h>

#include "probe.h"

PROBE_TYPE(((struct dev_pagemap_ops *)0)->get_dma_page_for_device, struct page *(*)(struct page *));
