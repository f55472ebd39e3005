/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever happens to the process that runs scenarios, nothing is lost and nothing is done twice: runs
 * are killed before and after every record that they sync, in the middle of writing it, and around
 * every directory and file that they make; or the disk is full from then on. Each is then gone on with, or
 * only undone, and that is killed as well. What must hold is checked after every death and at the end.
 *
 * SWEEP_STRIDE=N strikes only every N-th point, for where everything takes its time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/text.h"
#include "machine.h"
#include "report/report.h"

/* --- what strikes the process -------------------------------------------------------------------- */

enum strike_kind {
	STRIKE_NONE,
	STRIKE_KILL,
	STRIKE_DISK_FULL, /* from the point on */
	STRIKE_DISK_FULL_ONCE,
};

/* Shared by the test and the process that is struck. */
static struct strike {
	enum strike_kind kind;
	unsigned long at; /* from 1; 0: the points are only counted */
	unsigned long n; /* points that were passed */
	unsigned long synced; /* records */
	pid_t pid; /* of the process; its scenarios go unharmed */
} * strike;

static bool is_struck_here(enum strike_kind kind)
{
	return strike && getpid() == strike->pid && strike->kind == kind;
}

static void may_die(void)
{
	if (is_struck_here(STRIKE_KILL) && ++strike->n == strike->at)
		kill(getpid(), SIGKILL);
}

static bool is_record(const char *buf, size_t len)
{
	static const char start[] = "{\"event\":";

	return len >= sizeof(start) && memcmp(buf, start, sizeof(start) - 1) == 0;
}

/* Of the results, not of the machine that the test plays. */
static bool is_result(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	return strstr(path, "/results/") != NULL;
}

static bool is_disk_full(int fd)
{
	bool once = is_struck_here(STRIKE_DISK_FULL_ONCE);

	if ((!once && !is_struck_here(STRIKE_DISK_FULL)) || !is_result(fd))
		return false;
	strike->n++;
	return strike->at && (once ? strike->n == strike->at : strike->n >= strike->at);
}

/* These take the place of the C library's for all that is linked here. */

ssize_t write(int fd, const void *buf, size_t len)
{
	if (is_struck_here(STRIKE_KILL) && is_record(buf, len) && ++strike->n == strike->at) {
		syscall(SYS_write, fd, buf, len / 2);
		kill(getpid(), SIGKILL);
	}
	if (is_disk_full(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_write, fd, buf, len);
}

/* Nothing is lost by killing a process, so that there is nothing to wait for. */
int fdatasync(int fd attr_unused)
{
	may_die();
	if (strike && getpid() == strike->pid)
		strike->synced++;
	may_die();
	return 0;
}

int fsync(int fd attr_unused)
{
	return 0;
}

int mkdirat(int dirfd, const char *path, mode_t mode)
{
	int r = (int)syscall(SYS_mkdirat, dirfd, path, mode);

	may_die();
	return r;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int r;

	may_die();
	r = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
	may_die();
	return r;
}

/* --- what is run --------------------------------------------------------------------------------- */

/* That it was executed is said where the journal has no part in it. */
static void executed(const struct scenario_ctx *ctx, const char *id)
{
	const struct scenario_env *env = scn_env(ctx);
	autofree char *line = xasprintf("%s 0x%016llx\n", id, (unsigned long long)env->seed);

	machine_append(env->sysroot, "executed", line);
}

static enum outcome passes(struct scenario_ctx *ctx)
{
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN, "%d bytes verified", 4096);
	scn_measure(ctx, "bandwidth", "B/s", 1e9);
	printf("printed\n");
	return OUTCOME_PASS;
}

static enum outcome fails(struct scenario_ctx *ctx)
{
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_REFUTED, "byte 0 is 0x00, not 0x5a");
	return OUTCOME_FAIL;
}

static enum outcome proves_nothing(struct scenario_ctx *ctx attr_unused)
{
	return OUTCOME_PASS;
}

static enum outcome skips(struct scenario_ctx *ctx)
{
	scn_skip(ctx, SKIP_HW_UNSUPPORTED, "the device does not claim it");
	return OUTCOME_SKIP;
}

