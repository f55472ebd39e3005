// SPDX-License-Identifier: GPL-2.0-only
/* Huge pages migrate whole. */
#include <linux/mm.h>
#include <linux/migrate.h>

#include "probe.h"

static_assert((MIGRATE_VMA_SELECT_COMPOUND && MIGRATE_PFN_COMPOUND) != 0);
