/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.rights: what a region does not allow is refused, with the completion that says so, and not a byte
 * moves: access without the right, beyond the region and before it, and by the key of a region that is
 * no more. Each is tried on a pinned region first: a completion that is wrong there as well has nothing
 * to do with on-demand paging.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/odp_rig.h"
#include "scenario/scenario.h"

#define PAGES 2
#define BEYOND (PAGES + 1) /* the first page behind the guard */
#define BEFORE ((size_t)-2) /* the last in front of the other */

/* Without it no peer may write either. */
#define NO_LOCAL_WRITE (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)

struct attempt {
	const char *name;
	const struct rig_op *op;
	bool local; /* whose region it is about */
	int without; /* rights that it lacks */
	size_t page;
	bool gone; /* it has been deregistered */
};

static const struct attempt attempts[] = {
	{ "write without the right", &rig_write, .without = IBV_ACCESS_REMOTE_WRITE },
	{ "read without the right", &rig_read, .without = IBV_ACCESS_REMOTE_READ },
	{ "atomic without the right", &rig_add, .without = IBV_ACCESS_REMOTE_ATOMIC },
	{ "write beyond the region", &rig_write, .page = BEYOND },
	{ "read beyond the region", &rig_read, .page = BEYOND },
	{ "atomic beyond the region", &rig_add, .page = BEYOND },
	{ "write before the region", &rig_write, .page = BEFORE },
	{ "read before the region", &rig_read, .page = BEFORE },
	{ "write by an old key", &rig_write, .gone = true },
	{ "read by an old key", &rig_read, .gone = true },
	{ "atomic by an old key", &rig_add, .gone = true },
	{ "read into memory without the right", &rig_read, .local = true,
	  .without = NO_LOCAL_WRITE },
	{ "read into what is beyond the region", &rig_read, .local = true, .page = BEYOND },
	{ "read into a region that is no more", &rig_read, .local = true, .gone = true },
	{ "write from beyond the region", &rig_write, .local = true, .page = BEYOND },
	{ "write from a region that is no more", &rig_write, .local = true, .gone = true },
};

/* What came of all of them. */
struct tally {
	size_t tried;
	size_t allowed; /* that must not be */
	size_t other, other_if_pinned; /* with another error than it must be */
	size_t flushed; /* of the latter: as if it were for a request before */
	char *first; /* of these */
};

static struct rig_buffer *subject(struct rig *r, const struct attempt *a)
{
	return a->local ? &r->local : &r->remote;
}

static int set_up(struct rig *r, const struct attempt *a, bool on_demand)
{
	struct rig_buffer *b = subject(r, a), *other = a->local ? &r->remote : &r->local;
	int ret;

	b->without = scn_injected(r->device->ctx, "all-rights") ? 0 : a->without;
	other->without = 0;
	rig_fill(r, b);
	rig_fill(r, other);
	ret = rig_register(r, b, on_demand) ?: rig_register(r, other, false);
	return ret;
}

static int attempt(struct rig *r, const struct attempt *a, bool on_demand,
		   enum ibv_wc_status *status)
{
	struct rig_buffer *b = subject(r, a);
	struct ibv_mr gone;
	int ret;

	rig_stage(r, "%s, %s", a->name, on_demand ? "on demand" : "pinned");
	ret = set_up(r, a, on_demand);
	if (ret)
		return ret;
	gone = *b->mr;
	if (a->gone)
		ret = rig_deregister(r, b);
	if (a->gone)
		b->mr = &gone;
	ret = ret ?: rig_try(r, a->op, a->local ? a->page : 0, a->local ? 0 : a->page, status);
	if (a->gone)
		b->mr = NULL;
	if (ret || *status == IBV_WC_SUCCESS)
		return ret;
	return rig_check_both(r);
}

static enum ibv_wc_status refusal(const struct attempt *a)
{
	return a->local ? IBV_WC_LOC_PROT_ERR : IBV_WC_REM_ACCESS_ERR;
}

static void judge(struct rig *r, const struct attempt *a, enum ibv_wc_status status,
		  enum ibv_wc_status pinned, struct tally *t)
{
	enum ibv_wc_status expected = refusal(a);

