/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going on with a run that died, only undoing what it left, and rounds: lib/runner/run.c, past.c and
 * plan.c. What is asserted is what the journal says and what was changed on the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/jx.h"
#include "machine.h"
#include "report/report.h"
#include "runner/past.h"
#include "runner/plan.h"

static void changes_are(const struct machine *m, const char *wanted)
{
	autofree char *changes = machine_read(m->dir, "changes");

	assert_string_equal(changes ? changes : "", wanted);
}

static void outcome_is(const json_t *journal, const char *id, const char *wanted)
{
	const json_t *end = journal_find(journal, "scenario-end", id);

	if (!end)
		fail_msg("%s has not ended", id);
	assert_string_equal(jx_get_str(end, "outcome"), wanted);
}

static json_t *report_of(const struct machine *m)
{
	autoclose int fd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *why = NULL;
	json_t *report;

	if (report_build(fd, &report, &why) < 0)
		fail_msg("%s", why);
	return report;
}

/* Ends the process of a run that hangs in its scenario. */
static void end_hanging(const struct machine *m, pid_t pid, int sig)
{
	int status;

	machine_wait_for(m->dir, "hanging");
	kill(pid, sig);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	machine_remove(m->dir, "hanging");
}

static void killed_and_resumed(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *before = NULL;
	autojson json_t *report = NULL;
	const json_t *resume;

	end_hanging(m,
		    machine_start(m, "test.pass", "test.module-a", "test.change-hang", "test.flaky",
				  "test.module-reject", NULL),
		    SIGKILL);
	changes_are(m, "+test_a\n+one\n");
	before = machine_journal(m);

	assert_int_equal(machine_go_on(m, false), 0);
	/* what was left is undone first, and modules are only loaded again for who still needs them */
	changes_are(m, "+test_a\n+one\n-one\n-test_a\n");
	journal = machine_journal(m);
	for (size_t i = 0; i < json_array_size(before); i++)
		assert_true(json_equal(json_array_get(journal, i), json_array_get(before, i)));
	resume = json_array_get(journal, json_array_size(before));
	assert_string_equal(jx_get_str(resume, "event"), "resume");
	assert_false(jx_get_bool(resume, "restore_only", true));
	assert_int_equal(journal_count(journal, "scenario-start", "test.change-hang"), 1);
	assert_int_equal(journal_count(journal, "scenario-end", "test.change-hang"), 0);
	assert_int_equal(journal_count(journal, "scenario-start", "test.pass"), 1);
	assert_int_equal(journal_count(journal, "scenario-start", "test.module-a"), 1);
	outcome_is(journal, "test.flaky", "pass");
	report = report_of(m);
	assert_true(jx_get_bool(report, "complete", false));
	assert_int_equal(jx_get_int(report, "exit_status", -1), EXIT_ENVIRONMENT);
	assert_int_equal(json_array_size(json_object_get(report, "not_undone")), 0);

	/* nothing is left to do */
	assert_int_equal(machine_go_on(m, true), 0);
}

/* What a reboot has undone must not be undone again: it would be somebody else's. */
static void rebooted(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	const json_t *done;

	end_hanging(m, machine_start(m, "test.module-a", "test.change-hang", NULL), SIGKILL);
	machine_write(m->dir, "boot_id", "second-boot\n");
	assert_int_equal(machine_go_on(m, false), 0);
	changes_are(m, "+test_a\n+one\n");
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "undo-done", NULL), 2);
	done = journal_find(journal, "undo-done", NULL);
	assert_string_equal(jx_get_str(done, "result"), "gone");
	assert_string_equal(jx_get_str(done, "text"), "the machine was rebooted since");
}

static void restored_only(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *report = NULL;

	end_hanging(
		m, machine_start(m, "test.module-a", "test.change-hang", "test.kills-kernel", NULL),
		SIGKILL);
	assert_int_equal(machine_go_on(m, true), 0);
	changes_are(m, "+test_a\n+one\n-one\n-test_a\n");
	journal = machine_journal(m);
	assert_null(journal_find(journal, "scenario-start", "test.kills-kernel"));
	assert_null(journal_find(journal, "run-end", NULL));
	report = report_of(m);
	assert_false(jx_get_bool(report, "complete", true));
	/* and it can still go on */
	assert_int_equal(machine_go_on(m, false), 0);
	changes_are(m, "+test_a\n+one\n-one\n-test_a\n");
}

