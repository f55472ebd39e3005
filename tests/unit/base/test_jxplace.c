/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/jxplace.c */
#include "../test.h"

#include "base/jxplace.h"

static const char text[] = "{\n"
			   "  \"a\": [1, \"x,]\\\"\", {\"k\": {}}],\n"
			   "\t\"b\" : [ ],\n"
			   "  \"c\\u0064\": {\"deep\": [[], [true, null]]}\n"
			   "}\n";

static void assert_at(size_t line, size_t column, const struct jx_step *steps, size_t nr)
{
	struct jx_place place = jx_find_place(text, steps, nr);

	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

#define AT(line, column, ...) \
	assert_at(line, column, (const struct jx_step[]){ __VA_ARGS__ }, \
		  ARRAY_LEN(((const struct jx_step[]){ __VA_ARGS__ })))
#define KEY(k) \
	{ \
		.key = (k) \
	}
#define NTH(i) \
	{ \
		.index = (i) \
	}

static void places(void **state attr_unused)
{
	assert_at(1, 1, NULL, 0);
	AT(2, 8, KEY("a"));
	AT(2, 9, KEY("a"), NTH(0));
	AT(2, 12, KEY("a"), NTH(1));
	AT(2, 27, KEY("a"), NTH(2), KEY("k"));
	AT(3, 8, KEY("b"));
	AT(4, 14, KEY("cd"));
	AT(4, 35, KEY("cd"), KEY("deep"), NTH(1), NTH(1));
}

/* Where the steps lead nowhere, it is as far as they lead. */
static void nowhere(void **state attr_unused)
{
	AT(1, 1, KEY("z"));
	AT(2, 8, KEY("a"), NTH(3));
	AT(2, 9, KEY("a"), NTH(0), KEY("k"));
	AT(3, 8, KEY("b"), NTH(0));
	AT(2, 8, KEY("a"), KEY("a"));
}

/* Not JSON: an end is found all the same. */
static void torn(void **state attr_unused)
{
	static const char *const texts[] = { "",        "{",   "[",      "{\"a", "{\"a\"",
					     "{\"a\":", "[1,", "{\"a\\", "[}",   "{]" };
	const struct jx_step steps[] = { KEY("a"), NTH(1) };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(jx_find_place(texts[i], steps, 2).line, 1);
		assert_int_equal(jx_find_place(texts[i], steps + 1, 1).line, 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(nowhere),
		cmocka_unit_test(torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
