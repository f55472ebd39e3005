/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run as its journal tells it: the records of a results directory, checked and gathered by
 * scenario. The report is written from this. Private to lib/report.
 */
#ifndef P2PCERT_REPORT_GATHER_H
#define P2PCERT_REPORT_GATHER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/outcome.h"
#include "report/verdict.h"

struct run_evidence {
	bool said;
	bool required; /* for a pass */
	enum evidence_state state; /* the worst that was said */
	json_t *details; /* array of strings */
};

/*
 * A scenario in one round, or that it could not be started at all. Strings and records are borrowed
 * from the run's records, arrays and objects are its own.
 */
struct run_attempt {
	bool started;
	int64_t round; /* from 1; 0: not started */
	const char *seed; /* of the round; NULL: not started */
	const json_t *end; /* scenario-end; NULL: there is none */
	bool over; /* without an end: a later process went on */
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
	json_t *files; /* {name, text} */
};

struct run_result {
	const char *id;
	struct run_attempt
		*attempts; /* in the order of the journal; at least one once it is read */
	size_t nr_attempts, room;
	int64_t last_round; /* that it was started in; 0: none */
	size_t deciding; /* the first attempt of the worst outcome */
	bool flaky; /* came to different outcomes */
};

/* What the journal goes on with. */
enum run_phase {
	RUN_GOING = 1, /* whatever belongs to a run */
	RUN_ENDED = 2, /* nothing but a resume */
	RUN_RESTORING = 4, /* what undoing brings about */
};

struct run {
	json_t *records; /* all, reduced to the keys that are known */
	int64_t last_ns; /* time of the last of them but for restoring, CLOCK_REALTIME */
	bool torn; /* the last line was dropped */
	const json_t *start; /* run-start */
	enum run_end end;
	const json_t *end_record; /* run-end; NULL if RUN_DIED */
	enum run_phase phase;
	const char *boot_id; /* of the last process */
	json_t *resumed; /* {time, rebooted, ...} */
	json_t *platform; /* NULL: died before it was read */
	json_t *features; /* array; NULL likewise */
	json_t *errata; /* array, of this kernel; NULL likewise */
	json_t *last_taint; /* NULL: none after the one of run-start */
	json_t *taint_set_by; /* {scenario, names[], modules[]}, without scenario: between two */
	json_t *modules;
	json_t *findings;
	json_t *kernel_log; /* outside of scenarios */
	json_t *changes; /* the numbers of all that were made, as keys */
	json_t *not_undone; /* by number: {undo, kind, args, text} */
	struct run_result *results; /* in the order selected */
	size_t nr_results;
	json_t *index; /* id to place in results */
	struct run_result *open; /* whose last attempt has not ended yet; NULL: none */
	const char *running; /* the scenario that was running at the end; NULL: none */
	json_t *listed; /* findings and modules that are listed already, as keys */
};

/*
 * Reads the journal of the results directory dirfd and the platform document beside it. 0 or a
 * negative errno with *why, which the caller frees; run is to be released in any case.
 */
int run_read(int dirfd, struct run *run, char **why) attr_must_check;
void run_release(struct run *run);

/* The attempt that a result is told by. */
const struct run_attempt *run_deciding(const struct run_result *result) attr_must_check;
/* Was the run asked for more than one round? */
bool run_has_rounds(const struct run *run);

#define autorun __attribute__((cleanup(run_release)))

#endif
