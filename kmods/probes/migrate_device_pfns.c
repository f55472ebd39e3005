// SPDX-License-Identifier: GPL-2.0-only
/* Device pages that are not contiguous are brought back in one call. */
#include <linux/mm.h>
#include <linux/migrate.h>

#include "probe.h"

PROBE_FUNCTION(migrate_device_pfns, int (*)(unsigned long *, unsigned long));
