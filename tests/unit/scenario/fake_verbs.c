// SPDX-License-Identifier: GPL-2.0-or-later
/* The RDMA device of fake_verbs.h. What is posted is done, and has completed, when the call returns. */
#include "fake_verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/pagemap.h"

#undef ibv_query_port
#undef ibv_reg_mr
#undef ibv_reg_mr_iova

#define DEPTH 16
#define MAX_KEPT 64

struct fake_mr {
	struct ibv_mr mr;
	uint64_t iova;
	unsigned int access;
	struct fake_mr *next;
};

struct fake_cq {
	struct ibv_cq cq;
	struct ibv_wc wc[DEPTH];
	unsigned int n;
	bool endless, broken;
};

struct fake_qp {
	struct ibv_qp qp;
	uint32_t peer;
	bool failed;
	bool receives;
	uint64_t receive_id;
	struct ibv_sge receive;
	struct fake_qp *next;
};

struct fake_context {
	struct verbs_context verbs; /* the last of it is what libibverbs hands out */
	int events; /* the end that is written to */
	struct fake_mr *mrs;
	struct fake_qp *qps;
	uint32_t last; /* key or number */
	bool port_down;
};

/* A page that stays what it was, whatever is mapped there later: a pipe has it. */
struct fake_page {
	uintptr_t at;
	int pipe[2];
};

struct fake_verbs fake_verbs;

static struct fake_page kept[MAX_KEPT];
static size_t nr_kept;

static struct ibv_device device = { .name = "fake0" };

void fake_verbs_reset(void)
{
	const uint32_t all = IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV | IBV_ODP_SUPPORT_WRITE |
			     IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_ATOMIC;

	fake_verbs = (struct fake_verbs){
		.claims = { .general_caps = IBV_ODP_SUPPORT | IBV_ODP_SUPPORT_IMPLICIT,
			    .per_transport_caps.rc_odp_caps = all },
		.dmabuf_errno = EOPNOTSUPP,
	};
}

static struct fake_context *fake_of(struct ibv_context *context)
{
	return (struct fake_context *)((char *)context -
				       offsetof(struct fake_context, verbs.context));
}

/* --- the device --------------------------------------------------------------------------------- */

struct ibv_device **ibv_get_device_list(int *n)
{
	struct ibv_device **list = xcalloc(2, sizeof(*list));

	list[0] = &device;
	if (n)
		*n = 1;
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

const char *ibv_get_device_name(struct ibv_device *d)
{
	return d->name;
}

static int query_device_ex(struct ibv_context *context,
			   const struct ibv_query_device_ex_input *input,
			   struct ibv_device_attr_ex *attr, size_t size)
{
	(void)context, (void)input;
	memset(attr, 0, size);
	attr->orig_attr.phys_port_cnt = 1;
	attr->orig_attr.atomic_cap = IBV_ATOMIC_HCA;
	attr->odp_caps = fake_verbs.claims;
	attr->xrc_odp_caps = fake_verbs.xrc_claims;
	return 0;
}

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr)
{
	struct ibv_device_attr_ex all;

	query_device_ex(context, NULL, &all, sizeof(all));
	*attr = all.orig_attr;
	return 0;
}

static int query_port(struct ibv_context *context, uint8_t port, struct ibv_port_attr *attr,
		      size_t size)
{
	if (port != 1)
		return EINVAL;
	memset(attr, 0, size);
	attr->state = fake_of(context)->port_down ? IBV_PORT_DOWN : IBV_PORT_ACTIVE;
	attr->active_mtu = IBV_MTU_4096;
	attr->lid = 1;
	attr->link_layer = IBV_LINK_LAYER_INFINIBAND;
	return 0;
}

int ibv_query_port(struct ibv_context *context, uint8_t port, struct _compat_ibv_port_attr *attr)
{
	(void)context, (void)port, (void)attr;
	return ENOSYS;
}

ssize_t _ibv_query_gid_table(struct ibv_context *context, struct ibv_gid_entry *entries, size_t max,
			     uint32_t flags, size_t size)
{
	(void)context, (void)entries, (void)max, (void)flags, (void)size;
	return 0;
}

struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
	struct ibv_pd *pd = xcalloc(1, sizeof(*pd));

	pd->context = context;
	return pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
	free(pd);
	return 0;
}

/* --- events ------------------------------------------------------------------------------------- */

static void raise_event(struct fake_context *f)
{
	struct ibv_async_event event = { .event_type = fake_verbs.event };

	event.element.port_num = 1;
	if (write(f->events, &event, sizeof(event)) != sizeof(event))
		abort();
}

int ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event)
{
	return read(context->async_fd, event, sizeof(*event)) == sizeof(*event) ? 0 : -1;
}

void ibv_ack_async_event(struct ibv_async_event *event)
{
	(void)event;
}

const char *ibv_event_type_str(enum ibv_event_type event)
{
	return event == IBV_EVENT_PORT_ERR ? "port error" : "another event";
}

/* --- regions ------------------------------------------------------------------------------------ */

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
				unsigned int access)
{
	struct fake_context *f = fake_of(pd->context);
	struct fake_mr *m;

	if (!addr && length == SIZE_MAX && fake_verbs.implicit_errno) {
		errno = fake_verbs.implicit_errno;
		return NULL;
	}
	m = xcalloc(1, sizeof(*m));
	m->mr = (struct ibv_mr){
		.context = pd->context,
		.pd = pd,
		.addr = addr,
		.length = length,
		.lkey = ++f->last,
		.rkey = f->last,
	};
	m->iova = iova;
	m->access = access;
	m->next = f->mrs;
	f->mrs = m;
	fake_verbs.regions++;
	return &m->mr;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, (uintptr_t)addr, (unsigned int)access);
}

struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
			       int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, iova, (unsigned int)access);
}

struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
				 int fd, int access)
{
	(void)pd, (void)offset, (void)length, (void)iova, (void)fd, (void)access;
	errno = fake_verbs.dmabuf_errno;
	return NULL;
}

static void forget_pages(void)
{
	while (nr_kept) {
		close(kept[--nr_kept].pipe[0]);
		close(kept[nr_kept].pipe[1]);
	}
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	struct fake_mr **at = &fake_of(mr->context)->mrs;

	while (&(*at)->mr != mr)
		at = &(*at)->next;
	*at = (*at)->next;
	free(mr);
	fake_verbs.regions--;
	forget_pages();
	return 0;
}

static uintptr_t page_at(uintptr_t at)
{
	return at & ~(uintptr_t)(page_size() - 1);
}

static const struct fake_page *kept_page(uintptr_t at)
{
	for (size_t i = 0; i < nr_kept; i++)
		if (kept[i].at == page_at(at))
			return &kept[i];
	return NULL;
}

static void keep_page(uintptr_t at)
{
	struct iovec page = { (void *)page_at(at), page_size() };
	struct fake_page *k = &kept[nr_kept];

	if (kept_page(at) || nr_kept == MAX_KEPT || pipe2(k->pipe, O_CLOEXEC) < 0)
		return;
	k->at = page_at(at);
	nr_kept++;
	if (vmsplice(k->pipe[1], &page, 1, 0) != (ssize_t)page.iov_len)
		k->at = 0;
}

/* What the page holds now, wherever it is; within a page. */
static bool fetch_kept(void *data, uintptr_t from, size_t len)
{
	const struct fake_page *k = kept_page(from);
	size_t size = page_size();
	char page[1u << 16];
	bool done = false;
	int copy[2];

	if (!k || pipe2(copy, O_CLOEXEC) < 0)
		return false;
	if (tee(k->pipe[0], copy[1], size, 0) == (ssize_t)size &&
	    read(copy[0], page, size) == (ssize_t)size) {
		memcpy(data, page + (from - page_at(from)), len);
		done = true;
	}
	close(copy[0]);
	close(copy[1]);
	return done;
}

