/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every row of the table of exit statuses, and which of two that apply stands. */
#include "../test.h"

#include "base/exit.h"
#include "report/verdict.h"

#define ITEM(...) ((struct verdict_item){ .id = "x", __VA_ARGS__ })

static struct verdict settle(const struct verdict_item *items, size_t n, enum run_end end)
{
	struct verdict_input input = {
		.items = items,
		.nr_items = n,
		.end = end,
		.signal = end == RUN_SIGNAL ? 15 : 0,
	};
	struct verdict verdict;

	verdict_settle(&input, &verdict);
	return verdict;
}

static int status_of(const struct verdict_item *items, size_t n, enum run_end end)
{
	return settle(items, n, end).exit_status;
}

/* The contract's order, written down a second time, and not as the code has it. */
static int rank(int status)
{
	switch (status) {
	case 6:
		return 0;
	case 124:
		return 1;
	case 128 + 15:
		return 2;
	case 1:
		return 3;
	case 3:
		return 4;
	case 5:
		return 5;
	case 0: /* something that passed makes up for something that did not apply */
		return 6;
	case 4:
		return 7;
	default:
		fail_msg("status %d is not in the table", status);
		return -1;
	}
}

static int worse(int a, int b)
{
	return rank(a) < rank(b) ? a : b;
}

static const int status_of_outcome[NR_OUTCOMES] = {
	[OUTCOME_SKIP] = 4,   [OUTCOME_INFO] = 4,  [OUTCOME_PASS] = 0, [OUTCOME_INCONCLUSIVE] = 5,
	[OUTCOME_NOTRUN] = 3, [OUTCOME_ERROR] = 3, [OUTCOME_FAIL] = 1,
};

static const int status_of_end[NR_RUN_ENDS] = {
	[RUN_COMPLETE] = 4,      [RUN_SIGNAL] = 128 + 15, [RUN_HOST_UNTRUSTED] = 6,
	[RUN_TIME_BUDGET] = 124, [RUN_DIED] = 3,
};

static void test_one_outcome(attr_unused void **state)
{
	for (unsigned int o = 0; o < NR_OUTCOMES; o++) {
		struct verdict_item item = ITEM(.outcome = (enum outcome)o);

		assert_int_equal(status_of(&item, 1, RUN_COMPLETE), status_of_outcome[o]);
	}
}

static void test_all_pairs_of_outcomes(attr_unused void **state)
{
	for (unsigned int a = 0; a < NR_OUTCOMES; a++) {
		for (unsigned int b = 0; b < NR_OUTCOMES; b++) {
			struct verdict_item items[] = { ITEM(.outcome = (enum outcome)a),
							ITEM(.outcome = (enum outcome)b) };

			assert_int_equal(status_of(items, 2, RUN_COMPLETE),
					 worse(status_of_outcome[a], status_of_outcome[b]));
		}
	}
}

static void test_all_ends_with_all_pairs_of_outcomes(attr_unused void **state)
{
	for (unsigned int end = 0; end < NR_RUN_ENDS; end++) {
		for (unsigned int a = 0; a < NR_OUTCOMES; a++) {
			for (unsigned int b = 0; b < NR_OUTCOMES; b++) {
				struct verdict_item items[] = { ITEM(.outcome = (enum outcome)a),
								ITEM(.outcome = (enum outcome)b) };
				int expected = worse(status_of_outcome[a], status_of_outcome[b]);

				expected = worse(expected, status_of_end[end]);
				assert_int_equal(status_of(items, 2, (enum run_end)end), expected);
			}
		}
	}
}

/* A run of nothing is no pass, however it ended. */
static void test_no_items(attr_unused void **state)
{
	assert_int_equal(status_of(NULL, 0, RUN_COMPLETE), EXIT_NOTHING_APPLICABLE);
	assert_int_equal(status_of(NULL, 0, RUN_DIED), EXIT_ENVIRONMENT);
	assert_int_equal(status_of(NULL, 0, RUN_TIME_BUDGET), EXIT_TIME_BUDGET);
}

