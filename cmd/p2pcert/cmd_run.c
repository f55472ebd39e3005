/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `p2pcert run`: reads the machine, runs the scenarios, shows how far it is, and ends with the report
 * and the exit status that follows from it.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/datadir.h"
#include "base/text.h"
#include "cmd.h"
#include "p2p/p2p.h"
#include "platform/platform.h"
#include "report/report.h"
#include "runner/clock.h"
#include "runner/kmsg.h"
#include "runner/run.h"
#include "runner/undo.h"
#include "scenario/features.h"
#include "scenario/profile.h"

extern const struct command command_run;

#define LOCK_PATH "/run/p2pcert.lock"
#define TAINT_PATH "/proc/sys/kernel/tainted"
/* the kernel's DEFAULT_RATELIMIT_INTERVAL, and some */
#define QUIET_NS (6 * NS_PER_S)
#define GRACE_NS (5 * NS_PER_S)
#define TIMEOUT_MAX (7u * 24 * 60 * 60) /* seconds */
#define SOFT_RDMA_NAME "p2pcert0"

struct arguments {
	const char *profile;
	const char *results;
	const char *module_dir;
	const char **inject; /* NULL-terminated, or NULL */
	size_t nr_inject;
	const char *rdma_device;
	const char *soft_rdma;
	uint64_t seed;
	bool seed_given;
	uint64_t timeout; /* seconds; 0: none */
	enum color_when color;
	bool quiet;
};

/* --- progress ------------------------------------------------------------------------------------ */

struct view {
	bool terminal;
	bool quiet;
};

static void print_running(const struct progress *p)
{
	fprintf(stderr, "\r\033[K[%u/%u] %s  %" PRId64 " s of at most %" PRId64 " s", p->index,
		p->total, p->id, p->elapsed_ns / NS_PER_S, p->deadline_ns / NS_PER_S);
	fflush(stderr);
}

static void print_ended(const struct view *v, const struct progress *p)
{
	autofree char *why = p->why ? text_sanitize(p->why, strlen(p->why)) : NULL;

	fprintf(stderr, "%s[%u/%u] %s %s%s%s\n", v->terminal ? "\r\033[K" : "", p->index, p->total,
		p->id, outcome_name(p->outcome), why ? ": " : "", why ? why : "");
}

static void show_progress(void *arg, const struct progress *p)
{
	const struct view *v = arg;

	if (v->quiet)
		return;
	if (p->kind == PROGRESS_ENDED)
		print_ended(v, p);
	else if (v->terminal)
		print_running(p);
}

/* --- arguments ----------------------------------------------------------------------------------- */

/* Faults that scenarios commit themselves, beside those of the test modules. */
static bool fault_is_known(const char *name)
{
	for (size_t i = 0; i < scenario_registry_len; i++)
		if (scenario_commits(scenario_registry[i], name))
			return true;
	return false;
}

static void add_inject(struct arguments *a, const char *fault)
{
	a->inject = xreallocarray(a->inject, a->nr_inject + 2, sizeof(*a->inject));
	a->inject[a->nr_inject++] = fault;
	a->inject[a->nr_inject] = NULL;
}

enum {
	OPT_PROFILE = 256,
	OPT_RESULTS,
	OPT_MODULE_DIR,
	OPT_INJECT,
	OPT_SEED,
	OPT_TIMEOUT,
	OPT_RDMA_DEVICE,
	OPT_SOFT_RDMA,
	OPT_COLOR,
};

/* -1 to go on, or the exit status. */
static int take_option(struct arguments *a, int opt, char **argv)
{
	switch (opt) {
	case OPT_PROFILE:
		a->profile = optarg;
		return -1;
	case OPT_RESULTS:
		a->results = optarg;
		return -1;
	case OPT_MODULE_DIR:
		a->module_dir = optarg;
		return -1;
	case OPT_INJECT:
		if (!fault_is_known(optarg))
			return cmd_usage_error(&command_run, "unknown fault '%s'", optarg);
		add_inject(a, optarg);
		return -1;
	case OPT_SEED:
		if (text_to_u64(optarg, 0, UINT64_MAX, &a->seed) < 0)
			return cmd_usage_error(&command_run, "'%s' is no seed", optarg);
		a->seed_given = true;
		return -1;
	case OPT_TIMEOUT:
		if (text_to_u64(optarg, 10, TIMEOUT_MAX, &a->timeout) < 0 || a->timeout == 0)
			return cmd_usage_error(&command_run, "'%s' is no time from 1 to %u seconds",
					       optarg, TIMEOUT_MAX);
		return -1;
	case OPT_RDMA_DEVICE:
		a->rdma_device = optarg;
		return -1;
	case OPT_SOFT_RDMA:
		a->soft_rdma = optarg;
		return -1;
	case OPT_COLOR:
		if (color_parse(optarg, &a->color) < 0)
			return cmd_usage_error(&command_run,
					       "'%s' is not 'auto', 'never' or 'always'", optarg);
		return -1;
	case 'q':
		a->quiet = true;
		return -1;
	default:
		return cmd_common_option(&command_run, opt, argv);
	}
}

