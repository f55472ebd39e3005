/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/jx.c: what is built is valid, what is read is checked, what cannot be written is said. */
#include "base/jx.h"

#include <fcntl.h>

#include "base/fs.h"

#include "../test.h"

static void building(attr_unused void **state)
{
	autojson json_t *o = jx_object();
	autofree char *line = NULL;
	json_t *a = jx_array();

	jx_set_str(o, "s",
		   "a\xff"
		   "b");
	jx_set_str(o, "left-out", NULL);
	jx_set_strf(o, "f", "%d of %d", 1, 2);
	jx_set_int(o, "i", -5);
	jx_set_bool(o, "b", true);
	jx_set_hex(o, "h", 0x10de, 4);
	jx_set_hex(o, "big", UINT64_MAX, 4);
	jx_set_hex(o, "none", 0, 1);
	jx_set_hex(o, "wide", 0xa, 16);
	jx_append_str(a, "x");
	jx_append(a, jx_stringf("%s", "y"));
	jx_set(o, "a", a);
	line = jx_line(o);
	assert_string_equal(line, "{\"s\":\"a\xef\xbf\xbd"
				  "b\",\"f\":\"1 of 2\",\"i\":-5,\"b\":true,\"h\":\"0x10de\","
				  "\"big\":\"0xffffffffffffffff\",\"none\":\"0x0\","
				  "\"wide\":\"0x000000000000000a\",\"a\":[\"x\",\"y\"]}");
}

/* Documents of any size, the empty one too: what jansson makes of them by itself. */
static void printing(attr_unused void **state)
{
	static const int sizes[] = { 0, 1, 100, 5000, 50000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		autojson json_t *a = jx_array();
		autofree char *line = NULL, *pretty = NULL, *compact = NULL, *indented = NULL;

		for (int k = 0; k < sizes[i]; k++)
			jx_append_str(a, "some text");
		line = jx_line(a);
		pretty = jx_pretty(a);
		compact = json_dumps(a, JSON_COMPACT);
		indented = json_dumps(a, JSON_INDENT(2));
		assert_string_equal(line, compact);
		assert_int_equal(strlen(pretty), strlen(indented) + 1);
		assert_memory_equal(pretty, indented, strlen(indented));
		assert_string_equal(pretty + strlen(indented), "\n");
	}
}

static void getting(attr_unused void **state)
{
	autojson json_t *o = json_pack("{s:s,s:i,s:b}", "s", "x", "i", 3, "b", 1);

	assert_string_equal(jx_get_str(o, "s"), "x");
	assert_null(jx_get_str(o, "i"));
	assert_null(jx_get_str(o, "absent"));
	assert_int_equal(jx_get_int(o, "i", 9), 3);
	assert_int_equal(jx_get_int(o, "s", 9), 9);
	assert_true(jx_get_bool(o, "b", false));
	assert_true(jx_get_bool(o, "s", true));
	assert_null(jx_get_str(NULL, "s"));
}

static void loading(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *why; /* part of it */
	} cases[] = {
		{ "{\"a\": 1}", 0, NULL },
		{ "{\"a\": 1,\n \"a\": 2}", -EINVAL, "line 2" },
		{ "{", -EINVAL, "line 1" },
		{ "", -EINVAL, "line" },
		{ "{\"a\": 1} x", -EINVAL, "column" },
		{ "[\"a long document, longer than what is allowed\"]", -EFBIG, "larger than" },
	};
	autofree char *path = fs_under(*state, "/f.json");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autojson json_t *doc = NULL;
		autofree char *why = NULL;

		assert_int_equal(
			fs_publish(AT_FDCWD, path, cases[i].text, strlen(cases[i].text), 0600), 0);
		assert_int_equal(jx_load(path, 32, &doc, &why), cases[i].r);
		assert_int_equal(!!doc, cases[i].r == 0);
		if (cases[i].why) {
			assert_non_null(strstr(why, cases[i].why));
			assert_non_null(strstr(why, path));
		}
	}
}

static void printing_to_full_disk(attr_unused void **state)
{
	autojson json_t *o = json_pack("{s:i}", "a", 1);
	autofclose FILE *full = fopen("/dev/full", "w");

	assert_non_null(full);
	assert_int_equal(jx_print(o, full), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(building),
		cmocka_unit_test(printing),
		cmocka_unit_test(getting),
		test_in_dir(loading),
		cmocka_unit_test(printing_to_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
