/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pairs under examination: prediction, ruling, mapped memory with guards. */
#include "scenario/peer.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/jx.h"
#include "base/log.h"
#include "scenario/faultlog.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define MODULE P2PCERT_DEV_P2P

/* Lines of one kind and state: the rest is in the facts. */
#define MAX_LINES 64

int exam_begin(struct exam *x, struct scenario_ctx *ctx, enum exam_subject subject, uint32_t faults)
{
	*x = (struct exam){ .ctx = ctx, .subject = subject, .log_fd = -1 };
	x->fd = modfd_open(ctx, MODULE, modfd_injected(ctx, faults), &x->refcnt);
	if (x->fd < 0)
		return -1;
	if (modfd_held(ctx, P2PCERT_DEV_P2P, x->fd, &x->held) < 0) {
		exam_abandon(x);
		return -1;
	}
	if (subject == EXAM_ROUTE)
		x->log_fd = faultlog_open();
	x->facts = jx_array();
	x->functions = xcalloc(scn_env(ctx)->platform->nr_functions, sizeof(*x->functions));
	return 0;
}

void exam_abandon(struct exam *x)
{
	if (x->fd >= 0)
		close(x->fd);
	if (x->log_fd >= 0)
		close(x->log_fd);
	json_decref(x->facts);
	free(x->refusal);
	free(x->unusable);
	free(x->functions);
	*x = (struct exam){ .fd = -1, .log_fd = -1 };
}

static bool all_given_back(const struct exam *x)
{
	const struct platform *platform = scn_env(x->ctx)->platform;
	bool good = true;

	for (size_t i = 0; i < platform->nr_functions; i++)
		if (x->functions[i].lent)
			good &= p2pmem_judge_available(x->ctx, platform->functions[i].addr,
						       x->functions[i].available);
	return good;
}

/* Nothing was wrong, and nothing shown either. */
static enum outcome nothing_shown(struct exam *x)
{
	static const enum evidence_kind missing[] = {
		[EXAM_DATA] = EVIDENCE_DATA,
		[EXAM_MAPPING] = EVIDENCE_PATH,
		[EXAM_REFUSAL] = EVIDENCE_ERRNO,
		[EXAM_ROUTE] = EVIDENCE_DATA,
	};

	if (x->subject == EXAM_REFUSAL && x->examined) {
		scn_skip(x->ctx, SKIP_HW_UNSUPPORTED, "the kernel supports all %zu pairs",
			 x->examined);
		return OUTCOME_SKIP;
	}
	if (x->subject != EXAM_REFUSAL && x->refused && x->refused == x->examined) {
		scn_skip(x->ctx, SKIP_HW_UNSUPPORTED,
			 "the kernel refuses peer-to-peer for all %zu pairs: %s", x->refused,
			 x->refusal);
		return OUTCOME_SKIP;
	}
	if (x->subject == EXAM_ROUTE && x->left_out && !x->examined) {
		scn_skip(x->ctx, SKIP_HW_UNSUPPORTED,
			 "the kernel rules for none of %zu pairs that they go by bus address",
			 x->left_out);
		return OUTCOME_SKIP;
	}
	scn_why(x->ctx, "no pair could be exercised");
	scn_evidence(x->ctx, missing[x->subject], EVIDENCE_MISSING, "no pair could be exercised");
	return OUTCOME_PASS;
}

static void say_shown(struct exam *x)
{
	switch (x->subject) {
	case EXAM_DATA:
		scn_why(x->ctx, "data right on %zu pairs, %zu pairs refused as they must be",
			x->exercised, x->refused);
		break;
	case EXAM_ROUTE:
		scn_why(x->ctx, "data right on all %zu pairs ruled to go by bus address",
			x->exercised);
		break;
	case EXAM_MAPPING:
		scn_why(x->ctx, "%zu pairs mapped as they must be, %zu refused", x->exercised,
			x->refused);
		break;
	case EXAM_REFUSAL:
		scn_why(x->ctx, "%zu of %zu pairs refused as they must be", x->exercised,
			x->examined);
		break;
	}
}

enum outcome exam_end(struct exam *x)
{
	struct scenario_ctx *ctx = x->ctx;
	enum outcome outcome = OUTCOME_PASS;
	bool good = all_given_back(x);

