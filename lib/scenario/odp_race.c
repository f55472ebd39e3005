/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rounds of transfers against one change, and the data that may be there afterwards. */
#include "scenario/odp_race.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/jx.h"
#include "scenario/pattern.h"

#define LOOKS 2000 /* before one sleeps */
#define MAX_DELAY 8192 /* turns of a loop, between a transfer's beginning and the change */

/* When a page was transferred may have been before, while or after the change was in force. */
enum { BEFORE = 1 << 0, CHANGED = 1 << 1, RESTORED = 1 << 2 };

static const unsigned int ms_of_level[NR_LEVELS] = {
	[LEVEL_QUICK] = 200,
	[LEVEL_STANDARD] = 500,
	[LEVEL_FULL] = 3000,
	[LEVEL_SOAK] = 10000,
};

/* What one thread waits for and the other says, once; the waiting one looks for a moment, then sleeps. */
struct mark {
	atomic_bool set;
	sem_t sem;
};

/* In which a change is made, or taken back. */
struct span {
	struct mark due, begun, ended;
	atomic_uint_fast64_t begin, end; /* by the logical clock; 0: not yet */
	unsigned int delay; /* turns of a loop after its beginning */
};

struct step {
	uint64_t begin, end;
	enum ibv_wc_status status;
};

struct round {
	struct race *race;
	const struct rig_op *op;
	struct rig_buffer *b, *other;
	atomic_uint_fast64_t clock;
	struct span applied, restored;
	int error; /* a negative errno, of the thread */
	struct step *steps;
	/* of the buffer that changes, and of the other: what may be there instead of what is known */
	unsigned char *instead, *instead_other;
	unsigned char *before; /* what was in the buffer that changes */
};

int64_t race_end_ns(const struct rig *r)
{
	return clock_ns() + ms_of_level[scn_env(r->device->ctx)->level] * NS_PER_MS;
}

/* --- the change --------------------------------------------------------------------------------- */

static void span_init(struct span *span, unsigned int delay)
{
	struct mark *const marks[] = { &span->due, &span->begun, &span->ended };

	span->delay = delay;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		sem_init(&marks[i]->sem, 0, 0);
}

static void span_release(struct span *span)
{
	struct mark *const marks[] = { &span->due, &span->begun, &span->ended };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		sem_destroy(&marks[i]->sem);
}

static void mark_set(struct mark *m)
{
	if (!atomic_exchange(&m->set, true))
		sem_post(&m->sem);
}

static void mark_wait(struct mark *m)
{
	for (int i = 0; i < LOOKS; i++)
		if (atomic_load(&m->set))
			return;
	while (!atomic_load(&m->set))
		sem_wait(&m->sem);
}

static uint64_t tick(struct round *n)
{
	return atomic_fetch_add(&n->clock, 1) + 1;
}

/* Waits for the transfer that it comes with. */
static int carry_out(struct round *n, struct span *span, int (*what)(void *arg))
{
	int err;

	mark_wait(&span->due);
	atomic_store(&span->begin, tick(n));
	mark_set(&span->begun);
	for (volatile unsigned int i = 0; i < span->delay; i++)
		;
	err = what(n->race->arg);
	atomic_store(&span->end, tick(n));
	mark_set(&span->ended);
	return err;
}

static void *change_main(void *arg)
{
	struct round *n = arg;
	const struct race *race = n->race;
	int err;

	n->error = carry_out(n, &n->applied, race->apply);
	if (!race->restore)
		return NULL;
	err = carry_out(n, &n->restored, race->restore);
	n->error = n->error ?: err;
	return NULL;
}

/* It has begun when this returns. */
static void let_begin(struct span *span)
{
	mark_set(&span->due);
	mark_wait(&span->begun);
}

/* --- transfers ---------------------------------------------------------------------------------- */

static size_t nr_steps(const struct race *race)
{
	return race->pages ? race->nr_pages : race->r->pages;
}

static size_t page_of(const struct race *race, size_t step)
{
	return race->pages ? race->pages[step] : step;
}

