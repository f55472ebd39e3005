/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/kmsg.c: records as the kernel writes them, markers, lost records, and every pattern of
 * kmsg.json held against lines that it must and must not take (tests/data/runner/kmsg_lines.json).
 */
#include "base/clock.h"
#include "runner/kmsg.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"

static struct kmsg_patterns *load(void)
{
	autofree char *path = xasprintf("%s/../../configs/kmsg.json", getenv("P2PCERT_TEST_DATA"));
	struct kmsg_patterns *patterns;
	autofree char *why = NULL;

	if (kmsg_patterns_load(path, &patterns, &why) < 0)
		fail_msg("%s", why);
	return patterns;
}

static const char *class_of(const struct kmsg_patterns *patterns, const char *text,
			    unsigned int level)
{
	const struct kmsg_record record = { .level = level, .text = text };
	const struct kmsg_pattern *p = kmsg_classify(patterns, &record);

	return p ? kmsg_pattern_code(p) : "none";
}

static json_t *load_json(const char *name)
{
	autofree char *path = xasprintf("%s/%s", getenv("P2PCERT_TEST_DATA"), name);
	autofree char *why = NULL;
	json_t *doc;

	if (jx_load(path, 1 << 20, &doc, &why) < 0)
		fail_msg("%s", why);
	return doc;
}

#define LEVEL_LAST 6u

/* At every level up to its own: no other pattern may take it first. */
static void must_be(const struct kmsg_patterns *patterns, const char *line, const char *code,
		    unsigned int level)
{
	const struct kmsg_record by_user = { .facility = 1, .text = line };

	for (unsigned int l = 0; l <= level; l++) {
		const char *got = class_of(patterns, line, l);

		if (strcmp(got, code) != 0)
			fail_msg("'%s' at level %u is %s, not %s", line, l, got, code);
	}
	if (level < LEVEL_LAST && strcmp(class_of(patterns, line, level + 1), code) == 0)
		fail_msg("'%s' is %s also at level %u", line, code, level + 1);
	/* what user space writes is never taken for the kernel's */
	assert_null(kmsg_classify(patterns, &by_user));
}

static void pattern_lines(void **state attr_unused)
{
	struct kmsg_patterns *patterns = load();
	autojson json_t *cases = load_json("runner/kmsg_lines.json");
	const json_t *lines, *line;
	const char *code;
	size_t i;

	json_object_foreach (cases, code, lines) {
		unsigned int level = (unsigned int)jx_get_int(lines, "level", LEVEL_LAST);

		json_array_foreach (json_object_get(lines, "match"), i, line)
			must_be(patterns, json_string_value(line), code, level);
		json_array_foreach (json_object_get(lines, "near"), i, line)
			if (strcmp(class_of(patterns, json_string_value(line), level), code) == 0)
				fail_msg("'%s' is %s", json_string_value(line), code);
	}
	kmsg_patterns_free(patterns);
}

static bool has_text(const json_t *pattern, const char *key)
{
	const char *text = jx_get_str(pattern, key);

	return text && *text;
}

/* Every pattern is complete, has a code of its own, and lines to be held against. */
static void pattern_file(void **state attr_unused)
{
	autojson json_t *shipped = load_json("../../configs/kmsg.json");
	autojson json_t *cases = load_json("runner/kmsg_lines.json");
	const json_t *pattern;
	size_t i;

	assert_true(json_array_size(json_object_get(shipped, "patterns")) > 0);
	json_array_foreach (json_object_get(shipped, "patterns"), i, pattern) {
		const char *code = jx_get_str(pattern, "code");
		json_t *lines = json_object_get(cases, code);

		if (json_array_size(json_object_get(lines, "match")) < 2 ||
		    json_array_size(json_object_get(lines, "near")) < 1)
			fail_msg("%s has no two lines to match and one to miss", code);
		if (!has_text(pattern, "advice") || !has_text(pattern, "reference"))
			fail_msg("%s says nothing of what to do or where to read", code);
		if (jx_get_int(pattern, "max_level", -1) != jx_get_int(lines, "level", -1))
			fail_msg("the lines of %s are not of its level", code);
		assert_int_equal(json_object_del(cases, code), 0); /* so that a second one fails */
	}
	json_object_del(cases, "none");
	if (json_object_size(cases) > 0)
		fail_msg("lines of a class that there is not: %s",
			 json_object_iter_key(json_object_iter(cases)));
}