	good &= modfd_judge_held(ctx, P2PCERT_DEV_P2P, x->fd, &x->held);
	close(x->fd);
	x->fd = -1;
	good &= modfd_judge_refcnt(ctx, MODULE, x->refcnt);
	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		good &= x->said[k][EVIDENCE_REFUTED] == 0;
	scn_facts(ctx, "transfers", take_ptr(x->facts));
	if (!good) {
		outcome = OUTCOME_FAIL;
		scn_why(ctx, "%zu pairs exercised, and not all is right: see what is refuted",
			x->exercised);
	} else if (!x->exercised) {
		outcome = nothing_shown(x);
	} else {
		say_shown(x);
	}
	exam_abandon(x);
	return outcome;
}

void exam_say(struct exam *x, enum evidence_kind kind, enum evidence_state state, const char *fmt,
	      ...)
{
	autofree char *text = NULL;
	va_list ap;

	if (x->said[kind][state]++ >= MAX_LINES)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	scn_evidence(x->ctx, kind, state, "%s", text);
}

void exam_unusable(struct exam *x, const char *fmt, ...)
{
	va_list ap;

	free(x->unusable);
	va_start(ap, fmt);
	x->unusable = xvasprintf(fmt, ap);
	va_end(ap);
}

void exam_device(struct exam *x, const struct function *f)
{
	struct exam_function *seen = &x->functions[f - scn_env(x->ctx)->platform->functions];

	if (!seen->took_part)
		scn_device(x->ctx, f->addr);
	seen->took_part = true;
}

uint64_t exam_seed(struct exam *x)
{
	return pattern_seed(scn_env(x->ctx)->seed, x->nr_patterns++);
}

/* --- areas with guards ------------------------------------------------------------------------ */

void span_fill(const struct span *s, void *area, size_t len)
{
	pattern_guard_fill(area, len, s->at, s->len, s->guard);
	pattern_fill((unsigned char *)area + s->at, s->len, s->data, 0);
}

char *span_refuse_guards(const struct span *s, const void *area, size_t len)
{
	autofree char *text = NULL;
	struct pattern_mismatch m;

	if (pattern_guard_verify(area, len, s->at, s->len, s->guard, &m))
		return NULL;
	text = pattern_mismatch_text(&m);
	return xasprintf("guard bytes outside of [0x%zx, 0x%zx) were overwritten: %s", s->at,
			 s->at + s->len, text);
}

char *span_refuse(const struct span *s, const void *area, size_t len)
{
	struct pattern_mismatch m;

	if (!pattern_verify((const unsigned char *)area + s->at, s->len, s->data, 0, &m))
		return pattern_mismatch_text(&m);
	return span_refuse_guards(s, area, len);
}

/* --- pairs ------------------------------------------------------------------------------------ */

/* Which way the bytes go could not be shown: evidence and finding. */
static void path_unproven(struct peer *p, const char *why)
{
	const struct pci_addr addrs[] = { p->initiator->addr, p->target->addr };

	exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_MISSING, "%s: %s", p->name, why);
	if (p->exam->said[EVIDENCE_PATH][EVIDENCE_MISSING] <= MAX_LINES)
		scn_finding(p->exam->ctx, "P2P-PATH-UNPROVEN", addrs, ARRAY_LEN(addrs), "%s: %s",
			    p->name, why);
}

static void say_state(struct peer *p, enum pair_state state)
{
	const struct pci_addr addrs[] = { p->initiator->addr, p->target->addr };
	autofree char *prediction = pair_prediction_text(&p->predicted);
	autofree char *ruling = pair_ruling_text(&p->ruled);

	if (state == PAIR_DIFFERS)
		scn_finding(p->exam->ctx, "P2P-PREDICTION-DIFFERS", addrs, ARRAY_LEN(addrs),
			    "%s: predicted %s, the kernel rules %s", p->name, prediction, ruling);
	if (state == PAIR_DIFFERS) {
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED,
			 "%s: predicted %s, the kernel rules %s", p->name, prediction, ruling);
	} else if (state != PAIR_AGREES) {
		autofree char *why =
			xasprintf("predicted %s, the kernel rules %s", prediction, ruling);

		path_unproven(p, why);
	}
}

