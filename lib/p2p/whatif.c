/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds what other words on the kernel's command line change. Pairs are compared by class and only
 * where changed ACS is on their way, groups by who exchanges members with whom, so that large
 * machines take a time in proportion to their size.
 */
#include "p2p/whatif.h"

#include <string.h>

#include "base/alloc.h"

/* --- ACS control ------------------------------------------------------------------------------ */

/*
 * Whether translation blocking comes on is up to firmware, bears on nothing here, and is left out
 * where it cannot be told.
 */
static struct p2p_control control_of(const struct function *f)
{
	const uint16_t told = 0x7f & (uint16_t)~ACS_TB;
	struct p2p_control c = { f->acs.control, f->acs.unsure };

	if (p2p_acs_is_dword(f))
		c = (struct p2p_control){ f->acs.dword_control, (uint16_t)~f->acs.dword_known };
	c.unsure &= told;
	c.value &= 0x7f & (uint16_t)~c.unsure;
	return c;
}

static void compare_acs(struct p2p_what_if *w)
{
	size_t n = w->now->nr_functions;

	w->acs = xcalloc(n, sizeof(*w->acs));
	for (size_t i = 0; i < n; i++) {
		struct p2p_control before = control_of(&w->now->functions[i]);
		struct p2p_control after = control_of(&w->then.functions[i]);

		if (w->now->functions[i].acs.known != KNOWN_PRESENT ||
		    (before.value == after.value && before.unsure == after.unsure))
			continue;
		w->acs[w->nr_acs++] = (struct p2p_acs_change){ (int)i, before, after };
	}
}

/* --- pairs ------------------------------------------------------------------------------------ */

/* For each function the topmost bridge above it that was seen, or itself. */
static int *find_tops(const struct platform *p)
{
	int *top = xcalloc(p->nr_functions, sizeof(*top));

	for (int i = 0; i < (int)p->nr_functions; i++) {
		int at = i;

		while (p->functions[at].upstream >= 0)
			at = p->functions[at].upstream;
		top[i] = at;
	}
	return top;
}

static bool same_pair(const struct p2p_pair *a, const struct p2p_pair *b)
{
	if (a->verdict != b->verdict || a->route != b->route ||
	    a->nr_blocked_by != b->nr_blocked_by || a->nr_unknown != b->nr_unknown ||
	    memcmp(a->blocked_by, b->blocked_by, sizeof(a->blocked_by)) != 0)
		return false;
	return a->verdict == VERDICT_UNKNOWN || a->distance == b->distance;
}

/* Is there a port with changed ACS at from, or above it up to where the other is below? */
static bool passes_change(const struct p2p_what_if *w, const bool *changed, int from, int other)
{
	const struct function *f = w->now->functions;

	for (int i = from; i >= 0; i = f[i].upstream) {
		int j = other;

		if (changed[i])
			return true;
		while (j >= 0 && j != i)
			j = f[j].upstream;
		if (j == i)
			return false;
	}
	return false;
}

static void keep_pair(struct p2p_pair_change **list, size_t *nr, const struct p2p_pair_change *c)
{
	/* doubles at every power of two */
	if (!(*nr & (*nr - 1)))
		*list = xreallocarray(*list, *nr ? 2 * *nr : 1, sizeof(**list));
	(*list)[(*nr)++] = *c;
}

static void compare_pair(struct p2p_what_if *w, const bool *changed, int a, int b)
{
	struct p2p_pair_change c;

	if (p2p_class_predict(w->now, w->rules, &w->classes, a, b, &c.before) < 0)
		return;
	p2p_pair_predict(&w->then, w->rules, c.before.initiator, c.before.target, &c.after);
	if (!same_pair(&c.before, &c.after)) {
		keep_pair(&w->pairs, &w->nr_pairs, &c);
	} else if (c.before.verdict == VERDICT_UNKNOWN &&
		   (passes_change(w, changed, c.before.initiator, c.before.target) ||
		    passes_change(w, changed, c.before.target, c.before.initiator))) {
		keep_pair(&w->open_pairs, &w->nr_open_pairs, &c);
	} else {
		p2p_pair_release(&c.before);
		p2p_pair_release(&c.after);
	}
}

