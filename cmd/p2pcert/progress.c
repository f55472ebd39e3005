/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drawing the line, and what is left of the run by the durations of earlier ones. */
#include "progress.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "runner/history.h"
#include "runner/plan.h"
#include "runner/slowness.h"

#define WIDTH_DEFAULT 80u /* columns, where the terminal does not tell */
#define ERASE "\r\033[K"

struct progress_view {
	FILE *to;
	bool terminal, quiet;
	bool drawn; /* there is a line to erase */
	const struct run_options *options;
	const struct past *past;
	double factor;
	int64_t start_ns;
	struct plan plan; /* empty if it cannot be told */
	unsigned int round; /* that has been seen to begin */
	char *path; /* of the history */
	struct history *history;
	bool learnt;
};

/* --- time left ----------------------------------------------------------------------------------- */

static unsigned int rounds_of(const struct run_options *o)
{
	return o->rounds.repeat > 1 ? o->rounds.repeat : 1;
}

static struct plan_item *find_item(struct progress_view *v, const char *id)
{
	for (size_t i = 0; i < v->plan.n; i++)
		if (strcmp(v->plan.items[i].scenario->id, id) == 0)
			return &v->plan.items[i];
	return NULL;
}

/* What was said of it is kept in the plan: over means over in this round. */
static void follow(struct progress_view *v, const struct progress *p)
{
	struct plan_item *item = find_item(v, p->id);

	for (size_t i = 0; p->round != v->round && i < v->plan.n; i++)
		v->plan.items[i].over =
			v->past && past_has(v->past, v->plan.items[i].scenario->id, p->round);
	v->round = p->round;
	if (item)
		item->over = true;
	if (p->kind != PROGRESS_ENDED || p->outcome == OUTCOME_ERROR)
		return; /* one that broke says nothing of the next time */
	history_note(v->history, p->id, p->elapsed_ns, v->factor);
	v->learnt = true;
}

/* Adds what the scenario takes. False: not known. */
static bool add_estimate(const struct progress_view *v, const char *id, int64_t done_ns,
			 int64_t *sum)
{
	int64_t ns = history_estimate_ns(v->history, id, v->factor);

	if (ns > done_ns)
		*sum += ns - done_ns;
	return ns >= 0;
}

/* What is left of all rounds, or -1: one of the scenarios never ran here. */
static int64_t rounds_left_ns(const struct progress_view *v, const struct progress *p)
{
	unsigned int rounds = rounds_of(v->options),
		     later = rounds > p->round ? rounds - p->round : 0;
	bool known = v->plan.n > 0;
	int64_t round = 0, left = 0;

	for (size_t i = 0; i < v->plan.n; i++) {
		const struct plan_item *item = &v->plan.items[i];

		if (item->nr_unmet)
			continue;
		if (!item->over)
			known &= add_estimate(v, item->scenario->id, 0, &left);
		if (later)
			known &= add_estimate(v, item->scenario->id, 0, &round);
	}
	known &= add_estimate(v, p->id, p->elapsed_ns, &left);
	return known ? left + later * round : -1;
}

static int64_t left_ns(const struct progress_view *v, const struct progress *p)
{
	const struct run_rounds *rounds = &v->options->rounds;
	int64_t spent = clock_ns() - v->start_ns, left, budget;

	if (rounds->duration_ns)
		left = rounds->duration_ns - spent - (v->past ? past_duration_ns(v->past) : 0);
	else
		left = rounds_left_ns(v, p);
	budget = rounds->budget_ns - spent;
	return rounds->budget_ns && left > budget ? budget : left;
}

/* As exactly as it is known; "" for what is not worth saying. The caller frees it. */
static char *left_text(int64_t ns)
{
	int64_t s = ns / NS_PER_S;

	if (s < 1)
		return xstrdup("");
	if (s < 90)
		return xasprintf(", about %" PRId64 " s left", s);
	if (s < 90 * 60)
		return xasprintf(", about %" PRId64 " min left", (s + 30) / 60);
	return xasprintf(", about %" PRId64 " h left", (s + 1800) / 3600);
}

