/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The platform as one page for a browser: the template of lib/p2p/page/ with the platform document,
 * the predictions over it and what was found about it as JSON. It fetches nothing, and runs no
 * script but its own.
 */
#ifndef P2PCERT_P2P_PAGE_H
#define P2PCERT_P2P_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "p2p/p2p.h"

/*
 * document is the platform document, without pairs; findings an array as in "p2pcert.check/1"; measured
 * the pairs[] of a report, or NULL. All are borrowed. Write errors stay in f for the caller to find.
 */
void draw_page(const struct platform *platform, const struct p2p_rules *rules,
	       const struct p2p_selection *selection, json_t *document, json_t *findings,
	       json_t *measured, FILE *f);

#endif
