/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.pageout: on-demand memory is paged out, comes back for a device that reads it, is written
 * into by the device, and is paged out again. What the device wrote must come back then: a page that a
 * device has been given to write into may differ from the copy that is in swap space, whether or not the
 * CPU has seen it being written to. Then it is paged out while the device reads it, and while it writes.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "scenario/odp_race.h"
#include "scenario/pagemap.h"

#define PAGES 8
#define TRIES 50
#define TRY_MS 20

static const struct memory {
	const char *name;
	bool file, touched; /* by the CPU, before */
} memories[] = {
	{ "a file in memory", true, true },
	{ "a file in memory that nobody has written to", true, false },
	{ "anonymous memory", false, true },
};

struct trial {
	struct rig r;
	struct rig_buffer *b, *other;
	bool stays; /* the kernel does not page it out */
	bool dropped; /* data is other when it has been paged out once more */
	bool lost_meanwhile; /* or during transfers */
	bool stale; /* data was wrong, and not because what the device wrote was lost */
	struct race_count reads, writes; /* while it is paged out */
};

/* The kernel writes the pages while we wait. */
static int page_out(struct trial *t)
{
	const struct rig *r = &t->r;
	unsigned char *pages = rig_pages(r, t->b);
	struct pagemap_count c = { .present = 1 };

	for (int i = 0; i < TRIES && c.present; i++) {
		int err;

		rig_hand_over(t->other);
		if (madvise(pages, rig_pages_len(r), MADV_PAGEOUT) < 0)
			return -errno;
		err = pagemap_count(r->pagemap, pages, rig_pages_len(r), &c);
		if (err)
			return err;
		if (c.present)
			nanosleep(&(struct timespec){ .tv_nsec = TRY_MS * 1000000L }, NULL);
	}
	t->stays |= c.present;
	return 0;
}

/* The CPU touches the memory under test before the first time, and after the last. */
static int run_course(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret;

	rig_fill(r, t->other);
	ret = page_out(t);
	ret = ret ?: rig_move_all(r, end->reads, IBV_WC_SUCCESS) ?: rig_check(r, t->other);
	ret = ret ?: rig_mapped(r, t->b, t->stays ? 0 : PAGES);
	rig_fill(r, t->other);
	ret = ret ?: rig_move_all(r, end->writes, IBV_WC_SUCCESS);
	ret = ret ?: page_out(t);
	return ret ?: rig_check(r, t->b) ?: rig_check(r, t->other);
}

/* --- during transfers --------------------------------------------------------------------------- */

static int apply(void *arg)
{
	const struct trial *t = arg;

	rig_hand_over(t->other);
	return madvise(rig_pages(&t->r, t->b), rig_pages_len(&t->r), MADV_PAGEOUT) < 0 ? -errno : 0;
}

/* All of it comes back once more. */
static int verify(void *arg)
{
	struct trial *t = arg;

	int ret = page_out(t) ?: rig_check(&t->r, t->b);

	t->dropped |= ret > 0;
	return ret;
}

static int run_during(struct trial *t, const struct rig_end *end, const struct rig_op *op,
		      struct race_count *count)
{
	struct race race = {
		.r = &t->r,
		.end = end,
		.name = "paged out",
		.only = op,
		.apply = apply,
		.verify = verify,
		.arg = t,
	};
	int ret = race_run(&race, race_end_ns(&t->r), count);

	t->lost_meanwhile |= ret > 0;
	t->stale |= ret > 0 && (op == end->reads || !(race.lost || t->dropped));
	return ret;
}

/* --- course ------------------------------------------------------------------------------------- */

static int run_phases(struct trial *t, const struct rig_end *end, const struct memory *m)
{
	int ret = rig_worse(&t->r, 0, run_course(t, end));

	if (ret >= 0 && m->touched && !t->stays)
		ret = rig_worse(&t->r, ret, run_during(t, end, end->reads, &t->reads));
	if (ret >= 0 && m->touched && !t->stays)
		ret = rig_worse(&t->r, ret, run_during(t, end, end->writes, &t->writes));
	return ret;
}

