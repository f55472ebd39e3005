/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.map-type and p2pdma.refused: every function that can be an initiator has memory that every other
 * one publishes mapped for it, in pieces of many shapes, and gets addresses of the kind that was ruled,
 * which lie where they must; or is refused each of them, with the errno that dma_map_sgtable() is
 * documented to give (include/linux/dma-mapping.h). No device is programmed.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/peer.h"

#define MAP_FAULTS (EXAM_FAULTS | P2PCERT_FAULT_MAP_FAILS)

#define PAGES 4 /* of a peer's memory that are mapped */

/* Of the memory, a piece that is mapped. */
struct piece {
	const char *name;
	size_t at, len;
};

#define PIECES 5

static void cut(struct piece pieces[PIECES], size_t len)
{
	size_t page = page_size();

	pieces[0] = (struct piece){ "all of it", 0, len };
	pieces[1] = (struct piece){ "one byte", 0, 1 };
	pieces[2] = (struct piece){ "the last byte of a page", page - 1, 1 };
	pieces[3] = (struct piece){ "two bytes over the end of a page", page - 1, 2 };
	pieces[4] = (struct piece){ "all but the first and the last byte", 1, len - 2 };
}

/* The physical address of a byte of what was mapped; 0: it is not among what is described. */
static uint64_t phys_of(const struct p2pcert_map *m, uint64_t at)
{
	for (uint32_t i = 0; i < m->nr_segs && i < P2PCERT_MAX_SEGS; i++) {
		if (at < m->segs[i].length)
			return m->segs[i].phys_addr + at;
		at -= m->segs[i].length;
	}
	return 0;
}

/* What is wrong with how a piece is mapped, of the whole of which this is known; NULL if nothing. */
static char *refuse_piece(const struct peer *p, const struct piece *piece,
			  const struct p2pcert_map *whole, const struct p2pcert_map *m)
{
	uint32_t n = m->nr_segs < P2PCERT_MAX_SEGS ? m->nr_segs : P2PCERT_MAX_SEGS;
	uint64_t mapped = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct p2pcert_seg *seg = &m->segs[i];
		char *wrong = pair_refuse_seg(seg, p->initiator, p->target, p->bus_offset,
					      pair_ruled_verdict(&p->ruled));

		if (!wrong && seg->phys_addr != phys_of(whole, piece->at + mapped))
			wrong = xasprintf("byte %zu is at 0x%" PRIx64 ", and mapped as 0x%" PRIx64,
					  piece->at + (size_t)mapped,
					  phys_of(whole, piece->at + mapped),
					  (uint64_t)seg->phys_addr);
		if (wrong)
			return wrong;
		mapped += seg->length;
	}
	if (mapped != piece->len)
		return xasprintf("%" PRIu64 " of %zu bytes are mapped", mapped, piece->len);
	return NULL;
}

static char *refuse_answer(const struct peer *p, const struct piece *piece,
			   const struct p2pcert_map *whole, const struct p2pcert_map *m,
			   const struct pair_ruling *r)
{
	if (p->supported && r->map_errno)
		return xasprintf("refused with %s", errno_text(r->map_errno));
	if (!p->supported && r->map_errno != -EREMOTEIO)
		return xasprintf("%s, and must be refused with EREMOTEIO",
				 r->map_errno ? errno_text(r->map_errno) : "it is mapped");
	return p->supported ? refuse_piece(p, piece, whole, m) : NULL;
}

