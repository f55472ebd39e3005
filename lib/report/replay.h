/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How to do it again: the command lines that repeat one attempt of a scenario alone, or a run of
 * many rounds as a whole, made from what the run was asked for. Private to lib/report.
 */
#ifndef P2PCERT_REPORT_REPLAY_H
#define P2PCERT_REPORT_REPLAY_H

#include <jansson.h>

#include "base/attr.h"
#include "report/gather.h"

/* New arrays of strings, empty if there is nothing to do again. */
json_t *replay_of_attempt(const struct run *run, const char *id,
			  const struct run_attempt *attempt) attr_must_check;
json_t *replay_of_run(const struct run *run) attr_must_check;

/*
 * An argument vector as a line for a shell, of printable ASCII only, whatever is in it. The caller
 * frees it.
 */
char *replay_line(const json_t *argv) attr_must_check;

#endif
