/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pair of functions as the model predicts it and as the running kernel rules on it, side by side.
 * Asking the kernel goes through the device of p2pcert_p2p; judging the answers is pure.
 */
#ifndef P2PCERT_SCENARIO_PAIR_H
#define P2PCERT_SCENARIO_PAIR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "p2p/p2p.h"
#include "platform/platform.h"
#include "uapi/p2pcert.h"

/* What the kernel answered of one pair; all zero: nothing was asked yet. */
struct pair_ruling {
	bool measured; /* the distance was asked for, and answered */
	int distance; /* the kernel's, -1: not supported */
	int distance_errno; /* of the question; 0 or negative */
	bool mapped; /* a page of the target was mapped for the initiator, or refused ... */
	int map_errno; /* ... with this; 0 or negative */
	bool bus_address; /* of a mapping that was made */
};

/* How a ruling compares with the prediction. */
enum pair_state {
	PAIR_AGREES,
	PAIR_DIFFERS,
	PAIR_UNPREDICTED, /* the model does not know enough */
	PAIR_UNRULED, /* the kernel gave no answer that can be compared */
};

const char *pair_state_name(enum pair_state state);

/* The verdict that a mapping shows; VERDICT_UNKNOWN where a distance alone says "supported". */
enum p2p_verdict pair_ruled_verdict(const struct pair_ruling *r);
/* Does the kernel rule that the pair may do peer-to-peer? */
bool pair_ruled_supported(const struct pair_ruling *r);

enum pair_state pair_judge(const struct p2p_pair *predicted, const struct pair_ruling *ruled);

/* "host-bridge at distance 4", "refused: EREMOTEIO"; the caller frees it. */
char *pair_ruling_text(const struct pair_ruling *r) attr_must_check;
char *pair_prediction_text(const struct p2p_pair *p) attr_must_check;

/* The pair as p2p_pair_to_json() has it, with "ruled" and "state" beside. */
json_t *pair_to_json(const struct platform *platform, const struct p2p_pair *predicted,
		     const struct pair_ruling *ruled, enum pair_state state) attr_must_check;

/* --- where the kernel would send the bytes -------------------------------------------------------- */

/* The memory BAR of f that holds all of [phys, phys + length), as the CPU sees it; -1: none. */
int pair_bar_holding(const struct function *f, uint64_t phys, uint64_t length);

/* Does an IOMMU translate what the kernel maps for this function? */
bool pair_is_translated(const struct function *f);

/*
 * Is this one mapped run of the target's memory what it has to be: P2PDMA pages, inside a BAR of the
 * target, and with a DMA address that fits the verdict? bus_offset is the target's bus address minus
 * its CPU address (pair_bus_offset()). NULL if so, else what is wrong. The caller frees either.
 */
char *pair_refuse_seg(const struct p2pcert_seg *seg, const struct function *initiator,
		      const struct function *target, int64_t bus_offset,
		      enum p2p_verdict verdict) attr_must_check;
/* "bus address 0xfe00000000 in BAR 2 of 0000:03:00.0, past the IOMMU"; the caller frees it. */
char *pair_seg_text(const struct p2pcert_seg *seg, const struct function *target) attr_must_check;

/*
 * Bus address minus CPU address of a BAR, from its register in config space (PCI 3.0, 6.2.5.1): zero
 * on most machines. A VF has no such registers, and what cannot be read counts as zero.
 */
int64_t pair_bus_offset(const char *sysroot, const struct function *f, int bar);

/* --- asking the kernel; fd is that of p2pcert_p2p ------------------------------------------------- */

struct p2pcert_bdf pair_bdf(struct pci_addr a);

/* 0 or the negative errno of the ioctl; what the kernel answered is in r. */
int pair_ask_distance(int fd, struct pci_addr initiator, struct pci_addr target,
		      struct pair_ruling *r) attr_must_check;
/*
 * Lets the kernel write to its log why it redirects or refuses the pair. 0 or the negative errno of the
 * ioctl; -E2BIG: not asked, since the kernel would list more ports than it has room for.
 */
int pair_ask_why(int fd, const struct platform *p, int initiator, int target) attr_must_check;
/* Maps [addr, addr + len), memory of the target, for the initiator. map may be NULL. */
int pair_ask_map(int fd, struct pci_addr initiator, const void *addr, size_t len,
		 struct pair_ruling *r, struct p2pcert_map *map) attr_must_check;

#endif
