/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.free: memory that the process has called free for the taking (MADV_FREE), and that a
 * device then writes into, is not: the kernel must not take it away any more, as it must not after the CPU
 * has written there (madvise(2)). It may until then: a second area, which nobody writes into, shows that
 * it does when it is asked to (MADV_PAGEOUT). Both also come during transfers.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/odp_race.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"

#define PAGES 8

struct trial {
	struct rig r;
	struct rig_buffer *b, *other; /* memory that is free, and that of the other end */
	bool stale; /* data was wrong, and not because what the device wrote was lost */
	struct race_count reads, writes;
};

static int reclaim(const struct rig *r, const unsigned char *data)
{
	return madvise((void *)data, r->pages * r->page, MADV_PAGEOUT) < 0 ? -errno : 0;
}

/* Is memory that nobody has written into since taken away? 0, 1 if not, or a negative errno. */
static int watch_reclaim(const struct rig *r)
{
	size_t len = r->pages * r->page;
	unsigned char *area =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pagemap_count c = { 0 };
	int err;

	if (area == MAP_FAILED)
		return -errno;
	memset(area, 0x5a, len);
	err = madvise(area, len, MADV_FREE) < 0 ? -errno : reclaim(r, area);
	err = err ?: pagemap_count(r->pagemap, area, len, &c);
	munmap(area, len);
	return err ?: c.present != 0;
}

static int set_up(struct trial *t, const struct rig_end *end, bool on_demand)
{
	struct rig *r = &t->r;
	int ret;

	t->b = end->local ? &r->local : &r->remote;
	t->other = end->local ? &r->remote : &r->local;
	ret = rig_map(r, t->b, -1) ?: rig_map_memfd(r, t->other);
	if (ret)
		return ret;
	rig_fill(r, t->b);
	rig_fill(r, t->other);
	return rig_register(r, t->b, on_demand) ?: rig_register(r, t->other, false);
}

static int tear_down(struct trial *t)
{
	int err = rig_deregister(&t->r, t->b) ?: rig_deregister(&t->r, t->other);

	rig_unmap(&t->r, t->b);
	rig_unmap(&t->r, t->other);
	return err;
}

static int let_go(const struct trial *t)
{
	int err = madvise(rig_pages(&t->r, t->b), rig_pages_len(&t->r), MADV_FREE) < 0 ? -errno : 0;

	rig_hand_over(t->other);
	return err;
}

/* The device has used the memory before. Nothing is taken of what is pinned. */
static int run_between(struct trial *t, const struct rig_end *end, bool on_demand)
{
	struct rig *r = &t->r;
	int ret;

	rig_stage(r, "%s into %s, %s, after MADV_FREE", end->writes->name, end->name,
		  on_demand ? "on demand" : "pinned");
	ret = rig_move_all(r, end->writes, IBV_WC_SUCCESS) ?: let_go(t);
	rig_fill(r, t->other);
	ret = ret ?: rig_move_all(r, end->writes, IBV_WC_SUCCESS);
	ret = ret ?: reclaim(r, rig_pages(r, t->b));
	return ret ?: rig_check(r, t->b) ?: rig_check(r, t->other);
}

/* --- during transfers --------------------------------------------------------------------------- */

static int apply(void *arg)
{
	return let_go(arg);
}

static int restore(void *arg)
{
	const struct trial *t = arg;

	return reclaim(&t->r, rig_pages(&t->r, t->b));
}

static int run_during(struct trial *t, const struct rig_end *end, const struct rig_op *op,
		      struct race_count *count)
{
	struct race race = {
		.r = &t->r,
		.end = end,
		.name = "MADV_FREE and MADV_PAGEOUT",
		.rules = { .content = RACE_MAY_LOSE },
		.only = op,
		.apply = apply,
		.restore = restore,
		.arg = t,
	};
	int ret = race_run(&race, race_end_ns(&t->r), count);

	t->stale |= ret > 0 && (!race.lost || op == end->reads);
	return ret;
}

/* --- course ------------------------------------------------------------------------------------- */

static int run_end(struct trial *t, const struct rig_end *end)
{
	int ret = set_up(t, end, true);

	ret = ret ?: rig_worse(&t->r, 0, run_between(t, end, true));
	if (ret >= 0)
		ret = rig_worse(&t->r, ret, run_during(t, end, end->reads, &t->reads));
	if (ret >= 0)
		ret = rig_worse(&t->r, ret, run_during(t, end, end->writes, &t->writes));
	return ret < 0 ? ret : tear_down(t) ?: ret;
}

static int run_pinned(struct trial *t, const struct rig_end *end)
{
	return set_up(t, end, false) ?: run_between(t, end, false) ?: tear_down(t);
}

/* What is wrong with pinned memory is no matter of paging on demand. */
static int run_all(struct trial *t)
{
	int result = 0;

	for (size_t i = 0; i < RIG_ENDS; i++) {
		int ret = run_pinned(t, &rig_ends[i]);

		if (ret)
			return ret;
		ret = run_end(t, &rig_ends[i]);
		if (ret < 0)
			return ret;
		result |= ret;
	}
	return result;
}

static void find(const struct trial *t)
{
	const char *name = t->r.device->verbs.name;
	struct scenario_ctx *ctx = t->r.device->ctx;

	if (t->stale)
		scn_finding(ctx, "ODP-STALE", NULL, 0,
			    "%s: memory that is taken away meanwhile holds, or is read as, what it "
			    "never held",
			    name);
	if (t->r.wrong_data)
		scn_finding(ctx, rig_is_soft(&t->r) ? "RXE-ODP-LOST-WRITE" : "ODP-LOST-WRITE", NULL,
			    0, "%s: %s", name, t->r.first_wrong);
}

static void say(const struct trial *t)
{
	scn_evidence(t->r.device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: %u pages at either end hold what the device wrote into them after "
		     "MADV_FREE, through MADV_PAGEOUT, which takes away what nobody has written "
		     "into",
		     t->r.device->verbs.name, PAGES);
	race_say(&t->r, "writing, MADV_FREE and MADV_PAGEOUT", &t->writes);
}

static enum outcome conclude(struct trial *t, int ret)
{
	struct rdma_device *device = t->r.device;
	int taken = watch_reclaim(&t->r);

	if (ret > 0)
		find(t);
	if (!ret && taken)
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "the kernel does not take away what is free: %s",
				     taken < 0 ? strerror(-taken) : "all of it stays");
	if (!ret && (!race_has_met(&t->reads) || !race_has_met(&t->writes)))
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "no page was taken away during a transfer");
	if (ret >= 0 && !t->stale)
		race_say(&t->r, "reading, MADV_FREE and MADV_PAGEOUT", &t->reads);
	if (!ret)
		say(t);
	return rig_conclude(&t->r, ret, "what the device writes after MADV_FREE stays");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct trial t = { 0 };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, PAGES);

	outcome = conclude(&t, ret ?: run_all(&t));
	rig_close(&t.r);
	return outcome;
}

ODP_SCENARIO(invalidate_free, "invalidate.free",
	     "a device writes into memory that the process has left to the kernel with "
	     "MADV_FREE",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
