/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The paths that checks look at. Functions that cannot differ stand for each other, and each of
 * those gets no more than a fixed number of partners, near ones and some from all over the machine,
 * so that ten thousand functions take ten times as long as a thousand.
 */
#include "check/input.h"

#include <string.h>

#include "base/alloc.h"
#include "check/role.h"
#include "check/set.h"

/* Partners of a role for one end: all, if there are no more. Half of them are those nearest. */
#define MAX_PARTNERS 64

/* Functions that are alike in all that matters to a pair. */
struct end {
	int first, second; /* indices; second -1: there is only one */
	size_t nr;
	size_t members; /* where they begin in struct ends' order[] */
	enum role role;
	/* of a kind that is a target; an accelerator is one even if its BARs are not shown */
	bool offers;
};

struct ends {
	int *order; /* functions, those of one end together */
	struct end *items; /* by address of the first */
	size_t nr;
};

struct building {
	struct check_input in;
	struct check_path *paths;
	enum path_weight *weight;
	size_t room;
};

/* --- ends --------------------------------------------------------------------------------------- */

struct key {
	int upstream, host_bridge, slot;
	enum role role;
	uint16_t vendor, device;
	int acs; /* what its own ACS does to a pair: nothing, redirects, unknown */
	bool is_virtual, is_target;
	int index;
};

static int redirect_of(const struct acs *acs)
{
	const unsigned int redirect = ACS_RR | ACS_CR | ACS_EC;

	if (acs->known == KNOWN_NO || acs->unsure & redirect)
		return 2;
	return acs->known == KNOWN_PRESENT && acs->control & redirect;
}

static struct key key_of(const struct platform *p, int i)
{
	const struct function *f = &p->functions[i];
	const struct function *pf = f->is_virtual ? platform_find(p, f->physical) : NULL;
	struct key key;

	memset(&key, 0, sizeof(key));
	key.upstream = f->upstream;
	key.host_bridge = f->host_bridge;
	key.slot = (pf ? pf : f)->addr.dev;
	key.role = role_of(p, f);
	key.vendor = f->vendor;
	key.device = f->device;
	key.acs = redirect_of(&f->acs);
	key.is_virtual = f->is_virtual;
	key.is_target = p2p_can_be_target(f);
	key.index = i;
	return key;
}

/* Any order will do that keeps like ones together, by index among them. */
static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int r = memcmp(x, y, offsetof(struct key, index));

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

static int compare_ends(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void add_end(struct ends *ends, const struct platform *p, const struct key *key,
		    size_t members)
{
	const struct function *f = &p->functions[key->index];

	ends->items[ends->nr++] = (struct end){
		.first = key->index,
		.second = -1,
		.members = members,
		.role = key->role,
		.offers = key->role == ROLE_ACCELERATOR || f->p2pmem.present ||
			  (key->is_target && key->role != ROLE_NVME),
	};
}

static void find_ends(const struct platform *p, struct ends *ends)
{
	struct key *keys = xcalloc(p->nr_functions, sizeof(*keys));
	size_t n = 0;

	for (int i = 0; i < (int)p->nr_functions; i++)
		if (p2p_can_initiate(&p->functions[i]) &&
		    (role_of(p, &p->functions[i]) != ROLE_OTHER || p->functions[i].p2pmem.present))
			keys[n++] = key_of(p, i);
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ends = (struct ends){
		.order = xcalloc(n, sizeof(*ends->order)),
		.items = xcalloc(n, sizeof(*ends->items)),
	};
	for (size_t i = 0; i < n; i++) {
		struct end *e;

		if (!i || memcmp(&keys[i - 1], &keys[i], offsetof(struct key, index)) != 0)
			add_end(ends, p, &keys[i], i);
		e = &ends->items[ends->nr - 1];
		if (e->nr++ == 1)
			e->second = keys[i].index;
		ends->order[i] = keys[i].index;
	}
	qsort(ends->items, ends->nr, sizeof(*ends->items), compare_ends);
	free(keys);
}

/* --- paths -------------------------------------------------------------------------------------- */

static int chain_of(const struct platform *p, int i, int *chain, int max)
{
	int n = 0;

	for (i = p->functions[i].upstream; i >= 0 && n < max; i = p->functions[i].upstream)
		chain[n++] = i;
	return n;
}

#define MAX_DEPTH 257 /* bus numbers fall from step to step */

/* Up from the initiator to the port that both are below, if there is one, and down to the target. */
static int *find_via(const struct platform *p, int initiator, int target, int *nr)
{
	int up[MAX_DEPTH], down[MAX_DEPTH];
	int nr_up = chain_of(p, initiator, up, MAX_DEPTH);
	int nr_down = chain_of(p, target, down, MAX_DEPTH);
	int *via = xcalloc((size_t)nr_up + (size_t)nr_down, sizeof(*via));

	while (nr_up > 1 && nr_down > 1 && up[nr_up - 1] == down[nr_down - 1] &&
	       up[nr_up - 2] == down[nr_down - 2]) {
		nr_up--;
		nr_down--;
	}
	if (nr_up && nr_down && up[nr_up - 1] == down[nr_down - 1])
		nr_down--;
	*nr = 0;
	for (int i = 0; i < nr_up; i++)
		via[(*nr)++] = up[i];
	for (int i = nr_down; i-- > 0;)
		via[(*nr)++] = down[i];
	return via;
}

static void weigh(struct building *b, int function, enum path_weight weight)
{
	if (b->weight[function] < weight)
		b->weight[function] = weight;
}

static void add_path(struct building *b, int initiator, int target, enum path_weight weight,
		     size_t nr_pairs)
{
	struct check_path *path;

	if (b->in.nr_paths == b->room) {
		b->room = b->room ? 2 * b->room : 64;
		b->paths = xreallocarray(b->paths, b->room, sizeof(*b->paths));
	}
	path = &b->paths[b->in.nr_paths++];
	*path = (struct check_path){ .weight = weight, .nr_pairs = nr_pairs };
	p2p_pair_predict(b->in.platform, b->in.rules, initiator, target, &path->pair);
	path->via = find_via(b->in.platform, initiator, target, &path->nr_via);
	weigh(b, initiator, weight);
	weigh(b, target, weight);
	for (int i = 0; i < path->nr_via; i++)
		weigh(b, path->via[i], weight);
}

static bool is_likely(const struct building *b, const struct end *from, const struct end *to)
{
	const struct function *functions = b->in.platform->functions;

	return to->offers &&
	       role_is_likely(b->in.platform, &functions[from->first], &functions[to->first]);
}

static void add_likely(struct building *b, const struct ends *ends, const struct end *from,
		       const struct end *to)
{
	bool same = from == to;
	int target = same ? to->second : to->first;

	if (target < 0 || !is_likely(b, from, to))
		return;
	add_path(b, from->first, target, PATH_LIKELY, from->nr * (to->nr - same));
	for (size_t i = 0; i < from->nr; i++)
		weigh(b, ends->order[from->members + i], PATH_LIKELY);
	for (size_t i = 0; i < to->nr; i++)
		weigh(b, ends->order[to->members + i], PATH_LIKELY);
}

/* The ends that offer memory and are of this role. */
static size_t targets_of(const struct ends *ends, enum role role, size_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < ends->nr; i++)
		if (ends->items[i].offers && ends->items[i].role == role)
			list[n++] = i;
	return n;
}

