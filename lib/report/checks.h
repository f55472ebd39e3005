/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What static checks have found, as one document, schema "p2pcert.check/1", and that document for a
 * person. The verdict follows from the outcomes by the rules of every verdict (report/verdict.h).
 */
#ifndef P2PCERT_REPORT_CHECKS_H
#define P2PCERT_REPORT_CHECKS_H

#include "check/run.h"
#include "scenario/profile.h"

struct checks_done {
	const struct platform *platform;
	const struct p2p_rules *rules;
	const struct check_results *results;
	const struct profile *profile; /* NULL: no check is required */
	const char *manifest; /* the name of the one that was used; NULL: none was */
	enum severity least; /* findings that matter less are left out */
};

json_t *checks_to_json(const struct checks_done *done) attr_must_check;

/* The document as text, lines broken before width (0: never). Write errors stay in f. */
void checks_print(const json_t *doc, FILE *f, bool color, size_t width);

#endif