/* The memory at an address of a region that allows this; NULL: it does not. */
static void *reach(struct fake_context *f, uint32_t key, uint64_t at, size_t len,
		   unsigned int access)
{
	struct fake_mr *m = f->mrs;

	while (m && m->mr.lkey != key)
		m = m->next;
	if (!m)
		return NULL;
	if (!fake_verbs.grants_all && (m->access & access) != access)
		return NULL;
	if (at < m->iova || len > m->mr.length || at - m->iova > m->mr.length - len)
		return NULL;
	if (fake_verbs.loses_iova) {
		uint64_t offset = at - (uintptr_t)m->mr.addr;

		return offset > m->mr.length - len ? NULL : (char *)m->mr.addr + offset;
	}
	if (fake_verbs.loses_offset && m->access & IBV_ACCESS_ON_DEMAND)
		at &= ~(uint64_t)(page_size() - 1);
	if (fake_verbs.keeps_pages && m->access & IBV_ACCESS_ON_DEMAND)
		keep_page((uintptr_t)m->mr.addr + (at - m->iova));
	return (void *)((uintptr_t)m->mr.addr + (at - m->iova));
}

#define WIRE (1u << 16) /* bytes of the longest transfer */

/* As the process could: what is not there is fetched, what may not be touched is not. */
static bool fetch(void *data, void *from, size_t len)
{
	struct iovec here = { data, len }, there = { from, len };

	if (fake_verbs.keeps_pages && fetch_kept(data, (uintptr_t)from, len))
		return true;
	return from && len <= WIRE &&
	       process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)len;
}

static bool store(void *to, void *data, size_t len)
{
	struct iovec here = { data, len }, there = { to, len };

	return to && process_vm_writev(getpid(), &here, 1, &there, 1, 0) == (ssize_t)len;
}

/* --- completions -------------------------------------------------------------------------------- */

struct ibv_cq *ibv_create_cq(struct ibv_context *context, int entries, void *arg,
			     struct ibv_comp_channel *channel, int vector)
{
	struct fake_cq *c = xcalloc(1, sizeof(*c));

	(void)entries, (void)arg, (void)channel, (void)vector;
	c->cq.context = context;
	return &c->cq;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	free(cq);
	return 0;
}

static int poll_cq(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	struct fake_cq *c = (struct fake_cq *)cq;

	if (c->broken)
		return -1;
	if (!c->n || !n)
		return 0;
	*wc = c->wc[0];
	if (c->endless)
		return 1;
	memmove(c->wc, c->wc + 1, --c->n * sizeof(*c->wc));
	return 1;
}

static void push(struct ibv_cq *cq, struct ibv_wc wc)
{
	struct fake_cq *c = (struct fake_cq *)cq;

	if (c->n < DEPTH)
		c->wc[c->n++] = wc;
}

/* Here it does wrong what it was asked to. */
static void complete(struct ibv_cq *cq, struct ibv_wc wc)
{
	struct fake_context *f = fake_of(cq->context);
	struct fake_cq *c = (struct fake_cq *)cq;

	if (wc.status != IBV_WC_SUCCESS || ++fake_verbs.completions != fake_verbs.at)
		return push(cq, wc);
	switch (fake_verbs.fault) {
	case FAKE_OTHER_REQUEST:
		wc.wr_id += 1000;
		break;
	case FAKE_OTHER_STATUS:
		wc.status = IBV_WC_REM_OP_ERR;
		break;
	case FAKE_NO_STATUS:
		wc.status = (enum ibv_wc_status)12345;
		break;
	case FAKE_OTHER_LENGTH:
		wc.byte_len++;
		break;
	case FAKE_OTHER_OPERATION:
		wc.opcode = IBV_WC_BIND_MW;
		break;
	case FAKE_TWICE:
		push(cq, wc);
		break;
	case FAKE_FOR_NOTHING:
		push(cq, wc);
		wc.wr_id += 1000;
		break;
	case FAKE_ENDLESS:
		c->endless = true;
		break;
	case FAKE_POLL_FAILS:
		c->broken = true;
		break;
	case FAKE_EVENT:
		raise_event(f);
		return;
	case FAKE_EVENT_BESIDE:
		raise_event(f);
		break;
	case FAKE_PORT_DOWN:
		f->port_down = true;
		return;
	case FAKE_NO_COMPLETION:
		return;
	case FAKE_SUCCESS:
	case FAKE_RIGHT:
		break;
	}
	push(cq, wc);
}

