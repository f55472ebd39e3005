/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses that an importer is given, held against where the memory is: it must be given all of it,
 * in order, and each page either as what it is or as what the IOMMU makes of it; and a BAR the way that
 * peer-to-peer traffic of this pair has to take.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"
#include "scenario/pair.h"

/* Of those that are described. */
static uint64_t total(const struct p2pcert_seg *segs, size_t n)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n && i < P2PCERT_MAX_SEGS; i++)
		bytes += segs[i].length;
	return bytes;
}

/* The address of the byte at offset. */
static uint64_t address(const struct p2pcert_seg *segs, uint64_t offset, bool dma)
{
	while (offset >= segs->length)
		offset -= (segs++)->length;
	return (dma ? segs->dma_addr : segs->phys_addr) + offset;
}

/* May what this importer is given be translated? A device of the module is none that has an IOMMU. */
static bool is_translated(const struct mr_case *c)
{
	const struct platform *p = scn_env(c->ctx)->platform;
	const struct function *f;

	if (!mr_has_engine(c->importer) || p->iommu_groups == KNOWN_ABSENT)
		return false;
	f = platform_find(p, c->importer->addr);
	return !f || !f->iommu_type || strcmp(f->iommu_type, "identity") != 0;
}

static int judge_ram(struct mr_case *c, const struct p2pcert_dmabuf_map *map,
		     const struct p2pcert_dmabuf_place *place)
{
	if (is_translated(c))
		return 0;
	for (size_t i = 0; i < c->memory->len; i += page_size()) {
		uint64_t dma = address(map->segs, i, true);
		uint64_t phys = address(place->segs, i, false);

		if (dma != phys)
			return mr_refute(c, EVIDENCE_PATH,
					 "page %zu is at 0x%" PRIx64 ", mapped as 0x%" PRIx64
					 ", though nothing translates",
					 i / page_size(), phys, dma);
	}
	mr_prove(c, EVIDENCE_PATH);
	return 0;
}

static int judge_bar(struct mr_case *c, const struct p2pcert_dmabuf_map *map,
		     const struct p2pcert_dmabuf_place *place)
{
	const struct scenario_env *env = scn_env(c->ctx);
	const struct function *first = env->platform->functions;
	const struct function *engine = platform_find(env->platform, c->importer->addr);
	const struct function *target = platform_find(env->platform, c->memory->bar);
	struct p2p_pair pair;
	enum p2p_verdict verdict;

	if (!engine || !target)
		return 0;
	p2p_pair_predict(env->platform, env->rules, (int)(engine - first), (int)(target - first),
			 &pair);
	verdict = pair.verdict;
	p2p_pair_release(&pair);
	if (verdict == VERDICT_UNKNOWN)
		return 0;
	if (verdict == VERDICT_NOT_SUPPORTED)
		return mr_refute(c, EVIDENCE_PATH, "mapped for %s, where %s was predicted",
				 pci_addr_str(engine->addr), p2p_verdict_name(verdict));
	for (size_t i = 0; i < c->memory->len; i += page_size()) {
		struct p2pcert_seg seg = {
			.dma_addr = address(map->segs, i, true),
			.phys_addr = address(place->segs, i, false),
			.length = page_size(),
			.flags = P2PCERT_SEG_P2P_PAGE,
		};
		int bar = pair_bar_holding(target, seg.phys_addr, seg.length);
		int64_t offset = pair_bus_offset(env->sysroot, target, bar);
		autofree char *wrong = NULL;

		/* The kernel does not tell this of memory without pages: the address does. */
		if (verdict == VERDICT_BUS_ADDRESS &&
		    seg.dma_addr == seg.phys_addr + (uint64_t)offset)
			seg.flags |= P2PCERT_SEG_BUS_ADDRESS;
		wrong = pair_refuse_seg(&seg, engine, target, offset, verdict);
		if (wrong)
			return mr_refute(c, EVIDENCE_PATH, "%s", wrong);
	}
	mr_prove(c, EVIDENCE_PATH);
	return 0;
}

int mr_judge_path(struct mr_case *c)
{
	struct p2pcert_dmabuf_place place;
	struct p2pcert_dmabuf_map map;
	int err;

	/* An RDMA device does not tell. */
	if (c->importer->verbs)
		return 0;
	err = mr_map(c->importer, &map);
	if (err)
		return mr_refute(c, EVIDENCE_PATH, "cannot be mapped: %s", errno_text(err));
	if (map.nr_segs > P2PCERT_MAX_SEGS || total(map.segs, map.nr_segs) != c->memory->len)
		return mr_refute(c, EVIDENCE_PATH, "%" PRIu64 " bytes in %u pieces, must be %zu",
				 total(map.segs, map.nr_segs), map.nr_segs, c->memory->len);
	if (c->memory->owner < 0 && !c->memory->place)
		return 0;
	err = mr_memory_look(c->memory, &place);
	if (err)
		return err;
	if (place.nr_segs > P2PCERT_MAX_SEGS || total(place.segs, place.nr_segs) < c->memory->len)
		return -EPROTO;
	if (place.place == P2PCERT_PLACE_BAR)
		return judge_bar(c, &map, &place);
	return judge_ram(c, &map, &place);
}
