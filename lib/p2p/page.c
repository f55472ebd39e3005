/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page's data, and the page around it. Pairs are given by classes of functions, and each different
 * answer once: a large machine has millions of pairs and few answers.
 */
#include "p2p/page.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/text.h"
#include "p2p/acs_rules.h"

#define NO_ANSWER (-1)

/* The template, from page.S. */
extern const char p2pcert_page[], p2pcert_page_end[];

/* Answers by their text: found again by a hash of it, which leads to an index or -1. */
struct answers {
	json_t *list;
	char **keys;
	int *places;
	size_t mask;
};

static void answers_init(struct answers *a)
{
	*a = (struct answers){ .list = jx_array(), .mask = 1023 };
	a->places = xreallocarray(NULL, a->mask + 1, sizeof(*a->places));
	memset(a->places, 0xff, (a->mask + 1) * sizeof(*a->places));
}

/* Releases all but the list. */
static void answers_release(struct answers *a)
{
	for (size_t i = 0; i < json_array_size(a->list); i++)
		free(a->keys[i]);
	free(a->keys);
	free(a->places);
}

static int *answers_place(const struct answers *a, const char *key)
{
	size_t at = text_hash(key, strlen(key)) & a->mask;

	while (a->places[at] >= 0 && strcmp(a->keys[a->places[at]], key) != 0)
		at = (at + 1) & a->mask;
	return &a->places[at];
}

static void answers_grow(struct answers *a)
{
	size_t nr = json_array_size(a->list);

	if (nr * 2 <= a->mask)
		return;
	a->mask = a->mask * 2 + 1;
	a->places = xreallocarray(a->places, a->mask + 1, sizeof(*a->places));
	memset(a->places, 0xff, (a->mask + 1) * sizeof(*a->places));
	for (size_t i = 0; i < nr; i++)
		*answers_place(a, a->keys[i]) = (int)i;
}

static json_t *notes_to_json(const struct platform *p, const struct p2p_pair *pair)
{
	json_t *notes = jx_array();

	for (enum p2p_note n = 0; n < NR_P2P_NOTES; n++) {
		autofree char *text = NULL;

		if (!(pair->notes & 1u << n))
			continue;
		text = p2p_note_text(p, pair, n);
		jx_append_str(notes, text);
	}
	return notes;
}

static json_t *answer_to_json(const struct platform *p, const struct p2p_pair *pair)
{
	json_t *o = jx_object(), *blockers = jx_array();

	jx_set_str(o, "route", p2p_route_name(pair->route));
	jx_set_str(o, "verdict", p2p_verdict_name(pair->verdict));
	if (pair->verdict != VERDICT_UNKNOWN)
		jx_set_int(o, "distance", pair->distance);
	for (int i = 0; i < pair->nr_blocked_by; i++)
		jx_append(blockers, json_integer(pair->blocked_by[i]));
	jx_set(o, "blocked_by", blockers);
	jx_set_str(o, "reason", pair->reason);
	jx_set(o, "notes", notes_to_json(p, pair));
	return o;
}

/* The index of the pair's answer. */
static int answers_add(struct answers *a, const struct platform *p, const struct p2p_pair *pair)
{
	autofree char *key = xasprintf("%d %d %d %u %s", (int)pair->route, (int)pair->verdict,
				       pair->distance, pair->notes, pair->reason);
	int *place = answers_place(a, key);
	size_t nr = json_array_size(a->list);

	if (*place >= 0)
		return *place;
	*place = (int)nr;
	a->keys = xreallocarray(a->keys, nr + 1, sizeof(*a->keys));
	a->keys[nr] = take_ptr(key);
	jx_append(a->list, answer_to_json(p, pair));
	answers_grow(a);
	return (int)nr;
}

/* The answers from one class to all that have targets, as numbers how often and which, in turns. */
static json_t *row_to_json(const struct platform *p, const struct p2p_rules *rules,
			   const struct p2p_classes *classes, int row, struct answers *answers)
{
	json_t *runs = jx_array();
	int last = NO_ANSWER, length = 0;

	for (int k = 0; k < classes->nr; k++) {
		struct p2p_pair pair;
		int answer = NO_ANSWER;

		if (!classes->items[k].to)
			continue;
		if (p2p_class_predict(p, rules, classes, row, k, &pair) == 0) {
			answer = answers_add(answers, p, &pair);
			p2p_pair_release(&pair);
		}
		if (length && answer != last) {
			jx_append(runs, json_integer(length));
			jx_append(runs, json_integer(last));
			length = 0;
		}
		last = answer;
		length++;
	}
	if (length) {
		jx_append(runs, json_integer(length));
		jx_append(runs, json_integer(last));
	}
	return runs;
}

