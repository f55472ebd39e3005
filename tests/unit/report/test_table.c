/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as a person sees it: what is there, what is cut, and nothing that drives a terminal. */
#include "report/report.h"

#include <fcntl.h>

#include "base/alloc.h"
#include "base/jx.h"

#include "../test.h"

static json_t *report_of(const char *name)
{
	autofree char *path = xasprintf("%s/report/%s", getenv("P2PCERT_TEST_DATA"), name);
	autoclose int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *why = NULL;
	json_t *report;

	if (report_build(dirfd, &report, &why) < 0)
		fail_msg("%s: %s", name, why);
	return report;
}

/* The caller frees it. */
static char *print(const json_t *report, bool color, size_t width)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	report_print_columns(report, f, color, width);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* The table of a results directory of tests/data/report; the caller frees it. */
static char *table_of(const char *name, bool color, size_t width)
{
	autojson json_t *report = report_of(name);

	return print(report, color, width);
}

static void a_pass(attr_unused void **state)
{
	autofree char *text = table_of("pass", false, 0);

	assert_string_equal(
		text, "SCENARIO           OUTCOME  DEVICES                    WHY\n"
		      "features.scan      pass\n"
		      "topo.pair-verdict  pass     0000:02:00.0 0000:03:00.0  12 pairs, all as "
		      "predicted\n"
		      "odp.write          pass     rdma:rxe0\n"
		      "\n"
		      "verdict: pass (profile 'test', exit status 0)\n");
}

static void all_that_is_wrong(attr_unused void **state)
{
	autofree char *text = table_of("signal-fail", false, 0);

	assert_string_equal(
		text,
		"SCENARIO           OUTCOME           DEVICES  WHY\n"
		"features.scan      fail                       x\n"
		"topo.pair-verdict  error/incomplete           ended: the run was, by SIGTERM\n"
		"odp.write          notrun                     was never started\n"
		"\n"
		"REPLAY\n"
		"    p2pcert run --seed 0x1122334455667788 --level standard features.scan\n"
		"    p2pcert run --seed 0x1122334455667788 --level standard topo.pair-verdict\n"
		"\n"
		"verdict: interrupted (profile 'test', exit status 143)\n"
		"    the run was ended by a signal\n"
		"    failed: features.scan\n"
		"    broke for a reason other than what was tested: topo.pair-verdict\n"
		"    never started: odp.write\n");
}

static void findings_say_what_to_do(attr_unused void **state)
{
	autofree char *text = table_of("fail-refuted", false, 0);

	assert_non_null(strstr(text, "\nFINDINGS\n"
				     "P2P-DATA-REFUTED (blocker): 0000:02:00.0 0000:03:00.0\n"));
	assert_non_null(strstr(text, "\n    seen: the copy reported success\n"));
	assert_non_null(strstr(text, "\n    next: Do not use peer-to-peer"));
	assert_non_null(strstr(text, "\n    see:  PCI Express"));
}

static void changes_left_are_shown(attr_unused void **state)
{
	autofree char *text = table_of("not-undone", false, 0);

	assert_non_null(strstr(text,
			       "\nNOT UNDONE\n"
			       "    module {\"name\":\"p2pcert_p2p\"}: Device or resource busy\n"));
}

static void failures_can_be_done_again(attr_unused void **state)
{
	autofree char *text = table_of("flaky", false, 60);

	/* whole, and as a shell reads it */
	assert_non_null(strstr(text,
			       "\nREPLAY\n"
			       "    p2pcert run --seed 0x09d1f0cb6b5e6ed2 --level full --inject "
			       "skip-copy --inject leak --module-dir '/srv/it'\\''s here' "
			       "--soft-rdma p2pcert-v0 --allow-unsafe --device 0000:03:00.0 "
			       "--device nvme0n1 topo.pair-verdict\n"
			       "    p2pcert run --seed 0x7f2a4cc0d7a1b3e5 "));
	autofree char *pass = table_of("pass", false, 0);

	assert_null(strstr(pass, "REPLAY"));
}

static void flaky_ones_are_shown(attr_unused void **state)
{
	autofree char *text = table_of("flaky", false, 0);

	assert_non_null(strstr(text, "topo.pair-verdict  fail, flaky       0000:02:00.0  in 2 of 5 "
				     "rounds: 4096 bytes differ from offset 4096\n"));
	assert_non_null(strstr(text,
			       "odp.write          error/incomplete                reported no "
			       "outcome\n"));
}

static void later_processes_are_shown(attr_unused void **state)
{
	autofree char *twice = table_of("resumed-twice", false, 0);
	autofree char *restored = table_of("restored-only", false, 0);

	assert_non_null(strstr(
		twice, "    resumed: 2026-10-26T07:34:00Z after a reboot, 2026-10-26T08:34:00Z\n"));
	assert_non_null(
		strstr(restored, "    resumed: 2026-10-26T07:35:00Z to undo changes only\n"));
}

