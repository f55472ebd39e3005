/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.against-pinned: a sequence of operations between pages of both ends, as the seed says, on regions that
 * are pinned and then, with the same data, on regions on demand, whose pages are given up now and then:
 * both must leave the same behind, as what comes after depends on what came before. And odp.bench: how long
 * one operation takes where the pages are there, where they are not, and where they are pinned.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/odp_rig.h"
#include "scenario/pattern.h"
#include "scenario/scenario.h"

#define PAGES 8
#define OPERATIONS 200
#define CHECKED_EVERY 20
#define SAMPLES 200

static bool claims(const struct rig *r, uint32_t bits)
{
	return (r->device->verbs.attr.odp_caps.per_transport_caps.rc_odp_caps & bits) == bits;
}

/* --- the same sequence -------------------------------------------------------------------------- */

static const struct {
	const struct rig_op *op;
	uint32_t claims;
} operations[] = {
	{ &rig_write, IBV_ODP_SUPPORT_WRITE },
	{ &rig_read, IBV_ODP_SUPPORT_READ },
	{ &rig_send, IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV },
	{ &rig_add, IBV_ODP_SUPPORT_ATOMIC },
	{ &rig_swap, IBV_ODP_SUPPORT_ATOMIC },
	{ &rig_no_swap, IBV_ODP_SUPPORT_ATOMIC },
};

static int run_one(struct rig *r, uint64_t random)
{
	size_t n = (random >> 32) % ARRAY_LEN(operations);

	if (!claims(r, operations[n].claims))
		n = 0;
	return rig_move(r, operations[n].op, random % r->pages, (random >> 16) % r->pages,
			IBV_WC_SUCCESS);
}

static int run_sequence(struct rig *r, bool on_demand)
{
	uint64_t seed = pattern_seed(r->device->seed, UINT64_MAX - 3);
	int ret = rig_register_both(r, on_demand);

	r->fills = 0; /* the same data each time */
	rig_fill_both(r);
	for (uint64_t i = 0; i < OPERATIONS && !ret; i++) {
		rig_stage(r, "operation %llu, %s", (unsigned long long)i,
			  on_demand ? "on demand" : "pinned");
		ret = run_one(r, pattern_seed(seed, i));
		if (!ret && (i + 1) % CHECKED_EVERY == 0)
			ret = rig_check_both(r) ?: rig_drop(r, &r->local) ?: rig_drop(r, &r->remote);
	}
	return ret;
}

static int run_both(struct rig *r)
{
	autofree unsigned char *image = xcalloc(2, r->len);
	int ret = run_sequence(r, false);

	if (ret)
		return ret;
	memcpy(image, r->local.data, r->len);
	memcpy(image + r->len, r->remote.data, r->len);
	ret = run_sequence(r, true);
	if (ret)
		return ret;
	if (memcmp(image, r->local.data, r->len) == 0 &&
	    memcmp(image + r->len, r->remote.data, r->len) == 0)
		return 0;
	return rig_refute(r, EVIDENCE_DATA, "leaves other data behind than pinned regions");
}

static enum outcome body_against(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome;
	struct rig r;
	int ret = rig_open(&r, device, PAGES);

	ret = ret ?: rig_map_both(&r);
	ret = ret ?: run_both(&r);
	if (!ret)
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: %u operations leave the same behind on pinned regions and on "
			     "those on demand, whose pages were given up every %u",
			     device->verbs.name, OPERATIONS, CHECKED_EVERY);
	outcome = rig_conclude(&r, ret, "%u operations as on pinned regions", OPERATIONS);
	rig_close(&r);
	return outcome;
}

/* --- how long it takes -------------------------------------------------------------------------- */

static const struct memory {
	const char *name;
	bool on_demand, cold;
} memories[] = {
	{ "pinned", false, false },
	{ "warm", true, false },
	{ "cold", true, true },
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest that so many percent of them do not exceed. */
static uint64_t percentile(const uint64_t *sorted, unsigned int percent)
{
	return sorted[(SAMPLES * percent + 99) / 100 - 1];
}

static void measure(struct rig *r, const char *op, const char *memory, uint64_t *ns)
{
	static const unsigned int percents[] = { 50, 90, 99 };

	qsort(ns, SAMPLES, sizeof(*ns), compare);
	for (size_t i = 0; i < ARRAY_LEN(percents); i++) {
		autofree char *name = xasprintf("%s: %s, %s, p%u", r->device->verbs.name, op,
						memory, percents[i]);

		scn_measure(r->device->ctx, name, "ns", (double)percentile(ns, percents[i]));
	}
}

/* One page at a time; what is cold is so at both ends. */
static int time_one(struct rig *r, const struct rig_op *op, const struct memory *m, uint64_t *ns)
{
	int64_t start;
	int ret = 0;

	if (m->cold)
		ret = rig_drop(r, &r->local) ?: rig_drop(r, &r->remote);
	start = clock_ns();
	ret = ret ?: rig_move(r, op, 0, 0, IBV_WC_SUCCESS);
	*ns = (uint64_t)(clock_ns() - start);
	return ret;
}

static int time_all(struct rig *r, const struct rig_op *op, const struct memory *m)
{
	uint64_t ns[SAMPLES];
	int ret = rig_register_both(r, m->on_demand);

	rig_stage(r, "%s, %s", op->name, m->name);
	rig_fill_both(r);
	ret = ret ?: rig_move(r, op, 0, 0, IBV_WC_SUCCESS);
	for (size_t i = 0; i < SAMPLES && !ret; i++)
		ret = time_one(r, op, m, &ns[i]);
	ret = ret ?: rig_check_both(r);
	if (!ret)
		measure(r, op->name, m->name, ns);
	return ret;
}

static enum outcome body_bench(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome;
	struct rig r;
	int ret = rig_open(&r, device, 1);

	ret = ret ?: rig_map_both(&r);
	for (size_t i = 0; i < ARRAY_LEN(memories) && !ret; i++)
		ret = time_all(&r, &rig_write, &memories[i])
			      ?: time_all(&r, &rig_read, &memories[i]);
	if (!ret)
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: what was timed moved the right data", device->verbs.name);
	outcome = rig_conclude(&r, ret, "RDMA writes and reads of %zu bytes", r.piece);
	rig_close(&r);
	return outcome == OUTCOME_PASS ? OUTCOME_INFO : outcome;
}

ODP_SCENARIO(against_pinned, "against-pinned",
	     "a sequence of operations leaves the same behind on demand as on pinned regions",
	     IBV_ODP_SUPPORT_WRITE, body_against, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
ODP_SCENARIO(bench, "bench", "how long RDMA takes where pages are pinned, there, and not there",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body_bench, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
