/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes: one pair must be right for every pair that it stands for, and few must do for many. */
#include "../test.h"

#include <time.h>

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
	FN("00:06.0", PORT_ROOT, 0x0c, 0, 0x8086, 0x0004),
	FN("0c:00.0", PORT_ENDPOINT, 0, ACS_RR, 0x10de, 0x2330),
	FN("80:02.0", PORT_ROOT, 0x81, ACS_RR, 0x8086, 0x0004),
	FN("81:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330),
	FN("81:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330),
	FN("80:03.0", PORT_ROOT, 0x82, ACS_RR, 0x8086, 0x0004),
	FN("82:00.0", PORT_ENDPOINT, 0, UNSEEN, 0x10de, 0x2330),
};

/*
 * The reason without what is particular to the two functions: their addresses, but for those of host
 * bridges, in parentheses.
 */
static char *general(const struct platform *p, const struct p2p_pair *pair)
{
	const struct {
		int function;
		char mark;
	} ends[] = { { pair->initiator, 'I' }, { pair->target, 'T' } };
	char *text = xstrdup(pair->reason);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const char *address = pci_addr_str(p->functions[ends[i].function].addr);

		for (char *at = text; (at = strstr(at, address)); at++)
			if (at == text || at[-1] != '(')
				memset(at, ends[i].mark, strlen(address));
	}
	return text;
}

static void assert_same_reason(const struct platform *p, const struct p2p_pair *a,
			       const struct p2p_pair *b)
{
	autofree char *one = general(p, a), *other = general(p, b);

	assert_string_equal(one, other);
}

static void assert_same_answer(const struct platform *p, const struct p2p_pair *a,
			       const struct p2p_pair *b)
{
	assert_int_equal(a->route, b->route);
	assert_int_equal(a->verdict, b->verdict);
	if (a->verdict != VERDICT_UNKNOWN)
		assert_int_equal(a->distance, b->distance);
	assert_int_equal(a->nr_blocked_by, b->nr_blocked_by);
	assert_memory_equal(a->blocked_by, b->blocked_by, sizeof(a->blocked_by));
	assert_int_equal(a->notes, b->notes);
	assert_same_reason(p, a, b);
}

/* Counts the pairs of a lot, and holds each against its own prediction. */
static void count_lot(const struct platform *p, const struct p2p_lot *lot, unsigned char *seen)
{
	for (int i = 0; i < lot->initiators->nr; i++) {
		for (int t = 0; t < lot->targets->nr; t++) {
			int from = lot->initiators->members[i], to = lot->targets->members[t];
			struct p2p_pair one;

			if (from == to) {
				assert_ptr_equal(lot->initiators, lot->targets);
				continue;
			}
			seen[(size_t)from * p->nr_functions + (size_t)to]++;
			p2p_pair_predict(p, p2p_rules_for(NULL), from, to, &one);
			assert_same_answer(p, &one, &lot->pair);
			p2p_pair_release(&one);
		}
	}
}

/* Every selected pair is in one lot, and its answer is the lot's; few lots do. */
static void test_lots(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	autofree unsigned char *seen = xcalloc(p->nr_functions, p->nr_functions);
	struct p2p_selection selection;
	struct p2p_lots lots;
	size_t pairs = 0;

	p2p_select(p, NULL, &selection);
	p2p_lots_find(p, p2p_rules_for(NULL), &selection, &lots);
	for (size_t i = 0; i < lots.nr; i++)
		count_lot(p, &lots.items[i], seen);
	for (size_t i = 0; i < p->nr_functions; i++) {
		for (size_t t = 0; t < p->nr_functions; t++) {
			bool selected = i != t && selection.from[i] & selection.to[t];

			assert_int_equal(seen[i * p->nr_functions + t], selected);
			pairs += selected;
		}
	}
	assert_true(lots.nr < pairs / 2);
	p2p_lots_release(&lots);
	p2p_selection_release(&selection);
	platform_free(p);
}

