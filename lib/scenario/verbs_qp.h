/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What verbs.c leaves to verbs_qp.c: the queue pairs of a loopback, and the queues that they share; and to
 * verbs_wait.c: what comes from the device.
 */
#ifndef P2PCERT_SCENARIO_VERBS_QP_H
#define P2PCERT_SCENARIO_VERBS_QP_H

#include "scenario/verbs.h"

/* libibverbs returns a positive errno, or -1 with errno set, or NULL with errno set. */
int verbs_error(int r) attr_must_check;

/* Was p2pcert built with a libibverbs that can post VERBS_OP_*? */
bool verbs_can_extend(void);

#define VERBS_MAX_EVENTS 64 /* read at once */

/* The number of a request that is about to be posted; opcode NULL: a receive. */
uint64_t verbs_request(struct verbs *v, enum verbs_end end, const enum ibv_wr_opcode *opcode);
/*
 * Takes what has completed and happened: of queue pairs that go, what is outstanding may complete, with
 * whatever status, and nothing else.
 */
void verbs_queues_empty(struct verbs *v);
void verbs_events_read(struct verbs *v);
/* Events can be read without waiting for one. */
int verbs_events_open(const struct verbs *v) attr_must_check;
void verbs_upset_free(struct verbs *v);

/* The queue pairs alone; and all that goes with them. */
void verbs_qps_destroy(struct verbs *v);
void verbs_queues_destroy(struct verbs *v);

#endif
