/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transfers from and to memory that is away at times: a thread takes its rights, unmaps it or moves it to another
 * address, and brings it back a moment later. A transfer comes to it before, in between or after: each either
 * is refused, and has moved nothing, or succeeds, and is right.
 */
#ifndef P2PCERT_SCENARIO_ODP_AWAY_H
#define P2PCERT_SCENARIO_ODP_AWAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/odp_rig.h"

struct away_count {
	struct rig_count transfers;
	uint64_t changes; /* how often it was away */
};

/*
 * Runs until then at this end of a rig whose buffers map files, over on-demand regions that it makes anew. Adds
 * to *count. As the rig's functions return.
 */
int away_run(struct rig *r, const struct rig_end *end, int64_t end_ns,
	     struct away_count *count) attr_must_check;

#endif
