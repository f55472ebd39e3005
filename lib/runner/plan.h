/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which scenarios a run is about, and for each why it cannot start, if so. */
#ifndef P2PCERT_RUNNER_PLAN_H
#define P2PCERT_RUNNER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/profile.h"
#include "scenario/scenario.h"

struct plan_item {
	const struct scenario *scenario;
	struct unmet *unmet; /* all reasons; none: it can start */
	size_t nr_unmet;
	bool over; /* there is nothing left to do for it: nothing is looked at or set up */
};

struct plan {
	struct plan_item *items; /* in the table's order */
	size_t n;
};

/*
 * Selects the scenarios named by ids or, without any, all that the profile lists; those that it
 * excludes are selected with that as their reason not to start. 0, or -EINVAL for an id that is not
 * in the table, which is then *unknown.
 */
int plan_select(struct plan *plan, const struct scenario *const *table, size_t table_len,
		const struct profile *profile, char *const *ids, size_t nr_ids,
		const char **unknown) attr_must_check;

/* Those of the profile that are not part of the level have that as their reason not to start. */
void plan_exclude_level(struct plan *plan, enum level level);

/* Evaluates the requirements of all that have no reason yet and are not over. */
void plan_require(struct plan *plan, const struct scenario_env *env);

/*
 * Sets order[0 .. plan->n) to the places of the items in the order in which a round runs them: that of
 * the table, or one drawn from the seed.
 */
void plan_order(const struct plan *plan, bool shuffle, uint64_t seed, size_t *order);

/* The seed of a round (from 1) of a run; that of the first is the run's, so that it can be given. */
uint64_t plan_round_seed(uint64_t seed, unsigned int round);

/* Does any scenario that can start need this? arg NULL: of that kind at all. */
bool plan_needs(const struct plan *plan, enum need_kind kind, const char *arg);

/* No scenario that needs this can start, for this reason. */
void plan_deny(struct plan *plan, enum need_kind kind, const char *arg, enum skip_category category,
	       const char *text);

void plan_release(struct plan *plan);

#endif
