/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.iova: a region whose addresses are others than its memory's has (ibv_reg_mr_iova(3)): a byte is
 * where its distance from the region's begin says. A device that takes the address for the memory's
 * reaches into what is beside, or into the kernel's memory: the first try is one page beyond, with a page
 * to spare behind what is touched, so that it is seen and nothing breaks; only where that is right,
 * regions that begin at zero follow.
 */
#include <string.h>

#include "base/alloc.h"
#include "scenario/odp_rig.h"
#include "scenario/scenario.h"

#define PAGES 8

static const struct rig_op *const ops[] = { &rig_write, &rig_read };

/* Which buffer is on demand, and at other addresses. */
struct side {
	const char *name;
	bool local, remote;
};

/* Pinned first: that the device can do it at all. */
static const struct side sides[] = {
	{ "both pinned", false, false },
	{ "local memory on demand", true, false },
	{ "remote memory on demand", false, true },
	{ "both on demand", true, true },
};

static int run_op(struct rig *r, const struct rig_op *op)
{
	rig_fill_both(r);
	return rig_move_all(r, op, IBV_WC_SUCCESS) ?: rig_check(r, &r->local) ?:
						      rig_check(r, &r->remote);
}

static size_t shift_to_zero(const struct rig_buffer *b)
{
	return -(uintptr_t)b->data;
}

static int run_side(struct rig *r, const struct side *side, bool zero)
{
	bool pinned = !side->local && !side->remote;
	size_t local = zero ? shift_to_zero(&r->local) : r->page;
	size_t remote = zero ? shift_to_zero(&r->remote) : r->page;
	int ret;

	ret = rig_register_at(r, &r->local, side->local, pinned || side->local ? local : 0);
	ret = ret
		      ?: rig_register_at(r, &r->remote, side->remote,
					 pinned || side->remote ? remote : 0);
	for (size_t i = 0; i < ARRAY_LEN(ops) && !ret; i++) {
		rig_stage(r, "%s, %s, addresses %s", ops[i]->name, side->name,
			  zero ? "from 0" : "one page higher");
		ret = run_op(r, ops[i]);
	}
	return ret;
}

static int run_all(struct rig *r)
{
	int ret = 0;

	for (int zero = 0; zero < 2; zero++)
		for (size_t i = 0; i < ARRAY_LEN(sides) && !ret; i++)
			ret = run_side(r, &sides[i], zero);
	return ret;
}

/* Does page n hold the piece that was meant for the one before? */
static bool is_displaced(const struct rig *r, const struct rig_buffer *b, size_t n)
{
	size_t at = n * r->page;

	return memcmp(b->data + at, b->known + at - r->page, r->piece) == 0;
}

/*
 * The defect that is known: the address is taken for the memory's, so that what is written to the
 * region, page by page from the last on, comes a page too late, each over the one before.
 */
static bool is_known(const struct rig *r)
{
	const struct rig_buffer *b = r->local.on_demand ? &r->local : &r->remote;
	bool reads = r->local.on_demand;

	/* what was read from the memory one page further */
	if (reads)
		return memcmp(r->remote.data + r->pages * r->page, b->data + 2 * r->page,
			      r->piece) == 0;
	for (size_t n = 2; n <= r->pages + 1; n++)
		if (!is_displaced(r, b, n))
			return false;
	return true;
}

static void find(const struct rig *r)
{
	if (!r->local.on_demand && !r->remote.on_demand)
		return;
	scn_finding(r->device->ctx, is_known(r) ? "RXE-ODP-IOVA" : "ODP-WRONG-DATA", NULL, 0,
		    "%s: %s", r->device->verbs.name, r->stage);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome;
	struct rig r;
	int ret = rig_open(&r, device, PAGES);

	ret = ret ?: rig_map_both(&r);
	ret = ret ?: run_all(&r);
	if (ret > 0 && r.wrong_data)
		find(&r);
	else if (!ret)
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: RDMA writes and reads, %u pages, the one region on demand, the "
			     "other and both, at addresses one page higher and from 0 on: all of "
			     "both buffers right",
			     device->verbs.name, PAGES);
	outcome = rig_conclude(&r, ret, "regions are where their addresses say");
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO(iova, "iova",
	     "RDMA to on-demand regions whose addresses are not those of their memory",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
