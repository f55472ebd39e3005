// SPDX-License-Identifier: GPL-2.0-only
/* Device pages are given back as folios. */
#include <linux/mm.h>
#include <linux/memremap.h>

#include "probe.h"

PROBE_TYPE(((struct dev_pagemap_ops *)0)->folio_free, void (*)(struct folio *));
