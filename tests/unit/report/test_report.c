/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results directories and the reports they give: tests/data/report/NAME holds a journal and the report
 * that it must give, looked over once and kept ('p2pcert report convert -o DIR/report.json DIR' makes
 * it anew); tests/data/report/damaged holds journals of which one line is wrong.
 */
#include "report/report.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
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

static const struct {
	const char *dir;
	int exit_status;
	const char *verdict;
	const char *outcomes; /* first letters, in order; e is error, n notrun, m info */
} verdicts[] = {
	{ "pass", 0, "pass", "ppp" },
	{ "fail-refuted", 1, "fail", "pfp" },
	{ "recommended-fails", 1, "fail", "pf" },
	{ "claims-pass-of-refuted", 1, "fail", "f" },
	{ "died-at-boot", 3, "error", "nnn" },
	{ "torn", 3, "error", "pe" },
	{ "torn-in-line", 3, "error", "e" },
	{ "torn-last-newline", 3, "error", "e" },
	{ "killed-in-scenario", 3, "error", "pen" },
	{ "killed-after-refuted", 1, "fail", "pf" },
	{ "panic", 3, "error", "pen" },
	{ "stuck", 6, "host-untrusted", "en" },
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
	{ "undo-failed-then-undone", 0, "pass", "p" },
	{ "signal", 130, "interrupted", "pn" },
	{ "signal-fail", 143, "interrupted", "fen" },
	{ "host-untrusted", 6, "host-untrusted", "fn" },
	{ "time-budget", 124, "time-budget", "pn" },
	{ "time-budget-fail", 124, "time-budget", "fn" },
	{ "injected", 0, "pass", "p" },
	{ "module-unverified", 0, "pass", "p" },
	{ "tainted", 1, "fail", "pf" },
	{ "signal-then-resumed", 0, "pass", "pp" },
	{ "resumed", 3, "error", "pep" },
	{ "resumed-twice", 3, "error", "peps" },
	{ "resumed-and-died", 3, "error", "pe" },
	{ "restored-only", 3, "error", "pen" },
	{ "flaky", 1, "fail", "pfe" },
	{ "until-fail", 1, "fail", "pfps" },
	{ "known-defect", 1, "fail", "pfp" },
	{ "waived", 0, "pass", "pfp" },
	{ "waiver-expired", 1, "fail", "pfp" },
	{ "waiver-not-yet", 1, "fail", "pfp" },
	{ "waiver-covers-one-of-two", 1, "fail", "pfp" },
	{ "hostile-text", 1, "fail", "f" },
};

static void each_directory_has_its_verdict(attr_unused void **state)
{
	static const struct {
		char letter;
		const char *outcome;
	} letters[] = {
		{ 'p', "pass" },         { 'f', "fail" }, { 'e', "error" }, { 'n', "notrun" },
		{ 'i', "inconclusive" }, { 'm', "info" }, { 's', "skip" },
	};

	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		autojson json_t *report = build(verdicts[i].dir);
		const json_t *results = json_object_get(report, "results");

		if (jx_get_int(report, "exit_status", -1) != verdicts[i].exit_status ||
		    strcmp(jx_get_str(report, "verdict"), verdicts[i].verdict) != 0)
			fail_msg("%s: verdict '%s', status %d", verdicts[i].dir,
				 jx_get_str(report, "verdict"),
				 (int)jx_get_int(report, "exit_status", -1));
		assert_int_equal(json_array_size(results), strlen(verdicts[i].outcomes));
		for (size_t k = 0; verdicts[i].outcomes[k]; k++) {
			const char *outcome = jx_get_str(json_array_get(results, k), "outcome");

			for (size_t l = 0; l < ARRAY_LEN(letters); l++)
				if (letters[l].letter == verdicts[i].outcomes[k] &&
				    strcmp(letters[l].outcome, outcome) != 0)
					fail_msg("%s: outcome %zu is '%s'", verdicts[i].dir, k,
						 outcome);
		}
	}
}