static void ended_by_signal_and_resumed(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;

	end_hanging(m, machine_start(m, "test.change-hang", "test.flaky", NULL), SIGTERM);
	changes_are(m, "+one\n-one\n");
	assert_int_equal(machine_go_on(m, false), 0);
	journal = machine_journal(m);
	outcome_is(journal, "test.change-hang", "error");
	assert_int_equal(journal_count(journal, "scenario-start", "test.change-hang"), 1);
	outcome_is(journal, "test.flaky", "pass");
	assert_int_equal(journal_count(journal, "run-end", NULL), 2);
}

static void stubborn_change(void **state)
{
	struct machine *m = *state;
	autojson json_t *report = NULL;
	autojson json_t *mended = NULL;

	assert_int_equal(machine_run(m, "test.change-stubborn", NULL), 0);
	report = report_of(m);
	assert_int_equal(json_array_size(json_object_get(report, "not_undone")), 1);
	assert_int_equal(jx_get_int(report, "exit_status", -1), EXIT_ENVIRONMENT);
	assert_int_equal(machine_go_on(m, true), EXIT_ENVIRONMENT);

	machine_remove(m->dir, "stubborn");
	assert_int_equal(machine_go_on(m, true), 0);
	changes_are(m, "+stubborn\n-stubborn\n");
	mended = report_of(m);
	assert_int_equal(jx_get_int(mended, "exit_status", -1), EXIT_VERDICT_PASS);
}

/* A change that somebody else had made already is not this run's to undo. */
static void already_there(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;

	machine_write(m->dir, "on-test_a", "");
	assert_int_equal(machine_run(m, "test.module-a", NULL), 0);
	changes_are(m, "");
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "undo-add", NULL), 0);
	assert_int_equal(journal_count(journal, "module", NULL), 1);
	outcome_is(journal, "test.module-a", "pass");
}

static void changes_of_scenarios(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;

	assert_int_equal(machine_run(m, "test.change", "test.change-segv", "test.change-unsafe",
				     "test.change-unknown", "test.change-rude", NULL),
			 0);
	/* each is undone before the next scenario starts */
	changes_are(m, "+one\n+two\n-two\n-one\n+one\n-one\n+one\n-one\n");
	journal = machine_journal(m);
	outcome_is(journal, "test.change", "pass");
	outcome_is(journal, "test.change-segv", "error");
	outcome_is(journal, "test.change-unsafe", "fail");
	outcome_is(journal, "test.change-unknown", "fail");
	outcome_is(journal, "test.change-rude", "pass");
	assert_non_null(
		strstr(jx_get_str(journal_find(journal, "why", "test.change-unsafe"), "text"),
		       "for unsafe scenarios only"));
	assert_non_null(
		strstr(jx_get_str(journal_find(journal, "why", "test.change-unknown"), "text"),
		       "no kind of change 'no-such-kind'"));
}

/* Taken back when asked for, and the rest when it is over; what was there before stays. */
static void changes_taken_back(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;

	assert_int_equal(machine_run(m, "test.module-a", "test.change-undo", NULL), 0);
	changes_are(m, "+test_a\n+one\n+two\n-two\n+three\n-three\n-one\n+four\n-four\n-test_a\n");
	journal = machine_journal(m);
	outcome_is(journal, "test.change-undo", "pass");
	assert_int_equal(journal_count(journal, "undo-done", NULL), 5);
}

static void unsafe_scenarios(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;

	assert_int_equal(machine_run(m, "test.unsafe", NULL), 0);
	changes_are(m, "");
	journal = machine_journal(m);
	outcome_is(journal, "test.unsafe", "skip");
	assert_string_equal(jx_get_str(journal_find(journal, "skip", "test.unsafe"), "category"),
			    "unsafe-not-enabled");
}

/* Also one whose taint cannot be seen: on that boot nothing is begun any more. */
static void untrusted_boot(void **state)
{
	struct machine *m = *state;
	autofree char *results = xasprintf("%s/next", m->dir);

	assert_int_equal(machine_run(m, "test.kills-kernel", NULL), 0);
	machine_write(m->dir, "tainted", "12288\n");
	free(m->results);
	m->results = take_ptr(results);
	m->options.results = m->results;
	assert_int_equal(machine_run(m, "test.pass", NULL), EXIT_HOST_UNTRUSTED);
	assert_int_equal(access(m->results, F_OK), -1);
	machine_remove(m->dir, "lock"); /* as /run is, after a reboot */
	assert_int_equal(machine_run(m, "test.pass", NULL), 0);
}

/* --- what is refused ----------------------------------------------------------------------------- */

static int try_past(const struct machine *m, char **why)
{
	autoclose int dirfd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct past *past autopast = NULL;

	return past_read(dirfd, m->options.table, m->options.table_len, &past, why);
}

