/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/run.c and supervise.c: scenarios that misbehave in every way, a kernel that complains, a
 * user who loses patience, a disk that is full. What is asserted is what the journal says.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "machine.h"
#include "report/report.h"
#include "runner/results.h"
#include "runner/supervise.h"

/* NULL: must not be there, or is not looked at */
struct expected {
	const char *id;
	const char *outcome;
	const char *kind;
	const char *error; /* part of the first error's text */
	const char *kernel_log; /* state of that evidence */
};

static const struct expected table[] = {
	{ "test.pass", "pass", NULL, NULL, "proven" },
	{ "test.fail", "fail", NULL, NULL, "proven" },
	{ "test.segv", "error", "crash", "killed by SIGSEGV", "proven" },
	{ "test.abort", "error", "crash", "killed by SIGABRT", "proven" },
	{ "test.exit", "error", "incomplete", "exited with status 7", "proven" },
	{ "test.silent", "error", "incomplete", "reported 0 outcomes", "proven" },
	{ "test.twice", "error", "incomplete", "reported 2 outcomes", "proven" },
	{ "test.unproven", "inconclusive", NULL, NULL, "proven" },
	{ "test.contradicted", "inconclusive", NULL, NULL, "proven" },
	{ "test.refuted", "fail", NULL, NULL, "proven" },
	{ "test.refuted-crash", "fail", NULL, "killed by SIGABRT", "proven" },
	{ "test.flood-output", "pass", NULL, NULL, "proven" },
	{ "test.flood-channel", "error", "incomplete", "more than 4096 records", "proven" },
	{ "test.endless-line", "error", "incomplete", "a record of more than", "proven" },
	{ "test.garbage", "error", "incomplete", "record 1 that it reported is invalid", "proven" },
	{ "test.bad-utf8", "error", "incomplete", "record 1 that it reported is invalid",
	  "proven" },
	{ "test.forged", "error", "incomplete", "record 1 that it reported is invalid", "proven" },
	{ "test.cut-line", "error", "incomplete", "is cut off", "proven" },
	{ "test.hostile-text", "pass", NULL, NULL, "proven" },
	{ "test.skip", "skip", NULL, NULL, "proven" },
	{ "test.skip-silent", "error", "incomplete", "skip without a reason", "proven" },
	{ "test.error", "error", "setup", "cannot map: Cannot allocate memory", "proven" },
	{ "test.exhaust", "pass", NULL, NULL, "proven" },
	{ "test.orphans", "error", "cleanup", "left ", "proven" },
	{ "test.warned", "fail", NULL, NULL, "refuted" },
	{ "test.pretender", "pass", NULL, NULL, "proven" },
	{ "test.lossy", "inconclusive", NULL, NULL, "missing" },
	{ "test.taints", "fail", NULL, NULL, "refuted" },
	{ "test.faults", "fail", NULL, NULL, "refuted" },
	{ "test.leak-module", "error", "cleanup", "left module 'test_leak' loaded", "proven" },
	{ "test.remove-folder", "error", "incomplete", "its results folder was removed", "proven" },
};

static void same_or_absent(const char *id, const char *what, const char *is, const char *wanted)
{
	if (!is != !wanted || (is && strcmp(is, wanted) != 0))
		fail_msg("%s: %s is '%s', not '%s'", id, what, is ? is : "absent",
			 wanted ? wanted : "absent");
}

/* The state of the last kernel_log evidence; it is the supervisor's alone. */
static const char *kernel_log_state(const json_t *journal, const char *id)
{
	const char *state = NULL;
	const json_t *record;
	size_t i;

	json_array_foreach (journal, i, record) {
		const char *of = jx_get_str(record, "scenario"), *kind = jx_get_str(record, "kind");

		if (strcmp(jx_get_str(record, "event"), "evidence") == 0 && strcmp(of, id) == 0 &&
		    strcmp(kind, "kernel_log") == 0)
			state = jx_get_str(record, "state");
	}
	return state;
}

