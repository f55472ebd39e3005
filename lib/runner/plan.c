/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Selection and reasons not to start. */
#include "runner/plan.h"

#include <string.h>

#include "base/alloc.h"

static bool is_named(char *const *ids, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

static bool is_in_table(const struct scenario *const *table, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i]->id, id) == 0)
			return true;
	return false;
}

static bool is_listed(const struct profile *p, const char *id)
{
	return id_list_has(&p->required, id) || id_list_has(&p->recommended, id) ||
	       id_list_has(&p->excluded, id);
}

static void add_unmet(struct plan_item *item, enum skip_category category, char *text)
{
	item->unmet = xreallocarray(item->unmet, item->nr_unmet + 1, sizeof(*item->unmet));
	item->unmet[item->nr_unmet++] = (struct unmet){ category, text };
}

int plan_select(struct plan *plan, const struct scenario *const *table, size_t table_len,
		const struct profile *profile, char *const *ids, size_t nr_ids,
		const char **unknown)
{
	*plan = (struct plan){ 0 };
	for (size_t i = 0; i < nr_ids; i++) {
		if (!is_in_table(table, table_len, ids[i])) {
			*unknown = ids[i];
			return -EINVAL;
		}
	}

	plan->items = xcalloc(table_len, sizeof(*plan->items));
	for (size_t i = 0; i < table_len; i++) {
		struct plan_item *item = &plan->items[plan->n];
		const char *id = table[i]->id;

		if (nr_ids ? !is_named(ids, nr_ids, id) : !is_listed(profile, id))
			continue;
		item->scenario = table[i];
		plan->n++;
		if (!nr_ids && id_list_has(&profile->excluded, id))
			add_unmet(item, SKIP_USER_EXCLUDED,
				  xasprintf("excluded by profile '%s'", profile->name));
	}
	return 0;
}

void plan_exclude_level(struct plan *plan, enum level level)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct plan_item *item = &plan->items[i];

		if (item->scenario->level > level)
			add_unmet(item, SKIP_USER_EXCLUDED,
				  xasprintf("is part of level '%s', not of '%s'",
					    level_name(item->scenario->level), level_name(level)));
	}
}

/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (2014): SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t plan_round_seed(uint64_t seed, unsigned int round)
{
	uint64_t state = seed ^ round;

	return round == 1 ? seed : next_random(&state);
}

/* Fisher and Yates; the bias of the remainder is below n in 2^64. */
void plan_order(const struct plan *plan, bool shuffle, uint64_t seed, size_t *order)
{
	for (size_t i = 0; i < plan->n; i++)
		order[i] = i;
	for (size_t i = plan->n; shuffle && i > 1; i--) {
		size_t k = next_random(&seed) % i;
		size_t swapped = order[i - 1];

		order[i - 1] = order[k];
		order[k] = swapped;
	}
}

void plan_require(struct plan *plan, const struct scenario_env *env)
{
	struct need_answers *answers = need_answers_new();

	for (size_t i = 0; i < plan->n; i++) {
		struct plan_item *item = &plan->items[i];

		if (!item->nr_unmet && !item->over)
			item->nr_unmet =
				scenario_missing(item->scenario, env, answers, &item->unmet);
	}
	need_answers_free(answers);
}

static bool needs(const struct plan_item *item, enum need_kind kind, const char *arg)
{
	const struct scenario *s = item->scenario;

	for (size_t i = 0; i < s->nr_needs; i++)
		if (s->needs[i].kind == kind && (!arg || strcmp(s->needs[i].arg, arg) == 0))
			return true;
	return false;
}

bool plan_needs(const struct plan *plan, enum need_kind kind, const char *arg)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!plan->items[i].nr_unmet && !plan->items[i].over &&
		    needs(&plan->items[i], kind, arg))
			return true;
	return false;
}

void plan_deny(struct plan *plan, enum need_kind kind, const char *arg, enum skip_category category,
	       const char *text)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!plan->items[i].over && needs(&plan->items[i], kind, arg))
			add_unmet(&plan->items[i], category, xstrdup(text));
}

void plan_release(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		unmet_free(plan->items[i].unmet, plan->items[i].nr_unmet);
	free(plan->items);
	*plan = (struct plan){ 0 };
}
