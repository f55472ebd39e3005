/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which way a peer-to-peer transfer goes and what the kernel decides about it: pure functions over
 * the platform model, following drivers/pci/p2pdma.c (calc_map_type_and_dist and the host bridge
 * whitelist) of a chosen kernel release. What the model does not know gives unknown, not a guess.
 */
#ifndef P2PCERT_P2P_P2P_H
#define P2PCERT_P2P_P2P_H

#include "p2p/between.h"
#include "platform/platform.h"

enum p2p_route {
	ROUTE_UNKNOWN,
	ROUTE_SAME_FUNCTION,
	ROUTE_INTERNAL, /* between functions of one device */
	ROUTE_SWITCH_DIRECT,
	ROUTE_ROOT_REDIRECT, /* ACS sends it up to the root complex */
	ROUTE_HOST_BRIDGE,
	ROUTE_INTER_HOST_BRIDGE,
	ROUTE_UNROUTABLE,
};

enum p2p_verdict {
	VERDICT_UNKNOWN,
	VERDICT_BUS_ADDRESS,
	VERDICT_HOST_BRIDGE,
	VERDICT_NOT_SUPPORTED
};

/* The rules of one range of kernel releases: differences are data (rules.c). */
struct p2p_rules;

/*
 * The rules that a release ("7.2.12+deb13-amd64") follows. An unreadable release or NULL gives the newest
 * rules; one older than the oldest known gives the oldest.
 */
const struct p2p_rules *p2p_rules_for(const char *release);
/* Does this begin with a kernel release's two numbers, "6.12..."? */
bool p2p_release_is_readable(const char *release);
/*
 * Is pci=config_acs= known? Where it is, it and disable_acs_redir= start from what firmware left in
 * ACS control, and what the kernel sets by itself is lost there.
 */
bool p2p_rules_have_config_acs(const struct p2p_rules *rules);
/* The release the rules were read from: "7.3". */
const char *p2p_rules_name(const struct p2p_rules *rules);

/* May pairs under this host bridge device (or two of them) go through the host bridge? */
enum p2p_listed { P2P_UNLISTED, P2P_LISTED_SAME_HOST_BRIDGE, P2P_LISTED };
enum p2p_listed p2p_rules_host_bridge(const struct p2p_rules *rules, uint16_t vendor,
				      uint16_t device);
/* The first of the known releases whose list has the host bridge device; NULL: none. */
const char *p2p_rules_listed_since(uint16_t vendor, uint16_t device);

#define P2P_MAX_BLOCKERS 32

/* What the kernel's answer for a pair does not cover. */
enum p2p_note {
	NOTE_OWN_PEER_PATH, /* the driver of both does not ask the kernel */
	NOTE_DIRECT_TRANSLATED, /* translated requests are not redirected */
	NOTE_SWITCH_UNPROVEN, /* that a switch redirects is only what its registers say */
	NOTE_CACHED_VERDICT, /* the kernel may have answered before ACS became what it is */
	NOTE_DEVICE_INTERNAL, /* the bytes need not leave the device */
	NR_P2P_NOTES
};

struct p2p_pair {
	int initiator, target; /* indices of functions */
	enum p2p_route route;
	enum p2p_verdict verdict;
	int distance; /* the kernel's; -1 when not supported; meaningless when unknown */
	/* ports that redirect, in the kernel's order; longer lists are cut */
	int blocked_by[P2P_MAX_BLOCKERS];
	int nr_blocked_by;
	int nr_unknown; /* functions whose ACS matters and cannot be told */
	unsigned int notes; /* 1 << enum p2p_note */
	char *reason; /* one line for a person; freed by p2p_pair_release() */
};

/*
 * The route is the way of the bytes, the verdict what the kernel makes of it: functions of one
 * device are "internal" also where the kernel counts redirect at the port above them.
 *
 * initiator is the function that masters the transfer (the kernel's client), target the owner of
 * the memory (the provider); indices into platform->functions.
 */
