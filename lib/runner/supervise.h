/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running one scenario in a child process, watched: its own session, limited resources, two
 * deadlines; what it says checked, what it prints kept, what it leaves behind killed. What the
 * kernel said meanwhile, and what outcome stands, is for run.c.
 */
#ifndef P2PCERT_RUNNER_SUPERVISE_H
#define P2PCERT_RUNNER_SUPERVISE_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "runner/channel.h"
#include "scenario/scenario.h"

#define OUTPUT_MAX (1u << 20) /* bytes of a scenario's stdout and stderr that are kept */

struct supervise_job {
	const struct scenario *scenario;
	const struct scenario_env *env;
	int output_fd; /* what the child prints is written here */
	const char *cgroup; /* path of the control group to put it in; NULL: none */
	int64_t soft_ns; /* then SIGTERM */
	int64_t grace_ns; /* after that SIGKILL; and after as long again the child counts as stuck */
	int64_t budget_end_ns; /* of the whole run, on the monotonic clock; INT64_MAX: none */
	int signal_fd; /* signalfd of SIGCHLD and of the signals that end the run, all blocked */
	const sigset_t *child_mask; /* the child's signal mask */
	int log_fd; /* the kernel log, to poll; -1: none */

	channel_sink *record; /* a record for the journal; an error ends the run */
	int (*drain_log)(
		void *arg); /* there is something to read at log_fd; an error stops asking */
	/*
	 * The child asks for a change to the machine; args is stolen. 0, with what the change made known
	 * in *facts, or a negative errno with a text for it in *why; the caller frees both.
	 */
	int (*change)(void *arg, const char *kind, json_t *args, json_t **facts, char **why);
	/* It asks to have the last one taken back. As above. */
	int (*undo)(void *arg, char **why);
	/* A deadline has passed: "soft deadline", "hard deadline", "stuck". */
	void (*late)(void *arg, pid_t child, const char *when);
	void (*tick)(void *arg, int64_t elapsed_ns); /* about once a second */
	void *arg;
};

enum deadline_passed { DEADLINE_NONE, DEADLINE_SOFT, DEADLINE_HARD };

struct supervise_result {
	/* what the child claims, or OUTCOME_ERROR and kind if it may claim nothing */
	enum outcome claimed;
	enum error_kind kind;
	enum evidence_state states[NR_EVIDENCE_KINDS];
	char *why; /* NULL: none was said */

	bool started;
	int wait_status; /* of waitpid(), if started and not stuck */
	bool stuck; /* SIGKILL did not end it: it hangs in the kernel */
	enum deadline_passed deadline;
	int64_t duration_ns;

	int signal; /* that ends the run; 0: none */
	bool budget_used_up;
	int err; /* negative errno of record() or of output_fd: the results cannot be kept */
};

/*
 * Runs it to its end. The process must be a child subreaper (PR_SET_CHILD_SUBREAPER) without other
 * children: when the child is gone all its descendants are killed.
 */
void supervise(const struct supervise_job *job, struct supervise_result *result);
void supervise_release(struct supervise_result *result);

#endif
