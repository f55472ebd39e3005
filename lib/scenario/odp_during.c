/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.during, odp.concurrent: a thread takes pages away from under the transfers of one pair of
 * queue pairs, and of several at once, each with a device context, regions and memory of its own. That
 * does not change what is in the memory, so that every transfer must succeed and all of every buffer be
 * right. Then, for one pair, all of the memory is away at times, and transfers may be refused.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/odp_away.h"
#include "scenario/odp_claims.h"
#include "scenario/odp_trouble.h"
#include "scenario/pattern.h"

#define PAGES 16
#define WORKERS 4
#define GID_WAIT_MS 5000
#define OPERATIONS 64 /* between two looks at all of the memory */

static const unsigned int ms_of_level[NR_LEVELS] = {
	[LEVEL_QUICK] = 1000,
	[LEVEL_STANDARD] = 3000,
	[LEVEL_FULL] = 20000,
	[LEVEL_SOAK] = 20000,
};

/* When what goes on at the same time ends. */
static int64_t end_ns(const struct rdma_device *device)
{
	return clock_ns() + ms_of_level[scn_env(device->ctx)->level] * NS_PER_MS;
}

static int set_up(struct rig *r)
{
	int ret = rig_map_both(r);

	return ret ?: rig_register_both(r, true);
}

static void find(struct rdma_device *device, const struct rig *r)
{
	if (r->wrong_data)
		scn_finding(device->ctx, "ODP-STALE", NULL, 0, "%s: %s", device->verbs.name,
			    r->stage);
}

/* --- one after the other ------------------------------------------------------------------------ */

static int run_round(struct rig *r, const struct rig_op *op)
{
	rig_fill_both(r);
	return rig_move_all(r, op, IBV_WC_SUCCESS) ?: rig_check_both(r);
}

static int run_rounds(struct rig *r, const struct trouble *t, size_t *rounds)
{
	int64_t end = end_ns(r->device);
	int ret = 0;

	while (!ret && (clock_ns() < end || *rounds < 2)) {
		const struct rig_op *op = *rounds & 1 ? &rig_read : &rig_write;

		rig_stage(r, "%s, round %zu, pages taken away meanwhile", op->name, *rounds);
		ret = run_round(r, op);
		++*rounds;
	}
	return ret ?: trouble_error(t);
}

/* What came of one end after the other. */
struct tally {
	size_t rounds;
	uint64_t changes;
	struct away_count away[RIG_ENDS];
};

static int run_troubled(struct rig *r, struct tally *tally)
{
	struct rig *const rigs[] = { r };
	struct trouble *t = NULL;
	int ret = trouble_start(rigs, 1, pattern_seed(r->device->seed, UINT64_MAX - 2), &t);

	ret = ret ?: run_rounds(r, t, &tally->rounds);
	tally->changes = trouble_end(t);
	return ret;
}

static int run_away(struct rig *r, struct tally *tally)
{
	int ret = 0;

	for (size_t i = 0; i < RIG_ENDS && !ret; i++)
		ret = away_run(r, &rig_ends[i], end_ns(r->device), &tally->away[i]);
	return ret;
}

static void prove(const struct rdma_device *device, const struct tally *tally)
{
	scn_evidence(
		device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		"%s: %zu rounds of %u pages right at both ends, while pages were taken away %llu "
		"times",
		device->verbs.name, tally->rounds, PAGES, (unsigned long long)tally->changes);
	for (size_t i = 0; i < RIG_ENDS; i++)
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: %s away %llu times: %zu transfers right, %zu refused without a "
			     "byte moved",
			     device->verbs.name, rig_ends[i].name,
			     (unsigned long long)tally->away[i].changes,
			     tally->away[i].transfers.moved, tally->away[i].transfers.refused);
}

/* Did it happen at all, and in the middle? NULL, or what did not. */
static const char *lacking(const struct tally *tally)
{
	if (tally->changes < tally->rounds)
		return "pages were taken away too seldom";
	for (size_t i = 0; i < RIG_ENDS; i++)
		if (!tally->away[i].transfers.moved || !tally->away[i].transfers.refused)
			return "no transfer came to memory that was away, or none to memory that "
			       "was there";
	return NULL;
}

static enum outcome body_during(struct rdma_device *device, const void *arg attr_unused)
{
	struct tally tally = { 0 };
	enum outcome outcome;
	const char *lack;
	struct rig r;
	int ret = rig_open(&r, device, PAGES) ?: set_up(&r);

	ret = ret ?: run_troubled(&r, &tally) ?: run_away(&r, &tally);
	if (ret > 0)
		find(device, &r);
	lack = ret ? NULL : lacking(&tally);
	if (lack) {
		outcome = rdma_conclude(device, OUTCOME_INCONCLUSIVE, "%s", lack);
	} else {
		if (!ret)
			prove(device, &tally);
		outcome = rig_conclude(&r, ret,
				       "%zu rounds right, pages taken away meanwhile, and right or "
				       "refused where memory is away at times",
				       tally.rounds);
	}
	rig_close(&r);
	return outcome;
}

/* --- several at once ---------------------------------------------------------------------------- */

struct worker {
	struct rdma_device device;
	struct rig r;
	pthread_t thread;
	bool open, started;
	int64_t end_ns;
	size_t operations; /* done */
	int ret;
};

