/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.dmabuf.leak: the same memory is mapped and unmapped thousands of times. What the kernel has allocated
 * by then is not more with every thousand.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "scenario/memstat.h"
#include "scenario/mr_rig.h"

#define LAPS 3
#define CYCLES 4000
/* Per mapping; the smallest that can be lost is more, and what others allocate meanwhile is less. */
#define LOST_BYTES 12

/* Maps and unmaps so many times: *bytes are allocated afterwards. 0, 1 or a negative errno. */
static int lap(struct mr_case *c, uint64_t *bytes)
{
	struct p2pcert_dmabuf_map map;
	int ret = 0;

	for (size_t i = 0; i < CYCLES && !ret; i++) {
		ret = mr_expect(c, "mapping", mr_map(c->importer, &map), 0);
		ret = ret ?: mr_expect(c, "unmapping", mr_unmap(c->importer), 0);
	}
	return ret ?: memstat_kmalloc(NULL, bytes);
}

/* The least that a lap has added: what is lost every time is lost in each of them. */
static int least_lost(struct mr_case *c, int64_t *lost)
{
	uint64_t before, now;
	int ret = lap(c, &before);

	*lost = INT64_MAX;
	for (size_t i = 0; i < LAPS && !ret; i++) {
		ret = lap(c, &now);
		if (!ret && (int64_t)(now - before) < *lost)
			*lost = (int64_t)(now - before);
		before = now;
	}
	return ret;
}

/* An RDMA device maps as it registers, and is left alone. */
static int body_leak(struct mr_case *c)
{
	int64_t lost = 0;
	int ret;

	if (c->importer->verbs)
		return 0;
	mr_stage(c, "mapped %d times", (LAPS + 1) * CYCLES);
	ret = mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), 0);
	ret = ret ?: least_lost(c, &lost);
	if (ret)
		return ret;
	if (lost < (int64_t)CYCLES * LOST_BYTES) {
		mr_prove(c, EVIDENCE_LEAK);
		return 0;
	}
	if (c->memory->has_bar || c->memory->vfio)
		scn_finding(c->ctx, "DMABUF-SG-LEAK", &c->importer->addr, 1,
			    "%s, for %s: each %d mappings that are made and ended leave %" PRId64
			    " bytes and more of kernel memory behind",
			    c->memory->name, c->importer->name, CYCLES, lost);
	return mr_refute(c, EVIDENCE_LEAK,
			 "each %d mappings leave %" PRId64 " bytes and more of kernel memory",
			 CYCLES, lost);
}

MR_SCENARIO(leak, "dmabuf.leak", "thousands of mappings of a dma-buf leave nothing behind",
	    MR_PAGES_OF_MODULE | MR_BAR | MR_VFIO, 0, 180);
