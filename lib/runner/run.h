/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run: the selected scenarios one after another, what they need set up before and undone after,
 * everything in the journal of a results directory. The report, and with it the verdict, is made
 * from that directory by lib/report.
 */
#ifndef P2PCERT_RUNNER_RUN_H
#define P2PCERT_RUNNER_RUN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "runner/kmsg.h"
#include "runner/undo.h"
#include "scenario/profile.h"
#include "scenario/scenario.h"

enum progress_kind { PROGRESS_STARTED, PROGRESS_RUNNING, PROGRESS_ENDED };

struct progress {
	enum progress_kind kind;
	unsigned int index, total; /* from 1 */
	const char *id;
	int64_t elapsed_ns; /* of this scenario */
	int64_t deadline_ns; /* that it will be ended after */
	enum outcome outcome; /* of PROGRESS_ENDED */
	const char *why; /* likewise; NULL: none was said */
};

/* Everything is borrowed. */
struct run_options {
	const struct scenario *const *table;
	size_t table_len;
	const struct profile *profile;
	char *const
		*ids; /* the scenarios to run, whatever the profile says; in the table's order */
	size_t nr_ids; /* 0: those of the profile */
	struct scenario_env env; /* soft_rdma is set by the run */
	json_t *features; /* of the journal: features_to_json() */
	int argc;
	char **argv; /* for the journal */

	const char *results; /* NULL: results_default_name() */
	int64_t budget_ns; /* for all of it; 0: no limit */
	double deadline_factor; /* 0: measured */
	int64_t quiet_ns; /* how long after a bad line the kernel may keep further ones back */
	int64_t grace_ns; /* between SIGTERM and SIGKILL, before it is stretched */

	/* The machine; a test has its own. */
	struct kmsg *kmsg; /* NULL: no access to the kernel log */
	const char *lock_path;
	const char *taint_path;
	const struct undo_kind *undo_kinds;
	size_t nr_undo_kinds;

	void (*progress)(void *arg, const struct progress *p);
	void *progress_arg;
};

/*
 * 0 if there is a journal with an end, from which the exit status follows; else the exit status, and
 * the user has been told why. *dir (freed by the caller) and *dirfd are the results directory, or NULL
 * and -1 if there is none.
 *
 * Meanwhile SIGINT, SIGTERM and SIGHUP end the run, after all that it changed was undone.
 */
int run_execute(const struct run_options *options, char **dir, int *dirfd) attr_must_check;

#endif
