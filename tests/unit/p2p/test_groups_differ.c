/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups as the kernel has them against groups as predicted: what counts is who is with whom. */
#include "../test.h"

#include "base/alloc.h"
#include "model.h"
#include "p2p/isolation.h"

#define NR 4

static const struct model_function functions[NR] = {
	FN("00:01.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 1),
	FN("00:02.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 1),
	FN("00:03.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 1),
	FN("00:04.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 1),
};

static void test_groups(void **state attr_unused)
{
	static const struct {
		int kernel[NR], predicted[NR];
		bool differ[NR];
	} rows[] = {
		{ { 7, 7, 9, 9 }, { 0, 0, 2, 2 }, { 0 } },
		{ { 0, 1, 2, 3 }, { 0, 1, 2, 3 }, { 0 } },
		{ { 7, 7, 9, 9 }, { 0, 1, 2, 2 }, { true, true, false, false } },
		{ { 7, 8, 9, 9 }, { 0, 0, 2, 2 }, { true, true, false, false } },
		{ { 7, 7, 9, 9 }, { 0, 1, 1, 0 }, { true, true, true, true } },
		/* what one of them does not know is no difference */
		{ { 7, -1, 9, 9 }, { 0, 0, 2, 2 }, { 0 } },
		{ { 7, 7, 9, 9 }, { 0, P2P_GROUP_CANNOT_TELL, 2, P2P_GROUP_NONE }, { 0 } },
		/* numbers of any size */
		{ { 0x7fffffff, 0x7fffffff, 5, 5 }, { 0, 0, 2, 2 }, { 0 } },
		{ { 0x7fffffff, 5, 5, 5 }, { 0, 0, 2, 2 }, { true, true, true, true } },
	};
	struct platform *p = model_new(functions, NR);

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		int because[NR] = { 0 }, of[NR];
		struct p2p_groups groups = { .of = of, .because = because };
		autofree bool *differ = NULL;

		for (int i = 0; i < NR; i++) {
			p->functions[i].iommu_group = rows[r].kernel[i];
			of[i] = rows[r].predicted[i];
		}
		differ = p2p_groups_differ(p, &groups);
		for (int i = 0; i < NR; i++)
			if (differ[i] != rows[r].differ[i])
				fail_msg("row %zu, function %d", r, i);
	}
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_groups) };

	return cmocka_run_group_tests_name("p2p/groups_differ", tests, NULL, NULL);
}