static void refused_journals(void **state)
{
	struct machine *m = *state;
	autofree char *path = xasprintf("%s/journal.jsonl", m->results);
	static const struct {
		const char *text;
		const char *why;
	} journals[] = {
		{ "", "does not begin with" },
		{ "{\"event\":\"platform\",\"seq\":0,\"t_ns\":1}\n", "does not begin with" },
		{ "{\"event\":\"run-start\",\"seq\":0,\"t_ns\":1}\n", "does not begin with" },
		{ "{\"event\":\"run-start\",\"seq\":0,\"t_ns\":1,\"schema\":\"p2pcert.journal/1\","
		  "\"selected\":[\"no.such\"]}\n",
		  "'no.such' is not known" },
		{ "{\"event\":\"run-start\",\"seq\":0,\"t_ns\":1,\"schema\":\"p2pcert.journal/1\","
		  "\"selected\":[7]}\n",
		  "is not known" },
		{ "[]\n{}\n", "damaged" },
	};

	assert_int_equal(mkdir(m->results, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(journals); i++) {
		autofree char *why = NULL;

		machine_write(m->results, "journal.jsonl", journals[i].text);
		assert_int_equal(try_past(m, &why), -EINVAL);
		if (!strstr(why, journals[i].why))
			fail_msg("journal %zu: '%s'", i, why);
	}
	{
		autofree char *why = NULL;

		assert_int_equal(chmod(path, 0622), 0);
		assert_int_equal(try_past(m, &why), -EPERM);
	}
	{
		autofree char *why = NULL;

		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(chmod(m->results, 0770), 0);
		assert_int_equal(try_past(m, &why), -EPERM);
		assert_int_equal(chmod(m->results, 0700), 0);
	}
}

/* Between reading the past and locking the machine somebody else went on: nothing is done twice. */
static void stale_past(void **state)
{
	struct machine *m = *state;
	struct run_options options = m->options;
	autoclose int dirfd = -1;
	struct past *past autopast = NULL;
	autofree char *why = NULL;
	autojson json_t *journal = NULL;

	end_hanging(m, machine_start(m, "test.change-hang", "test.flaky", NULL), SIGKILL);
	dirfd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(past_read(dirfd, options.table, options.table_len, &past, &why), 0);
	past_options(past, &options);
	assert_int_equal(machine_go_on(m, false), 0);
	assert_int_equal(run_resume(&options, past, dirfd), EXIT_ENVIRONMENT);
	assert_int_equal(run_restore(&options, past, dirfd), EXIT_ENVIRONMENT);
	changes_are(m, "+one\n-one\n");
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "resume", NULL), 1);
	assert_int_equal(journal_count(journal, "scenario-start", "test.flaky"), 1);
}

/* --- rounds -------------------------------------------------------------------------------------- */

/* "id@round id@round ...", of every scenario-start; the caller frees it. */
static char *started(const json_t *journal)
{
	char *text = xstrdup("");
	const json_t *record;
	size_t i;

	json_array_foreach (journal, i, record) {
		autofree char *before = text;

		if (strcmp(jx_get_str(record, "event"), "scenario-start") == 0)
			text = xasprintf("%s%s@%d ", before, jx_get_str(record, "scenario"),
					 (int)jx_get_int(record, "round", 0));
		else
			text = take_ptr(before);
	}
	return text;
}

static void repeated(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *report = NULL;
	autofree char *order = NULL;

	m->options.rounds.repeat = 3;
	assert_int_equal(machine_run(m, "test.pass", "test.module-absent", "test.flaky", NULL), 0);
	journal = machine_journal(m);
	order = started(journal);
	assert_string_equal(order, "test.pass@1 test.flaky@1 test.pass@2 test.flaky@2 test.pass@3 "
				   "test.flaky@3 ");
	/* what cannot start is said once */
	assert_int_equal(journal_count(journal, "scenario-end", "test.module-absent"), 1);
	report = report_of(m);
	assert_int_equal(json_array_size(json_object_get(report, "results")), 3);
}

/* The first round whose seed is odd fails; that seed alone as the run's fails at once. */
static void until_fail_and_replayed(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *again = NULL;
	autofree char *results = xasprintf("%s/again", m->dir);
	unsigned int round = 1;

	while (plan_round_seed(m->options.env.seed, round) % 2 == 0)
		round++;
	assert_true(round > 1);
	m->options.rounds = (struct run_rounds){ .repeat = REPEAT_FOREVER, .until_fail = true };
	assert_int_equal(machine_run(m, "test.flaky", "test.pass", NULL), 0);
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "scenario-start", "test.flaky"), round);
	/* the table's order has test.pass first: it has run in the round that failed */
	assert_int_equal(journal_count(journal, "scenario-start", "test.pass"), round);

	m->options.rounds = (struct run_rounds){ .repeat = 1 };
	m->options.env.seed = plan_round_seed(m->options.env.seed, round);
	free(m->results);
	m->results = take_ptr(results);
	m->options.results = m->results;
	assert_int_equal(machine_run(m, "test.flaky", NULL), 0);
	again = machine_journal(m);
	outcome_is(again, "test.flaky", "fail");
}

