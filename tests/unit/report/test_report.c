/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results directories and the reports they give: tests/data/report/NAME holds one journal each, and
 * tests/data/report/damaged journals of which one line is wrong.
 */
#include "report/report.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "report/shape.h"

#include "../test.h"

static char *data_file(const char *name)
{
	const char *dir = getenv("P2PCERT_TEST_DATA");

	assert_non_null(dir);
	return xasprintf("%s/report/%s", dir, name);
}

static int build_at(const char *path, json_t **report, char **why)
{
	autoclose int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(dirfd >= 0);
	*report = NULL;
	*why = NULL;
	return report_build(dirfd, report, why);
}

static json_t *build(const char *name)
{
	autofree char *path = data_file(name);
	autofree char *why = NULL;
	json_t *report;

	if (build_at(path, &report, &why) < 0)
		fail_msg("%s: %s", name, why);
	return report;
}

static const json_t *result_of(const json_t *report, const char *id)
{
	const json_t *result;
	size_t i;

	json_array_foreach (json_object_get(report, "results"), i, result)
		if (strcmp(jx_get_str(result, "id"), id) == 0)
			return result;
	fail_msg("no result '%s'", id);
	return NULL;
}

/* --- results directories and their verdicts ------------------------------------------------------ */

static void verdicts(attr_unused void **state)
{
	static const struct {
		const char *dir;
		int exit_status;
		const char *verdict;
		const char *outcomes; /* first letters, in order; e is error, n notrun, m info */
	} table[] = {
		{ "pass", 0, "pass", "ppp" },
		{ "fail-refuted", 1, "fail", "pfp" },
		{ "recommended-fails", 1, "fail", "pf" },
		{ "claims-pass-of-refuted", 1, "fail", "f" },
		{ "died-at-boot", 3, "error", "nnn" },
		{ "torn", 3, "error", "pe" },
		{ "torn-last-newline", 3, "error", "e" },
		{ "killed-in-scenario", 3, "error", "pen" },
		{ "killed-after-refuted", 1, "fail", "pf" },
		{ "all-skipped", 4, "nothing-applicable", "sss" },
		{ "nothing-selected", 4, "nothing-applicable", "" },
		{ "measured-only", 4, "nothing-applicable", "m" },
		{ "required-skips-kernel-config", 5, "inconclusive", "ps" },
		{ "required-skips-hw-absent", 0, "pass", "pss" },
		{ "required-skips-mixed", 5, "inconclusive", "ps" },
		{ "required-skips-silently", 5, "inconclusive", "ps" },
		{ "recommended-skips", 0, "pass", "ps" },
		{ "required-not-selected", 5, "inconclusive", "p" },
		{ "inconclusive", 5, "inconclusive", "pi" },
		{ "error-crash", 3, "error", "pe" },
		{ "error-timeout", 3, "error", "pe" },
		{ "error-without-kind", 3, "error", "e" },
		{ "never-started", 3, "error", "pn" },
		{ "not-undone", 3, "error", "p" },
		{ "signal", 130, "interrupted", "pn" },
		{ "signal-fail", 143, "interrupted", "fen" },
		{ "host-untrusted", 6, "host-untrusted", "fn" },
		{ "time-budget", 124, "time-budget", "pn" },
		{ "time-budget-fail", 124, "time-budget", "fn" },
		{ "injected", 0, "pass", "p" },
		{ "module-unverified", 0, "pass", "p" },
		{ "tainted", 1, "fail", "pf" },
		{ "resumed", 0, "pass", "pp" },
		{ "resumed-and-died", 3, "error", "pe" },
		{ "hostile-text", 1, "fail", "f" },
	};
	static const struct {
		char letter;
		const char *outcome;
	} letters[] = {
		{ 'p', "pass" },         { 'f', "fail" }, { 'e', "error" }, { 'n', "notrun" },
		{ 'i', "inconclusive" }, { 'm', "info" }, { 's', "skip" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autojson json_t *report = build(table[i].dir);
		const json_t *results = json_object_get(report, "results");

		if (jx_get_int(report, "exit_status", -1) != table[i].exit_status ||
		    strcmp(jx_get_str(report, "verdict"), table[i].verdict) != 0)
			fail_msg("%s: verdict '%s', status %d", table[i].dir,
				 jx_get_str(report, "verdict"),
				 (int)jx_get_int(report, "exit_status", -1));
		assert_int_equal(json_array_size(results), strlen(table[i].outcomes));
		for (size_t k = 0; table[i].outcomes[k]; k++) {
			const char *outcome = jx_get_str(json_array_get(results, k), "outcome");

			for (size_t l = 0; l < ARRAY_LEN(letters); l++)
				if (letters[l].letter == table[i].outcomes[k] &&
				    strcmp(letters[l].outcome, outcome) != 0)
					fail_msg("%s: outcome %zu is '%s'", table[i].dir, k,
						 outcome);
		}
	}
}

static void same_input_same_bytes(attr_unused void **state)
{
	autojson json_t *first = build("pass");
	autojson json_t *second = build("pass");
	autofree char *a = jx_pretty(first);
	autofree char *b = jx_pretty(second);

	assert_string_equal(a, b);
}

/* The whole document against the one that was looked over and kept. */
static void golden(attr_unused void **state)
{
	static const char *const names[] = { "pass", "fail-refuted", "killed-in-scenario" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *file = xasprintf("%s/report.json", names[i]);
		autofree char *path = data_file(file);
		autojson json_t *report = build(names[i]);
		autofree char *text = jx_pretty(report);
		autofree char *expected = NULL;

		assert_int_equal(fs_read(AT_FDCWD, path, 1u << 20, &expected, NULL), 0);
		assert_string_equal(text, expected);
	}
}

static void a_complete_run(attr_unused void **state)
{
	autojson json_t *report = build("pass");
	const json_t *result = result_of(report, "topo.pair-verdict");
	const json_t *evidence = json_object_get(result, "evidence");
	const json_t *data = json_object_get(evidence, "data");

	assert_string_equal(jx_get_str(report, "schema"), "p2pcert.report/1");
	assert_true(jx_get_bool(report, "complete", false));
	assert_null(json_object_get(report, "interrupted"));
	assert_string_equal(jx_get_str(report, "started"), "2026-10-26T07:33:20Z");
	assert_string_equal(jx_get_str(report, "ended"), "2026-10-26T07:33:26Z");
	assert_int_equal(json_array_size(json_object_get(report, "reasons")), 0);
	assert_int_equal(json_array_size(json_object_get(report, "modules")), 1);
	assert_int_equal(json_array_size(json_object_get(report, "features")), 2);
	assert_int_equal(json_array_size(json_object_get(report, "kernel_log")), 1);
	assert_int_equal(json_array_size(json_object_get(report, "not_undone")), 0);
	assert_non_null(json_object_get(report, "platform"));
	assert_int_equal(jx_get_int(json_object_get(report, "counts"), "pass", -1), 3);

	assert_int_equal(json_array_size(json_object_get(result, "devices")), 2);
	assert_string_equal(jx_get_str(data, "state"), "proven");
	assert_int_equal(json_array_size(json_object_get(data, "details")), 1);
	assert_string_equal(jx_get_str(json_object_get(evidence, "errno"), "state"), "missing");
	assert_string_equal(jx_get_str(json_object_get(evidence, "kernel_log"), "state"), "proven");
	assert_string_equal(jx_get_str(result, "why"), "12 pairs, all as predicted");
	assert_int_equal(jx_get_int(result, "duration_ns", 0), 1500000000);

	result = result_of(report, "odp.write");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(result, "devices"), 0)),
		"rdma:rxe0");
	assert_int_equal(json_array_size(json_object_get(result, "measurements")), 1);
	result = result_of(report, "features.scan");
	assert_int_equal(json_object_size(json_object_get(result, "facts")), 1);
}

