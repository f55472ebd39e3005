/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All pairs in lots that have one answer. Where functions share a port below the host bridge, what
 * is on their way decides, and a lot is a pair of classes. Where they do not, only the host bridges
 * and how deep the functions lie below them count: there whole branches make a lot, and between two
 * host bridges everything at one depth. So the number of lots grows with the ports of a switch and
 * with the host bridges, not with all the ports of the machine by themselves.
 */
#include <string.h>

#include "base/alloc.h"
#include "p2p/p2p.h"

/* What a class is for pairs that share no port. The order of the members is that of sorting. */
struct place {
	int host_bridge;
	int depth; /* functions from it up to the root bus, itself included */
	unsigned int noted; /* what notes are about */
	uint32_t from, to;
	int branch; /* the port of the root bus that it is below; else it is a branch of its own */
	int class;
};

/* How far two places must be alike to be of one group. */
enum level { LEVEL_HOST_BRIDGE, LEVEL_BRANCH, LEVEL_CLASS, NR_LEVELS };

/* Groups of one level: consecutive places, and the functions that are of them. */
struct groups {
	int *first; /* the first place of each group, and behind the last one their number */
	struct p2p_set *sets;
	int *members; /* what the sets point into */
	int nr;
};

struct builder {
	const struct platform *p;
	const struct p2p_rules *rules;
	struct p2p_classes classes;
	struct place *places;
	struct groups groups[NR_LEVELS];
	struct p2p_lots *lots;
	size_t room;
};

/* --- places ------------------------------------------------------------------------------------ */

/* A function whose way up was not seen to its end is alike with none but its class. */
static struct place place_of(const struct platform *p, const struct p2p_classes *classes, int class)
{
	const struct p2p_class *c = &classes->items[class];
	int own = (int)p->nr_functions + class;
	int i = c->first, top = own;
	struct place place = {
		.host_bridge = p->functions[i].host_bridge,
		.depth = 1,
		.noted = p2p_note_facts(&p->functions[i]),
		.from = c->from,
		.to = c->to,
		.class = class,
	};

	for (i = p->functions[i].upstream; i >= 0; i = p->functions[i].upstream) {
		top = i;
		place.depth++;
	}
	if (i == UPSTREAM_UNKNOWN || place.host_bridge < 0) {
		place.host_bridge = -1 - own;
		top = own;
	}
	place.branch = top;
	return place;
}

static int order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare(const struct place *a, const struct place *b, enum level level)
{
	int r = order(a->host_bridge, b->host_bridge);

	if (!r)
		r = order(a->depth, b->depth);
	if (!r)
		r = order(a->noted, b->noted);
	if (!r)
		r = order(a->from, b->from);
	if (!r)
		r = order(a->to, b->to);
	if (!r && level >= LEVEL_BRANCH)
		r = order(a->branch, b->branch);
	if (!r && level >= LEVEL_CLASS)
		r = order(a->class, b->class);
	return r;
}

static int by_place(const void *a, const void *b)
{
	return compare(a, b, LEVEL_CLASS);
}

/* --- groups ------------------------------------------------------------------------------------ */

static void find_groups(struct builder *b, enum level level)
{
	struct groups *g = &b->groups[level];
	int nr = b->classes.nr;

	g->first = xcalloc((size_t)nr + 1, sizeof(*g->first));
	for (int i = 0; i < nr; i++)
		if (i == 0 || compare(&b->places[i - 1], &b->places[i], level) != 0)
			g->first[g->nr++] = i;
	g->first[g->nr] = nr;
}

/* The group of each class. */
static int *group_of_class(const struct builder *b, const struct groups *g)
{
	int *of = xcalloc((size_t)b->classes.nr + 1, sizeof(*of));

	for (int k = 0; k < g->nr; k++)
		for (int i = g->first[k]; i < g->first[k + 1]; i++)
			of[b->places[i].class] = k;
	return of;
}

static void find_members(struct builder *b, enum level level)
{
	struct groups *g = &b->groups[level];
	autofree int *of = group_of_class(b, g);
	int at = 0;

	g->sets = xcalloc((size_t)g->nr + 1, sizeof(*g->sets));
	g->members = xcalloc(b->p->nr_functions + 1, sizeof(*g->members));
	for (int k = 0; k < g->nr; k++) {
		g->sets[k].members = g->members + at;
		for (int i = g->first[k]; i < g->first[k + 1]; i++)
			at += b->classes.items[b->places[i].class].nr_functions;
	}
	for (int i = 0; i < (int)b->p->nr_functions; i++) {
		struct p2p_set *set;

		if (b->classes.of[i] < 0)
			continue;
		set = &g->sets[of[b->classes.of[i]]];
		g->members[set->members - g->members + set->nr++] = i;
	}
}

/* --- lots -------------------------------------------------------------------------------------- */

