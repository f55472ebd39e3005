// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What comes from a device under test: completions, each of which must be of the one request that its end
 * has posted, and asynchronous events. What must not come is remembered, so that no scenario passes over it.
 */
#include "scenario/verbs_qp.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"

#define POLLS_AT_ONCE 256 /* what is fast is seen without a pause */
#define POLL_PAUSE_NS 50000

static const char *const end_names[NR_VERBS_ENDS] = { "initiator", "responder" };

/* --- what must not come ------------------------------------------------------------------------- */

/* The first of all: it explains what comes after. */
static void note(char **what, const char *fmt, ...) attr_printf(2, 3);
static void note(char **what, const char *fmt, ...)
{
	va_list ap;

	if (*what)
		return;
	va_start(ap, fmt);
	*what = xvasprintf(fmt, ap);
	va_end(ap);
}

void verbs_upset_move(struct verbs *to, struct verbs *from)
{
	if (from->gone)
		note(&to->gone, "%s", from->gone);
	if (from->wrong)
		note(&to->wrong, "%s", from->wrong);
}

void verbs_upset_free(struct verbs *v)
{
	free(v->gone);
	free(v->wrong);
	v->gone = NULL;
	v->wrong = NULL;
}

/* --- asynchronous events ------------------------------------------------------------------------ */

int verbs_events_open(const struct verbs *v)
{
	int flags = fcntl(v->context->async_fd, F_GETFL);

	if (flags < 0 || fcntl(v->context->async_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* Of a queue pair that had a request end with an error, an event tells nothing new. */
static void take_event(struct verbs *v, const struct ibv_async_event *event)
{
	const char *text = ibv_event_type_str(event->event_type);

	switch (event->event_type) {
	case IBV_EVENT_DEVICE_FATAL:
		note(&v->gone, "the device failed or was removed (%s)", text);
		break;
	case IBV_EVENT_PORT_ERR:
		if (event->element.port_num == v->port)
			note(&v->gone, "its port went down (%s)", text);
		break;
	case IBV_EVENT_CQ_ERR:
		note(&v->wrong, "a completion queue broke down (%s)", text);
		break;
	case IBV_EVENT_QP_FATAL:
	case IBV_EVENT_SRQ_ERR:
		if (!v->failed)
			note(&v->wrong, "a queue broke down, and no request had failed (%s)", text);
		break;
	default:
		break;
	}
}

void verbs_events_read(struct verbs *v)
{
	struct ibv_async_event event;

	/* As many as queues that break down, ports and the device can have: a device may not go on for ever. */
	for (int i = 0; i < VERBS_MAX_EVENTS; i++) {
		if (!v->context || ibv_get_async_event(v->context, &event))
			break;
		take_event(v, &event);
		ibv_ack_async_event(&event);
	}
}

/* It goes down with a cable, and with the device. */
static bool port_is_up(const struct verbs *v)
{
	struct ibv_port_attr attr;

	return ibv_query_port(v->context, v->port, &attr) == 0 && attr.state == IBV_PORT_ACTIVE;
}

bool verbs_is_gone(struct verbs *v)
{
	verbs_events_read(v);
	if (!v->gone && !port_is_up(v))
		note(&v->gone, "its port went down");
	return v->gone;
}

/* After this nothing more completes. 0, or a negative errno. */
static int upset(struct verbs *v)
{
	verbs_events_read(v);
	if (v->gone)
		return -ENETDOWN;
	return v->wrong ? -EBADMSG : 0;
}

/* --- completions -------------------------------------------------------------------------------- */

/* What a request completes as; -1: this header has no name for it. */
static int completes_as(enum ibv_wr_opcode opcode)
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
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		return IBV_WC_FETCH_ADD;
	default:
		return -1;
	}
}

uint64_t verbs_request(struct verbs *v, enum verbs_end end, const enum ibv_wr_opcode *opcode)
{
	v->posted[end] = (struct verbs_posted){
		.id = ++v->requests,
		.completes_as = opcode ? completes_as(*opcode) : IBV_WC_RECV,
	};
	return v->requests;
}

/* Is it of the request that was posted? It is not outstanding any more then. */
static int take_completion(struct verbs *v, enum verbs_end end, const struct ibv_wc *wc)
{
	struct verbs_posted posted = v->posted[end];

	if (!posted.id || wc->wr_id != posted.id) {
		note(&v->wrong,
		     "at the %s request %llu completes ('%s'), which is not outstanding: %s",
		     end_names[end], (unsigned long long)wc->wr_id, ibv_wc_status_str(wc->status),
		     !posted.id              ? "none is"
		     : wc->wr_id < posted.id ? "it has completed before"
					     : "it was never posted");
		return -EBADMSG;
	}
	v->posted[end] = (struct verbs_posted){ 0 };
	/* All else of one that failed means nothing: ibv_poll_cq(3). */
	if (wc->status != IBV_WC_SUCCESS) {
		v->failed = true;
		return 0;
	}
	if (posted.completes_as >= 0 && (int)wc->opcode != posted.completes_as) {
		note(&v->wrong, "at the %s a request completes as operation %d, expected %d",
		     end_names[end], (int)wc->opcode, posted.completes_as);
		return -EBADMSG;
	}
	return 0;
}

/* The first that must not be there ends it: there may be no end of them. */
void verbs_queues_empty(struct verbs *v)
{
	struct ibv_wc wc;

	for (enum verbs_end end = 0; end < NR_VERBS_ENDS; end++)
		while (v->cq[end] && ibv_poll_cq(v->cq[end], 1, &wc) > 0)
			if (take_completion(v, end, &wc))
				break;
	verbs_events_read(v);
}

int verbs_wait(struct verbs *v, enum verbs_end end, unsigned int timeout_ms, struct ibv_wc *wc)
{
	int64_t deadline = clock_ns() + timeout_ms * NS_PER_MS;
	int n, err;

	for (unsigned int polls = 0; (n = ibv_poll_cq(v->cq[end], 1, wc)) == 0; polls++) {
		if (polls < POLLS_AT_ONCE) {
			sched_yield();
			continue;
		}
		err = upset(v);
		if (err)
			return err;
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){ .tv_nsec = POLL_PAUSE_NS }, NULL);
	}
	return n < 0 ? verbs_error(n) : take_completion(v, end, wc);
}

int verbs_transfer(struct verbs *v, const struct verbs_transfer *t, unsigned int timeout_ms,
		   enum ibv_wc_status *status)
{
	struct ibv_wc wc;
	int err = verbs_post(v, t);

	if (!err)
		err = verbs_wait(v, VERBS_INITIATOR, timeout_ms, &wc);
	if (!err)
		*status = wc.status;
	return err;
}
