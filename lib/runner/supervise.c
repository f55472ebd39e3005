/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The child, the loop that watches it, and what its end means. */
#include "runner/supervise.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/text.h"
#include "runner/cgroup.h"
#include "runner/stacks.h"
#include "scenario/ctx.h"

#define CHILD_FILE_MAX ((rlim_t)1 << 30) /* bytes */
#define TICK_NS NS_PER_S
#define ANSWER_TEXT_MAX 512 /* bytes, so that the answer fits what the child reads */

/* Why the child is being ended, in the order in which later reasons give way to earlier ones. */
enum stop {
	STOP_NONE,
	STOP_RESULTS, /* what it says cannot be kept */
	STOP_PROTOCOL, /* it says what it may not */
	STOP_SIGNAL,
	STOP_BUDGET,
	STOP_DEADLINE,
};

struct watch {
	const struct supervise_job *job;
	struct supervise_result *result;
	struct channel channel;
	int channel_fd; /* a stream both ways; -1 at its end */
	int output_fd; /* likewise */
	int log_fd; /* likewise */
	size_t output_kept;
	bool output_cut;
	pid_t child;
	bool ended; /* and was waited for */
	char *stuck_in; /* where in the kernel it hangs; NULL: it does not, or nobody knows */
	pid_t *inherited; /* children of this process that were there before */
	size_t nr_inherited;
	unsigned int nr_met, nr_killed; /* descendants, in one pass over them */
	unsigned int left_behind; /* descendants that were still there when the child had ended */
	int64_t start, next_tick;
	int64_t budget_end, term_at, kill_at, give_up_at; /* INT64_MAX: not, or no longer */
	enum stop stop;
};

/* --- the child ----------------------------------------------------------------------------------- */

#define CHANNEL_FD 3

static void set_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		_exit(EXIT_ENVIRONMENT);
	if (value < limit.rlim_max)
		limit = (struct rlimit){ value, value };
	if (setrlimit(resource, &limit) < 0)
		_exit(EXIT_ENVIRONMENT);
}

/* Puts the three streams and the channel in their places and closes everything else. */
static void set_files(int output, int channel)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high_null = fcntl(null, F_DUPFD, CHANNEL_FD + 1);
	int high_output = fcntl(output, F_DUPFD, CHANNEL_FD + 1);
	int high_channel = fcntl(channel, F_DUPFD, CHANNEL_FD + 1);

	if (dup2(high_null, STDIN_FILENO) < 0 || dup2(high_output, STDOUT_FILENO) < 0 ||
	    dup2(high_output, STDERR_FILENO) < 0 || dup2(high_channel, CHANNEL_FD) < 0)
		_exit(EXIT_ENVIRONMENT);
	closefrom(CHANNEL_FD + 1);
}

static void attr_noreturn child_main(const struct supervise_job *job, pid_t parent, int output,
				     int channel)
{
	struct scenario_ctx ctx = { .env = job->env, .channel = CHANNEL_FD };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || setsid() < 0)
		_exit(EXIT_ENVIRONMENT);
	/* where memory runs out it is the scenario that goes, not who watches it */
	if (fs_write_attr(AT_FDCWD, "/proc/self/oom_score_adj", "1000") < 0 ||
	    (job->cgroup && cgroup_enter(job->cgroup) < 0))
		_exit(EXIT_ENVIRONMENT);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, job->child_mask, NULL);
	set_files(output, channel);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_FSIZE, CHILD_FILE_MAX);

	ctx_run(&ctx, job->scenario);
	fflush(NULL);
	_exit(EXIT_VERDICT_PASS);
}