static int take_options(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		CMD_OPTIONS,
		{ "profile", required_argument, NULL, OPT_PROFILE },
		{ "results", required_argument, NULL, OPT_RESULTS },
		{ "module-dir", required_argument, NULL, OPT_MODULE_DIR },
		{ "inject", required_argument, NULL, OPT_INJECT },
		{ "seed", required_argument, NULL, OPT_SEED },
		{ "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "rdma-device", required_argument, NULL, OPT_RDMA_DEVICE },
		{ "soft-rdma", required_argument, NULL, OPT_SOFT_RDMA },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "quiet", no_argument, NULL, 'q' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, ":hVq", options, NULL)) != -1) {
		int status = take_option(a, opt, argv);

		if (status >= 0)
			return status;
	}
	return -1;
}

/* --- the run ------------------------------------------------------------------------------------- */

/* The report of the results directory: written into it, printed, and its exit status. */
static int conclude(const struct arguments *a, const char *dir, int dirfd)
{
	autojson json_t *report = NULL;
	autofree char *why = NULL;
	int r;

	r = report_build(dirfd, &report, &why);
	if (r < 0) {
		log_error("cannot make the report of '%s': %s", dir, why);
		return EXIT_ENVIRONMENT;
	}
	r = report_publish(dirfd, report);
	if (r < 0) {
		log_error("cannot write '%s/" REPORT_NAME "': %s", dir, strerror(-r));
		return EXIT_ENVIRONMENT;
	}
	if (!a->quiet) {
		report_print_table(report, stdout, color_wanted(a->color, STDOUT_FILENO));
		printf("\nreport: %s/" REPORT_NAME "\n", dir);
	}
	return cmd_finish_stdout((int)json_integer_value(json_object_get(report, "exit_status")));
}

static int execute(const struct arguments *a, struct run_options *o)
{
	autofree char *dir = NULL;
	autoclose int dirfd = -1;
	struct view view = { .terminal = isatty(STDERR_FILENO), .quiet = a->quiet };
	int status;

	o->progress = show_progress;
	o->progress_arg = &view;
	status = run_execute(o, &dir, &dirfd);
	return status ? status : conclude(a, dir, dirfd);
}

/* Without access to the log the run goes on, and nothing can pass. */
static int with_kernel_log(const struct arguments *a, struct run_options *o)
{
	autofree char *path = data_path("kmsg.json");
	struct kmsg_patterns *patterns;
	autofree char *why = NULL;
	struct kmsg *kmsg;
	int status;

	if (kmsg_patterns_load(path, &patterns, &why) < 0) {
		log_error("%s", why);
		return EXIT_USAGE;
	}
	kmsg = kmsg_open(patterns);
	if (!kmsg)
		log_warn("cannot read the kernel log: %s; nothing can pass", strerror(errno));
	o->kmsg = kmsg;
	status = execute(a, o);
	kmsg_free(kmsg);
	kmsg_patterns_free(patterns);
	return status;
}