static void bad_pattern_files(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{}", "'schema'" },
		{ "{\"schema\":\"p2pcert.kmsg/1\",\"patterns\":[{}]}", "pattern 0: lacks 'code'" },
		{ "{\"schema\":\"p2pcert.kmsg/"
		  "1\",\"patterns\":[{\"code\":\"A\",\"severity\":\"ugly\","
		  "\"match\":\"a\",\"advice\":\"\",\"reference\":\"\"}]}",
		  "'A' has no severity" },
		{ "{\"schema\":\"p2pcert.kmsg/"
		  "1\",\"patterns\":[{\"code\":\"A\",\"severity\":\"bad\","
		  "\"match\":\"(\",\"advice\":\"\",\"reference\":\"\"}]}",
		  "pattern 0: 'A': '('" },
		{ "{\"schema\":\"p2pcert.kmsg/"
		  "1\",\"patterns\":[{\"code\":\"A\",\"severity\":\"bad\","
		  "\"match\":\"a\",\"max_level\":8,\"advice\":\"\",\"reference\":\"\"}]}",
		  "'max_level'" },
		{ "nothing", "line 1" },
	};
	autofree char *path = xasprintf("%s/kmsg.json", (char *)*state);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct kmsg_patterns *patterns;
		autofree char *why = NULL;

		assert_int_equal(
			fs_publish(AT_FDCWD, path, cases[i].text, strlen(cases[i].text), 0600), 0);
		assert_int_equal(kmsg_patterns_load(path, &patterns, &why), -EINVAL);
		if (!strstr(why, cases[i].why))
			fail_msg("'%s' does not say '%s'", why, cases[i].why);
	}
}

static void records(void **state attr_unused)
{
	static const char *const broken[] = {
		"",          "6",         "6,1,2,-",   "6,1,2;text", ";",
		"x,1,2,-;t", "6,x,2,-;t", "6,1,x,-;t", "-6,1,2,-;t",
	};
	char good[] = "14,339,5140900,c,caller=T1;a; b\\x0a\n SUBSYSTEM=pci\n DEVICE=+pci:0\n";
	struct kmsg_record record;

	assert_int_equal(kmsg_parse(good, &record), 0);
	assert_int_equal(record.level, 6);
	assert_int_equal(record.facility, 1);
	assert_int_equal(record.seq, 339);
	assert_int_equal(record.time_us, 5140900);
	assert_string_equal(record.text, "a; b\\x0a");
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		autofree char *text = xstrdup(broken[i]);

		if (kmsg_parse(text, &record) != -EINVAL)
			fail_msg("'%s' is taken for a record", broken[i]);
	}
}

/* --- reading ------------------------------------------------------------------------------------- */

struct log {
	int kernel; /* the end that writes */
	uint64_t seq;
	bool echo; /* does a marker come back? */
	unsigned int seen;
};

static void say(struct log *log, unsigned int prefix, const char *text)
{
	autofree char *record =
		xasprintf("%u,%llu,7,-;%s\n", prefix, (unsigned long long)log->seq++, text);

	assert_int_equal(send(log->kernel, record, strlen(record), 0), strlen(record));
}

static int mark(void *arg, const char *text)
{
	struct log *log = arg;

	say(log, 6, "on the way");
	if (log->echo)
		say(log, 14, text);
	say(log, 6, "after");
	return 0;
}

static void count(void *arg, const struct kmsg_record *record,
		  const struct kmsg_pattern *pattern attr_unused)
{
	struct log *log = arg;

	assert_null(strstr(record->text, "marker"));
	log->seen++;
}

static struct kmsg *open_log(struct log *log, const struct kmsg_patterns *patterns)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	log->kernel = fds[1];
	return kmsg_new(fds[0], mark, log, patterns);
}

static void markers_and_losses(void **state attr_unused)
{
	struct kmsg_patterns *patterns = load();
	struct log log = { .seq = 1000, .echo = true };
	struct kmsg *k = open_log(&log, patterns);

	assert_int_equal(kmsg_drain(k, count, &log), 0);
	assert_int_equal(log.seen, 0);
	say(&log, 6, "before");
	assert_int_equal(kmsg_mark(k, "marker 1", NS_PER_S, count, &log), 0);
	assert_int_equal(log.seen, 2); /* and not "after" */
	assert_int_equal(kmsg_drain(k, count, &log), 0);
	assert_int_equal(log.seen, 3);
	assert_false(kmsg_lost(k));

	log.seq++;
	say(&log, 6, "after a gap");
	assert_int_equal(kmsg_drain(k, count, &log), 0);
	assert_true(kmsg_lost(k));
	assert_false(kmsg_lost(k)); /* said once */

	assert_int_equal(send(log.kernel, "rubbish", 7, 0), 7);
	assert_int_equal(kmsg_drain(k, count, &log), 0);
	assert_true(kmsg_lost(k));

	/* a line of the kernel's that looks like the marker is none */
	log.echo = false;
	assert_int_equal(kmsg_mark(k, "never", 50 * NS_PER_MS, count, &log), -ETIMEDOUT);
	close(log.kernel);
	kmsg_free(k);
	kmsg_patterns_free(patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pattern_lines),      cmocka_unit_test(pattern_file),
		test_in_dir(bad_pattern_files),       cmocka_unit_test(records),
		cmocka_unit_test(markers_and_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
