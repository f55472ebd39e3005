/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Choosing, reading and writing out a platform, for the commands that show one. */
#include "source.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/isolation.h"
#include "platform/snapshot.h"

/* Above this many functions that can take part, every pair is more than anybody reads. */
#define MANY_FUNCTIONS 32

/* More messages than this hide each other; the document has them all. */
#define MAX_GAP_MESSAGES 8

static int parse_pairs(const struct command *c, const char *arg, struct source_options *o)
{
	autofree char *first = NULL;
	const char *comma;

	if (!arg || strcmp(arg, "all") == 0 || strcmp(arg, "class") == 0) {
		o->pairs = !arg ? PAIRS_DEFAULT : *arg == 'a' ? PAIRS_ALL : PAIRS_CLASS;
		return 0;
	}
	comma = strchr(arg, ',');
	if (!comma)
		return cmd_usage_error(c, "pairs '%s' is neither all, class nor two addresses",
				       arg);
	first = xstrndup(arg, (size_t)(comma - arg));
	if (pci_addr_parse(first, &o->initiator) < 0)
		return cmd_usage_error(c, "'%s' is not a PCI address", first);
	if (pci_addr_parse(comma + 1, &o->target) < 0)
		return cmd_usage_error(c, "'%s' is not a PCI address", comma + 1);
	o->pairs = PAIRS_ONE;
	return 0;
}

static int parse_between(const struct command *c, const char *arg, struct source_options *o)
{
	autofree char *why = NULL;

	if (p2p_between_add(&o->between, arg, &why) < 0)
		return cmd_usage_error(c, "between '%s': %s", arg, why);
	return 0;
}

int source_option(const struct command *c, int opt, const char *arg, struct source_options *o)
{
	switch (opt) {
	case OPT_FROM:
		if (o->from)
			return cmd_usage_error(c,
					       "both '%s' and '%s' are to be read: only one can be",
					       o->from, arg);
		o->from = arg;
		return 0;
	case OPT_KERNEL_RULES:
		if (!p2p_release_is_readable(arg))
			return cmd_usage_error(c, "'%s' is not a kernel release", arg);
		o->kernel_rules = arg;
		return 0;
	case OPT_PAIRS:
		return parse_pairs(c, arg, o);
	case OPT_BETWEEN:
		return parse_between(c, arg, o);
	default:
		return -ENOENT;
	}
}

int source_check(const struct command *c, struct source_options *o)
{
	if (o->between.nr && o->pairs == PAIRS_ONE)
		return cmd_usage_error(c, "'--between' narrows down pairs, of which "
					  "'--pairs=INITIATOR,TARGET' names one");
	if (o->between.nr && o->pairs == PAIRS_NONE)
		o->pairs = PAIRS_DEFAULT;
	return 0;
}

static void say_gaps(const struct platform *p)
{
	size_t i;

	for (i = 0; i < p->nr_gaps && i < MAX_GAP_MESSAGES; i++)
		log_warn("%s: %s", p->gaps[i].subject, p->gaps[i].text);
	if (i < p->nr_gaps)
		log_warn("%zu more things were not seen, see \"gaps\" in 'p2pcert probe'",
			 p->nr_gaps - i);
}

struct platform *source_read(const struct source_options *o, int *status)
{
	autofree char *why = NULL;
	struct platform *p = snapshot_read(o->from, o->files, &why);
	int e = errno;

	if (p) {
		say_gaps(p);
		return p;
	}
	if (o->from)
		log_error("%s", why);
	else
		log_error("cannot read PCI functions from '/sys/bus/pci/devices': %s", strerror(e));
	*status = !o->from || e == EIO || e == ENOMEM ? EXIT_ENVIRONMENT : EXIT_USAGE;
	return NULL;
}

const struct p2p_rules *source_rules(const struct source_options *o, const struct platform *p)
{
	return p2p_rules_for(o->kernel_rules ? o->kernel_rules : p->kernel_release);
}

/* The function's index, or -1 after the message. */
static int index_of(const struct platform *p, struct pci_addr addr)
{
	const struct function *f = platform_find(p, addr);

	if (f)
		return (int)(f - p->functions);
	log_error("there is no PCI function '%s' here", pci_addr_str(addr));
	return -1;
}

int source_pair(const struct source_options *o, const struct platform *p, struct p2p_pair *pair)
{
	int initiator = index_of(p, o->initiator), target = index_of(p, o->target);

	if (initiator < 0 || target < 0)
		return -ENOENT;
	p2p_pair_predict(p, source_rules(o, p), initiator, target, pair);
	return 0;
}

static json_t *one_pair(const struct source_options *o, const struct platform *p)
{
	struct p2p_pair pair;
	json_t *pairs;

	if (source_pair(o, p, &pair) < 0)
		return NULL;
	pairs = jx_array();
	jx_append(pairs, p2p_pair_to_json(p, &pair));
	p2p_pair_release(&pair);
	return pairs;
}

void source_select(const struct source_options *o, const struct platform *p,
		   struct p2p_selection *selection)
{
	p2p_select(p, &o->between, selection);
	for (size_t i = 0; i < selection->nr_remarks; i++)
		log_warn("between: %s", selection->remarks[i]);
}

static json_t *wanted_pairs(const struct source_options *o, const struct platform *p,
			    const struct p2p_rules *rules)
{
	struct p2p_selection selection;
	size_t candidates = 0;
	json_t *pairs;

	if (o->pairs == PAIRS_ONE)
		return one_pair(o, p);
	source_select(o, p, &selection);
	for (size_t i = 0; i < p->nr_functions; i++)
		candidates += selection.from[i] || selection.to[i];
	if (o->pairs == PAIRS_CLASS || (o->pairs == PAIRS_DEFAULT && candidates > MANY_FUNCTIONS))
		pairs = p2p_class_pairs_to_json(p, rules, &selection);
	else
		pairs = p2p_all_pairs_to_json(p, rules, &selection);
	p2p_selection_release(&selection);
	return pairs;
}

json_t *source_document(const struct source_options *o, const struct platform *p)
{
	const struct p2p_rules *rules = source_rules(o, p);
	autojson json_t *doc = platform_to_json(p);
	json_t *pairs;

	jx_set_str(json_object_get(doc, "kernel"), "rules", p2p_rules_name(rules));
	p2p_isolation_to_json(p, rules, json_object_get(doc, "functions"));
	if (o->pairs != PAIRS_NONE) {
		pairs = wanted_pairs(o, p, rules);
		if (!pairs)
			return NULL;
		jx_set(doc, "pairs", pairs);
	}
	return take_ptr(doc);
}
