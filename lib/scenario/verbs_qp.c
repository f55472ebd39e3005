// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The queue pairs of a loopback, for each transport service: how they are made and connected, which
 * follows ibv_modify_qp(3), both ends in this process, so that nothing has to be exchanged.
 */
#include "scenario/verbs_qp.h"

#include <fcntl.h>
#include <string.h>

/* What each service wants to be told on its way, beside the state itself: ibv_modify_qp(3). */
#define COMMON (IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT)
#define PATH (IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN)
#define RESPONDS (IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER)
#define SENDS (IBV_QP_STATE | IBV_QP_SQ_PSN)
#define RETRIES (IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC)

struct service {
	enum ibv_qp_type type;
	int init, receive, send;
};

static const struct service services[] = {
	{ IBV_QPT_RC, COMMON | IBV_QP_ACCESS_FLAGS, PATH | RESPONDS,
	  SENDS | IBV_QP_TIMEOUT | RETRIES },
	{ IBV_QPT_UC, COMMON | IBV_QP_ACCESS_FLAGS, PATH, SENDS },
	{ IBV_QPT_UD, COMMON | IBV_QP_QKEY, IBV_QP_STATE, SENDS },
	{ IBV_QPT_XRC_SEND, COMMON | IBV_QP_ACCESS_FLAGS, PATH, SENDS | IBV_QP_TIMEOUT | RETRIES },
	{ IBV_QPT_XRC_RECV, COMMON | IBV_QP_ACCESS_FLAGS, PATH | RESPONDS, SENDS | IBV_QP_TIMEOUT },
};

