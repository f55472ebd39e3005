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
#include "runner/hotplug.h"
#include "runner/kmsg.h"
#include "runner/undo.h"
#include "scenario/profile.h"
#include "scenario/scenario.h"

enum progress_kind { PROGRESS_STARTED, PROGRESS_RUNNING, PROGRESS_ENDED };

struct progress {
	enum progress_kind kind;
	unsigned int index, total; /* of this round, from 1 */
	unsigned int round, rounds; /* from 1; rounds 0: as many as there is time for */
	const char *id;
	int64_t elapsed_ns; /* of this scenario */
	int64_t deadline_ns; /* that it will be ended after */
	enum outcome outcome; /* of PROGRESS_ENDED */
	const char *why; /* likewise; NULL: none was said */
};

#define REPEAT_FOREVER UINT32_MAX

/* How often, in which order, how long. */
struct run_rounds {
	uint32_t repeat; /* from 1, or REPEAT_FOREVER; ignored with duration_ns */
	int64_t duration_ns; /* no round is begun, and no scenario of a later round, after that */
	bool until_fail; /* no scenario is started after one that failed or broke */
	bool shuffle; /* each round in an order of its own, drawn from the seed */
	int64_t budget_ns; /* for all of it, by this process; 0: no limit */
};

/* What a test replaces by its own. Everything is borrowed. */
struct run_machine {
	struct kmsg *kmsg; /* NULL: no access to the kernel log */
	/* hotplug_drain() and its argument; NULL: nobody tells of functions that come and go */
	int (*drain_hotplug)(void *arg, hotplug_sink *sink, void *sink_arg);
	void *hotplug;
	const char *lock_path;
	const char *taint_path;
	const char *boot_id_path;
	const char
		*cgroup_root; /* NULL: scenarios run in the control group that this process is in */
	const struct undo_kind *undo_kinds;
	size_t nr_undo_kinds;
	double deadline_factor; /* 0: measured */
	int64_t quiet_ns; /* how long after a bad line the kernel may keep further ones back */
	int64_t grace_ns; /* between SIGTERM and SIGKILL, before it is stretched */
};

/* Everything is borrowed. */
struct run_options {
	const struct scenario *const *table;
	size_t table_len;
	const struct profile *profile;
	char *const
		*ids; /* the scenarios to run, whatever the profile says; in the table's order */
	size_t nr_ids; /* 0: those of the profile */
	struct run_rounds rounds;
	struct scenario_env env; /* seed is the run's; soft_rdma is set by the run */
	json_t *features; /* of the journal: features_to_json() */
	json_t *errata; /* of this kernel: errata_of_release(); NULL: none are known */
	int argc;
	char **argv; /* for the journal */
	const char *results; /* NULL: results_default_name() */
	struct run_machine machine;

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

/*
 * Goes on with the results directory *dirfd, named options->results, whose journal past.h has read:
 * first undoes what is left of the run that died, then runs what was not started yet. Profile, ids,
 * rounds, seed, level, devices and faults of options are those of the journal (past_options()).
 * Returns as run_execute().
 */
struct past;
int run_resume(const struct run_options *options, const struct past *past,
	       int dirfd) attr_must_check;

/*
 * Only undoes what is left. 0 if nothing is left, else the exit status, and the user has been told
 * why.
 */
int run_restore(const struct run_options *options, const struct past *past,
		int dirfd) attr_must_check;

#endif
