/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other words on the command line change, told to a person. */
#include <string.h>

#include "base/alloc.h"
#include "p2p/whatif.h"

/* More addresses in a line than this, or more lines of a kind, are only counted. */
#define MANY_ADDRESSES 16
#define MANY_LINES 100

static const char *address(const struct p2p_what_if *w, int i, char buf[PCI_ADDR_TEXT_MAX])
{
	return pci_addr_format(w->now->functions[i].addr, buf);
}

/* "SV RR?", with '?' behind what cannot be told; "-" if there is none. */
static void print_control(struct p2p_control c, FILE *f)
{
	static const char names[][3] = { "SV", "TB", "RR", "CR", "UF", "EC", "DT" };
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!((c.value | c.unsure) & 1u << i))
			continue;
		fprintf(f, "%s%s%s", any ? " " : "", names[i], c.unsure & 1u << i ? "?" : "");
		any = true;
	}
	if (!any)
		fputc('-', f);
}

static void print_acs(const struct p2p_what_if *w, FILE *f)
{
	char buf[PCI_ADDR_TEXT_MAX];

	if (w->nr_acs)
		fputc('\n', f);
	for (size_t i = 0; i < w->nr_acs; i++) {
		fprintf(f, "ACS of %s: ", address(w, w->acs[i].function, buf));
		print_control(w->acs[i].before, f);
		fputs(", then ", f);
		print_control(w->acs[i].after, f);
		fputc('\n', f);
	}
}

static void print_blockers(const struct p2p_what_if *w, const struct p2p_pair *pair, FILE *f)
{
	char buf[PCI_ADDR_TEXT_MAX];

	for (int i = 0; i < pair->nr_blocked_by; i++)
		fprintf(f, "%s%s", i ? " " : "", address(w, pair->blocked_by[i], buf));
	if (!pair->nr_blocked_by)
		fputs("none", f);
	if (pair->nr_unknown)
		fprintf(f, " and perhaps %d more", pair->nr_unknown);
}

static bool same_blockers(const struct p2p_pair *a, const struct p2p_pair *b)
{
	return a->nr_blocked_by == b->nr_blocked_by && a->nr_unknown == b->nr_unknown &&
	       memcmp(a->blocked_by, b->blocked_by, sizeof(a->blocked_by)) == 0;
}

static void print_ends(const struct p2p_what_if *w, const struct p2p_pair *pair, FILE *f)
{
	char buf[PCI_ADDR_TEXT_MAX];

	fprintf(f, "%s to ", address(w, pair->initiator, buf));
	fprintf(f, "%s: ", address(w, pair->target, buf));
}

static void print_others(const struct p2p_what_if *w, const struct p2p_pair *pair, FILE *f)
{
	int initiators = w->classes.items[w->classes.of[pair->initiator]].nr_functions;
	int targets = w->classes.items[w->classes.of[pair->target]].nr_functions;

	if (initiators > 1 || targets > 1)
		fprintf(f, "; and others like them, %d initiators, %d targets", initiators,
			targets);
	fputc('\n', f);
}

static void print_pair(const struct p2p_what_if *w, const struct p2p_pair_change *c, FILE *f)
{
	const struct p2p_pair *before = &c->before, *after = &c->after;

	print_ends(w, before, f);
	if (before->verdict == after->verdict)
		fprintf(f, "%s as before", p2p_verdict_name(before->verdict));
	else
		fprintf(f, "%s, then %s", p2p_verdict_name(before->verdict),
			p2p_verdict_name(after->verdict));
	if (before->route != after->route)
		fprintf(f, "; route %s, then %s", p2p_route_name(before->route),
			p2p_route_name(after->route));
	if (!same_blockers(before, after)) {
		fputs("; redirecting: ", f);
		print_blockers(w, before, f);
		fputs(", then ", f);
		print_blockers(w, after, f);
	}
	print_others(w, before, f);
}

static void print_more(size_t nr, FILE *f)
{
	if (nr > MANY_LINES)
		fprintf(f, "and %zu more\n", nr - MANY_LINES);
}

static void print_pairs(const struct p2p_what_if *w, FILE *f)
{
	if (w->nr_pairs)
		fputc('\n', f);
	for (size_t i = 0; i < w->nr_pairs && i < MANY_LINES; i++)
		print_pair(w, &w->pairs[i], f);
	print_more(w->nr_pairs, f);
	if (w->nr_open_pairs)
		fputs("\nWhat becomes of these pairs cannot be told:\n", f);
	for (size_t i = 0; i < w->nr_open_pairs && i < MANY_LINES; i++) {
		print_ends(w, &w->open_pairs[i].after, f);
		fputs(w->open_pairs[i].after.reason, f);
		print_others(w, &w->open_pairs[i].after, f);
	}
	print_more(w->nr_open_pairs, f);
}

