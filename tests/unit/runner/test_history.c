/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/runner/history.c: what is remembered, and everything that cannot be. */
#include "base/clock.h"
#include "runner/history.h"

#include <fcntl.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"

static void remembered(void **state)
{
	autofree char *path = xasprintf("%s/new/deep/durations.json", (char *)*state);
	struct history *h = history_load(path);

	assert_int_equal(history_estimate_ns(h, "t.a", 1.0), -1);
	history_note(h, "t.a", 10 * NS_PER_S, 2.0);
	history_note(h, "t.b", 0, 1.0);
	history_note(h, "t.a", 20 * NS_PER_S, 2.0); /* the last one counts */
	assert_int_equal(history_save(h, path), 0);
	history_free(h);

	h = history_load(path);
	assert_int_equal(history_estimate_ns(h, "t.a", 2.0), 20 * NS_PER_S);
	assert_int_equal(history_estimate_ns(h, "t.a", 1.0), 10 * NS_PER_S);
	assert_int_equal(history_estimate_ns(h, "t.b", 50.0), 0);
	assert_int_equal(history_estimate_ns(h, "t.c", 1.0), -1);
	history_free(h);
}

static void not_remembered(void **state)
{
	autofree char *path = xasprintf("%s/durations.json", (char *)*state);
	struct history *h = history_load(path);

	history_note(h, "t.a", -1, 1.0);
	history_note(h, "t.a", INT64_MAX, 1.0);
	history_note(h, "t.a", 1, 0.0);
	history_note(h, "t.a", 1, -1.0);
	history_note(h, "t.a", 1, 1e9);
	assert_int_equal(history_estimate_ns(h, "t.a", 1.0), -1);
	assert_true(history_save(h, "/dev/null/no/durations.json") < 0);
	assert_int_equal(history_save(h, *state), -EISDIR);
	history_free(h);
}

/* A file that somebody else, or a full disk, has left. */
static void strange_files(void **state)
{
#define FILE_OF(durations) "{\"schema\":\"p2pcert.durations/1\",\"durations\":" durations "}"
	static const struct {
		const char *text;
		int64_t ns; /* of t.a */
	} cases[] = {
		{ "", -1 },
		{ "{", -1 },
		{ "[]", -1 },
		{ "null", -1 },
		{ "{\"schema\":1}", -1 },
		{ "{\"schema\":\"p2pcert.durations/2\",\"durations\":{\"t.a\":{\"duration_ns\":1,"
		  "\"factor\":1}}}",
		  -1 },
		{ FILE_OF("[]"), -1 },
		{ FILE_OF("{\"t.a\":5}"), -1 },
		{ FILE_OF("{\"t.a\":{\"duration_ns\":\"5\",\"factor\":1}}"), -1 },
		{ FILE_OF("{\"t.a\":{\"duration_ns\":5}}"), -1 },
		{ FILE_OF("{\"t.a\":{\"duration_ns\":5,\"factor\":0}}"), -1 },
		{ FILE_OF("{\"t.a\":{\"duration_ns\":-5,\"factor\":1}}"), -1 },
		{ FILE_OF("{\"t.a\":{\"duration_ns\":9223372036854775807,\"factor\":1}}"), -1 },
		{ FILE_OF("{\"t.b\":5,\"t.a\":{\"duration_ns\":5,\"factor\":1}}"), 5 },
	};
	autofree char *path = xasprintf("%s/durations.json", (char *)*state);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *text = cases[i].text;
		struct history *h;

		assert_int_equal(fs_publish(AT_FDCWD, path, text, strlen(text), 0600), 0);
		h = history_load(path);
		if (history_estimate_ns(h, "t.a", 1.0) != cases[i].ns)
			fail_msg("%s", text);
		history_free(h);
	}
}

/* However large what was there or is noted, what is saved can be read again. */
static void large(void **state)
{
	autofree char *path = xasprintf("%s/durations.json", (char *)*state);
	autofree char *text = xcalloc(2, 1 << 20);
	struct history *h = NULL;

	memset(text, ' ', 2 << 20);
	assert_int_equal(fs_publish(AT_FDCWD, path, text, 2 << 20, 0600), 0);
	h = history_load(path);
	for (int i = 0; i < 20000; i++) {
		autofree char *id = xasprintf("family.scenario.number.%d", i);

		history_note(h, id, NS_PER_S, 1.5);
	}
	history_note(h, "family.scenario.number.0", 2 * NS_PER_S, 1.0); /* one that is there */
	assert_int_equal(history_save(h, path), 0);
	history_free(h);
	h = history_load(path);
	assert_int_equal(history_estimate_ns(h, "family.scenario.number.0", 1.0), 2 * NS_PER_S);
	assert_int_equal(history_estimate_ns(h, "family.scenario.number.19999", 1.0), -1);
	history_free(h);
}

static void paths(void **state attr_unused)
{
	autofree char *own = NULL;
	autofree char *system = NULL;
	autofree char *empty = NULL;

	assert_int_equal(setenv("P2PCERT_STATE_DIR", "/some/where", 1), 0);
	own = history_path();
	assert_string_equal(own, "/some/where/durations.json");
	assert_int_equal(setenv("P2PCERT_STATE_DIR", "", 1), 0);
	empty = history_path();
	assert_string_equal(empty, "/var/lib/p2pcert/durations.json");
	assert_int_equal(unsetenv("P2PCERT_STATE_DIR"), 0);
	system = history_path();
	assert_string_equal(system, empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(remembered), test_in_dir(not_remembered), test_in_dir(strange_files),
		test_in_dir(large),      cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
