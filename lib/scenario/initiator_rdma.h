/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a test needs of RDMA devices as initiators, to have one that is none of libibverbs. */
#ifndef P2PCERT_SCENARIO_INITIATOR_RDMA_H
#define P2PCERT_SCENARIO_INITIATOR_RDMA_H

#include "scenario/initiator.h"

/*
 * Registers the peer's memory, which is mapped, with the initiator's device. 0, or a negative errno with
 * *why for the user, who frees it.
 */
int initiator_rdma_register(struct initiator *i, const struct peer *p, char **why) attr_must_check;

#endif
