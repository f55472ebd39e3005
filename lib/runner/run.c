/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of things in a run: lock, results, journal, what the machine is, set-up, scenarios,
 * undoing. Each step is skipped once there is a reason to end, except the undoing.
 */
#include "runner/run.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/version.h"
#include "runner/clock.h"
#include "runner/host.h"
#include "runner/lock.h"
#include "runner/plan.h"
#include "runner/results.h"
#include "runner/slice.h"
#include "runner/supervise.h"
#include "runner/taint.h"

#define MARK_TIMEOUT_NS (2 * NS_PER_S)
#define CHANGE_TIMEOUT_NS (10 * NS_PER_S)

struct run {
	const struct run_options *o;
	struct scenario_env env;
	struct plan plan;
	char *dir;
	int dirfd;
	struct journal *journal;
	struct undo_env undo_env;
	struct undo *undo;
	double factor;
	int64_t start_ns, budget_end_ns; /* monotonic */
	struct slice between; /* what the kernel says outside of scenarios */
	uint64_t taint; /* when it was last read */
	const struct scenario *current; /* NULL: none is running */
	unsigned int index; /* of the current one */
	int64_t current_deadline_ns;
	int64_t quiet_until_ns; /* monotonic; until then the kernel may keep lines back */
	/* process-wide, restored at the end */
	int signal_fd;
	sigset_t old_mask;
	struct sigaction old_chld, old_pipe, old_xfsz;
	int old_subreaper;
	/* reasons to end */
	int err; /* negative errno: the results cannot be written */
	int signal;
	bool untrusted;
	bool budget_used_up;
};

static int64_t stretch(const struct run *run, int64_t ns)
{
	return (int64_t)((double)ns * run->factor);
}

static void keep_error(struct run *run, int r)
{
	if (r < 0 && run->err == 0)
		run->err = r;
}

/* Writes a record, of the current scenario if there is one. A channel_sink. */
static int put(void *arg, json_t *record)
{
	struct run *run = arg;
	int r;

	if (run->current)
		jx_set_str(record, "scenario", run->current->id);
	r = journal_write(run->journal, record);
	keep_error(run, r);
	return r;
}

/* Writes a record that belongs to no scenario. A channel_sink. */
static int put_between(void *arg, json_t *record)
{
	struct run *run = arg;
	int r = journal_write(run->journal, record);

	keep_error(run, r);
	return r;
}

/* --- signals and the rest of the process --------------------------------------------------------- */

