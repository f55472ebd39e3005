/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.thp, odp.hugetlb, odp.invalidate.split, odp.invalidate.collapse: on-demand memory of one huge page, at
 * either end. That it is huge shows when the first transfer of one small page has all of it mapped. Then
 * it is torn apart, or small pages become a huge one, between transfers and during them.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/odp_race.h"
#include "scenario/pagemap.h"

#define HUGE_BYTES (2u << 20) /* x86, and arm64 with small pages of 4 KiB */
#define COLLAPSE_TRIES 50
#define NR_SOME 6

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

struct trial {
	struct rig r;
	const struct course *course;
	struct rig_buffer *b, *other;
	size_t some[NR_SOME]; /* pages that are transferred: both ends, and about the middle */
	char *impossible; /* why there is no huge page; NULL: there is */
	struct race_count raced;
};

struct course {
	const char *name;
	bool hugetlb;
	bool small; /* the pages are small at first */
	int (*change)(struct trial *t); /* what happens to it between transfers; NULL: nothing */
	/* the same during them: how the memory gets ready for it, what happens, what that means */
	int (*ready)(void *arg);
	int (*apply)(void *arg);
	struct race_rules rules;
};

static int error_of(int r)
{
	return r < 0 ? -errno : 0;
}

/* --- memory ------------------------------------------------------------------------------------- */

