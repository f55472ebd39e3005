// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/base/hex.c: there and back; and what is not the text of so many bytes. */
#include "../test.h"

#include "base/alloc.h"
#include "base/hex.h"

static void there_and_back(void **state attr_unused)
{
	unsigned char all[256];
	autofree char *text = NULL, *none = hex_text("", 0);
	autofree unsigned char *again = NULL, *empty = hex_bytes("", 0);

	for (unsigned int i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	text = hex_text(all, sizeof(all));
	assert_int_equal(strlen(text), 2 * sizeof(all));
	assert_memory_equal(text, "000102", 6);
	assert_string_equal(text + 2 * sizeof(all) - 4, "feff");
	again = hex_bytes(text, sizeof(all));
	assert_non_null(again);
	assert_memory_equal(again, all, sizeof(all));
	assert_string_equal(none, "");
	assert_non_null(empty);
}

static void refused(void **state attr_unused)
{
	static const char *const texts[] = {
		NULL, "", "01", "012", "012345", "01g3", "0 23", "01AB"
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_null(hex_bytes(texts[i], 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
