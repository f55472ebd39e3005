/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/pciaddr.c: addresses as text and their order. */
#include "base/pciaddr.h"

#include "../test.h"

static void parse_and_format(attr_unused void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
		{ "0000:3b:00.0", "0000:3b:00.0" },
		{ "3b:00.0", "0000:3b:00.0" },
		{ "10000:01:1f.7", "10000:01:1f.7" },
		{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
		{ "0:0:0.0", "0000:00:00.0" },
		{ "0000:3B:0a.1", "0000:3b:0a.1" },
		{ "", NULL },
		{ "3b:00", NULL },
		{ "3b:20.0", NULL },
		{ "3b:00.8", NULL },
		{ "100:00.0", NULL },
		{ "3b:00.0 ", NULL },
		{ " 3b:00.0", NULL },
		{ "3b:00.0.0", NULL },
		{ "100000000:00:00.0", NULL },
		{ "0:0:0:0.0", NULL },
		{ ":00:00.0", NULL },
		{ "-1:00.0", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pci_addr a;
		int r = pci_addr_parse(cases[i].in, &a);

		assert_int_equal(r, cases[i].out ? 0 : -EINVAL);
		if (cases[i].out)
			assert_string_equal(pci_addr_str(a), cases[i].out);
	}
}

static void order(attr_unused void **state)
{
	static const char *const sorted[] = { "0000:00:00.0", "0000:00:00.1", "0000:00:01.0",
					      "0000:01:00.0", "0001:00:00.0", "80000000:00:00.0" };

	for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
		for (size_t k = 0; k < ARRAY_LEN(sorted); k++) {
			struct pci_addr a, b;

			assert_int_equal(pci_addr_parse(sorted[i], &a), 0);
			assert_int_equal(pci_addr_parse(sorted[k], &b), 0);
			assert_int_equal(pci_addr_cmp(a, b), (i > k) - (i < k));
			assert_int_equal(pci_addr_eq(a, b), i == k);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_and_format),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