/* What the kernel would give the initiator for the mapped memory. */
static void say_mapping(struct peer *p, const struct p2pcert_map *m)
{
	uint32_t n = m->nr_segs < P2PCERT_MAX_SEGS ? m->nr_segs : P2PCERT_MAX_SEGS;
	autofree char *where = NULL;
	uint64_t described = 0;

	for (uint32_t i = 0; i < n; i++) {
		autofree char *wrong = pair_refuse_seg(&m->segs[i], p->initiator, p->target,
						       p->bus_offset, p->predicted.verdict);

		described += m->segs[i].length;
		if (wrong) {
			exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED, "%s: %s", p->name,
				 wrong);
			return;
		}
	}
	if (m->nr_segs <= n && described != p->map.len) {
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED,
			 "%s: %llu of %zu bytes are mapped", p->name, (unsigned long long)described,
			 p->map.len);
		return;
	}
	where = pair_seg_text(&m->segs[0], p->target);
	exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_PROVEN, "%s: %s, %s as predicted", p->name, where,
		 p2p_verdict_name(p->predicted.verdict));
}

/* 0, -ENOTSUP if the pair is not what the exam is about, or the negative errno of the module. */
static int ask(struct peer *p)
{
	struct exam *x = p->exam;
	enum pair_state state;
	struct p2pcert_map m = { 0 };
	int bar;
	int err = pair_ask_distance(x->fd, p->initiator->addr, p->target->addr, &p->ruled);

	if (!err && p->published)
		err = pair_ask_map(x->fd, p->initiator->addr, p->map.addr, p->map.len, &p->ruled,
				   &m);
	if (err)
		return err;
	state = pair_judge(&p->predicted, &p->ruled);
	p->supported = !p->published || pair_ruled_supported(&p->ruled);
	p->fact = pair_to_json(scn_env(x->ctx)->platform, &p->predicted, &p->ruled, state);
	say_state(p, state);
	if (state == PAIR_AGREES && p->ruled.mapped && p->ruled.map_errno == 0) {
		bar = pair_bar_holding(p->target, m.segs[0].phys_addr, m.segs[0].length);
		p->bus_offset = pair_bus_offset(scn_env(x->ctx)->sysroot, p->target, bar);
		say_mapping(p, &m);
	} else if (state == PAIR_AGREES && p->ruled.mapped && p->supported) {
		autofree char *why =
			xasprintf("the peer's memory cannot be mapped for the initiator: %s",
				  errno_text(p->ruled.map_errno));

		path_unproven(p, why);
	}
	if (x->subject == EXAM_ROUTE && pair_ruled_verdict(&p->ruled) != VERDICT_BUS_ADDRESS) {
		x->left_out++;
		return -ENOTSUP;
	}
	x->examined++;
	if (!p->supported) {
		x->refused++;
		if (!x->refusal)
			x->refusal = xasprintf("%s: %s", p->name,
					       p->predicted.reason ? p->predicted.reason
								   : "no reason known");
	}
	return 0;
}

/* Notes how much memory of a provider is free before any of it is taken. 0 or a negative errno. */
static int lend(struct exam *x, const struct function *f)
{
	const struct scenario_env *env = scn_env(x->ctx);
	struct exam_function *lender = &x->functions[f - env->platform->functions];
	int err = 0;

	if (!lender->lent)
		err = p2pmem_available(env->sysroot, f->addr, &lender->available);
	lender->lent = lender->lent || !err;
	return err;
}

static void introduce(struct peer *p, struct exam *x, const struct function *initiator,
		      const struct function *target, const char *label)
{
	const struct scenario_env *env = scn_env(x->ctx);
	const struct function *first = env->platform->functions;

	*p = (struct peer){ .exam = x, .initiator = initiator, .target = target };
	p->name = xasprintf("%s (%s) and %s", pci_addr_str(initiator->addr), label,
			    pci_addr_str(target->addr));
	p2p_pair_predict(env->platform, env->rules, (int)(initiator - first), (int)(target - first),
			 &p->predicted);
}

/* What the kernel says of the pair; false ends the peer. */
static bool consult(struct peer *p)
{
	autofree char *why = NULL;
	int err;

	p->image = xcalloc(1, p->map.len);
	err = ask(p);
	if (!err)
		return true;
	if (err == -ENOTSUP) {
		json_decref(take_ptr(p->fact));
	} else {
		why = xasprintf("the module does not rule on it: %s", strerror(-err));
		path_unproven(p, why);
	}
	peer_end(p);
	return false;
}