/* span: what begins when the transfer has; NULL: nothing. */
static int transfer(struct round *n, size_t step, struct span *span)
{
	struct rig *r = n->race->r;
	struct scenario_ctx *ctx = r->device->ctx;
	size_t page = page_of(n->race, step);
	struct step *s = &n->steps[step];
	int ret = 0;

	s->begin = tick(n);
	s->status = IBV_WC_SUCCESS;
	if (span)
		let_begin(span);
	if (!scn_injected(ctx, "skip-copy"))
		ret = rig_try(r, n->op, page, page, &s->status);
	s->end = tick(n);
	if (scn_injected(ctx, "corrupt-copy"))
		n->other->data[(page + 1) * r->page] ^= 1;
	return ret;
}

static bool reads(const struct round *n)
{
	return n->op == n->race->end->reads;
}

/* May a page be read time and again, while the change goes on? */
static bool is_mild(const struct race *race)
{
	const struct race_rules *rules = &race->rules;

	return rules->content == RACE_KEEPS && !rules->no_read && !rules->may_refuse;
}

/* What was read is looked at, and wiped, before it is read once more. */
static int read_again(struct round *n, size_t step)
{
	struct rig *r = n->race->r;
	size_t at = (page_of(n->race, step) + 1) * r->page;
	const struct step *s = &n->steps[step];

	if (s->end && s->status == IBV_WC_SUCCESS &&
	    memcmp(n->other->data + at, n->b->known + at, r->piece) != 0) {
		r->wrong_data = true;
		return rig_refute(r, EVIDENCE_DATA, "%s, page %zu: other data than was read",
				  n->other->name, page_of(n->race, step));
	}
	memset(n->other->data + at, 0, r->piece);
	return transfer(n, step, NULL);
}

static int wait_applied(struct round *n)
{
	int ret = 0;

	if (!reads(n) || !is_mild(n->race)) {
		mark_wait(&n->applied.ended);
		return 0;
	}
	for (size_t i = 0; !ret && !atomic_load(&n->applied.ended.set); i++)
		ret = read_again(n, i % nr_steps(n->race));
	return ret;
}

/* The change comes with one step, its end with a later one. */
static int run_steps(struct round *n, size_t change_at, size_t restore_at)
{
	struct race *race = n->race;
	int ret = 0;

	if (race->rules.still && !reads(n)) {
		let_begin(&n->applied);
		change_at = nr_steps(race);
		ret = wait_applied(n);
	}
	for (size_t i = 0; i < nr_steps(race) && !ret; i++) {
		struct span *span = i == change_at ? &n->applied : NULL;

		if (race->restore && i == restore_at) {
			ret = wait_applied(n);
			span = &n->restored;
		}
		ret = ret ?: transfer(n, i, span);
	}
	return ret;
}

/* Whatever becomes of them, the change has been made and taken back then. */
static int run_against(struct round *n, size_t change_at, size_t restore_at)
{
	pthread_t thread;
	int ret = -pthread_create(&thread, NULL, change_main, n);

	if (ret)
		return ret;
	ret = run_steps(n, change_at, restore_at);
	mark_set(&n->applied.due);
	ret = ret ?: wait_applied(n);
	mark_set(&n->restored.due);
	pthread_join(thread, NULL);
	return ret ?: n->error;
}

/* --- what may be there -------------------------------------------------------------------------- */

static bool before(uint64_t t, const atomic_uint_fast64_t *mark)
{
	uint64_t at = atomic_load(mark);

	return !at || t < at;
}

/* When the transfer saw the memory: one or more of the three. */
static unsigned int seen(const struct round *n, const struct step *s)
{
	unsigned int when = 0;

	if (before(s->begin, &n->applied.end))
		when |= BEFORE;
	if (!before(s->end, &n->applied.begin) && before(s->begin, &n->restored.end))
		when |= CHANGED;
	if (!before(s->end, &n->restored.begin))
		when |= RESTORED;
	return when;
}

static bool is_met(unsigned int when)
{
	return when & (when - 1);
}

static bool concerns(const struct race *race, size_t page)
{
	return !race->rules.one || page == race->r->pages / 2;
}

static int judge(struct round *n, const struct step *s, unsigned int when, bool concerned,
		 struct rig_count *count)
{
	const struct race_rules *rules = &n->race->rules;
	const struct rig_end *end = n->race->end;
	bool no = reads(n) ? rules->no_read : rules->no_write;
	bool may = concerned && when & CHANGED && (no || rules->may_refuse);
	bool must = may && no && when == CHANGED;
	struct rig *r = n->race->r;