static void test_required_skips(attr_unused void **state)
{
	static const struct {
		enum skip_category category;
		int status; /* beside something that passes */
	} table[] = {
		{ SKIP_HW_ABSENT, 0 },          { SKIP_HW_UNSUPPORTED, 0 },
		{ SKIP_NOT_DECLARED, 0 },       { SKIP_FW_CONFIG, 5 },
		{ SKIP_KERNEL_CONFIG, 5 },      { SKIP_KERNEL_VERSION, 5 },
		{ SKIP_MODULE_MISSING, 5 },     { SKIP_MODULE_REJECTED, 5 },
		{ SKIP_PERMISSION, 5 },         { SKIP_RESOURCE_BUSY, 5 },
		{ SKIP_UNSAFE_NOT_ENABLED, 5 }, { SKIP_DEPENDENCY, 5 },
		{ SKIP_USER_EXCLUDED, 5 },
	};

	assert_int_equal(ARRAY_LEN(table), NR_SKIP_CATEGORIES);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		unsigned int mask = 1u << table[i].category;
		struct verdict_item items[] = {
			ITEM(.outcome = OUTCOME_PASS),
			ITEM(.outcome = OUTCOME_SKIP, .required = true, .skips = mask),
		};

		assert_int_equal(status_of(items, 2, RUN_COMPLETE), table[i].status);
		/* on its own it is no pass in any case */
		assert_int_equal(status_of(items + 1, 1, RUN_COMPLETE),
				 table[i].status ? table[i].status : EXIT_NOTHING_APPLICABLE);
		/* one reason that could be mended is enough */
		items[1].skips |= 1u << SKIP_HW_ABSENT;
		assert_int_equal(status_of(items, 2, RUN_COMPLETE), table[i].status);
		/* what is not required may skip for anything */
		items[1].required = false;
		assert_int_equal(status_of(items, 2, RUN_COMPLETE), EXIT_VERDICT_PASS);
	}
}

static void test_required_skip_without_reason(attr_unused void **state)
{
	struct verdict_item items[] = { ITEM(.outcome = OUTCOME_PASS),
					ITEM(.outcome = OUTCOME_SKIP, .required = true) };

	assert_int_equal(status_of(items, 2, RUN_COMPLETE), EXIT_INCONCLUSIVE);
}

static void test_required_but_absent(attr_unused void **state)
{
	struct verdict_item items[] = {
		ITEM(.outcome = OUTCOME_PASS),
		/* whatever an outcome of what was not there may be */
		ITEM(.required = true, .absent = true, .outcome = OUTCOME_FAIL),
	};

	assert_int_equal(status_of(items, 2, RUN_COMPLETE), EXIT_INCONCLUSIVE);
	assert_int_equal(status_of(items + 1, 1, RUN_COMPLETE), EXIT_INCONCLUSIVE);
}

static void test_failing_counts_without_being_required(attr_unused void **state)
{
	for (int required = 0; required < 2; required++) {
		struct verdict_item items[] = {
			ITEM(.outcome = OUTCOME_PASS, .required = true),
			ITEM(.outcome = OUTCOME_FAIL, .required = required),
		};

		assert_int_equal(status_of(items, 2, RUN_COMPLETE), EXIT_VERDICT_FAIL);
	}
}

static void test_changes_left(attr_unused void **state)
{
	struct verdict_item item = ITEM(.outcome = OUTCOME_PASS);
	struct verdict_input input = { .items = &item, .nr_items = 1, .nr_not_undone = 1 };
	struct verdict verdict;

	verdict_settle(&input, &verdict);
	assert_int_equal(verdict.exit_status, EXIT_ENVIRONMENT);
	item.outcome = OUTCOME_FAIL;
	verdict_settle(&input, &verdict);
	assert_int_equal(verdict.exit_status, EXIT_VERDICT_FAIL);
}

static void test_kernel_complained(attr_unused void **state)
{
	struct verdict_item item = ITEM(.outcome = OUTCOME_PASS);
	struct verdict_input input = { .items = &item, .nr_items = 1, .nr_bad_lines = 1 };
	struct verdict verdict;

	verdict_settle(&input, &verdict);
	assert_int_equal(verdict.exit_status, EXIT_ENVIRONMENT);
	item.outcome = OUTCOME_INCONCLUSIVE;
	verdict_settle(&input, &verdict);
	assert_int_equal(verdict.exit_status, EXIT_ENVIRONMENT);
	input.nr_bad_lines = 0;
	verdict_settle(&input, &verdict);
	assert_int_equal(verdict.exit_status, EXIT_INCONCLUSIVE);
}

static void test_signals(attr_unused void **state)
{
	struct verdict_item item = ITEM(.outcome = OUTCOME_FAIL);

	for (int signal = 1; signal <= 64; signal++) {
		struct verdict_input input = {
			.items = &item, .nr_items = 1, .end = RUN_SIGNAL, .signal = signal
		};
		struct verdict verdict;

		verdict_settle(&input, &verdict);
		assert_int_equal(verdict.exit_status, 128 + signal);
		assert_string_equal(verdict.word, "interrupted");
	}
}

