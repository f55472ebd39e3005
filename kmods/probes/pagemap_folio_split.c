// SPDX-License-Identifier: GPL-2.0-only
/* Owners of device pages are told of splits: there are huge ones. */
#include <linux/mm.h>
#include <linux/memremap.h>

#include "probe.h"

PROBE_TYPE(((struct dev_pagemap_ops *)0)->folio_split, void (*)(struct folio *, struct folio *));