	t->tried++;
	if (status == expected)
		return;
	if (status == IBV_WC_SUCCESS)
		t->allowed++;
	else if (status == pinned)
		t->other_if_pinned++;
	else
		t->other++;
	t->flushed += status == pinned && status == IBV_WC_WR_FLUSH_ERR;
	if (!t->first)
		t->first = xasprintf("%s: %s", a->name, ibv_wc_status_str(status));
	rig_refute(r, EVIDENCE_DATA, "completes with '%s', expected '%s'; on a pinned region '%s'",
		   ibv_wc_status_str(status), ibv_wc_status_str(expected),
		   ibv_wc_status_str(pinned));
}

static void note(json_t *rows, const struct attempt *a, enum ibv_wc_status status,
		 enum ibv_wc_status pinned)
{
	json_t *row = jx_object();

	jx_set_str(row, "attempt", a->name);
	jx_set_str(row, "expected", ibv_wc_status_str(refusal(a)));
	jx_set_str(row, "pinned", ibv_wc_status_str(pinned));
	jx_set_str(row, "on_demand", ibv_wc_status_str(status));
	jx_append(rows, row);
}

static bool claims_atomics(const struct rig *r)
{
	const struct ibv_device_attr_ex *attr = &r->device->verbs.attr;

	return attr->orig_attr.atomic_cap != IBV_ATOMIC_NONE &&
	       attr->odp_caps.per_transport_caps.rc_odp_caps & IBV_ODP_SUPPORT_ATOMIC;
}

static int run_all(struct rig *r, struct tally *t)
{
	autofree char *name = xasprintf("attempts on %s", r->device->verbs.name);
	json_t *rows = jx_array();
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(attempts) && !ret; i++) {
		const struct attempt *a = &attempts[i];
		enum ibv_wc_status pinned = IBV_WC_SUCCESS, status = IBV_WC_SUCCESS;

		if (a->op == &rig_add && !claims_atomics(r))
			continue;
		ret = attempt(r, a, false, &pinned) ?: attempt(r, a, true, &status);
		if (ret)
			break;
		judge(r, a, status, pinned, t);
		note(rows, a, status, pinned);
	}
	scn_facts(r->device->ctx, name, rows);
	return ret;
}

static void find(const struct rig *r, const struct tally *t)
{
	struct scenario_ctx *ctx = r->device->ctx;
	const char *device = r->device->verbs.name;

	if (t->allowed)
		scn_finding(ctx, "ODP-RIGHTS", NULL, 0,
			    "%s: %zu of %zu attempts succeed, the first: %s", device, t->allowed,
			    t->tried, t->first);
	if (t->other)
		scn_finding(ctx, "ODP-STATUS", NULL, 0,
			    "%s: %zu of %zu attempts end otherwise than on a pinned region", device,
			    t->other, t->tried);
	if (t->other_if_pinned)
		scn_finding(ctx,
			    rig_is_soft(r) && t->flushed == t->other_if_pinned ? "RXE-ERROR-FLUSHED"
									       : "RDMA-STATUS",
			    NULL, 0,
			    "%s: %zu of %zu attempts end with another error, on pinned regions as "
			    "well, the first: %s",
			    device, t->other_if_pinned, t->tried, t->first);
}

static enum outcome conclude(struct rig *r, const struct tally *t, int ret)
{
	size_t wrong = t->allowed + t->other + t->other_if_pinned;

	if (ret || !wrong)
		return rig_conclude(r, ret, "%zu attempts refused as they must be", t->tried);
	return rdma_conclude(r->device, OUTCOME_FAIL,
			     "%zu of %zu attempts end otherwise, the first: %s", wrong, t->tried,
			     t->first);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct tally t = { 0 };
	enum outcome outcome;
	struct rig r;
	int ret = rig_open(&r, device, PAGES);

	ret = ret ?: rig_map_both(&r);
	ret = ret ?: run_all(&r, &t);
	find(&r, &t);
	if (!ret)
		scn_evidence(
			device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			"%s: %zu attempts on pinned regions and on those on demand: no refused "
			"one moved a byte",
			device->verbs.name, t.tried);
	outcome = conclude(&r, &t, ret);
	free(t.first);
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO(rights, "rights",
	     "what an on-demand region does not allow is refused, with the right completion",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
	     .FAULTS("all-rights"));
