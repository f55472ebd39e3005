/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running checks: from what a check has reported to its outcome, and to JSON. The rules are those
 * of every outcome (base/outcome.h):
 *
 * fail		a finding of severity blocker or major
 * inconclusive	no such finding, and there was something that the source did not show, or nothing that
 *		it did: seeing less never makes a better outcome
 * info		findings of severity minor, nothing worse
 * pass		it has looked at something, and found nothing that is to be mended
 * skip		there is nothing here that it could look at (hw-absent), or it was left out
 *		(user-excluded)
 */
#ifndef P2PCERT_CHECK_RUN_H
#define P2PCERT_CHECK_RUN_H

#include "base/outcome.h"
#include "check/sink.h"

struct check_result {
	const struct check *check;
	struct check_sink sink;
	enum outcome outcome;
	enum skip_category skipped; /* if OUTCOME_SKIP */
};

struct check_results {
	struct check_result *items; /* of every check, in the registry's order */
	size_t nr;
};

/* The check of this id, or NULL. */
const struct check *check_find(const char *id) attr_must_check;

/*
 * Runs the checks for which wanted() is true, which is asked once for each; the others are skipped as
 * user-excluded. wanted NULL: all. Free with check_results_release().
 */
void check_run(const struct check_input *in, bool (*wanted)(const struct check *check, void *arg),
	       void *arg, struct check_results *results);
void check_results_release(struct check_results *results);

/* Of {id, title, outcome, looked, skip[] {category, text}, unseen[] {text, functions[]}}. */
json_t *check_results_to_json(const struct check_results *results) attr_must_check;
/* Of {category, text}: why a check was skipped, or could look at nothing; empty if it could. */
json_t *check_missing_to_json(const struct check_result *result) attr_must_check;

/*
 * All that was found, by severity, worst first: of {check, code, severity, title, functions[], count,
 * text, next, reference}. Only what is as severe as least.
 */
json_t *check_findings_to_json(const struct check_results *results,
			       enum severity least) attr_must_check;

#endif
