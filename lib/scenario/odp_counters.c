/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.counters: what the kernel does for on-demand regions, counted where every driver calls it: that pages
 * are fetched for a device when it comes to them and they are not there, or when it was advised to, and no
 * more often; and that they are taken from it when the address space gives them up. A device that counts for
 * itself must count the same.
 */
#include <string.h>

#include "scenario/callcount.h"
#include "scenario/nldev.h"
#include "scenario/odp_rig.h"

#define PAGES 8
#define TRIES 5

/* Linux drivers/infiniband/core/umem_odp.c: exported for drivers */
static const char fetch[] = "ib_umem_odp_map_dma_and_lock";
static const char take[] = "ib_umem_odp_unmap_dma_pages";

struct trial {
	struct rig r;
	struct callcount fetches, takes;
	uint64_t fetched, taken; /* when the last step ended */
	struct nldev_counters own; /* of the region, the device's, then */
	bool advised;
};

/* The calls since it was asked the last time. */
static int since(const struct callcount *c, uint64_t *before, uint64_t *calls)
{
	uint64_t now;
	int err = callcount_read(c, &now);

	if (err)
		return err;
	*calls = now - *before;
	*before = now;
	return 0;
}

/* What was counted in a step: by the kernel for all, and by the device for the region. */
struct step {
	uint64_t fetched, taken;
	struct nldev_counters own;
};

static int step_ends(struct trial *t, struct step *s)
{
	struct nldev_counters now;
	int err = since(&t->fetches, &t->fetched, &s->fetched)
			  ?: since(&t->takes, &t->taken, &s->taken);

	err = err ?: nldev_mr_counters(t->r.device->verbs.name, t->r.remote.mr->rkey, &now);
	if (err)
		return err;
	nldev_counters_since(&t->own, &now, &s->own);
	t->own = now;
	return 0;
}

static int never_called(struct trial *t, const char *function)
{
	return rig_refute(&t->r, EVIDENCE_COUNTERS, "%s() is not called", function);
}

/* Did the device's own counter, if it has it, move as it must? */
static int judge_own(struct trial *t, const struct step *s, enum nldev_counter which, bool moves)
{
	autofree char *wrong = nldev_counter_refuse(&s->own, which, moves);

	return wrong ? rig_refute(&t->r, EVIDENCE_COUNTERS, "%s", wrong) : 0;
}

static int move(struct trial *t)
{
	return rig_move_all(&t->r, &rig_write, IBV_WC_SUCCESS);
}

static int advise(struct trial *t)
{
	struct rig *r = &t->r;
	int err = verbs_advise(&r->device->verbs, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, true,
			       r->remote.mr, r->page, rig_pages_len(r));

	t->advised = err != -EOPNOTSUPP;
	return t->advised ? err : 0;
}

/* Pages come, how many at once is up to the device. */
static int move_fetches(struct trial *t)
{
	struct step s;
	int ret = move(t) ?: step_ends(t, &s);

	ret = ret ?: s.fetched ? 0 : never_called(t, fetch);
	return ret ?: judge_own(t, &s, NLDEV_PAGE_FAULTS, true);
}

static int gives_up(struct trial *t)
{
	struct step s;
	int ret = rig_drop(&t->r, &t->r.remote) ?: step_ends(t, &s);

	ret = ret ?: s.taken ? 0 : never_called(t, take);
	return ret ?: judge_own(t, &s, NLDEV_PAGE_INVALIDATIONS, true);
}

/* Whoever else uses such regions at the time is counted as well: one try without a call will do. */
static int moves_without(struct trial *t)
{
	struct step s = { 0 };
	int ret = 0;

	for (int i = 0; i < TRIES && !ret; i++) {
		ret = move(t) ?: step_ends(t, &s);
		if (!ret && !s.fetched && !s.taken)
			return judge_own(t, &s, NLDEV_PAGE_FAULTS, false)
				       ?: judge_own(t, &s, NLDEV_PAGE_INVALIDATIONS, false);
	}
	return ret
		       ?: rig_refute(&t->r, EVIDENCE_COUNTERS, "%llu calls of %s(), %llu of %s()",
				     (unsigned long long)s.fetched, fetch,
				     (unsigned long long)s.taken, take);
}

