/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of things in a run: lock, results, journal, what the machine is, set-up, scenarios,
 * undoing; and the same for a run that goes on, which begins with undoing. Each step is skipped once
 * there is a reason to end, except the undoing.
 */
#include "runner/run.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/pciaddr.h"
#include "base/version.h"
#include "check/finding.h"
#include "runner/host.h"
#include "runner/lock.h"
#include "runner/past.h"
#include "runner/results.h"
#include "runner/slowness.h"
#include "runner/state.h"
#include "runner/taint.h"

#define MARK_TIMEOUT_NS (2 * NS_PER_S)
#define CHANGE_TIMEOUT_NS (10 * NS_PER_S)

int64_t run_stretch(const struct run *run, int64_t ns)
{
	return (int64_t)((double)ns * run->factor);
}

void run_keep_error(struct run *run, int r)
{
	if (r < 0 && run->err == 0)
		run->err = r;
}

int run_put(struct run *run, json_t *record)
{
	int r;

	if (run->current)
		jx_set_str(record, "scenario", run->current->id);
	r = journal_write(run->journal, record);
	run_keep_error(run, r);
	return r;
}

/* Writes a record that belongs to no scenario, whichever is about to start. A channel_sink. */
static int put_between(void *arg, json_t *record)
{
	struct run *run = arg;
	int r = journal_write(run->journal, record);

	run_keep_error(run, r);
	return r;
}

bool run_must_end(struct run *run)
{
	int signal = process_signal(&run->process);

	if (signal)
		run->signal = signal;
	if (clock_ns() >= run->budget_end_ns)
		run->budget_used_up = true;
	return run->err || run->signal || run->untrusted || run->budget_used_up;
}

/* --- what the kernel says ------------------------------------------------------------------------ */

void run_mark_log(struct run *run, struct slice *before, const char *what)
{
	struct kmsg *kmsg = run->o->machine.kmsg;
	autofree char *marker =
		xasprintf("p2pcert %d.%" PRId64 ": %s", (int)getpid(), run->start_ns, what);
	int r;

	if (!kmsg)
		return;
	r = kmsg_mark(kmsg, marker, run_stretch(run, MARK_TIMEOUT_NS), slice_take, before);
	if (r < 0)
		log_debug("kernel log marker '%s': %s", marker, strerror(-r));
	if (kmsg_lost(kmsg) || r < 0)
		before->unread = true;
	run_keep_error(run, before->err);
	if (before->fatal)
		run->untrusted = true;
}

static void put_hotplug(void *arg, struct pci_addr function, bool came)
{
	struct run *run = arg;
	json_t *record, *functions;

	if (undo_has_moved(run->undo, function))
		return;
	record = journal_record("finding");
	functions = jx_array();

	jx_append_str(functions, pci_addr_str(function));
	jx_set_str(record, "code", finding_get("PLATFORM-CHANGED")->code);
	jx_set(record, "functions", functions);
	jx_set_strf(record, "text", "%s %s %s%s", pci_addr_str(function),
		    came ? "came" : "went away",
		    run->current ? "during " : "outside of any scenario",
		    run->current ? run->current->id : "");
	run_put(run, record);
}

void run_watch_hotplug(struct run *run)
{
	const struct run_machine *m = &run->o->machine;
	int r = m->drain_hotplug ? m->drain_hotplug(m->hotplug, put_hotplug, run) : 0;

	if (r < 0)
		log_warn("cannot tell which functions came and went: %s", strerror(-r));
}

