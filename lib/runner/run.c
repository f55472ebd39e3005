/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of things in a run: lock, results, journal, what the machine is, set-up, scenarios,
 * undoing; and the same for a run that goes on, which begins with undoing. Each step is skipped once
 * there is a reason to end, except the undoing.
 */
#include "runner/run.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/version.h"
#include "runner/lock.h"
#include "runner/past.h"
#include "runner/results.h"
#include "runner/slowness.h"
#include "runner/state.h"
#include "runner/taint.h"

#define CHANGE_TIMEOUT_NS (10 * NS_PER_S)

static void refuse_dead_kernel(struct run *run)
{
	autofree char *names = taint_text(run->taint & taint_fatal());

	if (!(run->taint & taint_fatal()))
		return;
	log_error("nothing is run: the kernel is tainted already: %s; reboot first", names);
	run->untrusted = true;
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
	start_put(run);
	refuse_dead_kernel(run);
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
	start_put_resume(run, true);
	run->nr_left = undo_past(run);
}

/* --- around it ----------------------------------------------------------------------------------- */

/* Writes a record that belongs to no scenario, whichever is about to start. A channel_sink. */
static int put_between(void *arg, json_t *record)
{
	struct run *run = arg;
	int r = journal_write(run->journal, record);

	run_keep_error(run, r);
	return r;
}

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