static const struct {
	const struct rig_op *op;
	uint32_t claims;
} operations[] = {
	{ &rig_write, IBV_ODP_SUPPORT_WRITE },
	{ &rig_read, IBV_ODP_SUPPORT_READ },
	{ &rig_send, IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV },
	{ &rig_add, IBV_ODP_SUPPORT_ATOMIC },
	{ &rig_swap, IBV_ODP_SUPPORT_ATOMIC },
};

static int run_one(struct worker *w, uint64_t random)
{
	uint32_t claims = w->device.verbs.attr.odp_caps.per_transport_caps.rc_odp_caps;
	size_t n = (random >> 32) % ARRAY_LEN(operations);

	if ((claims & operations[n].claims) != operations[n].claims)
		n = 0;
	return rig_move(&w->r, operations[n].op, random % PAGES, (random >> 16) % PAGES,
			IBV_WC_SUCCESS);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct rig *r = &w->r;

	while (!w->ret && clock_ns() < w->end_ns) {
		rig_stage(r, "after %zu operations beside others, pages taken away meanwhile",
			  w->operations);
		rig_fill_both(r);
		for (size_t i = 0; i < OPERATIONS && !w->ret; i++)
			w->ret = run_one(w, pattern_seed(w->device.seed, w->operations++));
		w->ret = w->ret ?: rig_check_both(r);
	}
	return NULL;
}

/* A context of its own of the same device. */
static int worker_open(struct worker *w, const struct rdma_device *device, size_t n, char **why)
{
	int ret;

	w->device = (struct rdma_device){
		.ctx = device->ctx,
		.seed = pattern_seed(device->seed, UINT64_MAX - 16 - n),
	};
	ret = verbs_open(&w->device.verbs, device->verbs.name, why);
	ret = ret ?: verbs_connect(&w->device.verbs, GID_WAIT_MS, why);
	w->open = true;
	return (ret ?: rig_open(&w->r, &w->device, PAGES)) ?: set_up(&w->r);
}

static void worker_close(struct worker *w, struct rdma_device *device)
{
	if (!w->open)
		return;
	if (w->r.device)
		rig_close(&w->r);
	verbs_upset_move(&device->verbs, &w->device.verbs);
	verbs_close(&w->device.verbs);
	free(w->device.why);
}

static int start(struct worker *w, int64_t end)
{
	int err;

	w->end_ns = end;
	err = -pthread_create(&w->thread, NULL, work, w);
	w->started = !err;
	return err;
}

/* The first of them that went wrong, or NULL. */
static struct worker *run_workers(struct worker *workers, const struct rdma_device *device,
				  int *ret)
{
	struct worker *bad = NULL;
	int64_t end = end_ns(device);

	for (size_t i = 0; i < WORKERS && !*ret; i++)
		*ret = start(&workers[i], end);
	for (size_t i = 0; i < WORKERS; i++) {
		if (workers[i].started)
			pthread_join(workers[i].thread, NULL);
		if (!bad && workers[i].ret)
			bad = &workers[i];
	}
	return bad;
}

static enum outcome conclude(struct rdma_device *device, struct worker *bad, int ret, size_t done,
			     uint64_t changes)
{
	if (bad) {
		if (bad->ret > 0)
			find(device, &bad->r);
		return rdma_conclude(device, bad->ret < 0 ? OUTCOME_ERROR : OUTCOME_FAIL, "%s: %s",
				     bad->r.stage, bad->ret < 0 ? strerror(-bad->ret) : "wrong");
	}
	if (ret)
		return rdma_conclude(device, OUTCOME_ERROR, "cannot start: %s", strerror(-ret));
	if (changes < done / OPERATIONS)
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "pages were taken away too seldom");
	scn_evidence(
		device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		"%s: %u pairs of queue pairs at once, %zu operations: all of every buffer right, "
		"while pages were taken away %llu times",
		device->verbs.name, WORKERS, done, (unsigned long long)changes);
	return rdma_conclude(device, OUTCOME_PASS,
			     "%zu operations of %u pairs of queue pairs at once", done, WORKERS);
}

static enum outcome body_concurrent(struct rdma_device *device, const void *arg attr_unused)
{
	struct worker *workers = xcalloc(WORKERS, sizeof(*workers)), *bad = NULL;
	struct rig *rigs[WORKERS];
	struct trouble *t = NULL;
	autofree char *why = NULL;
	enum outcome outcome;
	uint64_t changes;
	size_t done = 0;
	int ret = 0;

	for (size_t i = 0; i < WORKERS && !ret; i++) {
		ret = worker_open(&workers[i], device, i, &why);
		rigs[i] = &workers[i].r;
	}
	ret = ret ?: trouble_start(rigs, WORKERS, pattern_seed(device->seed, UINT64_MAX - 2), &t);
	if (!ret)
		bad = run_workers(workers, device, &ret);
	if (t)
		ret = ret ?: trouble_error(t);
	changes = trouble_end(t);
	for (size_t i = 0; i < WORKERS; i++)
		done += workers[i].operations;
	outcome = conclude(device, bad, ret, done, changes);
	for (size_t i = 0; i < WORKERS; i++)
		worker_close(&workers[i], device);
	free(workers);
	return outcome;
}

ODP_SCENARIO(invalidate_during, "invalidate.during",
	     "memory of on-demand regions is given up, moved, replaced, and away at times, during "
	     "transfers",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body_during, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
ODP_SCENARIO(concurrent, "concurrent",
	     "many queue pairs and on-demand regions at once, whose pages are taken away meanwhile",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body_concurrent, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
