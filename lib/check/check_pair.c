/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pairs as a whole: those that the kernel refuses or that nothing can be said of, those that take the
 * long way, and what the manifest claims of them. ACS on their way is for check_redirect.c.
 */
#include "base/alloc.h"
#include "base/attr.h"
#include "check/aid.h"
#include "check/set.h"

/* Paths of one kind, gathered for one finding. */
struct lot {
	struct check_set functions;
	size_t nr_pairs;
	enum path_weight weight;
	const struct check_path *first;
};

static struct lot lot_new(const struct check_input *in)
{
	return (struct lot){ .functions = check_set_new(in) };
}

static void lot_add(struct lot *lot, const struct check_path *path)
{
	if (!lot->first)
		lot->first = path;
	if (lot->weight < path->weight)
		lot->weight = path->weight;
	lot->nr_pairs += path->nr_pairs;
}

static void lot_add_ends(struct lot *lot, const struct check_path *path)
{
	lot_add(lot, path);
	check_set_add(&lot->functions, path->pair.initiator);
	check_set_add(&lot->functions, path->pair.target);
}

/* One finding of all; the text is how many pairs, which is the first, and what is said of that. */
static void lot_report(struct lot *lot, const struct check_input *in, const char *code,
		       enum severity severity, const char *what, struct check_sink *sink)
{
	if (lot->first)
		check_found_as(sink, code, check_severity_of(lot->weight, severity),
			       lot->functions.items, lot->functions.nr, NULL,
			       "%zu pairs of functions, the first from %s to %s: %s", lot->nr_pairs,
			       check_addr(in, lot->first->pair.initiator),
			       check_addr(in, lot->first->pair.target),
			       what ? what : lot->first->pair.reason);
	check_set_release(&lot->functions);
}

/* --- what the kernel makes of them --------------------------------------------------------------- */

/* The function that stands for the root bus that f is below, or NULL. */
static const struct function *root_of(const struct platform *p, const struct function *f)
{
	return f->host_bridge < 0 ? NULL : &p->functions[p->host_bridges[f->host_bridge].first];
}

/*
 * Host bridges of Intel processors for clients: first and last device id of each lot, as Debian's pci.ids
 * 0.0~2026.10.24 names them. It names none of Panther Lake, which are not told from others here.
 */
static const struct {
	uint16_t first, last;
} client_bridges[] = {
	/* Core i3, i5, i7 of 2010; 2nd and 3rd generation */
	{ 0x0040, 0x0069 },
	{ 0x0100, 0x010c },
	{ 0x0150, 0x015c },
	/* 4th to 7th */
	{ 0x0a04, 0x0a04 },
	{ 0x0c00, 0x0c08 },
	{ 0x0d00, 0x0d04 },
	{ 0x1600, 0x1618 },
	{ 0x1900, 0x191f },
	{ 0x5900, 0x591f },
	/* 8th and 9th; 10th: Comet Lake, Ice Lake; 11th: Tiger Lake */
	{ 0x3e10, 0x3ed0 },
	{ 0x9b33, 0x9b64 },
	{ 0x8a12, 0x8a14 },
	{ 0x9a02, 0x9a36 },
	/* 12th: Alder Lake */
	{ 0x4601, 0x4602 },
	{ 0x4619, 0x4619 },
	{ 0x461b, 0x461c },
	{ 0x4629, 0x4668 },
	/* 13th and 14th: Raptor Lake */
	{ 0xa700, 0xa700 },
	{ 0xa703, 0xa703 },
	{ 0xa706, 0xa708 },
	{ 0xa740, 0xa740 },
	/* Core Ultra 100: Meteor Lake; 200V: Lunar Lake */
	{ 0x7d01, 0x7d01 },
	{ 0x6400, 0x6400 },
	/* Core Ultra 200H, U, S, HX: Arrow Lake */
	{ 0x7d06, 0x7d06 },
	{ 0x7d1a, 0x7d1c },
	{ 0x7d29, 0x7d2a },
	{ 0x7d2d, 0x7d2d },
	{ 0x7d2f, 0x7d30 },
	{ 0x7d35, 0x7d35 },
};

static bool is_client_bridge(const struct function *f)
{
	if (!f || !f->ids_known || f->vendor != 0x8086 || !f->class_known ||
	    f->class >> 8 != 0x0600)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(client_bridges); i++)
		if (client_bridges[i].first <= f->device && f->device <= client_bridges[i].last)
			return true;
	return false;
}

