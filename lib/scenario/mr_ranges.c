/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.dmabuf.ranges: a dma-buf whose memory is several pieces of a BAR with gaps between: of a
 * function of the module's, and of one under VFIO. It is registered as one, in the order of the pieces, and nothing in the gaps
 * is reached.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"

/* What the kernel says where it cannot map it: an RDMA device may map as it registers. */
static int held_against(struct mr_case *c, const char *what, int err)
{
	if (err == -EADDRINUSE)
		scn_finding(c->ctx, "DMABUF-RANGES", &c->importer->addr, 1,
			    "%s in %d pieces, for %s: %s", c->memory->name, MR_PAGES,
			    c->importer->name, errno_text(err));
	return mr_expect(c, what, err, 0);
}

static int attach(struct mr_case *c)
{
	struct p2pcert_dmabuf_map map;
	int ret;

	mr_stage(c, "memory in %d pieces", MR_PAGES);
	ret = held_against(c, "attaching", mr_attach(c->importer, c->memory->fd));
	if (ret || c->importer->verbs)
		return ret;
	return held_against(c, "mapping", mr_map(c->importer, &map)) ?: mr_judge_path(c);
}

static int use(struct mr_case *c)
{
	size_t page = page_size();
	int ret = 0;

	for (size_t i = 0; i + 1 < MR_PAGES && !ret; i++) {
		mr_stage(c, "across the border of pieces %zu and %zu", i, i + 1);
		ret = mr_read(c, (i + 1) * page - 24, 48);
		ret = ret ?: mr_write(c, (i + 1) * page - 24, 48);
	}
	return ret;
}

/* Between the pieces of one lie those of another, whose memory stays as it is. */
static int with_gaps(struct mr_case *c, struct mr_memory *pieces, struct mr_memory *gaps)
{
	autofree char *wrong = NULL;
	int ret = mr_memory_fill(gaps, mr_seed(c));

	c->memory = pieces;
	ret = ret ?: mr_memory_fill(pieces, mr_seed(c));
	ret = ret ?: attach(c);
	ret = ret ?: use(c);
	if (ret)
		return ret;
	wrong = mr_memory_refuse(gaps);
	return wrong ? mr_refute(c, EVIDENCE_DATA, "between the pieces: %s", wrong) : 0;
}

static int body_ranges(struct mr_case *c)
{
	struct mr_memory *memory = c->memory, pieces, gaps;
	int ret = mr_memory_pieces(c->ctx, memory, 0, MR_PAGES, &pieces);

	ret = mr_memory_pieces(c->ctx, memory, page_size(), MR_PAGES, &gaps) ?: ret;
	ret = ret ?: with_gaps(c, &pieces, &gaps);
	c->memory = memory;
	mr_memory_close(&pieces);
	mr_memory_close(&gaps);
	return ret;
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return mr_each(ctx, MR_BAR | MR_VFIO, body_ranges);
}

const struct scenario scenario_mr_ranges = {
	.id = "mr.dmabuf.ranges",
	.title = "a dma-buf of several pieces of a BAR is registered as one",
	.NEEDS(MR_NEEDS, { NEED_FEATURE, "dma_buf_phys_vec" }),
	.evidence = EV(DATA) | EV(PATH) | EV(ERRNO) | EV(LEAK),
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 60,
	.FAULTS(MR_FAULT_NAMES),
	.run = run,
};