/* The whole document against the one that was kept, and the same bytes each time. */
static void golden(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		autofree char *file = xasprintf("%s/report.json", verdicts[i].dir);
		autofree char *path = data_file(file);
		autojson json_t *first = build(verdicts[i].dir);
		autojson json_t *second = build(verdicts[i].dir);
		autofree char *text = jx_pretty(first);
		autofree char *again = jx_pretty(second);
		autofree char *expected = NULL;

		if (fs_read(AT_FDCWD, path, 1u << 20, &expected, NULL) < 0)
			fail_msg("there is no '%s'", path);
		assert_string_equal(text, expected);
		assert_string_equal(text, again);
	}
}

static bool is_listed(const char *dir)
{
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
		if (strcmp(verdicts[i].dir, dir) == 0)
			return true;
	return strcmp(dir, "damaged") == 0;
}

static void no_directory_is_left_out(attr_unused void **state)
{
	autofree char *path = data_file(".");
	DIR *dir = opendir(path);
	const struct dirent *e;

	assert_non_null(dir);
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && !is_listed(e->d_name))
			fail_msg("'%s' is not looked at", e->d_name);
	closedir(dir);
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
		const char *names, *modules;
	} expected[] = {
		{ "features.scan", "O (out-of-tree module),E (unsigned module)",
		  "p2pcert_p2p,p2pcert_devpriv" },
		{ "topo.pair-verdict", "W (warning)", "" },
		{ NULL, "M (machine check)", "" },
	};
	autojson json_t *report = build("tainted");
	const json_t *taint = json_object_get(report, "taint");
	const json_t *before = json_array_get(json_object_get(taint, "modules"), 0);
	const json_t *who = json_object_get(taint, "who");

	assert_int_equal(jx_get_int(json_object_get(taint, "before"), "value", -1), 1);
	assert_int_equal(jx_get_int(json_object_get(taint, "after"), "value", -1), 12817);
	assert_int_equal(jx_get_int(taint, "expected", -1), 12288);
	assert_string_equal(jx_get_str(before, "name"), "nvidia");
	assert_string_equal(jx_get_str(before, "taint"), "P");
	assert_int_equal(json_array_size(who), ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const json_t *entry = json_array_get(who, i);
		const char *scenario = jx_get_str(entry, "scenario");
		autofree char *names = strings_join(json_object_get(entry, "names"), ",");
		autofree char *modules = strings_join(json_object_get(entry, "modules"), ",");

		assert_string_equal(names, expected[i].names);
		assert_string_equal(modules, expected[i].modules);
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

static void files_are_listed(attr_unused void **state)
{
	autojson json_t *report = build("stuck");
	const json_t *result = result_of(report, "features.scan");
	const json_t *file = json_array_get(json_object_get(result, "files"), 0);

	assert_string_equal(jx_get_str(file, "name"), "stacks.txt");
	assert_true(jx_get_bool(json_object_get(result, "child"), "stuck", false));
}

/* --- rounds ------------------------------------------------------------------------------------- */

static void a_flaky_scenario(attr_unused void **state)
{
	static const char *const outcomes[] = { "pass", "fail", "pass", "fail", "pass" };
	autojson json_t *report = build("flaky");
	const json_t *result = result_of(report, "topo.pair-verdict");
	const json_t *rounds = json_object_get(result, "rounds");

	assert_true(jx_get_bool(result, "flaky", false));
	assert_string_equal(jx_get_str(result, "why"),
			    "in 2 of 5 rounds: 4096 bytes differ from offset 4096");
	assert_int_equal(json_array_size(rounds), ARRAY_LEN(outcomes));
	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
		const json_t *round = json_array_get(rounds, i);

		assert_int_equal(jx_get_int(round, "round", 0), i + 1);
		assert_string_equal(jx_get_str(round, "outcome"), outcomes[i]);
	}
	/* all else is of the first round that failed, with nothing of the others in it */
	assert_int_equal(jx_get_int(result, "round", 0), 2);
	assert_string_equal(jx_get_str(result, "seed"), "0x09d1f0cb6b5e6ed2");
	assert_string_equal(jx_get_str(result, "dir"), "004-topo.pair-verdict");
	assert_int_equal(json_array_size(json_object_get(result, "devices")), 1);
	/* said in two rounds, listed once */
	assert_int_equal(json_array_size(json_object_get(report, "findings")), 1);
}

