/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages to the user, on standard error, one line each, "p2pcert: " in front. Text is lower case,
 * quotes its subject in '...', has no full stop and says what to do where that is known. Control
 * characters in it are shown escaped, so that a hostile name cannot drive a terminal.
 */
#ifndef P2PCERT_BASE_LOG_H
#define P2PCERT_BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages above this level are dropped; LOG_LEVEL_WARN at start. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_error(const char *fmt, ...) attr_printf(1, 2);
void log_warn(const char *fmt, ...) attr_printf(1, 2);
void log_info(const char *fmt, ...) attr_printf(1, 2);
void log_debug(const char *fmt, ...) attr_printf(1, 2);

/* Prints the message and ends the process with status. */
void die(int status, const char *fmt, ...) attr_printf(2, 3) attr_noreturn;

/* The impossible happened: says where, aborts (a core dump is wanted). */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
void bug_at(const char *file, int line, const char *fmt, ...) attr_printf(3, 4) attr_noreturn;

#endif
