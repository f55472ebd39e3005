/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An RDMA device, "fake0", in the place of libibverbs: connections and datagrams within this process, whose
 * regions on demand are what the address space holds at the time, with its rights. It does as it must, or one
 * thing wrong that a test asks for.
 */
#ifndef P2PCERT_TEST_FAKE_VERBS_H
#define P2PCERT_TEST_FAKE_VERBS_H

#include <infiniband/verbs.h>
#include <stdbool.h>

/* What is wrong with the completion that it strikes. */
enum fake_fault {
	FAKE_RIGHT,
	FAKE_OTHER_REQUEST, /* names a request that was never posted */
	FAKE_OTHER_STATUS, /* fails, though the data was moved */
	FAKE_NO_STATUS, /* a status that there is not */
	FAKE_SUCCESS, /* succeeds, though nothing was moved */
	FAKE_OTHER_LENGTH, /* of a receive */
	FAKE_OTHER_OPERATION,
	FAKE_TWICE,
	FAKE_FOR_NOTHING, /* another one beside it */
	FAKE_ENDLESS, /* it comes again and again */
	FAKE_NO_COMPLETION,
	FAKE_POLL_FAILS, /* the queue cannot be read */
	FAKE_EVENT, /* there is an event instead of it */
	FAKE_EVENT_BESIDE, /* there is an event, too */
	FAKE_PORT_DOWN, /* the port is down, without a word */
};

extern struct fake_verbs {
	enum fake_fault fault;
	unsigned int at; /* which completion of a success it strikes, from 1 */
	enum ibv_event_type event;
	struct ibv_odp_caps claims; /* on-demand paging */
	uint32_t xrc_claims; /* the same, of extended connections */
	unsigned int lacks; /* transport services that it has not: 1 << enum ibv_qp_type */
	bool lacks_srq; /* and receives that are shared */
	/* The service, that of the responder, in which on-demand memory is spoilt, or refused; 0: none. */
	enum ibv_qp_type odd_service;
	bool odd_refuses;
	int dmabuf_errno; /* with which dma-bufs are refused */
	bool inactive; /* the port, when it is opened */
	int implicit_errno; /* and regions of the whole address space; 0: they are not */
	bool loses_offset; /* within a page, of regions on demand */
	bool grants_all; /* has no eye for rights */
	bool loses_iova; /* takes an address of a region for one of memory */
	bool moves_refused; /* a byte into local memory, though it refuses */
	bool refuses_otherwise; /* what it does not reach remotely */
	bool never_refuses; /* what it does not reach, without moving anything */
	bool keeps_pages; /* of regions on demand it reads the pages that it came to first, for ever */
	/* as it goes */
	unsigned int completions; /* of a success */
	unsigned int queue_pairs, regions, shared_queues, domains; /* there are */
} fake_verbs;

/* As it must, with claims for everything that it can. */
void fake_verbs_reset(void);

#endif