static int make_pipe(int *read_end, int *write_end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*read_end = fds[0];
	*write_end = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_stream(int *our_end, int *child_end)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	*our_end = fds[0];
	*child_end = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int start_child(struct watch *w)
{
	autoclose int channel = -1;
	autoclose int output = -1;
	pid_t parent = getpid();
	int r;

	r = make_stream(&w->channel_fd, &channel);
	if (r == 0)
		r = make_pipe(&w->output_fd, &output);
	if (r < 0)
		return r;

	fflush(NULL); /* or both would print what is buffered now */
	w->child = fork();
	if (w->child < 0)
		return -errno;
	if (w->child == 0)
		child_main(w->job, parent, output, channel);
	w->result->started = true;
	return 0;
}

/* --- ending it ----------------------------------------------------------------------------------- */

/* The child's process group, which starts as its session. */
static void signal_child(const struct watch *w, int sig)
{
	if (w->ended)
		return;
	/* Until it has called setsid() there is no such group. */
	if (kill(-w->child, sig) < 0)
		kill(w->child, sig);
}

/* Asks it to end, and sets the time at which it is made to. */
static void stop(struct watch *w, enum stop why, int64_t now)
{
	bool first = w->stop == STOP_NONE;

	if (first || why < w->stop)
		w->stop = why;
	if (!first)
		return;
	signal_child(w, SIGTERM);
	w->term_at = INT64_MAX;
	w->kill_at = now + w->job->grace_ns;
}

static void stop_now(struct watch *w, enum stop why, int64_t now)
{
	stop(w, why, now);
	if (w->kill_at != INT64_MAX)
		w->kill_at = now;
}

static void check_deadlines(struct watch *w, int64_t now)
{
	if (now >= w->term_at) {
		w->result->deadline = DEADLINE_SOFT;
		w->job->late(w->job->arg, w->child, "soft deadline");
		stop(w, STOP_DEADLINE, now);
	}
	if (now >= w->budget_end) {
		w->result->budget_used_up = true;
		w->budget_end = INT64_MAX;
		stop(w, STOP_BUDGET, now);
	}
	if (now >= w->kill_at) {
		if (w->result->deadline == DEADLINE_SOFT)
			w->result->deadline = DEADLINE_HARD;
		w->job->late(w->job->arg, w->child, "hard deadline");
		signal_child(w, SIGKILL);
		w->kill_at = INT64_MAX;
		w->give_up_at = now + w->job->grace_ns;
	}
}

/*
 * The parent and the state of a process; false if it is gone. The name in between can hold
 * anything, so what is wanted is found behind its last parenthesis.
 */
static bool read_stat(const char *pid, pid_t *parent, char *state)
{
	autofree char *path = xasprintf("/proc/%s/stat", pid);
	autofree char *text = NULL;
	const char *rest;

	if (fs_read_attr(AT_FDCWD, path, &text) < 0)
		return false;
	rest = strrchr(text, ')');
	return rest && sscanf(rest, ") %c %d", state, parent) == 2;
}

/* Calls visit for every child of this process, ended or not. */
static void for_each_child(struct watch *w, void (*visit)(struct watch *w, pid_t child, char state))
{
	const struct dirent *e;
	DIR *proc = opendir("/proc");

	while (proc && (e = readdir(proc))) {
		uint64_t pid;
		pid_t parent;
		char state;

		if (text_to_u64(e->d_name, 10, INT32_MAX, &pid) == 0 &&
		    read_stat(e->d_name, &parent, &state) && parent == getpid())
			visit(w, (pid_t)pid, state);
	}
	if (proc)
		closedir(proc);
}

/* Whoever exec'ed us may have had children of its own: they are none of our business. */
static void note_inherited(struct watch *w, pid_t child, char state attr_unused)
{
	w->inherited = xreallocarray(w->inherited, w->nr_inherited + 1, sizeof(*w->inherited));
	w->inherited[w->nr_inherited++] = child;
}

static void kill_and_reap(struct watch *w, pid_t child, char state)
{
	for (size_t i = 0; i < w->nr_inherited; i++)
		if (w->inherited[i] == child)
			return;
	w->nr_met++;
	if (state != 'Z' && kill(child, SIGKILL) == 0)
		w->nr_killed++;
	waitpid(child, NULL, WNOHANG);
}

/*
 * What the child started and left becomes a child of this process, the subreaper; once that is
 * killed its own children do, and so on: until none is met any more.
 */
static void kill_descendants(struct watch *w)
{
	int64_t deadline = clock_ns() + w->job->grace_ns;

	for (;;) {
		w->nr_met = 0;
		w->nr_killed = 0;
		for_each_child(w, kill_and_reap);
		/* one that is slow to die is met again: count the most at one time */
		if (w->nr_killed > w->left_behind)
			w->left_behind = w->nr_killed;
		if (!w->nr_met)
			return;
		if (clock_ns() >= deadline) {
			w->result->stuck = true;
			return;
		}
		poll(NULL, 0, 1);
	}
}

/* --- watching it --------------------------------------------------------------------------------- */

static int keep_output(struct watch *w, const char *data, size_t len)
{
	size_t room = OUTPUT_MAX - w->output_kept;

	if (len > room) {
		len = room;
		w->output_cut = true;
	}
	w->output_kept += len;
	return fs_write_all(w->job->output_fd, data, len);
}

static int take_output(struct watch *w, const char *data, size_t len)
{
	int r = keep_output(w, data, len);

	if (r < 0) {
		w->result->err = r;
		stop_now(w, STOP_RESULTS, clock_ns());
	}
	return r;
}

/* It waits for the answer. One that cannot take it is about to end, which is noticed elsewhere. */
static void answer(struct watch *w, int r, json_t *facts, const char *why)
{
	autojson json_t *reply = jx_object();
	autofree char *line = NULL;
	autofree char *ended = NULL;

	jx_set_int(reply, "errno", -r);
	if (facts)
		jx_set(reply, "facts", json_incref(facts));
	if (why)
		jx_set_strf(reply, "text", "%.*s", ANSWER_TEXT_MAX, why);
	line = jx_line(reply);
	ended = xasprintf("%s\n", line);
	if (send(w->channel_fd, ended, strlen(ended), MSG_NOSIGNAL) < 0)
		log_debug("'%s' does not take an answer: %s", w->job->scenario->id,
			  strerror(errno));
}

/* A channel_sink: records go to the journal, wishes to who can fulfil them. */
static int take_record(void *arg, json_t *record)
{
	autojson json_t *wish = record;
	struct watch *w = arg;
	autojson json_t *facts = NULL;
	autofree char *why = NULL;
	const char *event = jx_get_str(record, "event");
	bool undo = strcmp(event, "undo") == 0;
	int r;

	if (!undo && strcmp(event, "change") != 0)
		return w->job->record(w->job->arg, take_ptr(wish));
	/* one that is being ended gets nothing any more */
	if (w->stop != STOP_NONE || w->ended)
		return 0;
	if (undo)
		r = w->job->undo(w->job->arg, &why);
	else
		r = w->job->change(w->job->arg, jx_get_str(wish, "kind"),
				   json_incref(json_object_get(wish, "args")), &facts, &why);
	answer(w, r, facts, why);
	return 0;
}

static int take_channel(struct watch *w, const char *data, size_t len)
{
	int r = channel_feed(&w->channel, data, len, take_record, w);

	if (r < 0 && w->channel.fault) {
		stop_now(w, STOP_PROTOCOL, clock_ns());
	} else if (r < 0) {
		w->result->err = r;
		stop_now(w, STOP_RESULTS, clock_ns());
	}
	return r;
}

/*
 * Reads once from a pipe, or, when all of its writers are gone, all that is in it. Closes it at its
 * end and when nobody wants to hear more: the child's next write then fails.
 */
static void read_pipe(struct watch *w, int *fd, int (*take)(struct watch *, const char *, size_t))
{
	char buf[16384];
	ssize_t n;

	while (*fd >= 0) {
		n = read(*fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && !w->ended)
			return;
		if (n <= 0 || take(w, buf, (size_t)n) < 0) {
			close(*fd);
			*fd = -1;
			return;
		}
		if (!w->ended)
			return;
	}
}

static void read_signals(struct watch *w)
{
	struct signalfd_siginfo info;

	while (read(w->job->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* asked a second time, it does not wait for the child any longer */
		if (w->result->signal)
			stop_now(w, STOP_SIGNAL, clock_ns());
		else
			stop(w, STOP_SIGNAL, clock_ns());
		w->result->signal = (int)info.ssi_signo;
	}
	if (!w->ended && waitpid(w->child, &w->result->wait_status, WNOHANG) == w->child)
		w->ended = true;
}

static int64_t earliest(const struct watch *w)
{
	const int64_t times[] = { w->term_at, w->kill_at, w->give_up_at, w->budget_end };
	int64_t first = w->next_tick;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i] < first)
			first = times[i];
	return first;
}

