/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.unbind: the driver whose BAR was handed out is unbound while an importer has it mapped. The driver
 * must be able to go, the importer must be told, and from then on reach nothing; what was in memory at
 * that time stays, and what is handed out after the driver has come back is another memory.
 */
#include <errno.h>

#include "scenario/mr_rig.h"

static int tell_driver(const struct mr_case *c, const char *verb)
{
	return modfd_driver(scn_env(c->ctx)->sysroot, MR_MODULE, verb, c->memory->bar);
}

static int gone(struct mr_case *c)
{
	struct p2pcert_dmabuf_counters count = { .notified = 1 };
	struct p2pcert_dmabuf_map map;
	int ret = 0;

	if (!c->importer->verbs)
		ret = mr_count(c->importer, &count);
	if (!ret && count.notified != 1)
		ret = mr_refute(c, EVIDENCE_COUNTERS, "the importer was not told");
	ret = ret ?: mr_held(c, 1, 0);
	if (!ret && !c->importer->verbs)
		ret = mr_expect(c, "mapping", mr_map(c->importer, &map), -ENODEV);
	ret = ret ?: mr_expect_refused(c, 0, 1, -ENODEV);
	return ret ?: mr_expect(c, "detaching", mr_detach(c->importer), 0);
}

/* Memory that the BAR could have been a place of, and is not. */
static int stays(struct mr_case *c)
{
	int ret;

	ret = mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), 0);
	ret = ret ?: mr_use(c);
	if (!ret)
		ret = mr_expect(c, "moving to the BAR",
				mr_memory_move(c->memory, P2PCERT_PLACE_BAR), -ENXIO);
	return ret ?: mr_detach(c->importer);
}

static int comes_back(struct mr_case *c)
{
	struct mr_memory *old = c->memory, anew;
	int ret = mr_memory_bar(c->ctx, old->bar, 0, 1, &anew);

	if (ret) {
		mr_memory_close(&anew);
		return ret;
	}
	mr_stage(c, "after the driver has come back, what is handed out anew");
	c->memory = &anew;
	ret = mr_memory_fill(&anew, mr_seed(c));
	ret = ret ?: mr_expect(c, "attaching", mr_attach(c->importer, anew.fd), 0);
	ret = ret ?: mr_use(c);
	ret = ret ?: mr_detach(c->importer);
	c->memory = old;
	mr_memory_close(&anew);
	mr_stage(c, "after the driver has come back, what was handed out before");
	return ret ?: mr_expect(c, "attaching", mr_attach(c->importer, old->fd), -ENODEV);
}

static int with_other(struct mr_case *c, struct mr_memory *other)
{
	struct mr_memory *memory = c->memory;
	int ret = mr_memory_fill(other, mr_seed(c));

	ret = ret ?: mr_memory_move(other, P2PCERT_PLACE_RAM);
	mr_stage(c, "before the driver goes");
	ret = ret ?: mr_expect(c, "attaching", mr_attach(c->importer, memory->fd), 0);
	ret = ret ?: mr_use(c);
	ret = ret ?: mr_held(c, 1, 1);
	ret = ret ?: tell_driver(c, "unbind");
	mr_stage(c, "after the driver has gone");
	ret = ret ?: gone(c);
	c->memory = other;
	mr_stage(c, "after the driver has gone, memory that was not in the BAR");
	ret = ret ?: stays(c);
	c->memory = memory;
	ret = ret ?: tell_driver(c, "bind");
	return ret ?: comes_back(c);
}

static int body_unbind(struct mr_case *c)
{
	struct mr_memory other;
	int ret = mr_memory_bar(c->ctx, c->memory->bar, c->memory->len, 1, &other);

	ret = ret ?: with_other(c, &other);
	mr_memory_close(&other);
	return ret;
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return mr_each(ctx, MR_BAR, body_unbind);
}

const struct scenario scenario_mr_unbind = {
	.id = "mr.unbind",
	.title = "an exporting driver goes while its BAR is mapped",
	.NEEDS(MR_NEEDS, { NEED_FEATURE, "dma_buf_phys_vec" }),
	.evidence = EV(DATA) | EV(ERRNO) | EV(COUNTERS) | EV(LEAK),
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 60,
	.FAULTS(MR_FAULT_NAMES),
	.run = run,
};
