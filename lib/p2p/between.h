/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pairs somebody wants to see, as --between says it in p2pcert-probe(1): functions by kind,
 * class, driver, slot, vendor and device, or address, on both ends or on each. Reading the expressions,
 * and what they select from a platform.
 */
#ifndef P2PCERT_P2P_BETWEEN_H
#define P2PCERT_P2P_BETWEEN_H

#include "platform/platform.h"

/* Expressions of which one is enough for a pair; none: every pair is wanted. Starts as zeroes. */
struct p2p_between {
	struct p2p_between_expr *exprs;
	size_t nr;
};

/* Expressions that one p2p_between can hold. */
#define P2P_BETWEEN_MAX 31

/*
 * Adds an expression. 0 or -EINVAL with *why, a message for the user without the expression, which
 * the caller frees.
 */
int p2p_between_add(struct p2p_between *between, const char *text, char **why) attr_must_check;
void p2p_between_release(struct p2p_between *between);

/* Is the platform's function among the initiators of one of the expressions, whatever it can do? */
bool p2p_between_names(const struct p2p_between *between, const struct platform *platform,
		       const struct function *f);

/*
 * What takes part in pairs: those of an initiator and a target that share a bit in from[initiator]
 * and to[target]. Functions that cannot initiate, or be a target, have none there.
 */
struct p2p_selection {
	uint32_t *from, *to;
	char **remarks; /* a line each: parts of the expressions that select nothing */
	size_t nr_remarks;
};

/* NULL: all that can take part. */
void p2p_select(const struct platform *platform, const struct p2p_between *between,
		struct p2p_selection *selection);
void p2p_selection_release(struct p2p_selection *selection);

#endif
