/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/text.c: sanitising and numbers. */
#include "base/text.h"

#include "../test.h"

static void sanitize_cases(attr_unused void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} cases[] = {
		{ "plain", 5, "plain" },
		{ "", 0, "" },
		{ "tab\tnl\n", 7, "tab\tnl\n" },
		{ "\x1b[31m", 5, "\\x1b[31m" },
		{ "nul\0in", 6, "nul\\x00in" },
		{ "\x7f", 1, "\\x7f" },
		{ "\xc2\x9b", 2, "\\x9b" }, /* C1: control sequence introducer */
		{ "\xc2\xa0", 2, "\xc2\xa0" },
		{ "\xc3\xa9", 2, "\xc3\xa9" },
		{ "\xe2\x82\xac", 3, "\xe2\x82\xac" },
		{ "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80" },
		{ "\xff", 1, "\xef\xbf\xbd" },
		{ "\xc3", 1, "\xef\xbf\xbd" }, /* cut in the middle */
		{ "\xc0\x80", 2, "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong */
		{ "\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ "\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *out = text_sanitize(cases[i].in, cases[i].len);

		assert_string_equal(out, cases[i].out);
	}
}

/* Every pair of bytes gives something that a second pass leaves alone. */
static void sanitize_is_idempotent(attr_unused void **state)
{
	for (unsigned int i = 0; i < 0x10000; i++) {
		char in[2] = { (char)(i >> 8), (char)i };
		autofree char *once = text_sanitize(in, 2);
		autofree char *twice = text_sanitize(once, strlen(once));

		assert_string_equal(once, twice);
	}
}

static void numbers(attr_unused void **state)
{
	static const struct {
		const char *s;
		int base;
		uint64_t max;
		int r;
		uint64_t value;
	} cases[] = {
		{ "0", 10, 10, 0, 0 },
		{ "10", 10, 10, 0, 10 },
		{ "11", 10, 10, -ERANGE, 0 },
		{ "0x1f", 0, 100, 0, 31 },
		{ "ff", 16, 255, 0, 255 },
		{ "18446744073709551615", 10, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 10, UINT64_MAX, -ERANGE, 0 },
		{ "", 10, 10, -EINVAL, 0 },
		{ " 1", 10, 10, -EINVAL, 0 },
		{ "-1", 10, 10, -EINVAL, 0 },
		{ "+1", 10, 10, -EINVAL, 0 },
		{ "1 ", 10, 10, -EINVAL, 0 },
		{ "1x", 10, 10, -EINVAL, 0 },
		{ "x", 10, 10, -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = 0;

		assert_int_equal(text_to_u64(cases[i].s, cases[i].base, cases[i].max, &v),
				 cases[i].r);
		assert_int_equal(v, cases[i].value);
	}
}

static void trimming(attr_unused void **state)
{
	char a[] = "  x y \n", b[] = " \t", c[] = "";

	assert_string_equal(text_trim(a), "x y");
	assert_string_equal(text_trim(b), "");
	assert_string_equal(text_trim(c), "");
	assert_true(text_starts_with("abc", "ab"));
	assert_true(text_starts_with("abc", ""));
	assert_false(text_starts_with("a", "ab"));
	assert_true(text_has_form("2027-03-31", "dddd-dd-dd"));
	assert_false(text_has_form("2027-03-3", "dddd-dd-dd"));
	assert_false(text_has_form("2027-03-311", "dddd-dd-dd"));
	assert_false(text_has_form("2027/03/31", "dddd-dd-dd"));
	assert_false(text_has_form("d027-03-31", "dddd-dd-dd"));
	assert_false(text_has_form(NULL, "dddd-dd-dd"));
}

static void hashing(attr_unused void **state)
{
	/* the published FNV-1a test values */
	assert_true(text_hash("", 0) == 0xcbf29ce484222325u);
	assert_true(text_hash("a", 1) == 0xaf63dc4c8601ec8cu);
	assert_true(text_hash("foobar", 6) == 0x85944171f73967e8u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sanitize_cases), cmocka_unit_test(sanitize_is_idempotent),
		cmocka_unit_test(numbers),        cmocka_unit_test(trimming),
		cmocka_unit_test(hashing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