static int run_memory(struct trial *t, const struct rig_end *end, const struct memory *m)
{
	struct rig *r = &t->r;
	int ret;

	t->b = end->local ? &r->local : &r->remote;
	t->other = end->local ? &r->remote : &r->local;
	rig_stage(r, "%s into %s, %s, paged out before and after", end->writes->name, end->name,
		  m->name);
	ret = (m->file ? rig_map_memfd(r, t->b) : rig_map(r, t->b, -1))
		      ?: rig_map_memfd(r, t->other);
	if (ret)
		return ret;
	if (m->touched)
		rig_fill(r, t->b);
	ret = rig_register(r, t->b, true) ?: rig_register(r, t->other, false);
	ret = ret ?: run_phases(t, end, m);
	if (ret >= 0) {
		int err = rig_deregister(r, t->b) ?: rig_deregister(r, t->other);

		rig_unmap(r, t->b);
		rig_unmap(r, t->other);
		ret = err ?: ret;
	}
	return ret;
}

/* All are tried: one kind of memory may lose what another keeps. */
static int run_all(struct trial *t)
{
	int result = 0;

	for (size_t i = 0; i < ARRAY_LEN(memories) * RIG_ENDS && !t->stays; i++) {
		int ret = run_memory(t, &rig_ends[i % RIG_ENDS], &memories[i / RIG_ENDS]);

		if (ret < 0)
			return ret;
		result |= ret;
	}
	return result;
}

static bool has_swap(const struct rig *r)
{
	uint64_t swap = 0;

	return proc_status_bytes("/proc/meminfo", "SwapFree", &swap) == 0 && swap >= 4 * r->len;
}

static enum outcome conclude(struct trial *t, int ret)
{
	struct rdma_device *device = t->r.device;
	const char *name = device->verbs.name;

	if (!ret && t->stays)
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "the kernel does not page out what it is asked to");
	if (!ret && (!race_has_met(&t->reads) || !race_has_met(&t->writes)))
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "no page was paged out during a transfer");
	if (t->stale)
		scn_finding(
			device->ctx, "ODP-STALE", NULL, 0,
			"%s: what is paged out meanwhile is read wrong, or is other than before "
			"and than what was written",
			name);
	if (ret > 0 && t->r.wrong_data)
		scn_finding(device->ctx,
			    rig_is_soft(&t->r) ? "RXE-ODP-LOST-WRITE" : "ODP-LOST-WRITE", NULL, 0,
			    "%s: %s", name, t->r.first_wrong);
	if (!ret) {
		scn_evidence(device->ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
			     "%s: no page was mapped when it had been paged out, and all were "
			     "after the device had read them",
			     name);
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: %u pages at either end, of anonymous memory and of a file, hold "
			     "what the device wrote into them when they come back",
			     name, PAGES);
	}
	if (ret >= 0 && !t->stale)
		race_say(&t->r, "paging out what is read", &t->reads);
	if (ret >= 0 && !t->lost_meanwhile)
		race_say(&t->r, "paging out what is written into", &t->writes);
	return rig_conclude(&t->r, ret, "what the device writes is paged out, and comes back");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct trial t = { 0 };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, PAGES);

	if (!ret && !has_swap(&t.r)) {
		device->category = SKIP_DEPENDENCY;
		outcome = rdma_conclude(device, OUTCOME_SKIP, "there is no free swap space");
	} else {
		outcome = conclude(&t, ret ?: run_all(&t));
	}
	rig_close(&t.r);
	return outcome;
}

ODP_SCENARIO(invalidate_pageout, "invalidate.pageout",
	     "memory of an on-demand region is paged out, before and after a device writes into it",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA) | EV(PATH),
	     .FAULTS("skip-copy", "corrupt-copy"));