/* One of the next n completions. */
static bool strikes_next(enum fake_fault fault, unsigned int n)
{
	return fake_verbs.fault == fault && fake_verbs.completions < fake_verbs.at &&
	       fake_verbs.at <= fake_verbs.completions + n;
}

/* --- queue pairs -------------------------------------------------------------------------------- */

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *init)
{
	struct fake_context *f = fake_of(pd->context);
	struct fake_qp *q;

	if (init->qp_type != IBV_QPT_RC || init->srq) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	q = xcalloc(1, sizeof(*q));
	q->qp = (struct ibv_qp){
		.context = pd->context,
		.pd = pd,
		.send_cq = init->send_cq,
		.recv_cq = init->recv_cq,
		.qp_num = ++f->last,
		.qp_type = init->qp_type,
	};
	q->next = f->qps;
	f->qps = q;
	fake_verbs.queue_pairs++;
	return &q->qp;
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

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	*bad = wr;
	if (q->receives)
		return ENOMEM;
	q->receives = true;
	q->receive_id = wr->wr_id;
	q->receive = wr->sg_list[0];
	return 0;
}

static enum ibv_wc_status do_send(struct fake_context *f, struct fake_qp *peer, void *data,
				  size_t len)
{
	void *to = reach(f, peer->receive.lkey, peer->receive.addr, len, IBV_ACCESS_LOCAL_WRITE);

	peer->receives = false;
	if (len > peer->receive.length || !store(to, data, len))
		return IBV_WC_REM_OP_ERR;
	complete(peer->qp.recv_cq, (struct ibv_wc){ .wr_id = peer->receive_id,
						    .opcode = IBV_WC_RECV,
						    .byte_len = (uint32_t)len });
	return IBV_WC_SUCCESS;
}

static enum ibv_wc_status do_atomic(const struct ibv_send_wr *wr, void *local, void *remote)
{
	uint64_t was = 0, now;

	if (!fetch(&was, remote, sizeof(was)))
		return IBV_WC_REM_ACCESS_ERR;
	now = was + wr->wr.atomic.compare_add;
	if (wr->opcode == IBV_WR_ATOMIC_CMP_AND_SWP)
		now = was == wr->wr.atomic.compare_add ? wr->wr.atomic.swap : was;
	if (!store(remote, &now, sizeof(now)))
		return IBV_WC_REM_ACCESS_ERR;
	return store(local, &was, sizeof(was)) ? IBV_WC_SUCCESS : IBV_WC_LOC_PROT_ERR;
}

/* Here it does wrong with what it does not reach. */
static enum ibv_wc_status unreached(void *local)
{
	char byte = 'x';

	if (fake_verbs.moves_refused && !store(local, &byte, 1))
		return IBV_WC_LOC_PROT_ERR;
	return fake_verbs.refuses_otherwise ? IBV_WC_REM_OP_ERR : IBV_WC_REM_ACCESS_ERR;
}

static enum ibv_wc_status carry_out(struct fake_context *f, struct fake_qp *peer,
				    struct ibv_send_wr *wr)
{
	const struct ibv_sge *sge = wr->sg_list;
	bool sends = wr->opcode == IBV_WR_SEND || wr->opcode == IBV_WR_RDMA_WRITE;
	void *local = reach(f, sge->lkey, sge->addr, sge->length,
			    sends ? 0 : (unsigned int)IBV_ACCESS_LOCAL_WRITE);
	char data[WIRE];
	void *remote;

