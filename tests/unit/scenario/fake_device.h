/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the device of fake_verbs.h share. */
#ifndef P2PCERT_TEST_FAKE_DEVICE_H
#define P2PCERT_TEST_FAKE_DEVICE_H

#include "fake_verbs.h"

#include <stddef.h>
#include <stdint.h>

#define FAKE_DEPTH 16
#define FAKE_WIRE (1u << 16) /* bytes of the longest transfer */

struct fake_mr {
	struct ibv_mr mr;
	uint64_t iova;
	unsigned int access;
	struct fake_mr *next;
};

struct fake_cq {
	struct ibv_cq cq;
	struct ibv_wc wc[FAKE_DEPTH];
	unsigned int n;
	bool endless, broken;
};

/* One receive that is posted. */
struct fake_receive {
	bool posted;
	uint64_t id;
	struct ibv_sge sge[2];
	int nr_sge;
};

struct fake_srq {
	struct ibv_srq srq;
	struct fake_receive receive;
	struct ibv_cq *cq; /* of extended connections; NULL: that of the queue pair */
	uint32_t number;
	struct fake_srq *next;
};

struct fake_qp {
	struct ibv_qp qp;
	uint32_t peer;
	bool failed;
	struct fake_receive receive;
	struct fake_srq *shared; /* that it takes receives from; NULL: it has its own */
	struct fake_qp *next;
};

struct fake_context {
	struct verbs_context verbs; /* the last of it is what libibverbs hands out */
	int events; /* the end that is written to */
	struct fake_mr *mrs;
	struct fake_qp *qps;
	struct fake_srq *srqs;
	uint32_t last; /* key or number */
	bool port_down;
};

struct fake_context *fake_of(struct ibv_context *context);

/* The memory at an address of a region that allows this; NULL: it does not. */
void *fake_reach(struct fake_context *f, uint32_t key, uint64_t at, size_t len,
		 unsigned int access);
bool fake_is_on_demand(const struct fake_context *f, uint32_t key);
/* As the process could: what is not there is fetched, what may not be touched is not. */
bool fake_fetch(void *data, void *from, size_t len);
bool fake_store(void *to, void *data, size_t len);

/* Here it does wrong what it was asked to. */
void fake_complete(struct ibv_cq *cq, struct ibv_wc wc);
/* Does the fault strike one of the next n completions? */
bool fake_strikes_next(enum fake_fault fault, unsigned int n);

/* The calls of the queues that libibverbs has in tables. */
void fake_queues(struct fake_context *f);

#endif
