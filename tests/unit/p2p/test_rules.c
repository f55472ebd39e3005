/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which release follows which rules, and what each release lists. */
#include "../test.h"

#include "p2p/p2p.h"

static void test_release(void **state attr_unused)
{
	static const struct {
		const char *release, *rules;
	} cases[] = {
		{ "6.1.192", "6.1" },
		{ "6.1", "6.1" },
		{ "6.11.99", "6.1" },
		{ "6.12.117+deb13-amd64", "6.12" },
		{ "6.19-rc1", "6.12" },
		{ "7.1.5", "6.12" },
		{ "7.2.12+deb13-amd64", "7.2" },
		{ "7.3.4", "7.3" },
		{ "7.10.0", "7.3" },
		{ "12.0", "7.3" },
		{ "5.10.0", "6.1" },
		{ "2.6.32", "6.1" },
		{ "", "7.3" },
		{ "linux", "7.3" },
		{ "7", "7.3" },
		{ NULL, "7.3" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(p2p_rules_name(p2p_rules_for(cases[i].release)),
				    cases[i].rules);
}

static void test_readable(void **state attr_unused)
{
	assert_true(p2p_release_is_readable("6.12"));
	assert_true(p2p_release_is_readable("7.2.12+deb13-amd64"));
	assert_false(p2p_release_is_readable("6"));
	assert_false(p2p_release_is_readable("newest"));
	assert_false(p2p_release_is_readable("6."));
	assert_false(p2p_release_is_readable("-6.1"));
	assert_false(p2p_release_is_readable("99999999999999999999.1"));
	assert_false(p2p_release_is_readable(""));
	assert_false(p2p_release_is_readable(NULL));
}

/* How many ids of the vendors concerned each release lists, wildcards as one. */
static void test_counts(void **state attr_unused)
{
	static const struct {
		const char *release;
		int entries;
	} cases[] = { { "6.1", 10 }, { "6.12", 10 }, { "7.2", 21 }, { "7.3", 25 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct p2p_rules *rules = p2p_rules_for(cases[i].release);
		int n = p2p_rules_host_bridge(rules, 0x1ae0, 0x1234) != P2P_UNLISTED;

		for (unsigned int device = 0; device <= UINT16_MAX; device++)
			n += (p2p_rules_host_bridge(rules, 0x8086, (uint16_t)device) !=
			      P2P_UNLISTED) +
			     (p2p_rules_host_bridge(rules, 0x10de, (uint16_t)device) !=
			      P2P_UNLISTED);
		assert_int_equal(n, cases[i].entries);
	}
}

static void test_entries(void **state attr_unused)
{
	static const struct {
		const char *release;
		uint16_t vendor, device;
		enum p2p_listed listed;
	} cases[] = {
		{ "6.1", 0x8086, 0x3c00, P2P_LISTED_SAME_HOST_BRIDGE },
		{ "7.3", 0x8086, 0x3c01, P2P_LISTED_SAME_HOST_BRIDGE },
		{ "6.1", 0x8086, 0x2f00, P2P_LISTED_SAME_HOST_BRIDGE },
		{ "7.3", 0x8086, 0x2f01, P2P_LISTED_SAME_HOST_BRIDGE },
		{ "6.1", 0x8086, 0x2020, P2P_LISTED },
		{ "6.1", 0x8086, 0x09a2, P2P_LISTED },
		{ "6.12", 0x8086, 0x0b25, P2P_UNLISTED },
		{ "7.2", 0x8086, 0x0b25, P2P_LISTED },
		{ "6.12", 0x1ae0, 0x0001, P2P_UNLISTED },
		{ "7.2", 0x1ae0, 0x0001, P2P_LISTED },
		{ "7.2", 0x10de, 0x2f95, P2P_UNLISTED },
		{ "7.3", 0x10de, 0x2f95, P2P_LISTED },
		{ "7.3", 0x10de, 0x2f99, P2P_UNLISTED },
		{ "7.3", 0x8086, 0x6f00, P2P_UNLISTED }, /* Broadwell-EP was forgotten */
		{ "7.3", 0x8086, 0x0e00, P2P_UNLISTED },
		{ "7.3", 0x8086, 0x29c0, P2P_UNLISTED },
		{ "7.3", 0x1022, 0x09a2, P2P_UNLISTED }, /* the device alone does not count */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(p2p_rules_host_bridge(p2p_rules_for(cases[i].release),
						       cases[i].vendor, cases[i].device),
				 cases[i].listed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests_name("p2p/rules", tests, NULL, NULL);
}
