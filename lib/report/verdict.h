/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verdict of a run: from the outcomes and from how the run ended to one word and one exit
 * status. A pure function; the order in which several statuses that apply give way to each other is
 * a table in verdict.c.
 */
#ifndef P2PCERT_REPORT_VERDICT_H
#define P2PCERT_REPORT_VERDICT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/outcome.h"

enum run_end {
	RUN_COMPLETE,
	RUN_SIGNAL,
	RUN_HOST_UNTRUSTED,
	RUN_TIME_BUDGET,
	RUN_DIED, /* the journal ends without saying why */
	NR_RUN_ENDS,
};

struct verdict_item {
	const char *id;
	bool required; /* by the profile */
	bool absent; /* required, but not in the results: the rest means nothing */
	bool waived; /* what failed, for what is known and waived by the profile */
	enum outcome outcome;
	unsigned int skips; /* 1u << enum skip_category, of each reason */
};

struct verdict_input {
	const struct verdict_item *items;
	size_t nr_items;
	enum run_end end;
	int signal; /* of RUN_SIGNAL */
	size_t nr_bad_lines; /* of the kernel log, outside of scenarios */
	size_t nr_not_undone; /* changes to the machine that were not taken back */
};

#define VERDICT_MAX_REASONS 16

struct verdict_reason {
	int exit_status; /* that this reason alone would give */
	const char *text;
	bool (*concerns)(const struct verdict_item *item); /* NULL: the run as a whole */
};

struct verdict {
	int exit_status;
	const char *word;
	/* everything that applies, worst first; empty for a pass */
	struct verdict_reason reasons[VERDICT_MAX_REASONS];
	size_t nr_reasons;
};

void verdict_settle(const struct verdict_input *input, struct verdict *verdict);

/* {verdict, exit_status, reasons[] {exit_status, text, ITEMS[]}}: items is what the ids' key is. */
json_t *verdict_to_json(const struct verdict_input *input, const char *items) attr_must_check;

/* The same for a report document, whose shape has been checked; the ids are "scenarios". */
json_t *verdict_of_report(const json_t *report) attr_must_check;

/* What 'git bisect run' wants of a program. */
enum bisect_status { BISECT_GOOD = 0, BISECT_BAD = 1, BISECT_CANNOT_TELL = 125 };

/*
 * Of a report whose shape has been checked: bad if anything was shown not to conform, whatever else
 * befell the run, good for a pass and nothing else.
 */
enum bisect_status verdict_bisect_status(const json_t *report) attr_must_check;

const char *run_end_name(enum run_end end); /* "signal", as in run-end's reason; "died" */
int run_end_parse(const char *s, enum run_end *end) attr_must_check;

#endif
