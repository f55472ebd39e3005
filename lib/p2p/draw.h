/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The platform drawn for a person: a tree of host bridges, ports and functions; the ports' ACS as
 * different tools take it; a matrix of pairs; a graph for graphviz; a page for a browser. What is
 * drawn is exactly the model and the predictions over it.
 */
#ifndef P2PCERT_P2P_DRAW_H
#define P2PCERT_P2P_DRAW_H

#include <stdio.h>

#include "p2p/p2p.h"

struct draw_style {
	bool unicode; /* else everything is ASCII, names too */
	bool color; /* ANSI escapes */
	int columns; /* of the terminal: names are cut there; 0: they are not */
};

/* Write errors stay in f for the caller to find. */
void draw_tree(const struct platform *platform, const struct p2p_rules *rules,
	       const struct draw_style *style, FILE *f);
/* Of what is selected. */
void draw_pairs(const struct platform *platform, const struct p2p_rules *rules,
		const struct p2p_selection *selection, const struct draw_style *style, FILE *f);
void draw_pair(const struct platform *platform, const struct p2p_pair *pair,
	       const struct draw_style *style, FILE *f);

/* ACS of every port as four tools take it; of a pair that is not NULL only what it passes. */
void draw_acs(const struct platform *platform, const struct p2p_pair *pair,
	      const struct draw_style *style, FILE *f);

/* A graph in the language of graphviz. */
void draw_dot(const struct platform *platform, const struct p2p_rules *rules, FILE *f);

#endif
