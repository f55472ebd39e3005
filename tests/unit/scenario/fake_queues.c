// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queues of the device of fake_verbs.h, for all transport services. What is posted is done, and has
 * completed, when the call returns.
 */
#include "fake_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define GRH_LEN 40 /* of the header in front of a datagram that was received */

static bool lacks(enum ibv_qp_type service)
{
	return fake_verbs.lacks & 1u << service;
}

/* What it does wrong with on-demand memory, it does in one service. */
static bool is_odd(const struct fake_qp *q)
{
	return fake_verbs.odd_service == q->qp.qp_type;
}

/* --- made --------------------------------------------------------------------------------------- */

static struct ibv_qp *create_qp(struct ibv_context *context, struct ibv_qp_init_attr_ex *init)
{
	struct fake_context *f = fake_of(context);
	struct fake_qp *q;

	if (lacks(init->qp_type) || (init->srq && fake_verbs.lacks_srq) ||
	    init->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	q = xcalloc(1, sizeof(*q));
	q->qp = (struct ibv_qp){
		.context = context,
		.pd = init->pd,
		.send_cq = init->send_cq,
		.recv_cq = init->recv_cq,
		.qp_num = ++f->last,
		.qp_type = init->qp_type,
	};
	q->shared = (struct fake_srq *)init->srq;
	q->next = f->qps;
	f->qps = q;
	fake_verbs.queue_pairs++;
	return &q->qp;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *init)
{
	struct ibv_qp_init_attr_ex all = {
		.send_cq = init->send_cq,
		.recv_cq = init->recv_cq,
		.srq = init->srq,
		.qp_type = init->qp_type,
		.pd = pd,
	};

	return create_qp(pd->context, &all);
}

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	if (mask & IBV_QP_DEST_QPN)
		((struct fake_qp *)qp)->peer = attr->dest_qp_num;
	return 0;
}

int ibv_destroy_qp(struct ibv_qp *qp)
{
	struct fake_qp **at = &fake_of(qp->context)->qps;

	while (&(*at)->qp != qp)
		at = &(*at)->next;
	*at = (*at)->next;
	free(qp);
	fake_verbs.queue_pairs--;
	return 0;
}

static struct ibv_srq *create_srq(struct ibv_context *context, struct ibv_srq_init_attr_ex *init)
{
	struct fake_context *f = fake_of(context);
	struct fake_srq *s;

	if (fake_verbs.lacks_srq) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->srq = (struct ibv_srq){ .context = context, .pd = init->pd };
	s->number = ++f->last;
	if (init->comp_mask & IBV_SRQ_INIT_ATTR_CQ)
		s->cq = init->cq;
	s->next = f->srqs;
	f->srqs = s;
	fake_verbs.shared_queues++;
	return &s->srq;
}

struct ibv_srq *ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *init)
{
	struct ibv_srq_init_attr_ex all = { .attr = init->attr, .pd = pd };

	return create_srq(pd->context, &all);
}

static int get_srq_num(struct ibv_srq *srq, uint32_t *number)
{
	*number = ((struct fake_srq *)srq)->number;
	return 0;
}

int ibv_destroy_srq(struct ibv_srq *srq)
{
	struct fake_srq **at = &fake_of(srq->context)->srqs;

	while (&(*at)->srq != srq)
		at = &(*at)->next;
	*at = (*at)->next;
	free(srq);
	fake_verbs.shared_queues--;
	return 0;
}

static struct ibv_xrcd *open_xrcd(struct ibv_context *context, struct ibv_xrcd_init_attr *init)
{
	struct ibv_xrcd *domain;

	(void)init;
	if (lacks(IBV_QPT_XRC_SEND)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	domain = xcalloc(1, sizeof(*domain));
	domain->context = context;
	fake_verbs.domains++;
	return domain;
}

static int close_xrcd(struct ibv_xrcd *domain)
{
	free(domain);
	fake_verbs.domains--;
	return 0;
}

struct ibv_ah *ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	struct ibv_ah *ah = xcalloc(1, sizeof(*ah));

	(void)attr;
	ah->context = pd->context;
	ah->pd = pd;
	return ah;
}

int ibv_destroy_ah(struct ibv_ah *ah)
{
	free(ah);
	return 0;
}

struct ibv_qp_ex *ibv_qp_to_qp_ex(struct ibv_qp *qp)
{
	(void)qp;
	return NULL;
}

/* --- receives ----------------------------------------------------------------------------------- */

static int post(struct fake_receive *receive, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	*bad = wr;
	if (receive->posted)
		return ENOMEM;
	if (wr->num_sge > 2)
		return EINVAL;
	*receive = (struct fake_receive){ .posted = true, .id = wr->wr_id, .nr_sge = wr->num_sge };
	memcpy(receive->sge, wr->sg_list, (size_t)wr->num_sge * sizeof(*wr->sg_list));
	return 0;
}

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	return post(&((struct fake_qp *)qp)->receive, wr, bad);
}

