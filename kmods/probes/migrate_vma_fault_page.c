// SPDX-License-Identifier: GPL-2.0-only
/* A migration may say which page is being faulted. */
#include <linux/mm.h>
#include <linux/migrate.h>

#include "probe.h"

PROBE_TYPE(((struct migrate_vma *)0)->fault_page, struct page *);
