// SPDX-License-Identifier: GPL-2.0-only
/* P2PDMA pages of user space can be pinned. */
#include <linux/mm.h>

#include "probe.h"

static_assert((FOLL_PCI_P2PDMA) != 0);
