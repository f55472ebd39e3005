// SPDX-License-Identifier: GPL-2.0-only
/* A BAR is a provider without pages. */
#include <linux/pci-p2pdma.h>

#include "probe.h"

PROBE_FUNCTION(pcim_p2pdma_provider, struct p2pdma_provider *(*)(struct pci_dev *, int));
