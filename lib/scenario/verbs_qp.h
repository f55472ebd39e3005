/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What verbs.c leaves to verbs_qp.c: the queue pairs of a loopback, and the queues that they share. */
#ifndef P2PCERT_SCENARIO_VERBS_QP_H
#define P2PCERT_SCENARIO_VERBS_QP_H

#include "scenario/verbs.h"

/* libibverbs returns a positive errno, or -1 with errno set, or NULL with errno set. */
int verbs_error(int r) attr_must_check;

/* Was p2pcert built with a libibverbs that can post VERBS_OP_*? */
bool verbs_can_extend(void);

/* The queue pairs alone; and all that goes with them. */
void verbs_qps_destroy(struct verbs *v);
void verbs_queues_destroy(struct verbs *v);

#endif
