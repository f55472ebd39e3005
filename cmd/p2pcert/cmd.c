/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every command does in the same way: help, version, usage errors, output, colour. */
#include "cmd.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/version.h"

int cmd_finish_stdout(int status)
{
	if (fflush(stdout) == EOF || ferror(stdout)) {
		log_error("cannot write standard output: %s", strerror(errno ? errno : EIO));
		return EXIT_ENVIRONMENT;
	}
	return status;
}

int cmd_print_version(void)
{
	printf("p2pcert %s (%s)\n", p2pcert_version(), p2pcert_commit());
	return cmd_finish_stdout(EXIT_VERDICT_PASS);
}

int cmd_usage_error(const struct command *c, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	log_error("%s; try 'p2pcert %s --help'", text, c->name);
	return EXIT_USAGE;
}

int cmd_common_option(const struct command *c, int opt, char **argv)
{
	switch (opt) {
	case 'h':
		printf("Usage: p2pcert %s", c->usage);
		return cmd_finish_stdout(EXIT_VERDICT_PASS);
	case 'V':
		return cmd_print_version();
	case ':':
		return cmd_usage_error(c, "option '%s' needs a value", argv[optind - 1]);
	default:
		/* getopt leaves optind on the argument of a bad short option inside a cluster */
		if (optopt && optopt < 128)
			return cmd_usage_error(c, "unknown option '-%c'", optopt);
		return cmd_usage_error(c, "unknown or ambiguous option '%s'", argv[optind - 1]);
	}
}

int cmd_status_of(int err)
{
	switch (-err) {
	case EINVAL:
	case EFBIG:
	case ENOENT:
	case ENOTDIR:
		return EXIT_USAGE;
	default:
		return EXIT_ENVIRONMENT;
	}
}

int color_parse(const char *s, enum color_when *when)
{
	static const char *const names[] = { "auto", "never", "always" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(s, names[i]) == 0) {
			*when = (enum color_when)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool color_wanted(enum color_when when, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	if (no_color && *no_color)
		return false;
	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}