static void order_is_drawn(void **state attr_unused)
{
	struct plan_item items[5] = { 0 };
	const struct plan plan = { .items = items, .n = ARRAY_LEN(items) };
	bool seen[ARRAY_LEN(items)] = { false };
	size_t a[ARRAY_LEN(items)], b[ARRAY_LEN(items)], kept[ARRAY_LEN(items)];
	unsigned int differing = 0;

	plan_order(&plan, false, 7, kept);
	for (size_t i = 0; i < plan.n; i++)
		assert_int_equal(kept[i], i);
	for (uint64_t seed = 0; seed < 32; seed++) {
		plan_order(&plan, true, seed, a);
		plan_order(&plan, true, seed, b);
		assert_memory_equal(a, b, sizeof(a));
		differing += memcmp(a, kept, sizeof(a)) != 0;
		memset(seen, 0, sizeof(seen));
		for (size_t i = 0; i < plan.n; i++)
			seen[a[i]] = true;
		for (size_t i = 0; i < plan.n; i++)
			assert_true(seen[i]);
	}
	assert_true(differing > 24);
	assert_int_equal(plan_round_seed(42, 1), 42);
	assert_int_not_equal(plan_round_seed(42, 2), plan_round_seed(42, 3));
}

/* A shuffled run that died goes on in the order that it would have had. */
static void shuffled_and_resumed(void **state)
{
	struct machine *m = *state;
	autofree char *results = xasprintf("%s/whole", m->dir);
	autojson json_t *whole = NULL;
	autojson json_t *parts = NULL;
	autofree char *wanted = NULL;
	autofree char *is = NULL;

	m->options.rounds = (struct run_rounds){ .repeat = 3, .shuffle = true };
	end_hanging(m,
		    machine_start(m, "test.pass", "test.fail", "test.skip", "test.change-hang",
				  "test.flaky", NULL),
		    SIGKILL);
	/* it hangs in each of its rounds: every death is one round further */
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(machine_go_on(m, false));
		end_hanging(m, pid, SIGKILL);
	}
	assert_int_equal(machine_go_on(m, false), 0);
	parts = machine_journal(m);
	is = started(parts);

	free(m->results);
	m->results = take_ptr(results);
	m->options.results = m->results;
	{
		pid_t pid = machine_start(m, "test.pass", "test.fail", "test.skip",
					  "test.change-segv", "test.flaky", NULL);

		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	whole = machine_journal(m);
	wanted = started(whole);
	for (char *at; (at = strstr(wanted, "change-segv"));)
		memcpy(at, "change-hang", strlen("change-hang"));
	assert_string_equal(is, wanted);
	assert_int_equal(journal_count(parts, "resume", NULL), 3);
}

static void levels(void **state)
{
	struct machine *m = *state;
	char *required[] = { (char *)"test.pass", (char *)"test.thorough" };
	autojson json_t *journal = NULL;
	const json_t *skip;

	m->profile.required = (struct id_list){ required, ARRAY_LEN(required) };
	m->options.env.level = LEVEL_STANDARD;
	assert_int_equal(machine_run(m, NULL), 0);
	m->profile.required = (struct id_list){ 0 };
	journal = machine_journal(m);
	outcome_is(journal, "test.pass", "pass");
	skip = journal_find(journal, "skip", "test.thorough");
	assert_string_equal(jx_get_str(skip, "category"), "user-excluded");
	assert_string_equal(jx_get_str(skip, "text"), "is part of level 'full', not of 'standard'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_machine(killed_and_resumed),
		test_on_machine(rebooted),
		test_on_machine(restored_only),
		test_on_machine(ended_by_signal_and_resumed),
		test_on_machine(stubborn_change),
		test_on_machine(already_there),
		test_on_machine(changes_of_scenarios),
		test_on_machine(changes_taken_back),
		test_on_machine(unsafe_scenarios),
		test_on_machine(untrusted_boot),
		test_on_machine(refused_journals),
		test_on_machine(stale_past),
		test_on_machine(repeated),
		test_on_machine(until_fail_and_replayed),
		test_on_machine(shuffled_and_resumed),
		test_on_machine(levels),
		cmocka_unit_test(order_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