	if (may && !must)
		return rig_either(r, end, n->op, s->status, count);
	count->moved += !must;
	count->refused += must;
	return rig_expect(r, n->op, s->status, must ? end->refused : IBV_WC_SUCCESS);
}

static unsigned char after(const struct race *race, size_t at)
{
	return race->after ? race->after[at] : 0;
}

/* All of the buffer that changes, were it not for transfers. */
static void model_change(struct round *n)
{
	const struct race *race = n->race;
	const struct rig *r = race->r;
	size_t first = race->rules.one ? 1 + r->pages / 2 : 1;
	size_t past = race->rules.one ? first + 1 : 1 + r->pages + race->rules.tail;

	memcpy(n->before, n->b->known, r->len);
	for (size_t i = 0; i < ARRAY_LEN(race->left); i++)
		if (race->left[i])
			memcpy(race->left[i], n->before, r->len);
	memcpy(n->instead_other, n->other->known, r->len);
	for (size_t i = first * r->page; i < past * r->page; i++) {
		if (race->rules.content == RACE_LOSES)
			n->b->known[i] = after(race, i);
	}
	memcpy(n->instead, n->b->known, r->len);
	for (size_t i = first * r->page; i < past * r->page; i++)
		if (race->rules.content == RACE_MAY_LOSE)
			n->instead[i] = after(race, i);
}

/* The device has read these bytes. */
static void model_read(struct round *n, size_t at, unsigned int when, bool concerned)
{
	const struct race *race = n->race;
	bool old = when & BEFORE || !concerned, new = when & ~BEFORE &&concerned;

	if (race->rules.content == RACE_KEEPS)
		old = true, new = false;
	if (race->rules.content == RACE_MAY_LOSE)
		old = true;
	for (size_t i = at; i < at + race->r->piece; i++) {
		n->other->known[i] = old ? n->before[i] : after(race, i);
		n->instead_other[i] = new ? after(race, i) : n->other->known[i];
	}
}

/* And written these. */
static void model_write(struct round *n, size_t at, unsigned int when, bool concerned)
{
	const struct race *race = n->race;
	enum race_content content = concerned ? race->rules.content : RACE_KEEPS;
	bool stays = when & ~BEFORE || content == RACE_KEEPS;
	bool goes = when & BEFORE && content != RACE_KEEPS;

	for (size_t i = at; i < at + race->r->piece; i++) {
		if (content == RACE_MAY_LOSE)
			stays = true;
		n->b->known[i] = stays ? n->other->known[i] : after(race, i);
		n->instead[i] = goes ? after(race, i) : n->b->known[i];
		if (when & BEFORE && race->left[0])
			race->left[0][i] = n->other->known[i];
		if (when == BEFORE && race->left[1])
			race->left[1][i] = n->other->known[i];
	}
}

static int model(struct round *n, struct race_count *count)
{
	const struct race *race = n->race;

	model_change(n);
	for (size_t i = 0; i < nr_steps(race); i++) {
		const struct step *s = &n->steps[i];
		unsigned int when = seen(n, s);
		size_t page = page_of(race, i);
		bool concerned = concerns(race, page);
		int ret = judge(n, s, when, concerned, &count->transfers);

		if (ret)
			return ret;
		count->met += is_met(when);
		if (s->status != IBV_WC_SUCCESS)
			continue;
		(reads(n) ? model_read : model_write)(n, (page + 1) * race->r->page, when,
						      concerned);
	}
	return 0;
}

/* Nothing but what is known, or may be there instead; which it is, is known from then on. */
static int check(struct round *n, struct rig_buffer *b, const unsigned char *instead)
{
	struct race *race = n->race;
	struct rig *r = race->r;
	size_t wrong = 0, first = 0, old = 0, other = 0;

	for (size_t i = 0; i < r->len; i++) {
		unsigned char is = b->data[i];

		if (is == b->known[i] || is == instead[i])
			continue;
		if (!wrong++)
			first = i;
		old += is == n->before[i];
		other += is == after(race, i);
	}
	if (!wrong) {
		memcpy(b->known, b->data, r->len);
		return 0;
	}
	r->wrong_data = true;
	race->lost = b == n->b && (old == wrong || other == wrong);
	return rig_refute(
		r, EVIDENCE_DATA,
		"%s, %zu pages between two guards: %zu bytes are wrong, from page %zu on; "
		"%zu of them are what was there before the change, and %zu what came with it",
		b->name, r->pages, wrong, first / r->page, old, other);
}