static void test_words(attr_unused void **state)
{
	static const struct {
		enum outcome outcome;
		enum run_end end;
		const char *word;
	} table[] = {
		{ OUTCOME_PASS, RUN_COMPLETE, "pass" },
		{ OUTCOME_FAIL, RUN_COMPLETE, "fail" },
		{ OUTCOME_ERROR, RUN_COMPLETE, "error" },
		{ OUTCOME_NOTRUN, RUN_COMPLETE, "error" },
		{ OUTCOME_PASS, RUN_DIED, "error" },
		{ OUTCOME_INCONCLUSIVE, RUN_COMPLETE, "inconclusive" },
		{ OUTCOME_SKIP, RUN_COMPLETE, "nothing-applicable" },
		{ OUTCOME_FAIL, RUN_TIME_BUDGET, "time-budget" },
		{ OUTCOME_FAIL, RUN_HOST_UNTRUSTED, "host-untrusted" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct verdict_item item = ITEM(.outcome = table[i].outcome);

		assert_string_equal(settle(&item, 1, table[i].end).word, table[i].word);
	}
}

/* All that applies is told, worst first, and the first is the verdict's. */
static void test_reasons(attr_unused void **state)
{
	struct verdict_item items[] = {
		ITEM(.outcome = OUTCOME_FAIL),
		ITEM(.outcome = OUTCOME_ERROR),
		ITEM(.outcome = OUTCOME_NOTRUN),
		ITEM(.outcome = OUTCOME_INCONCLUSIVE),
		ITEM(.outcome = OUTCOME_SKIP, .required = true, .skips = 1u << SKIP_PERMISSION),
		ITEM(.required = true, .absent = true),
	};
	static const int expected[] = { 143, 1, 3, 3, 5, 5, 5 };
	struct verdict verdict = settle(items, ARRAY_LEN(items), RUN_SIGNAL);
	struct verdict_item pass = ITEM(.outcome = OUTCOME_PASS);

	assert_int_equal(verdict.nr_reasons, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_int_equal(verdict.reasons[i].exit_status, expected[i]);
		/* each of the items above is the reason of one line, in this order */
		if (i > 0)
			assert_true(verdict.reasons[i].concerns(&items[i - 1]));
	}
	assert_int_equal(settle(&pass, 1, RUN_COMPLETE).nr_reasons, 0);
}

/* What git bisect is told for each set of reasons. */
static void test_bisect(attr_unused void **state)
{
	static const struct {
		int exit_status;
		int reasons[3]; /* 0 ends them */
		int status;
	} table[] = {
		{ 0, { 0 }, 0 },    { 1, { 1 }, 1 },        { 1, { 1, 3, 5 }, 1 },
		{ 6, { 6, 1 }, 1 }, { 124, { 124, 1 }, 1 }, { 130, { 130, 1, 3 }, 1 },
		{ 6, { 6 }, 125 },  { 3, { 3 }, 125 },      { 4, { 4 }, 125 },
		{ 5, { 5 }, 125 },  { 124, { 124 }, 125 },  { 143, { 143, 3 }, 125 },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autojson json_t *report = json_object();
		json_t *reasons = json_array();

		for (size_t k = 0; k < 3 && table[i].reasons[k]; k++)
			json_array_append_new(
				reasons, json_pack("{s:i}", "exit_status", table[i].reasons[k]));
		json_object_set_new(report, "exit_status", json_integer(table[i].exit_status));
		json_object_set_new(report, "reasons", reasons);
		assert_int_equal(verdict_bisect_status(report), table[i].status);
	}
}

static void test_run_ends_parse(attr_unused void **state)
{
	enum run_end end;

	for (unsigned int i = 0; i < NR_RUN_ENDS; i++) {
		assert_int_equal(run_end_parse(run_end_name((enum run_end)i), &end), 0);
		assert_int_equal(end, i);
	}
	assert_int_equal(run_end_parse("", &end), -EINVAL);
	assert_int_equal(run_end_parse("completely", &end), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_outcome),
		cmocka_unit_test(test_all_pairs_of_outcomes),
		cmocka_unit_test(test_all_ends_with_all_pairs_of_outcomes),
		cmocka_unit_test(test_no_items),
		cmocka_unit_test(test_required_skips),
		cmocka_unit_test(test_required_skip_without_reason),
		cmocka_unit_test(test_required_but_absent),
		cmocka_unit_test(test_failing_counts_without_being_required),
		cmocka_unit_test(test_changes_left),
		cmocka_unit_test(test_kernel_complained),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_bisect),
		cmocka_unit_test(test_run_ends_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