static void refuted_outweighs_proven(attr_unused void **state)
{
	autojson json_t *report = build("fail-refuted");
	const json_t *result = result_of(report, "topo.pair-verdict");
	const json_t *data = json_object_get(json_object_get(result, "evidence"), "data");
	const json_t *finding = json_array_get(json_object_get(report, "findings"), 0);
	const json_t *functions = json_object_get(finding, "functions");

	assert_string_equal(jx_get_str(data, "state"), "refuted");
	assert_int_equal(json_array_size(json_object_get(data, "details")), 2);
	assert_string_equal(jx_get_str(result, "why"),
			    "4096 bytes differ from offset 0: found zeros");
	/* addresses have one form, whichever the journal used */
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(result, "devices"), 0)),
		"0000:02:00.0");
	assert_string_equal(json_string_value(json_array_get(functions, 0)), "0000:02:00.0");
	assert_string_equal(jx_get_str(finding, "code"), "P2P-DATA-REFUTED");
	assert_string_equal(jx_get_str(finding, "severity"), "blocker");
	assert_string_equal(jx_get_str(finding, "scenario"), "topo.pair-verdict");
	assert_non_null(jx_get_str(finding, "next"));
}

/* What is said to be missing is not made up for by what is proven of the same kind. */
static void missing_outweighs_proven(attr_unused void **state)
{
	autojson json_t *report = build("inconclusive");
	const json_t *result = result_of(report, "topo.pair-verdict");
	const json_t *evidence = json_object_get(result, "evidence");

	assert_string_equal(jx_get_str(json_object_get(evidence, "path"), "state"), "missing");
	assert_string_equal(jx_get_str(result, "why"), "tracefs cannot be read");
}

