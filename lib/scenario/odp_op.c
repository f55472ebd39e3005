/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.send, odp.recv, odp.srq, odp.atomic, odp.atomic-write: each operation of a reliable connection with the
 * memory of the one end on demand, of the other, and of both; cold, where no page is mapped; warm; and
 * again after the address space has given the pages up. Memory is of a file in memory, so that its data
 * stays when nobody has it mapped.
 */
#include <string.h>

#include "base/alloc.h"
#include "scenario/odp_claims.h"
#include "scenario/odp_rig.h"
#include "scenario/scenario.h"

#define PAGES 8

enum { LOCAL = 1 << 0, REMOTE = 1 << 1 };

/* What a scenario exercises. */
struct exercise {
	const char *name;
	uint32_t claim_both; /* what more it takes for both ends to be on demand */
	unsigned int ends; /* which of them can be on demand alone */
	const struct rig_op *ops[4]; /* NULL-terminated */
	bool shared_receives;
	uint64_t send_ops; /* what it takes to post them */
};

static const struct {
	const char *name;
	unsigned int on_demand;
} sides[] = {
	{ "local memory on demand", LOCAL },
	{ "remote memory on demand", REMOTE },
	{ "both on demand", LOCAL | REMOTE },
};

static const struct {
	const char *name;
	bool cold;
} passes[] = {
	{ "cold", true },
	{ "warm", false },
	{ "after MADV_DONTNEED", true },
};

/* Are the pages of the buffers on demand mapped as they must be? */
static int check_mapped(struct rig *r, size_t expected)
{
	int ret = r->local.on_demand ? rig_mapped(r, &r->local, expected) : 0;

	return ret ?: r->remote.on_demand ? rig_mapped(r, &r->remote, expected) : 0;
}

static int drop_both(struct rig *r)
{
	return rig_drop(r, &r->local) ?: rig_drop(r, &r->remote);
}

/* The page table is looked at before the CPU looks at the data, which maps it. */
static int run_pass(struct rig *r, const struct rig_op *op, bool cold)
{
	int ret = 0;

	if (cold)
		ret = drop_both(r);
	ret = ret ?: check_mapped(r, cold ? 0 : r->pages);
	ret = ret ?: rig_move_all(r, op, IBV_WC_SUCCESS);
	ret = ret ?: check_mapped(r, r->pages);
	return ret ?: rig_check_both(r);
}

/* New regions, which have never seen a page. */
static int run_side(struct rig *r, const struct rig_op *op, unsigned int on_demand,
		    const char *side)
{
	int ret = drop_both(r);

	rig_stage(r, "%s, %s", op->name, side);
	ret = ret ?: rig_register(r, &r->local, on_demand & LOCAL);
	ret = ret ?: rig_register(r, &r->remote, on_demand & REMOTE);
	for (size_t i = 0; i < ARRAY_LEN(passes) && !ret; i++) {
		rig_stage(r, "%s, %s, %s", op->name, side, passes[i].name);
		rig_fill_both(r);
		ret = run_pass(r, op, passes[i].cold);
	}
	return ret;
}

static bool applies(const struct rig *r, const struct exercise *e, unsigned int on_demand)
{
	uint32_t claims = r->device->verbs.attr.odp_caps.per_transport_caps.rc_odp_caps;

	if (on_demand == (LOCAL | REMOTE))
		return e->claim_both ? (claims & e->claim_both) == e->claim_both
				     : e->ends == on_demand;
	return on_demand & e->ends;
}

static int run_all(struct rig *r, const struct exercise *e, size_t *ran)
{
	int ret = 0;

	for (size_t i = 0; e->ops[i]; i++) {
		for (size_t k = 0; k < ARRAY_LEN(sides) && !ret; k++) {
			if (!applies(r, e, sides[k].on_demand))
				continue;
			ret = run_side(r, e->ops[i], sides[k].on_demand, sides[k].name);
			++*ran;
		}
	}
	return ret;
}

static int set_up(struct rig *r, const struct exercise *e)
{
	int ret = rig_map_both(r);

	if (e->shared_receives)
		ret = ret ?: verbs_set_service(&r->device->verbs, IBV_QPT_RC, true);
	return ret;
}

static void say(struct rig *r, const struct exercise *e, size_t ran)
{
	struct scenario_ctx *ctx = r->device->ctx;
	const struct verbs *v = &r->device->verbs;

	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: %s: %zu passes of %u pages, a piece of each, at most %zu bytes, in one "
		     "packet: all of both buffers right",
		     v->name, e->name, ran * ARRAY_LEN(passes), PAGES, r->piece);
	scn_evidence(
		ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
		"%s: %s: in %zu passes no page on demand was mapped before, and all were after",
		v->name, e->name, ran * 2);
}

static enum outcome body(struct rdma_device *device, const void *arg)
{
	const struct exercise *e = arg;
	enum outcome outcome;
	size_t ran = 0;
	struct rig r;
	int ret = e->send_ops ? verbs_set_operations(&device->verbs, e->send_ops) : 0;

	if (ret)
		return rig_cannot_post(device, ret);
	ret = rig_open(&r, device, PAGES);
	ret = ret ?: set_up(&r, e);
	ret = ret ?: run_all(&r, e, &ran);
	if (!ret)
		say(&r, e, ran);
	outcome = rig_conclude(&r, ret, "%s, cold, warm and after MADV_DONTNEED", e->name);
	rig_close(&r);
	return outcome;
}

static const struct exercise exercise_send = {
	.name = "send",
	.claim_both = IBV_ODP_SUPPORT_RECV,
	.ends = LOCAL,
	.ops = { &rig_send },
};

static const struct exercise exercise_recv = {
	.name = "receive",
	.claim_both = IBV_ODP_SUPPORT_SEND,
	.ends = REMOTE,
	.ops = { &rig_send },
};

static const struct exercise exercise_srq = {
	.name = "receive from a shared queue",
	.claim_both = IBV_ODP_SUPPORT_SEND,
	.ends = REMOTE,
	.ops = { &rig_send },
	.shared_receives = true,
};

static const struct exercise exercise_atomic = {
	.name = "atomic operations",
	.ends = LOCAL | REMOTE,
	.ops = { &rig_add, &rig_swap, &rig_no_swap },
};

static const struct exercise exercise_atomic_write = {
	.name = "atomic write",
	.ends = REMOTE,
	.ops = { &rig_atomic_write },
	.send_ops = VERBS_OP_ATOMIC_WRITE,
};

#define OPERATION(name, id, text, claims) \
	ODP_SCENARIO(name, id, text, claims, body, &exercise_##name, EV(DATA) | EV(PATH), \
		     .FAULTS(RIG_FAULTS))

OPERATION(send, "send", "send from on-demand memory, cold, warm and after MADV_DONTNEED",
	  IBV_ODP_SUPPORT_SEND);
OPERATION(recv, "recv", "receive into on-demand memory, cold, warm and after MADV_DONTNEED",
	  IBV_ODP_SUPPORT_RECV);
OPERATION(srq, "srq", "receive from a shared queue into on-demand memory, cold, warm and dropped",
	  IBV_ODP_SUPPORT_SRQ_RECV);
OPERATION(atomic, "atomic",
	  "fetch and add, compare and swap on on-demand memory, cold, warm and dropped",
	  IBV_ODP_SUPPORT_ATOMIC);
OPERATION(atomic_write, "atomic-write",
	  "atomic write into on-demand memory, cold, warm and after MADV_DONTNEED",
	  ODP_SUPPORT_ATOMIC_WRITE);
