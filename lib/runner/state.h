/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of a run while this process lives, shared by the files that make it: state.c (what all
 * of them do), process.c (signals, children), start.c (the first records), setup.c (what scenarios depend
 * on), stage.c (one scenario), run.c (the order of things).
 * Private to lib/runner.
 */
#ifndef P2PCERT_RUNNER_STATE_H
#define P2PCERT_RUNNER_STATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/journal.h"
#include "runner/plan.h"
#include "runner/run.h"
#include "runner/slice.h"
#include "runner/slowness.h"
#include "runner/undo.h"

/* What belongs to the whole process while a run is in progress. */
struct process {
	int signal_fd; /* of SIGCHLD and the signals that end a run, all blocked */
	sigset_t old_mask;
	struct sigaction old_chld, old_pipe, old_xfsz;
	int old_subreaper;
};

struct run {
	const struct run_options *o;
	const struct past *past; /* NULL: it begins here */
	struct process process;
	struct scenario_env env;
	struct plan plan;
	const char *dir;
	int dirfd;
	struct journal *journal;
	struct undo_env undo_env;
	struct undo *undo;
	struct slowness slowness;
	double factor; /* of deadlines */
	int64_t start_ns, budget_end_ns; /* monotonic */
	struct slice between; /* what the kernel says outside of scenarios */
	char *boot_id;
	uint64_t taint; /* when it was last read */
	json_t *taint_modules; /* likewise */
	const struct scenario *current; /* NULL: none is running */
	unsigned int index; /* of the current one, in its round */
	unsigned int round, folders;
	bool failed; /* a scenario has failed or broken */
	size_t nr_left; /* changes that could not be undone */
	int64_t current_deadline_ns;
	int64_t quiet_until_ns; /* monotonic; until then the kernel may keep lines back */
	/* reasons to end */
	int err; /* negative errno: the results cannot be written */
	int signal;
	bool untrusted;
	bool budget_used_up;
};

/* --- state.c ------------------------------------------------------------------------------------- */

int64_t run_stretch(const struct run *run, int64_t ns);
/* The first negative r is kept as the reason to end. */
void run_keep_error(struct run *run, int r);
/* Writes a record, of the current scenario if there is one. 0 or a negative errno, which is kept. */
int run_put(struct run *run, json_t *record);
bool run_must_end(struct run *run);

/* Cuts the kernel log here: all before goes to the slice. */
void run_mark_log(struct run *run, struct slice *before, const char *what);
/* Tells of the functions that came or went: during the current scenario, or outside of any. */
void run_watch_hotplug(struct run *run);
/* Reads the taint anew; the bits that are new, which are in the journal with who set them. */
uint64_t run_read_taint(struct run *run);

/* --- process.c: from take to give back the process watches its signals and its descendants -------- */

/* 0 or a negative errno, and the user has been told; to be given back in any case. */
int process_take(struct process *p) attr_must_check;
void process_give_back(struct process *p);
/* The last signal that came and ends a run; 0: none did. */
int process_signal(const struct process *p);

/* --- start.c ------------------------------------------------------------------------------------- */

/*
 * What was asked for and what the machine is. A run that goes on says only what it had not said when it
 * died.
 */
void start_put(struct run *run);
/* That a run goes on, or is only undone, and by which process. */
void start_put_resume(struct run *run, bool restore_only);

/* --- setup.c ------------------------------------------------------------------------------------- */

/* Does the run set up a soft RDMA device for the scenarios that need one? */
bool setup_has_soft_rdma(const struct run_options *o);
/* Evaluates what scenarios need, and makes the changes that those depend on which can start. */
void setup(struct run *run);

/* --- stage.c ------------------------------------------------------------------------------------- */

/* Runs an item of the plan in the round run->round; or says, in the first, why it cannot start. */
void stage(struct run *run, const struct plan_item *item);

#endif