static int take_process(struct run *run)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	sigset_t watched;

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGHUP);
	sigprocmask(SIG_BLOCK, &watched, &run->old_mask);
	run->signal_fd = signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
	/* Ignored by who started us, children would be reaped behind our back. */
	sigaction(SIGCHLD, &usual, &run->old_chld);
	/* A full disk or a closed pipe is an error where it happens, not the end. */
	sigaction(SIGPIPE, &ignored, &run->old_pipe);
	sigaction(SIGXFSZ, &ignored, &run->old_xfsz);
	prctl(PR_GET_CHILD_SUBREAPER, &run->old_subreaper);
	if (run->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		log_error("cannot watch signals and children: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static void look_for_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			run->signal = (int)info.ssi_signo;
}

/* Signals that came while the run was ending have had what they want: they must not strike after. */
static void give_process_back(struct run *run)
{
	look_for_signals(run);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	prctl(PR_SET_CHILD_SUBREAPER, run->old_subreaper);
	sigaction(SIGCHLD, &run->old_chld, NULL);
	sigaction(SIGPIPE, &run->old_pipe, NULL);
	sigaction(SIGXFSZ, &run->old_xfsz, NULL);
	sigprocmask(SIG_SETMASK, &run->old_mask, NULL);
}

static bool must_end(struct run *run)
{
	look_for_signals(run);
	if (clock_ns() >= run->budget_end_ns)
		run->budget_used_up = true;
	return run->err || run->signal || run->untrusted || run->budget_used_up;
}

/* --- what the kernel says ------------------------------------------------------------------------ */

/* Cuts the log here: all before goes to the slice. */
static void mark_log(struct run *run, struct slice *before, const char *what)
{
	autofree char *marker =
		xasprintf("p2pcert %d.%" PRId64 ": %s %03u %s", (int)getpid(), run->start_ns, what,
			  run->index, run->current ? run->current->id : "run");
	int r;

	if (!run->o->kmsg)
		return;
	r = kmsg_mark(run->o->kmsg, marker, stretch(run, MARK_TIMEOUT_NS), slice_take, before);
	if (r < 0)
		log_debug("kernel log marker '%s': %s", marker, strerror(-r));
	if (kmsg_lost(run->o->kmsg) || r < 0)
		before->unread = true;
	keep_error(run, before->err);
	if (before->fatal)
		run->untrusted = true;
}

/* Reads the taint anew; the bits that are new. One that cannot be read any more has not changed. */
static uint64_t read_new_taint(struct run *run)
{
	uint64_t before = run->taint;

	if (taint_read(run->o->taint_path, &run->taint) < 0)
		return 0;
	if (run->taint & ~before & taint_fatal())
		run->untrusted = true;
	return run->taint & ~before;
}

/* --- the journal's start ------------------------------------------------------------------------- */

static json_t *utc_now(void)
{
	char text[sizeof("2026-01-02T03:04:05Z")];
	time_t now = time(NULL);
	struct tm utc;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	return jx_string(text);
}

static void put_run_start(struct run *run)
{
	const struct run_options *o = run->o;
	json_t *record = journal_record("run-start");
	json_t *tool = jx_object(), *argv = jx_array(), *selected = jx_array();

	jx_set_str(tool, "version", p2pcert_version());
	jx_set_str(tool, "commit", p2pcert_commit());
	for (int i = 0; i < o->argc; i++)
		jx_append_str(argv, o->argv[i]);
	for (size_t i = 0; i < run->plan.n; i++)
		jx_append_str(selected, run->plan.items[i].scenario->id);

	jx_set_str(record, "schema", JOURNAL_SCHEMA);
	jx_set(record, "tool", tool);
	jx_set(record, "argv", argv);
	jx_set(record, "time", utc_now());
	jx_set_hex(record, "seed", run->env.seed, 16);
	jx_set(record, "profile", profile_to_json(o->profile));
	jx_set(record, "selected", selected);
	jx_set(record, "host", host_to_json(run->env.sysroot));
	jx_set(record, "kernel", host_kernel_to_json(run->env.sysroot));
	jx_set(record, "taint", taint_to_json(run->taint));
	jx_set_int(record, "expected_taint", (int64_t)taint_expected());
	jx_set(record, "deadline_factor", json_real(run->factor));
	if (run->env.inject && *run->env.inject) {
		json_t *inject = jx_array();

		for (const char *const *f = run->env.inject; *f; f++)
			jx_append_str(inject, *f);
		jx_set(record, "inject", inject);
	}
	put(run, record);
}

static void put_platform(struct run *run)
{
	autojson json_t *doc = platform_to_json(run->env.platform);
	autofree char *text = jx_pretty(doc);
	json_t *record;
	int r = fs_publish(run->dirfd, RESULTS_PLATFORM, text, strlen(text), 0600);

	keep_error(run, r);
	if (r < 0)
		return;
	record = journal_record("platform");
	jx_set_str(record, "file", RESULTS_PLATFORM);
	put(run, record);
}

static void put_features(struct run *run)
{
	json_t *record = journal_record("features");

	jx_set(record, "features", json_incref(run->o->features));
	put(run, record);
}

static void start_journal(struct run *run)
{
	put_run_start(run);
	put_platform(run);
	put_features(run);
	if (run->taint & taint_fatal()) {
		autofree char *names = taint_text(run->taint & taint_fatal());

		log_error("nothing is run: the kernel is tainted already: %s; reboot first", names);
		run->untrusted = true;
	}
}

/* --- set-up -------------------------------------------------------------------------------------- */

/* Makes a change that the scenarios depend on which need this; they cannot start without it. */
static void change(struct run *run, const char *kind, json_t *args, enum need_kind need,
		   const char *arg)
{
	autojson json_t *facts = NULL;
	struct unmet why = { 0 };
	const char *key;
	json_t *value, *record;

	if (undo_apply(run->undo, kind, args, &facts, &why) < 0)
		plan_deny(&run->plan, need, arg, why.category, why.text);
	free(why.text);
	if (!facts)
		return;
	record = journal_record(kind);
	json_object_foreach (facts, key, value)
		jx_set(record, key, json_incref(value));
	put(run, record);
}

static json_t *named(const char *name)
{
	json_t *args = jx_object();

	jx_set_str(args, "name", name);
	return args;
}

/* Once each, and only those of scenarios that nothing else keeps from starting. */
static void load_modules(struct run *run)
{
	autojson json_t *asked = jx_object();

	for (size_t i = 0; i < run->plan.n; i++) {
		const struct plan_item *item = &run->plan.items[i];

		for (size_t k = 0; k < item->scenario->nr_needs && !item->nr_unmet; k++) {
			const struct need *need = &item->scenario->needs[k];

			if (need->kind != NEED_MODULE || json_object_get(asked, need->arg) ||
			    must_end(run))
				continue;
			jx_set_bool(asked, need->arg, true);
			change(run, "module", named(need->arg), NEED_MODULE, need->arg);
		}
	}
}

static bool wants_soft_rdma(struct run *run)
{
	return run->env.soft_rdma && plan_needs(&run->plan, NEED_ROLE, "rdma") && !must_end(run);
}

static void set_up_soft_rdma(struct run *run)
{
	const struct profile *p = run->o->profile;

	if (wants_soft_rdma(run))
		change(run, "stock-module", named("rdma_rxe"), NEED_ROLE, "rdma");
	for (size_t i = 0; i < p->nr_soft_rdma && wants_soft_rdma(run); i++) {
		json_t *args = named(p->soft_rdma[i].name);

		jx_set_str(args, "netdev", p->soft_rdma[i].netdev);
		change(run, "rdma-link", args, NEED_ROLE, "rdma");
	}
	if (wants_soft_rdma(run) && !run->env.rdma_device)
		run->env.rdma_device = p->soft_rdma[0].name;
}

static void set_up(struct run *run)
{
	plan_require(&run->plan, &run->env);
	load_modules(run);
	set_up_soft_rdma(run);
}

/* --- scenarios ----------------------------------------------------------------------------------- */

static void tell(struct run *run, enum progress_kind kind, int64_t elapsed_ns, enum outcome outcome,
		 const char *why)
{
	const struct progress p = {
		.kind = kind,
		.index = run->index,
		.total = (unsigned int)run->plan.n,
		.id = run->current->id,
		.elapsed_ns = elapsed_ns,
		.deadline_ns = run->current_deadline_ns,
		.outcome = outcome,
		.why = why,
	};

	if (run->o->progress)
		run->o->progress(run->o->progress_arg, &p);
}

static void put_end(struct run *run, enum outcome outcome, enum error_kind kind, json_t *child,
		    enum deadline_passed deadline, int64_t duration_ns)
{
	static const char *const deadlines[] = {
		[DEADLINE_SOFT] = "soft",
		[DEADLINE_HARD] = "hard",
	};
	json_t *record = journal_record("scenario-end");

	jx_set_str(record, "outcome", outcome_name(outcome));
	if (outcome == OUTCOME_ERROR)
		jx_set_str(record, "kind", error_kind_name(kind));
	jx_set(record, "child", child);
	if (deadline != DEADLINE_NONE)
		jx_set_str(record, "deadline", deadlines[deadline]);
	jx_set_int(record, "duration_ns", duration_ns);
	jx_set(record, "taint", taint_to_json(run->taint));
	put(run, record);
}

static void skip_scenario(struct run *run, const struct plan_item *item)
{
	json_t *child = jx_object();

	for (size_t i = 0; i < item->nr_unmet; i++) {
		json_t *record = journal_record("skip");

		jx_set_str(record, "category", skip_category_name(item->unmet[i].category));
		jx_set_str(record, "text", item->unmet[i].text);
		put(run, record);
	}
	jx_set_bool(child, "started", false);
	put_end(run, OUTCOME_SKIP, ERROR_NONE, child, DEADLINE_NONE, 0);
	tell(run, PROGRESS_ENDED, 0, OUTCOME_SKIP, item->unmet[0].text);
}

struct scenario_run {
	struct run *run;
	struct slice slice;
};

static int job_record(void *arg, json_t *record)
{
	const struct scenario_run *sr = arg;

	return put(sr->run, record);
}

static int job_drain_log(void *arg)
{
	struct scenario_run *sr = arg;

	return kmsg_drain(sr->run->o->kmsg, slice_take, &sr->slice);
}

static void job_tick(void *arg, int64_t elapsed_ns)
{
	const struct scenario_run *sr = arg;

	tell(sr->run, PROGRESS_RUNNING, elapsed_ns, OUTCOME_NOTRUN, NULL);
}

static json_t *child_to_json(const struct supervise_result *result)
{
	json_t *child = jx_object();

	if (!result->started)
		jx_set_bool(child, "started", false);
	else if (result->stuck)
		jx_set_bool(child, "stuck", true);
	else if (WIFSIGNALED(result->wait_status))
		jx_set_int(child, "signal", WTERMSIG(result->wait_status));
	else
		jx_set_int(child, "exited", WEXITSTATUS(result->wait_status));
	return child;
}

/* Of a pass: what the scenario says, and a kernel log that is clean. */
static unsigned int required_evidence(const struct scenario *s)
{
	return s->evidence | EV(KERNEL_LOG);
}

static void put_scenario_start(struct run *run, const char *folder)
{
	json_t *record = journal_record("scenario-start");
	json_t *requires = jx_array();

	for (unsigned int k = 0; k < NR_EVIDENCE_KINDS; k++)
		if (required_evidence(run->current) & 1u << k)
			jx_append_str(requires, evidence_kind_name(k));
	jx_set_str(record, "dir", folder);
	jx_set(record, "requires", requires);
	jx_set(record, "taint", taint_to_json(run->taint));
	put(run, record);
}

/* The scenario's own line of why was said of another outcome: this one is told by the evidence. */
static void say_why(struct run *run, struct supervise_result *result, unsigned int required,
		    enum outcome outcome)
{
	enum evidence_state state = outcome == OUTCOME_FAIL ? EVIDENCE_REFUTED : EVIDENCE_MISSING;
	json_t *record = journal_record("why");
	char *text = xasprintf("evidence %s:", evidence_state_name(state));

	for (unsigned int k = 0; k < NR_EVIDENCE_KINDS; k++) {
		bool counts = state == EVIDENCE_REFUTED || required & 1u << k;

		if (counts && result->states[k] == state) {
			char *longer = xasprintf("%s %s", text, evidence_kind_name(k));

			free(text);
			text = longer;
		}
	}
	jx_set_str(record, "text", text);
	put(run, record);
	free(result->why);
	result->why = text;
}

/* Everything between scenario-start and scenario-end, in the files of its folder. */
static void run_in_folder(struct run *run, int output, int kernel_log)
{
	const struct run_options *o = run->o;
	const struct scenario *s = run->current;
	struct scenario_run sr = {
		.run = run,
		.slice = { .file = kernel_log, .record = put, .arg = run },
	};
	const struct supervise_job job = {
		.scenario = s,
		.env = &run->env,
		.output_fd = output,
		.soft_ns = stretch(run, (int64_t)s->seconds * NS_PER_S),
		.grace_ns = stretch(run, o->grace_ns),
		.budget_end_ns = run->budget_end_ns,
		.signal_fd = run->signal_fd,
		.child_mask = &run->old_mask,
		.log_fd = o->kmsg ? kmsg_fd(o->kmsg) : -1,
		.record = job_record,
		.drain_log = job_drain_log,
		.tick = job_tick,
		.arg = &sr,
	};
	struct supervise_result result;
	enum outcome outcome;

	run->current_deadline_ns = job.soft_ns;
	tell(run, PROGRESS_STARTED, 0, OUTCOME_NOTRUN, NULL);
	supervise(&job, &result);
	keep_error(run, result.err);
	if (result.signal)
		run->signal = result.signal;
	run->budget_used_up |= result.budget_used_up;
	run->untrusted |= result.stuck;

	mark_log(run, &sr.slice, "end");
	result.states[EVIDENCE_KERNEL_LOG] =
		slice_settle(&sr.slice, o->kmsg != NULL, read_new_taint(run));
	keep_error(run, sr.slice.err);
	outcome = outcome_settle(result.claimed, required_evidence(s), result.states);
	if (outcome != result.claimed)
		say_why(run, &result, required_evidence(s), outcome);
	if (sr.slice.nr_bad)
		run->quiet_until_ns = clock_ns() + o->quiet_ns;
	put_end(run, outcome, result.kind, child_to_json(&result), result.deadline,
		result.duration_ns);
	tell(run, PROGRESS_ENDED, result.duration_ns, outcome, result.why);
	supervise_release(&result);
	slice_release(&sr.slice);
}

/*
 * The kernel limits the rate of many of its complaints (IOMMU faults: ten in five seconds). After one of
 * them the next scenario waits until that time is over, or its own would be kept back and its log
 * would look clean.
 */
static void wait_for_log(struct run *run)
{
	while (!must_end(run)) {
		struct pollfd pfd = { .fd = run->signal_fd, .events = POLLIN };
		int64_t left = run->quiet_until_ns - clock_ns();

		if (left <= 0)
			return;
		poll(&pfd, 1, clock_poll_ms(left));
	}
}

static void run_scenario(struct run *run)
{
	autofree char *name = results_folder_name(run->index, run->current->id);
	autoclose int folder = results_folder_create(run->dirfd, name);
	autoclose int output = folder < 0 ? folder : results_file_create(folder, RESULTS_OUTPUT);
	autoclose int log = output < 0 ? output : results_file_create(folder, RESULTS_KERNEL_LOG);

	if (log < 0) {
		keep_error(run, log);
		return;
	}
	wait_for_log(run);
	mark_log(run, &run->between, "start");
	read_new_taint(run); /* what was set before this one is not its doing */
	if (must_end(run))
		return;
	put_scenario_start(run, name);
	run_in_folder(run, output, log);
}

static void run_scenarios(struct run *run)
{
	for (size_t i = 0; i < run->plan.n && !must_end(run); i++) {
		const struct plan_item *item = &run->plan.items[i];

		run->index = (unsigned int)i + 1;
		run->current = item->scenario;
		if (item->nr_unmet)
			skip_scenario(run, item);
		else
			run_scenario(run);
		run->current = NULL;
	}
	run->index = 0;
}

/* --- the end ------------------------------------------------------------------------------------- */

/* On a machine that can no longer be trusted to do it nothing is undone: it needs a reboot. */
static void clean_up(struct run *run)
{
	if (!run->untrusted)
		undo_all(run->undo);
	mark_log(run, &run->between, "end");
	read_new_taint(run);
}

static void put_run_end(struct run *run)
{
	json_t *record = journal_record("run-end");
	const char *reason = "complete";

	if (run->untrusted)
		reason = "host-untrusted";
	else if (run->budget_used_up)
		reason = "time-budget";
	else if (run->signal)
		reason = "signal";
	jx_set_str(record, "reason", reason);
	if (run->signal && strcmp(reason, "signal") == 0)
		jx_set_int(record, "signal", run->signal);
	jx_set(record, "taint", taint_to_json(run->taint));
	put(run, record);
}

static int run_with_journal(struct run *run)
{
	const struct run_options *o = run->o;

	run->undo_env = (struct undo_env){
		.sysroot = run->env.sysroot,
		.module_dir = run->env.module_dir,
		.timeout_ns = stretch(run, CHANGE_TIMEOUT_NS),
	};
	run->undo = undo_new(run->journal, &run->undo_env, o->undo_kinds, o->nr_undo_kinds);
	run->between = (struct slice){ .file = -1, .record = put_between, .arg = run };

	start_journal(run);
	mark_log(run, &run->between, "begin");
	if (!must_end(run))
		set_up(run);
	run_scenarios(run);
	clean_up(run);
	put_run_end(run);

	slice_release(&run->between);
	undo_free(run->undo);
	if (run->err) {
		log_error("cannot write the results to '%s': %s", run->dir, strerror(-run->err));
		return EXIT_ENVIRONMENT;
	}
	return 0;
}

static int run_in_dir(struct run *run)
{
	int status;

	run->journal = journal_create(run->dirfd);
	if (!run->journal) {
		log_error("cannot write the results to '%s': %s", run->dir, strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	status = run_with_journal(run);
	journal_close(run->journal);
	return status;
}

/* Is the RDMA device one of the soft ones that the profile asks for, or free to choose? */
static bool asks_for_soft_rdma(const struct run_options *o)
{
	const char *device = o->env.rdma_device;

	for (size_t i = 0; i < o->profile->nr_soft_rdma; i++)
		if (!device || strcmp(o->profile->soft_rdma[i].name, device) == 0)
			return true;
	return false;
}

static int run_locked(struct run *run)
{
	const struct run_options *o = run->o;
	autofree char *why = NULL;
	int r;

	r = taint_read(o->taint_path, &run->taint);
	if (r < 0) {
		log_error("cannot read '%s': %s", o->taint_path, strerror(-r));
		return EXIT_ENVIRONMENT;
	}
	run->dir = o->results ? xstrdup(o->results) : results_default_name();
	run->dirfd = results_create(run->dir, &why);
	if (run->dirfd < 0) {
		log_error("%s", why);
		return EXIT_ENVIRONMENT;
	}
	return run_in_dir(run);
}

static int run_with_lock(struct run *run)
{
	autofree char *why = NULL;
	autoclose int lock = lock_take(run->o->lock_path, &why);

	if (lock < 0) {
		log_error("%s", why);
		return EXIT_ENVIRONMENT;
	}
	return run_locked(run);
}

int run_execute(const struct run_options *o, char **dir, int *dirfd)
{
	struct run run = {
		.o = o,
		.env = o->env,
		.dirfd = -1,
		.factor = o->deadline_factor > 0 ? o->deadline_factor : clock_deadline_factor(),
		.start_ns = clock_ns(),
	};
	const char *unknown;
	int status = EXIT_ENVIRONMENT;

	*dir = NULL;
	*dirfd = -1;
	if (plan_select(&run.plan, o->table, o->table_len, o->profile, o->ids, o->nr_ids,
			&unknown) < 0) {
		log_error("unknown scenario '%s'; 'p2pcert list' shows those there are", unknown);
		return EXIT_USAGE;
	}
	run.env.soft_rdma = asks_for_soft_rdma(o);
	run.budget_end_ns = o->budget_ns ? run.start_ns + o->budget_ns : INT64_MAX;
	if (take_process(&run) == 0)
		status = run_with_lock(&run);
	give_process_back(&run);
	plan_release(&run.plan);
	*dir = run.dir;
	*dirfd = run.dirfd;
	return status;
}
