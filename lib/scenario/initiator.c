/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transfers of any initiator with any peer: both ends are filled, moved between, and looked at. */
#include "scenario/initiator.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/log.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

bool initiator_is_named(const struct scenario_env *env, struct pci_addr addr)
{
	struct pci_addr named;

	for (const char *const *d = env->devices; d && *d; d++)
		if (pci_addr_parse(*d, &named) == 0 && pci_addr_eq(named, addr))
			return true;
	return false;
}

size_t initiator_memory_cases(const struct initiator *i attr_unused, size_t area,
			      struct move_case list[MOVE_CASES])
{
	const size_t lengths[] = { area - 2 * MEMORY_INSET, page_size() - MEMORY_INSET + 1 };

	for (size_t k = 0; k < ARRAY_LEN(lengths); k++)
		list[k] = (struct move_case){ MEMORY_INSET, MEMORY_INSET, lengths[k], false };
	return ARRAY_LEN(lengths);
}

/* --- what is in an end ---------------------------------------------------------------------------- */

static char *refuse_bytes(const unsigned char *expected, const unsigned char *found,
			  const struct span *s)
{
	size_t wrong = 0, first = 0;

	for (size_t i = 0; i < s->len; i++)
		if (expected[i] != found[i] && wrong++ == 0)
			first = i;
	if (!wrong)
		return NULL;
	return xasprintf("%zu of %zu bytes wrong, from offset 0x%zx on%s", wrong, s->len, first,
			 pattern_verify(found + first, s->len - first, s->data, first, NULL)
				 ? ", all of these as before: not everything arrived"
				 : "");
}

char *content_refuse(const void *area, size_t len, const struct span *s, const struct content *came)
{
	const unsigned char *found = (const unsigned char *)area + s->at;
	struct span now = *s;
	char *wrong;

	if (!came)
		return span_refuse(s, area, len);
	if (pattern_verify(found, s->len, s->data, 0, NULL))
		return xasprintf("nothing arrived: all %zu bytes are as before", s->len);
	if (came->bytes) {
		wrong = refuse_bytes(came->bytes, found, s);
		return wrong ? wrong : span_refuse_guards(s, area, len);
	}
	now.data = came->seed;
	return span_refuse(&now, area, len);
}

/* The end of an initiator whose end is memory. */
static bool prepare(const struct move *m, struct content *holds)
{
	if (m->initiator->kind->prepare)
		return m->initiator->kind->prepare(m, holds);
	span_fill(&m->own, m->initiator->own, m->peer->map.len);
	*holds = (struct content){ .seed = m->own.data };
	return true;
}

static char *refuse_own(const struct move *m, const struct content *came)
{
	if (m->initiator->kind->refuse)
		return m->initiator->kind->refuse(m, came);
	return content_refuse(m->initiator->own, m->peer->map.len, &m->own, came);
}

/* --- one transfer --------------------------------------------------------------------------------- */

/* "0000:05:00.0 (dma0chan0) and 0000:04:00.0, memory-to-bar" */
static const char *way_name(const struct move *m)
{
	return m->initiator->kind->ways[m->way];
}

static void flip(unsigned char *device)
{
	*(volatile uint64_t *)device ^= 1;
}

/*
 * The transfer under test. Faults of kinds that cannot commit them are committed here: nothing is moved, a bit
 * of the peer's memory flips, the end is left out; and all of that is reported as done.
 */
static int move(const struct move *m, struct moved *r)
{
	const struct scenario_ctx *ctx = m->peer->exam->ctx;
	const struct initiator_kind *kind = m->initiator->kind;
	/* device memory is accessed in aligned units */
	unsigned char *at = m->peer->map.addr + m->at.peer_at / sizeof(uint64_t) * sizeof(uint64_t);
	struct move now = *m;
	size_t left_out = 0;
	int err = 0;

	if (kind->commits)
		return kind->move(m, r);
	if (scn_injected(ctx, "skip-copy")) {
		r->bytes = m->at.len;
		return 0;
	}
	if (scn_injected(ctx, "short-copy"))
		left_out = kind->unit(m->initiator);
	now.at.len -= left_out;
	if (scn_injected(ctx, "corrupt-copy") && m->way == MOVE_FROM_PEER)
		flip(at);
	if (now.at.len)
		err = kind->move(&now, r);
	if (err || r->result)
		return err;
	r->bytes += left_out;
	if (scn_injected(ctx, "corrupt-copy") && m->way == MOVE_TO_PEER)
		flip(at);
	return 0;
}