/* What broke before it came to an outcome does not make flaky, and is not forgotten either. */
static void a_round_that_broke(attr_unused void **state)
{
	autojson json_t *report = build("flaky");
	const json_t *result = result_of(report, "odp.write");

	assert_false(jx_get_bool(result, "flaky", true));
	assert_string_equal(jx_get_str(result, "outcome"), "error");
	assert_string_equal(jx_get_str(result, "why"), "reported no outcome");
	assert_int_equal(jx_get_int(result, "round", 0), 3);
	assert_false(jx_get_bool(result_of(report, "features.scan"), "flaky", true));
}

static void one_round_is_no_list_of_rounds(attr_unused void **state)
{
	autojson json_t *once = build("pass");
	autojson json_t *ended_early = build("until-fail");
	const json_t *rounds;

	rounds = json_object_get(result_of(once, "odp.write"), "rounds");
	assert_int_equal(json_array_size(rounds), 0);
	assert_int_equal(json_array_size(json_object_get(once, "replay")), 0);
	/* asked for ten, and these came once and not at all */
	rounds = json_object_get(result_of(ended_early, "odp.write"), "rounds");
	assert_int_equal(json_array_size(rounds), 1);
	rounds = json_object_get(result_of(ended_early, "odp.read"), "rounds");
	assert_int_equal(json_array_size(rounds), 0);
}

static void assert_replay(const json_t *replay, const char *expected)
{
	autofree char *line = strings_join(replay, " ");

	assert_string_equal(line, expected);
}

static void how_to_do_it_again(attr_unused void **state)
{
	autojson json_t *rounds = build("flaky");
	autojson json_t *once = build("fail-refuted");
	autojson json_t *until = build("until-fail");
	autojson json_t *timed = build("signal-then-resumed");

	assert_replay(json_object_get(result_of(rounds, "topo.pair-verdict"), "replay"),
		      "p2pcert run --seed 0x09d1f0cb6b5e6ed2 --level full --inject skip-copy "
		      "--inject leak --module-dir /srv/it's here --soft-rdma p2pcert-v0 "
		      "--allow-unsafe --device 0000:03:00.0 --device nvme0n1 topo.pair-verdict");
	assert_replay(json_object_get(result_of(rounds, "features.scan"), "replay"), "");
	assert_replay(json_object_get(rounds, "replay"),
		      "p2pcert run --seed 0x1122334455667788 --level full --inject skip-copy "
		      "--inject leak --module-dir /srv/it's here --soft-rdma p2pcert-v0 "
		      "--allow-unsafe --device 0000:03:00.0 --device nvme0n1 --repeat 5 --shuffle "
		      "features.scan topo.pair-verdict odp.write");
	assert_replay(json_object_get(result_of(once, "topo.pair-verdict"), "replay"),
		      "p2pcert run --seed 0x1122334455667788 --level standard topo.pair-verdict");
	assert_replay(json_object_get(once, "replay"), "");
	/* not the soft device of the profile */
	assert_replay(json_object_get(until, "replay"),
		      "p2pcert run --seed 0x1122334455667788 --level standard --rdma-device mlx5_0 "
		      "--repeat 10 --until-fail --timeout 7200 features.scan topo.pair-verdict "
		      "odp.write odp.read");
	assert_replay(json_object_get(timed, "replay"),
		      "p2pcert run --seed 0x1122334455667788 --level soak --duration 3600 "
		      "features.scan topo.pair-verdict");
}

