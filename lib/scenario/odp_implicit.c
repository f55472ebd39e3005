/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.implicit: one region on demand of the whole address space. Memory that is mapped after the region was
 * made belongs to it as well; what is unmapped does not any more, and what is then mapped in its place
 * does, with its own data.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/odp_rig.h"

#define PAGES 8

struct trial {
	struct rig r;
	struct ibv_mr *all; /* the region of the whole address space */
	struct rig_buffer *b, *other;
	struct ibv_mr part; /* the same by its keys, as if it began with the buffer */
};

static int register_all(struct trial *t)
{
	int access = IBV_ACCESS_ON_DEMAND | IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		     IBV_ACCESS_REMOTE_READ;

	return verbs_register(&t->r.device->verbs, NULL, SIZE_MAX, access, &t->all);
}

static void use_part(struct trial *t)
{
	t->part = *t->all;
	t->part.addr = t->b->data;
	t->part.length = t->r.len;
	t->b->mr = &t->part;
	t->b->on_demand = true;
}

static int traffic(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret;

	rig_fill(r, t->other);
	ret = rig_move_all(r, end->writes, IBV_WC_SUCCESS);
	ret = ret ?: rig_mapped(r, t->b, PAGES) ?: rig_check(r, t->b);
	rig_fill(r, t->b);
	ret = ret ?: rig_move_all(r, end->reads, IBV_WC_SUCCESS);
	return ret ?: rig_check(r, t->other);
}

/* Nothing is there, and not a byte moves. */
static int run_unmapped(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret;

	rig_stage(r, "%s of the whole address space, unmapped", end->name);
	rig_fill(r, t->other);
	if (munmap(rig_pages(r, t->b), rig_pages_len(r)) < 0)
		return -errno;
	ret = rig_move_all(r, end->reads, end->refused)
		      ?: rig_move_all(r, end->writes, end->refused);
	return ret ?: rig_check(r, t->other);
}

static int map_anew(struct trial *t)
{
	struct rig *r = &t->r;
	void *p = mmap(rig_pages(r, t->b), rig_pages_len(r), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	memset(t->b->known + r->page, 0, rig_pages_len(r));
	return p == MAP_FAILED ? -errno : 0;
}

static int run_end(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret;

	t->b = end->local ? &r->local : &r->remote;
	t->other = end->local ? &r->remote : &r->local;
	rig_stage(r, "setting up");
	ret = rig_map_memfd(r, t->other) ?: rig_map(r, t->b, -1);
	ret = ret ?: rig_learn(r) ?: rig_deregister(r, t->b) ?: rig_register(r, t->other, false);
	if (ret)
		return ret;
	use_part(t);
	rig_stage(r, "%s of the whole address space, mapped after it was registered", end->name);
	ret = rig_mapped(r, t->b, 0) ?: traffic(t, end) ?: run_unmapped(t, end) ?: map_anew(t);
	if (!ret) {
		rig_stage(r, "%s of the whole address space, mapped anew", end->name);
		ret = traffic(t, end);
	}
	t->b->mr = NULL;
	ret = ret ?: rig_deregister(r, t->other);
	if (!ret) {
		rig_unmap(r, t->b);
		rig_unmap(r, t->other);
	}
	return ret;
}

static enum outcome run_rig(struct trial *t)
{
	struct rdma_device *device = t->r.device;
	int ret = register_all(t);

	if (ret) {
		rig_stage(&t->r, "region of the whole address space");
		rig_refute(&t->r, EVIDENCE_ERRNO, "is claimed, and refused: %s", strerror(-ret));
		return rdma_conclude(device, OUTCOME_FAIL,
				     "claims such a region, and refuses it: %s", strerror(-ret));
	}
	for (size_t i = 0; i < RIG_ENDS && !ret; i++)
		ret = run_end(t, &rig_ends[i]);
	if (ret > 0 && t->r.wrong_data)
		scn_finding(device->ctx, "ODP-STALE", NULL, 0, "%s: %s", device->verbs.name,
			    t->r.stage);
	if (!ret)
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: %u pages at either end, mapped, unmapped and mapped anew under a "
			     "region of the whole address space: all of both buffers right, and "
			     "refused where there is nothing",
			     device->verbs.name, PAGES);
	return rig_conclude(&t->r, ret, "all of the address space, as it is at the time");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct trial t = { 0 };
	enum outcome outcome;
	int ret;

	if (!(device->verbs.attr.odp_caps.general_caps & IBV_ODP_SUPPORT_IMPLICIT))
		return rdma_conclude(device, OUTCOME_SKIP,
				     "does not claim regions of the whole address space");
	ret = rig_open(&t.r, device, PAGES);
	outcome = ret ? rig_conclude(&t.r, ret, "cannot start") : run_rig(&t);
	rig_close(&t.r);
	return outcome;
}

ODP_SCENARIO(implicit, "implicit", "one on-demand region of the whole address space",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