/* The change's functions that are asked for, as many as anybody reads. */
static void print_members(const struct p2p_what_if *w, const struct p2p_group_change *c,
			  const int *of, int group, const char *separator, FILE *f)
{
	char buf[PCI_ADDR_TEXT_MAX];
	size_t shown = 0, hidden = 0;

	for (size_t i = 0; i < c->nr; i++) {
		if (of ? of[c->functions[i]] != group : !w->isolation_lost[c->functions[i]])
			continue;
		if (shown == MANY_ADDRESSES)
			hidden++;
		else
			fprintf(f, "%s%s", shown++ ? separator : "",
				address(w, c->functions[i], buf));
	}
	if (hidden)
		fprintf(f, "%sand %zu more", separator, hidden);
}

/* "{a b} {c}": members of each group. */
static void print_partition(const struct p2p_what_if *w, const struct p2p_group_change *c,
			    const int *of, FILE *f)
{
	size_t shown = 0, hidden = 0;

	for (size_t i = 0; i < c->nr; i++) {
		if (of[c->functions[i]] != c->functions[i])
			continue;
		if (shown == MANY_ADDRESSES) {
			hidden++;
			continue;
		}
		fputs(shown++ ? " {" : "{", f);
		print_members(w, c, of, c->functions[i], " ", f);
		fputc('}', f);
	}
	if (hidden)
		fprintf(f, " and %zu more", hidden);
}

static void print_group_change(const struct p2p_what_if *w, const struct p2p_group_change *c,
			       FILE *f)
{
	static const char *const titles[] = {
		[GROUPS_MERGE] = "IOMMU groups become one: ",
		[GROUP_SPLITS] = "IOMMU group splits: ",
		[GROUPS_CHANGE] = "IOMMU groups change: ",
	};

	fputs(titles[c->kind], f);
	print_partition(w, c, w->groups_before.of, f);
	if (c->kind != GROUPS_MERGE) {
		fputs(", then ", f);
		print_partition(w, c, w->groups_after.of, f);
	}
	fputc('\n', f);
	if (c->kind == GROUP_SPLITS)
		return;
	fputs("  no longer isolated from each other: ", f);
	print_members(w, c, NULL, 0, ", ", f);
	fputc('\n', f);
}

/* Consecutive functions whose group is unknown for one reason are told together. */
static void print_open_groups(const struct p2p_what_if *w, FILE *f)
{
	autofree char *last = NULL;
	char buf[PCI_ADDR_TEXT_MAX];

	for (size_t i = 0; i < w->nr_open_groups; i++) {
		int n = w->open_groups[i];
		autofree char *why = p2p_group_reason(&w->then, &w->groups_after, n);

		if (!why)
			why = p2p_group_reason(w->now, &w->groups_before, n);
		if (!why)
			why = xstrdup("it may share a group with functions that were not seen "
				      "well enough");
		if (!last || strcmp(last, why) != 0)
			fprintf(f, "%sIOMMU groups that cannot be told (%s): ", last ? "\n" : "",
				why);
		else
			fputs(", ", f);
		fputs(address(w, n, buf), f);
		free(last);
		last = take_ptr(why);
	}
	if (last)
		fputc('\n', f);
}

static void print_groups(const struct p2p_what_if *w, FILE *f)
{
	if (w->boot.no_iommu) {
		fputs("\nThere are no IOMMU groups then.\n", f);
		return;
	}
	if (w->nr_groups || w->nr_open_groups)
		fputc('\n', f);
	for (size_t i = 0; i < w->nr_groups; i++)
		print_group_change(w, &w->groups[i], f);
	print_open_groups(w, f);
}

void p2p_what_if_print(const struct p2p_what_if *w, FILE *f)
{
	static const char *const verbs[] = {
		[P2P_YES] = "turns",
		[P2P_NO] = "does not turn",
		[P2P_CANNOT_TELL] = "may turn",
	};

	fprintf(f, "With '%s', by the rules of Linux %s:\n", w->words, p2p_rules_name(w->rules));
	if (!w->now->kernel_cmdline)
		fputs("the command line of now was not seen, it is taken to say nothing of ACS\n",
		      f);
	fprintf(f, "the kernel %s ACS on by itself: %s\n", verbs[w->requested], w->why);
	for (size_t i = 0; i < w->boot.nr_notes; i++)
		fprintf(f, "%s\n", w->boot.notes[i].text);
	print_acs(w, f);
	print_pairs(w, f);
	print_groups(w, f);
	if (!w->nr_acs && !w->nr_pairs && !w->nr_groups)
		fputs("\nNothing changes.\n", f);
}