static bool is_refusal(const struct initiator_kind *kind, int result)
{
	for (size_t i = 0; i < MAX_REFUSALS; i++)
		if (kind->refusals[i] && kind->refusals[i] == result)
			return true;
	return false;
}

/* Right if the kernel rules so, with one of its words for it. */
static bool judge_refusal(const struct move *m, const struct moved *r)
{
	const struct initiator_kind *kind = m->initiator->kind;
	bool known = is_refusal(kind, r->result);
	struct peer *p = m->peer;

	if (!p->supported)
		exam_say(p->exam, EVIDENCE_ERRNO, known ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
			 "%s, %s: refused with %s", p->name, way_name(m), errno_text(r->result));
	else if (!kind->explain || !kind->explain(m, r))
		exam_say(p->exam, known ? EVIDENCE_PATH : EVIDENCE_DATA, EVIDENCE_REFUTED,
			 "%s, %s: the kernel supports this pair, and the transfer fails with %s",
			 p->name, way_name(m), errno_text(r->result));
	return !p->supported && known;
}

static bool judge_path(const struct move *m, const struct moved *r)
{
	const struct initiator_kind *kind = m->initiator->kind;
	autofree char *wrong = NULL, *way = NULL;
	struct peer *p = m->peer;

	if (!p->supported)
		wrong = xstrdup("the kernel refuses this pair, and the transfer succeeds");
	else if (kind->refuse_path)
		wrong = kind->refuse_path(m, r, &way);
	if (wrong)
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED, "%s, %s: %s", p->name,
			 way_name(m), wrong);
	else if (way)
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_PROVEN, "%s, %s: %s", p->name,
			 way_name(m), way);
	return !wrong;
}

/* What the initiator says that it moved: all, or nothing where that was refused. */
static bool judge_count(const struct move *m, const struct moved *r)
{
	uint64_t must = r->result ? 0 : m->at.len;

	if (r->bytes == must)
		return true;
	exam_say(m->peer->exam, EVIDENCE_COUNTERS, EVIDENCE_REFUTED,
		 "%s, %s: %llu bytes were moved, not %llu", m->peer->name, way_name(m),
		 (unsigned long long)r->bytes, (unsigned long long)must);
	return false;
}

static void judge_rate(const struct move *m, const struct moved *r)
{
	/* The fault: it has taken long. */
	uint64_t ns = r->ns * (scn_injected(m->peer->exam->ctx, "slow") ? 100 : 1);
	const struct initiator *i = m->initiator;
	autofree char *text = NULL;

	if (r->result || !peer_is_slow(r->bytes, ns, i->memory_bytes, i->memory_ns))
		return;
	text = xasprintf("%s: %llu bytes in %llu us, while memory takes %llu us for %llu bytes",
			 way_name(m), (unsigned long long)r->bytes, (unsigned long long)ns / 1000,
			 (unsigned long long)i->memory_ns / 1000,
			 (unsigned long long)i->memory_bytes);
	peer_say_slow(m->peer, text);
}

/* The peer's memory: NULL, or what is wrong with it and was said, unless it may be another's doing. */
static bool judge_peer_end(const struct move *m, const struct span *s, const struct content *came)
{
	const struct initiator_kind *kind = m->initiator->kind;
	struct peer *p = m->peer;
	autofree char *wrong = content_refuse(p->image, p->map.len, s, came);
	autofree char *doubt = NULL;

	if (!wrong)
		return true;
	/* but not for what was in the peer's memory before */
	if (came && kind->doubt && !pattern_verify(p->image + s->at, s->len, s->data, 0, NULL))
		doubt = kind->doubt(m);
	if (doubt)
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_MISSING, "%s, %s: %s", p->name,
			 way_name(m), doubt);
	else
		peer_data_wrong(p,
				m->way == MOVE_FROM_PEER ? "the source, in the peer's memory"
				: came                   ? "what was moved into the peer's memory"
				       : "the peer's memory, nothing being moved there",
				wrong);
	return false;
}