static enum outcome crashes(struct scenario_ctx *ctx)
{
	passes(ctx);
	signal(SIGABRT, SIG_DFL); /* a sanitizer would make an exit of it */
	raise(SIGABRT);
	return OUTCOME_PASS;
}

static enum outcome flaky(struct scenario_ctx *ctx)
{
	return scn_env(ctx)->seed % 4 ? passes(ctx) : fails(ctx);
}

static bool change(struct scenario_ctx *ctx, const char *name)
{
	json_t *args = jx_object();
	autofree char *why = NULL;

	jx_set_str(args, "name", name);
	return scn_change(ctx, "mark", args, NULL, &why) == 0;
}

static enum outcome changes(struct scenario_ctx *ctx)
{
	return change(ctx, "one") && change(ctx, "two") ? passes(ctx) : fails(ctx);
}

static enum outcome changes_and_crashes(struct scenario_ctx *ctx)
{
	return change(ctx, "three") ? crashes(ctx) : fails(ctx);
}

#define DEFINE(name_, id_, body_, ...) \
	static enum outcome run_##name_(struct scenario_ctx *ctx) \
	{ \
		executed(ctx, "sweep." id_); \
		return body_(ctx); \
	} \
	static const struct scenario scenario_##name_ = { .id = "sweep." id_, \
							  .title = id_, \
							  .evidence = EV(DATA), \
							  .seconds = 60, \
							  .run = run_##name_, \
							  __VA_ARGS__ }

DEFINE(passing, "passing", passes);
DEFINE(failing, "failing", fails);
DEFINE(unproven, "unproven", proves_nothing);
DEFINE(skipping, "skipping", skips);
DEFINE(crashing, "crashing", crashes);
DEFINE(flaky, "flaky", flaky);
DEFINE(changes, "changes", changes);
DEFINE(changes_crash, "changes-crash", changes_and_crashes);
DEFINE(module_a, "module-a", passes, .NEEDS({ NEED_MODULE, "test_a" }));
DEFINE(module_b, "module-b", passes, .NEEDS({ NEED_MODULE, "test_a" }, { NEED_MODULE, "test_b" }));
DEFINE(rejected, "rejected", passes, .NEEDS({ NEED_MODULE, "test_reject" }));
DEFINE(absent, "absent", passes,
       .NEEDS({ NEED_TOOL, "p2pcert-no-such-tool" }, { NEED_MODULE, "none" }));
DEFINE(rdma, "rdma", passes, .NEEDS({ NEED_ROLE, "rdma" }));

static const struct scenario *const table[] = {
	&scenario_passing,  &scenario_failing,  &scenario_unproven, &scenario_skipping,
	&scenario_crashing, &scenario_flaky,    &scenario_changes,  &scenario_changes_crash,
	&scenario_module_a, &scenario_module_b, &scenario_rejected, &scenario_absent,
	&scenario_rdma,
};

#define ALL_BUT_RDMA (ARRAY_LEN(table) - 1)

enum { ALL_ONCE, TWO_ROUNDS, UNTIL_FAIL, SOFT_RDMA };

/* A way to run them. */
static const struct shape {
	const char *name;
	const char *ids[ALL_BUT_RDMA + 1]; /* none: all but the one that needs RDMA */
	struct run_rounds rounds;
	uint64_t seed;
	bool rdma;
} shapes[] = {
	[ALL_ONCE] = { .name = "all once", .rounds = { .repeat = 1 }, .seed = 1 },
	[TWO_ROUNDS] = { .name = "two rounds, shuffled",
			 .ids = { "sweep.passing", "sweep.flaky", "sweep.changes",
				  "sweep.module-a" },
			 .rounds = { .repeat = 2, .shuffle = true },
			 .seed = 2 },
	[UNTIL_FAIL] = { .name = "until one fails",
			 .ids = { "sweep.passing", "sweep.flaky", "sweep.absent" },
			 .rounds = { .repeat = 50, .shuffle = true, .until_fail = true },
			 .seed = 5 },
	[SOFT_RDMA] = { .name = "soft RDMA",
			.ids = { "sweep.rdma", "sweep.module-b", "sweep.skipping" },
			.rounds = { .repeat = 1 },
			.seed = 4,
			.rdma = true },
};

