// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is posted on the queue pairs of a loopback: transfers of the initiator, receives of the responder. */
#include "have_verbs.h"
#include "scenario/verbs_qp.h"

bool verbs_can_extend(void)
{
#ifdef HAVE_IBV_WR_FLUSH
	return true;
#else
	return false;
#endif
}

static bool is_atomic(enum ibv_wr_opcode opcode)
{
	return opcode == IBV_WR_ATOMIC_FETCH_AND_ADD || opcode == IBV_WR_ATOMIC_CMP_AND_SWP;
}

static struct ibv_sge sge_of(const struct ibv_mr *mr, size_t offset, size_t len)
{
	return (struct ibv_sge){
		.addr = (uintptr_t)mr->addr + offset,
		.length = (uint32_t)len,
		.lkey = mr->lkey,
	};
}

static void address(const struct verbs *v, struct ibv_send_wr *wr)
{
	uint32_t srqn = 0;

	if (v->service == IBV_QPT_UD) {
		wr->wr.ud.ah = v->ah;
		wr->wr.ud.remote_qpn = v->qp[VERBS_RESPONDER]->qp_num;
		wr->wr.ud.remote_qkey = VERBS_QKEY;
	} else if (v->service == IBV_QPT_XRC_SEND && !ibv_get_srq_num(v->srq, &srqn)) {
		wr->qp_type.xrc.remote_srqn = srqn;
	}
}

/* These take no request in memory, but calls in a row: ibv_wr_post(3). */
static int post_extended(struct verbs *v, const struct verbs_transfer *t)
{
#ifdef HAVE_IBV_WR_FLUSH
	struct ibv_qp_ex *qp = ibv_qp_to_qp_ex(v->qp[VERBS_INITIATOR]);
	uint64_t remote = (uintptr_t)t->remote->addr + t->remote_offset;

	ibv_wr_start(qp);
	qp->wr_id = verbs_request(v, VERBS_INITIATOR, &t->opcode);
	qp->wr_flags = IBV_SEND_SIGNALED;
	if (t->opcode == VERBS_WR_FLUSH)
		ibv_wr_flush(qp, t->remote->rkey, remote, t->len, t->placement, t->level);
	else
		ibv_wr_atomic_write(qp, t->remote->rkey, remote,
				    (const char *)t->local->addr + t->local_offset);
	return verbs_error(ibv_wr_complete(qp));
#else
	(void)v, (void)t;
	return -EOPNOTSUPP;
#endif
}

int verbs_post(struct verbs *v, const struct verbs_transfer *t)
{
	struct ibv_sge sge = sge_of(t->local, t->local_offset, t->len);
	struct ibv_send_wr wr = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = t->opcode,
		.send_flags = IBV_SEND_SIGNALED,
	};
	struct ibv_send_wr *bad;

	if (t->len > UINT32_MAX)
		return -EMSGSIZE;
	if (t->opcode == VERBS_WR_FLUSH || t->opcode == VERBS_WR_ATOMIC_WRITE)
		return post_extended(v, t);
	wr.wr_id = verbs_request(v, VERBS_INITIATOR, &t->opcode);
	if (is_atomic(t->opcode)) {
		wr.wr.atomic.remote_addr = (uintptr_t)t->remote->addr + t->remote_offset;
		wr.wr.atomic.rkey = t->remote->rkey;
		wr.wr.atomic.compare_add = t->compare_add;
		wr.wr.atomic.swap = t->swap;
	} else if (t->remote) {
		wr.wr.rdma.remote_addr = (uintptr_t)t->remote->addr + t->remote_offset;
		wr.wr.rdma.rkey = t->remote->rkey;
	}
	address(v, &wr);
	return verbs_error(ibv_post_send(v->qp[VERBS_INITIATOR], &wr, &bad));
}

int verbs_receive(struct verbs *v, const struct ibv_mr *mr, size_t offset, size_t len)
{
	struct ibv_sge sges[2], *end = sges;
	struct ibv_recv_wr wr = { .sg_list = sges };
	struct ibv_recv_wr *bad;

	if (len > UINT32_MAX)
		return -EMSGSIZE;
	if (v->service == IBV_QPT_UD)
		*end++ = sge_of(v->grh_mr, 0, sizeof(v->grh));
	*end++ = sge_of(mr, offset, len);
	wr.num_sge = (int)(end - sges);
	wr.wr_id = verbs_request(v, VERBS_RESPONDER, NULL);
	return verbs_error(v->srq ? ibv_post_srq_recv(v->srq, &wr, &bad)
				  : ibv_post_recv(v->qp[VERBS_RESPONDER], &wr, &bad));
}

size_t verbs_received_len(const struct verbs *v, size_t len)
{
	return v->service == IBV_QPT_UD ? sizeof(v->grh) + len : len;
}