static bool judge_own_end(const struct move *m, const struct content *came)
{
	autofree char *wrong = refuse_own(m, came);

	if (wrong)
		peer_data_wrong(m->peer,
				came ? "what was moved out of the peer's memory"
				     : "the initiator's end, nothing being moved there",
				wrong);
	return !wrong;
}

static bool is_compared(const struct move *m)
{
	return m->initiator->kind->compares && m->way == MOVE_FROM_PEER;
}

/* Both ends, ready to be moved between. */
static bool fill(const struct move *m, const struct span *s, struct content *own)
{
	if (!prepare(m, own) || !peer_fill(m->peer, s))
		return false;
	if (is_compared(m))
		p2pmem_write(m->peer->map.addr + s->at, own->bytes, s->len);
	return true;
}

/* What the peer's memory must hold afterwards, if it is not what it was filled with. */
static const struct content *peers_now(const struct move *m, const struct moved *r,
				       const struct content *own)
{
	return is_compared(m) || (m->way == MOVE_TO_PEER && !r->result) ? own : NULL;
}

/*
 * Moves one way and checks both ends. Source and destination hold different data before; afterwards the
 * destination must hold the source's data within its own guards, and the source must be as it was. A transfer that
 * was refused must have changed neither. *done stays if it was tried.
 */
static bool transfer(struct move *m, bool is_whole, bool *done)
{
	struct initiator *i = m->initiator;
	struct exam *x = i->exam;
	const struct span peer = { m->at.peer_at, m->at.len, exam_seed(x), exam_seed(x) };
	const struct content peers = { .seed = peer.data };
	struct content own;
	struct moved r = { 0 };
	bool good;
	int err;

	m->own = (struct span){ m->at.own_at, m->at.len, exam_seed(x), exam_seed(x) };
	if (!fill(m, &peer, &own))
		return false;
	err = move(m, &r);
	scn_perish(x->ctx);
	/* Odd lengths are not for everybody; but some must be. */
	if (err == -ENOTSUP && !is_whole) {
		log_info("'%s' does not move %zu bytes", i->name, m->at.len);
		*done = false;
		return true;
	}
	if (err) {
		exam_say(x, EVIDENCE_DATA, EVIDENCE_MISSING, "%s, %s: it is not moved: %s",
			 m->peer->name, way_name(m), strerror(-err));
		return false;
	}
	peer_look(m->peer);
	good = judge_peer_end(m, &peer, peers_now(m, &r, &own));
	good &= judge_own_end(m, m->way == MOVE_FROM_PEER && !r.result ? &peers : NULL);
	good &= r.result ? judge_refusal(m, &r) : judge_path(m, &r);
	good &= judge_count(m, &r);
	if (is_whole)
		judge_rate(m, &r);
	i->bytes[m->way] += r.bytes;
	i->ns[m->way] += r.ns;
	return good;
}

/* --- one pair ------------------------------------------------------------------------------------- */

/* Of what the initiator wants, what the target has free, in one piece. */
static size_t area_for(const struct initiator *i, const struct function *target)
{
	const char *sysroot = scn_env(i->exam->ctx)->sysroot;
	struct p2pmem_map map = { 0 };
	size_t len = i->area;

	while (len >= 2 * page_size() && p2pmem_map(sysroot, target->addr, len, &map) == -ENOMEM)
		len = len / 2 / page_size() * page_size();
	p2pmem_unmap(&map);
	return len;
}

static bool meet(struct initiator *i, struct peer *p, const struct function *target)
{
	if (i->kind->meet)
		return i->kind->meet(i, p, target);
	return peer_begin(p, i->exam, i->function, target, i->name, area_for(i, target));
}

static bool goes(const struct initiator *i, const struct move_case *c, enum move_way way)
{
	return i->kind->ways[way] && !(c->to_peer_only && way == MOVE_FROM_PEER);
}