int verbs_error(int r)
{
	if (r > 0)
		return -r;
	if (r < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static int error_of_null(void)
{
	return verbs_error(-1);
}

/* --- made --------------------------------------------------------------------------------------- */

static enum ibv_qp_type type_of(const struct verbs *v, enum verbs_end end)
{
	if (v->service == IBV_QPT_XRC_SEND && end == VERBS_RESPONDER)
		return IBV_QPT_XRC_RECV;
	return v->service;
}

static bool shares_receives(const struct verbs *v)
{
	return v->shares_receives || v->service == IBV_QPT_XRC_SEND;
}

/* Datagrams have a piece of their own for the header. */
static uint32_t receive_pieces(const struct verbs *v)
{
	return v->service == IBV_QPT_UD ? 2 : 1;
}

/* One that takes operations which only libibverbs' newer calls can post. */
static int qp_create(struct verbs *v, enum verbs_end end)
{
	enum ibv_qp_type type = type_of(v, end);
	struct ibv_qp_init_attr_ex init = {
		.send_cq = v->cq[end],
		.recv_cq = v->cq[end],
		.cap = { .max_send_wr = 1,
			 .max_recv_wr = 1,
			 .max_send_sge = 1,
			 .max_recv_sge = receive_pieces(v) },
		.qp_type = type,
		.comp_mask = IBV_QP_INIT_ATTR_PD,
		.pd = v->pd,
	};

	if (type == IBV_QPT_XRC_RECV) {
		init.comp_mask = IBV_QP_INIT_ATTR_XRCD;
		init.xrcd = v->xrcd;
	} else if (end == VERBS_RESPONDER && v->shares_receives) {
		init.srq = v->srq;
	}
	if (v->send_ops && type != IBV_QPT_XRC_RECV) {
		init.comp_mask |= IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
		init.send_ops_flags = v->send_ops;
	}
	v->qp[end] = ibv_create_qp_ex(v->context, &init);
	return v->qp[end] ? 0 : error_of_null();
}

static int srq_create(struct verbs *v)
{
	struct ibv_srq_init_attr_ex init = {
		.attr = { .max_wr = 1, .max_sge = receive_pieces(v) },
		.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD,
		.srq_type = IBV_SRQT_BASIC,
		.pd = v->pd,
	};

	if (v->service == IBV_QPT_XRC_SEND) {
		init.comp_mask |= IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ;
		init.srq_type = IBV_SRQT_XRC;
		init.xrcd = v->xrcd;
		init.cq = v->cq[VERBS_RESPONDER];
	}
	v->srq = ibv_create_srq_ex(v->context, &init);
	return v->srq ? 0 : error_of_null();
}

static int xrcd_open(struct verbs *v)
{
	struct ibv_xrcd_init_attr init = {
		.comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS,
		.fd = -1,
		.oflags = O_CREAT,
	};

	v->xrcd = ibv_open_xrcd(v->context, &init);
	return v->xrcd ? 0 : error_of_null();
}

static struct ibv_ah_attr path_of(const struct verbs *v)
{
	return (struct ibv_ah_attr){
		.port_num = v->port,
		.dlid = v->port_attr.lid,
		.is_global = v->has_gid,
		.grh = { .dgid = v->gid, .sgid_index = v->gid_index, .hop_limit = 1 },
	};
}

/* A datagram comes with a header in front, for which there is room beside the memory under test. */
static int datagrams_prepare(struct verbs *v)
{
	struct ibv_ah_attr path = path_of(v);

	v->ah = ibv_create_ah(v->pd, &path);
	if (!v->ah)
		return error_of_null();
	return v->grh_mr ? 0
			 : verbs_register(v, v->grh, sizeof(v->grh), IBV_ACCESS_LOCAL_WRITE,
					  &v->grh_mr);
}

/* --- connected ---------------------------------------------------------------------------------- */

static int access_of(const struct verbs *v)
{
	int access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;

	if (v->attr.orig_attr.atomic_cap != IBV_ATOMIC_NONE)
		access |= IBV_ACCESS_REMOTE_ATOMIC;
	if (v->send_ops & VERBS_OP_FLUSH)
		access |= VERBS_ACCESS_FLUSH_GLOBAL | VERBS_ACCESS_FLUSH_PERSISTENT;
	return access;
}

static int modify(struct ibv_qp *qp, struct ibv_qp_attr attr, int mask)
{
	return verbs_error(ibv_modify_qp(qp, &attr, mask));
}

static int qp_connect(const struct verbs *v, enum verbs_end end, enum ibv_mtu mtu)
{
	const struct service *s = services;
	struct ibv_qp_attr init = {
		.qp_state = IBV_QPS_INIT,
		.port_num = v->port,
		.qp_access_flags = (unsigned int)access_of(v),
		.qkey = VERBS_QKEY,
	};
	struct ibv_qp_attr receive = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = mtu,
		.dest_qp_num = v->qp[!end]->qp_num,
		.max_dest_rd_atomic = 1,
		/* 0.64 ms: a device may ask for a pause while it resolves a page fault. */
		.min_rnr_timer = 12,
		.ah_attr = path_of(v),
	};
	struct ibv_qp_attr send = {
		.qp_state = IBV_QPS_RTS,
		.timeout = 14, /* 67 ms */
		.retry_cnt = 7,
		.rnr_retry = 7, /* without end: page faults take their time */
		.max_rd_atomic = 1,
	};

	while (s->type != type_of(v, end))
		s++;
	return modify(v->qp[end], init, s->init) ?: modify(v->qp[end], receive, s->receive) ?:
						    modify(v->qp[end], send, s->send);
}

/* --- gone --------------------------------------------------------------------------------------- */

/* What came to them last is looked at, before and after: some devices take it away with them. */
void verbs_qps_destroy(struct verbs *v)
{
	verbs_queues_empty(v);
	for (size_t i = 0; i < ARRAY_LEN(v->qp); i++) {
		if (v->qp[i])
			ibv_destroy_qp(v->qp[i]);
		v->qp[i] = NULL;
	}
	verbs_queues_empty(v);
	memset(v->posted, 0, sizeof(v->posted));
	v->failed = false;
}

void verbs_queues_destroy(struct verbs *v)
{
	verbs_qps_destroy(v);
	if (v->srq)
		ibv_destroy_srq(v->srq);
	if (v->ah)
		ibv_destroy_ah(v->ah);
	if (v->xrcd)
		ibv_close_xrcd(v->xrcd);
	v->srq = NULL;
	v->ah = NULL;
	v->xrcd = NULL;
}

/* The shared receives go with the queue pairs: what is left there was meant for these. */
static int queues_renew(struct verbs *v)
{
	int err = 0;

	verbs_queues_destroy(v);
	if (v->service == IBV_QPT_XRC_SEND)
		err = xrcd_open(v);
	if (v->service == IBV_QPT_UD)
		err = err ?: datagrams_prepare(v);
	return err ?: shares_receives(v) ? srq_create(v) : 0;
}

/* --- for all to use ----------------------------------------------------------------------------- */

int verbs_set_mtu(struct verbs *v, enum ibv_mtu mtu)
{
	int err = queues_renew(v);

	for (enum verbs_end end = 0; end < NR_VERBS_ENDS && !err; end++)
		err = qp_create(v, end);
	v->mtu = mtu;
	v->path_mtu = 128u << mtu;
	for (enum verbs_end end = 0; end < NR_VERBS_ENDS && !err; end++)
		err = qp_connect(v, end, mtu);
	return err;
}

int verbs_reconnect(struct verbs *v)
{
	return verbs_set_mtu(v, v->mtu);
}

int verbs_set_service(struct verbs *v, enum ibv_qp_type service, bool share_receives)
{
	v->service = service;
	v->shares_receives = share_receives;
	return verbs_reconnect(v);
}

int verbs_set_operations(struct verbs *v, uint64_t send_ops)
{
	if (send_ops && !verbs_can_extend())
		return -EOPNOTSUPP;
	v->send_ops = send_ops;
	return verbs_reconnect(v);
}