void p2p_pair_predict(const struct platform *platform, const struct p2p_rules *rules, int initiator,
		      int target, struct p2p_pair *pair);
void p2p_pair_release(struct p2p_pair *pair);

/* "own-peer-path": stable. */
const char *p2p_note_code(enum p2p_note note);
/* One line for a person, which the caller frees. */
char *p2p_note_text(const struct platform *platform, const struct p2p_pair *pair,
		    enum p2p_note note) attr_must_check;
/* The notes of a pair whose route and blockers are found; p2p_pair_predict() sets them. */
unsigned int p2p_find_notes(const struct platform *platform, const struct p2p_pair *pair);
/* What in the function itself notes depend on: functions with other bits can have other notes. */
unsigned int p2p_note_facts(const struct function *f);

/* May the function start transfers / be the target of one? Not bridges; a target has a memory BAR. */
bool p2p_can_initiate(const struct function *f);
bool p2p_can_be_target(const struct function *f);

json_t *p2p_pair_to_json(const struct platform *platform,
			 const struct p2p_pair *pair) attr_must_check;

/*
 * Functions that cannot differ in route, verdict or distance of any pair, so that a large machine
 * can be shown by one pair for all: those below one port that are alike in what the rules look at.
 */
struct p2p_class {
	int first, second; /* two of its functions; second is -1 if there is only one */
	int nr_functions;
	uint32_t from, to; /* as in struct p2p_selection */
};

struct p2p_classes {
	struct p2p_class *items;
	int nr;
	int *of; /* the class of each function; -1: neither initiates nor is a target */
};

/* Of what is selected. Classes are in the order of their first members. */
void p2p_classify(const struct platform *platform, const struct p2p_selection *selection,
		  struct p2p_classes *classes);
/* The same, but alike also in another state of the same machine's ACS. */
void p2p_classify_both(const struct platform *platform, const struct platform *then,
		       const struct p2p_selection *selection, struct p2p_classes *classes);
void p2p_classes_release(struct p2p_classes *classes);

/* The pair that stands for all of initiator's class to all of target's; -ENOENT: there is none. */
int p2p_class_predict(const struct platform *platform, const struct p2p_rules *rules,
		      const struct p2p_classes *classes, int initiator, int target,
		      struct p2p_pair *pair) attr_must_check;

/* Functions, by index, ascending. */
struct p2p_set {
	int *members;
	int nr;
};

/*
 * Pairs with one answer: of each of the initiators with each of the targets, where these are the same
 * set with each other. pair is one of them.
 */
struct p2p_lot {
	struct p2p_pair pair;
	const struct p2p_set *initiators, *targets;
};

struct p2p_lots {
	struct p2p_lot *items;
	size_t nr;
	struct p2p_set *sets[3]; /* what the lots point to */
	int *members[3];
};

/* Every selected pair is in one lot. Lots are in the order of their first members. */
void p2p_lots_find(const struct platform *platform, const struct p2p_rules *rules,
		   const struct p2p_selection *selection, struct p2p_lots *lots);
void p2p_lots_release(struct p2p_lots *lots);

/* The functions of a class, by their addresses. */
json_t *p2p_class_members(const struct platform *platform, const struct p2p_classes *classes,
			  int k) attr_must_check;

/*
 * The document's pairs[] of what is selected: every pair of different functions, or one entry per
 * pair of classes.
 */
json_t *p2p_all_pairs_to_json(const struct platform *platform, const struct p2p_rules *rules,
			      const struct p2p_selection *selection) attr_must_check;
json_t *p2p_class_pairs_to_json(const struct platform *platform, const struct p2p_rules *rules,
				const struct p2p_selection *selection) attr_must_check;

const char *p2p_route_name(enum p2p_route route);
const char *p2p_verdict_name(enum p2p_verdict verdict);

#endif
