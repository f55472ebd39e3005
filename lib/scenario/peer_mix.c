/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer's memory of which every second page is ordinary memory: one range of user space, one
 * scatterlist, two kinds of pages, which the kernel must map each in its own way (iommu_dma_map_sg() in
 * drivers/iommu/dma-iommu.c, dma_direct_map_sg() in kernel/dma/direct.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/peer.h"

/* The first page is the peer's: what looks at the first run alone sees one of its own. */
static bool is_ordinary(size_t at)
{
	return at / page_size() % 2;
}

/* What is wrong with the run of a mapping that begins so far in; NULL if nothing. */
static char *refuse_run(const struct peer *p, const struct p2pcert_seg *seg, size_t at)
{
	bool p2p = seg->flags & P2PCERT_SEG_P2P_PAGE;

	if (is_ordinary(at) == p2p || seg->length != page_size())
		return xasprintf("%" PRIu64 " bytes from byte %zu on are mapped as %s",
				 (uint64_t)seg->length, at,
				 p2p ? "peer-to-peer memory" : "ordinary memory");
	if (p2p)
		return pair_refuse_seg(seg, p->initiator, p->target, p->bus_offset,
				       pair_ruled_verdict(&p->ruled));
	if (seg->flags & P2PCERT_SEG_BUS_ADDRESS)
		return xasprintf("ordinary memory from byte %zu on is mapped as a bus address", at);
	return NULL;
}

static char *refuse_mapping(const struct peer *p, const struct p2pcert_map *m)
{
	uint32_t n = m->nr_segs < P2PCERT_MAX_SEGS ? m->nr_segs : P2PCERT_MAX_SEGS;

	if (m->nr_segs != p->map.len / page_size())
		return xasprintf("%zu pages are mapped in %u runs", p->map.len / page_size(),
				 m->nr_segs);
	for (uint32_t i = 0; i < n; i++) {
		char *wrong = refuse_run(p, &m->segs[i], i * page_size());

		if (wrong)
			return wrong;
	}
	return NULL;
}

/* Asks the kernel to map all of it. */
static bool judge(struct peer *p)
{
	autofree char *wrong = NULL;
	struct pair_ruling r = { 0 };
	struct p2pcert_map m;
	int err = pair_ask_map(p->exam->fd, p->initiator->addr, p->map.addr, p->map.len, &r, &m);

	if (err) {
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_MISSING,
			 "%s: the module does not rule on a mixture: %s", p->name, strerror(-err));
		return false;
	}
	if (p->supported != !r.map_errno || (r.map_errno && r.map_errno != -EREMOTEIO))
		wrong = xasprintf("the pair is %s, and the mixture's mapping %s",
				  p->supported ? "supported" : "refused",
				  r.map_errno ? errno_text(r.map_errno) : "succeeds");
	else if (p->supported)
		wrong = refuse_mapping(p, &m);
	if (wrong)
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED, "%s: %s", p->name, wrong);
	else
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_PROVEN,
			 "%s: %zu pages of two kinds, in turn, %s", p->name,
			 p->map.len / page_size(),
			 p->supported ? "each mapped as its kind" : "refused as a whole");
	return !wrong;
}

bool peer_mix(struct peer *p)
{
	for (size_t at = 0; at < p->map.len; at += page_size()) {
		if (!is_ordinary(at) ||
		    mmap(p->map.addr + at, page_size(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
			continue;
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "%s: no ordinary page can be mapped among the peer's: %s", p->name,
			 strerror(errno));
		return false;
	}
	return judge(p);
}
