/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.during, odp.concurrent: a thread takes pages away from under the transfers of one pair of
 * queue pairs, and of several at once, each with a device context, regions and memory of its own. That
 * does not change what is in the memory, so that every transfer must succeed and all of every buffer be
 * right. Then, for one pair, the address space changes in one way after the other under the same region,
 * with what that means for the data and for transfers.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/jx.h"
#include "scenario/odp_change.h"
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
		trouble_wait(t, ++*rounds);
	}
	return ret ?: trouble_error(t);
}

/* The changes that a region goes through in any order: each readies the memory for itself. */
static const struct change *const kinds[] = {
	&change_munmap,    &change_replace, &change_dontneed, &change_mremap,   &change_read_only,
	&change_no_access, &change_fork,    &change_punch,    &change_truncate, &change_move_pages,
};

struct tally {
	size_t rounds;
	uint64_t troubles;
	struct race_count changes[ARRAY_LEN(kinds)];
	char *impossible[ARRAY_LEN(kinds)]; /* why not; NULL: it was */
};

static int run_troubled(struct rig *r, struct tally *tally)
{
	struct rig *const rigs[] = { r };
	struct trouble *t = NULL;
	int ret = set_up(r);

	ret = ret ?: trouble_start(rigs, 1, pattern_seed(r->device->seed, UINT64_MAX - 2), &t);
	ret = ret ?: run_rounds(r, t, &tally->rounds);
	tally->troubles = trouble_end(t);
	ret = ret ?: rig_deregister(r, &r->local) ?: rig_deregister(r, &r->remote);
	if (!ret) {
		rig_unmap(r, &r->local);
		rig_unmap(r, &r->remote);
	}
	return ret;
}

/* A transfer of each kind against it, unless it was seen that it cannot be made here. */
static int run_change(struct trial *t, const struct rig_end *end, size_t n, struct tally *tally)
{
	int ret;

	if (tally->impossible[n])
		return 0;
	t->change = kinds[n];
	ret = change_race(t, end, 0, &tally->changes[n]);
	tally->impossible[n] = t->impossible;
	t->impossible = NULL;
	return ret;
}

/* All of them once, and then whichever the seed says. */
static int run_changes(struct trial *t, const struct rig_end *end, struct tally *tally)
{
	uint64_t seed = pattern_seed(t->r.device->seed, UINT64_MAX - 3);
	int64_t end_of_time = end_ns(t->r.device);
	int ret;

	t->change = &change_replace; /* memory of a file does for all */
	ret = change_set_up(t, end);
	for (size_t i = 0; !ret && (i < ARRAY_LEN(kinds) || clock_ns() < end_of_time); i++)
		ret = run_change(
			t, end, i < ARRAY_LEN(kinds) ? i : pattern_seed(seed, i) % ARRAY_LEN(kinds),
			tally);
	return ret ?: change_tear_down(t, end);
}

/* Each change, with what it met, or why it was not tried. */
static void tell(const struct rig *r, const struct tally *tally)
{
	autofree char *name = xasprintf("changes of %s", r->device->verbs.name);
	json_t *facts = jx_array();

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		jx_append(facts,
			  race_facts(kinds[i]->name, &tally->changes[i], tally->impossible[i]));
	scn_facts(r->device->ctx, name, facts);
}

static void prove(const struct rig *r, const struct tally *tally)
{
	const struct rdma_device *device = r->device;

	scn_evidence(
		device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		"%s: %zu rounds of %u pages right at both ends, while pages were taken away %llu "
		"times",
		device->verbs.name, tally->rounds, PAGES, (unsigned long long)tally->troubles);
	tell(r, tally);
}

/* Did it happen at all, and in the middle? NULL, or what did not, which the caller frees. */
static char *lacking(const struct tally *tally)
{
	if (tally->troubles < tally->rounds)
		return xstrdup("pages were taken away too seldom");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!tally->impossible[i] && !race_has_met(&tally->changes[i]))
			return xasprintf("%s met no transfer", kinds[i]->name);
	return NULL;
}

static enum outcome conclude_during(struct trial *t, int ret, const struct tally *tally)
{
	autofree char *lack = ret ? NULL : lacking(tally);

	if (lack)
		return rdma_conclude(t->r.device, OUTCOME_INCONCLUSIVE, "%s", lack);
	if (ret > 0)
		find(t->r.device, &t->r);
	else if (!ret)
		prove(&t->r, tally);
	return rig_conclude(&t->r, ret,
			    "%zu rounds right, pages taken away meanwhile, and right or refused as "
			    "they must be where the address space changes",
			    tally->rounds);
}

static enum outcome body_during(struct rdma_device *device, const void *arg attr_unused)
{
	struct tally tally = { 0 };
	struct trial t = { .leash = -1, .told = -1 };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, PAGES);

	t.keep = xcalloc(1, t.r.len);
	ret = ret ?: run_troubled(&t.r, &tally);
	for (size_t i = 0; i < RIG_ENDS && !ret; i++)
		ret = run_changes(&t, &rig_ends[i], &tally);
	outcome = conclude_during(&t, ret, &tally);
	change_end(&t);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		free(tally.impossible[i]);
	free(t.keep);
	rig_close(&t.r);
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
