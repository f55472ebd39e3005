/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Argument vectors as lines for a shell; that a shell reads them so is shown by tests/cli/report.sh. */
#include "report/replay.h"

#include "../test.h"

static void quoting(attr_unused void **state)
{
	static const struct {
		const char *arg, *quoted;
	} table[] = {
		{ "p2pcert", "p2pcert" },
		{ "0000:3b:00.0", "0000:3b:00.0" },
		{ "/srv/a_b+c=d,e%f@g-h", "/srv/a_b+c=d,e%f@g-h" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "it's", "'it'\\''s'" },
		{ "$(reboot)`;&|<>*?[~#!\"\\", "'$(reboot)`;&|<>*?[~#!\"\\'" },
		{ "~", "'~'" },
		{ "a\nb", "$'a\\012b'" },
		{ "\t1'\\", "$'\\0111\\047\\134'" },
		{ "\033[2J", "$'\\033[2J'" },
		{ "caf\xc3\xa9", "$'caf\\303\\251'" },
		{ "\xc2\x9b", "$'\\302\\233'" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autojson json_t *argv = json_pack("[s]", table[i].arg);
		autofree char *line = replay_line(argv);

		assert_string_equal(line, table[i].quoted);
	}
}

/* Each byte, between two that could be taken for part of it. */
static void every_byte_is_printable(attr_unused void **state)
{
	for (unsigned int c = 1; c < 128; c++) {
		const char arg[] = { '1', (char)c, '1', '\0' };
		autojson json_t *argv = json_pack("[ss]", arg, arg);
		autofree char *line = replay_line(argv);

		for (const char *s = line; *s; s++)
			assert_in_range((uintmax_t)*s, ' ', '~');
	}
}

static void nothing(attr_unused void **state)
{
	autojson json_t *argv = json_array();
	autofree char *line = replay_line(argv);

	assert_string_equal(line, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoting),
		cmocka_unit_test(every_byte_is_printable),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
