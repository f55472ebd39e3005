/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running a program of the system, without a shell and not for longer than it may take. */
#ifndef P2PCERT_BASE_TOOL_H
#define P2PCERT_BASE_TOOL_H

#include <stdint.h>

#include "base/attr.h"

/* The path of a program, from PATH and the system's own directories, or NULL; the caller frees it. */
char *tool_path(const char *name) attr_must_check;

/*
 * Runs argv[0] (looked up by tool_path()) and waits for its end; NULL-terminated. 0 if it
 * exited with status 0, else a negative errno with *why, from its own messages, which the caller
 * frees.
 */
int tool_run(const char *const argv[], int64_t timeout_ns, char **why) attr_must_check;

#endif
