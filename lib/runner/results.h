/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The results directory: made fresh for each run, a folder in it for each scenario. */
#ifndef P2PCERT_RUNNER_RESULTS_H
#define P2PCERT_RUNNER_RESULTS_H

#include "base/attr.h"

#define RESULTS_OUTPUT "output.txt" /* what the scenario printed */
#define RESULTS_KERNEL_LOG "kernel.log" /* what the kernel logged meanwhile */
#define RESULTS_STACKS "stacks.txt" /* where it was when a deadline had passed */
#define RESULTS_PLATFORM "platform.json"

/* "p2pcert-results-20260102T030405Z"; the caller frees it. */
char *results_default_name(void) attr_must_check;

/*
 * Makes the directory, only for its owner; one that is there must be empty. A descriptor or a negative
 * errno; *why is then the text for the user, which the caller frees.
 */
int results_create(const char *path, char **why) attr_must_check;

/* "003-odp.write": the folder of the index-th scenario, from 1; the caller frees it. */
char *results_folder_name(unsigned int index, const char *id) attr_must_check;
/* Makes the folder. A descriptor or a negative errno. */
int results_folder_create(int dirfd, const char *name) attr_must_check;
/*
 * Removes what a process that died has left and no journal knows: temporaries, and folders of scenarios
 * with a number above the last one that was started.
 */
void results_sweep(int dirfd, unsigned int last);
/* Creates a file to write in it. A descriptor or a negative errno. */
int results_file_create(int folder, const char *name) attr_must_check;

#endif