/* --- gone on with ------------------------------------------------------------------------------- */

static void assert_resumed(const json_t *report, size_t i, bool rebooted, bool restore_only)
{
	const json_t *entry = json_array_get(json_object_get(report, "resumed"), i);

	assert_int_equal(jx_get_bool(entry, "rebooted", !rebooted), rebooted);
	assert_int_equal(jx_get_bool(entry, "restore_only", !restore_only), restore_only);
}

static void gone_on_with_after_a_reboot(attr_unused void **state)
{
	autojson json_t *report = build("resumed");
	const json_t *result = result_of(report, "topo.pair-verdict");
	const json_t *errors = json_object_get(result, "errors");

	assert_true(jx_get_bool(report, "complete", false));
	assert_int_equal(json_array_size(json_object_get(report, "resumed")), 1);
	assert_resumed(report, 0, true, false);
	assert_string_equal(jx_get_str(result, "kind"), "incomplete");
	assert_int_equal(json_array_size(errors), 1);
	assert_string_equal(jx_get_str(json_array_get(errors, 0), "text"),
			    "the run died while it ran, and the machine was rebooted since");
	/* loaded by both processes, listed once */
	assert_int_equal(json_array_size(json_object_get(report, "modules")), 1);
	assert_int_equal(json_array_size(json_object_get(report, "not_undone")), 0);
}

static void gone_on_with_twice(attr_unused void **state)
{
	autojson json_t *report = build("resumed-twice");
	const json_t *skipped = result_of(report, "odp.read");

	assert_int_equal(json_array_size(json_object_get(report, "resumed")), 2);
	assert_resumed(report, 0, true, false);
	assert_resumed(report, 1, false, false);
	assert_string_equal(jx_get_str(result_of(report, "topo.pair-verdict"), "why"),
			    "the run died while it ran");
	/* the first process died while it said why, the second said it anew */
	assert_int_equal(json_array_size(json_object_get(skipped, "skip")), 1);
}

/* Undoing does not make a run that died another one. */
static void only_restored(attr_unused void **state)
{
	autojson json_t *report = build("restored-only");
	const json_t *interrupted = json_object_get(report, "interrupted");
	const json_t *running = json_object_get(interrupted, "running");

	assert_resumed(report, 0, false, true);
	assert_string_equal(jx_get_str(interrupted, "reason"), "died");
	assert_string_equal(jx_get_str(interrupted, "last_record"), "2026-10-26T07:33:21Z");
	assert_int_equal(json_array_size(running), 1);
	assert_string_equal(json_string_value(json_array_get(running, 0)), "topo.pair-verdict");
	assert_int_equal(json_array_size(json_object_get(report, "not_undone")), 0);
}

static void undone_in_the_end(attr_unused void **state)
{
	autojson json_t *report = build("undo-failed-then-undone");

	assert_true(jx_get_bool(report, "complete", false));
	assert_string_equal(jx_get_str(report, "ended"), "2026-10-26T07:33:21Z");
	assert_int_equal(json_array_size(json_object_get(report, "not_undone")), 0);
}

