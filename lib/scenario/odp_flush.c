/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.flush: RDMA flush of remote memory on demand. What was written before is there when it completes;
 * without the right, or beyond the region, it is refused. A flush that is to make data persist must not
 * succeed over memory that does not: a driver that looks at pinned memory has to look at this as well.
 */
#include <string.h>

#include "base/alloc.h"
#include "scenario/odp_claims.h"
#include "scenario/odp_file.h"

#define PAGES 4
#define BEYOND (PAGES + 1) /* the first page behind the guard */

static const struct attempt {
	const char *name;
	const struct rig_op *op;
	int with; /* rights to flush that the region has */
	size_t page;
	enum ibv_wc_status expected;
} attempts[] = {
	{ "flush to be visible", &rig_flush_visible, VERBS_ACCESS_FLUSH_GLOBAL, 0, IBV_WC_SUCCESS },
	{ "flush without the right", &rig_flush_visible, 0, 0, IBV_WC_REM_ACCESS_ERR },
	{ "flush to persist without the right", &rig_flush_persistent, VERBS_ACCESS_FLUSH_GLOBAL, 0,
	  IBV_WC_REM_ACCESS_ERR },
	{ "flush beyond the region", &rig_flush_visible, VERBS_ACCESS_FLUSH_GLOBAL, BEYOND,
	  IBV_WC_REM_ACCESS_ERR },
};

static int set_up(struct rig *r, int with, bool on_demand)
{
	int ret;

	r->remote.with = with;
	ret = rig_register(r, &r->local, false) ?: rig_register(r, &r->remote, on_demand);
	rig_fill_both(r);
	ret = ret ?: rig_drop(r, &r->remote);
	return ret ?: on_demand ? rig_mapped(r, &r->remote, 0) : 0;
}

/* What goes wrong on a pinned region as well is no matter of on-demand paging; it is still wrong. */
static int run_attempt(struct rig *r, const struct attempt *a, bool on_demand)
{
	int ret;

	rig_stage(r, "%s, %s", a->name, on_demand ? "on demand" : "pinned");
	ret = set_up(r, a->with, on_demand);
	ret = ret ?: rig_move_all(r, &rig_write, IBV_WC_SUCCESS);
	if (on_demand)
		ret = ret ?: rig_mapped(r, &r->remote, PAGES);
	ret = ret ?: rig_move(r, a->op, 0, a->page, a->expected);
	return ret ?: rig_check(r, &r->remote) ?: rig_check(r, &r->local);
}

/* The region goes before its memory. */
static int drop_remote(struct rig *r)
{
	int ret = rig_deregister(r, &r->remote);

	rig_unmap(r, &r->remote);
	return ret;
}

/* Memory that does persist, where there is some: what was written is in the file, and stays. */
static int run_in_persistent(struct rig *r, bool *ran)
{
	autofree char *why = NULL;
	int ret;

	rig_stage(r, "flush to persist, of persistent memory");
	r->remote.with = VERBS_ACCESS_FLUSH_PERSISTENT;
	ret = drop_remote(r) ?: rig_map_dax(r, &r->remote, &why);
	*ran = !why;
	if (why)
		return 0;
	ret = ret ?: rig_register(r, &r->local, false) ?: rig_register(r, &r->remote, true);
	for (int i = 0; i < 2 && !ret; i++) {
		rig_fill(r, &r->local);
		ret = rig_move_all(r, &rig_write, IBV_WC_SUCCESS);
		ret = ret ?: rig_move_all(r, &rig_flush_persistent, IBV_WC_SUCCESS);
		ret = ret ?: rig_move(r, &rig_flush_all, 0, 0, IBV_WC_SUCCESS);
		ret = ret ?: rig_drop(r, &r->remote) ?: rig_check(r, &r->remote);
	}
	return ret;
}

/* Is this memory, which does not persist, refused where it is pinned? */
static int refuses_pinned(struct rig *r, bool *refused)
{
	int err = set_up(r, VERBS_ACCESS_FLUSH_PERSISTENT, false);

	*refused = err == -EINVAL;
	return *refused ? 0 : err;
}

static int persist(struct rig *r, const struct rig_op *op)
{
	enum ibv_wc_status status;
	int ret;

	rig_stage(r, "%s, over memory that does not", op->name);
	ret = set_up(r, VERBS_ACCESS_FLUSH_PERSISTENT, true);
	if (ret == -EINVAL)
		return 0;
	ret = ret ?: rig_try(r, op, 0, 0, &status);
	ret = ret ?: rig_check(r, &r->remote);
	if (ret || status != IBV_WC_SUCCESS)
		return ret;
	scn_finding(r->device->ctx, rig_is_soft(r) ? "RXE-FLUSH-VOLATILE" : "ODP-FLUSH-VOLATILE",
		    NULL, 0, "%s: %s", r->device->verbs.name, r->stage);
	return rig_refute(r, EVIDENCE_ERRNO,
			  "succeeds; a pinned region of the same memory is refused");
}

static int run_persistent(struct rig *r)
{
	bool refused;
	int ret;

	rig_stage(r, "registration to persist, pinned");
	ret = refuses_pinned(r, &refused);
	if (ret)
		return ret;
	if (!refused)
		scn_evidence(r->device->ctx, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
			     "%s: a pinned region may be flushed to persist whatever its memory is",
			     r->device->verbs.name);
	if (!refused)
		return 0;
	ret = persist(r, &rig_flush_persistent) ?: persist(r, &rig_flush_all);
	if (!ret)
		scn_evidence(r->device->ctx, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
			     "%s: nothing is flushed to persist where memory does not",
			     r->device->verbs.name);
	return ret;
}

static int run_all(struct rig *r)
{
	int ret = rig_map_both(r);
	bool persistent;

	for (size_t i = 0; i < ARRAY_LEN(attempts) && !ret; i++)
		ret = run_attempt(r, &attempts[i], false) ?: run_attempt(r, &attempts[i], true);
	if (ret)
		return ret;
	scn_evidence(
		r->device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		"%s: %zu kinds of flush, on pinned regions and on those on demand, complete as "
		"they must, and data written before is there",
		r->device->verbs.name, ARRAY_LEN(attempts));
	scn_evidence(r->device->ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
		     "%s: no page on demand was mapped before the writes, and all were after",
		     r->device->verbs.name);
	ret = run_in_persistent(r, &persistent);
	if (ret)
		return ret;
	if (persistent)
		scn_evidence(
			r->device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			"%s: what was written into persistent memory and flushed is in its file",
			r->device->verbs.name);
	return drop_remote(r) ?: rig_map_memfd(r, &r->remote) ?: run_persistent(r);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome;
	struct rig r;
	int ret = verbs_set_operations(&device->verbs, VERBS_OP_FLUSH);

	if (ret)
		return rig_cannot_post(device, ret);
	ret = rig_open(&r, device, PAGES);
	ret = ret ?: run_all(&r);
	outcome = rig_conclude(&r, ret, "flushes what is there, and refuses what is not");
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO(flush, "flush", "RDMA flush of on-demand memory: to be visible, and to persist",
	     ODP_SUPPORT_FLUSH | IBV_ODP_SUPPORT_WRITE, body, NULL, EV(DATA) | EV(PATH) | EV(ERRNO),
	     .FAULTS(RIG_FAULTS));
