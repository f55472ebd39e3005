// SPDX-License-Identifier: GPL-2.0-or-later
/* The RDMA device of fake_verbs.h. What is posted is done, and has completed, when the call returns. */
#include "fake_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#undef ibv_query_port

struct fake_verbs fake_verbs;

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

struct fake_context *fake_of(struct ibv_context *context)
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

	if (c->n < FAKE_DEPTH)
		c->wc[c->n++] = wc;
}

void fake_complete(struct ibv_cq *cq, struct ibv_wc wc)
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

bool fake_strikes_next(enum fake_fault fault, unsigned int n)
{
	return fake_verbs.fault == fault && fake_verbs.completions < fake_verbs.at &&
	       fake_verbs.at <= fake_verbs.completions + n;
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
	fake_queues(f);
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
