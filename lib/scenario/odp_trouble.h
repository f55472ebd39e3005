/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that takes pages away from under the transfers of one or more rigs, as a seed says. What it does
 * never changes what is in the memory, which is of files in memory.
 */
#ifndef P2PCERT_SCENARIO_ODP_TROUBLE_H
#define P2PCERT_SCENARIO_ODP_TROUBLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/odp_rig.h"

struct trouble;

/* Starts it over the buffers of these rigs, all of the same size. 0, or a negative errno. */
int trouble_start(struct rig *const *rigs, size_t nr_rigs, uint64_t seed,
		  struct trouble **t) attr_must_check;
/* Until it has taken pages away so often, or cannot go on. */
void trouble_wait(const struct trouble *t, uint64_t times);
/* Has it not been able to go on? 0, or a negative errno. */
int trouble_error(const struct trouble *t);
/* Ends it, and says how often it took pages away. NULL is none. */
uint64_t trouble_end(struct trouble *t);

#endif