static void watch_child(struct watch *w)
{
	enum { SIGNALS, CHANNEL, OUTPUT, LOG, NR_FDS };

	while (!w->ended && !w->result->stuck) {
		struct pollfd fds[NR_FDS] = {
			[SIGNALS] = { .fd = w->job->signal_fd, .events = POLLIN },
			[CHANNEL] = { .fd = w->channel_fd, .events = POLLIN },
			[OUTPUT] = { .fd = w->output_fd, .events = POLLIN },
			[LOG] = { .fd = w->log_fd, .events = POLLIN },
		};
		int64_t now;

		poll(fds, NR_FDS, clock_poll_ms(earliest(w) - clock_ns()));
		if (fds[LOG].revents && w->job->drain_log(w->job->arg) < 0)
			w->log_fd = -1;
		if (fds[CHANNEL].revents)
			read_pipe(w, &w->channel_fd, take_channel);
		if (fds[OUTPUT].revents)
			read_pipe(w, &w->output_fd, take_output);
		read_signals(w);

		now = clock_ns();
		check_deadlines(w, now);
		if (now >= w->next_tick) {
			w->job->tick(w->job->arg, now - w->start);
			w->next_tick = now + TICK_NS;
		}
		if (now >= w->give_up_at) {
			w->result->stuck = true;
			w->stuck_in = stack_top("/proc", w->child);
			w->job->late(w->job->arg, w->child, "stuck");
		}
	}
}

