/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes: one pair must be right for every pair that it stands for, and few must do for many. */
#include "../test.h"

#include "base/alloc.h"
#include "model.h"
#include "p2p/p2p.h"

static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x2f00, .no_bar = true),
	FN("00:01.0", PORT_ROOT, 0x01, ACS_RR, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, ACS_RR, 0x10b5, 0x8796),
	FN("02:02.0", PORT_DOWNSTREAM, 0x06, 0, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("03:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("03:00.2", PORT_ENDPOINT, 0, ACS_RR, 0x144d, 0xa808),
	FN("03:00.3", PORT_ENDPOINT, 0, ACS_RR, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021),
	FN("04:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, .physical = "04:00.0"),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, .physical = "04:00.0"),
	FN("06:00.0", PORT_ENDPOINT, 0, UNSEEN, 0x15b3, 0x1021),
	FN("06:00.1", PORT_ENDPOINT, 0, UNSEEN, 0x15b3, 0x1021),
	FN("06:00.2", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021),
	FN("00:03.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x0003),
	FN("00:03.1", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x0003, .no_bar = true),
	FN("00:05.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x0003),
	FN("00:04.0", PORT_ROOT, 0x0a, 0, 0x8086, 0x0004),
	FN("0a:00.0", PORT_PCIE_TO_PCI, 0x0b, NO_ACS, 0x12d8, 0xe111),
	FN("0b:01.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x1000, 0x0001),
	FN("0b:01.1", PORT_CONVENTIONAL, 0, NO_ACS, 0x1000, 0x0001),
	FN("0b:02.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x1000, 0x0001),
	FN("80:00.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x2030),
	FN("80:01.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x2030),
};

static void test_stands_for_all(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	const struct p2p_rules *rules = p2p_rules_for(NULL);
	struct p2p_classes classes;

	p2p_classify(p, &classes);
	for (int i = 0; i < (int)p->nr_functions; i++) {
		bool candidate =
			p2p_can_initiate(&p->functions[i]) || p2p_can_be_target(&p->functions[i]);

		assert_int_equal(classes.of[i] >= 0, candidate);
		for (int t = 0; t < (int)p->nr_functions; t++) {
			struct p2p_pair one, all;

			if (i == t || !p2p_can_initiate(&p->functions[i]) ||
			    !p2p_can_be_target(&p->functions[t]))
				continue;
			assert_int_equal(p2p_class_predict(p, rules, &classes, classes.of[i],
							   classes.of[t], &all),
					 0);
			p2p_pair_predict(p, rules, i, t, &one);
			assert_int_equal(one.route, all.route);
			assert_int_equal(one.verdict, all.verdict);
			if (one.verdict != VERDICT_UNKNOWN)
				assert_int_equal(one.distance, all.distance);
			assert_int_equal(one.nr_blocked_by, all.nr_blocked_by);
			assert_memory_equal(one.blocked_by, all.blocked_by, sizeof(one.blocked_by));
			p2p_pair_release(&one);
			p2p_pair_release(&all);
		}
	}
	p2p_classes_release(&classes);
	platform_free(p);
}

static void test_classes(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct p2p_classes c;
	struct p2p_pair pair;

	p2p_classify(p, &c);
#define CLASS(address) c.of[model_index(p, address)]
	assert_int_equal(CLASS("03:00.0"), CLASS("03:00.1"));
	assert_int_not_equal(CLASS("03:00.2"), CLASS("03:00.0"));
	assert_int_not_equal(CLASS("03:00.2"), CLASS("03:00.3")); /* each blocks by itself */
	assert_int_equal(CLASS("04:00.0"), CLASS("05:00.0"));
	assert_int_equal(c.items[CLASS("04:00.0")].nr_functions, 3);
	assert_int_equal(CLASS("06:00.0"), CLASS("06:00.1"));
	assert_int_not_equal(CLASS("06:00.0"), CLASS("06:00.2"));
	assert_int_equal(CLASS("0b:01.0"), CLASS("0b:01.1"));
	assert_int_not_equal(CLASS("0b:01.0"), CLASS("0b:02.0"));
	assert_int_equal(CLASS("00:03.0"), CLASS("00:05.0"));
	assert_int_not_equal(CLASS("00:03.0"), CLASS("00:03.1")); /* has no BAR */
	assert_int_not_equal(CLASS("00:03.0"), CLASS("80:00.0"));
	assert_int_equal(CLASS("00:00.0"), CLASS("00:03.1"));
	assert_int_equal(CLASS("02:00.0"), -1);
	/* nobody has a pair with itself alone */
	assert_int_equal(p2p_class_predict(p, p2p_rules_for(NULL), &c, CLASS("0b:02.0"),
					   CLASS("0b:02.0"), &pair),
			 -ENOENT);
	p2p_classes_release(&c);
	platform_free(p);
}

static size_t pairs_in(const json_t *list)
{
	const json_t *o;
	size_t i, n = 0;

	json_array_foreach (list, i, o) {
		size_t from = json_array_size(json_object_get(o, "initiators"));
		size_t to = json_array_size(json_object_get(o, "targets"));

		n += from * to;
	}
	return n;
}

static void test_json(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	json_t *all = p2p_all_pairs_to_json(p, p2p_rules_for(NULL));
	json_t *some = p2p_class_pairs_to_json(p, p2p_rules_for(NULL));
	size_t initiators = 0, targets = 0;

	for (size_t i = 0; i < p->nr_functions; i++) {
		initiators += p2p_can_initiate(&p->functions[i]);
		targets += p2p_can_be_target(&p->functions[i]);
	}
	assert_int_equal(json_array_size(all), initiators * targets - targets);
	assert_true(json_array_size(some) < json_array_size(all));
	/* the lists of a class's pairs with itself hold each function with itself, too */
	assert_true(pairs_in(some) >= json_array_size(all));
	json_decref(all);
	json_decref(some);
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stands_for_all),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("p2p/classes", tests, NULL, NULL);
}