static void check_end(const json_t *journal, const struct expected *e)
{
	const json_t *end = journal_find(journal, "scenario-end", e->id);
	const json_t *error = journal_find(journal, "error", e->id);

	if (!end)
		fail_msg("%s: has no scenario-end", e->id);
	same_or_absent(e->id, "outcome", jx_get_str(end, "outcome"), e->outcome);
	same_or_absent(e->id, "kind", jx_get_str(end, "kind"), e->kind);
	same_or_absent(e->id, "kernel_log", kernel_log_state(journal, e->id), e->kernel_log);
	if (!error != !e->error || (error && !strstr(jx_get_str(error, "text"), e->error)))
		fail_msg("%s: error is '%s', not '%s'", e->id,
			 error ? jx_get_str(error, "text") : "absent",
			 e->error ? e->error : "absent");
}

static json_t *build_report(const struct machine *m)
{
	autoclose int fd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *why = NULL;
	json_t *report;

	if (report_build(fd, &report, &why) < 0)
		fail_msg("%s", why);
	return report;
}

/* One after another in one run: none may spoil the next. */
static void misbehaving_ones(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *report = NULL;
	autofree char *output = NULL;
	autofree char *orphan = NULL;
	char **required = xcalloc(ARRAY_LEN(table), sizeof(*required));
	int status;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		required[i] = (char *)table[i].id;
	m->profile.required = (struct id_list){ required, ARRAY_LEN(table) };
	status = machine_run(m, NULL);
	m->profile.required = (struct id_list){ 0 };
	free(required);
	assert_int_equal(status, 0);

	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "scenario-end", NULL), ARRAY_LEN(table));
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check_end(journal, &table[i]);
	same_or_absent("run", "reason",
		       jx_get_str(journal_find(journal, "run-end", NULL), "reason"), "complete");

	output = machine_read(m->results, "001-test.pass/output.txt");
	assert_string_equal(output, "printed by the scenario\n");
	free(output);
	output = machine_read(m->results, "012-test.flood-output/output.txt");
	assert_in_range(strlen(output), OUTPUT_MAX, OUTPUT_MAX + 100);
	assert_non_null(strstr(output, "[more was printed, and not kept]"));
	free(output);
	output = machine_read(m->results, "026-test.warned/kernel.log");
	assert_non_null(strstr(output, "WARNING: CPU: 0 PID: 1 at mm/gup.c:1"));
	assert_non_null(strstr(output, "nothing to see"));

	orphan = machine_read(m->dir, "orphan");
	assert_int_equal(kill(atoi(orphan), 0), -1);
	assert_int_equal(errno, ESRCH);

	report = build_report(m);
	assert_int_equal(jx_get_int(report, "exit_status", -1), EXIT_VERDICT_FAIL);
}

