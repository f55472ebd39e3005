/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `p2pcert resume`: goes on with a run that ended before it was complete, or only undoes what it left
 * behind. First decides whether that is still possible: on another machine nothing is, on another
 * system only undoing.
 */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/text.h"
#include "platform/platform.h"
#include "runner/host.h"
#include "runner/past.h"
#include "runner/results.h"
#include "runner/same.h"
#include "running.h"

extern const struct command command_resume;

#define PLATFORM_MAX (256u << 20) /* bytes */

struct session {
	struct running running;
	bool restore_only; /* asked for */
	bool complete; /* there is nothing left to run */
	const char *dir;
	int dirfd;
	struct past *past;
	json_t *report;
};

static void session_release(struct session *s)
{
	running_release(&s->running);
	json_decref(s->report);
	past_free(s->past);
	if (s->dirfd >= 0)
		close(s->dirfd);
}

/* --- arguments ----------------------------------------------------------------------------------- */

/* -1 to go on, or the exit status. */
static int take_arguments(struct session *s, int argc, char **argv)
{
	enum { OPT_RESTORE_ONLY = 256 };
	static const struct option options[] = {
		{ "restore-only", no_argument, NULL, OPT_RESTORE_ONLY },
		RUNNING_OPTIONS,
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, ":hVq", options, NULL)) != -1) {
		int status = -1;

		if (opt == OPT_RESTORE_ONLY)
			s->restore_only = true;
		else
			status = running_option(&s->running, &command_resume, opt, argv);
		if (status >= 0)
			return status;
	}
	if (optind == argc)
		return cmd_usage_error(&command_resume, "no results directory given");
	if (optind + 1 < argc)
		return cmd_usage_error(&command_resume, "unexpected argument '%s'",
				       argv[optind + 1]);
	if (s->restore_only && s->running.budget_ns)
		return cmd_usage_error(&command_resume, "--timeout is not for --restore-only");
	s->dir = argv[optind];
	return -1;
}

static int read_past(struct session *s)
{
	const struct run_options *o = &s->running.options;
	autofree char *why = NULL;
	int err;

	s->dirfd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd < 0) {
		err = -errno;
		log_error("cannot open '%s': %s", s->dir, strerror(errno));
		return cmd_status_of(err);
	}
	err = past_read(s->dirfd, o->table, o->table_len, &s->past, &why);
	if (err < 0) {
		log_error("results directory '%s': %s", s->dir, why);
		return cmd_status_of(err);
	}
	return 0;
}

static int read_journal(const struct session *s, json_t **records)
{
	autofree char *why = NULL;
	bool torn;
	int err = journal_read(s->dirfd, records, &torn, &why);

	if (err < 0)
		log_error("results directory '%s': %s", s->dir, why);
	return err < 0 ? cmd_status_of(err) : 0;
}

/* What the run was asked, but for what this process was asked. */
static void take_over(struct session *s)
{
	struct run_options *o = &s->running.options;
	const char *end = past_end(s->past);

	s->complete = end && strcmp(end, "complete") == 0;
	past_options(s->past, o);
	o->results = s->dir;
	if (s->running.budget_ns)
		o->rounds.budget_ns = s->running.budget_ns;
}

/* --- may it go on? ------------------------------------------------------------------------------- */

static bool is_this_boot(const struct session *s, const char *boot_id)
{
	autofree char *now = NULL;

	return boot_id &&
	       fs_read_attr(AT_FDCWD, s->running.options.machine.boot_id_path, &now) == 0 &&
	       strcmp(boot_id, now) == 0;
}

/* Nothing of it may be undone here either: the same names mean other things. */
static int check_machine(const struct session *s)
{
	autojson json_t *host = host_to_json(NULL);
	autofree char *differs = same_machine(past_host(s->past), host);

	if (!differs)
		return 0;
	log_error("'%s' is of another machine: %s", s->dir, differs);
	return EXIT_ENVIRONMENT;
}

/* Whoever only undid something after a reboot has not run anything there. */
static int check_trust(const struct session *s)
{
	const char *end = past_end(s->past);

	if (!end || strcmp(end, "host-untrusted") != 0 || !is_this_boot(s, past_boot_id(s->past)))
		return 0;
	log_error("'%s' ended because the kernel could no longer be trusted: reboot first", s->dir);
	return EXIT_HOST_UNTRUSTED;
}

/* What has changed since the start, so that the rest would be of something else; or NULL. */
static char *find_change(const struct session *s)
{
	autojson json_t *host = host_to_json(NULL), *kernel = host_kernel_to_json(NULL);

	return same_system(past_host(s->past), host, past_kernel(s->past), kernel);
}

static char *find_moved_function(const struct session *s)
{
	autojson json_t *now = platform_to_json(s->running.platform), *then = NULL;
	autofree char *path = xasprintf("%s/" RESULTS_PLATFORM, s->dir);
	char *why = NULL;

	if (!past_has_platform(s->past))
		return NULL;
	return jx_load(path, PLATFORM_MAX, &then, &why) < 0 ? why : same_functions(then, now);
}

static int refuse_change(const struct session *s, const char *change)
{
	if (!change)
		return 0;
	log_error("cannot go on with '%s': %s; begin a new run "
		  "(--restore-only undoes what is left of this one)",
		  s->dir, change);
	return EXIT_ENVIRONMENT;
}

