/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static checks: rules over the platform model that move nothing and need no module. A check looks
 * at what it is for, and either could not (the source did not show what it goes by), or has looked
 * and reports what it found, nothing included. Checks are pure functions; what they find is named by
 * codes of the finding registry, and what they could not see is never taken to be well.
 *
 * One file per family (check_redirect.c, check_bar.c, ...) ends in a table of its checks; registry.c
 * lists the tables.
 */
#ifndef P2PCERT_CHECK_CHECK_H
#define P2PCERT_CHECK_CHECK_H

#include <jansson.h>

#include "check/finding.h"
#include "p2p/isolation.h"
#include "p2p/p2p.h"
#include "platform/platform.h"

/* Why a pair of functions matters here. The order is that of weight. */
enum path_weight {
	PATH_POSSIBLE, /* nothing speaks for it */
	PATH_LIKELY, /* devices of these classes exchange data on machines that are built for it */
	PATH_DECLARED, /* the operator's manifest claims it */
};

enum iommu_mode { IOMMU_UNSAID, IOMMU_OFF, IOMMU_PASSTHROUGH, IOMMU_TRANSLATING };

struct check_claim {
	int initiator, target; /* functions */
	bool direct; /* through the host bridge is not enough */
};

/* What the operator's manifest claims of this machine. */
struct check_claims {
	struct check_claim *pairs;
	size_t nr_pairs;
	int *isolated; /* functions that share no IOMMU group with another device */
	size_t nr_isolated;
	enum iommu_mode iommu;
	char **absent; /* what it names and is not here: a line each */
	size_t nr_absent;
};

/* A pair that a check has to look at: for a pair of classes of functions, one that stands for all. */
struct check_path {
	struct p2p_pair pair; /* predicted */
	enum path_weight weight;
	const int *via; /* the ports on the way, from the initiator up and down to the target */
	int nr_via;
	size_t nr_pairs; /* so many pairs of functions it stands for */
	bool direct; /* declared to be direct */
};

struct check_input {
	const struct platform *platform;
	const struct p2p_rules *rules;
	const struct p2p_groups *groups; /* predicted */
	const struct p2p_boot *boot; /* the model's kernel command line; all empty if not known */
	const struct check_claims *claims; /* NULL: there is no manifest */
	/* declared and likely ones, and of the possible ones none: they are too many */
	const struct check_path *paths;
	size_t nr_paths;
	/* for each function the weight of the weightiest path that it is an end of, or a port on */
	const enum path_weight *weight;
};

/* Where a check's results go. */
struct check_sink;

/*
 * A finding about these functions (indices), in the order in which the text speaks of them. The text
 * is the evidence: what was seen, with the registers' names and values. next is what to do in this
 * very case, an exact command line or setting, and what it costs; NULL: the registry's own.
 * The severity is the registry's, or, with check_found_as(), another one.
 */
void check_found(struct check_sink *sink, const char *code, const int *functions, size_t nr,
		 char *next, const char *fmt, ...) attr_printf(6, 7); /* takes next */
void check_found_as(struct check_sink *sink, const char *code, enum severity severity,
		    const int *functions, size_t nr, char *next, const char *fmt, ...)
	attr_printf(7, 8);

/*
 * Severity by path: what is `severity` where a declared path goes through the function is one less
 * where the path is but likely, and SEVERITY_INFO where nothing goes there. Function -1: by the
 * weightiest path of the machine.
 */
enum severity check_severity(const struct check_input *in, int function, enum severity severity);

/* The source did not show this of a function (-1: of the machine): the check could not look there. */
void check_unseen(struct check_sink *sink, int function, const char *fmt, ...) attr_printf(3, 4);
/* The check has looked at so many more things, be there something to find or not. */
void check_looked(struct check_sink *sink, size_t nr);

struct check {
	const char *id; /* dotted, lower case: "path.redirect"; never reused for another meaning */
	const char *title; /* the rule that holds where nothing is found */
	const char *requires; /* what the source has to show, for `list` */
	void (*run)(const struct check_input *in, struct check_sink *sink);
};

struct check_family {
	const char *name;
	const struct check *checks;
	size_t nr;
};

extern const struct check_family *const check_families[];
extern const size_t nr_check_families;

#endif