static void add_lot(struct builder *b, const struct p2p_set *from, const struct p2p_set *to)
{
	struct p2p_lots *l = b->lots;
	int initiator = from->members[0], target = to->members[0];
	struct p2p_lot *lot;

	if (from == to && from->nr == 1)
		return;
	if (from == to)
		target = to->members[1];
	if (l->nr == b->room) {
		b->room = b->room ? 2 * b->room : 64;
		l->items = xreallocarray(l->items, b->room, sizeof(*l->items));
	}
	lot = &l->items[l->nr++];
	lot->initiators = from;
	lot->targets = to;
	p2p_pair_predict(b->p, b->rules, initiator, target, &lot->pair);
}

static const struct place *place_of_group(const struct builder *b, enum level level, int k)
{
	return &b->places[b->groups[level].first[k]];
}

static bool is_selected(const struct place *from, const struct place *to)
{
	return from->from & to->to;
}

/* Both are below one port: class by class. */
static void add_near(struct builder *b, int from, int to)
{
	const struct groups *branches = &b->groups[LEVEL_BRANCH];
	const struct p2p_set *sets = b->groups[LEVEL_CLASS].sets;

	/* each class is one place, and so one group */
	for (int i = branches->first[from]; i < branches->first[from + 1]; i++)
		for (int k = branches->first[to]; k < branches->first[to + 1]; k++)
			add_lot(b, &sets[i], &sets[k]);
}

static void add_same_host_bridge(struct builder *b)
{
	const struct groups *g = &b->groups[LEVEL_BRANCH];

	for (int i = 0, begin = 0; i < g->nr; i++) {
		const struct place *from = place_of_group(b, LEVEL_BRANCH, i);

		while (place_of_group(b, LEVEL_BRANCH, begin)->host_bridge != from->host_bridge)
			begin++;
		for (int k = begin; k < g->nr; k++) {
			const struct place *to = place_of_group(b, LEVEL_BRANCH, k);

			if (to->host_bridge != from->host_bridge)
				break;
			if (!is_selected(from, to))
				continue;
			if (to->branch == from->branch)
				add_near(b, i, k);
			else
				add_lot(b, &g->sets[i], &g->sets[k]);
		}
	}
}

static void add_other_host_bridge(struct builder *b)
{
	const struct groups *g = &b->groups[LEVEL_HOST_BRIDGE];

	for (int i = 0; i < g->nr; i++) {
		const struct place *from = place_of_group(b, LEVEL_HOST_BRIDGE, i);

		for (int k = 0; k < g->nr; k++) {
			const struct place *to = place_of_group(b, LEVEL_HOST_BRIDGE, k);

			if (to->host_bridge != from->host_bridge && is_selected(from, to))
				add_lot(b, &g->sets[i], &g->sets[k]);
		}
	}
}

static int by_first_members(const void *a, const void *b)
{
	const struct p2p_lot *x = a, *y = b;
	int r = order(x->initiators->members[0], y->initiators->members[0]);

	if (!r)
		r = order(x->targets->members[0], y->targets->members[0]);
	if (!r)
		r = order(x->initiators->nr, y->initiators->nr);
	return r ? r : order(x->targets->nr, y->targets->nr);
}

void p2p_lots_find(const struct platform *platform, const struct p2p_rules *rules,
		   const struct p2p_selection *selection, struct p2p_lots *lots)
{
	struct builder b = { .p = platform, .rules = rules, .lots = lots };

	*lots = (struct p2p_lots){ 0 };
	p2p_classify(platform, selection, &b.classes);
	b.places = xcalloc((size_t)b.classes.nr + 1, sizeof(*b.places));
	for (int i = 0; i < b.classes.nr; i++)
		b.places[i] = place_of(platform, &b.classes, i);
	qsort(b.places, (size_t)b.classes.nr, sizeof(*b.places), by_place);
	for (enum level level = 0; level < NR_LEVELS; level++) {
		find_groups(&b, level);
		find_members(&b, level);
		lots->sets[level] = b.groups[level].sets;
		lots->members[level] = b.groups[level].members;
	}
	add_same_host_bridge(&b);
	add_other_host_bridge(&b);
	if (lots->nr)
		qsort(lots->items, lots->nr, sizeof(*lots->items), by_first_members);
	for (enum level level = 0; level < NR_LEVELS; level++)
		free(b.groups[level].first);
	free(b.places);
	p2p_classes_release(&b.classes);
}

void p2p_lots_release(struct p2p_lots *lots)
{
	for (size_t i = 0; i < lots->nr; i++)
		p2p_pair_release(&lots->items[i].pair);
	for (enum level level = 0; level < NR_LEVELS; level++) {
		free(lots->sets[level]);
		free(lots->members[level]);
	}
	free(lots->items);
}
