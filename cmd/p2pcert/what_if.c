/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks what words on the command line change, and prints the answer. */
#include "what_if.h"

#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/whatif.h"

void what_if_add(char **words, const char *more)
{
	autofree char *before = *words;

	*words = before ? xasprintf("%s %s", before, more) : xstrdup(more);
}

void what_if_show(const struct source_options *source, const struct platform *p, const char *words,
		  bool json, FILE *f)
{
	struct p2p_selection selection;
	struct p2p_what_if answer;

	source_select(source, p, &selection);
	p2p_what_if(p, source_rules(source, p), words, &selection, &answer);
	p2p_selection_release(&selection);
	if (json) {
		autojson json_t *doc = p2p_what_if_to_json(&answer);
		autofree char *text = jx_pretty(doc);

		fputs(text, f);
	} else {
		p2p_what_if_print(&answer, f);
	}
	p2p_what_if_release(&answer);
}
