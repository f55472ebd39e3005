/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `run` and `resume` have in common: options, the machine with its kernel log, progress, and the
 * report at the end. Functions that return a status give 0, or the exit status after a message.
 */
#ifndef P2PCERT_RUNNING_H
#define P2PCERT_RUNNING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "cmd.h"
#include "progress.h"
#include "runner/run.h"

struct running {
	struct run_options options;
	/* as given on the command line */
	int64_t budget_ns; /* 0: none */
	enum color_when color;
	bool quiet;
	/* what options points to */
	char **command_line;
	char *cgroup_root;
	struct platform *platform;
	struct features *features;
	struct kmsg_patterns *patterns;
	struct progress_view *view;
};

/* Of this machine, of which nothing has been read yet; argv as the command got it. */
void running_init(struct running *r, int argc, char **argv);
void running_release(struct running *r);
#define autorunning __attribute__((cleanup(running_release)))

enum { RUNNING_TIMEOUT = 512, RUNNING_COLOR };
/* For a command's table of options; and "q" for its short ones. */
#define RUNNING_OPTIONS \
	{ "timeout", required_argument, NULL, RUNNING_TIMEOUT }, \
		{ "color", required_argument, NULL, RUNNING_COLOR }, \
		{ "quiet", no_argument, NULL, 'q' }, CMD_OPTIONS
/* Takes one of these. -1 to go on, or the exit status. */
int running_option(struct running *r, const struct command *c, int opt,
		   char **argv) attr_must_check;
/* The argument of the option called name: a time in seconds, from 1 to a year. A status. */
int running_seconds(const struct command *c, const char *name, const char *text,
		    int64_t *ns) attr_must_check;

/* Refuses to go on without root. A status. */
int running_check_root(void) attr_must_check;
/* Reads the machine, with its features, for a run. A status. */
int running_read_machine(struct running *r) attr_must_check;
/*
 * Opens the kernel log, without access to which a run goes on and nothing can pass, and listens to the
 * kernel's events. A status.
 */
int running_open_log(struct running *r) attr_must_check;
/* From now on progress is shown. past: what the run goes on with, or NULL. */
void running_show_progress(struct running *r, const struct past *past);
/* The progress line is gone, and what comes is printed. */
void running_end_progress(struct running *r);

/* Makes the report of the results directory and publishes it there. A status. */
int running_publish(const char *dir, int dirfd, json_t **report) attr_must_check;
/* Prints the report, unless --quiet. The exit status that it states, or of a failure to print. */
int running_conclude(const struct running *r, const char *dir,
		     const json_t *report) attr_must_check;

#endif