/* Functions that share no port have no ACS between them: only those below one top are compared. */
static void compare_pairs(struct p2p_what_if *w, const struct p2p_selection *selection)
{
	size_t n = w->now->nr_functions;
	autofree int *top = find_tops(w->now), *first = NULL, *next = NULL;
	autofree bool *below = xcalloc(n, sizeof(*below)), *changed = xcalloc(n, sizeof(*changed));

	p2p_classify_both(w->now, &w->then, selection, &w->classes);
	for (size_t i = 0; i < w->nr_acs; i++)
		changed[w->acs[i].function] = below[top[w->acs[i].function]] = true;
	/* the classes below each top, in their order */
	first = xcalloc(n, sizeof(*first));
	next = xcalloc((size_t)w->classes.nr, sizeof(*next));
	for (int k = w->classes.nr - 1; k >= 0; k--) {
		int *head = &first[top[w->classes.items[k].first]];

		next[k] = *head;
		*head = k + 1; /* 0: none */
	}
	for (int a = 0; a < w->classes.nr; a++) {
		int at = top[w->classes.items[a].first];

		for (int b = below[at] ? first[at] : 0; b; b = next[b - 1])
			compare_pair(w, changed, a, b - 1);
	}
}

/* --- groups ----------------------------------------------------------------------------------- */

