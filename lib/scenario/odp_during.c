/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.during: a thread takes pages away from under the transfers, as the seed says: it gives them
 * up (MADV_DONTNEED of shared memory), or moves them between NUMA nodes. Neither changes what is in the
 * memory, so that every transfer must succeed and all of both buffers be right.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/odp_rig.h"
#include "scenario/pattern.h"
#include "scenario/scenario.h"

#define PAGES 16
#define MPOL_MF_MOVE (1 << 1) /* numaif.h, of libnuma */
#define NODES 2

static const unsigned int ms_of_level[NR_LEVELS] = {
	[LEVEL_QUICK] = 1000,
	[LEVEL_STANDARD] = 3000,
	[LEVEL_FULL] = 20000,
	[LEVEL_SOAK] = 20000,
};

struct trouble {
	struct rig *r;
	uint64_t seed;
	atomic_bool stop;
	atomic_uint_fast64_t changes;
	atomic_int error; /* a negative errno */
};

/* --- the thread --------------------------------------------------------------------------------- */

struct range {
	unsigned char *data;
	size_t pages;
};

static int give_up(const struct trouble *t, struct range a, uint64_t random attr_unused)
{
	return madvise(a.data, a.pages * t->r->page, MADV_DONTNEED) < 0 ? -errno : 0;
}

/* A machine of one node, or memory that is in use at this moment, leaves them where they are. */
static int move_away(const struct trouble *t, struct range a, uint64_t random)
{
	void *pages[PAGES];
	int nodes[PAGES], status[PAGES];

	for (size_t i = 0; i < a.pages; i++) {
		pages[i] = a.data + i * t->r->page;
		nodes[i] = (int)((random >> i) % NODES);
	}
	if (syscall(SYS_move_pages, 0, a.pages, pages, nodes, status, MPOL_MF_MOVE) < 0 &&
	    errno != ENODEV && errno != ENOENT)
		return -errno;
	return 0;
}

static int (*const kinds[])(const struct trouble *t, struct range a, uint64_t random) = {
	give_up,
	move_away,
};

static struct range range_of(const struct trouble *t, uint64_t random)
{
	const struct rig *r = t->r;
	const struct rig_buffer *b = random & 1 ? &r->local : &r->remote;
	size_t first = (random >> 8) % r->pages;

	return (struct range){
		.data = rig_pages(r, b) + first * r->page,
		.pages = 1 + (random >> 16) % (r->pages - first),
	};
}

static void *trouble_main(void *arg)
{
	struct trouble *t = arg;

	for (uint64_t n = 0; !atomic_load(&t->stop); n++) {
		uint64_t random = pattern_seed(t->seed, n);
		int err = kinds[(random >> 32) % ARRAY_LEN(kinds)](t, range_of(t, random), random);

		if (err) {
			atomic_store(&t->error, err);
			break;
		}
		atomic_fetch_add(&t->changes, 1);
	}
	return NULL;
}

/* --- the transfers ------------------------------------------------------------------------------ */

static int run_round(struct rig *r, const struct rig_op *op)
{
	rig_fill(r, &r->local);
	rig_fill(r, &r->remote);
	return rig_move_all(r, op, IBV_WC_SUCCESS) ?: rig_check(r, &r->local) ?:
						      rig_check(r, &r->remote);
}

static int run_rounds(struct rig *r, struct trouble *t, size_t *rounds)
{
	int64_t end = clock_ns() + ms_of_level[scn_env(r->device->ctx)->level] * NS_PER_MS;
	int ret = 0;

	while (!ret && (clock_ns() < end || *rounds < 2)) {
		const struct rig_op *op = *rounds & 1 ? &rig_read : &rig_write;

		rig_stage(r, "%s, round %zu, pages taken away meanwhile", op->name, *rounds);
		ret = run_round(r, op);
		++*rounds;
	}
	return ret ?: atomic_load(&t->error);
}

static int run_troubled(struct rig *r, struct trouble *t, size_t *rounds)
{
	pthread_t thread;
	int ret = -pthread_create(&thread, NULL, trouble_main, t);

	if (ret)
		return ret;
	ret = run_rounds(r, t, rounds);
	atomic_store(&t->stop, true);
	pthread_join(thread, NULL);
	return ret;
}

static int set_up(struct rig *r)
{
	int ret = rig_map_memfd(r, &r->local) ?: rig_map_memfd(r, &r->remote);

	return ret ?: rig_register(r, &r->local, true) ?: rig_register(r, &r->remote, true);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct rig r;
	struct trouble t = { .r = &r, .seed = pattern_seed(device->seed, UINT64_MAX - 2) };
	enum outcome outcome;
	size_t rounds = 0;
	int ret = rig_open(&r, device, PAGES);

	ret = ret ?: set_up(&r);
	ret = ret ?: run_troubled(&r, &t, &rounds);
	if (ret > 0 && r.wrong_data)
		scn_finding(device->ctx, "ODP-STALE", NULL, 0, "%s: %s", device->verbs.name,
			    r.stage);
	if (!ret)
		scn_evidence(
			device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			"%s: %zu rounds of %u pages right at both ends, while pages were taken "
			"away %llu times",
			device->verbs.name, rounds, PAGES,
			(unsigned long long)atomic_load(&t.changes));
	if (!ret && atomic_load(&t.changes) < rounds)
		outcome = rdma_conclude(device, OUTCOME_INCONCLUSIVE,
					"pages were taken away too seldom");
	else
		outcome = rig_conclude(&r, ret, "%zu rounds right, pages taken away meanwhile",
				       rounds);
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO(invalidate_during, "invalidate.during",
	     "pages of on-demand regions are given up and moved during transfers",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
