/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pairs by the lot: which functions can stand for each other, and the lists of pairs of the platform
 * document. What one pair's answer is, route.c decides.
 */
#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/p2p.h"

/* What the rules look at in a function itself; everything else is in the ports above. */
struct key {
	int upstream, host_bridge;
	int slot; /* -1 where all below the port above are one device */
	int alone; /* the function's index if its own ACS makes it unlike any other, else -1 */
	enum known acs;
	bool initiates, is_target;
};

static struct key key_of(const struct platform *p, int i)
{
	const struct function *f = &p->functions[i];
	const struct function *up = platform_upstream(p, f);
	const struct function *pf = f->is_virtual ? platform_find(p, f->physical) : NULL;
	bool shared = up && up->port_type != PORT_ROOT && up->port_type != PORT_DOWNSTREAM &&
		      up->port_type != PORT_PCI_TO_PCIE;

	return (struct key){
		.upstream = f->upstream,
		.host_bridge = f->host_bridge,
		.slot = shared ? (pf ? pf : f)->addr.dev : -1,
		.alone = f->acs.known == KNOWN_PRESENT ? i : -1,
		.acs = f->acs.known,
		.initiates = p2p_can_initiate(f),
		.is_target = p2p_can_be_target(f),
	};
}

static bool same_key(const struct key *a, const struct key *b)
{
	return a->upstream == b->upstream && a->host_bridge == b->host_bridge &&
	       a->slot == b->slot && a->alone == b->alone && a->acs == b->acs &&
	       a->initiates == b->initiates && a->is_target == b->is_target;
}

void p2p_classify(const struct platform *platform, struct p2p_classes *classes)
{
	*classes = (struct p2p_classes){
		.items = xcalloc(platform->nr_functions, sizeof(*classes->items)),
		.of = xcalloc(platform->nr_functions, sizeof(*classes->of)),
	};
	for (int i = 0; i < (int)platform->nr_functions; i++) {
		struct key key = key_of(platform, i);
		struct p2p_class *c;
		int k = 0;

		classes->of[i] = -1;
		if (!key.initiates && !key.is_target)
			continue;
		for (; k < classes->nr; k++) {
			struct key other = key_of(platform, classes->items[k].first);

			if (same_key(&key, &other))
				break;
		}
		c = &classes->items[k];
		if (k == classes->nr) {
			*c = (struct p2p_class){ i, -1, 0, key.initiates, key.is_target };
			classes->nr++;
		} else if (c->second < 0) {
			c->second = i;
		}
		c->nr_functions++;
		classes->of[i] = k;
	}
}

void p2p_classes_release(struct p2p_classes *classes)
{
	free(classes->items);
	free(classes->of);
}

int p2p_class_predict(const struct platform *platform, const struct p2p_rules *rules,
		      const struct p2p_classes *classes, int initiator, int target,
		      struct p2p_pair *pair)
{
	const struct p2p_class *a = &classes->items[initiator], *b = &classes->items[target];
	int other = initiator == target ? b->second : b->first;

	if (!a->initiates || !b->is_target || other < 0)
		return -ENOENT;
	p2p_pair_predict(platform, rules, a->first, other, pair);
	return 0;
}

json_t *p2p_all_pairs_to_json(const struct platform *platform, const struct p2p_rules *rules)
{
	json_t *pairs = jx_array();

	for (int i = 0; i < (int)platform->nr_functions; i++) {
		if (!p2p_can_initiate(&platform->functions[i]))
			continue;
		for (int t = 0; t < (int)platform->nr_functions; t++) {
			struct p2p_pair pair;

			if (i == t || !p2p_can_be_target(&platform->functions[t]))
				continue;
			p2p_pair_predict(platform, rules, i, t, &pair);
			jx_append(pairs, p2p_pair_to_json(platform, &pair));
			p2p_pair_release(&pair);
		}
	}
	return pairs;
}

static json_t *members(const struct platform *platform, const struct p2p_classes *classes, int k)
{
	json_t *a = jx_array();

	for (size_t i = 0; i < platform->nr_functions; i++)
		if (classes->of[i] == k)
			jx_append_str(a, pci_addr_str(platform->functions[i].addr));
	return a;
}

json_t *p2p_class_pairs_to_json(const struct platform *platform, const struct p2p_rules *rules)
{
	struct p2p_classes classes;
	json_t *pairs = jx_array();

	p2p_classify(platform, &classes);
	for (int i = 0; i < classes.nr; i++) {
		for (int t = 0; t < classes.nr; t++) {
			struct p2p_pair pair;
			json_t *o;

			if (p2p_class_predict(platform, rules, &classes, i, t, &pair) < 0)
				continue;
			o = p2p_pair_to_json(platform, &pair);
			jx_set(o, "initiators", members(platform, &classes, i));
			jx_set(o, "targets", members(platform, &classes, t));
			jx_append(pairs, o);
			p2p_pair_release(&pair);
		}
	}
	p2p_classes_release(&classes);
	return pairs;
}