static void all_pass(void **state)
{
	struct machine *m = *state;
	autojson json_t *report = NULL;
	struct stat st;

	assert_int_equal(machine_run(m, "test.pass", "test.pretender", NULL), 0);
	report = build_report(m);
	assert_int_equal(jx_get_int(report, "exit_status", -1), EXIT_VERDICT_PASS);
	assert_int_equal(stat(m->results, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void deadlines(void **state)
{
	static const struct expected soft = { "test.hang", "error", "timeout",
					      "ended at its deadline of 1.0 s", "proven" };
	static const struct expected hard = { "test.deaf", "error", "timeout",
					      "by force some time after", "proven" };
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	const json_t *end;

	assert_int_equal(machine_run(m, "test.hang", "test.deaf", NULL), 0);
	journal = machine_journal(m);
	check_end(journal, &soft);
	check_end(journal, &hard);
	end = journal_find(journal, "scenario-end", "test.hang");
	same_or_absent("hang", "deadline", jx_get_str(end, "deadline"), "soft");
	assert_int_equal(jx_get_int(json_object_get(end, "child"), "signal", 0), SIGTERM);
	end = journal_find(journal, "scenario-end", "test.deaf");
	same_or_absent("deaf", "deadline", jx_get_str(end, "deadline"), "hard");
	assert_int_equal(jx_get_int(json_object_get(end, "child"), "signal", 0), SIGKILL);
}

static void time_budget(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *report = NULL;

	m->options.rounds.budget_ns = NS_PER_S;
	assert_int_equal(machine_run(m, "test.hang-long", "test.kills-kernel", NULL), 0);
	journal = machine_journal(m);
	same_or_absent("run", "reason",
		       jx_get_str(journal_find(journal, "run-end", NULL), "reason"), "time-budget");
	assert_null(journal_find(journal, "scenario-start", "test.kills-kernel"));
	report = build_report(m);
	assert_int_equal(jx_get_int(report, "exit_status", -1), EXIT_TIME_BUDGET);
}

static void no_kernel_log(void **state)
{
	struct machine *m = *state;
	struct kmsg *kmsg = m->options.machine.kmsg;
	static const struct expected pass = { "test.pass", "inconclusive", NULL, NULL, "missing" };
	autojson json_t *journal = NULL;

	m->options.machine.kmsg = NULL;
	assert_int_equal(machine_run(m, "test.pass", NULL), 0);
	m->options.machine.kmsg = kmsg;
	journal = machine_journal(m);
	check_end(journal, &pass);
}

static void kernel_dies(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *report = NULL;
	const json_t *end;

	assert_int_equal(machine_run(m, "test.module-a", "test.kills-kernel", NULL), 0);
	journal = machine_journal(m);
	end = journal_find(journal, "scenario-end", "test.kills-kernel");
	same_or_absent("kills_kernel", "outcome", jx_get_str(end, "outcome"), "fail");
	same_or_absent("run", "reason",
		       jx_get_str(journal_find(journal, "run-end", NULL), "reason"),
		       "host-untrusted");
	/* nothing more is asked of that kernel */
	assert_int_equal(journal_count(journal, "undo-add", NULL), 1);
	assert_int_equal(journal_count(journal, "undo-done", NULL), 0);
	report = build_report(m);
	assert_int_equal(jx_get_int(report, "exit_status", -1), EXIT_HOST_UNTRUSTED);
}

static void kernel_dead_before(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;

	machine_write(m->dir, "tainted", "128\n");
	assert_int_equal(machine_run(m, "test.module-a", NULL), 0);
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "scenario-start", NULL), 0);
	assert_int_equal(journal_count(journal, "undo-add", NULL), 0);
	same_or_absent("run", "reason",
		       jx_get_str(journal_find(journal, "run-end", NULL), "reason"),
		       "host-untrusted");
}

/* --- changes ------------------------------------------------------------------------------------- */

static void set_up_and_undo(void **state)
{
	struct machine *m = *state;
	struct soft_rdma link = { .name = (char *)"soft0", .netdev = (char *)"veth0" };
	autojson json_t *journal = NULL;
	autofree char *changes = NULL;
	const json_t *skip;

	m->profile.soft_rdma = &link;
	m->profile.nr_soft_rdma = 1;
	assert_int_equal(machine_run(m, "test.module-a", "test.module-reject", "test.module-half",
				     "test.module-absent", "test.rdma", NULL),
			 0);
	m->profile.nr_soft_rdma = 0;
	changes = machine_read(m->dir, "changes");
	assert_string_equal(changes, "+test_a\n+test_half\n-test_half\n+rdma_rxe\n+soft0\n"
				     "-soft0\n-rdma_rxe\n-test_a\n");

	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "undo-add", NULL), 5);
	assert_int_equal(journal_count(journal, "undo-done", NULL), 5);
	assert_int_equal(journal_count(journal, "module", NULL), 1);
	skip = journal_find(journal, "skip", "test.module-reject");
	same_or_absent("reject", "category", jx_get_str(skip, "category"), "module-rejected");
	skip = journal_find(journal, "skip", "test.module-half");
	same_or_absent("half", "category", jx_get_str(skip, "category"), "module-rejected");
	assert_int_equal(journal_count(journal, "skip", "test.module-absent"), 2);
	assert_null(journal_find(journal, "scenario-start", "test.module-absent"));
	same_or_absent("rdma", "outcome",
		       jx_get_str(journal_find(journal, "scenario-end", "test.rdma"), "outcome"),
		       "pass");
}

/* No scenario needs it: it is not set up. */
static void nothing_to_set_up(void **state)
{
	struct machine *m = *state;
	struct soft_rdma link = { .name = (char *)"soft0", .netdev = (char *)"veth0" };
	autojson json_t *journal = NULL;

	m->profile.soft_rdma = &link;
	m->profile.nr_soft_rdma = 1;
	assert_int_equal(machine_run(m, "test.pass", NULL), 0);
	m->profile.nr_soft_rdma = 0;
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "undo-add", NULL), 0);
}