static void set_pairs(json_t *o, const struct platform *p, const struct p2p_rules *rules,
		      const struct p2p_selection *selection)
{
	json_t *list = jx_array(), *rows = jx_array(), *class_of = jx_array();
	struct p2p_classes classes;
	struct answers answers;

	p2p_classify(p, selection, &classes);
	answers_init(&answers);
	for (int k = 0; k < classes.nr; k++) {
		const struct p2p_class *c = &classes.items[k];
		json_t *class = jx_object();

		jx_set_int(class, "first", c->first);
		jx_set_int(class, "second", c->second);
		jx_set_int(class, "functions", c->nr_functions);
		jx_set_bool(class, "from", c->from);
		jx_set_bool(class, "to", c->to);
		jx_append(list, class);
		jx_append(rows, row_to_json(p, rules, &classes, k, &answers));
	}
	for (size_t i = 0; i < p->nr_functions; i++)
		jx_append(class_of, json_integer(classes.of[i]));
	jx_set(o, "classes", list);
	jx_set(o, "class_of", class_of);
	jx_set(o, "rows", rows);
	jx_set(o, "answers", answers.list);
	answers_release(&answers);
	p2p_classes_release(&classes);
}

static const char *answer_word(enum p2p_answer answer)
{
	return answer == P2P_YES ? "yes" : answer == P2P_NO ? "no" : "unknown";
}

/* For each function with ACS, or null: what tools say of it. */
static json_t *acs_to_json(const struct platform *p)
{
	autofree struct acs_reading *readings = acs_read_rules(p);
	json_t *a = jx_array();

	for (size_t i = 0; i < p->nr_functions; i++) {
		const struct acs_reading *r = &readings[i];
		json_t *o = json_null();

		if (p->functions[i].acs.known == KNOWN_PRESENT) {
			o = jx_object();
			jx_set_str(o, "gpud", answer_word(r->gpud));
			if (p->functions[i].is_bridge)
				jx_set_str(o, "nvidia_fs", answer_word(r->nvidia_fs));
			jx_set_str(o, "linux", answer_word(r->linux_says));
			jx_set_str(o, "rdma_topo", r->rdma_topo);
			if (r->rdma_topo)
				jx_set_str(o, "rdma_topo_fits", answer_word(r->rdma_topo_fits));
			jx_set_int(o, "pairs", (int64_t)r->pairs);
		}
		jx_append(a, o);
	}
	return a;
}

static json_t *groups_differ_to_json(const struct platform *p, const struct p2p_rules *rules)
{
	autofree bool *differ = NULL;
	struct p2p_groups groups;
	json_t *a = jx_array();

	p2p_groups_predict(p, rules, &groups);
	differ = p2p_groups_differ(p, &groups);
	for (size_t i = 0; i < p->nr_functions; i++)
		if (differ[i])
			jx_append(a, json_integer((json_int_t)i));
	p2p_groups_release(&groups);
	return a;
}

/* Nothing in it can end the script element that it stands in. */
static void put_escaped(const char *json, FILE *f)
{
	for (size_t n; *json; json += n) {
		n = strcspn(json, "<>&");
		fwrite(json, 1, n, f);
		if (!json[n])
			break;
		fprintf(f, "\\u%04x", (unsigned int)json[n]);
		n++;
	}
}

void draw_page(const struct platform *platform, const struct p2p_rules *rules,
	       const struct p2p_selection *selection, json_t *document, json_t *findings,
	       json_t *measured, FILE *f)
{
	static const char marker[] = "@DATA@";
	const char *data = memmem(p2pcert_page, (size_t)(p2pcert_page_end - p2pcert_page), marker,
				  strlen(marker));
	autojson json_t *o = jx_object();
	autofree char *text = NULL;

	jx_set(o, "document", json_incref(document));
	jx_set_str(o, "rules", p2p_rules_name(rules));
	set_pairs(o, platform, rules, selection);
	jx_set(o, "acs", acs_to_json(platform));
	jx_set(o, "groups_differ", groups_differ_to_json(platform, rules));
	jx_set(o, "findings", json_incref(findings));
	if (measured)
		jx_set(o, "measured", json_incref(measured));
	text = jx_line(o);
	fwrite(p2pcert_page, 1, (size_t)(data - p2pcert_page), f);
	put_escaped(text, f);
	data += strlen(marker);
	fwrite(data, 1, (size_t)(p2pcert_page_end - data), f);
}