/* Maps each of the pieces; the first is all of it. */
static bool judge_pieces(struct peer *p)
{
	enum evidence_kind kind = p->supported ? EVIDENCE_PATH : EVIDENCE_ERRNO;
	struct p2pcert_map whole = { 0 }, m;
	struct piece pieces[PIECES];
	bool good = true;

	cut(pieces, p->map.len);
	for (size_t i = 0; i < PIECES; i++) {
		struct pair_ruling r = { 0 };
		autofree char *wrong = NULL;
		int err = pair_ask_map(p->exam->fd, p->initiator->addr, p->map.addr + pieces[i].at,
				       pieces[i].len, &r, &m);

		if (err) {
			exam_say(p->exam, kind, EVIDENCE_MISSING,
				 "%s: the module does not map %s: %s", p->name, pieces[i].name,
				 strerror(-err));
			return false;
		}
		if (i == 0)
			whole = m;
		wrong = refuse_answer(p, &pieces[i], &whole, &m, &r);
		if (wrong)
			exam_say(p->exam, kind, EVIDENCE_REFUTED, "%s, %s: %s", p->name,
				 pieces[i].name, wrong);
		good &= !wrong;
	}
	if (good)
		exam_say(p->exam, kind, EVIDENCE_PROVEN, "%s: %d pieces %s", p->name, PIECES,
			 p->supported ? "mapped as ruled" : "refused with EREMOTEIO");
	return good;
}

/* What was refused has left the memory as it was. */
static bool judge_refused(struct peer *p)
{
	const struct span s = { 0, p->map.len, exam_seed(p->exam), exam_seed(p->exam) };
	autofree char *wrong = NULL;
	bool good;

	if (!peer_fill(p, &s))
		return false;
	good = judge_pieces(p);
	peer_look(p);
	wrong = span_refuse(&s, p->image, p->map.len);
	if (wrong)
		peer_data_wrong(p, "memory that was not mapped", wrong);
	return good && !wrong;
}

static void examine(struct exam *x, const struct function *initiator, const struct function *target)
{
	bool wanted, good;
	struct peer p;

	if (!peer_begin(&p, x, initiator, target,
			initiator->driver ? initiator->driver : "no driver", PAGES * page_size()))
		return;
	wanted = p.supported == (x->subject == EXAM_MAPPING);
	/* through the host bridge the initiator's DMA mask can be in the way, which was said */
	if (wanted && p.supported && p.ruled.map_errno)
		wanted = false;
	if (wanted) {
		exam_device(x, target);
		good = p.supported ? judge_pieces(&p) : judge_refused(&p);
		x->exercised++;
		peer_conclude(&p, good);
	}
	peer_end(&p);
}

static enum outcome run(struct scenario_ctx *ctx, enum exam_subject subject)
{
	const struct platform *platform = scn_env(ctx)->platform;
	struct exam x;

	if (exam_begin(&x, ctx, subject, MAP_FAULTS) < 0)
		return OUTCOME_ERROR;
	for (size_t t = 0; t < platform->nr_functions; t++) {
		const struct function *target = &platform->functions[t];

		if (!p2pmem_is_provider(target))
			continue;
		for (size_t i = 0; i < platform->nr_functions; i++)
			if (i != t && p2p_can_initiate(&platform->functions[i]))
				examine(&x, &platform->functions[i], target);
	}
	return exam_end(&x);
}

static enum outcome run_map_type(struct scenario_ctx *ctx)
{
	return run(ctx, EXAM_MAPPING);
}

static enum outcome run_refused(struct scenario_ctx *ctx)
{
	return run(ctx, EXAM_REFUSAL);
}

#define MAP_NEEDS \
	NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
	      { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_MODULE_UNLOAD" }, \
	      { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P }, \
	      { NEED_ROLE, "p2pmem-provider" })

const struct scenario scenario_p2pdma_map_type = {
	.id = "p2pdma.map-type",
	.title = "published memory is mapped for every other function as the kernel has ruled",
	.MAP_NEEDS,
	.evidence = EV(PATH) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 60,
	.FAULTS("wrong-verdict", "map-fails", "leak", MODFD_FAULTS_ENTER),
	.run = run_map_type,
};

const struct scenario scenario_p2pdma_refused = {
	.id = "p2pdma.refused",
	.title = "published memory is refused to those whom the kernel does not let have it",
	.MAP_NEEDS,
	.evidence = EV(ERRNO) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 60,
	.FAULTS("wrong-verdict", "map-fails", "leak", MODFD_FAULTS_ENTER),
	.run = run_refused,
};
