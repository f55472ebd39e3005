// SPDX-License-Identifier: GPL-2.0-only
/* Must not compile: a signature that is not the function's. */
#include <linux/module.h>
#include <linux/mm.h>

#include "probe.h"

PROBE_FUNCTION(put_page, int (*)(struct page *, long));