static void ended_by_signal(void **state)
{
	struct machine *m = *state;
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		autofree char *results = xasprintf("%s/results-%zu", m->dir, i);
		autojson json_t *journal = NULL;
		autojson json_t *report = NULL;
		autofree char *changes = NULL;
		int status;
		pid_t pid;

		free(m->results);
		m->results = take_ptr(results);
		m->options.results = m->results;
		pid = machine_start(m, "test.module-ab", "test.kills-kernel", NULL);
		machine_wait_for(m->dir, "hanging");
		kill(pid, signals[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);

		changes = machine_read(m->dir, "changes");
		assert_string_equal(changes, "+test_a\n+test_b\n-test_b\n-test_a\n");
		journal = machine_journal(m);
		assert_int_equal(journal_count(journal, "scenario-end", NULL), 1);
		assert_int_equal(journal_count(journal, "undo-done", NULL), 2);
		report = build_report(m);
		assert_int_equal(jx_get_int(report, "exit_status", -1),
				 EXIT_SIGNAL_BASE + signals[i]);
		machine_remove(m->dir, "hanging");
		machine_remove(m->dir, "changes");
	}
}

/* The child must not outlive its supervisor, and the journal ends where the run did. */
static void supervisor_killed(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	autojson json_t *report = NULL;
	const json_t *result;
	pid_t pid = machine_start(m, "test.module-ab", NULL);
	autofree char *hanging = NULL;
	pid_t child;
	int status;

	machine_wait_for(m->dir, "hanging");
	hanging = machine_read(m->dir, "hanging");
	child = atoi(hanging);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);

	journal = machine_journal(m);
	assert_non_null(journal_find(journal, "scenario-start", "test.module-ab"));
	assert_null(journal_find(journal, "scenario-end", NULL));
	assert_null(journal_find(journal, "run-end", NULL));
	assert_int_equal(journal_count(journal, "undo-add", NULL), 2);
	assert_int_equal(journal_count(journal, "undo-done", NULL), 0);
	report = build_report(m);
	result = json_array_get(json_object_get(report, "results"), 0);
	same_or_absent("module_ab", "outcome", jx_get_str(result, "outcome"), "error");
	same_or_absent("module_ab", "kind", jx_get_str(result, "kind"), "incomplete");
}

/* --- the whole journal ---------------------------------------------------------------------------- */

/* Differs from run to run, or from machine to machine. */
static const char *const volatile_keys[] = { "t_ns",        "time", "host",    "kernel",
					     "duration_ns", "tool", "slowness" };

static char *stable_text(const json_t *journal)
{
	char *text = xstrdup("");
	json_t *record;
	size_t i;

	json_array_foreach (journal, i, record) {
		autofree char *before = text;
		autofree char *line = NULL;

		for (size_t k = 0; k < ARRAY_LEN(volatile_keys); k++)
			if (json_object_get(record, volatile_keys[k]))
				jx_set_str(record, volatile_keys[k], "*");
		if (json_object_get(record, "options"))
			jx_set_str(json_object_get(record, "options"), "module_dir", "*");
		line = jx_line(record);
		text = xasprintf("%s%s\n", before, line);
	}
	return text;
}

/* With P2PCERT_TEST_REGENERATE set the golden file is written anew, to be looked at. */
static void golden_journal(void **state)
{
	struct machine *m = *state;
	autofree char *path = xasprintf("%s/runner/journal.golden", getenv("P2PCERT_TEST_DATA"));
	autojson json_t *journal = NULL;
	autofree char *text = NULL;
	autofree char *wanted = NULL;

	assert_int_equal(machine_run(m, "test.pass", "test.refuted", "test.skip", "test.exit",
				     "test.warned", "test.module-a", "test.module-absent",
				     "test.kills-kernel", NULL),
			 0);
	journal = machine_journal(m);
	text = stable_text(journal);
	if (getenv("P2PCERT_TEST_REGENERATE"))
		assert_int_equal(fs_publish(AT_FDCWD, path, text, strlen(text), 0644), 0);
	assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &wanted, NULL), 0);
	assert_string_equal(text, wanted);
}

