/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Around a run: from the machine as it is to the report. */
#include "running.h"
#include "base/clock.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/datadir.h"
#include "base/jx.h"
#include "base/text.h"
#include "check/kernel_errata.h"
#include "p2p/p2p.h"
#include "platform/platform.h"
#include "report/report.h"
#include "runner/cgroup.h"
#include "runner/kmsg.h"
#include "runner/undo.h"
#include "scenario/features.h"

#define LOCK_PATH "/run/p2pcert.lock"
#define TAINT_PATH "/proc/sys/kernel/tainted"
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
/* the kernel's DEFAULT_RATELIMIT_INTERVAL, and some */
#define QUIET_NS (6 * NS_PER_S)
#define GRACE_NS (5 * NS_PER_S)
#define SECONDS_MAX (366u * 24 * 60 * 60)

void running_init(struct running *r, int argc, char **argv)
{
	*r = (struct running){
		.command_line = xcalloc((size_t)argc + 2, sizeof(*argv)),
		.cgroup_root = cgroup_root(NULL),
	};
	/* as it was typed: getopt will move what argv holds */
	r->command_line[0] = program_invocation_short_name;
	memcpy(&r->command_line[1], argv, (size_t)argc * sizeof(*argv));
	r->options = (struct run_options){
		.table = scenario_registry,
		.table_len = scenario_registry_len,
		.argc = argc + 1,
		.argv = r->command_line,
		.machine = {
			.lock_path = LOCK_PATH,
			.taint_path = TAINT_PATH,
			.boot_id_path = BOOT_ID_PATH,
			.cgroup_root = r->cgroup_root,
			.undo_kinds = undo_kinds,
			.nr_undo_kinds = undo_kinds_len,
			.quiet_ns = QUIET_NS,
			.grace_ns = GRACE_NS,
		},
	};
}

void running_release(struct running *r)
{
	progress_view_free(r->view);
	if (r->options.machine.kmsg)
		kmsg_free(r->options.machine.kmsg);
	kmsg_patterns_free(r->patterns);
	hotplug_free(r->options.machine.hotplug);
	json_decref(r->options.features);
	json_decref(r->options.errata);
	features_free(r->features);
	platform_free(r->platform);
	free(r->cgroup_root);
	free(r->command_line);
}

/* --- options ------------------------------------------------------------------------------------- */

int running_seconds(const struct command *c, const char *name, const char *text, int64_t *ns)
{
	uint64_t seconds;

	if (text_to_u64(text, 10, SECONDS_MAX, &seconds) < 0 || seconds == 0)
		return cmd_usage_error(c, "'%s' is no time for --%s: from 1 to %u seconds", text,
				       name, SECONDS_MAX);
	*ns = (int64_t)seconds * NS_PER_S;
	return 0;
}

int running_option(struct running *r, const struct command *c, int opt, char **argv)
{
	switch (opt) {
	case RUNNING_TIMEOUT:
		return running_seconds(c, "timeout", optarg, &r->budget_ns) ? EXIT_USAGE : -1;
	case RUNNING_COLOR:
		if (color_parse(optarg, &r->color) < 0)
			return cmd_usage_error(c, "'%s' is not 'auto', 'never' or 'always'",
					       optarg);
		return -1;
	case 'q':
		r->quiet = true;
		return -1;
	default:
		return cmd_common_option(c, opt, argv);
	}
}

/* --- the machine --------------------------------------------------------------------------------- */

int running_check_root(void)
{
	if (geteuid() == 0)
		return 0;
	log_error("a run needs root: it loads modules and reads the kernel log");
	return EXIT_ENVIRONMENT;
}

/* The errata of the kernel that runs. 0 or -1 after a message. */
static int load_errata(struct running *r, const char *release)
{
	autojson json_t *errata = NULL;
	autofree char *why = NULL;

	if (errata_load_shipped(&errata, &why) < 0) {
		log_error("%s", why);
		return -1;
	}
	r->options.errata = errata_of_release(errata, release);
	return 0;
}

int running_read_machine(struct running *r)
{
	struct scenario_env *env = &r->options.env;
	struct utsname uts;

	r->platform = platform_read_live(NULL);
	if (!r->platform) {
		log_error("cannot read the PCI bus: %s", strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	uname(&uts);
	r->features = features_scan(NULL, uts.release);
	r->options.features = features_to_json(r->features);
	if (load_errata(r, uts.release) < 0)
		return EXIT_USAGE;
	env->platform = r->platform;
	env->rules = p2p_rules_for(uts.release);
	env->features = r->features;
	return 0;
}

int running_open_log(struct running *r)
{
	autofree char *path = data_path("kmsg.json");
	autofree char *why = NULL;

	if (kmsg_patterns_load(path, &r->patterns, &why) < 0) {
		log_error("%s", why);
		return EXIT_USAGE;
	}
	r->options.machine.kmsg = kmsg_open(r->patterns);
	if (!r->options.machine.kmsg)
		log_warn("cannot read the kernel log: %s; nothing can pass", strerror(errno));
	r->options.machine.hotplug = hotplug_open();
	if (r->options.machine.hotplug)
		r->options.machine.drain_hotplug = hotplug_drain;
	else
		log_warn("cannot watch functions come and go: %s", strerror(errno));
	return 0;
}

void running_show_progress(struct running *r, const struct past *past)
{
	r->view = progress_view_new(stderr, r->quiet, &r->options, past);
	r->options.progress = progress_view_show;
	r->options.progress_arg = r->view;
}

void running_end_progress(struct running *r)
{
	progress_view_free(r->view);
	r->view = NULL;
	r->options.progress = NULL;
}

/* --- the report ---------------------------------------------------------------------------------- */

int running_publish(const char *dir, int dirfd, json_t **report)
{
	autofree char *why = NULL;
	int err;

	if (report_build(dirfd, report, &why) < 0) {
		log_error("cannot make the report of '%s': %s", dir, why);
		return EXIT_ENVIRONMENT;
	}
	err = report_publish(dirfd, *report);
	if (err < 0) {
		log_error("cannot write '%s/" REPORT_NAME "': %s", dir, strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	return 0;
}

int running_conclude(const struct running *r, const char *dir, const json_t *report)
{
	if (!r->quiet) {
		report_print_table(report, stdout, color_wanted(r->color, STDOUT_FILENO));
		printf("\nreport: %s/" REPORT_NAME "\n", dir);
	}
	return cmd_finish_stdout((int)jx_get_int(report, "exit_status", EXIT_ENVIRONMENT));
}