static void a_run_that_died(attr_unused void **state)
{
	autojson json_t *report = build("killed-in-scenario");
	const json_t *interrupted = json_object_get(report, "interrupted");
	const json_t *running = json_object_get(interrupted, "running");
	const json_t *left = json_object_get(report, "not_undone");

	assert_false(jx_get_bool(report, "complete", true));
	assert_null(json_object_get(report, "ended"));
	assert_string_equal(jx_get_str(interrupted, "reason"), "died");
	assert_int_equal(json_array_size(running), 1);
	assert_string_equal(json_string_value(json_array_get(running, 0)), "topo.pair-verdict");
	assert_string_equal(jx_get_str(result_of(report, "topo.pair-verdict"), "kind"),
			    "incomplete");
	assert_string_equal(jx_get_str(result_of(report, "odp.write"), "outcome"), "notrun");
	assert_int_equal(json_array_size(left), 1);
	assert_string_equal(jx_get_str(json_array_get(left, 0), "kind"), "rdma-link");
}

static void a_torn_journal_says_so(attr_unused void **state)
{
	autojson json_t *torn = build("torn");
	autojson json_t *whole = build("killed-in-scenario");

	assert_true(jx_get_bool(json_object_get(torn, "journal"), "torn", false));
	assert_false(jx_get_bool(json_object_get(whole, "journal"), "torn", true));
}

static void changes_not_undone(attr_unused void **state)
{
	autojson json_t *report = build("not-undone");
	const json_t *left = json_object_get(report, "not_undone");

	/* one failed, the other was gone */
	assert_int_equal(json_array_size(left), 1);
	assert_int_equal(jx_get_int(json_array_get(left, 0), "undo", 0), 1);
	assert_string_equal(jx_get_str(json_array_get(left, 0), "text"), "Device or resource busy");
}

static void who_tainted(attr_unused void **state)
{
	static const struct {
		const char *scenario; /* NULL: between two */
		const char *names;
	} expected[] = {
		{ "features.scan", "O (out-of-tree module),E (unsigned module)" },
		{ "topo.pair-verdict", "W (warning)" },
		{ NULL, "M (machine check)" },
	};
	autojson json_t *report = build("tainted");
	const json_t *taint = json_object_get(report, "taint");
	const json_t *who = json_object_get(taint, "who");

	assert_int_equal(jx_get_int(json_object_get(taint, "before"), "value", -1), 1);
	assert_int_equal(jx_get_int(json_object_get(taint, "after"), "value", -1), 13056);
	assert_int_equal(jx_get_int(taint, "expected", -1), 12288);
	assert_int_equal(json_array_size(who), ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const json_t *entry = json_array_get(who, i);
		const char *scenario = jx_get_str(entry, "scenario");
		autofree char *names = strings_join(json_object_get(entry, "names"), ",");

		assert_string_equal(names, expected[i].names);
		if (expected[i].scenario)
			assert_string_equal(scenario, expected[i].scenario);
		else
			assert_null(scenario);
	}
}