static int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	return post(&((struct fake_srq *)srq)->receive, wr, bad);
}

/* The queue that a message goes to: an extended connection names it; NULL: the queue pair's own. */
static struct fake_srq *shared_queue(struct fake_context *f, struct fake_qp *peer,
				     const struct ibv_send_wr *wr)
{
	struct fake_srq *s = f->srqs;

	if (peer->qp.qp_type != IBV_QPT_XRC_RECV)
		return peer->shared;
	while (s && s->number != wr->qp_type.xrc.remote_srqn)
		s = s->next;
	return s;
}

static struct fake_receive *receive_of(struct fake_context *f, struct fake_qp *peer,
				       const struct ibv_send_wr *wr)
{
	struct fake_srq *s = shared_queue(f, peer, wr);

	if (s)
		return &s->receive;
	return peer->qp.qp_type == IBV_QPT_XRC_RECV ? NULL : &peer->receive;
}

/* --- operations --------------------------------------------------------------------------------- */

static enum ibv_wc_status do_send(struct fake_context *f, struct fake_qp *peer,
				  struct ibv_send_wr *wr, void *data)
{
	struct fake_receive *receive = receive_of(f, peer, wr);
	struct fake_srq *s = shared_queue(f, peer, wr);
	size_t len = wr->sg_list->length, header = 0;
	const struct ibv_sge *sge = receive->sge;
	void *to;

	receive->posted = false;
	if (peer->qp.qp_type == IBV_QPT_UD) {
		header = sge++->length;
		if (receive->nr_sge != 2 || header != GRH_LEN)
			return IBV_WC_SUCCESS;
	}
	to = fake_reach(f, sge->lkey, sge->addr, len, IBV_ACCESS_LOCAL_WRITE);
	if (len > sge->length || !fake_store(to, data, len))
		return IBV_WC_REM_OP_ERR;
	fake_complete(s && s->cq ? s->cq : peer->qp.recv_cq,
		      (struct ibv_wc){ .wr_id = receive->id,
				       .opcode = IBV_WC_RECV,
				       .byte_len = (uint32_t)(header + len) });
	return IBV_WC_SUCCESS;
}

static enum ibv_wc_status do_atomic(const struct ibv_send_wr *wr, void *local, void *remote)
{
	uint64_t was = 0, now;

	if (!fake_fetch(&was, remote, sizeof(was)))
		return IBV_WC_REM_ACCESS_ERR;
	now = was + wr->wr.atomic.compare_add;
	if (wr->opcode == IBV_WR_ATOMIC_CMP_AND_SWP)
		now = was == wr->wr.atomic.compare_add ? wr->wr.atomic.swap : was;
	if (!fake_store(remote, &now, sizeof(now)))
		return IBV_WC_REM_ACCESS_ERR;
	return fake_store(local, &was, sizeof(was)) ? IBV_WC_SUCCESS : IBV_WC_LOC_PROT_ERR;
}

/* Here it does wrong with what it does not reach. */
static enum ibv_wc_status unreached(void *local)
{
	char byte = 'x';

	if (fake_verbs.moves_refused && !fake_store(local, &byte, 1))
		return IBV_WC_LOC_PROT_ERR;
	return fake_verbs.refuses_otherwise ? IBV_WC_REM_OP_ERR : IBV_WC_REM_ACCESS_ERR;
}

static bool uses_on_demand(struct fake_context *f, struct fake_qp *peer,
			   const struct ibv_send_wr *wr)
{
	const struct fake_receive *receive = receive_of(f, peer, wr);

	if (fake_is_on_demand(f, wr->sg_list->lkey))
		return true;
	if (wr->opcode == IBV_WR_SEND)
		return fake_is_on_demand(f, receive->sge[receive->nr_sge - 1].lkey);
	return fake_is_on_demand(f,
				 wr->opcode == IBV_WR_RDMA_WRITE || wr->opcode == IBV_WR_RDMA_READ
					 ? wr->wr.rdma.rkey
					 : wr->wr.atomic.rkey);
}

/* What the first byte is changed by. */
static char spoils(struct fake_context *f, struct fake_qp *peer, const struct ibv_send_wr *wr)
{
	return is_odd(peer) && !fake_verbs.odd_refuses && uses_on_demand(f, peer, wr);
}