/* Where there is no advice to give, none is taken. */
static int advice_fetches(struct trial *t)
{
	struct step s;
	int ret = advise(t) ?: step_ends(t, &s);

	if (ret || !t->advised)
		return ret;
	return s.fetched ? judge_own(t, &s, NLDEV_PAGE_PREFETCH, true) : never_called(t, fetch);
}

static int moves_advised(struct trial *t)
{
	return t->advised ? moves_without(t) : 0;
}

static int run_steps(struct trial *t)
{
	static const struct {
		const char *name;
		int (*run)(struct trial *t);
	} steps[] = {
		{ "memory that was never touched", move_fetches },
		{ "memory that is there", moves_without },
		{ "memory that is given up", gives_up },
		{ "memory that was given up", move_fetches },
		{ "memory that is given up again", gives_up },
		{ "advice to fetch memory that was given up", advice_fetches },
		{ "memory that was fetched by advice", moves_advised },
	};
	struct step before;
	int ret = step_ends(t, &before);

	for (size_t i = 0; i < ARRAY_LEN(steps) && !ret; i++) {
		rig_stage(&t->r, "%s", steps[i].name);
		ret = steps[i].run(t);
	}
	return ret;
}

static int set_up(struct trial *t)
{
	struct rig *r = &t->r;
	int ret = rig_map_both(r);

	ret = ret ?: rig_register(r, &r->local, false) ?: rig_register(r, &r->remote, true);
	rig_fill(r, &r->local);
	return ret;
}

static void prove(const struct trial *t)
{
	struct scenario_ctx *ctx = t->r.device->ctx;
	const char *name = t->r.device->verbs.name;

	scn_evidence(ctx, EVIDENCE_COUNTERS, EVIDENCE_PROVEN,
		     "%s: pages are fetched (%s()) when they are not there, never when they are, "
		     "and taken (%s()) when they are given up%s",
		     name, fetch, take,
		     t->advised ? "; what was advised is fetched in advance" : "");
	scn_evidence(ctx, EVIDENCE_COUNTERS, EVIDENCE_PROVEN, "%s: %s", name,
		     t->own.known ? "its own counters of the region move with them"
				  : "the device has no counters of regions of its own");
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN, "%s: what was moved is right", name);
}

static enum outcome run_counted(struct trial *t)
{
	struct rig *r = &t->r;
	int ret = run_steps(t) ?: rig_check(r, &r->remote) ?: rig_check(r, &r->local);

	if (!ret)
		prove(t);
	return rig_conclude(r, ret, "pages are fetched when they are not there, and not otherwise");
}

static enum outcome cannot_count(struct rdma_device *device, const char *what, int err)
{
	scn_evidence(device->ctx, EVIDENCE_COUNTERS, EVIDENCE_MISSING,
		     "%s: what is counted of %s cannot be read: %s", device->verbs.name, what,
		     strerror(-err));
	return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
			     "what is counted of %s cannot be read: %s", what, strerror(-err));
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct trial t = { 0 };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, PAGES) ?: set_up(&t), err;

	err = callcount_open(&t.fetches, fetch) ?: callcount_open(&t.takes, take);
	if (ret)
		outcome = rig_conclude(&t.r, ret, "cannot start");
	else if (err)
		outcome = cannot_count(device, "the kernel's functions", err);
	else if ((err = nldev_mr_counters(device->verbs.name, t.r.remote.mr->rkey, &t.own)))
		outcome = cannot_count(device, "the device's regions", err);
	else
		outcome = run_counted(&t);
	callcount_close(&t.fetches);
	callcount_close(&t.takes);
	rig_close(&t.r);
	return outcome;
}

ODP_SCENARIO(counters, "counters",
	     "the kernel fetches and takes pages of on-demand regions, counted",
	     IBV_ODP_SUPPORT_WRITE, body, NULL, EV(DATA) | EV(COUNTERS), .FAULTS(RIG_FAULTS));