/* Within one boot the machine is what it was. To undo, that is enough. */
static int check_past(const struct session *s)
{
	autofree char *change = NULL;
	int status = check_trust(s);

	if (status == 0 && !is_this_boot(s, past_boot_id(s->past)))
		status = check_machine(s);
	if (status || s->restore_only || s->complete)
		return status;
	change = find_change(s);
	return refuse_change(s, change);
}

static int check_functions(const struct session *s)
{
	autofree char *change = find_moved_function(s);

	return refuse_change(s, change);
}

/* --- undoing ------------------------------------------------------------------------------------- */

static const json_t *find_addition(const json_t *records, const json_t *done)
{
	int64_t undo = jx_get_int(done, "undo", -1);
	const json_t *record;
	size_t i;

	json_array_foreach (records, i, record)
		if (strcmp(jx_get_str(record, "event"), "undo-add") == 0 &&
		    jx_get_int(record, "undo", -1) == undo)
			return record;
	return NULL;
}

static void print_undone(const json_t *records, const json_t *done)
{
	const json_t *change = find_addition(records, done);
	autofree char *args = jx_line(json_object_get(change, "args"));
	const char *text = jx_get_str(done, "text");
	autofree char *line =
		xasprintf("%s: %s %s%s%s", jx_get_str(done, "result"), jx_get_str(change, "kind"),
			  args, text ? ": " : "", text ? text : "");
	autofree char *safe = text_sanitize(line, strlen(line));

	puts(safe);
}

/* From record first on; what could not be undone has been said already. */
static void print_all_undone(const json_t *records, size_t first)
{
	const json_t *record;
	size_t i;

	json_array_foreach (records, i, record)
		if (i >= first && strcmp(jx_get_str(record, "event"), "undo-done") == 0 &&
		    strcmp(jx_get_str(record, "result"), "failed") != 0)
			print_undone(records, record);
}

static bool is_resume(const json_t *record)
{
	const char *event = jx_get_str(record, "event");

	return event && strcmp(event, "resume") == 0;
}

/*
 * Undoes, says what, and makes the report anew. *left: there are changes that could not be undone. 0,
 * or the exit status if nothing could be tried.
 */
static int restore(struct session *s, bool *left)
{
	size_t first = past_records(s->past);
	int status = run_restore(&s->running.options, s->past, s->dirfd);
	autojson json_t *records = NULL;
	int unread = read_journal(s, &records);

	*left = status != 0;
	if (unread)
		return unread;
	/* else the journal is still what it was, or a run in progress has gone on with it */
	if (!is_resume(json_array_get(records, first)))
		return status;
	if (!s->running.quiet)
		print_all_undone(records, first);
	return running_publish(s->dir, s->dirfd, &s->report);
}

/* --- what it comes to ---------------------------------------------------------------------------- */

/* A process that died while it published the report of a complete run has left what it began. */
static int show(struct session *s)
{
	int status;

	fs_sweep(s->dirfd);
	status = s->report ? 0 : running_publish(s->dir, s->dirfd, &s->report);
	return status ?: running_conclude(&s->running, s->dir, s->report);
}

static int say_nothing_to_undo(const struct session *s)
{
	if (!s->running.quiet)
		puts("nothing to undo");
	return cmd_finish_stdout(EXIT_VERDICT_PASS);
}

static int undo_rest(struct session *s)
{
	bool left;
	int status = restore(s, &left);

	if (status)
		return status;
	return s->restore_only ? cmd_finish_stdout(left ? EXIT_ENVIRONMENT : EXIT_VERDICT_PASS)
			       : show(s);
}

static int go_on(struct session *s)
{
	struct running *r = &s->running;
	int status = running_read_machine(r);

	status = status ?: check_functions(s);
	status = status ?: running_open_log(r);
	if (status)
		return status;
	running_show_progress(r, s->past);
	status = run_resume(&r->options, s->past, s->dirfd);
	running_end_progress(r);
	return status ?: show(s);
}

static int run_session(struct session *s)
{
	bool only_undo = s->restore_only;
	int status = read_past(s);

	if (status)
		return status;
	take_over(s);
	only_undo |= s->complete;
	if (only_undo && past_nr_changes(s->past) == 0)
		return s->restore_only ? say_nothing_to_undo(s) : show(s);
	status = check_past(s);
	status = status ?: running_check_root();
	if (status)
		return status;
	return only_undo ? undo_rest(s) : go_on(s);
}

static int run(int argc, char **argv)
{
	struct session s __attribute__((cleanup(session_release))) = { .dirfd = -1 };
	int status;

	running_init(&s.running, argc, argv);
	status = take_arguments(&s, argc, argv);
	return status >= 0 ? status : run_session(&s);
}

const struct command command_resume = {
	.name = "resume",
	.summary = "go on with a run that was interrupted, or undo what it left",
	.usage = "resume [OPTION]... DIRECTORY\n"
		 "Go on with the run whose results are in DIRECTORY, after a crash, a reboot, a "
		 "signal or the\n"
		 "end of its time budget. What it changed and left is undone first; what ran when "
		 "it died is\n"
		 "not run again. Needs root.\n\n"
		 "      --restore-only     only undo what it left, run nothing\n"
		 "      --timeout SECONDS  time budget of the rest; else that of the run\n"
		 "      --color WHEN       auto, never or always\n"
		 "  -q, --quiet            print errors only\n"
		 "  -h, --help             this text\n"
		 "  -V, --version          print the version\n",
	.run = run,
};
