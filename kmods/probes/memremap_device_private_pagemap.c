// SPDX-License-Identifier: GPL-2.0-only
/* Device-private pages live outside the physical address space. */
#include <linux/mm.h>
#include <linux/memremap.h>

#include "probe.h"

PROBE_DECLARED(memremap_device_private_pagemap);