/* The pages under test are one huge page, with a small one on either side. */
static int map_huge(struct trial *t)
{
	struct rig *r = &t->r;
	unsigned char *room = mmap(NULL, r->len + 2 * HUGE_BYTES, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned char *huge;

	if (room == MAP_FAILED)
		return -errno;
	huge = (unsigned char *)(((uintptr_t)room + 2 * HUGE_BYTES - 1) & ~(HUGE_BYTES - 1ul));
	munmap(room, r->len + 2 * HUGE_BYTES);
	return rig_map_at(r, t->b, huge - r->page);
}

/* Of the pool of the kernel, which is made larger for it if need be. */
static int map_hugetlb(struct trial *t)
{
	unsigned char *pages = rig_pages(&t->r, t->b);
	json_t *args = jx_object();
	void *p;

	jx_set_int(args, "bytes", HUGE_BYTES);
	jx_set_int(args, "count", 1);
	if (scn_change(t->r.device->ctx, "huge-pages", args, NULL, &t->impossible) < 0)
		return 0;
	p = mmap(pages, HUGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
	if (p != MAP_FAILED)
		return 0;
	t->impossible = xasprintf("no huge page to be had: %s", strerror(errno));
	return 0;
}

static int map_transparent(struct trial *t)
{
	if (!t->course->small && madvise(rig_pages(&t->r, t->b), HUGE_BYTES, MADV_HUGEPAGE) < 0)
		t->impossible = xasprintf("no transparent huge pages: %s", strerror(errno));
	return 0;
}

/* --- what happens to it ------------------------------------------------------------------------- */

/* A page is taken out, and one can be read alone for a time. */
static int split(struct trial *t)
{
	struct rig *r = &t->r;
	unsigned char *page = rig_pages(r, t->b) + r->pages / 2 * r->page;

	memset(t->b->known + (page - t->b->data), 0, r->page);
	return error_of(madvise(page, r->page, MADV_DONTNEED))
		       ?: rig_mapped(r, t->b, r->pages - 1)
		       ?: error_of(mprotect(page + r->page, r->page, PROT_READ))
		       ?: error_of(mprotect(page + r->page, r->page, PROT_READ | PROT_WRITE));
}

/* Pages that are in use at this moment are asked for again. */
static int collapse_now(const struct trial *t)
{
	unsigned char *pages = rig_pages(&t->r, t->b);
	int err = error_of(madvise(pages, HUGE_BYTES, MADV_HUGEPAGE));

	if (err)
		return err;
	err = -EAGAIN;
	for (int i = 0; i < COLLAPSE_TRIES && (err == -EAGAIN || err == -EBUSY); i++)
		err = error_of(madvise(pages, HUGE_BYTES, MADV_COLLAPSE));
	return err;
}

static int collapse(struct trial *t)
{
	int err = collapse_now(t);

	if (err)
		t->impossible =
			xasprintf("small pages do not become a huge one: %s", strerror(-err));
	return 0;
}

/* --- and during transfers ----------------------------------------------------------------------- */

/* New memory in the place of what there is. */
static int map_new(struct trial *t, int advice)
{
	unsigned char *pages = rig_pages(&t->r, t->b);
	void *p = mmap(pages, HUGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return p == MAP_FAILED ? -errno : error_of(madvise(p, HUGE_BYTES, advice));
}

static int ready_to_split(void *arg)
{
	struct trial *t = arg;
	int ret = map_new(t, MADV_HUGEPAGE);

	if (ret)
		return ret;
	*rig_pages(&t->r, t->b) = 1; /* it is filled with data later */
	return rig_mapped(&t->r, t->b, t->r.pages);
}

static int apply_split(void *arg)
{
	const struct trial *t = arg;
	const struct rig *r = &t->r;

	return error_of(
		madvise(rig_pages(r, t->b) + r->pages / 2 * r->page, r->page, MADV_DONTNEED));
}

static int ready_to_collapse(void *arg)
{
	return map_new(arg, MADV_NOHUGEPAGE);
}

static int apply_collapse(void *arg)
{
	return collapse(arg);
}

static int run_during(struct trial *t, const struct rig_end *end)
{
	struct race race = {
		.r = &t->r,
		.end = end,
		.name = t->course->name,
		.rules = t->course->rules,
		.pages = t->some,
		.nr_pages = NR_SOME,
		.ready = t->course->ready,
		.apply = t->course->apply,
		.arg = t,
		.impossible = &t->impossible,
	};

	return race_run(&race, race_end_ns(&t->r), &t->raced);
}

/* --- course ------------------------------------------------------------------------------------- */

static int move_some(struct trial *t, const struct rig_op *op)
{
	int ret = 0;

	for (size_t i = 0; i < NR_SOME && !ret; i++)
		ret = rig_move(&t->r, op, t->some[i], t->some[i], IBV_WC_SUCCESS);
	return ret;
}

static int traffic(struct trial *t, const struct rig_end *end)
{
	int ret;

	rig_fill(&t->r, t->other);
	ret = move_some(t, end->writes);
	rig_fill(&t->r, t->other);
	ret = ret ?: move_some(t, end->reads);
	return ret ?: rig_check(&t->r, t->b) ?: rig_check(&t->r, t->other);
}

/* One small page is moved, and all of the huge one is there. */
static int first_touch(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret = rig_mapped(r, t->b, 0);

	rig_fill(r, t->other);
	ret = ret ?: rig_move(r, end->writes, 1, 1, IBV_WC_SUCCESS);
	return ret ?: rig_mapped(r, t->b, t->course->small ? 1 : r->pages);
}

static int run_memory(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret;

	rig_stage(r, "%s of %s, first touched by the device", end->name, t->course->name);
	ret = first_touch(t, end) ?: traffic(t, end);
	if (ret)
		return ret;
	if (t->course->change) {
		rig_stage(r, "%s, %s between transfers", end->name, t->course->name);
		ret = t->course->small ? (rig_fill(r, t->b), traffic(t, end)) : 0;
		ret = ret ?: t->course->change(t);
		return ret || t->impossible ? ret : traffic(t, end) ?: run_during(t, end);
	}
	rig_stage(r, "%s of %s, given up", end->name, t->course->name);
	memset(t->b->known + r->page, 0, HUGE_BYTES);
	ret = error_of(madvise(rig_pages(r, t->b), HUGE_BYTES, MADV_DONTNEED));
	return ret ?: first_touch(t, end) ?: traffic(t, end);
}

static int run_end(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret;

	t->b = end->local ? &r->local : &r->remote;
	t->other = end->local ? &r->remote : &r->local;
	rig_stage(r, "setting up");
	ret = map_huge(t) ?: t->course->hugetlb ? map_hugetlb(t) : map_transparent(t);
	if (ret || t->impossible)
		return ret;
	ret = rig_map_memfd(r, t->other);
	ret = ret ?: rig_register(r, t->b, true) ?: rig_register(r, t->other, false);
	ret = ret ?: run_memory(t, end);
	ret = ret ?: rig_deregister(r, t->b) ?: rig_deregister(r, t->other);
	if (!ret) {
		rig_unmap(r, t->b);
		rig_unmap(r, t->other);
	}
	return ret;
}

static enum outcome conclude(struct trial *t, int ret)
{
	struct rdma_device *device = t->r.device;
	const char *name = device->verbs.name;

	if (!ret && t->course->change && !race_has_met(&t->raced) && !t->impossible)
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE, "no change met a transfer");
	if (!ret && t->impossible && t->raced.rounds)
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE, "during transfers: %s",
				     t->impossible);
	if (!ret && t->impossible) {
		device->category = SKIP_DEPENDENCY;
		return rdma_conclude(device, OUTCOME_SKIP, "%s", t->impossible);
	}
	if (ret > 0 && t->r.wrong_data)
		scn_finding(device->ctx, t->course->change ? "ODP-STALE" : "ODP-WRONG-DATA", NULL,
			    0, "%s: %s", name, t->r.stage);
	if (!ret) {
		scn_evidence(device->ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
			     "%s: a transfer of one small page maps %s", name,
			     t->course->small ? "that page" : "all of the huge one");
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: %s at either end: all of both buffers right", name,
			     t->course->name);
		if (t->course->change)
			race_say(&t->r, t->course->name, &t->raced);
	}
	return rig_conclude(&t->r, ret, "%s at either end", t->course->name);
}