/* --- rounds ------------------------------------------------------------------------------------- */

/* Other data than ever before, which the device has had before. */
static int warm_up(struct round *n)
{
	const struct race *race = n->race;
	struct rig *r = race->r;
	int ret = 0;

	rig_fill(r, n->b);
	for (size_t i = 0; i < nr_steps(race) && !ret; i++)
		ret = rig_move(r, race->end->reads, page_of(race, i), page_of(race, i),
			       IBV_WC_SUCCESS);
	ret = ret ?: rig_check(r, n->other);
	rig_fill(r, n->other);
	return ret;
}

static int run_round(struct race *race, const struct rig_op *op, uint64_t random,
		     struct race_count *count)
{
	struct rig *r = race->r;
	size_t steps = nr_steps(race), change_at = random % (steps - 1);
	size_t restore_at = change_at + 1 + (random >> 16) % (steps - 1 - change_at);
	struct round n = {
		.race = race,
		.op = op,
		.b = race->end->local ? &r->local : &r->remote,
		.other = race->end->local ? &r->remote : &r->local,
		.steps = xcalloc(steps, sizeof(struct step)),
		.instead = xcalloc(1, r->len),
		.instead_other = xcalloc(1, r->len),
		.before = xcalloc(1, r->len),
	};
	int ret;

	span_init(&n.applied, (random >> 32) % MAX_DELAY);
	span_init(&n.restored, (random >> 48) % MAX_DELAY);
	rig_stage(r, "%s, %s, %s meanwhile", op->name, race->end->name, race->name);
	ret = race->ready ? race->ready(race->arg) : 0;
	ret = ret ?: warm_up(&n) ?: run_against(&n, change_at, restore_at);
	ret = ret ?: model(&n, count) ?: check(&n, n.b, n.instead)
		  ?: check(&n, n.other, n.instead_other);
	if (race->verify && !ret)
		ret = race->verify(race->arg);
	count->rounds++;
	count->changes += 1 + !!race->restore;
	span_release(&n.applied);
	span_release(&n.restored);
	free(n.steps);
	free(n.instead);
	free(n.instead_other);
	free(n.before);
	return ret;
}

static bool goes_on(const struct race *race)
{
	return !race->impossible || !*race->impossible;
}

int race_run(struct race *race, int64_t end_ns, struct race_count *count)
{
	struct rig *r = race->r;
	int ret = 0;

	for (size_t i = 0; !ret && goes_on(race) && (i < 2 || clock_ns() < end_ns); i++)
		ret = run_round(race,
				race->only
					?: i & 1 ? race->end->writes
						 : race->end->reads,
				pattern_seed(r->device->seed, r->fills), count);
	return ret;
}

bool race_has_met(const struct race_count *count)
{
	return count->met && count->transfers.moved;
}

void race_say(const struct rig *r, const char *name, const struct race_count *count)
{
	scn_evidence(
		r->device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		"%s: %s during transfers: %zu changes in %zu rounds met %zu transfers on their "
		"way; of all, %zu were right, %zu refused without a byte moved",
		r->device->verbs.name, name, count->changes, count->rounds, count->met,
		count->transfers.moved, count->transfers.refused);
}

json_t *race_facts(const char *name, const struct race_count *count, const char *impossible)
{
	json_t *facts = jx_object();

	jx_set_str(facts, "change", name);
	if (impossible) {
		jx_set_str(facts, "not_tried", impossible);
		return facts;
	}
	jx_set_int(facts, "changes", (int64_t)count->changes);
	jx_set_int(facts, "met", (int64_t)count->met);
	jx_set_int(facts, "right", (int64_t)count->transfers.moved);
	jx_set_int(facts, "refused", (int64_t)count->transfers.refused);
	return facts;
}