	if (!local || (sends && !fetch(data, local, sge->length)))
		return IBV_WC_LOC_PROT_ERR;
	switch (wr->opcode) {
	case IBV_WR_SEND:
		return do_send(f, peer, data, sge->length);
	case IBV_WR_RDMA_WRITE:
		remote = reach(f, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr, sge->length,
			       IBV_ACCESS_REMOTE_WRITE);
		return store(remote, data, sge->length) ? IBV_WC_SUCCESS : unreached(local);
	case IBV_WR_RDMA_READ:
		remote = reach(f, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr, sge->length,
			       IBV_ACCESS_REMOTE_READ);
		if (!fetch(data, remote, sge->length))
			return unreached(local);
		return store(local, data, sge->length) ? IBV_WC_SUCCESS : IBV_WC_LOC_PROT_ERR;
	default:
		remote = reach(f, wr->wr.atomic.rkey, wr->wr.atomic.remote_addr, sizeof(uint64_t),
			       IBV_ACCESS_REMOTE_ATOMIC);
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

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	struct fake_context *f = fake_of(qp->context);
	struct fake_qp *q = (struct fake_qp *)qp, *peer = f->qps;
	struct ibv_wc wc = { .wr_id = wr->wr_id, .opcode = completes_as(wr->opcode) };

	*bad = wr;
	while (peer && peer->qp.qp_num != q->peer)
		peer = peer->next;
	if (q->failed)
		wc.status = IBV_WC_WR_FLUSH_ERR;
	else if (!peer || (wr->opcode == IBV_WR_SEND && !peer->receives))
		wc.status = IBV_WC_RNR_RETRY_EXC_ERR;
	else if (!strikes_next(FAKE_SUCCESS, wr->opcode == IBV_WR_SEND ? 2 : 1))
		wc.status = carry_out(f, peer, wr);
	if (fake_verbs.never_refuses && !q->failed)
		wc.status = IBV_WC_SUCCESS;
	q->failed |= wc.status != IBV_WC_SUCCESS;
	complete(qp->send_cq, wc);
	return 0;
}

/* --- what it has not ---------------------------------------------------------------------------- */

struct ibv_srq *ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *init)
{
	(void)pd, (void)init;
	errno = EOPNOTSUPP;
	return NULL;
}

int ibv_destroy_srq(struct ibv_srq *srq)
{
	(void)srq;
	return 0;
}

struct ibv_ah *ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	(void)pd, (void)attr;
	errno = EOPNOTSUPP;
	return NULL;
}

int ibv_destroy_ah(struct ibv_ah *ah)
{
	(void)ah;
	return 0;
}

struct ibv_qp_ex *ibv_qp_to_qp_ex(struct ibv_qp *qp)
{
	(void)qp;
	return NULL;
}

const char *ibv_wc_status_str(enum ibv_wc_status status)
{
	static const char *const names[] = {
		[IBV_WC_SUCCESS] = "success",
		[IBV_WC_LOC_PROT_ERR] = "local protection error",
		[IBV_WC_WR_FLUSH_ERR] = "Work Request Flushed Error",
		[IBV_WC_REM_ACCESS_ERR] = "remote access error",
		[IBV_WC_REM_OP_ERR] = "remote operation error",
	};
	const size_t n = sizeof(names) / sizeof(names[0]);

	return status < n && names[status] ? names[status] : "unknown";
}

/* --- opened ------------------------------------------------------------------------------------- */

struct ibv_context *ibv_open_device(struct ibv_device *d)
{
	struct fake_context *f = xcalloc(1, sizeof(*f));
	struct ibv_context *context = &f->verbs.context;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	f->events = ends[1];
	f->port_down = fake_verbs.inactive;
	f->verbs.sz = sizeof(f->verbs);
	f->verbs.query_device_ex = query_device_ex;
	f->verbs.query_port = query_port;
	context->device = d;
	context->async_fd = ends[0];
	context->abi_compat = __VERBS_ABI_IS_EXTENDED;
	context->ops.poll_cq = poll_cq;
	context->ops.post_send = post_send;
	context->ops.post_recv = post_recv;
	return context;
}

int ibv_close_device(struct ibv_context *context)
{
	struct fake_context *f = fake_of(context);

	close(context->async_fd);
	close(f->events);
	free(f);
	return 0;
}