static bool is_below_vmd(const struct function *f)
{
	return f->has_host_owner || f->addr.domain > 0xffff;
}

static void lot_add_root(struct lot *lot, const struct platform *p, int function)
{
	const struct function *root = root_of(p, &p->functions[function]);

	if (root)
		check_set_add(&lot->functions, (int)(root - p->functions));
}

static void check_verdict(const struct check_input *in, struct check_sink *sink)
{
	const struct platform *p = in->platform;
	struct lot vmd = lot_new(in), client = lot_new(in), unlisted = lot_new(in);
	struct lot unknown = lot_new(in);

	for (size_t i = 0; i < in->nr_paths; i++) {
		const struct check_path *path = &in->paths[i];
		const struct p2p_pair *pair = &path->pair;
		const struct function *from = check_function(in, pair->initiator);
		const struct function *to = check_function(in, pair->target);
		struct lot *lot = &unlisted;

		if (pair->verdict == VERDICT_UNKNOWN) {
			check_unseen(sink, pair->initiator,
				     "what decides over its pairs was not seen");
			lot_add_ends(&unknown, path);
			continue;
		}
		check_looked(sink, path->nr_pairs);
		if (pair->verdict != VERDICT_NOT_SUPPORTED)
			continue;
		if (is_below_vmd(from) || is_below_vmd(to)) {
			lot_add_ends(&vmd, path);
			continue;
		}
		if (is_client_bridge(root_of(p, from)) || is_client_bridge(root_of(p, to)))
			lot = &client;
		lot_add_root(lot, p, pair->initiator);
		lot_add_root(lot, p, pair->target);
		lot_add_ends(lot, path);
	}
	lot_report(&vmd, in, "PAIR-BELOW-VMD", SEVERITY_MAJOR, NULL, sink);
	lot_report(&client, in, "PAIR-CLIENT-ROOT-COMPLEX", SEVERITY_MAJOR, NULL, sink);
	lot_report(&unlisted, in, "PAIR-HOST-BRIDGE-UNLISTED", SEVERITY_MAJOR, NULL, sink);
	lot_report(&unknown, in, "P2P-PREDICTION-UNKNOWN", SEVERITY_MINOR, NULL, sink);
}

/* --- the manifest -------------------------------------------------------------------------------- */