static const char *signal_name(int sig)
{
	const char *name = sigabbrev_np(sig);

	return name ? name : "RT"; /* the real-time signals have no names */
}

/* --- what its end means -------------------------------------------------------------------------- */

/* The child may claim nothing: the outcome is error, and the journal says why. */
static void refuse(struct watch *w, enum error_kind kind, const char *fmt, ...) attr_printf(3, 4);
static void refuse(struct watch *w, enum error_kind kind, const char *fmt, ...)
{
	json_t *record = journal_record("error");
	autofree char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	w->result->claimed = OUTCOME_ERROR;
	w->result->kind = kind;
	jx_set_str(record, "kind", error_kind_name(kind));
	jx_set_str(record, "text", text);
	r = w->job->record(w->job->arg, record);
	if (r < 0 && w->result->err == 0)
		w->result->err = r;
}

static bool ran_out_of_memory(const struct watch *w)
{
	uint64_t kills;

	return w->job->cgroup && cgroup_oom_kills(w->job->cgroup, &kills) == 0 && kills > 0;
}

static bool refuse_stopped(struct watch *w)
{
	const double second = (double)NS_PER_S;

	switch (w->stop) {
	case STOP_NONE:
		return false;
	case STOP_RESULTS:
		refuse(w, ERROR_INCOMPLETE, "ended: the results could not be kept");
		break;
	case STOP_PROTOCOL:
		refuse(w, ERROR_INCOMPLETE, "ended: %s", w->channel.fault);
		break;
	case STOP_SIGNAL:
		refuse(w, ERROR_INCOMPLETE, "ended: the run was, by SIG%s",
		       signal_name(w->result->signal));
		break;
	case STOP_BUDGET:
		refuse(w, ERROR_TIMEOUT, "ended: the time for the whole run was used up");
		break;
	case STOP_DEADLINE:
		refuse(w, ERROR_TIMEOUT, "ended %s its deadline of %.1f s",
		       w->result->deadline == DEADLINE_HARD ? "by force some time after" : "at",
		       (double)w->job->soft_ns / second);
		break;
	}
	return true;
}

