/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channels of DMA engines, from /sys/class/dma, and the PCI function that drives each. Which of
 * them can copy memory is not shown there: the kernel says so when it is asked for one.
 */
#ifndef P2PCERT_SCENARIO_DMACHAN_H
#define P2PCERT_SCENARIO_DMACHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pciaddr.h"

#define DMACHAN_NAME_MAX 32 /* with NUL, as in struct p2pcert_copy */

struct dmachan {
	char name[DMACHAN_NAME_MAX]; /* "dma0chan1" */
	struct pci_addr addr; /* of the function whose engine it is */
	bool in_use; /* by somebody else */
};

/*
 * All channels of engines that are PCI functions, ordered by function, then name. 0 or a negative
 * errno; free() the list. sysroot as in scenario_env.
 */
int dmachan_list(const char *sysroot, struct dmachan **list, size_t *n) attr_must_check;

#endif