static enum ibv_wc_status carry_out(struct fake_context *f, struct fake_qp *peer,
				    struct ibv_send_wr *wr)
{
	const struct ibv_sge *sge = wr->sg_list;
	bool sends = wr->opcode == IBV_WR_SEND || wr->opcode == IBV_WR_RDMA_WRITE;
	void *local = fake_reach(f, sge->lkey, sge->addr, sge->length,
				 sends ? 0 : (unsigned int)IBV_ACCESS_LOCAL_WRITE);
	char data[FAKE_WIRE];
	void *remote;

	if (!local || (sends && !fake_fetch(data, local, sge->length)))
		return IBV_WC_LOC_PROT_ERR;
	if (is_odd(peer) && fake_verbs.odd_refuses && uses_on_demand(f, peer, wr))
		return IBV_WC_REM_OP_ERR;
	switch (wr->opcode) {
	case IBV_WR_SEND:
		data[0] ^= spoils(f, peer, wr);
		return do_send(f, peer, wr, data);
	case IBV_WR_RDMA_WRITE:
		remote = fake_reach(f, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr, sge->length,
				    IBV_ACCESS_REMOTE_WRITE);
		data[0] ^= spoils(f, peer, wr);
		return fake_store(remote, data, sge->length) ? IBV_WC_SUCCESS : unreached(local);
	case IBV_WR_RDMA_READ:
		remote = fake_reach(f, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr, sge->length,
				    IBV_ACCESS_REMOTE_READ);
		if (!fake_fetch(data, remote, sge->length))
			return unreached(local);
		data[0] ^= spoils(f, peer, wr);
		return fake_store(local, data, sge->length) ? IBV_WC_SUCCESS : IBV_WC_LOC_PROT_ERR;
	default:
		remote = fake_reach(f, wr->wr.atomic.rkey, wr->wr.atomic.remote_addr,
				    sizeof(uint64_t), IBV_ACCESS_REMOTE_ATOMIC);
		return do_atomic(wr, local, remote);
	}
}

static enum ibv_wc_opcode completes_as(enum ibv_wr_opcode opcode)
{
	switch (opcode) {
	case IBV_WR_SEND:
		return IBV_WC_SEND;
	case IBV_WR_RDMA_WRITE:
		return IBV_WC_RDMA_WRITE;
	case IBV_WR_RDMA_READ:
		return IBV_WC_RDMA_READ;
	case IBV_WR_ATOMIC_CMP_AND_SWP:
		return IBV_WC_COMP_SWAP;
	default:
		return IBV_WC_FETCH_ADD;
	}
}

/* Nobody tells the sender of what an unreliable service has lost. */
static bool is_lost(enum ibv_qp_type service, enum ibv_wc_status status)
{
	return (service == IBV_QPT_UC || service == IBV_QPT_UD) && status != IBV_WC_LOC_PROT_ERR;
}

/* Nobody waits for a message. */
static bool is_unready(struct fake_context *f, struct fake_qp *peer, const struct ibv_send_wr *wr)
{
	const struct fake_receive *receive;

	if (!peer || wr->opcode != IBV_WR_SEND)
		return !peer;
	receive = receive_of(f, peer, wr);
	return !receive || !receive->posted;
}

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	struct fake_context *f = fake_of(qp->context);
	struct fake_qp *q = (struct fake_qp *)qp, *peer = f->qps;
	uint32_t to = qp->qp_type == IBV_QPT_UD ? wr->wr.ud.remote_qpn : q->peer;
	struct ibv_wc wc = { .wr_id = wr->wr_id, .opcode = completes_as(wr->opcode) };

	*bad = wr;
	while (peer && peer->qp.qp_num != to)
		peer = peer->next;
	if (q->failed)
		wc.status = IBV_WC_WR_FLUSH_ERR;
	else if (is_unready(f, peer, wr))
		wc.status = IBV_WC_RNR_RETRY_EXC_ERR;
	else if (!fake_strikes_next(FAKE_SUCCESS, wr->opcode == IBV_WR_SEND ? 2 : 1))
		wc.status = carry_out(f, peer, wr);
	if ((fake_verbs.never_refuses && !q->failed) || is_lost(qp->qp_type, wc.status))
		wc.status = IBV_WC_SUCCESS;
	q->failed |= wc.status != IBV_WC_SUCCESS;
	fake_complete(qp->send_cq, wc);
	return 0;
}

void fake_queues(struct fake_context *f)
{
	f->verbs.context.ops.post_send = post_send;
	f->verbs.context.ops.post_recv = post_recv;
	f->verbs.context.ops.post_srq_recv = post_srq_recv;
	f->verbs.create_qp_ex = create_qp;
	f->verbs.create_srq_ex = create_srq;
	f->verbs.get_srq_num = get_srq_num;
	f->verbs.open_xrcd = open_xrcd;
	f->verbs.close_xrcd = close_xrcd;
}
