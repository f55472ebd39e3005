/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run as its journal tells it: the records of a results directory, checked and gathered by scenario.
 * The report is written from this. Private to lib/report.
 */
#ifndef P2PCERT_REPORT_GATHER_H
#define P2PCERT_REPORT_GATHER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "report/verdict.h"
#include "scenario/outcome.h"

struct run_evidence {
	bool said;
	bool required; /* for a pass */
	enum evidence_state state; /* the worst that was said */
	json_t *details; /* array of strings */
};

/* Strings and records are borrowed from the run's records, arrays and objects are its own. */
struct run_result {
	const char *id;
	bool started;
	const json_t *end; /* scenario-end; NULL: there is none */
	enum outcome outcome; /* that stands */
	const char *kind; /* of OUTCOME_ERROR, else NULL */
	const char *dir;
	const char *why; /* last one said */
	struct run_evidence evidence[NR_EVIDENCE_KINDS];
	json_t *skip;
	json_t *devices; /* addresses and names */
	json_t *measurements;
	json_t *errors;
	json_t *kernel_log;
	json_t *facts; /* by name */
};

struct run {
	json_t *records; /* all, reduced to the keys that are known */
	int64_t last_ns; /* time of the last of them, CLOCK_REALTIME */
	bool torn; /* the last line was dropped */
	const json_t *start; /* run-start */
	enum run_end end;
	const json_t *end_record; /* run-end; NULL if RUN_DIED */
	json_t *platform; /* NULL: died before it was read */
	json_t *features; /* array; NULL likewise */
	json_t *last_taint; /* NULL: none after the one of run-start */
	json_t *taint_set_by; /* {scenario, names[]}, without scenario: between two */
	json_t *modules;
	json_t *findings;
	json_t *kernel_log; /* outside of scenarios */
	json_t *not_undone; /* by number: {undo, kind, args, text} */
	struct run_result *results; /* in the order selected */
	size_t nr_results;
	json_t *index; /* id to place in results */
	json_t *tainted; /* names seen so far, as keys */
};

/*
 * Reads the journal of the results directory dirfd and the platform document beside it. 0 or a
 * negative errno with *why, which the caller frees; run is to be released in any case.
 */
int run_read(int dirfd, struct run *run, char **why) attr_must_check;
void run_release(struct run *run);

#define autorun __attribute__((cleanup(run_release)))

#endif