static void the_last_words_of_a_kernel(attr_unused void **state)
{
	autojson json_t *report = build("panic");
	const json_t *result = result_of(report, "topo.pair-verdict");

	assert_string_equal(jx_get_str(result, "why"),
			    "was running when the journal ends; the kernel's log: Kernel panic - "
			    "not syncing: Fatal exception");
	assert_int_equal(json_array_size(json_object_get(result, "kernel_log")), 2);
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
		{ "no-whole-line", "the run never started" },
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
		{ "starts-again", "'features.scan' was started in round 1 before" },
		{ "round-again", "'features.scan' was started in round 2 before" },
		{ "round-zero", "'round' is no number of a round" },
		{ "round-missing", "'round' is missing" },
		{ "two-at-once", "'features.scan' has not ended yet" },
		{ "evidence-of-another", "'features.scan' has not ended yet" },
		{ "evidence-never-started", "'features.scan' was not started" },
		{ "starts-after-skip", "'features.scan' has ended before" },
		{ "starts-after-end", "the run has ended before" },
		{ "record-after-end", "the run has ended before" },
		{ "resume-first", "the run has not started yet" },
		{ "resume-no-boot-id", "'boot_id' is missing" },
		{ "evidence-after-resume", "was over when the run was gone on with" },
		{ "end-after-resume", "was over when the run was gone on with" },
		{ "starts-again-after-resume", "'features.scan' was started in round 1 before" },
		{ "starts-while-restoring", "gone on with to undo changes only" },
		{ "ends-while-restoring", "gone on with to undo changes only" },
		{ "no-options", "'options' is missing" },
		{ "level-unknown", "'options.level' is no level" },
		{ "taint-module-string", "'taint_modules[0]' is no object" },
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
		{ "undo-number-again", "change 3 was made before" },
		{ "undone-twice", "change 3 was undone before" },
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
	static const char *const names[] = { "pass", "resumed", "resumed-twice", "flaky" };
	autofree char *platform = data_file("pass/platform.json");
	autoclose int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	copy_file(platform, *state, "platform.json");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *name = xasprintf("%s/journal.jsonl", names[i]);
		autofree char *path = data_file(name);
		autofree char *text = NULL;
		size_t len, first;

		assert_int_equal(fs_read(AT_FDCWD, path, 1u << 20, &text, &len), 0);
		first = strcspn(text, "\n");
		for (size_t cut = 0; cut < len; cut += 97) {
			autojson json_t *report = NULL;
			autofree char *why = NULL;
			int r;

			assert_int_equal(fs_publish(dirfd, "journal.jsonl", text, cut, 0600), 0);
			r = build_at(*state, &report, &why);
			if (cut <= first) {
				assert_int_equal(r, -EINVAL);
				assert_non_null(why);
				continue;
			}
			assert_int_equal(r, 0);
			assert_false(jx_get_bool(report, "complete", true));
			assert_in_set((uintmax_t)jx_get_int(report, "exit_status", 0),
				      ((uintmax_t[]){ 1, 3 }), 2);
		}
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

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A report that cannot be written leaves the one that was there, and nothing else. */
static void published_whole_or_not_at_all(void **state)
{
	autoclose int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *path = xasprintf("%s/report.json", (char *)*state);
	autojson json_t *old = build("signal");
	autojson json_t *report = build("fail-refuted");
	autojson json_t *loaded = NULL;
	autofree char *why = NULL;
	struct rlimit whole, little = { 4096, RLIM_INFINITY };
	size_t entries;

	assert_int_equal(report_publish(dirfd, old), 0);
	entries = count_entries(*state);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
	little.rlim_max = whole.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(report_publish(dirfd, report), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
	assert_int_equal(report_load(path, &loaded, &why), 0);
	assert_true(json_equal(old, loaded));
	assert_int_equal(count_entries(*state), entries);
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

/* The same failure, waived by nobody, or for longer than was granted. */
static void a_waiver_is_not_edited_in(void **state)
{
	autojson json_t *waived = build("waived"), *expired = build("waiver-expired");
	autojson json_t *report = build("known-defect");
	json_t *waiver = json_array_get(json_object_get(expired, "waivers"), 0);

	json_object_set(report, "waivers", json_object_get(waived, "waivers"));
	assert_refused(*state, report, "'waivers' are not what");
	jx_set_str(waiver, "state", "applied");
	jx_append_str(json_object_get(waiver, "scenarios"), "topo.pair-verdict");
	assert_refused(*state, expired, "'waivers' are not what");
	json_object_del(waived, "waivers");
	assert_refused(*state, waived, "'waivers' are not what");
}

/* One that says that all went well, or nothing of what did not. */
static void pairs_are_not_edited(void **state)
{
	autojson json_t *report = build("fail-refuted"), *other = build("fail-refuted");
	json_t *pair = json_array_get(json_object_get(report, "pairs"), 0);

	assert_non_null(pair);
	jx_set(pair, "moved", jx_array());
	assert_refused(*state, report, "'pairs' are not what the results give");
	jx_set(other, "pairs", jx_array());
	assert_refused(*state, other, "'pairs' are not what the results give");
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
					    "not_undone", "inject",  "kernel_log",  "started" };
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

/* What is in lists is looked at as well: nothing of it is trusted. */
static void a_kernel_log_of_another_shape_is_refused(void **state)
{
	autojson json_t *report = build("pass");
	json_t *line = json_array_get(json_object_get(report, "kernel_log"), 0);

	json_object_del(line, "severity");
	assert_refused(*state, report, "'kernel_log[0].severity' is missing");
}

/* Keys that came later are not asked for. */
static void an_older_report_is_taken(void **state)
{
	static const char *const keys[] = { "resumed", "options",     "replay", "slowness",
					    "boot_id", "workarounds", "errata", "waivers" };
	autofree char *path = xasprintf("%s/report.json", (char *)*state);
	autojson json_t *report = build("pass");
	autojson json_t *loaded = NULL;
	autofree char *why = NULL;
	json_t *result;
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys); i++)
		json_object_del(report, keys[i]);
	json_array_foreach (json_object_get(report, "results"), i, result) {
		json_object_del(result, "flaky");
		json_object_del(result, "rounds");
		json_object_del(result, "replay");
	}
	put(*state, report);
	if (report_load(path, &loaded, &why) < 0)
		fail_msg("%s", why);
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
		cmocka_unit_test(each_directory_has_its_verdict),
		cmocka_unit_test(golden),
		cmocka_unit_test(no_directory_is_left_out),
		cmocka_unit_test(a_complete_run),
		cmocka_unit_test(refuted_outweighs_proven),
		cmocka_unit_test(missing_outweighs_proven),
		cmocka_unit_test(a_run_that_died),
		cmocka_unit_test(a_torn_journal_says_so),
		cmocka_unit_test(changes_not_undone),
		cmocka_unit_test(who_tainted),
		cmocka_unit_test(why_is_the_supervisors_for_errors),
		cmocka_unit_test(every_reason_to_skip_is_told),
		cmocka_unit_test(files_are_listed),
		cmocka_unit_test(a_flaky_scenario),
		cmocka_unit_test(a_round_that_broke),
		cmocka_unit_test(one_round_is_no_list_of_rounds),
		cmocka_unit_test(how_to_do_it_again),
		cmocka_unit_test(gone_on_with_after_a_reboot),
		cmocka_unit_test(gone_on_with_twice),
		cmocka_unit_test(only_restored),
		cmocka_unit_test(undone_in_the_end),
		cmocka_unit_test(the_last_words_of_a_kernel),
		test_in_dir(damaged_journals_are_refused),
		test_in_dir(a_directory_without_a_journal),
		test_in_dir(a_platform_that_is_none),
		test_in_dir(cut_anywhere),
		test_in_dir(published_and_loaded),
		test_in_dir(published_whole_or_not_at_all),
		test_in_dir(an_edited_report_is_refused),
		test_in_dir(a_waiver_is_not_edited_in),
		test_in_dir(pairs_are_not_edited),
		test_in_dir(an_interruption_is_not_edited_away),
		test_in_dir(a_report_of_another_shape_is_refused),
		test_in_dir(a_kernel_log_of_another_shape_is_refused),
		test_in_dir(an_older_report_is_taken),
		test_in_dir(a_file_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
