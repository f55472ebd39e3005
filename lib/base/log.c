/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages to the user on standard error; the log level is the only state. */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static enum log_level current_level = LOG_LEVEL_WARN;

void log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level log_get_level(void)
{
	return current_level;
}

/*
 * One write per message, so that lines of several processes on one terminal do not mix. errno is
 * kept: callers log between failing and returning.
 */
static attr_printf(2, 0) void message(const char *prefix, const char *fmt, va_list ap)
{
	int saved = errno;
	autofree char *raw = NULL;
	autofree char *clean = NULL;

	if (vasprintf(&raw, fmt, ap) < 0) {
		raw = NULL;
		fputs("p2pcert: out of memory\n", stderr);
	} else {
		clean = text_sanitize(raw, strlen(raw));
		/* a newline in a subject must not look like a message of its own */
		for (char *p = strchr(clean, '\n'); p; p = strchr(p, '\n'))
			*p = ' ';
		fprintf(stderr, "p2pcert: %s%s\n", prefix, clean);
	}
	errno = saved;
}

#define DEFINE_LOG(name, level, prefix) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
\
		if (current_level < (level)) \
			return; \
		va_start(ap, fmt); \
		message(prefix, fmt, ap); \
		va_end(ap); \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR, "")
DEFINE_LOG(log_warn, LOG_LEVEL_WARN, "warning: ")
DEFINE_LOG(log_info, LOG_LEVEL_INFO, "")
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG, "debug: ")

void die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message("", fmt, ap);
	va_end(ap);
	exit(status);
}

void bug_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "p2pcert: BUG at %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}
