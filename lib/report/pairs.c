/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts about pairs, as scenarios said them, put together by pair. */
#include "report/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/p2p.h"

#define PREDICTED_RULED "predicted-ruled"
#define RULED_MOVED "ruled-moved"

struct entry {
	struct pci_addr initiator, target;
	json_t *o; /* owned until it is in the table */
	bool differs; /* prediction and ruling, by any fact */
	bool surprised; /* bytes went otherwise than ruled */
};

struct entries {
	struct entry *items;
	size_t nr;
	json_t *places; /* by "INITIATOR TARGET" */
};

static const char *const outcomes[] = { "right", "wrong", "refused", "unclear" };

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; word && i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* The value of that key, if it is of that type. */
static void copy(json_t *to, const json_t *from, const char *key, json_type type)
{
	json_t *value = json_object_get(from, key);

	if (value && json_typeof(value) == type)
		jx_set(to, key, json_incref(value));
}

static void copy_bool(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	if (json_is_boolean(value))
		jx_set(to, key, json_incref(value));
}

static void copy_verdict(json_t *to, const json_t *from)
{
	const char *verdict = jx_get_str(from, "verdict");

	for (int v = 0; verdict && v <= VERDICT_NOT_SUPPORTED; v++)
		if (strcmp(verdict, p2p_verdict_name((enum p2p_verdict)v)) == 0)
			jx_set_str(to, "verdict", verdict);
}

static void copy_route(json_t *to, const json_t *from)
{
	const char *route = jx_get_str(from, "route");

	for (int r = 0; route && r <= ROUTE_UNROUTABLE; r++)
		if (strcmp(route, p2p_route_name((enum p2p_route)r)) == 0)
			jx_set_str(to, "route", route);
}

static json_t *predicted_of(const json_t *fact)
{
	const json_t *ports = json_object_get(fact, "blocked_by"), *port;
	json_t *o = jx_object(), *blocked_by = jx_array();
	struct pci_addr addr;
	size_t i;

	copy_verdict(o, fact);
	copy(o, fact, "distance", JSON_INTEGER);
	json_array_foreach (ports, i, port)
		if (json_is_string(port) && pci_addr_parse(json_string_value(port), &addr) == 0)
			jx_append_str(blocked_by, pci_addr_str(addr));
	jx_set(o, "blocked_by", blocked_by);
	copy(o, fact, "reason", JSON_STRING);
	return o;
}

static json_t *ruled_of(const json_t *fact)
{
	const json_t *ruled = json_object_get(fact, "ruled");
	json_t *o = jx_object();

	copy_bool(o, ruled, "supported");
	copy_verdict(o, ruled);
	copy(o, ruled, "distance", JSON_INTEGER);
	copy(o, ruled, "distance_errno", JSON_STRING);
	copy(o, ruled, "map_errno", JSON_STRING);
	return o;
}

static struct entry *entry_of(struct entries *e, const struct entry *key, const json_t *fact)
{
	autofree char *name =
		xasprintf("%s %s", pci_addr_str(key->initiator), pci_addr_str(key->target));
	const json_t *place = json_object_get(e->places, name);
	struct entry *entry;

	if (place)
		return &e->items[json_integer_value(place)];
	jx_set(e->places, name, json_integer((json_int_t)e->nr));
	e->items = xreallocarray(e->items, e->nr + 1, sizeof(*e->items));
	entry = &e->items[e->nr++];
	*entry = *key;
	entry->o = jx_object();
	jx_set_str(entry->o, "initiator", pci_addr_str(key->initiator));
	jx_set_str(entry->o, "target", pci_addr_str(key->target));
	copy_route(entry->o, fact);
	jx_set(entry->o, "predicted", predicted_of(fact));
	jx_set(entry->o, "ruled", ruled_of(fact));
	jx_set(entry->o, "moved", jx_array());
	jx_set(entry->o, "differs", jx_array());
	return entry;
}

/* A page that was mapped shows more than a distance. */
static void take_ruling(struct entry *entry, const json_t *fact)
{
	autojson json_t *ruled = ruled_of(fact);
	const char *state = jx_get_str(fact, "state");

	if (!json_object_get(json_object_get(entry->o, "ruled"), "verdict") &&
	    json_object_get(ruled, "verdict"))
		jx_set(entry->o, "ruled", json_incref(ruled));
	entry->differs |= state && strcmp(state, "differs") == 0;
}

static void take_transfer(struct entry *entry, const char *scenario, const json_t *fact)
{
	const char *outcome = jx_get_str(fact, "moved");
	const char *by = jx_get_str(fact, "channel");
	json_t *o;

	if (!is_one_of(outcome, outcomes, ARRAY_LEN(outcomes)))
		return;
	o = jx_object();
	jx_set_str(o, "scenario", scenario);
	jx_set_str(o, "outcome", outcome);
	jx_set_str(o, "by", by ? by : jx_get_str(fact, "device"));
	jx_append(json_object_get(entry->o, "moved"), o);
	entry->surprised |= strcmp(outcome, "wrong") == 0 || strcmp(outcome, "unclear") == 0;
}

static void take_facts(struct entries *e, const json_t *result, const char *name)
{
	const json_t *facts = json_object_get(json_object_get(result, "facts"), name), *fact;
	size_t i;

	json_array_foreach (facts, i, fact) {
		const char *initiator = jx_get_str(fact, "initiator");
		const char *target = jx_get_str(fact, "target");
		struct entry key = { .o = NULL };
		struct entry *entry;

		if (!initiator || pci_addr_parse(initiator, &key.initiator) < 0 || !target ||
		    pci_addr_parse(target, &key.target) < 0)
			continue;
		entry = entry_of(e, &key, fact);
		take_ruling(entry, fact);
		take_transfer(entry, jx_get_str(result, "id"), fact);
	}
}

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = pci_addr_cmp(x->initiator, y->initiator);

	return r ? r : pci_addr_cmp(x->target, y->target);
}

json_t *report_pairs(const json_t *results)
{
	struct entries e = { .places = jx_object() };
	json_t *pairs = jx_array();
	const json_t *result;
	size_t i;

	json_array_foreach (results, i, result) {
		take_facts(&e, result, "pairs");
		take_facts(&e, result, "transfers");
	}
	if (e.nr)
		qsort(e.items, e.nr, sizeof(*e.items), entry_cmp);
	for (i = 0; i < e.nr; i++) {
		json_t *differs = json_object_get(e.items[i].o, "differs");

		if (e.items[i].differs)
			jx_append_str(differs, PREDICTED_RULED);
		if (e.items[i].surprised)
			jx_append_str(differs, RULED_MOVED);
		jx_append(pairs, e.items[i].o);
	}
	free(e.items);
	json_decref(e.places);
	return pairs;
}