static enum outcome body(struct rdma_device *device, const void *arg)
{
	struct trial t = { .course = arg };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, HUGE_BYTES / page_size());
	const size_t last = t.r.pages - 1, half = t.r.pages / 2;

	memcpy(t.some, (const size_t[NR_SOME]){ 0, 1, half - 1, half, half + 1, last },
	       sizeof(t.some));
	for (size_t i = 0; i < RIG_ENDS && !ret && !t.impossible; i++)
		ret = run_end(&t, &rig_ends[i]);
	outcome = conclude(&t, ret);
	free(t.impossible);
	rig_close(&t.r);
	return outcome;
}

#define HUGE(symbol, odp_id, text, ...) \
	ODP_SCENARIO_OF( \
		symbol, odp_id, text, IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, \
		(&(const struct course){ __VA_ARGS__ }), EV(DATA) | EV(PATH), \
		.NEEDS(RDMA_ODP_NEEDS, \
		       { NEED_KCONFIG, "CONFIG_TRANSPARENT_HUGEPAGE && CONFIG_HUGETLBFS" }), \
		.safety = SAFETY_SAFE, .level = LEVEL_QUICK, .FAULTS(RIG_FAULTS))

HUGE(thp, "thp", "an on-demand region of a transparent huge page", .name = "a huge page");
HUGE(hugetlb, "hugetlb", "an on-demand region of a huge page of hugetlbfs",
     .name = "a page of hugetlbfs", .hugetlb = true);
HUGE(invalidate_split, "invalidate.split", "a huge page of an on-demand region is torn apart",
     .name = "a huge page, of which one small page is given up", .change = split,
     .ready = ready_to_split, .apply = apply_split,
     .rules = { .content = RACE_LOSES, .one = true });
HUGE(invalidate_collapse, "invalidate.collapse",
     "small pages of an on-demand region become a huge one",
     .name = "small pages that become a huge one", .small = true, .change = collapse,
     .ready = ready_to_collapse, .apply = apply_collapse);
