/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/columns.c */
#include "../test.h"

#include "base/alloc.h"
#include "base/columns.h"

static void assert_wrapped(const char *label, const char *s, size_t width, const char *expected)
{
	autofree char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	columns_print_wrapped(f, 2, label, s, width);
	fclose(f);
	assert_string_equal(text, expected);
}

static void wrapping(void **state attr_unused)
{
	assert_wrapped("a: ", "one two three", 0, "  a: one two three\n");
	assert_wrapped("a: ", "one two three", 12, "  a: one two\n     three\n");
	assert_wrapped("a: ", "one two three", 11, "  a: one\n     two\n     three\n");
	assert_wrapped("", "toolongforthis x", 5, "  toolongforthis\n  x\n");
	assert_wrapped("a: ", NULL, 20, "  a: \n");
	/* an umlaut is one column, a control character is shown */
	assert_wrapped("", "\303\244\303\244 b", 6, "  \303\244\303\244 b\n");
	assert_wrapped("", "a\033b\nc", 0, "  a\\x1bb c\n");
}

static void cutting(void **state attr_unused)
{
	char longer[] = "abcdefgh", umlauts[] = "\303\244\303\244\303\244\303\244x";

	columns_cut(longer, 8);
	assert_string_equal(longer, "abcdefgh");
	columns_cut(longer, 6);
	assert_string_equal(longer, "abc...");
	columns_cut(umlauts, 4);
	assert_string_equal(umlauts, "\303\244...");
	assert_int_equal(columns_of(umlauts), 4);
}

static void no_terminal(void **state attr_unused)
{
	FILE *f = fopen("/dev/null", "we");

	assert_int_equal(columns_of_terminal(f), 0);
	fclose(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrapping),
		cmocka_unit_test(cutting),
		cmocka_unit_test(no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