/*
 * A line that is a finding gives one, with the functions that it names; and the next scenario does not
 * start while the kernel may still keep lines back.
 */
static void faults_are_findings(void **state)
{
	struct machine *m = *state;
	const int64_t quiet_ns = NS_PER_S / 4;
	autojson json_t *journal = NULL;
	autofree char *functions = NULL;
	const json_t *finding, *end, *next;

	m->options.machine.quiet_ns = quiet_ns;
	assert_int_equal(machine_run(m, "test.faults", "test.module-a", NULL), 0);
	m->options.machine.quiet_ns = 0;
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "finding", NULL), 1);
	finding = journal_find(journal, "finding", "test.faults");
	assert_string_equal(jx_get_str(finding, "code"), "IOMMU-FAULT");
	assert_string_equal(jx_get_str(finding, "text"),
			    "DMAR: [DMA Write NO_PASID] Request device [0000:03:00.0] fault addr "
			    "0xec021000 (and 1 more)");
	functions = jx_line(json_object_get(finding, "functions"));
	assert_string_equal(functions, "[\"0000:03:00.0\"]");
	end = journal_find(journal, "scenario-end", "test.faults");
	next = journal_find(journal, "scenario-start", "test.module-a");
	assert_true(jx_get_int(next, "t_ns", 0) - jx_get_int(end, "t_ns", 0) >= quiet_ns / 2);
}

/* A child that this process had before belongs to somebody else; what scenarios leave is killed. */
/* Each time that it is asked the other thing has happened to it. */
static int fake_hotplug(void *arg, hotplug_sink *sink, void *sink_arg)
{
	bool *there = arg;

	*there = !*there;
	sink(sink_arg, (struct pci_addr){ .bus = 6 }, *there);
	return 0;
}

static int lost_hotplug(attr_unused void *arg, attr_unused hotplug_sink *sink,
			attr_unused void *sink_arg)
{
	return -ENOBUFS;
}

static void functions_that_come_and_go(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL, *told = jx_array();
	autofree char *line = NULL;
	bool there = true;
	const json_t *record;
	size_t i;

	m->options.machine.drain_hotplug = fake_hotplug;
	m->options.machine.hotplug = &there;
	assert_int_equal(machine_run(m, "test.pass", NULL), 0);
	journal = machine_journal(m);
	json_array_foreach (journal, i, record) {
		if (strcmp(jx_get_str(record, "event"), "finding") != 0)
			continue;
		assert_string_equal(jx_get_str(record, "code"), "PLATFORM-CHANGED");
		jx_append_str(told, jx_get_str(record, "scenario") ? "during" : "outside");
		jx_append_str(told, jx_get_str(record, "text"));
	}
	line = jx_line(told);
	assert_string_equal(line,
			    "[\"outside\",\"0000:06:00.0 went away outside of any scenario\","
			    "\"during\",\"0000:06:00.0 came during test.pass\","
			    "\"outside\",\"0000:06:00.0 went away outside of any scenario\"]");
}

/* Nobody knows what has happened, which is no reason to stop. */
static void events_that_are_lost(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;

	m->options.machine.drain_hotplug = lost_hotplug;
	assert_int_equal(machine_run(m, "test.pass", NULL), 0);
	journal = machine_journal(m);
	assert_int_equal(journal_count(journal, "finding", NULL), 0);
	assert_int_equal(journal_count(journal, "scenario-end", "test.pass"), 1);
}