static void why_is_the_supervisors_for_errors(attr_unused void **state)
{
	autojson json_t *report = build("error-crash");
	const json_t *result = result_of(report, "topo.pair-verdict");

	assert_string_equal(jx_get_str(result, "why"), "killed by SIGSEGV");
	assert_string_equal(jx_get_str(result, "kind"), "crash");
	assert_int_equal(jx_get_int(json_object_get(result, "child"), "signal", 0), 11);
}

static void every_reason_to_skip_is_told(attr_unused void **state)
{
	autojson json_t *report = build("all-skipped");
	const json_t *result = result_of(report, "topo.pair-verdict");

	assert_int_equal(json_array_size(json_object_get(result, "skip")), 2);
	assert_string_equal(jx_get_str(result, "why"),
			    "hw-absent: no pair; module-missing: no p2pcert_p2p");
	assert_null(json_object_get(result, "dir"));
}

/* --- damage ------------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to_dir, const char *to_name)
{
	autofree char *text = NULL;
	autoclose int dirfd = open(to_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t len;

	assert_int_equal(fs_read(AT_FDCWD, from, 1u << 24, &text, &len), 0);
	assert_int_equal(fs_publish(dirfd, to_name, text, len, 0600), 0);
}

static void damaged_journals_are_refused(void **state)
{
	static const struct {
		const char *name;
		const char *says;
	} table[] = {
		{ "empty", "the run never started" },
		{ "not-json", "line 2" },
		{ "not-utf8", "line 2" },
		{ "array", "line 1" },
		{ "huge-number", "line 2" },
		{ "duplicate-key", "line 2" },
		{ "no-seq", "line 1" },
		{ "seq-gap", "line 3" },
		{ "no-start", "the run has not started yet" },
		{ "starts-twice", "line 2, 'run-start': the run has started before" },
		{ "other-schema", "schema is 'p2pcert.journal/2'" },
		{ "unknown-event", "line 3, 'frobnicate': the event is not known" },
		{ "no-profile", "line 1, 'run-start': 'profile' is missing" },
		{ "required-no-array", "'profile.required' is no array" },
		{ "required-holds-number", "'profile.required[0]' is no scenario id" },
		{ "selected-twice", "'features.scan' is selected twice" },
		{ "id-with-slash", "'selected[2]' is no scenario id" },
		{ "seed-number", "'seed' is no hexadecimal number" },
		{ "taint-negative", "'taint.value' is no integer from 0" },
		{ "time-local", "'time' is no time" },
		{ "host-no-object", "'host' is no object" },
		{ "scenario-missing", "'scenario' is missing" },
		{ "scenario-number", "'scenario' is no string" },
		{ "scenario-not-selected", "'odp.read' was not selected" },
		{ "scenario-in-run-end", "'scenario' in a record of the run" },
		{ "evidence-kind", "'kind' is no kind of evidence" },
		{ "evidence-state", "'state' is no state of evidence" },
		{ "evidence-state-null", "'state' is no state of evidence" },
		{ "outcome-word", "'outcome' is no outcome" },
		{ "outcome-bool", "'outcome' is no outcome" },
		{ "duration-negative", "'duration_ns' is no integer from 0" },
		{ "duration-real", "'duration_ns' is no integer from 0" },
		{ "child-signal", "'child.signal' is no number of a signal" },
		{ "ends-twice", "'features.scan' has ended before" },
		{ "evidence-after-end", "'features.scan' has ended before" },
		{ "starts-again", "'features.scan' has ended before" },
		{ "pass-never-started", "never started, and has outcome 'pass'" },
		{ "run-end-reason", "'reason' is no way for a run to end" },
		{ "run-end-died", "'died'" },
		{ "signal-missing", "'signal' is missing" },
		{ "signal-zero", "'signal' is no number of a signal" },
		{ "signal-large", "'signal' is no number of a signal" },
		{ "platform-elsewhere", "'file' is not 'platform.json'" },
		{ "platform-missing", "cannot read 'platform.json'" },
		{ "finding-unknown", "'code' is no finding code" },
		{ "finding-address", "'functions[0]' is no address" },
		{ "device-both", "one of 'address' and 'name'" },
		{ "device-neither", "one of 'address' and 'name'" },
		{ "skip-category", "'category' is no skip category" },
		{ "undo-unknown", "change 3 was never made" },
		{ "undo-again", "change 3 was made before" },
		{ "undo-result", "'result' is no result of undoing" },
		{ "log-severity", "'severity' is no severity of a kernel log line" },
		{ "measurement-text", "'value' is no number" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autofree char *file = xasprintf("damaged/%s.jsonl", table[i].name);
		autofree char *path = data_file(file);
		autofree char *why = NULL;
		json_t *report;
		int r;

		copy_file(path, *state, "journal.jsonl");
		r = build_at(*state, &report, &why);
		if (r >= 0 || !why || report)
			fail_msg("%s: taken", table[i].name);
		if (!strstr(why, table[i].says) || strchr(why, '\n'))
			fail_msg("%s: says \"%s\"", table[i].name, why);
	}
}

static void a_directory_without_a_journal(void **state)
{
	autofree char *why = NULL;
	json_t *report;

	assert_int_equal(build_at(*state, &report, &why), -ENOENT);
	assert_string_equal(why, "cannot read 'journal.jsonl': No such file or directory");
}

static void a_platform_that_is_none(void **state)
{
	static const char *const texts[] = { "",
					     "[]",
					     "{}",
					     "{\"schema\": 1}",
					     "{\"schema\": \"p2pcert.report/1\"}",
					     "{\"schema\": \"p2pcert.platform/1\"" };
	autofree char *journal = data_file("pass/journal.jsonl");

	copy_file(journal, *state, "journal.jsonl");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		autoclose int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		autofree char *why = NULL;
		json_t *report;

		assert_int_equal(
			fs_publish(dirfd, "platform.json", texts[i], strlen(texts[i]), 0600), 0);
		assert_int_equal(build_at(*state, &report, &why), -EINVAL);
		assert_non_null(strstr(why, "'platform.json'"));
	}
}

/* Wherever the host died, there is a report, and it never says pass. */
static void cut_anywhere(void **state)
{
	autofree char *journal = data_file("pass/journal.jsonl");
	autofree char *platform = data_file("pass/platform.json");
	autoclose int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *text = NULL;
	const char *first;
	size_t len;

	assert_int_equal(fs_read(AT_FDCWD, journal, 1u << 20, &text, &len), 0);
	copy_file(platform, *state, "platform.json");
	first = strchr(text, '\n');
	assert_non_null(first);
	for (size_t cut = 0; cut < len; cut += 97) {
		autofree char *why = NULL;
		json_t *report;
		int r, fd = openat(dirfd, "journal.jsonl", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		assert_int_equal(fs_write_all(fd, text, cut), 0);
		close(fd);
		r = build_at(*state, &report, &why);
		if (cut <= (size_t)(first - text)) {
			assert_int_equal(r, -EINVAL);
			assert_non_null(why);
			continue;
		}
		assert_int_equal(r, 0);
		assert_false(jx_get_bool(report, "complete", true));
		assert_int_equal(jx_get_int(report, "exit_status", 0), 3);
		json_decref(report);
	}
}

/* --- published and loaded ------------------------------------------------------------------------ */

static void published_and_loaded(void **state)
{
	autoclose int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *path = xasprintf("%s/report.json", (char *)*state);
	autojson json_t *report = build("fail-refuted");
	autojson json_t *loaded = NULL;
	autofree char *why = NULL;

	assert_int_equal(report_publish(dirfd, report), 0);
	if (report_load(path, &loaded, &why) < 0)
		fail_msg("%s", why);
	assert_true(json_equal(report, loaded));
}

static void put(const char *dir, const json_t *report)
{
	autoclose int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(report_publish(dirfd, report), 0);
}

static void assert_refused(const char *dir, const json_t *report, const char *says)
{
	autofree char *path = xasprintf("%s/report.json", dir);
	autofree char *why = NULL;
	json_t *loaded = NULL;

	put(dir, report);
	assert_int_equal(report_load(path, &loaded, &why), -EINVAL);
	if (!strstr(why, says) || !strstr(why, path))
		fail_msg("says \"%s\"", why);
}

static void an_edited_report_is_refused(void **state)
{
	autojson json_t *report = build("fail-refuted");
	json_t *failed = json_array_get(json_object_get(report, "results"), 1);

	jx_set_str(report, "verdict", "pass");
	assert_refused(*state, report, "'verdict' is not what the results give");
	jx_set_str(report, "verdict", "fail");
	jx_set_int(report, "exit_status", 0);
	assert_refused(*state, report, "'exit_status' is not what the results give");
	jx_set_int(report, "exit_status", 1);
	jx_set_str(failed, "outcome", "pass");
	assert_refused(*state, report, "is not what the results give");
	jx_set_str(failed, "outcome", "passed");
	assert_refused(*state, report, "'results[1].outcome' is no outcome");
	jx_set_str(failed, "outcome", "fail");
	jx_set_bool(report, "complete", false);
	assert_refused(*state, report, "contradict");
}

static void an_interruption_is_not_edited_away(void **state)
{
	autojson json_t *report = build("signal");
	json_t *interrupted = json_object_get(report, "interrupted");

	json_object_del(interrupted, "signal");
	assert_refused(*state, report, "contradict");
	jx_set_int(interrupted, "signal", 0);
	assert_refused(*state, report, "'interrupted.signal' is no number of a signal");
	jx_set_int(interrupted, "signal", 9);
	assert_refused(*state, report, "'exit_status' is not");
	jx_set_str(interrupted, "reason", "complete");
	assert_refused(*state, report, "contradict");
	json_object_del(report, "interrupted");
	assert_refused(*state, report, "contradict");
}

/* Every key that the loader depends on, taken away and given another type. */
static void a_report_of_another_shape_is_refused(void **state)
{
	static const char *const keys[] = { "schema",     "verdict", "exit_status", "reasons",
					    "complete",   "profile", "results",     "findings",
					    "not_undone", "inject" };
	autojson json_t *report = build("fail-refuted");
	autojson json_t *array = json_array();

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		autojson json_t *less = json_copy(report);
		autojson json_t *other = json_copy(report);

		json_object_del(less, keys[i]);
		assert_refused(*state, less, keys[i]);
		jx_set(other, keys[i], json_null());
		assert_refused(*state, other, keys[i]);
	}
	assert_refused(*state, array, "is no document of schema 'p2pcert.report/1'");
}