static void judge(struct watch *w)
{
	struct supervise_result *result = w->result;
	const struct channel *c = &w->channel;

	memcpy(result->states, c->states, sizeof(result->states));
	result->why = c->why ? xstrdup(c->why) : NULL;
	result->claimed = c->claimed;
	result->kind = c->error_kind;

	if (result->stuck)
		refuse(w, ERROR_TIMEOUT, "SIGKILL did not end it: it hangs in the kernel%s%s",
		       w->stuck_in ? ": " : "", w->stuck_in ? w->stuck_in : "");
	else if (refuse_stopped(w))
		return;
	else if (WIFSIGNALED(result->wait_status))
		refuse(w, ERROR_CRASH, "killed by SIG%s%s",
		       signal_name(WTERMSIG(result->wait_status)),
		       ran_out_of_memory(w) ? ": it had used up the memory of its control group"
					    : "");
	else if (WEXITSTATUS(result->wait_status) != 0)
		refuse(w, ERROR_INCOMPLETE, "exited with status %d",
		       WEXITSTATUS(result->wait_status));
	else if (c->fault)
		refuse(w, ERROR_INCOMPLETE, "%s", c->fault);
	else if (c->nr_outcomes != 1)
		refuse(w, ERROR_INCOMPLETE, "reported %u outcomes", c->nr_outcomes);
	else if (c->claimed == OUTCOME_SKIP && c->nr_skips == 0)
		refuse(w, ERROR_INCOMPLETE, "reported skip without a reason");
	else if (c->claimed == OUTCOME_ERROR && c->nr_errors == 0)
		refuse(w, ERROR_INCOMPLETE, "reported error without saying which");
	else if (w->left_behind)
		refuse(w, ERROR_CLEANUP, "left %u processes behind", w->left_behind);
}

void supervise(const struct supervise_job *job, struct supervise_result *result)
{
	int64_t now = clock_ns();
	struct watch w = {
		.job = job,
		.result = result,
		.channel_fd = -1,
		.output_fd = -1,
		.log_fd = job->log_fd,
		.start = now,
		.next_tick = now + TICK_NS,
		.budget_end = job->budget_end_ns,
		.term_at = now + job->soft_ns,
		.kill_at = INT64_MAX,
		.give_up_at = INT64_MAX,
	};
	static const char cut[] = "\n[more was printed, and not kept]\n";
	int r;

	*result = (struct supervise_result){ 0 };
	for_each_child(&w, note_inherited);
	r = start_child(&w);
	if (r == 0) {
		watch_child(&w);
		kill_descendants(&w);
		w.ended = true; /* nobody is left to write: read until there is nothing */
		read_pipe(&w, &w.channel_fd, take_channel);
		read_pipe(&w, &w.output_fd, take_output);
		if (channel_end(&w.channel) == 0 && w.output_cut && result->err == 0)
			result->err = fs_write_all(job->output_fd, cut, sizeof(cut) - 1);
		judge(&w);
	} else {
		refuse(&w, ERROR_SETUP, "cannot start a process for it: %s", strerror(-r));
	}
	result->duration_ns = clock_ns() - w.start;
	if (w.channel_fd >= 0)
		close(w.channel_fd);
	if (w.output_fd >= 0)
		close(w.output_fd);
	channel_release(&w.channel);
	free(w.inherited);
	free(w.stuck_in);
}

void supervise_release(struct supervise_result *result)
{
	free(result->why);
	*result = (struct supervise_result){ 0 };
}
