/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/outcome.c: names that are public, and the rule that settles an outcome. */
#include "base/outcome.h"

#include "../test.h"

static void names_go_back_and_forth(void **state attr_unused)
{
	for (int i = 0; i < NR_OUTCOMES; i++) {
		enum outcome o;

		assert_int_equal(outcome_parse(outcome_name((enum outcome)i), &o), 0);
		assert_int_equal(o, i);
	}
	for (int i = ERROR_NONE + 1; i < NR_ERROR_KINDS; i++) {
		enum error_kind k;

		assert_int_equal(error_kind_parse(error_kind_name((enum error_kind)i), &k), 0);
		assert_int_equal(k, i);
	}
	for (int i = 0; i < NR_SKIP_CATEGORIES; i++) {
		enum skip_category c;

		assert_int_equal(skip_category_parse(skip_category_name((enum skip_category)i), &c),
				 0);
		assert_int_equal(c, i);
	}
	for (int i = 0; i < NR_EVIDENCE_KINDS; i++) {
		enum evidence_kind k;

		assert_int_equal(evidence_kind_parse(evidence_kind_name((enum evidence_kind)i), &k),
				 0);
		assert_int_equal(k, i);
	}
	for (int i = 0; i < NR_EVIDENCE_STATES; i++) {
		enum evidence_state s;

		assert_int_equal(
			evidence_state_parse(evidence_state_name((enum evidence_state)i), &s), 0);
		assert_int_equal(s, i);
	}
}

static void unknown_words(void **state attr_unused)
{
	static const char *const words[] = { "", "PASS", "pass ", "passed", "none" };
	enum evidence_state s;
	enum evidence_kind e;
	enum skip_category c;
	enum error_kind k;
	enum outcome o;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_int_equal(outcome_parse(words[i], &o), -EINVAL);
		assert_int_equal(error_kind_parse(words[i], &k), -EINVAL);
		assert_int_equal(skip_category_parse(words[i], &c), -EINVAL);
		assert_int_equal(evidence_kind_parse(words[i], &e), -EINVAL);
		assert_int_equal(evidence_state_parse(words[i], &s), -EINVAL);
	}
	assert_null(error_kind_name(ERROR_NONE));
}

/* The contract's order, worst first. */
static void precedence(void **state attr_unused)
{
	static const char *const worst_first[] = { "fail", "error", "notrun", "inconclusive",
						   "pass", "info",  "skip" };

	for (int i = 0; i < NR_OUTCOMES; i++)
		assert_string_equal(outcome_name((enum outcome)(NR_OUTCOMES - 1 - i)),
				    worst_first[i]);
}

#define M EVIDENCE_MISSING
#define P EVIDENCE_PROVEN
#define R EVIDENCE_REFUTED

static void settled(void **state attr_unused)
{
	static const struct {
		enum outcome claimed;
		unsigned int required;
		enum evidence_state data, log;
		enum outcome wanted;
	} cases[] = {
		{ OUTCOME_PASS, EV(DATA) | EV(KERNEL_LOG), P, P, OUTCOME_PASS },
		{ OUTCOME_PASS, EV(DATA) | EV(KERNEL_LOG), M, P, OUTCOME_INCONCLUSIVE },
		{ OUTCOME_PASS, EV(DATA) | EV(KERNEL_LOG), P, M, OUTCOME_INCONCLUSIVE },
		{ OUTCOME_PASS, EV(KERNEL_LOG), M, P, OUTCOME_PASS },
		{ OUTCOME_PASS, EV(KERNEL_LOG), R, P, OUTCOME_FAIL }, /* required or not */
		{ OUTCOME_PASS, EV(DATA), P, R, OUTCOME_FAIL },
		{ OUTCOME_PASS, 0, M, M, OUTCOME_PASS },
		{ OUTCOME_FAIL, EV(DATA), P, P, OUTCOME_FAIL },
		{ OUTCOME_FAIL, EV(DATA), M, M, OUTCOME_FAIL },
		{ OUTCOME_ERROR, EV(DATA), M, R, OUTCOME_FAIL },
		{ OUTCOME_ERROR, EV(DATA), M, M, OUTCOME_ERROR },
		{ OUTCOME_SKIP, EV(DATA), M, M, OUTCOME_SKIP },
		{ OUTCOME_SKIP, EV(DATA), M, R, OUTCOME_FAIL },
		{ OUTCOME_INFO, EV(DATA), M, P, OUTCOME_INFO },
		{ OUTCOME_INCONCLUSIVE, EV(DATA), P, P, OUTCOME_INCONCLUSIVE },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const enum evidence_state states[NR_EVIDENCE_KINDS] = {
			[EVIDENCE_DATA] = cases[i].data,
			[EVIDENCE_KERNEL_LOG] = cases[i].log,
		};
		enum outcome o = outcome_settle(cases[i].claimed, cases[i].required, states);

		if (o != cases[i].wanted)
			fail_msg("case %zu settles as %s", i, outcome_name(o));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_back_and_forth),
		cmocka_unit_test(unknown_words),
		cmocka_unit_test(precedence),
		cmocka_unit_test(settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