/* Those around `at`, and as many again, evenly spread over the others. */
static void add_some(struct building *b, const struct ends *ends, const struct end *from, size_t at,
		     const size_t *list, size_t n)
{
	const size_t half = MAX_PARTNERS / 2;
	size_t first = at < half / 2 ? 0 : at - half / 2;

	if (n <= MAX_PARTNERS) {
		for (size_t i = 0; i < n; i++)
			add_likely(b, ends, from, &ends->items[list[i]]);
		return;
	}
	if (first > n - half)
		first = n - half;
	for (size_t i = 0; i < half; i++) {
		size_t far = (first + half + i * (n - half) / half) % n;

		add_likely(b, ends, from, &ends->items[list[first + i]]);
		add_likely(b, ends, from, &ends->items[list[far]]);
	}
}

static void add_all_likely(struct building *b, const struct ends *ends)
{
	size_t *list = xcalloc(ends->nr, sizeof(*list));

	for (enum role role = ROLE_OTHER; role < NR_ROLES; role++) {
		size_t n = targets_of(ends, role, list), at = 0;

		for (size_t i = 0; i < ends->nr && n; i++) {
			while (at < n && list[at] < i)
				at++;
			add_some(b, ends, &ends->items[i], at, list, n);
		}
	}
	free(list);
}

struct check_input *check_input_new(const struct platform *platform, const struct p2p_rules *rules,
				    const struct check_claims *claims)
{
	struct building b = { .in = { platform, rules, .claims = claims } };
	struct p2p_groups *groups = xcalloc(1, sizeof(*groups));
	struct p2p_boot *boot = xcalloc(1, sizeof(*boot));
	struct check_input *in = xcalloc(1, sizeof(*in));
	struct ends ends;

	b.weight = xcalloc(platform->nr_functions, sizeof(*b.weight));
	p2p_groups_predict(platform, rules, groups);
	p2p_boot_parse(platform->kernel_cmdline, rules, boot);
	for (size_t i = 0; claims && i < claims->nr_pairs; i++) {
		add_path(&b, claims->pairs[i].initiator, claims->pairs[i].target, PATH_DECLARED, 1);
		b.paths[i].direct = claims->pairs[i].direct;
	}
	find_ends(platform, &ends);
	add_all_likely(&b, &ends);
	free(ends.order);
	free(ends.items);
	b.in.groups = groups;
	b.in.boot = boot;
	b.in.paths = b.paths;
	b.in.weight = b.weight;
	*in = b.in;
	return in;
}

/* What the checks see as const was made here. */
void check_input_free(struct check_input *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->nr_paths; i++) {
		free((int *)in->paths[i].via);
		p2p_pair_release((struct p2p_pair *)&in->paths[i].pair);
	}
	free((struct check_path *)in->paths);
	free((enum path_weight *)in->weight);
	p2p_groups_release((struct p2p_groups *)in->groups);
	p2p_boot_release((struct p2p_boot *)in->boot);
	free((struct p2p_groups *)in->groups);
	free((struct p2p_boot *)in->boot);
	free(in);
}

static enum path_weight heaviest(const struct check_input *in)
{
	enum path_weight weight = PATH_POSSIBLE;

	for (size_t i = 0; i < in->nr_paths; i++)
		if (weight < in->paths[i].weight)
			weight = in->paths[i].weight;
	return weight;
}

enum severity check_severity_of(enum path_weight weight, enum severity severity)
{
	switch (weight) {
	case PATH_DECLARED:
		return severity;
	case PATH_LIKELY:
		return severity < SEVERITY_INFO ? severity + 1 : SEVERITY_INFO;
	case PATH_POSSIBLE:
		break;
	}
	return SEVERITY_INFO;
}

enum severity check_severity(const struct check_input *in, int function, enum severity severity)
{
	return check_severity_of(function < 0 ? heaviest(in) : in->weight[function], severity);
}
