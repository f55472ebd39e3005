/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What changes if other words stand on the kernel's command line: ACS control, and with it pairs and
 * IOMMU groups, from what was seen to what is predicted. The answer is plain data; printing it is
 * apart from finding it. What decides is in boot.c, route.c and groups.c.
 */
#ifndef P2PCERT_P2P_WHATIF_H
#define P2PCERT_P2P_WHATIF_H

#include <stdio.h>

#include "p2p/isolation.h"

/* A control register: the bits that are set, and those that cannot be told, of which none is set. */
struct p2p_control {
	uint16_t value, unsure;
};

struct p2p_acs_change {
	int function;
	struct p2p_control before, after;
};

/* One pair for all of the two classes that its functions are in. */
struct p2p_pair_change {
	struct p2p_pair before, after;
};

enum p2p_regrouping {
	GROUPS_MERGE, /* into one */
	GROUP_SPLITS,
	GROUPS_CHANGE, /* members move between several */
};

/* Groups that exchange members: what is before and after in them is in the struct below. */
struct p2p_group_change {
	enum p2p_regrouping kind;
	int *functions; /* all of them, in the order of their addresses */
	size_t nr;
};

struct p2p_what_if {
	const struct platform *now; /* not owned */
	struct platform then; /* a copy of now with other ACS control; see p2p_acs_write() */
	const struct p2p_rules *rules;
	char *words;
	enum p2p_answer requested; /* does the kernel then turn ACS on by itself? */
	char *why; /* it does, or does not, or cannot be told */
	struct p2p_boot boot; /* with what the words do not do in its notes */
	struct p2p_acs_change *acs;
	size_t nr_acs;
	struct p2p_classes classes; /* functions that are alike now and then */
	struct p2p_pair_change *pairs;
	size_t nr_pairs;
	/* pairs with changed ACS on their way, of which neither verdict can be told */
	struct p2p_pair_change *open_pairs;
	size_t nr_open_pairs;
	struct p2p_groups groups_before, groups_after; /* meaningless if boot.no_iommu */
	struct p2p_group_change *groups;
	size_t nr_groups;
	bool *isolation_lost; /* for each function: it is with others in a group that it was apart of */
	/* where ACS changes: functions of groups that cannot be told, now or then, and with them */
	int *open_groups;
	size_t nr_open_groups;
};

/*
 * words: as on a command line, several separated by blanks; they follow those that the model shows.
 * Of pairs, those selected count. The answer goes with p2p_what_if_release(), and before the model.
 */
void p2p_what_if(const struct platform *platform, const struct p2p_rules *rules, const char *words,
		 const struct p2p_selection *selection, struct p2p_what_if *w);
void p2p_what_if_release(struct p2p_what_if *w);

/* The part of it that holds groups_before against groups_after. */
void p2p_what_if_compare_groups(struct p2p_what_if *w);

/* For a person. Write errors stay in f for the caller to find. */
void p2p_what_if_print(const struct p2p_what_if *w, FILE *f);
/* The document "p2pcert.what-if/1". */
json_t *p2p_what_if_to_json(const struct p2p_what_if *w) attr_must_check;

#endif
