/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions that can stand for each other, and every pair of the platform document, one answer for each two
 * classes. What one pair's answer is, route.c decides.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/text.h"
#include "p2p/p2p.h"

#define ACS_REDIRECT (ACS_RR | ACS_CR | ACS_EC)

/* What the rules look at in a function itself; everything else is in the ports above. */
struct key {
	int upstream, host_bridge;
	int slot; /* -1 where all below the port above are one device */
	int alone; /* the function's index if it redirects, which sets it apart by name; else -1 */
	bool acs_unseen, acs_unseen_then;
	unsigned int noted; /* what notes are about */
	uint32_t from, to; /* as in struct p2p_selection */
};

static bool may_redirect(const struct function *f)
{
	return f->acs.known == KNOWN_PRESENT && (f->acs.control | f->acs.unsure) & ACS_REDIRECT;
}

static struct key key_of(const struct platform *p, const struct platform *then,
			 const struct p2p_selection *s, int i)
{
	const struct function *f = &p->functions[i], *g = &then->functions[i];
	const struct function *up = platform_upstream(p, f);
	const struct function *pf = f->is_virtual ? platform_find(p, f->physical) : NULL;
	bool shared = up && up->port_type != PORT_ROOT && up->port_type != PORT_DOWNSTREAM &&
		      up->port_type != PORT_PCI_TO_PCIE;

	return (struct key){
		.upstream = f->upstream,
		.host_bridge = f->host_bridge,
		.slot = shared ? (pf ? pf : f)->addr.dev : -1,
		.alone = may_redirect(f) || may_redirect(g) ? i : -1,
		.acs_unseen = f->acs.known == KNOWN_NO,
		.acs_unseen_then = g->acs.known == KNOWN_NO,
		.noted = p2p_note_facts(f),
		.from = s->from[i],
		.to = s->to[i],
	};
}

static bool same_key(const struct key *a, const struct key *b)
{
	return a->upstream == b->upstream && a->host_bridge == b->host_bridge &&
	       a->slot == b->slot && a->alone == b->alone && a->acs_unseen == b->acs_unseen &&
	       a->acs_unseen_then == b->acs_unseen_then && a->noted == b->noted &&
	       a->from == b->from && a->to == b->to;
}

static uint64_t hash_key(const struct key *k)
{
	const uint32_t values[] = {
		(uint32_t)k->upstream,
		(uint32_t)k->host_bridge,
		(uint32_t)k->slot,
		(uint32_t)k->alone,
		k->acs_unseen,
		k->acs_unseen_then,
		k->noted,
		k->from,
		k->to,
	};

	return text_hash(values, sizeof(values));
}

/* Finds classes by their key: at each place a class or -1, the next place where it is taken. */
struct index {
	int *class;
	struct key *keys; /* of each class */
	size_t mask;
};

static void index_init(struct index *x, size_t classes)
{
	size_t size = 2;

	while (size < 2 * classes)
		size *= 2;
	x->mask = size - 1;
	x->keys = xcalloc(classes, sizeof(*x->keys));
	x->class = xreallocarray(NULL, size, sizeof(*x->class));
	memset(x->class, 0xff, size * sizeof(*x->class));
}

static void index_release(struct index *x)
{
	free(x->class);
	free(x->keys);
}

/* Where the class of this key stands, or is to be put. */
static int *index_find(const struct index *x, const struct key *key)
{
	size_t at = hash_key(key) & x->mask;

	while (x->class[at] >= 0 && !same_key(&x->keys[x->class[at]], key))
		at = (at + 1) & x->mask;
	return &x->class[at];
}

static void add_function(struct p2p_classes *classes, struct index *x, const struct key *key, int i)
{
	int *at = index_find(x, key);
	struct p2p_class *c;

	if (*at < 0) {
		*at = classes->nr++;
		x->keys[*at] = *key;
		classes->items[*at] = (struct p2p_class){ i, -1, 0, key->from, key->to };
	}
	c = &classes->items[*at];
	if (c->nr_functions++ == 1)
		c->second = i;
	classes->of[i] = *at;
}

void p2p_classify_both(const struct platform *platform, const struct platform *then,
		       const struct p2p_selection *selection, struct p2p_classes *classes)
{
	size_t n = platform->nr_functions;
	struct index x;

	*classes = (struct p2p_classes){
		.items = xcalloc(n, sizeof(*classes->items)),
		.of = xcalloc(n, sizeof(*classes->of)),
	};
	index_init(&x, n);
	for (int i = 0; i < (int)n; i++) {
		struct key key = key_of(platform, then, selection, i);

		classes->of[i] = -1;
		if (key.from || key.to)
			add_function(classes, &x, &key, i);
	}
	index_release(&x);
}

void p2p_classify(const struct platform *platform, const struct p2p_selection *selection,
		  struct p2p_classes *classes)
{
	p2p_classify_both(platform, platform, selection, classes);
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

	if (!(a->from & b->to) || other < 0)
		return -ENOENT;
	p2p_pair_predict(platform, rules, a->first, other, pair);
	return 0;
}

json_t *p2p_all_pairs_to_json(const struct platform *platform, const struct p2p_rules *rules,
			      const struct p2p_selection *selection)
{
	json_t *pairs = jx_array();

	for (int i = 0; i < (int)platform->nr_functions; i++) {
		for (int t = 0; t < (int)platform->nr_functions; t++) {
			struct p2p_pair pair;

			if (i == t || !(selection->from[i] & selection->to[t]))
				continue;
			p2p_pair_predict(platform, rules, i, t, &pair);
			jx_append(pairs, p2p_pair_to_json(platform, &pair));
			p2p_pair_release(&pair);
		}
	}
	return pairs;
}

json_t *p2p_class_members(const struct platform *platform, const struct p2p_classes *classes, int k)
{
	const struct p2p_class *c = &classes->items[k];
	json_t *a = jx_array();

	for (int i = c->first, left = c->nr_functions; left; i++) {
		if (classes->of[i] != k)
			continue;
		jx_append_str(a, pci_addr_str(platform->functions[i].addr));
		left--;
	}
	return a;
}
