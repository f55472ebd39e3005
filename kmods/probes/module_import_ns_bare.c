// SPDX-License-Identifier: GPL-2.0-only
/* A module names a namespace of symbols without quotes; with them it would name another one. */
#include <linux/module.h>

#include "probe.h"

MODULE_IMPORT_NS(P2PCERT_PROBE);