static void check_direct(const struct check_input *in, struct check_sink *sink)
{
	struct lot lot = lot_new(in);

	for (size_t i = 0; i < in->nr_paths; i++) {
		const struct check_path *path = &in->paths[i];

		if (!path->direct)
			continue;
		if (path->pair.verdict == VERDICT_UNKNOWN) {
			check_unseen(sink, path->pair.initiator,
				     "whether its pairs are direct was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (path->pair.verdict != VERDICT_BUS_ADDRESS)
			lot_add_ends(&lot, path);
	}
	lot_report(&lot, in, "PAIR-NOT-DIRECT", SEVERITY_MAJOR, NULL, sink);
}

/* Can the functions that are declared do what is declared of them? */
static void check_ends(const struct check_input *in, struct check_sink *sink)
{
	struct lot initiators = lot_new(in), targets = lot_new(in);

	for (size_t i = 0; i < in->nr_paths; i++) {
		const struct check_path *path = &in->paths[i];

		if (path->weight != PATH_DECLARED)
			continue;
		check_looked(sink, 1);
		if (!p2p_can_initiate(check_function(in, path->pair.initiator))) {
			lot_add(&initiators, path);
			check_set_add(&initiators.functions, path->pair.initiator);
		}
		if (!p2p_can_be_target(check_function(in, path->pair.target))) {
			lot_add(&targets, path);
			check_set_add(&targets.functions, path->pair.target);
		}
	}
	lot_report(&initiators, in, "PAIR-NO-INITIATOR", SEVERITY_MAJOR,
		   "a bridge or event collector starts no transfers", sink);
	lot_report(&targets, in, "PAIR-NO-TARGET", SEVERITY_MAJOR,
		   "the target shows no memory BAR with an address or a size", sink);
}

static void check_present(const struct check_input *in, struct check_sink *sink)
{
	if (!in->claims)
		return;
	check_looked(sink, 1);
	for (size_t i = 0; i < in->claims->nr_absent; i++)
		check_found(sink, "MANIFEST-FUNCTION-ABSENT", NULL, 0, NULL, "%s",
			    in->claims->absent[i]);
}

/* --- the long way -------------------------------------------------------------------------------- */

/* The firmware's distance between the functions' nodes; 0: unknown, or one node. */
static int node_distance(const struct platform *p, const struct p2p_pair *pair)
{
	int from = p->functions[pair->initiator].numa_node;
	int to = p->functions[pair->target].numa_node;

	if (from < 0 || to < 0 || from == to || from >= p->numa.nr || to >= p->numa.nr)
		return 0;
	return p->numa.distance[from * p->numa.nr + to];
}

static bool is_between_nodes(const struct platform *p, const struct p2p_pair *pair)
{
	int from = p->functions[pair->initiator].numa_node;
	int to = p->functions[pair->target].numa_node;

	return from >= 0 && to >= 0 && from != to;
}

static char *say_nodes(const struct platform *p, const struct lot *lot)
{
	const struct p2p_pair *pair = lot->first ? &lot->first->pair : NULL;
	int distance = pair ? node_distance(p, pair) : 0;

	if (!pair)
		return NULL;
	if (!distance)
		return xasprintf("NUMA nodes %d and %d", p->functions[pair->initiator].numa_node,
				 p->functions[pair->target].numa_node);
	return xasprintf("NUMA nodes %d and %d, at distance %d where 10 is local",
			 p->functions[pair->initiator].numa_node,
			 p->functions[pair->target].numa_node, distance);
}

static void check_distance(const struct check_input *in, struct check_sink *sink)
{
	struct lot nodes = lot_new(in), bridges = lot_new(in);
	autofree char *text = NULL;

	for (size_t i = 0; i < in->nr_paths; i++) {
		const struct check_path *path = &in->paths[i];

		if (path->pair.verdict != VERDICT_HOST_BRIDGE &&
		    path->pair.verdict != VERDICT_BUS_ADDRESS)
			continue;
		check_looked(sink, path->nr_pairs);
		if (path->pair.verdict == VERDICT_BUS_ADDRESS)
			continue;
		if (is_between_nodes(in->platform, &path->pair))
			lot_add_ends(&nodes, path);
		else if (path->pair.route == ROUTE_INTER_HOST_BRIDGE)
			lot_add_ends(&bridges, path);
	}
	text = say_nodes(in->platform, &nodes);
	lot_report(&nodes, in, "PAIR-CROSSES-NODES", SEVERITY_MINOR, text, sink);
	lot_report(&bridges, in, "PAIR-CROSSES-HOST-BRIDGES", SEVERITY_MINOR,
		   "they are below different host bridges", sink);
}

/* --- what the verdict does not cover ------------------------------------------------------------- */

static void check_own_path(const struct check_input *in, struct check_sink *sink)
{
	struct lot lot = lot_new(in);

	for (size_t i = 0; i < in->nr_paths; i++) {
		check_looked(sink, 1);
		if (in->paths[i].pair.notes & 1u << NOTE_OWN_PEER_PATH)
			lot_add_ends(&lot, &in->paths[i]);
	}
	lot_report(&lot, in, "PAIR-OWN-PEER-PATH", SEVERITY_INFO,
		   "both are NVIDIA GPUs, whose driver does not ask the kernel", sink);
}

static void check_ntb(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!f->class_known)
			continue;
		check_looked(sink, 1);
		if (f->has_ntb)
			check_found(sink, "PAIR-NTB", &i, 1, NULL, "%s is a non-transparent bridge",
				    check_addr(in, i));
	}
}

static const struct check checks[] = {
	{
		"pair.verdict",
		"the kernel supports every pair of functions that exchange data",
		"functions, their bridges and ACS, host bridges, the processor",
		check_verdict,
	},
	{
		"pair.direct",
		"pairs that are declared to be direct are",
		"a manifest; functions, their bridges and ACS",
		check_direct,
	},
	{
		"pair.ends",
		"declared functions can start transfers, and have memory",
		"a manifest; functions and their BARs",
		check_ends,
	},
	{
		"pair.present",
		"what is declared is there",
		"a manifest",
		check_present,
	},
	{
		"pair.distance",
		"no pair crosses host bridges or NUMA nodes",
		"functions, their bridges, NUMA nodes",
		check_distance,
	},
	{
		"pair.own-path",
		"the kernel's verdict is what counts for a pair",
		"vendors and classes of functions",
		check_own_path,
	},
	{
		"pair.ntb",
		"all peers are in one hierarchy",
		"classes and ids of functions",
		check_ntb,
	},
};

const struct check_family check_family_pair = { "pair", checks, ARRAY_LEN(checks) };
