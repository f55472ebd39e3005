/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The platform drawn for a person: a tree of host bridges, ports and functions, and a matrix of
 * pairs. What is drawn is exactly the model and the predictions over it.
 */
#ifndef P2PCERT_P2P_DRAW_H
#define P2PCERT_P2P_DRAW_H

#include <stdio.h>

#include "p2p/p2p.h"

struct draw_style {
	bool unicode; /* else everything is ASCII, names too */
	bool color; /* ANSI escapes */
};

/* Write errors stay in f for the caller to find. */
void draw_tree(const struct platform *platform, const struct draw_style *style, FILE *f);
/* Of what is selected. */
void draw_pairs(const struct platform *platform, const struct p2p_rules *rules,
		const struct p2p_selection *selection, const struct draw_style *style, FILE *f);
void draw_pair(const struct platform *platform, const struct p2p_pair *pair,
	       const struct draw_style *style, FILE *f);

#endif