static void inherited_child_lives(void **state)
{
	struct machine *m = *state;
	autojson json_t *journal = NULL;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	assert_int_equal(machine_run(m, "test.pass", "test.orphans", NULL), 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	journal = machine_journal(m);
	assert_string_equal(
		jx_get_str(journal_find(journal, "scenario-end", "test.pass"), "outcome"), "pass");
}

/* --- what keeps a run from starting, or from being written ---------------------------------------- */

static void refused_starts(void **state)
{
	struct machine *m = *state;
	autofree char *occupied = xasprintf("%s/results/x", m->dir);
	autofree char *changes = NULL;

	assert_int_equal(machine_run(m, "test.no-such", NULL), EXIT_USAGE);
	assert_int_equal(access(m->results, F_OK), -1);

	assert_int_equal(mkdir(m->results, 0700), 0);
	assert_int_equal(mkdir(occupied, 0700), 0);
	assert_int_equal(machine_run(m, "test.module-a", NULL), EXIT_ENVIRONMENT);
	assert_int_equal(rmdir(occupied), 0);
	assert_int_equal(rmdir(m->results), 0);

	m->options.results = "/dev/null/results";
	assert_int_equal(machine_run(m, "test.module-a", NULL), EXIT_ENVIRONMENT);
	m->options.results = m->results;

	changes = machine_read(m->dir, "changes");
	assert_null(changes);
}

static void second_run(void **state)
{
	struct machine *m = *state;
	autofree char *other = xasprintf("%s/other", m->dir);
	pid_t pid = machine_start(m, "test.hang-long", NULL);

	machine_wait_for(m->dir, "hanging");
	m->options.results = other;
	assert_int_equal(machine_run(m, "test.pass", NULL), EXIT_ENVIRONMENT);
	assert_int_equal(access(other, F_OK), -1);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	assert_int_equal(machine_run(m, "test.pass", NULL), 0);
	m->options.results = m->results;
}

/* A journal that somebody else has written to proves nothing, and what was changed is undone. */
static void journal_changed(void **state)
{
	struct machine *m = *state;
	static const char *const ids[] = { "test.append-journal", "test.forge-journal" };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		autofree char *results = xasprintf("%s/results-%zu", m->dir, i);
		autofree char *changes = NULL;

		free(m->results);
		m->results = take_ptr(results);
		m->options.results = m->results;
		machine_remove(m->dir, "changes");
		assert_int_equal(machine_run(m, "test.fail", "test.module-a", ids[i], NULL),
				 EXIT_ENVIRONMENT);
		changes = machine_read(m->dir, "changes");
		assert_string_equal(changes, "+test_a\n-test_a\n");
	}
}

/* Every size at which the disk can be full: nothing stays changed, and the journal can be read. */
static void full_disk(void **state)
{
	struct machine *m = *state;
	autojson json_t *whole = NULL;
	struct stat st;
	off_t size, step;
	unsigned int n = 0;

	assert_int_equal(machine_run(m, "test.module-a", NULL), 0);
	whole = machine_journal(m);
	{
		autofree char *path = xasprintf("%s/" JOURNAL_NAME, m->results);

		assert_int_equal(stat(path, &st), 0);
	}
	step = st.st_size / 24 + 1;
	/* from where the lock file, on another disk in real life, fits */
	for (size = 64; size < st.st_size; size += step, n++) {
		autofree char *results = xasprintf("%s/full-%u", m->dir, n);
		autojson json_t *journal = NULL;
		autofree char *changes = NULL;
		int status;
		pid_t pid;

		machine_remove(m->dir, "changes");
		free(m->results);
		m->results = take_ptr(results);
		m->options.results = m->results;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct rlimit limit = { (rlim_t)size, (rlim_t)size };

			setrlimit(RLIMIT_FSIZE, &limit);
			_exit(machine_run(m, "test.module-a", NULL));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), EXIT_ENVIRONMENT);
		changes = machine_read(m->dir, "changes");
		if (changes)
			assert_string_equal(changes, "+test_a\n-test_a\n");
		journal = machine_journal(m);
		assert_true(json_array_size(journal) < json_array_size(whole));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_machine(misbehaving_ones),
		test_on_machine(all_pass),
		test_on_machine(deadlines),
		test_on_machine(time_budget),
		test_on_machine(no_kernel_log),
		test_on_machine(kernel_dies),
		test_on_machine(kernel_dead_before),
		test_on_machine(set_up_and_undo),
		test_on_machine(nothing_to_set_up),
		test_on_machine(ended_by_signal),
		test_on_machine(supervisor_killed),
		test_on_machine(refused_starts),
		test_on_machine(golden_journal),
		test_on_machine(faults_are_findings),
		test_on_machine(functions_that_come_and_go),
		test_on_machine(events_that_are_lost),
		test_on_machine(inherited_child_lives),
		test_on_machine(second_run),
		test_on_machine(full_disk),
		test_on_machine(journal_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
