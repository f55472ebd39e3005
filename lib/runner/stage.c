/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One scenario from its start record to its end record, with its folder, its part of the kernel log,
 * its control group and the changes it asks for.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "runner/cgroup.h"
#include "runner/permit.h"
#include "runner/results.h"
#include "runner/stacks.h"
#include "runner/state.h"
#include "runner/supervise.h"
#include "runner/taint.h"

/* A grace is for tidying up: however slow the machine, nobody waits longer than that many times it. */
#define GRACE_FACTOR_MAX 4.0

static void tell(struct run *run, enum progress_kind kind, int64_t elapsed_ns, enum outcome outcome,
		 const char *why)
{
	const struct run_rounds *rounds = &run->o->rounds;
	const struct progress p = {
		.kind = kind,
		.index = run->index,
		.total = (unsigned int)run->plan.n,
		.round = run->round,
		.rounds = rounds->duration_ns || rounds->repeat == REPEAT_FOREVER ? 0
										  : rounds->repeat,
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
	run_put(run, record);
}

static void skip(struct run *run, const struct plan_item *item)
{
	json_t *child = jx_object();

	for (size_t i = 0; i < item->nr_unmet; i++) {
		json_t *record = journal_record("skip");

		jx_set_str(record, "category", skip_category_name(item->unmet[i].category));
		jx_set_str(record, "text", item->unmet[i].text);
		run_put(run, record);
	}
	jx_set_bool(child, "started", false);
	put_end(run, OUTCOME_SKIP, ERROR_NONE, child, DEADLINE_NONE, 0);
	tell(run, PROGRESS_ENDED, 0, OUTCOME_SKIP, item->unmet[0].text);
}

/* --- what the supervisor of the child asks -------------------------------------------------------- */

struct staged {
	struct run *run;
	struct slice slice;
	int folder, output;
	const char *end_marker;
	json_t *modules_before; /* that taint the kernel */
	bool stacks_saved;
	size_t depth; /* of the changes, before the scenario could ask for any */
};

static int job_record(void *arg, json_t *record)
{
	const struct staged *s = arg;

	return run_put(s->run, record);
}

/* A channel_sink. */
static int put(void *arg, json_t *record)
{
	return run_put(arg, record);
}

static int job_drain_log(void *arg)
{
	struct staged *s = arg;

	return kmsg_drain(s->run->o->machine.kmsg, slice_take, &s->slice);
}

static void job_tick(void *arg, int64_t elapsed_ns)
{
	const struct staged *s = arg;

	tell(s->run, PROGRESS_RUNNING, elapsed_ns, OUTCOME_NOTRUN, NULL);
}

static const struct undo_kind *find_kind(const struct run_machine *m, const char *name)
{
	for (size_t i = 0; i < m->nr_undo_kinds; i++)
		if (strcmp(m->undo_kinds[i].name, name) == 0)
			return &m->undo_kinds[i];
	return NULL;
}

/* A child that went wrong must not be able to do more than a scenario may. */
static int job_change(void *arg, const char *kind_name, json_t *args, json_t **facts, char **why)
{
	const struct staged *s = arg;
	autojson json_t *kept = args;
	const struct undo_kind *kind = find_kind(&s->run->o->machine, kind_name);
	struct unmet unmet = { 0 };
	int r;

	if (!kind) {
		*why = xasprintf("there is no kind of change '%s'", kind_name);
		return -EINVAL;
	}
	r = permit_change(s->run->current, &s->run->env, kind, kept, why);
	if (r < 0)
		return r;
	r = undo_apply(s->run->undo, kind_name, json_incref(kept), facts, &unmet);
	*why = unmet.text;
	return r;
}

static int job_undo(void *arg, char **why)
{
	const struct staged *s = arg;
	struct run *run = s->run;
	size_t depth = undo_depth(run->undo), left;

	if (depth <= s->depth) {
		*why = xstrdup("there is no change to take back");
		return -ENOENT;
	}
	left = undo_down_to(run->undo, depth - 1);
	run->nr_left += left;
	return left ? -EIO : 0;
}

/* Where the child is, each time that one of its deadlines has passed. */
static void job_late(void *arg, pid_t child, const char *when)
{
	struct staged *s = arg;
	autofree char *stacks = stacks_of_process("/proc", child);
	autofree char *text = xasprintf("%s: %s", when, stacks ? stacks : "the process is gone\n");
	autoclose int fd = openat(s->folder, RESULTS_STACKS,
				  O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	json_t *record;

	run_keep_error(s->run, fd < 0 ? -errno : fs_write_all(fd, text, strlen(text)));
	if (s->stacks_saved)
		return;
	s->stacks_saved = true;
	record = journal_record("file");
	jx_set_str(record, "name", RESULTS_STACKS);
	jx_set_str(record, "text", "where its threads were when a deadline had passed");
	run_put(s->run, record);
}

/* --- the scenario -------------------------------------------------------------------------------- */

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

static void put_start(struct run *run, const char *folder)
{
	json_t *record = journal_record("scenario-start");
	json_t *requires = jx_array();

	for (unsigned int k = 0; k < NR_EVIDENCE_KINDS; k++)
		if (required_evidence(run->current) & 1u << k)
			jx_append_str(requires, evidence_kind_name(k));
	jx_set_int(record, "round", run->round);
	jx_set_hex(record, "seed", run->env.seed, 16);
	jx_set_str(record, "dir", folder);
	jx_set(record, "requires", requires);
	jx_set(record, "taint", taint_to_json(run->taint));
	run_put(run, record);
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
	run_put(run, record);
	free(result->why);
	result->why = text;
}

/* --- what it has left behind ---------------------------------------------------------------------- */

/* Says what broke, unless something worse is known already. */
static void refuse(struct run *run, struct supervise_result *result, enum error_kind kind,
		   const char *text)
{
	json_t *record = journal_record("error");

	jx_set_str(record, "kind", error_kind_name(kind));
	jx_set_str(record, "text", text);
	run_put(run, record);
	if (result->claimed != OUTCOME_ERROR)
		result->kind = kind;
	result->claimed = OUTCOME_ERROR;
}

static bool lists_module(const json_t *modules, const char *name)
{
	const json_t *module;
	size_t i;

	json_array_foreach (modules, i, module)
		if (strcmp(jx_get_str(module, "name"), name) == 0)
			return true;
	return false;
}

/*
 * Test modules are loaded by the supervisor, or not at all. What was loaded behind its back becomes a
 * change like any other, to be undone with those that the scenario asked for.
 */
static void check_modules(struct staged *staged, struct supervise_result *result)
{
	struct run *run = staged->run;
	autojson json_t *now = taint_modules(run->env.sysroot);
	const json_t *module;
	size_t i;

	json_array_foreach (now, i, module) {
		const char *name = jx_get_str(module, "name");
		autofree char *text = xasprintf("left module '%s' loaded", name);
		json_t *args;

		if (lists_module(staged->modules_before, name))
			continue;
		refuse(run, result, ERROR_CLEANUP, text);
		args = jx_object();
		jx_set_str(args, "name", name);
		run_keep_error(run, undo_found(run->undo, "module", args));
	}
}

static bool is_removed(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || st.st_nlink == 0;
}

static void check_folder(struct staged *staged, struct supervise_result *result)
{
	if (is_removed(staged->output) || is_removed(staged->slice.file) ||
	    is_removed(staged->folder))
		refuse(staged->run, result, ERROR_INCOMPLETE, "its results folder was removed");
}

/* --- what came out -------------------------------------------------------------------------------- */

/* What the supervised child has shown, held against the kernel log and what a pass requires. */
static void settle(struct staged *staged, struct supervise_result *result)
{
	struct run *run = staged->run;
	const struct scenario *s = run->current;
	const struct run_machine *m = &run->o->machine;
	enum outcome outcome;

	check_modules(staged, result);
	check_folder(staged, result);
	run_watch_hotplug(run);
	run_mark_log(run, &staged->slice, staged->end_marker);
	result->states[EVIDENCE_KERNEL_LOG] =
		slice_settle(&staged->slice, m->kmsg != NULL, run_read_taint(run));
	run_keep_error(run, staged->slice.err);
	outcome = outcome_settle(result->claimed, required_evidence(s), result->states);
	if (outcome != result->claimed)
		say_why(run, result, required_evidence(s), outcome);
	if (staged->slice.nr_bad)
		run->quiet_until_ns = clock_ns() + m->quiet_ns;
	run->failed |= outcome == OUTCOME_FAIL || outcome == OUTCOME_ERROR;
	put_end(run, outcome, result->kind, child_to_json(result), result->deadline,
		result->duration_ns);
	tell(run, PROGRESS_ENDED, result->duration_ns, outcome, result->why);
}

static int64_t grace(const struct run *run)
{
	double factor = run->factor < GRACE_FACTOR_MAX ? run->factor : GRACE_FACTOR_MAX;

	return (int64_t)((double)run->o->machine.grace_ns * factor);
}

/* Everything between scenario-start and scenario-end. */
static void run_child(struct run *run, struct staged *staged, const char *cgroup)
{
	const struct run_machine *m = &run->o->machine;
	const struct scenario *s = run->current;
	const struct supervise_job job = {
		.scenario = s,
		.env = &run->env,
		.output_fd = staged->output,
		.cgroup = cgroup,
		.soft_ns = run_stretch(run, (int64_t)s->seconds * NS_PER_S),
		.grace_ns = grace(run),
		.budget_end_ns = run->budget_end_ns,
		.signal_fd = run->process.signal_fd,
		.child_mask = &run->process.old_mask,
		.log_fd = m->kmsg ? kmsg_fd(m->kmsg) : -1,
		.record = job_record,
		.drain_log = job_drain_log,
		.change = job_change,
		.undo = job_undo,
		.late = job_late,
		.tick = job_tick,
		.arg = staged,
	};
	struct supervise_result result;

	staged->depth = undo_depth(run->undo);
	run->current_deadline_ns = job.soft_ns;
	tell(run, PROGRESS_STARTED, 0, OUTCOME_NOTRUN, NULL);
	supervise(&job, &result);
	run_keep_error(run, result.err);
	if (result.signal)
		run->signal = result.signal;
	run->budget_used_up |= result.budget_used_up;
	run->untrusted |= result.stuck;
	settle(staged, &result);
	supervise_release(&result);
}

/*
 * The kernel limits the rate of many of its complaints (IOMMU faults: ten in five seconds). After one of
 * them the next scenario waits until that time is over, or its own would be kept back and its log
 * would look clean.
 */
static void wait_for_log(struct run *run)
{
	while (!run_must_end(run)) {
		struct pollfd pfd = { .fd = run->process.signal_fd, .events = POLLIN };
		int64_t left = run->quiet_until_ns - clock_ns();

		if (left <= 0)
			return;
		poll(&pfd, 1, clock_poll_ms(left));
	}
}

/* In bytes; 0: it cannot be told. What a scenario may use up, so that the machine keeps some. */
static uint64_t memory_max(const char *sysroot)
{
	autofree char *path = fs_under(sysroot, "/proc/meminfo");
	autofree char *text = NULL;
	const char *line = NULL;
	uint64_t kib;

	if (fs_read_attr(AT_FDCWD, path, &text) == 0)
		line = strstr(text, "MemAvailable:");
	return line && sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1 ? kib * 1024 / 4 * 3 : 0;
}

/*
 * A control group for the scenario alone: all of its processes can be killed at once, also by a later
 * process, and it cannot take the machine's memory. Its path, or NULL where there is none to be had;
 * the caller frees it.
 */
static char *make_cgroup(struct run *run, const char *name)
{
	const char *root = run->o->machine.cgroup_root;
	autofree char *group = xasprintf("p2pcert-%d-%s", (int)getpid(), name);
	autojson json_t *facts = NULL;
	struct unmet why = { 0 };
	const uint64_t memory = memory_max(run->env.sysroot);
	json_t *args;
	int r;

	if (!root)
		return NULL;
	args = jx_object();
	jx_set_str(args, "name", group);
	if (memory)
		jx_set_int(args, "memory_max", (int64_t)memory);
	r = undo_apply(run->undo, "cgroup", args, &facts, &why);
	if (r < 0)
		log_debug("no control group '%s': %s", group, why.text);
	free(why.text);
	return r < 0 ? NULL : xasprintf("%s/%s", root, group);
}

static void run_started(struct run *run, const char *name, int folder, int output, int kernel_log,
			const char *cgroup)
{
	autofree char *end_marker = xasprintf("end of %s", name);
	struct staged staged = {
		.run = run,
		.slice = { .file = kernel_log, .record = put, .arg = run },
		.folder = folder,
		.output = output,
		.end_marker = end_marker,
		.modules_before = taint_modules(run->env.sysroot),
	};

	put_start(run, name);
	if (!run->err)
		run_child(run, &staged, cgroup);
	json_decref(staged.modules_before);
	slice_release(&staged.slice);
}

static void run_scenario(struct run *run, const struct scenario *s)
{
	autofree char *name = results_folder_name(++run->folders, s->id);
	autofree char *start_marker = xasprintf("start of %s", name);
	autoclose int folder = results_folder_create(run->dirfd, name);
	autoclose int output = folder < 0 ? folder : results_file_create(folder, RESULTS_OUTPUT);
	autoclose int log = output < 0 ? output : results_file_create(folder, RESULTS_KERNEL_LOG);
	size_t depth = undo_depth(run->undo);
	autofree char *cgroup = NULL;

	if (log < 0) {
		run_keep_error(run, log);
		return;
	}
	wait_for_log(run);
	cgroup = make_cgroup(run, name);
	run_mark_log(run, &run->between, start_marker);
	run_watch_hotplug(run);
	undo_forget_moved(run->undo); /* by the scenario before */
	run_read_taint(run); /* what was set before this one is not its doing */
	if (!run_must_end(run)) {
		run->current = s;
		run_started(run, name, folder, output, log, cgroup);
		run->current = NULL;
	}
	/* one that still holds a device would keep the undoing of its unbinding waiting */
	if (cgroup)
		cgroup_kill(cgroup);
	if (!run->untrusted)
		run->nr_left += undo_down_to(run->undo, depth);
}

void stage(struct run *run, const struct plan_item *item)
{
	run->env.seed = plan_round_seed(run->o->env.seed, run->round);
	if (!item->nr_unmet) {
		run_scenario(run, item->scenario);
	} else if (run->round == 1) {
		run->current = item->scenario;
		skip(run, item);
		run->current = NULL;
	}
}