/* --- processes ----------------------------------------------------------------------------------- */

static unsigned long points, resumes, lost, doubled;

enum work { WORK_RUN, WORK_RESUME, WORK_RESTORE };

static char *ids_of[ALL_BUT_RDMA + 1];
static struct soft_rdma link_of = { .name = (char *)"soft0", .netdev = (char *)"veth0" };

static void set_shape(struct machine *m, const struct shape *shape)
{
	size_t n = 0;

	while (shape->ids[n])
		n++;
	for (size_t i = 0; i < (n ? n : ALL_BUT_RDMA); i++)
		ids_of[i] = (char *)(n ? shape->ids[i] : table[i]->id);
	m->options.table = table;
	m->options.table_len = ARRAY_LEN(table);
	m->options.ids = ids_of;
	m->options.nr_ids = n ? n : ALL_BUT_RDMA;
	m->options.rounds = shape->rounds;
	m->options.env.seed = shape->seed;
	m->profile.soft_rdma = shape->rdma ? &link_of : NULL;
	m->profile.nr_soft_rdma = shape->rdma;
}

static int do_work(struct machine *m, enum work work)
{
	autofree char *dir = NULL;
	autoclose int dirfd = -1;

	if (work == WORK_RUN)
		return run_execute(&m->options, &dir, &dirfd);
	return machine_go_on(m, work == WORK_RESTORE);
}

/* Nobody whom the process had started may outlive it. */
static void no_process_left(void)
{
	int64_t deadline = clock_ns() + 10 * NS_PER_S;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (clock_ns() > deadline)
			fail_msg("a process is left");
		if (pid == 0)
			poll(NULL, 0, 1);
	}
}

/* In a process of its own that is struck at that point. Its wait status. */
static int struck(struct machine *m, enum work work, enum strike_kind kind, unsigned long at)
{
	int status;
	pid_t pid;

	fflush(NULL);
	*strike = (struct strike){ .kind = kind, .at = at };
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* what it says of its bad luck is for who looks into it */
		if (!getenv("SWEEP_VERBOSE") && !freopen("/dev/null", "w", stderr))
			_exit(99);
		strike->pid = getpid();
		_exit(do_work(m, work));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	no_process_left();
	return status;
}

