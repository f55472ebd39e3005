/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of this folder ask of their input again and again. */
#ifndef P2PCERT_CHECK_AID_H
#define P2PCERT_CHECK_AID_H

#include "check/check.h"

static inline const struct function *check_function(const struct check_input *in, int i)
{
	return &in->platform->functions[i];
}

/* Does something speak for data going to, from or through the function? */
static inline bool check_on_path(const struct check_input *in, int i)
{
	return in->weight[i] > PATH_POSSIBLE;
}

/* For printf(), in one call. */
#define check_addr(in, i) pci_addr_str((in)->platform->functions[i].addr)

/* The function whose registers hold for i: of a VF its PF. -1: the source does not show it. */
int check_owner(const struct check_input *in, int i);

/* Has it the PCI Express capability? What the source does not show is no yes. */
bool check_is_express(const struct function *f);

/* Ends of paths: an array with an element for each function, which the caller frees. */
bool *check_initiators(const struct check_input *in) attr_must_check;
bool *check_targets(const struct check_input *in) attr_must_check;

/*
 * Is via[k] the switch port above both ways, which traffic between two ports of the switch does not
 * pass?
 */
bool check_is_turn(const struct check_input *in, const struct check_path *path, int k);

/*
 * The functions that a request of the path's initiator meets, in order: as far as the root port where
 * the root complex takes over, else to the target. With back, what a completion of the target meets.
 * The caller frees it.
 */
int *check_way(const struct check_input *in, const struct check_path *path, bool back,
	       int *nr) attr_must_check;

/* "256 MiB", exact. */
#define CHECK_BYTES_MAX 32
const char *check_bytes_format(uint64_t bytes, char buf[CHECK_BYTES_MAX]);
#define check_bytes(bytes) check_bytes_format((bytes), (char[CHECK_BYTES_MAX]){ 0 })

/* Does the kernel command line hold this word? Unknown command lines hold none. */
bool check_cmdline_has(const struct platform *p, const char *word);

#endif
