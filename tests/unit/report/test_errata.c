/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/report/errata.c: what explains which finding, and what a waiver covers and what it does not. */
#include "report/errata.h"

#include "base/alloc.h"
#include "base/jx.h"

#include "../test.h"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *doc = json_loads(text, 0, &error);

	if (!doc)
		fail_msg("column %d: %s", error.column, error.text);
	return doc;
}

static void same(const json_t *is, const char *wanted)
{
	autofree char *line = jx_line(is);

	assert_string_equal(line, wanted);
}

static void findings_are_explained(attr_unused void **state)
{
	autojson json_t *errata = parse("[{\"id\": \"a\", \"findings\": [\"A\", \"C\"]},"
					"{\"id\": \"b\", \"findings\": [\"B\"]},"
					"{\"id\": \"late\", \"findings\": [\"A\"]}]");
	autojson json_t *findings = parse("[{\"code\": \"C\", \"scenario\": \"s.1\"},"
					  "{\"code\": \"A\", \"scenario\": \"s.1\"},"
					  "{\"code\": \"X\", \"scenario\": \"s.1\"},"
					  "{\"code\": \"A\", \"scenario\": \"s.2\"},"
					  "{\"code\": \"A\"}]");
	autojson json_t *shown = report_errata(errata, findings);
	autojson json_t *none = report_errata(NULL, findings);

	same(shown, "[{\"id\":\"a\",\"findings\":[\"A\",\"C\"],\"scenarios\":[\"s.1\",\"s.2\"]}]");
	same(none, "[]");
}

/* A run of 2026-10-26 in which s.1 failed by A, and s.2 by A and by B, of which there are errata. */
static json_t *run_with(const char *waivers, const char *more_findings, const char *outcome)
{
	autojson json_t *errata = parse("[{\"id\": \"a\", \"findings\": [\"A\"]},"
					"{\"id\": \"b\", \"findings\": [\"B\"]}]");
	autofree char *findings =
		xasprintf("[{\"code\": \"A\", \"severity\": \"major\", \"scenario\": \"s.1\"},"
			  "{\"code\": \"A\", \"severity\": \"major\", \"scenario\": \"s.2\"},"
			  "{\"code\": \"B\", \"severity\": \"minor\", \"scenario\": \"s.2\"}%s]",
			  more_findings);
	autofree char *results = xasprintf("[{\"id\": \"s.1\", \"outcome\": \"%s\"},"
					   "{\"id\": \"s.2\", \"outcome\": \"fail\"},"
					   "{\"id\": \"s.3\", \"outcome\": \"fail\"}]",
					   outcome);
	json_t *report = jx_object(), *profile = jx_object();

	jx_set(profile, "waivers", parse(waivers));
	jx_set(report, "profile", profile);
	jx_set_str(report, "started", "2026-10-26T23:59:59Z");
	jx_set(report, "results", parse(results));
	jx_set(report, "findings", parse(findings));
	jx_set(report, "errata", report_errata(errata, json_object_get(report, "findings")));
	jx_set(report, "waivers", report_waivers(report));
	return report;
}

#define WAIVER(erratum, granted, until) \
	"{\"erratum\": \"" erratum "\", \"reason\": \"r\", \"granted\": \"" granted \
	"\", \"until\": \"" until "\"}"
#define A WAIVER("a", "2026-10-26", "2026-10-26")
#define B WAIVER("b", "2026-10-01", "2026-12-31")
#define NOTE ",{\"code\": \"N\", \"severity\": \"info\", \"scenario\": \"s.1\"}"
#define OTHER ",{\"code\": \"X\", \"severity\": \"minor\", \"scenario\": \"s.1\"}"

static void what_is_waived(attr_unused void **state)
{
	static const struct {
		const char *waivers, *findings, *outcome, *states, *waived;
	} cases[] = {
		{ "[]", "", "fail", "", "{}" },
		{ "[" A "]", "", "fail", "applied ", "{\"s.1\":true}" },
		{ "[" B "]", "", "fail", "unused ", "{}" },
		{ "[" A "," B "]", "", "fail", "applied applied ", "{\"s.1\":true,\"s.2\":true}" },
		{ "[" A "]", NOTE, "fail", "applied ", "{\"s.1\":true}" },
		/* what else is wrong with it is not covered */
		{ "[" A "]", OTHER, "fail", "unused ", "{}" },
		/* nor is what broke, or what passed all the same */
		{ "[" A "]", "", "error", "unused ", "{}" },
		{ "[" A "]", "", "pass", "unused ", "{}" },
		{ "[" WAIVER("a", "2026-01-01", "2026-10-25") "]", "", "fail", "expired ", "{}" },
		{ "[" WAIVER("a", "2026-10-27", "2026-12-31") "]", "", "fail", "not-yet ", "{}" },
		{ "[" WAIVER("c", "2026-01-01", "2026-12-31") "]", "", "fail", "unused ", "{}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autojson json_t *report =
			run_with(cases[i].waivers, cases[i].findings, cases[i].outcome);
		autojson json_t *waived = report_waived(report);
		char states[64] = "";
		const json_t *waiver;
		size_t k;

		json_array_foreach (json_object_get(report, "waivers"), k, waiver) {
			strcat(states, jx_get_str(waiver, "state"));
			strcat(states, " ");
		}
		assert_string_equal(states, cases[i].states);
		same(waived, cases[i].waived);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_are_explained),
		cmocka_unit_test(what_is_waived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