static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void start_afresh(struct machine *m)
{
	if (fs_exists(AT_FDCWD, m->results))
		assert_int_equal(nftw(m->results, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	machine_remove(m->dir, "executed");
	machine_remove(m->dir, "changes");
	machine_remove(m->dir, "lock");
}

/* --- what a journal says -------------------------------------------------------------------------- */

/* The outcomes of attempts that came to none. */
#define CUT_SHORT \
	"cut short" /* it was running when the process died, or could not be written down */
#define REFUTED "cut short, and refuted" /* which is a fail already */

/* Attempts by "ID ROUND". */
struct told {
	json_t *records;
	json_t *attempts; /* outcomes */
	json_t *seeds;
	bool torn, ended;
	size_t nr_cut_short;
};

static void told_release(struct told *told)
{
	json_decref(told->records);
	json_decref(told->attempts);
	json_decref(told->seeds);
}

#define autotold __attribute__((cleanup(told_release)))

static void tell_start(struct told *told, const json_t *record, char **open)
{
	free(*open);
	*open = xasprintf("%s %d", jx_get_str(record, "scenario"),
			  (int)jx_get_int(record, "round", -1));
	doubled += json_object_get(told->attempts, *open) != NULL;
	jx_set_str(told->attempts, *open, CUT_SHORT);
	jx_set_str(told->seeds, *open, jx_get_str(record, "seed"));
	told->nr_cut_short++;
}

static void tell_end(struct told *told, const json_t *record, char **open)
{
	const char *outcome = jx_get_str(record, "outcome"), *kind = jx_get_str(record, "kind");
	autofree char *unstarted = xasprintf("%s 0", jx_get_str(record, "scenario"));

	if (*open && kind && strcmp(kind, "incomplete") == 0) {
		/* none of these scenarios is, unless something happens to it */
	} else if (*open) {
		jx_set_str(told->attempts, *open, outcome);
		told->nr_cut_short--;
	} else {
		doubled += json_object_get(told->attempts, unstarted) != NULL;
		jx_set_str(told->attempts, unstarted, outcome);
	}
	free(take_ptr(*open));
}

static bool is_cut_short(const json_t *outcome)
{
	return text_starts_with(json_string_value(outcome), CUT_SHORT);
}

/* False if there is nothing that could be read. */
static bool read_journal(const struct machine *m, struct told *told)
{
	autoclose int fd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *why = NULL;
	autofree char *open = NULL;
	const json_t *record;
	size_t i;

	*told = (struct told){ 0 };
	if (fd < 0 || journal_read(fd, &told->records, &told->torn, &why) < 0)
		return false;
	told->attempts = jx_object();
	told->seeds = jx_object();
	json_array_foreach (told->records, i, record) {
		const char *event = jx_get_str(record, "event");

		if (strcmp(event, "scenario-start") == 0) {
			tell_start(told, record, &open);
		} else if (strcmp(event, "scenario-end") == 0) {
			tell_end(told, record, &open);
		} else if (strcmp(event, "evidence") == 0 &&
			   strcmp(jx_get_str(record, "state"), "refuted") == 0) {
			jx_set_str(told->attempts, open, REFUTED);
		} else if (strcmp(event, "resume") == 0) {
			free(take_ptr(open));
			if (!jx_get_bool(record, "restore_only", false))
				told->ended = false;
		} else if (strcmp(event, "run-end") == 0) {
			told->ended = true;
		}
	}
	return json_array_size(told->records) > 0;
}

/* All that was synced is there, and what was there before is there as it was. */
static void nothing_lost(const struct told *before, const struct told *now, size_t synced)
{
	size_t had = before ? json_array_size(before->records) : 0;

	lost += json_array_size(now->records) < had + synced;
	for (size_t i = 0; i < had; i++)
		lost += !json_equal(json_array_get(before->records, i),
				    json_array_get(now->records, i));
}

/* --- what must hold ------------------------------------------------------------------------------- */

static json_t *build_report(const struct machine *m)
{
	autoclose int fd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *why = NULL;
	autojson json_t *again = NULL;
	json_t *report;

	if (report_build(fd, &report, &why) < 0)
		fail_msg("no report: %s", why);
	assert_int_equal(report_build(fd, &again, &why), 0);
	assert_true(json_equal(report, again));
	return report;
}

/* A round is told as the journal has it; one that was running as incomplete, or as what it showed. */
static void check_attempt(const struct told *told, const char *id, int round, const json_t *attempt)
{
	const char *outcome = jx_get_str(attempt, "outcome"), *wanted;
	autofree char *key = xasprintf("%s %d", id, round);
	autofree char *unstarted = xasprintf("%s 0", id);

	wanted = jx_get_str(told->attempts, key);
	if (!wanted && round <= 1)
		wanted = jx_get_str(told->attempts, unstarted);
	if (!wanted)
		wanted = "notrun";
	if (strcmp(wanted, CUT_SHORT) == 0) {
		assert_string_equal(jx_get_str(attempt, "kind"), "incomplete");
		wanted = "error";
	} else if (strcmp(wanted, REFUTED) == 0) {
		wanted = "fail";
	}
	if (strcmp(outcome, wanted) != 0)
		fail_msg("%s round %d is '%s', and '%s' in the journal", id, round, outcome,
			 wanted);
}

static void check_results(const struct told *told, const json_t *report)
{
	const json_t *result, *attempt;
	size_t i, k;

	json_array_foreach (json_object_get(report, "results"), i, result) {
		const json_t *rounds = json_object_get(result, "rounds");
		const char *id = jx_get_str(result, "id");

		if (json_array_size(rounds) == 0)
			check_attempt(told, id, 1, result);
		json_array_foreach (rounds, k, attempt)
			check_attempt(told, id, (int)jx_get_int(attempt, "round", -1), attempt);
	}
}

static bool has_failed(const struct told *told)
{
	const char *key;
	json_t *outcome;

	json_object_foreach (told->attempts, key, outcome)
		if (strcmp(json_string_value(outcome), "fail") == 0 ||
		    strcmp(json_string_value(outcome), REFUTED) == 0)
			return true;
	return false;
}

/* Of a run that has not ended: incomplete, and what it has shown. */
static void check_report_between(const struct told *told, const json_t *report)
{
	int status = (int)jx_get_int(report, "exit_status", -1);

	assert_int_equal(status, has_failed(told) ? EXIT_VERDICT_FAIL : EXIT_ENVIRONMENT);
	assert_false(jx_get_bool(report, "complete", true));
	check_results(told, report);
}

/* A run that says that it has ended must not have left out anything. */
static void check_report_complete(const struct told *told, const json_t *report)
{
	const json_t *options = json_object_get(report, "options");

	assert_true(jx_get_bool(report, "complete", false));
	if (!jx_get_bool(options, "until_fail", false))
		assert_int_equal(jx_get_int(json_object_get(report, "counts"), "notrun", -1), 0);
	check_results(told, report);
}

/* Each change that was made has been undone once, and none is left. */
static void all_undone(const struct machine *m)
{
	autofree char *trace = machine_read(m->dir, "changes");
	autojson json_t *on = jx_object();
	char *rest = trace;
	const struct dirent *e;
	DIR *dir;

	for (char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n")) {
		bool is_on = json_object_get(on, line + 1) != NULL;

		if ((*line == '+') == is_on)
			fail_msg("'%s' was done twice", line);
		if (*line == '+')
			jx_set_bool(on, line + 1, true);
		else
			json_object_del(on, line + 1);
	}
	assert_int_equal(json_object_size(on), 0);

	dir = opendir(m->dir);
	while ((e = readdir(dir)))
		if (text_starts_with(e->d_name, "on-"))
			fail_msg("'%s' is left", e->d_name);
	closedir(dir);
}

static void no_temporary_left(const struct machine *m)
{
	DIR *dir = opendir(m->results);
	const struct dirent *e;

	while ((e = readdir(dir)))
		if (e->d_name[0] == '.' && strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			fail_msg("'%s' is left", e->d_name);
	closedir(dir);
}

/* No scenario's process was ever started twice in a round, whatever the journal says. */
static void none_executed_twice(const struct machine *m, const struct told *told)
{
	autofree char *text = machine_read(m->dir, "executed");
	autojson json_t *seen = jx_object();
	char *rest = text;
	const char *key;
	json_t *outcome;

	for (char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n")) {
		doubled += json_object_get(seen, line) != NULL;
		jx_set_bool(seen, line, true);
	}
	json_object_foreach (told->attempts, key, outcome) {
		autofree char *id = xstrndup(key, strcspn(key, " "));
		const char *seed = jx_get_str(told->seeds, key);
		autofree char *line = xasprintf("%s %s", id, seed ? seed : "");

		/* one that was started and ended was executed; one that was not started was not */
		if (!seed || !is_cut_short(outcome))
			lost += !seed == (json_object_get(seen, line) != NULL);
	}
}

/* Differs from run to run. */
static const char *const volatile_keys[] = {
	"time", "t_ns",    "duration_ns", "host", "kernel",  "tool",    "slowness", "boot_id",
	"dir",  "journal", "resumed",     "argv", "changes", "modules", "started",  "ended",
};

static void strip(json_t *value)
{
	json_t *item;
	const char *key;
	size_t i;
	void *tmp;

	if (json_is_object(value))
		for (i = 0; i < ARRAY_LEN(volatile_keys); i++)
			json_object_del(value, volatile_keys[i]);
	json_object_foreach_safe(value, tmp, key, item) strip(item);
	json_array_foreach (value, i, item)
		strip(item);
}

/* Those of a report's results that were never running when the process died. */
static json_t *results_unharmed(const struct told *told, const json_t *report)
{
	json_t *unharmed = jx_array(), *result;
	size_t i;

	json_array_foreach (json_object_get(report, "results"), i, result) {
		const char *id = jx_get_str(result, "id"), *key;
		json_t *outcome;
		bool harmed = false;

		json_object_foreach (told->attempts, key, outcome)
			harmed |= is_cut_short(outcome) && strncmp(key, id, strlen(id)) == 0 &&
				  key[strlen(id)] == ' ';
		if (!harmed)
			jx_append(unharmed, json_incref(result));
	}
	return unharmed;
}

/* Says where they part. */
static void same(const char *what, const json_t *is, const json_t *wanted)
{
	autofree char *is_text = jx_pretty(is);
	autofree char *wanted_text = jx_pretty(wanted);
	size_t at = 0;

	if (json_equal(is, wanted))
		return;
	while (is_text[at] && is_text[at] == wanted_text[at])
		at++;
	at = at < 200 ? 0 : at - 200;
	print_error("%.400s\n--- instead of\n%.400s\n", is_text + at, wanted_text + at);
	fail_msg("%s is not that of a run that nothing happened to", what);
}

/* Of a run that was gone on with to its end: the undisturbed one's, but for what was running. */
static void check_final_report(const struct told *told, json_t *report, json_t *wanted)
{
	autojson json_t *is = json_deep_copy(report), *should = json_deep_copy(wanted);
	autojson json_t *is_results = NULL;
	autojson json_t *should_results = NULL;

	strip(is);
	strip(should);
	if (told->nr_cut_short == 0) {
		same("the report", is, should);
		return;
	}
	/* a round that broke ends it, as one that failed would have */
	if (jx_get_bool(json_object_get(report, "options"), "until_fail", false))
		return;
	is_results = results_unharmed(told, is);
	should_results = results_unharmed(told, should);
	same("a result", is_results, should_results);
	assert_int_not_equal(jx_get_int(report, "exit_status", 0), EXIT_VERDICT_PASS);
}

static void check_end(struct machine *m, const struct told *before, json_t *wanted)
{
	struct told told autotold;
	autojson json_t *report = NULL;

	assert_true(read_journal(m, &told));
	nothing_lost(before, &told, 0);
	assert_true(told.ended);
	report = build_report(m);
	check_report_complete(&told, report);
	check_final_report(&told, report, wanted);
	all_undone(m);
	no_temporary_left(m);
	none_executed_twice(m, &told);
}

/* --- sweeping ------------------------------------------------------------------------------------ */

/*
 * The process has died, or had to give up: is what it left true? told is what the journal says then.
 * False if it died so early that there is nothing to go on with, and nothing had been done.
 */
static bool check_between(struct machine *m, const struct told *before, struct told *told)
{
	autojson json_t *report = NULL;

	points++;
	if (!read_journal(m, told)) {
		assert_null(before);
		assert_int_equal(strike->synced, 0);
		assert_null(machine_read(m->dir, "executed"));
		all_undone(m);
		return false;
	}
	nothing_lost(before, told, strike->synced);
	report = build_report(m);
	if (told->ended)
		check_report_complete(told, report);
	else
		check_report_between(told, report);
	return true;
}

static void resume_to_the_end(struct machine *m, const struct told *before, json_t *wanted)
{
	resumes++;
	assert_int_equal(struck(m, WORK_RESUME, STRIKE_NONE, 0), 0);
	check_end(m, before, wanted);
}

/* The report of the shape when nothing happens, and how many points there are to strike. */
static json_t *undisturbed(struct machine *m, const struct shape *shape, enum strike_kind kind,
			   unsigned long *n)
{
	start_afresh(m);
	set_shape(m, shape);
	assert_int_equal(struck(m, WORK_RUN, kind, 0), 0);
	*n = strike->n;
	assert_in_range(*n, 10, 2000);
	printf("# %s: %lu points\n", shape->name, *n);
	return build_report(m);
}

static unsigned long stride(void)
{
	const char *text = getenv("SWEEP_STRIDE");
	uint64_t n = 1;

	if (text)
		assert_int_equal(text_to_u64(text, 10, 1000000, &n), 0);
	return n ? (unsigned long)n : 1;
}

/* Killed at every point, and gone on with. */
static void killed(void **state)
{
	struct machine *m = *state;

	for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
		unsigned long n;
		autojson json_t *wanted = undisturbed(m, &shapes[s], STRIKE_KILL, &n);

		for (unsigned long at = 1; at <= n; at += stride()) {
			struct told told autotold;

			start_afresh(m);
			assert_true(was_killed(struck(m, WORK_RUN, STRIKE_KILL, at)));
			if (check_between(m, NULL, &told))
				resume_to_the_end(m, &told, wanted);
		}
	}
}

/* A chain of processes, each of which gets a little further; *x draws how far. */
static void kill_until_the_end(struct machine *m, uint64_t *x, json_t *wanted)
{
	struct told told autotold = { 0 };
	bool begun = false;

	for (;;) {
		struct told now;
		int status;

		if (!begun)
			start_afresh(m);
		*x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		status =
			struck(m, begun ? WORK_RESUME : WORK_RUN, STRIKE_KILL, 1 + (*x >> 33) % 40);
		if (!was_killed(status)) {
			assert_int_equal(status, 0);
			break;
		}
		resumes += begun;
		begun = check_between(m, begun ? &told : NULL, &now);
		told_release(&told);
		told = now;
	}
	check_end(m, begun ? &told : NULL, wanted);
}

static void killed_over_and_over(void **state)
{
	struct machine *m = *state;
	uint64_t x = 12345;

	for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
		unsigned long n;
		autojson json_t *wanted = undisturbed(m, &shapes[s], STRIKE_KILL, &n);

		for (size_t chain = 0; chain < 5; chain += stride())
			kill_until_the_end(m, &x, wanted);
	}
}

/* Killed with changes made, then killed at every point of undoing them. */
static void killed_while_restoring(void **state)
{
	struct machine *m = *state;
	unsigned long n;
	autojson json_t *wanted = undisturbed(m, &shapes[SOFT_RDMA], STRIKE_KILL, &n);

	for (unsigned long first = n / 5; first <= n; first += n / 5) {
		bool again = true;

		for (unsigned long at = 1; again; at += stride()) {
			struct told told autotold = { 0 };
			struct told after autotold = { 0 };

			start_afresh(m);
			assert_true(was_killed(struck(m, WORK_RUN, STRIKE_KILL, first)));
			assert_true(check_between(m, NULL, &told));
			again = was_killed(struck(m, WORK_RESTORE, STRIKE_KILL, at));
			check_between(m, &told, &after);
			assert_int_equal(struck(m, WORK_RESTORE, STRIKE_NONE, 0), 0);
			all_undone(m);
			resume_to_the_end(m, &after, wanted);
		}
	}
}

/* The disk is full, from every write on or for one; later there is room again. */
static void disk_full(void **state)
{
	static const enum strike_kind kinds[] = { STRIKE_DISK_FULL, STRIKE_DISK_FULL_ONCE };
	struct machine *m = *state;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		unsigned long n;
		autojson json_t *wanted = undisturbed(m, &shapes[ALL_ONCE], kinds[k], &n);

		for (unsigned long at = 1; at <= n; at += stride()) {
			struct told told autotold;
			int status;

			start_afresh(m);
			status = struck(m, WORK_RUN, kinds[k], at);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), EXIT_ENVIRONMENT);
			all_undone(m);
			if (check_between(m, NULL, &told))
				resume_to_the_end(m, &told, wanted);
		}
	}
}

/* --- totals -------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	strike = mmap(NULL, sizeof(*strike), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	/* what a dead process leaves behind is waited for here */
	if (strike == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	return machine_setup(state);
}

static void totals(void **state attr_unused)
{
	printf("# struck at %lu points, gone on with %lu times, lost %lu, done twice %lu\n", points,
	       resumes, lost, doubled);
	assert_int_equal(lost, 0);
	assert_int_equal(doubled, 0);
	if (stride() == 1)
		assert_in_range(points, 200, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),
		cmocka_unit_test(killed_over_and_over),
		cmocka_unit_test(killed_while_restoring),
		cmocka_unit_test(disk_full),
		cmocka_unit_test(totals),
	};

	return cmocka_run_group_tests(tests, setup, machine_teardown);
}