static void injected_faults_are_shown(attr_unused void **state)
{
	autofree char *text = table_of("injected", false, 0);

	assert_non_null(
		strstr(text, "    certifies nothing, faults were injected: skip-copy, leak\n"));
}

/* But for command lines, which are made to be copied. */
static void assert_fits(const char *text, size_t width)
{
	static const char command[] = "    p2pcert run ";
	size_t column = 0;

	for (; *text; text++) {
		if (column == 0 && strncmp(text, command, strlen(command)) == 0)
			text += strcspn(text, "\n");
		if (((unsigned char)*text & 0xc0) != 0x80)
			column++;
		if (*text == '\n')
			column = 0;
		if (column > width)
			fail_msg("%zu columns at \"%.20s\"", column, text);
	}
}

static void lines_fit_the_terminal(attr_unused void **state)
{
	static const char *const names[] = { "pass",         "fail-refuted",         "all-skipped",
					     "hostile-text", "required-skips-mixed", "flaky",
					     "resumed-twice" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (size_t width = 72; width < 200; width++) {
			autofree char *text = table_of(names[i], false, width);

			assert_fits(text, width);
		}
	}
}

static void what_is_cut_is_marked(attr_unused void **state)
{
	autofree char *text = table_of("fail-refuted", false, 72);
	autofree char *full = table_of("fail-refuted", false, 0);

	assert_non_null(strstr(text, "0000:02:00.0  4096 bytes differ from offs...\n"));
	assert_non_null(
		strstr(full, "0000:02:00.0  4096 bytes differ from offset 0: found zeros\n"));
}

static void assert_harmless(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		assert_true(*c >= 0x20 || *c == '\n');
		assert_false(*c == 0xc2 && c[1] < 0xa0);
	}
}

static void nothing_drives_the_terminal(attr_unused void **state)
{
	autofree char *text = table_of("hostile-text", false, 0);

	assert_harmless(text);
	/* one line each, whatever was in the text */
	assert_non_null(strstr(text, "rdma:\\x1b[2Jx y  \\x1b]0;owned\\x07 caf\xc3\xa9 done"));
}

/* Every string that a report from a file is free to hold, where nothing has sanitized it before. */
static void nothing_in_a_file_drives_the_terminal(attr_unused void **state)
{
	static const char hostile[] = "\033[2J\rx\ny\xc2\x9b";
	static const char *const finding_keys[] = { "code", "severity", "title",
						    "text", "next",     "reference" };
	autojson json_t *report = report_of("fail-refuted");
	json_t *result = json_array_get(json_object_get(report, "results"), 0);
	json_t *finding = json_array_get(json_object_get(report, "findings"), 0);
	json_t *profile = json_object_get(report, "profile");
	json_t *change = json_object();
	autofree char *text = NULL;

	json_object_set_new(result, "why", json_string(hostile));
	json_array_append_new(json_object_get(result, "devices"), json_string(hostile));
	json_array_append_new(json_object_get(result, "replay"), json_string(hostile));
	json_array_append_new(json_object_get(report, "inject"), json_string(hostile));
	json_object_set_new(profile, "name", json_string(hostile));
	for (size_t i = 0; i < ARRAY_LEN(finding_keys); i++)
		json_object_set_new(finding, finding_keys[i], json_string(hostile));
	json_object_set_new(change, "kind", json_string(hostile));
	json_object_set_new(change, "text", json_string(hostile));
	json_object_set_new(change, "args", json_pack("{s:s}", "x", hostile));
	json_array_append_new(json_object_get(report, "not_undone"), change);
	text = print(report, false, 80);
	assert_harmless(text);
}

static void colour_is_all_that_colour_adds(attr_unused void **state)
{
	static const char *const names[] = { "pass",        "fail-refuted", "all-skipped",
					     "signal-fail", "inconclusive", "measured-only" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *plain = table_of(names[i], false, 100);
		autofree char *colored = table_of(names[i], true, 100);
		char *to = colored;

		assert_non_null(strstr(colored, "\033["));
		for (const char *from = colored; *from; from++) {
			if (*from == '\033')
				from += strcspn(from, "m");
			else
				*to++ = *from;
		}
		*to = '\0';
		assert_string_equal(colored, plain);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pass),
		cmocka_unit_test(all_that_is_wrong),
		cmocka_unit_test(findings_say_what_to_do),
		cmocka_unit_test(changes_left_are_shown),
		cmocka_unit_test(failures_can_be_done_again),
		cmocka_unit_test(flaky_ones_are_shown),
		cmocka_unit_test(later_processes_are_shown),
		cmocka_unit_test(injected_faults_are_shown),
		cmocka_unit_test(lines_fit_the_terminal),
		cmocka_unit_test(what_is_cut_is_marked),
		cmocka_unit_test(nothing_drives_the_terminal),
		cmocka_unit_test(nothing_in_a_file_drives_the_terminal),
		cmocka_unit_test(colour_is_all_that_colour_adds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