static void test_stands_for_all(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	const struct p2p_rules *rules = p2p_rules_for(NULL);
	struct p2p_selection selection;
	struct p2p_classes classes;

	p2p_select(p, NULL, &selection);
	p2p_classify(p, &selection, &classes);
	p2p_selection_release(&selection);
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
			assert_int_equal(one.notes, all.notes);
			assert_same_reason(p, &one, &all);
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
	struct p2p_selection selection;
	struct p2p_classes c;
	struct p2p_pair pair;

	p2p_select(p, NULL, &selection);
	p2p_classify(p, &selection, &c);
	p2p_selection_release(&selection);
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
	struct p2p_selection selection;
	json_t *all, *some;
	size_t initiators = 0, targets = 0;

	p2p_select(p, NULL, &selection);
	all = p2p_all_pairs_to_json(p, p2p_rules_for(NULL), &selection);
	some = p2p_class_pairs_to_json(p, p2p_rules_for(NULL), &selection);
	p2p_selection_release(&selection);
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

/* --between splits classes where their members take part in different pairs, and keeps the answers. */
static void test_narrowed(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct p2p_between between = { 0 };
	struct p2p_selection selection;
	struct p2p_classes c;
	json_t *all, *some;
	char *why;

	assert_int_equal(p2p_between_add(&between, "03:00.0,04:00.0/15b3:*", &why), 0);
	p2p_select(p, &between, &selection);
	p2p_classify(p, &selection, &c);
	assert_int_not_equal(CLASS("03:00.0"), -1);
	assert_int_equal(CLASS("03:00.1"), -1);
	assert_int_not_equal(CLASS("04:00.0"), CLASS("04:00.1")); /* starts transfers, does not */
	assert_int_equal(CLASS("04:00.1"), CLASS("05:00.0"));
	all = p2p_all_pairs_to_json(p, p2p_rules_for(NULL), &selection);
	some = p2p_class_pairs_to_json(p, p2p_rules_for(NULL), &selection);
	assert_int_equal(json_array_size(all), 2 * 6 - 1);
	assert_int_equal(pairs_in(some), 2 * 6 - 1);
	json_decref(all);
	json_decref(some);
	p2p_classes_release(&c);
	p2p_selection_release(&selection);
	p2p_between_release(&between);
	platform_free(p);
}

/*
 * What differs only in another state of ACS is one class now, and more of both; notes split, too.
 */
static void test_other_state(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct platform *then = model_new(machine, ARRAY_LEN(machine));
	struct p2p_selection selection;
	struct p2p_classes c;

	p2p_select(p, NULL, &selection);
	model_set_acs(then, "03:00.0", ACS_RR);
	p2p_classify(p, &selection, &c);
	assert_int_equal(CLASS("03:00.0"), CLASS("03:00.1"));
	p2p_classes_release(&c);
	p2p_classify_both(p, then, &selection, &c);
	assert_int_not_equal(CLASS("03:00.0"), CLASS("03:00.1"));
	p2p_classes_release(&c);
	/* what is on and does not redirect sets nothing apart */
	model_set_acs(then, "03:00.0", ACS_SV | ACS_UF);
	p2p_classify_both(p, then, &selection, &c);
	assert_int_equal(CLASS("03:00.0"), CLASS("03:00.1"));
	p2p_classes_release(&c);
	p->functions[model_index(p, "03:00.0")].p2pmem.present = true;
	p2p_classify(p, &selection, &c);
	assert_int_not_equal(CLASS("03:00.0"), CLASS("03:00.1"));
	p2p_classes_release(&c);
	p2p_selection_release(&selection);
	platform_free(p);
	platform_free(then);
}

/* Twice the functions take about twice the time: every VF of many would be compared with all classes. */
static void test_time(void **state attr_unused)
{
	enum { DOMAINS = 400, SLOTS = 31 };
	struct platform *p = platform_new("test", NULL);
	struct p2p_selection selection;
	struct p2p_classes c;
	clock_t start;

	for (uint32_t domain = 0; domain < DOMAINS; domain++) {
		for (uint8_t slot = 0; slot < SLOTS; slot++) {
			struct pci_addr addr = { domain, 0, slot, 0 };
			struct function *f = platform_add(p, addr);

			f->port_type = PORT_RC_ENDPOINT;
			f->acs = (struct acs){ .known = KNOWN_PRESENT, .control = ACS_RR };
		}
	}
	platform_finish(p);
	p2p_select(p, NULL, &selection);
	start = clock();
	p2p_classify(p, &selection, &c);
	assert_int_equal(c.nr, DOMAINS * SLOTS);
	/* a millisecond or two, and some hundred if every class is looked at for every function */
	assert_true(clock() - start < CLOCKS_PER_SEC / 10);
	p2p_classes_release(&c);
	p2p_selection_release(&selection);
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stands_for_all), cmocka_unit_test(test_lots),
		cmocka_unit_test(test_classes),        cmocka_unit_test(test_json),
		cmocka_unit_test(test_narrowed),       cmocka_unit_test(test_other_state),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests_name("p2p/classes", tests, NULL, NULL);
}
