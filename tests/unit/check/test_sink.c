/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/sink.c: what is alike becomes one finding, what is not stays apart. */
#include "../test.h"

#include "../p2p/model.h"
#include "base/alloc.h"
#include "check/sink.h"

static const struct model_function machine[] = {
	FN("00:01.0", PORT_ROOT, 1, 0x1d, 0x8086, 0x2030),
	FN("00:02.0", PORT_ROOT, 2, 0x1d, 0x8086, 0x2030),
	FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330),
	FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330),
};

static const char code[] = "ACS-REDIRECT-OFF-PATH";

static void report(struct check_sink *sink, int function, unsigned int value)
{
	check_found(sink, code, &function, 1, NULL, "ACS control of %s is %#06x",
		    pci_addr_str(sink->platform->functions[function].addr), value);
}

static void like_cases_are_one(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct check_sink sink = { .platform = p };

	report(&sink, 0, 0x1d);
	report(&sink, 1, 0x1d);
	assert_int_equal(sink.nr_findings, 1);
	assert_int_equal(sink.findings[0].cases, 2);
	assert_int_equal(sink.findings[0].nr_functions, 2);
	assert_int_equal(sink.findings[0].functions[1], 1);
	assert_string_equal(sink.findings[0].text, "ACS control of 0000:00:01.0 is 0x001d");
	assert_string_equal(sink.findings[0].next, finding_get(code)->next);
	check_sink_release(&sink);
}

static void other_evidence_stays_apart(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct check_sink sink = { .platform = p };
	int both[] = { 0, 1 };

	report(&sink, 0, 0x1d);
	report(&sink, 1, 0x1f);
	check_found_as(&sink, code, SEVERITY_MINOR, both, 1, NULL,
		       "ACS control of 0000:00:01.0 is 0x001d");
	check_found(&sink, code, both, 1, xstrdup("do that"),
		    "ACS control of 0000:00:01.0 is 0x001d");
	check_found(&sink, "ACS-REDIRECT-ON-PATH", both, 1, NULL,
		    "ACS control of 0000:00:01.0 is 0x001d");
	assert_int_equal(sink.nr_findings, 5);
	for (size_t i = 0; i < sink.nr_findings; i++)
		assert_int_equal(sink.findings[i].cases, 1);
	assert_int_equal(sink.findings[2].severity, SEVERITY_MINOR);
	assert_string_equal(sink.findings[3].next, "do that");
	check_sink_release(&sink);
}

/* In pairs the places count: who starts is not who owns. */
static void pairs_are_alike_by_place(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct check_sink sink = { .platform = p };
	int pair[] = { 2, 3 }, back[] = { 3, 2 };

	check_found(&sink, code, pair, 2, NULL, "0000:01:00.0 to 0000:02:00.0");
	check_found(&sink, code, back, 2, NULL, "0000:02:00.0 to 0000:01:00.0");
	assert_int_equal(sink.nr_findings, 1);
	assert_int_equal(sink.findings[0].nr_functions, 2);
	check_found(&sink, code, back, 2, NULL, "0000:01:00.0 to 0000:02:00.0");
	assert_int_equal(sink.nr_findings, 2);
	check_sink_release(&sink);
}

static void what_was_unseen_is_listed_once(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct check_sink sink = { .platform = p };

	check_unseen(&sink, 0, "no %s", "ACS");
	check_unseen(&sink, 1, "no %s", "ACS");
	check_unseen(&sink, 1, "no %s", "ACS");
	check_unseen(&sink, -1, "no command line");
	check_looked(&sink, 2);
	check_looked(&sink, 1);
	assert_int_equal(sink.nr_unseen, 2);
	assert_string_equal(sink.unseen[0].text, "no ACS");
	assert_int_equal(sink.unseen[0].nr_functions, 2);
	assert_int_equal(sink.unseen[1].nr_functions, 0);
	assert_int_equal(sink.looked, 3);
	check_sink_release(&sink);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_cases_are_one),
		cmocka_unit_test(other_evidence_stays_apart),
		cmocka_unit_test(pairs_are_alike_by_place),
		cmocka_unit_test(what_was_unseen_is_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
