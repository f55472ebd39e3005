// SPDX-License-Identifier: GPL-2.0-only
/* A mapping's flags are changed by functions. */
#include <linux/mm.h>

#include "probe.h"

PROBE_DECLARED(vm_flags_set);
