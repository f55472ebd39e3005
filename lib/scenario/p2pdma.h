/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Those who move data between peers, for scenarios that differ in which pairs they look at: the DMA engines
 * and the NVMe drives of this machine, each with every other function's published memory.
 */
#ifndef P2PCERT_SCENARIO_P2PDMA_H
#define P2PCERT_SCENARIO_P2PDMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "scenario/peer.h"

/* That such an exam commits, of exam_begin(). */
#define P2PDMA_COPY_FAULTS \
	(EXAM_FAULTS | P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | \
	 P2PCERT_FAULT_SHORT_COPY)

/*
 * Copies, both ways, by every channel that copies memory; mixed: where every second page of the peer's is
 * an ordinary one. *channels is how many there are, *usable how many of them could be used. 0, or a
 * negative errno after scn_error().
 */
int p2pdma_by_engines(struct exam *x, bool mixed, size_t *channels, size_t *usable) attr_must_check;

/* Reads of every drive. 0, or a negative errno after scn_error(). */
int p2pdma_by_drives(struct exam *x) attr_must_check;

#endif
