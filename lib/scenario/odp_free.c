/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.free: memory that the process has called free for the taking (MADV_FREE), and that a
 * device then writes into, is not: the kernel must not take it away any more, as it must not after the CPU
 * has written there (madvise(2)). It may until then: a second area, which nobody writes into, shows that
 * it does when it is asked to (MADV_PAGEOUT).
 */
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/odp_rig.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"

#define PAGES 8

static const struct end {
	const char *name;
	bool local; /* memory that is written into */
	const struct rig_op *op;
} ends[] = {
	{ "RDMA write into remote memory", false, &rig_write },
	{ "RDMA read into local memory", true, &rig_read },
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

/* The region is anonymous memory; the device has used it before. Nothing is taken of what is pinned. */
static int run_end(struct rig *r, const struct end *end, bool on_demand)
{
	struct rig_buffer *b = end->local ? &r->local : &r->remote;
	struct rig_buffer *other = end->local ? &r->remote : &r->local;
	int ret = rig_map(r, b, -1) ?: rig_map_memfd(r, other);

	rig_stage(r, "%s, %s, after MADV_FREE", end->name, on_demand ? "on demand" : "pinned");
	if (ret)
		return ret;
	rig_fill(r, b);
	rig_fill(r, other);
	ret = rig_register(r, b, on_demand) ?: rig_register(r, other, false);
	ret = ret ?: rig_move_all(r, end->op, IBV_WC_SUCCESS);
	ret = ret ?: madvise(rig_pages(r, b), rig_pages_len(r), MADV_FREE) < 0 ? -errno : 0;
	rig_fill(r, other);
	ret = ret ?: rig_move_all(r, end->op, IBV_WC_SUCCESS);
	ret = ret ?: reclaim(r, rig_pages(r, b));
	ret = ret ?: rig_check(r, b) ?: rig_check(r, other);
	ret = ret ?: rig_deregister(r, b) ?: rig_deregister(r, other);
	if (!ret) {
		rig_unmap(r, b);
		rig_unmap(r, other);
	}
	return ret;
}

static int run_all(struct rig *r)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(ends) && !ret; i++)
		ret = run_end(r, &ends[i], false) ?: run_end(r, &ends[i], true);
	return ret;
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome;
	struct rig r;
	int taken, ret = rig_open(&r, device, PAGES);

	ret = ret ?: run_all(&r);
	if (ret > 0 && r.wrong_data && (r.local.on_demand || r.remote.on_demand))
		scn_finding(device->ctx, rig_is_soft(&r) ? "RXE-ODP-LOST-WRITE" : "ODP-LOST-WRITE",
			    NULL, 0, "%s: %s", device->verbs.name, r.stage);
	taken = watch_reclaim(&r);
	if (!ret && taken) {
		outcome = rdma_conclude(device, OUTCOME_INCONCLUSIVE,
					"the kernel does not take away what is free: %s",
					taken < 0 ? strerror(-taken) : "all of it stays");
	} else {
		if (!ret)
			scn_evidence(
				device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
				"%s: %u pages at either end hold what the device wrote into them "
				"after MADV_FREE, through MADV_PAGEOUT, which takes away what "
				"nobody has written into",
				device->verbs.name, PAGES);
		outcome = rig_conclude(&r, ret, "what the device writes after MADV_FREE stays");
	}
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO(invalidate_free, "invalidate.free",
	     "a device writes into memory that the process has left to the kernel with "
	     "MADV_FREE",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
	     .FAULTS("skip-copy", "corrupt-copy"));
