/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pairs by the lot, as the platform document lists them: a set of functions is written once, and shared. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/p2p.h"

/* The addresses of a set. Lots share sets, and so what is made of them. */
static json_t *addresses(const struct platform *platform, const struct p2p_set *set)
{
	json_t *a = jx_array();

	for (int i = 0; i < set->nr; i++)
		jx_append_str(a, pci_addr_str(platform->functions[set->members[i]].addr));
	return a;
}

static int by_set(const void *a, const void *b)
{
	const struct p2p_set *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

/* Each set's addresses, made once; found by binary search. */
struct shared {
	const struct p2p_set **sets;
	json_t **arrays;
	size_t nr;
};

static void share(const struct platform *platform, const struct p2p_lots *lots, struct shared *s)
{
	s->sets = xcalloc(2 * lots->nr + 1, sizeof(struct p2p_set *));
	s->arrays = xcalloc(2 * lots->nr + 1, sizeof(json_t *));
	for (size_t i = 0; i < lots->nr; i++) {
		s->sets[2 * i] = lots->items[i].initiators;
		s->sets[2 * i + 1] = lots->items[i].targets;
	}
	qsort(s->sets, 2 * lots->nr, sizeof(struct p2p_set *), by_set);
	for (size_t i = 0; i < 2 * lots->nr; i++)
		if (s->nr == 0 || s->sets[s->nr - 1] != s->sets[i])
			s->sets[s->nr++] = s->sets[i];
	for (size_t i = 0; i < s->nr; i++)
		s->arrays[i] = addresses(platform, s->sets[i]);
}

static json_t *shared_addresses(const struct shared *s, const struct p2p_set *set)
{
	const struct p2p_set **at = bsearch(&set, s->sets, s->nr, sizeof(struct p2p_set *), by_set);

	return json_incref(s->arrays[at - s->sets]);
}

static void unshare(struct shared *s)
{
	for (size_t i = 0; i < s->nr; i++)
		json_decref(s->arrays[i]);
	free(s->arrays);
	free(s->sets);
}

json_t *p2p_class_pairs_to_json(const struct platform *platform, const struct p2p_rules *rules,
				const struct p2p_selection *selection)
{
	struct p2p_lots lots;
	struct shared shared = { 0 };
	json_t *pairs = jx_array();

	p2p_lots_find(platform, rules, selection, &lots);
	share(platform, &lots, &shared);
	for (size_t i = 0; i < lots.nr; i++) {
		json_t *o = p2p_pair_to_json(platform, &lots.items[i].pair);

		jx_set(o, "initiators", shared_addresses(&shared, lots.items[i].initiators));
		jx_set(o, "targets", shared_addresses(&shared, lots.items[i].targets));
		jx_append(pairs, o);
	}
	unshare(&shared);
	p2p_lots_release(&lots);
	return pairs;
}
