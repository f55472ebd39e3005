/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for the rig's buffers that is of a file without a name. 0 or a negative errno; -ENODEV: the machine has
 * none of the kind, and *why not, which the caller frees.
 */
#ifndef P2PCERT_SCENARIO_ODP_FILE_H
#define P2PCERT_SCENARIO_ODP_FILE_H

#include "base/attr.h"
#include "scenario/odp_rig.h"

/* On a disk: not in memory, as tmpfs is. */
int rig_map_disk(struct rig *r, struct rig_buffer *b, char **why) attr_must_check;
/* In persistent memory, which is mapped as it is: of the first mount with 'dax'. */
int rig_map_dax(struct rig *r, struct rig_buffer *b, char **why) attr_must_check;

#endif
