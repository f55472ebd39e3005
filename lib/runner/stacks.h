/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a process hangs, as /proc tells it: for a scenario that did not end in time, above all one
 * that sleeps in the kernel and that no signal ends.
 */
#ifndef P2PCERT_RUNNER_STACKS_H
#define P2PCERT_RUNNER_STACKS_H

#include <sys/types.h>

#include "base/attr.h"

/* proc is "/proc", or that of a test. */

/*
 * Name, state, wait channel, system call and kernel stack of every thread, as text for a file, of
 * bounded size; what could not be read is said. NULL if there is no such process. The caller frees
 * it.
 */
char *stacks_of_process(const char *proc, pid_t pid) attr_must_check;

/*
 * One line on the thread that matters most, one that no signal reaches before others: "D in
 * p2pcert_fault_stuck". NULL if there is no such process. The caller frees it.
 */
char *stack_top(const char *proc, pid_t pid) attr_must_check;

#endif