/* --- the line ------------------------------------------------------------------------------------ */

/* "[3/17] odp.read", "[round 2/5, 3/17] odp.read"; the caller frees it. */
static char *head_text(const struct progress_view *v, const struct progress *p)
{
	unsigned int rounds = rounds_of(v->options);

	if (v->options->rounds.duration_ns)
		return xasprintf("[round %u, %u/%u] %s", p->round, p->index, p->total, p->id);
	if (rounds > 1)
		return xasprintf("[round %u/%u, %u/%u] %s", p->round, rounds, p->index, p->total,
				 p->id);
	return xasprintf("[%u/%u] %s", p->index, p->total, p->id);
}

/* The last column stays free: many terminals go to the next line with it. */
static int width_of(FILE *to)
{
	struct winsize size;

	if (ioctl(fileno(to), TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return WIDTH_DEFAULT - 1;
	return size.ws_col - 1;
}

static void draw(struct progress_view *v, const struct progress *p)
{
	autofree char *head = head_text(v, p);
	autofree char *left = left_text(left_ns(v, p));
	autofree char *line = xasprintf("%s  %" PRId64 " s of at most %" PRId64 " s%s", head,
					p->elapsed_ns / NS_PER_S, p->deadline_ns / NS_PER_S, left);

	fprintf(v->to, ERASE "%.*s", width_of(v->to), line);
	fflush(v->to);
	v->drawn = true;
}

static void erase(struct progress_view *v)
{
	if (v->drawn)
		fputs(ERASE, v->to);
	v->drawn = false;
}

static void print_ended(struct progress_view *v, const struct progress *p)
{
	autofree char *head = head_text(v, p);
	autofree char *why = p->why ? text_sanitize(p->why, strlen(p->why)) : NULL;

	for (char *c = why; c && *c; c++)
		if (*c == '\n')
			*c = ' ';
	erase(v);
	fprintf(v->to, "%s %s%s%s\n", head, outcome_name(p->outcome), why ? ": " : "",
		why ? why : "");
	fflush(v->to);
}

/* --- the view ------------------------------------------------------------------------------------ */

static bool can_draw(FILE *to)
{
	const char *term = getenv("TERM");

	return isatty(fileno(to)) && term && *term && strcmp(term, "dumb") != 0;
}

struct progress_view *progress_view_new(FILE *to, bool quiet, const struct run_options *o,
					const struct past *past)
{
	struct progress_view *v = xcalloc(1, sizeof(*v));
	struct slowness slowness = slowness_measure();
	const char *unknown;

	v->to = to;
	v->quiet = quiet;
	v->terminal = can_draw(to);
	v->options = o;
	v->past = past;
	v->factor = o->machine.deadline_factor > 0 ? o->machine.deadline_factor
						   : slowness_factor(&slowness);
	v->start_ns = clock_ns();
	v->path = history_path();
	v->history = history_load(v->path);
	if (plan_select(&v->plan, o->table, o->table_len, o->profile, o->ids, o->nr_ids, &unknown) <
	    0)
		plan_release(&v->plan); /* the run says so */
	else if (!o->nr_ids)
		plan_exclude_level(&v->plan, o->env.level);
	return v;
}

void progress_view_show(void *arg, const struct progress *p)
{
	struct progress_view *v = arg;

	follow(v, p);
	if (v->quiet)
		return;
	if (p->kind == PROGRESS_ENDED)
		print_ended(v, p);
	else if (v->terminal)
		draw(v, p);
}

void progress_view_free(struct progress_view *v)
{
	int r;

	if (!v)
		return;
	erase(v);
	fflush(v->to);
	r = v->learnt ? history_save(v->history, v->path) : 0;
	if (r < 0)
		log_debug("cannot write '%s': %s", v->path, strerror(-r));
	plan_release(&v->plan);
	history_free(v->history);
	free(v->path);
	free(v);
}