/* One that cannot be read any more has not changed. */
uint64_t run_read_taint(struct run *run)
{
	uint64_t before = run->taint, added;
	autojson json_t *modules_before = NULL;

	if (taint_read(run->o->machine.taint_path, &run->taint) < 0)
		return 0;
	added = run->taint & ~before;
	if (added & taint_fatal())
		run->untrusted = true;
	if (added) {
		modules_before = run->taint_modules;
		run->taint_modules = taint_modules(run->env.sysroot);
		run_put(run, taint_set_record(added, modules_before, run->taint_modules));
	}
	return added;
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

/* What every process of a run says of itself. */
static void set_process(const struct run *run, json_t *record)
{
	const struct run_options *o = run->o;
	json_t *tool = jx_object(), *argv = jx_array();

	jx_set_str(tool, "version", p2pcert_version());
	jx_set_str(tool, "commit", p2pcert_commit());
	for (int i = 0; i < o->argc; i++)
		jx_append_str(argv, o->argv[i]);
	jx_set(record, "tool", tool);
	jx_set(record, "argv", argv);
	jx_set(record, "time", utc_now());
	jx_set_str(record, "boot_id", run->boot_id);
	jx_set(record, "taint", taint_to_json(run->taint));
	jx_set(record, "taint_modules", json_incref(run->taint_modules));
	jx_set(record, "deadline_factor", json_real(run->factor));
	jx_set(record, "slowness", slowness_to_json(&run->slowness));
}

static json_t *strings_to_json(const char *const *strings)
{
	json_t *array = jx_array();

	for (; strings && *strings; strings++)
		jx_append_str(array, *strings);
	return array;
}

static json_t *asked_to_json(const struct run_options *o)
{
	const struct run_rounds *rounds = &o->rounds;
	json_t *asked = jx_object();

	jx_set_int(asked, "repeat", rounds->repeat);
	if (rounds->duration_ns)
		jx_set_int(asked, "duration_ns", rounds->duration_ns);
	jx_set_bool(asked, "until_fail", rounds->until_fail);
	jx_set_bool(asked, "shuffle", rounds->shuffle);
	jx_set_str(asked, "level", level_name(o->env.level));
	if (rounds->budget_ns)
		jx_set_int(asked, "budget_ns", rounds->budget_ns);
	jx_set_str(asked, "module_dir", o->env.module_dir);
	jx_set_str(asked, "rdma_device", o->env.rdma_device);
	jx_set_bool(asked, "allow_unsafe", o->env.allow_unsafe);
	jx_set(asked, "devices", strings_to_json(o->env.devices));
	jx_set_bool(asked, "named", o->nr_ids > 0);
	return asked;
}

static void put_run_start(struct run *run)
{
	const struct run_options *o = run->o;
	json_t *record = journal_record("run-start");
	json_t *selected = jx_array();

	for (size_t i = 0; i < run->plan.n; i++)
		jx_append_str(selected, run->plan.items[i].scenario->id);
	jx_set_str(record, "schema", JOURNAL_SCHEMA);
	set_process(run, record);
	jx_set_hex(record, "seed", o->env.seed, 16);
	jx_set(record, "options", asked_to_json(o));
	jx_set(record, "profile", profile_to_json(o->profile));
	jx_set(record, "selected", selected);
	jx_set(record, "host", host_to_json(run->env.sysroot));
	jx_set(record, "kernel", host_kernel_to_json(run->env.sysroot));
	jx_set_int(record, "expected_taint", (int64_t)taint_expected());
	if (o->env.inject && *o->env.inject)
		jx_set(record, "inject", strings_to_json(o->env.inject));
	if (o->env.workarounds && *o->env.workarounds)
		jx_set(record, "workarounds", strings_to_json(o->env.workarounds));
	run_put(run, record);
}

static void put_resume(struct run *run, bool restore_only)
{
	json_t *record = journal_record("resume");

	set_process(run, record);
	jx_set_bool(record, "torn", past_torn(run->past));
	jx_set_bool(record, "restore_only", restore_only);
	run_put(run, record);
}

static void put_platform(struct run *run)
{
	autojson json_t *doc = platform_to_json(run->env.platform);
	autofree char *text = jx_pretty(doc);
	json_t *record;
	int r = fs_publish(run->dirfd, RESULTS_PLATFORM, text, strlen(text), 0600);

	run_keep_error(run, r);
	if (r < 0)
		return;
	record = journal_record("platform");
	jx_set_str(record, "file", RESULTS_PLATFORM);
	run_put(run, record);
}

static void put_features(struct run *run)
{
	json_t *record = journal_record("features");

	jx_set(record, "features", json_incref(run->o->features));
	run_put(run, record);
}

/* Those that concern this kernel: the report names them where a scenario shows them. */
static void put_errata(struct run *run)
{
	json_t *record = journal_record("errata");

	jx_set(record, "errata", run->o->errata ? json_incref(run->o->errata) : jx_array());
	run_put(run, record);
}

static void refuse_dead_kernel(struct run *run)
{
	autofree char *names = taint_text(run->taint & taint_fatal());

	if (!(run->taint & taint_fatal()))
		return;
	log_error("nothing is run: the kernel is tainted already: %s; reboot first", names);
	run->untrusted = true;
}

/* A run that died before it had said what the machine is says it now. */
static void start_journal(struct run *run)
{
	if (run->past)
		put_resume(run, false);
	else
		put_run_start(run);
	if (!run->past || !past_has_platform(run->past))
		put_platform(run);
	if (!run->past || !past_has_features(run->past))
		put_features(run);
	if (!run->past || !past_has_errata(run->past))
		put_errata(run);
	refuse_dead_kernel(run);
}

/* --- what was left ------------------------------------------------------------------------------- */

/* Takes the changes that an earlier process left over, and undoes them. How many are left. */
static size_t undo_past(struct run *run)
{
	const char *boot_id = past_boot_id(run->past);

	if (undo_adopt(run->undo, past_changes(run->past)) < 0) {
		log_error("the changes in the journal of '%s' contradict themselves", run->dir);
		run_keep_error(run, -EINVAL);
		return past_nr_changes(run->past);
	}
	if (boot_id && strcmp(boot_id, run->boot_id) != 0)
		undo_forget(run->undo, "the machine was rebooted since");
	return undo_down_to(run->undo, 0);
}

/* --- rounds -------------------------------------------------------------------------------------- */

static int64_t run_so_far(const struct run *run)
{
	return clock_ns() - run->start_ns + (run->past ? past_duration_ns(run->past) : 0);
}

static bool is_enough(const struct run *run)
{
	const struct run_rounds *rounds = &run->o->rounds;

	if (rounds->until_fail && run->failed)
		return true;
	return rounds->duration_ns && run->round > 1 && run_so_far(run) >= rounds->duration_ns;
}

static bool is_last_round(const struct run *run)
{
	const struct run_rounds *rounds = &run->o->rounds;

	return rounds->duration_ns ? run_so_far(run) >= rounds->duration_ns
				   : run->round >= rounds->repeat;
}

static bool is_past(const struct run *run, const struct plan_item *item)
{
	return run->past && past_has(run->past, item->scenario->id, run->round);
}

static void run_round(struct run *run)
{
	autofree size_t *order = xcalloc(run->plan.n + 1, sizeof(*order));

	plan_order(&run->plan, run->o->rounds.shuffle,
		   plan_round_seed(run->o->env.seed, run->round), order);
	for (size_t i = 0; i < run->plan.n; i++) {
		const struct plan_item *item = &run->plan.items[order[i]];

		if (is_past(run, item))
			continue;
		if (is_enough(run) || run_must_end(run))
			return;
		run->index = (unsigned int)i + 1;
		stage(run, item);
	}
}

static bool can_any_start(const struct run *run)
{
	for (size_t i = 0; i < run->plan.n; i++)
		if (!run->plan.items[i].nr_unmet && !run->plan.items[i].over)
			return true;
	return false;
}

/* A round after the first is only for those that can start: without any it would not take any time. */
static void run_rounds(struct run *run)
{
	for (run->round = 1; run->round == 1 || can_any_start(run); run->round++) {
		run_round(run);
		if (is_last_round(run) || is_enough(run) || run_must_end(run))
			return;
	}
}

/* What all rounds have seen already needs no set-up. */
static void find_what_is_over(struct run *run)
{
	const struct run_rounds *rounds = &run->o->rounds;

	for (size_t i = 0; i < run->plan.n && run->past; i++) {
		struct plan_item *item = &run->plan.items[i];
		unsigned int done = past_rounds(run->past, item->scenario->id);

		item->over = !rounds->duration_ns && done >= rounds->repeat;
	}
}

/* --- the end ------------------------------------------------------------------------------------- */

/* On a machine that can no longer be trusted to do it nothing is undone: it needs a reboot. */
static void clean_up(struct run *run)
{
	if (!run->untrusted)
		run->nr_left += undo_down_to(run->undo, 0);
	run_mark_log(run, &run->between, "end of the run");
	run_watch_hotplug(run);
	run_read_taint(run);
}

/* A run whose results cannot be kept has no end that it could claim to have come to. */
static void put_run_end(struct run *run)
{
	const char *reason = "complete";
	json_t *record;

	if (run->err)
		return;
	if (run->untrusted)
		reason = "host-untrusted";
	else if (run->budget_used_up)
		reason = "time-budget";
	else if (run->signal)
		reason = "signal";
	record = journal_record("run-end");
	jx_set_str(record, "reason", reason);
	if (run->signal && strcmp(reason, "signal") == 0)
		jx_set_int(record, "signal", run->signal);
	jx_set(record, "taint", taint_to_json(run->taint));
	run_put(run, record);
}

static void run_from_start_to_end(struct run *run)
{
	start_journal(run);
	run_mark_log(run, &run->between, "begin of the run");
	if (run->past && !run->untrusted)
		run->nr_left = undo_past(run);
	find_what_is_over(run);
	if (!run_must_end(run))
		setup(run);
	if (!run_must_end(run))
		run_rounds(run);
	clean_up(run);
	put_run_end(run);
}

static void only_undo(struct run *run)
{
	put_resume(run, true);
	run->nr_left = undo_past(run);
}

/* --- around it ----------------------------------------------------------------------------------- */

static int with_journal(struct run *run, void (*work)(struct run *run))
{
	const struct run_machine *m = &run->o->machine;

	run->undo_env = (struct undo_env){
		.sysroot = run->env.sysroot,
		.module_dir = run->env.module_dir,
		.timeout_ns = run_stretch(run, CHANGE_TIMEOUT_NS),
	};
	run->undo = undo_new(run->journal, &run->undo_env, m->undo_kinds, m->nr_undo_kinds);
	run->between = (struct slice){ .file = -1, .record = put_between, .arg = run };
	work(run);
	run_keep_error(run, journal_error(run->journal));
	run_keep_error(run, run->err ? 0 : journal_verify(run->journal));
	slice_release(&run->between);
	undo_free(run->undo);
	return run->err;
}

/* Results that are elsewhere by now, or nowhere, are none to whom they were promised. */
static bool is_still_there(const struct run *run)
{
	struct stat ours, there;

	return fstat(run->dirfd, &ours) == 0 && stat(run->dir, &there) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static int in_dir(struct run *run, void (*work)(struct run *run))
{
	int r;

	run->journal = run->past ? journal_append(run->dirfd) : journal_create(run->dirfd);
	r = run->journal ? 0 : -errno;
	if (r == 0 && run->past && journal_records(run->journal) != past_records(run->past)) {
		log_error("somebody else went on with '%s' meanwhile", run->dir);
		journal_close(run->journal);
		return EXIT_ENVIRONMENT;
	}
	if (r == 0)
		r = with_journal(run, work);
	journal_close(run->journal);
	if (r == -ESTALE || r == -EBADMSG)
		log_error("the journal of '%s' was changed by somebody else: it proves nothing",
			  run->dir);
	else if (r < 0)
		log_error("cannot write the results to '%s': %s", run->dir, strerror(-r));
	if (r == 0 && !is_still_there(run)) {
		log_error("results directory '%s' was moved or replaced meanwhile", run->dir);
		return EXIT_ENVIRONMENT;
	}
	return r < 0 ? EXIT_ENVIRONMENT : 0;
}

/* What has to be known of the machine before anything is written. */
static int look_at_machine(struct run *run)
{
	const struct run_machine *m = &run->o->machine;
	int r = taint_read(m->taint_path, &run->taint);

	if (r < 0) {
		log_error("cannot read '%s': %s", m->taint_path, strerror(-r));
		return EXIT_ENVIRONMENT;
	}
	r = fs_read_attr(AT_FDCWD, m->boot_id_path, &run->boot_id);
	if (r < 0) {
		log_error("cannot read '%s': %s", m->boot_id_path, strerror(-r));
		return EXIT_ENVIRONMENT;
	}
	run->taint_modules = taint_modules(run->env.sysroot);
	return 0;
}

static int with_lock(struct run *run, int (*work)(struct run *run))
{
	autofree char *why = NULL;
	autofree char *died = NULL;
	autoclose int lock = lock_take(run->o->machine.lock_path, run->dir, &died, &why);
	int status;

	if (lock < 0) {
		log_error("%s", why);
		return lock == -EHOSTDOWN ? EXIT_HOST_UNTRUSTED : EXIT_ENVIRONMENT;
	}
	if (died && !run->past)
		log_warn("the last run, in '%s', died and may have left changes: 'p2pcert resume "
			 "--restore-only %s' undoes them",
			 died, died);
	status = look_at_machine(run);
	if (status == 0)
		status = work(run);
	if (run->untrusted)
		lock_distrust(lock);
	else if (!run->nr_left)
		lock_release(lock); /* else it tells the next run what became of this one */
	return status;
}

/* Calls work with the process made ready for it and the machine locked. The exit status. */
static int locked(struct run *run, int (*work)(struct run *run))
{
	int status = EXIT_ENVIRONMENT;

	if (process_take(&run->process) == 0)
		status = with_lock(run, work);
	process_give_back(&run->process);
	free(run->boot_id);
	json_decref(run->taint_modules);
	return status;
}

static int begin(struct run *run)
{
	autofree char *why = NULL;

	run->dirfd = results_create(run->dir, &why);
	if (run->dirfd < 0) {
		log_error("%s", why);
		return EXIT_ENVIRONMENT;
	}
	return in_dir(run, run_from_start_to_end);
}

static int go_on(struct run *run)
{
	results_sweep(run->dirfd, run->folders);
	return in_dir(run, run_from_start_to_end);
}

static int restore(struct run *run)
{
	int status = in_dir(run, only_undo);

	return status == 0 && run->nr_left ? EXIT_ENVIRONMENT : status;
}

static void initialise(struct run *run, const struct run_options *o)
{
	*run = (struct run){
		.o = o,
		.process = { .signal_fd = -1 },
		.env = o->env,
		.dirfd = -1,
		.start_ns = clock_ns(),
	};
	run->slowness = slowness_measure();
	run->factor = o->machine.deadline_factor > 0 ? o->machine.deadline_factor
						     : slowness_factor(&run->slowness);
	run->budget_end_ns = o->rounds.budget_ns ? run->start_ns + o->rounds.budget_ns : INT64_MAX;
}

/* 0, or the exit status after a message. */
static int select_scenarios(struct run *run)
{
	const struct run_options *o = run->o;
	const char *unknown;

	if (plan_select(&run->plan, o->table, o->table_len, o->profile, o->ids, o->nr_ids,
			&unknown) < 0) {
		log_error("unknown scenario '%s'; 'p2pcert list' shows those there are", unknown);
		return EXIT_USAGE;
	}
	if (!o->nr_ids)
		plan_exclude_level(&run->plan, o->env.level);
	run->env.soft_rdma = setup_has_soft_rdma(o);
	return 0;
}

int run_execute(const struct run_options *o, char **dir, int *dirfd)
{
	struct run run;
	int status;

	*dir = NULL;
	*dirfd = -1;
	initialise(&run, o);
	status = select_scenarios(&run);
	if (status)
		return status;
	*dir = o->results ? xstrdup(o->results) : results_default_name();
	run.dir = *dir;
	status = locked(&run, begin);
	*dirfd = run.dirfd;
	plan_release(&run.plan);
	return status;
}

/* Outcomes of two versions have no place in one report. */
static int check_version(const struct run *run)
{
	const char *version = past_version(run->past);

	if (version && strcmp(version, p2pcert_version()) == 0)
		return 0;
	log_error("'%s' was begun by p2pcert %s, and this is %s: begin a new run", run->dir,
		  version ? version : "of no version", p2pcert_version());
	return EXIT_USAGE;
}

int run_resume(const struct run_options *o, const struct past *past, int dirfd)
{
	struct run run;
	int status;

	initialise(&run, o);
	run.past = past;
	run.dir = o->results;
	run.dirfd = dirfd;
	run.folders = past_folders(past);
	run.failed = past_failed(past);
	status = check_version(&run);
	if (status == 0)
		status = select_scenarios(&run);
	if (status == 0)
		status = locked(&run, go_on);
	plan_release(&run.plan);
	return status;
}

int run_restore(const struct run_options *o, const struct past *past, int dirfd)
{
	struct run run;

	initialise(&run, o);
	run.past = past;
	run.dir = o->results;
	run.dirfd = dirfd;
	return past_nr_changes(past) ? locked(&run, restore) : 0;
}
