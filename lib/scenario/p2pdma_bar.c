/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.bar-copy: memory of a BAR that no struct pages are made for, because it is too small for them, or
 * its driver wants none, is handed out as a dma-buf, and a DMA engine writes and reads it. What the
 * kernel maps is held against what is predicted; a pair that it refuses is refused with the errno that
 * is documented, and nothing moves.
 */
#include <errno.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/mr_rig.h"
#include "scenario/pair.h"

struct lent {
	struct mr_case *c;
	const struct function *engine, *owner;
	struct p2p_pair predicted;
	struct pair_ruling ruled;
};

/*
 * Which way the kernel has mapped it. It does not tell of memory without pages: an address of the bus
 * that is also the CPU's, and is not translated, can be either.
 */
static int ask_map(struct lent *l)
{
	const char *sysroot = scn_env(l->c->ctx)->sysroot;
	struct p2pcert_dmabuf_place place;
	struct p2pcert_dmabuf_map map;
	uint64_t phys;
	int64_t offset;
	int err = mr_memory_look(l->c->memory, &place);

	if (err)
		return err;
	phys = place.segs[0].phys_addr;
	offset = pair_bus_offset(sysroot, l->owner,
				 pair_bar_holding(l->owner, phys, place.segs[0].length));
	l->ruled.map_errno = mr_map(l->c->importer, &map);
	l->ruled.bus_address =
		!l->ruled.map_errno && map.segs[0].dma_addr == phys + (uint64_t)offset;
	l->ruled.mapped = !l->ruled.bus_address || offset || pair_is_translated(l->engine);
	return 0;
}

static int ask(struct lent *l)
{
	autoclose int fd = modfd_open(l->c->ctx, P2PCERT_DEV_P2P, 0, NULL);
	int err;

	if (fd < 0)
		return -ENXIO;
	err = pair_ask_distance(fd, l->engine->addr, l->owner->addr, &l->ruled);
	return err ? err : ask_map(l);
}

static int judge_ruling(struct lent *l)
{
	enum pair_state state = pair_judge(&l->predicted, &l->ruled);
	autofree char *prediction = pair_prediction_text(&l->predicted);
	autofree char *ruling = pair_ruling_text(&l->ruled);

	if (state == PAIR_AGREES)
		return 0;
	return mr_refute(l->c, EVIDENCE_PATH, "predicted %s, the kernel rules %s", prediction,
			 ruling);
}

/* An engine that leaves out the upper bits of an address would reach other memory: it is not let loose. */
static int judge_reach(struct lent *l)
{
	const struct pci_addr addrs[] = { l->engine->addr, l->owner->addr };
	unsigned char byte;

	if (mr_access(l->c->importer, 0, &byte, 1, false) != -EOVERFLOW)
		return 0;
	scn_finding(l->c->ctx, "P2P-BEYOND-DMA-MASK", addrs, ARRAY_LEN(addrs),
		    "%s: the kernel maps an address for %s that is beyond its DMA mask",
		    l->c->memory->name, l->c->importer->name);
	return mr_refute(l->c, EVIDENCE_PATH, "the kernel maps what the engine cannot drive");
}

static int move(struct lent *l)
{
	int ret = mr_judge_path(l->c);

	ret = ret ?: judge_reach(l);
	ret = ret ?: mr_read(l->c, 0, l->c->memory->len);
	ret = ret ?: mr_write(l->c, 0, l->c->memory->len);
	scn_perish(l->c->ctx);
	return ret;
}

/* By dma_buf_phys_vec_to_sgt() with an errno of its own; and it is not reached in any other way. */
static int refused(struct lent *l)
{
	int ret = mr_expect(l->c, "mapping", l->ruled.map_errno, -EINVAL);

	ret = ret ?: mr_expect_refused(l->c, 0, l->c->memory->len, l->ruled.map_errno);
	ret = ret ?: mr_check(l->c);
	if (!ret)
		mr_prove(l->c, EVIDENCE_PATH);
	return ret;
}

static void tell(struct lent *l, int ret)
{
	const struct platform *platform = scn_env(l->c->ctx)->platform;
	bool supported = pair_ruled_supported(&l->ruled);
	json_t *fact = pair_to_json(platform, &l->predicted, &l->ruled,
				    pair_judge(&l->predicted, &l->ruled));
	autofree char *wrong = mr_memory_refuse(l->c->memory);

	jx_set_str(fact, "channel", l->c->importer->channel);
	jx_set_int(fact, "bytes", (json_int_t)l->c->memory->len);
	jx_set_bool(fact, "as_ruled", !ret);
	jx_set_str(fact, "moved",
		   wrong       ? "wrong"
		   : ret       ? "unclear"
		   : supported ? "right"
			       : "refused");
	mr_transfer(l->c, fact);
}

static int examine(struct lent *l)
{
	int ret = ask(l);

	if (ret)
		return ret;
	ret = judge_ruling(l);
	if (!ret)
		ret = pair_ruled_supported(&l->ruled) ? move(l) : refused(l);
	if (ret >= 0)
		tell(l, ret);
	return ret;
}

static int body_bar_copy(struct mr_case *c)
{
	const struct scenario_env *env = scn_env(c->ctx);
	const struct function *first = env->platform->functions;
	struct lent l = {
		.c = c,
		.engine = platform_find(env->platform, c->importer->addr),
		.owner = platform_find(env->platform, c->memory->bar),
	};
	int ret;

	if (!l.engine || !l.owner)
		return -ENODEV;
	ret = mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), 0);
	if (ret)
		return ret;
	p2p_pair_predict(env->platform, env->rules, (int)(l.engine - first), (int)(l.owner - first),
			 &l.predicted);
	ret = examine(&l);
	p2p_pair_release(&l.predicted);
	return ret ?: mr_detach(c->importer);
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return mr_each(ctx, MR_BAR | MR_EVERY_ENGINE, body_bar_copy);
}

const struct scenario scenario_p2pdma_bar_copy = {
	.id = "p2pdma.bar-copy",
	.title = "a DMA engine copies into and out of a BAR that has no struct pages",
	.NEEDS(MR_NEEDS, { NEED_FEATURE, "dma_buf_phys_vec" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "dma-engine" }),
	.evidence = EV(PATH) | EV(LEAK),
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 180,
	.FAULTS(MR_FAULT_NAMES, "killed", "abandoned"),
	.run = run,
};