static void a_file_that_is_not_there(void **state)
{
	autofree char *path = xasprintf("%s/none.json", (char *)*state);
	autofree char *why = NULL;
	json_t *report = NULL;

	assert_int_equal(report_load(path, &report, &why), -ENOENT);
	assert_non_null(strstr(why, path));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(same_input_same_bytes),
		cmocka_unit_test(golden),
		cmocka_unit_test(a_complete_run),
		cmocka_unit_test(refuted_outweighs_proven),
		cmocka_unit_test(missing_outweighs_proven),
		cmocka_unit_test(a_run_that_died),
		cmocka_unit_test(a_torn_journal_says_so),
		cmocka_unit_test(changes_not_undone),
		cmocka_unit_test(who_tainted),
		cmocka_unit_test(why_is_the_supervisors_for_errors),
		cmocka_unit_test(every_reason_to_skip_is_told),
		test_in_dir(damaged_journals_are_refused),
		test_in_dir(a_directory_without_a_journal),
		test_in_dir(a_platform_that_is_none),
		test_in_dir(cut_anywhere),
		test_in_dir(published_and_loaded),
		test_in_dir(an_edited_report_is_refused),
		test_in_dir(an_interruption_is_not_edited_away),
		test_in_dir(a_report_of_another_shape_is_refused),
		test_in_dir(a_file_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