bool peer_begin(struct peer *p, struct exam *x, const struct function *initiator,
		const struct function *target, const char *label, size_t len)
{
	int err;

	introduce(p, x, initiator, target, label);
	p->published = true;
	err = lend(x, target);
	if (!err)
		err = p2pmem_map(scn_env(x->ctx)->sysroot, target->addr, len, &p->map);
	if (err) {
		exam_say(x, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "%s: %zu bytes of peer-to-peer memory cannot be mapped: %s", p->name, len,
			 strerror(-err));
		peer_end(p);
		return false;
	}
	return consult(p);
}

bool peer_begin_mapped(struct peer *p, struct exam *x, const struct function *initiator,
		       const struct function *target, const char *label,
		       const struct p2pmem_map *map)
{
	introduce(p, x, initiator, target, label);
	p->map = *map;
	return consult(p);
}

static const char *moved_text(const struct peer *p, bool as_ruled)
{
	if (p->data_wrong)
		return "wrong";
	if (!as_ruled)
		return "unclear";
	return p->supported ? "right" : "refused";
}

/* The bytes of a pair that is ruled to go by bus address went elsewhere, whatever the status said. */
static void say_misrouted(struct peer *p)
{
	const struct pci_addr addrs[] = { p->initiator->addr, p->target->addr };
	autofree char *fault = faultlog_find(p->exam->log_fd, p->initiator->addr);

	scn_finding(p->exam->ctx, "P2P-MISROUTED", addrs, ARRAY_LEN(addrs),
		    "%s: ruled to go by bus address, reported as done, and not there: %s", p->name,
		    fault ? fault : "the kernel log has no fault of it");
}

void peer_conclude(struct peer *p, bool as_ruled)
{
	if (p->exam->subject == EXAM_ROUTE && p->data_wrong)
		say_misrouted(p);
	jx_set_bool(p->fact, "as_ruled", as_ruled);
	if (p->exam->subject == EXAM_DATA || p->exam->subject == EXAM_ROUTE)
		jx_set_str(p->fact, "moved", moved_text(p, as_ruled));
}

void peer_end(struct peer *p)
{
	p2pmem_unmap(&p->map);
	if (p->fact)
		jx_append(p->exam->facts, p->fact);
	p2p_pair_release(&p->predicted);
	free(p->image);
	free(p->name);
	*p = (struct peer){ 0 };
}

unsigned char *pages_alloc(size_t len)
{
	unsigned char *p = aligned_alloc(page_size(), len);

	if (!p)
		die(EXIT_ENVIRONMENT, "out of memory");
	return p;
}

void peer_look(struct peer *p)
{
	p2pmem_read(p->image, p->map.addr, p->map.len);
}

bool peer_fill(struct peer *p, const struct span *s)
{
	autofree char *wrong = NULL;

	span_fill(s, p->image, p->map.len);
	p2pmem_write(p->map.addr, p->image, p->map.len);
	peer_look(p);
	wrong = span_refuse(s, p->image, p->map.len);
	if (wrong)
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_REFUTED,
			 "the memory of %s does not hold what the CPU wrote: %s",
			 pci_addr_str(p->target->addr), wrong);
	return !wrong;
}

bool peer_is_slow(uint64_t bytes, uint64_t ns, uint64_t memory_bytes, uint64_t memory_ns)
{
	/* ns / bytes of either, without division */
	return bytes && memory_ns &&
	       (double)ns * (double)memory_bytes >
		       PEER_SLOW_FACTOR * (double)memory_ns * (double)bytes;
}

void peer_say_slow(struct peer *p, const char *text)
{
	const struct pci_addr addrs[] = { p->initiator->addr, p->target->addr };

	scn_finding(p->exam->ctx, "P2P-SLOW", addrs, ARRAY_LEN(addrs), "%s: %s", p->name, text);
}

void peer_data_wrong(struct peer *p, const char *what, const char *text)
{
	const struct pci_addr addrs[] = { p->initiator->addr, p->target->addr };

	p->data_wrong = true;
	exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_REFUTED, "%s: %s: %s", p->name, what, text);
	if (p->exam->said[EVIDENCE_DATA][EVIDENCE_REFUTED] <= MAX_LINES)
		scn_finding(p->exam->ctx, "P2P-DATA-REFUTED", addrs, ARRAY_LEN(addrs), "%s: %s",
			    what, text);
}
