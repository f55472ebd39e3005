/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command is one const record and one file: it parses its arguments, calls the library, prints.
 * Adding one: write cmd_x.c with `const struct command command_x`, add a line to command_list.def,
 * write man/p2pcert-x.1.
 */
#ifndef P2PCERT_CMD_H
#define P2PCERT_CMD_H

#include <getopt.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/exit.h"
#include "base/log.h"

struct command {
	const char *name;
	const char *summary; /* one line for `p2pcert --help` */
	const char *usage; /* what stands behind "Usage: p2pcert ", then the options; for --help */
	int (*run)(int argc,
		   char **argv); /* argv[0] is the command's name; returns the exit status */
};

extern const struct command *const command_registry[];
extern const size_t command_registry_len;

/* For every command's option table and switch: --help and --version. */
#define CMD_OPTIONS \
	{ "help", no_argument, NULL, 'h' }, \
	{ \
		"version", no_argument, NULL, 'V' \
	}
/*
 * -h, -V and the '?' and ':' of getopt (opterr is 0, optstring starts with ':'): prints usage or
 * version to standard output and returns 0, or a message and EXIT_USAGE.
 */
int cmd_common_option(const struct command *c, int opt, char **argv) attr_must_check;

/* "unexpected argument 'x'", with the hint to --help; EXIT_USAGE. */
int cmd_usage_error(const struct command *c, const char *fmt, ...) attr_printf(2, 3);

/* "p2pcert 1.2.3" on standard output; returns the exit status. */
int cmd_print_version(void) attr_must_check;

/* Flushes standard output; a full disk or closed pipe is a message and EXIT_ENVIRONMENT. */
int cmd_finish_stdout(int status) attr_must_check;

/*
 * The status for a negative errno of reading what the user named: what is wrong with that is the
 * user's, the rest is the machine's.
 */
int cmd_status_of(int err);

/* --color=auto|never|always; auto asks NO_COLOR, TERM and the terminal. */
enum color_when { COLOR_AUTO, COLOR_NEVER, COLOR_ALWAYS };
int color_parse(const char *s, enum color_when *when) attr_must_check;
bool color_wanted(enum color_when when, int fd);

#endif