/* The one that stands for the set of i. */
static int find(int *parent, int i)
{
	while (parent[i] != i) {
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

/*
 * Joins what is in one group now with what is in one then: a set of functions that exchange members
 * is named after one of them.
 */
static int *find_sets(const struct p2p_what_if *w)
{
	const int *before = w->groups_before.of, *after = w->groups_after.of;
	int n = (int)w->now->nr_functions;
	int *set = xcalloc((size_t)n, sizeof(*set));

	for (int i = 0; i < n; i++)
		set[i] = i;
	for (int i = 0; i < n; i++) {
		if (before[i] >= 0)
			set[find(set, i)] = find(set, before[i]);
		if (after[i] >= 0)
			set[find(set, i)] = find(set, after[i]);
	}
	for (int i = 0; i < n; i++)
		set[i] = find(set, i);
	return set;
}

/* What is in a set: how many groups, each of which is named after a member, and if all is known. */
struct tally {
	int before, after;
	bool open;
};

static struct tally *count_sets(const struct p2p_what_if *w, const int *set)
{
	const int *before = w->groups_before.of, *after = w->groups_after.of;
	struct tally *tally = xcalloc(w->now->nr_functions, sizeof(*tally));

	for (int i = 0; i < (int)w->now->nr_functions; i++) {
		struct tally *t = &tally[set[i]];

		t->before += before[i] == i;
		t->after += after[i] == i;
		t->open |= before[i] == P2P_GROUP_CANNOT_TELL || after[i] == P2P_GROUP_CANNOT_TELL;
	}
	return tally;
}

/* Members of groups that hold members of more than one earlier group lose isolation. */
static void find_lost(struct p2p_what_if *w)
{
	const int *before = w->groups_before.of, *after = w->groups_after.of;
	size_t n = w->now->nr_functions;
	autofree int *came_from = xcalloc(n, sizeof(*came_from));
	autofree bool *mixed = xcalloc(n, sizeof(*mixed));

	w->isolation_lost = xcalloc(n, sizeof(*w->isolation_lost));
	for (size_t i = 0; i < n; i++) {
		if (before[i] < 0 || after[i] < 0)
			continue;
		mixed[after[i]] |= came_from[after[i]] && came_from[after[i]] != before[i] + 1;
		came_from[after[i]] = before[i] + 1;
	}
	for (size_t i = 0; i < n; i++)
		w->isolation_lost[i] = before[i] >= 0 && after[i] >= 0 && mixed[after[i]];
}

static void add_to_change(struct p2p_what_if *w, int *change_of, int set, enum p2p_regrouping kind,
			  int i)
{
	struct p2p_group_change *c;

	if (!change_of[set]) {
		w->groups = xreallocarray(w->groups, w->nr_groups + 1, sizeof(*w->groups));
		w->groups[w->nr_groups++] = (struct p2p_group_change){ .kind = kind };
		change_of[set] = (int)w->nr_groups;
	}
	c = &w->groups[change_of[set] - 1];
	if (!(c->nr & (c->nr - 1)))
		c->functions =
			xreallocarray(c->functions, c->nr ? 2 * c->nr : 1, sizeof(*c->functions));
	c->functions[c->nr++] = i;
}

void p2p_what_if_compare_groups(struct p2p_what_if *w)
{
	size_t n = w->now->nr_functions;
	autofree int *set = find_sets(w), *change_of = xcalloc(n, sizeof(*change_of));
	autofree struct tally *tally = count_sets(w, set);

	for (int i = 0; i < (int)n; i++) {
		const struct tally *t = &tally[set[i]];

		if (t->open && w->nr_acs)
			w->open_groups[w->nr_open_groups++] = i;
		else if (!t->open && (t->before > 1 || t->after > 1))
			add_to_change(w, change_of, set[i],
				      t->after == 1    ? GROUPS_MERGE
				      : t->before == 1 ? GROUP_SPLITS
						       : GROUPS_CHANGE,
				      i);
	}
	find_lost(w);
}

/* --- ACS then --------------------------------------------------------------------------------- */

/* Makes unsure what differs between two states of the same machine. */
static void merge(struct platform *p, const struct platform *other)
{
	for (size_t i = 0; i < p->nr_functions; i++) {
		struct acs *a = &p->functions[i].acs;
		const struct acs *b = &other->functions[i].acs;

		a->unsure |= (uint16_t)(b->unsure | ((a->control ^ b->control) & 0x7f));
		a->dword_known &=
			(uint16_t)(b->dword_known & ~(a->dword_control ^ b->dword_control));
	}
}

/* Forgets notes but the first nr. */
static void keep_notes(struct p2p_boot *boot, size_t nr)
{
	while (boot->nr_notes > nr)
		free(boot->notes[--boot->nr_notes].text);
}

/* What is written if the kernel turned ACS on by itself now or did not, and does then or does not. */
static void write_acs(struct p2p_what_if *w, const struct p2p_boot *running, enum p2p_answer now,
		      enum p2p_answer then)
{
	struct platform firmware, written;
	size_t nr_notes = w->boot.nr_notes;
	bool first = !w->then.functions;

	p2p_acs_unwrite(w->now, w->rules, running, now, &firmware);
	p2p_acs_write(&firmware, w->rules, &w->boot, then, first ? &w->then : &written);
	p2p_acs_release(&firmware);
	if (first)
		return;
	merge(&w->then, &written);
	p2p_acs_release(&written);
	keep_notes(&w->boot, nr_notes);
}

/* Where it cannot be told, both are tried; what comes out either way is sure. */
static void predict_acs(struct p2p_what_if *w)
{
	static const enum p2p_answer answers[] = { P2P_YES, P2P_NO };
	autofree char *why_now = NULL;
	struct p2p_boot running = { 0 };
	enum p2p_answer now;
	bool as_now;

	p2p_boot_parse(w->now->kernel_cmdline, w->rules, &running);
	now = p2p_acs_requested(w->now, w->rules, &running, &running, &why_now);
	w->requested = p2p_acs_requested(w->now, w->rules, &w->boot, &running, &w->why);
	as_now = running.intel == w->boot.intel && running.no_iommu == w->boot.no_iommu;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		for (size_t k = 0; k < ARRAY_LEN(answers); k++) {
			if (now != P2P_CANNOT_TELL && now != answers[i])
				continue;
			if (w->requested != P2P_CANNOT_TELL && w->requested != answers[k])
				continue;
			if (i == k || !as_now)
				write_acs(w, &running, answers[i], answers[k]);
		}
	}
	p2p_boot_release(&running);
}

/* --- all of it -------------------------------------------------------------------------------- */

void p2p_what_if(const struct platform *platform, const struct p2p_rules *rules, const char *words,
		 const struct p2p_selection *selection, struct p2p_what_if *w)
{
	*w = (struct p2p_what_if){ .now = platform, .rules = rules, .words = xstrdup(words) };
	p2p_boot_parse(platform->kernel_cmdline, rules, &w->boot);
	keep_notes(&w->boot, 0);
	w->boot.tells_all = true;
	p2p_boot_parse(words, rules, &w->boot);
	predict_acs(w);
	compare_acs(w);
	compare_pairs(w, selection);
	w->open_groups = xcalloc(platform->nr_functions, sizeof(*w->open_groups));
	if (w->boot.no_iommu)
		return;
	p2p_groups_predict(platform, rules, &w->groups_before);
	p2p_groups_predict(&w->then, rules, &w->groups_after);
	p2p_what_if_compare_groups(w);
}

static void release_pairs(struct p2p_pair_change *pairs, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		p2p_pair_release(&pairs[i].before);
		p2p_pair_release(&pairs[i].after);
	}
	free(pairs);
}

void p2p_what_if_release(struct p2p_what_if *w)
{
	p2p_acs_release(&w->then);
	free(w->words);
	free(w->why);
	p2p_boot_release(&w->boot);
	free(w->acs);
	p2p_classes_release(&w->classes);
	release_pairs(w->pairs, w->nr_pairs);
	release_pairs(w->open_pairs, w->nr_open_pairs);
	p2p_groups_release(&w->groups_before);
	p2p_groups_release(&w->groups_after);
	for (size_t i = 0; i < w->nr_groups; i++)
		free(w->groups[i].functions);
	free(w->groups);
	free(w->isolation_lost);
	free(w->open_groups);
}
