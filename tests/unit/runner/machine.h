/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine for the runner's tests, made of a directory: a kernel log that is a socket, a taint file,
 * changes that only leave a trace, and scenarios that misbehave.
 */
#ifndef P2PCERT_TEST_RUNNER_MACHINE_H
#define P2PCERT_TEST_RUNNER_MACHINE_H

#include <jansson.h>

#include "../test.h"
#include "runner/run.h"

struct machine {
	char *dir;
	char *results;
	struct platform *platform;
	struct kmsg_patterns *patterns;
	struct profile profile;
	struct run_options options;
};

/* cmocka setup and teardown: *state is a struct machine. */
int machine_setup(void **state);
int machine_teardown(void **state);

#define test_on_machine(f) cmocka_unit_test_setup_teardown(f, machine_setup, machine_teardown)

/*
 * Runs the scenarios named, up to NULL, in this process; the status is run_execute()'s. Results are in
 * m->results.
 */
int machine_run(struct machine *m, const char *id, ...);
/* The same in a process of its own, whose exit status is run_execute()'s. */
pid_t machine_start(struct machine *m, const char *id, ...);

/* `p2pcert resume` of the last run's results: goes on, or only undoes; run_resume()'s status. */
int machine_go_on(struct machine *m, bool restore_only);

/* Writes a record to the kernel log as the kernel (prefix 0-7) or user space (8 and above) does. */
void machine_log(const char *dir, unsigned int prefix, const char *text);
/* As above, with records lost before it. */
void machine_log_after_gap(const char *dir, unsigned int prefix, const char *text);

/*
 * dir/name: writes, appends, reads (NULL if there is none), removes, waits for a scenario to make it.
 */
void machine_write(const char *dir, const char *name, const char *text);
void machine_append(const char *dir, const char *name, const char *text);
char *machine_read(const char *dir, const char *name);
void machine_remove(const char *dir, const char *name);
void machine_wait_for(const char *dir, const char *name);

/* The journal of the last run. */
json_t *machine_journal(const struct machine *m);
/* The first record of the event, of the scenario unless that is NULL; NULL if there is none. */
const json_t *journal_find(const json_t *journal, const char *event, const char *scenario);
size_t journal_count(const json_t *journal, const char *event, const char *scenario);

/* The scenarios: misbehave.c. */
extern const struct scenario *const misbehaving[];
extern const size_t misbehaving_len;

#endif