static int with_machine(const struct arguments *a, struct run_options *o)
{
	autoplatform struct platform *platform = platform_read_live(NULL);
	struct features *features;
	struct utsname uts;
	int status;

	if (!platform) {
		log_error("cannot read the PCI bus: %s", strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	uname(&uts);
	features = features_scan(NULL, uts.release);
	o->features = features_to_json(features);
	o->env = (struct scenario_env){
		.platform = platform,
		.rules = p2p_rules_for(uts.release),
		.features = features,
		.module_dir = a->module_dir,
		.seed = a->seed,
		.inject = a->inject,
		.rdma_device = a->rdma_device,
	};
	status = with_kernel_log(a, o);
	json_decref(o->features);
	features_free(features);
	return status;
}

static bool list_commits(char *const *ids, size_t n, const char *fault)
{
	for (size_t i = 0; i < n; i++)
		if (scenario_commits(scenario_find(ids[i]), fault))
			return true;
	return false;
}

/* A fault that nobody commits would be taken for one that nobody noticed. */
static int check_faults(const struct arguments *a, const struct run_options *o)
{
	const struct profile *p = o->profile;

	for (size_t i = 0; i < a->nr_inject; i++) {
		const char *fault = a->inject[i];
		bool committed = o->nr_ids ? list_commits(o->ids, o->nr_ids, fault)
					   : list_commits(p->required.ids, p->required.n, fault) ||
						     list_commits(p->recommended.ids,
								  p->recommended.n, fault);

		if (!committed)
			return cmd_usage_error(&command_run,
					       "none of the scenarios to run commits the fault "
					       "'%s'",
					       fault);
	}
	return -1;
}

static int with_profile(const struct arguments *a, struct run_options *o)
{
	autoprofile struct profile *profile = NULL;
	autofree char *why = NULL;
	int status;

	if (profile_load(a->profile, scenario_registry, scenario_registry_len, &profile, &why) <
	    0) {
		log_error("%s", why);
		return EXIT_USAGE;
	}
	if (a->soft_rdma && profile_add_soft_rdma(profile, SOFT_RDMA_NAME, a->soft_rdma) < 0)
		return cmd_usage_error(&command_run, "'%s' cannot be a network device",
				       a->soft_rdma);
	for (size_t i = 0; i < o->nr_ids; i++)
		if (!scenario_find(o->ids[i]))
			return cmd_usage_error(&command_run, "unknown scenario '%s'", o->ids[i]);
	o->profile = profile;
	status = check_faults(a, o);
	if (status >= 0)
		return status;
	if (geteuid() != 0) {
		log_error("a run needs root: it loads modules and reads the kernel log");
		return EXIT_ENVIRONMENT;
	}
	return with_machine(a, o);
}

static int run(int argc, char **argv)
{
	struct arguments a = { .profile = "default" };
	struct run_options o = {
		.table = scenario_registry,
		.table_len = scenario_registry_len,
		.argc = argc,
		.argv = argv,
		.quiet_ns = QUIET_NS,
		.grace_ns = GRACE_NS,
		.lock_path = LOCK_PATH,
		.taint_path = TAINT_PATH,
		.undo_kinds = undo_kinds,
		.nr_undo_kinds = undo_kinds_len,
	};
	int status = take_options(&a, argc, argv);

	if (status < 0) {
		if (!a.seed_given && getrandom(&a.seed, sizeof(a.seed), 0) != sizeof(a.seed))
			die(EXIT_ENVIRONMENT, "cannot draw a seed: %s", strerror(errno));
		o.ids = argv + optind;
		o.nr_ids = (size_t)(argc - optind);
		o.results = a.results;
		o.budget_ns = (int64_t)a.timeout * NS_PER_S;
		status = with_profile(&a, &o);
	}
	free(a.inject);
	return status;
}

const struct command command_run = {
	.name = "run",
	.summary = "run a profile or named scenarios, and report",
	.usage = "run [OPTION]... [SCENARIO]...\n"
		 "Run scenarios on this machine, the profile's or those named, and report what "
		 "they\n"
		 "show. 'p2pcert list' shows scenarios and profiles. Needs root.\n\n"
		 "      --profile PROFILE    shipped profile or path of one; 'default' if not "
		 "given\n"
		 "      --results DIR        directory for the results, made fresh\n"
		 "      --module-dir DIR     where the test modules are\n"
		 "      --inject FAULT       commit a fault, to see it noticed; can be repeated\n"
		 "      --seed N             seed of the data patterns; drawn if not given\n"
		 "      --timeout SECONDS    time budget of the whole run\n"
		 "      --rdma-device NAME   RDMA device to use\n"
		 "      --soft-rdma NETDEV   set up soft RoCE on this network device meanwhile\n"
		 "      --color WHEN         auto, never or always\n"
		 "  -q, --quiet              print errors only\n"
		 "  -h, --help               this text\n"
		 "  -V, --version            print the version\n",
	.run = run,
};