/* *nr is then how many of the cases were tried. */
static bool transfer_all(struct initiator *i, struct peer *p, const struct move_case *cases,
			 size_t *nr)
{
	bool good = true, done = true;

	for (size_t k = 0; k < *nr; k++)
		for (enum move_way way = 0; way < NR_MOVE_WAYS; way++) {
			struct move m = { i, p, way, cases[k], { 0 } };

			if (goes(i, &cases[k], way))
				good &= transfer(&m, k == 0, &done);
		}
	if (!done)
		*nr = 1;
	return good;
}

static void say_right(const struct initiator *i, const struct peer *p,
		      const struct move_case *cases, size_t nr)
{
	bool both = i->kind->ways[MOVE_TO_PEER];
	autofree char *lengths = NULL;

	for (size_t k = 0; k < nr; k++) {
		char *more = lengths ? xasprintf("%s, %zu", lengths, cases[k].len)
				     : xasprintf("%zu", cases[k].len);

		free(lengths);
		lengths = more;
	}
	both &= goes(i, &cases[0], MOVE_FROM_PEER);
	exam_say(i->exam, EVIDENCE_DATA, EVIDENCE_PROVEN,
		 "%s: %s bytes right%s, what is around them untouched", p->name, lengths,
		 both ? " in both directions" : "");
}

static void examine(struct initiator *i, const struct function *target)
{
	struct move_case cases[MOVE_CASES];
	struct exam *x = i->exam;
	struct peer p;
	size_t nr;
	bool good;

	if (!meet(i, &p, target))
		return;
	nr = i->kind->cases(i, p.map.len, cases);
	good = !x->mixed || peer_mix(&p);
	good &= transfer_all(i, &p, cases, &nr);
	if (p.supported)
		x->exercised++;
	if (good && p.supported)
		say_right(i, &p, cases, nr);
	jx_set_str(p.fact, i->kind->by, i->name);
	jx_set_int(p.fact, "bytes", (json_int_t)cases[0].len);
	if (i->kind->facts)
		i->kind->facts(i, &p);
	if (i->kind->leave)
		i->kind->leave(i, &p);
	peer_conclude(&p, good);
	exam_device(x, i->function);
	exam_device(x, target);
	peer_end(&p);
}

/* --- all of a kind ---------------------------------------------------------------------------------- */

static bool is_target(const struct initiator *i, const struct function *f)
{
	if (f == i->function)
		return false;
	return i->kind->is_target ? i->kind->is_target(i, f) : p2pmem_is_provider(f);
}

static void measure(const struct initiator *i)
{
	for (enum move_way way = 0; way < NR_MOVE_WAYS; way++) {
		autofree char *rate = NULL;

		if (!i->ns[way])
			continue;
		rate = xasprintf("%s.%s", i->name, i->kind->ways[way]);
		scn_measure(i->exam->ctx, rate, "bytes/s",
			    (double)i->bytes[way] * 1e9 / (double)i->ns[way]);
	}
}

static bool run(struct exam *x, const struct initiator_kind *kind, void *list, size_t k)
{
	const struct platform *platform = scn_env(x->ctx)->platform;
	struct initiator i = { .kind = kind, .exam = x };
	bool usable = kind->open(&i, list, k);

	for (size_t f = 0; usable && f < platform->nr_functions; f++)
		if (is_target(&i, &platform->functions[f]))
			examine(&i, &platform->functions[f]);
	if (usable)
		measure(&i);
	kind->close(&i);
	return usable;
}

int initiators_run(struct exam *x, const struct initiator_kind *kind, struct initiator_tally *t)
{
	void *list = NULL;
	int err = kind->find(x, &list, &t->found);

	t->used = 0;
	if (err) {
		scn_error(x->ctx, ERROR_SETUP, "cannot list what moves data by '%s': %s",
			  kind->name, strerror(-err));
		return err;
	}
	for (size_t k = 0; k < t->found; k++)
		t->used += run(x, kind, list, k);
	kind->forget(list, t->found);
	return 0;
}
