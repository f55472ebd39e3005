/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command lines that do again what a run did. They name the scenarios rather than the profile: a
 * profile may be a file that is elsewhere, or another one, by the time somebody asks.
 */
#include "report/replay.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/jx.h"
#include "report/shape.h"

static void append_option(json_t *argv, const char *option, const char *value)
{
	if (!value)
		return;
	jx_append_str(argv, option);
	jx_append_str(argv, value);
}

static void append_flag(json_t *argv, const char *option, const json_t *options, const char *key)
{
	if (jx_get_bool(options, key, false))
		jx_append_str(argv, option);
}

static void append_each(json_t *argv, const char *option, const json_t *values)
{
	const json_t *value;
	size_t i;

	json_array_foreach (values, i, value)
		append_option(argv, option, json_string_value(value));
}

/* A time of whole seconds, as it was asked for. */
static void append_seconds(json_t *argv, const char *option, const json_t *options, const char *key)
{
	autofree char *text = xasprintf("%" PRId64, jx_get_int(options, key, 0) / NS_PER_S);

	append_option(argv, option, json_object_get(options, key) ? text : NULL);
}

/*
 * The soft RDMA device that the scenarios used: the one that was asked for, or the first of the
 * profile's. It is made anew, on the same network device; its name does not matter.
 */
static const char *soft_rdma_netdev(const json_t *profile, const char *rdma_device)
{
	const json_t *soft;
	size_t i;

	json_array_foreach (json_object_get(profile, "soft_rdma"), i, soft)
		if (!rdma_device || strcmp(jx_get_str(soft, "name"), rdma_device) == 0)
			return jx_get_str(soft, "netdev");
	return NULL;
}

static void append_rdma(json_t *argv, const struct run *run, const json_t *options)
{
	const char *device = jx_get_str(options, "rdma_device");
	const char *netdev = soft_rdma_netdev(json_object_get(run->start, "profile"), device);

	append_option(argv, "--soft-rdma", netdev);
	append_option(argv, "--rdma-device", netdev ? NULL : device);
}

/* What every round was run with. */
static json_t *begin(const struct run *run, const char *seed)
{
	const json_t *options = json_object_get(run->start, "options");
	json_t *argv = jx_array();

	jx_append_str(argv, "p2pcert");
	jx_append_str(argv, "run");
	append_option(argv, "--seed", seed);
	append_option(argv, "--level", jx_get_str(options, "level"));
	append_each(argv, "--inject", json_object_get(run->start, "inject"));
	append_each(argv, "--workaround", json_object_get(run->start, "workarounds"));
	append_option(argv, "--module-dir", jx_get_str(options, "module_dir"));
	append_rdma(argv, run, options);
	append_flag(argv, "--allow-unsafe", options, "allow_unsafe");
	append_each(argv, "--device", json_object_get(options, "devices"));
	return argv;
}

json_t *replay_of_attempt(const struct run *run, const char *id, const struct run_attempt *attempt)
{
	json_t *argv;

	if (!attempt->started ||
	    (attempt->outcome != OUTCOME_FAIL && attempt->outcome != OUTCOME_ERROR))
		return jx_array();
	argv = begin(run, attempt->seed);
	jx_append_str(argv, id);
	return argv;
}

static void append_rounds(json_t *argv, const json_t *options)
{
	autofree char *repeat = xasprintf("%" PRId64, jx_get_int(options, "repeat", 1));
	bool timed = json_object_get(options, "duration_ns");

	append_option(argv, "--repeat", timed ? NULL : repeat);
	append_seconds(argv, "--duration", options, "duration_ns");
	append_flag(argv, "--until-fail", options, "until_fail");
	append_flag(argv, "--shuffle", options, "shuffle");
	append_seconds(argv, "--timeout", options, "budget_ns");
}

json_t *replay_of_run(const struct run *run)
{
	const json_t *options = json_object_get(run->start, "options");
	json_t *argv;

	if (!run_has_rounds(run) && !jx_get_bool(options, "shuffle", false))
		return jx_array();
	argv = begin(run, jx_get_str(run->start, "seed"));
	append_rounds(argv, options);
	for (size_t i = 0; i < run->nr_results; i++)
		jx_append_str(argv, run->results[i].id);
	return argv;
}

/* --- as a line -------------------------------------------------------------------------------- */

static bool is_plain(const char *s)
{
	static const char harmless[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"%+,-./:=@_";

	return *s && s[strspn(s, harmless)] == '\0';
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

/* Within '...' all is itself but the quote. */
static void quote_printable(char *to, const char *s)
{
	*to++ = '\'';
	for (; *s; s++) {
		if (*s == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *s;
	}
	*to = '\'';
}

/* Within $'...' all can be written as octal numbers. */
static void quote_any(char *to, const char *s)
{
	to = stpcpy(to, "$'");
	for (; *s; s++) {
		if (*s < ' ' || *s > '~' || *s == '\'' || *s == '\\')
			to += sprintf(to, "\\%03o", (unsigned char)*s);
		else
			*to++ = *s;
	}
	*to = '\'';
}

#define QUOTED_MAX 4 /* bytes for one */

static char *quote(const char *s)
{
	char *quoted = xcalloc(QUOTED_MAX * strlen(s) + sizeof("$''"), 1);

	if (is_plain(s))
		strcpy(quoted, s);
	else if (is_printable(s))
		quote_printable(quoted, s);
	else
		quote_any(quoted, s);
	return quoted;
}

char *replay_line(const json_t *argv)
{
	autojson json_t *quoted = jx_array();
	const json_t *arg;
	size_t i;

	json_array_foreach (argv, i, arg) {
		autofree char *text = quote(json_string_value(arg));

		jx_append_str(quoted, text);
	}
	return strings_join(quoted, " ");
}
