/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `p2pcert run`: takes what is to be run and how often, runs it, and ends with the report and the exit
 * status that follows from it, or with git bisect's.
 */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "base/text.h"
#include "report/verdict.h"
#include "runner/plan.h"
#include "running.h"
#include "scenario/profile.h"

extern const struct command command_run;

#define SOFT_RDMA_NAME "p2pcert0"
#define REPEAT_MAX 1000000u
#define SOAK_NS (3600 * NS_PER_S)
#define DEVICE_NAME_MAX 63

struct words {
	char **list; /* NULL-terminated, or NULL */
	size_t n;
};

struct arguments {
	const char *profile_name;
	const char *results;
	const char *rdma_device;
	const char *soft_rdma;
	char *module_dir; /* absolute: to resume from elsewhere */
	struct words faults;
	struct words workarounds;
	struct words devices;
	enum level level;
	uint64_t seed;
	bool seed_given;
	uint32_t repeat; /* 0: not given */
	int64_t duration_ns; /* 0: not given */
	bool until_fail;
	bool shuffle;
	bool allow_unsafe;
	bool bisect;
};

struct session {
	struct arguments args;
	struct running running;
	struct profile *profile;
	json_t *report;
};

static void words_add(struct words *words, char *word)
{
	words->list = xreallocarray(words->list, words->n + 2, sizeof(*words->list));
	words->list[words->n++] = word;
	words->list[words->n] = NULL;
}

static void words_release(struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->list[i]);
	free(words->list);
}

static void session_release(struct session *s)
{
	running_release(&s->running);
	json_decref(s->report);
	profile_free(s->profile);
	words_release(&s->args.faults);
	words_release(&s->args.workarounds);
	words_release(&s->args.devices);
	free(s->args.module_dir);
}

/* --- options ------------------------------------------------------------------------------------- */

struct rule {
	const char *name;
	/* value: of the option; NULL for one without. 0 or a usage error. */
	int (*take)(struct arguments *a, const struct rule *rule, const char *value);
	size_t field; /* offset in struct arguments, where take() wants one */
};

static int take_flag(struct arguments *a, const struct rule *rule, const char *value attr_unused)
{
	*(bool *)((char *)a + rule->field) = true;
	return 0;
}

static int take_text(struct arguments *a, const struct rule *rule, const char *value)
{
	*(const char **)((char *)a + rule->field) = value;
	return 0;
}

static int take_seconds(struct arguments *a, const struct rule *rule, const char *value)
{
	return running_seconds(&command_run, rule->name, value,
			       (int64_t *)((char *)a + rule->field));
}

static int take_repeat(struct arguments *a, const struct rule *rule attr_unused, const char *value)
{
	uint64_t n;

	if (text_to_u64(value, 10, REPEAT_MAX, &n) < 0 || n == 0)
		return cmd_usage_error(&command_run, "'%s' is no number of times from 1 to %u",
				       value, REPEAT_MAX);
	a->repeat = (uint32_t)n;
	return 0;
}

static int take_seed(struct arguments *a, const struct rule *rule attr_unused, const char *value)
{
	if (text_to_u64(value, 0, UINT64_MAX, &a->seed) < 0)
		return cmd_usage_error(&command_run, "'%s' is no seed", value);
	a->seed_given = true;
	return 0;
}

static int take_level(struct arguments *a, const struct rule *rule attr_unused, const char *value)
{
	if (level_parse(value, &a->level) < 0)
		return cmd_usage_error(&command_run,
				       "'%s' is not 'quick', 'standard', 'full' or 'soak'", value);
	return 0;
}

static int take_module_dir(struct arguments *a, const struct rule *rule attr_unused,
			   const char *value)
{
	autofree char *here = *value == '/' ? NULL : getcwd(NULL, 0);

	free(a->module_dir);
	a->module_dir = here ? xasprintf("%s/%s", here, value) : xstrdup(value);
	return 0;
}

/* Does any scenario know the word? */
static bool any_can(bool (*can)(const struct scenario *s, const char *word), const char *word)
{
	for (size_t i = 0; i < scenario_registry_len; i++)
		if (can(scenario_registry[i], word))
			return true;
	return false;
}

static int take_fault(struct arguments *a, const struct rule *rule attr_unused, const char *value)
{
	if (!any_can(scenario_commits, value))
		return cmd_usage_error(&command_run, "unknown fault '%s'", value);
	words_add(&a->faults, xstrdup(value));
	return 0;
}

static int take_workaround(struct arguments *a, const struct rule *rule attr_unused,
			   const char *value)
{
	if (!any_can(scenario_works_around, value))
		return cmd_usage_error(&command_run, "no scenario knows a workaround of '%s'",
				       value);
	words_add(&a->workarounds, xstrdup(value));
	return 0;
}

static bool is_device_name(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len <= DEVICE_NAME_MAX && *s != '-' && *s != '.' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_.:-") == len;
}

/* An address is kept in the one form that everything compares. */
static int take_device(struct arguments *a, const struct rule *rule attr_unused, const char *value)
{
	struct pci_addr address;

	if (pci_addr_parse(value, &address) == 0)
		words_add(&a->devices, xstrdup(pci_addr_str(address)));
	else if (is_device_name(value))
		words_add(&a->devices, xstrdup(value));
	else
		return cmd_usage_error(&command_run,
				       "'%s' is neither a PCI address nor a device's name", value);
	return 0;
}

#define FIELD(name) offsetof(struct arguments, name)

static const struct rule rules[] = {
	{ "profile", take_text, FIELD(profile_name) },
	{ "results", take_text, FIELD(results) },
	{ "level", take_level, 0 },
	{ "repeat", take_repeat, 0 },
	{ "duration", take_seconds, FIELD(duration_ns) },
	{ "until-fail", take_flag, FIELD(until_fail) },
	{ "shuffle", take_flag, FIELD(shuffle) },
	{ "seed", take_seed, 0 },
	{ "bisect", take_flag, FIELD(bisect) },
	{ "inject", take_fault, 0 },
	{ "workaround", take_workaround, 0 },
	{ "module-dir", take_module_dir, 0 },
	{ "rdma-device", take_text, FIELD(rdma_device) },
	{ "soft-rdma", take_text, FIELD(soft_rdma) },
	{ "allow-unsafe", take_flag, FIELD(allow_unsafe) },
	{ "device", take_device, 0 },
};

#define RULE_FIRST 1024 /* what getopt_long() gives for rules[0] */
#define SHORT_OPTIONS ":hVq"

struct option_table {
	struct option options[ARRAY_LEN(rules) + 8];
};

static struct option_table make_option_table(void)
{
	static const struct option shared[] = { RUNNING_OPTIONS, { 0 } };
	struct option_table t;

	_Static_assert(ARRAY_LEN(rules) + ARRAY_LEN(shared) <= ARRAY_LEN(t.options),
		       "the table holds all options");
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		t.options[i] = (struct option){
			.name = rules[i].name,
			.has_arg = rules[i].take == take_flag ? no_argument : required_argument,
			.val = RULE_FIRST + (int)i,
		};
	memcpy(&t.options[ARRAY_LEN(rules)], shared, sizeof(shared));
	return t;
}

/* -1 to go on, or the exit status. */
static int take_options(struct session *s, int argc, char **argv)
{
	struct option_table t = make_option_table();
	int opt;

	while ((opt = getopt_long(argc, argv, SHORT_OPTIONS, t.options, NULL)) != -1) {
		const struct rule *rule = opt < RULE_FIRST ? NULL : &rules[opt - RULE_FIRST];
		int status = rule ? rule->take(&s->args, rule, optarg) : 0;

		if (!rule)
			status = running_option(&s->running, &command_run, opt, argv);
		else if (status == 0)
			status = -1;
		if (status >= 0)
			return status;
	}
	return -1;
}

/* Known before anything else is: what is wrong with the other options must not look like a bad commit. */
static bool asks_for_bisect(int argc, char **argv)
{
	struct option_table t = make_option_table();
	bool asked = false;
	int opt;

	while ((opt = getopt_long(argc, argv, SHORT_OPTIONS, t.options, NULL)) != -1)
		asked |= opt >= RULE_FIRST && rules[opt - RULE_FIRST].field == FIELD(bisect);
	optind = 0; /* getopt starts anew */
	return asked;
}

static int check_contradictions(const struct session *s)
{
	const struct arguments *a = &s->args;
	int64_t budget_ns = s->running.budget_ns;
	const struct {
		bool found;
		const char *text;
	} contradictions[] = {
		{ a->repeat && a->duration_ns, "--repeat and --duration exclude each other" },
		{ budget_ns && a->duration_ns && budget_ns <= a->duration_ns,
		  "--timeout would end the run before --duration is over" },
		{ a->bisect && a->until_fail && !a->repeat && !a->duration_ns,
		  "--bisect with --until-fail needs --repeat or --duration: what is good never "
		  "fails" },
		{ a->allow_unsafe && !a->devices.n,
		  "--allow-unsafe needs the devices that may be disturbed, each with --device" },
		{ a->devices.n && !a->allow_unsafe,
		  "--device means nothing without --allow-unsafe" },
	};

	for (size_t i = 0; i < ARRAY_LEN(contradictions); i++)
		if (contradictions[i].found)
			return cmd_usage_error(&command_run, "%s", contradictions[i].text);
	return 0;
}

/* Fills what the run is asked from the arguments. 0 or the exit status. */
static int settle_arguments(struct session *s)
{
	struct arguments *a = &s->args;
	struct run_options *o = &s->running.options;
	int status;

	if (a->level == LEVEL_SOAK && !a->repeat && !a->duration_ns)
		a->duration_ns = SOAK_NS;
	status = check_contradictions(s);
	if (status)
		return status;
	if (!a->seed_given && getrandom(&a->seed, sizeof(a->seed), 0) != sizeof(a->seed)) {
		log_error("cannot draw a seed: %s", strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	if (a->until_fail && !a->repeat && !a->duration_ns)
		a->repeat = REPEAT_FOREVER;
	o->results = a->results;
	o->rounds = (struct run_rounds){
		.repeat = a->repeat ? a->repeat : 1,
		.duration_ns = a->duration_ns,
		.until_fail = a->until_fail,
		.shuffle = a->shuffle,
		.budget_ns = s->running.budget_ns,
	};
	o->env.module_dir = a->module_dir;
	o->env.seed = a->seed;
	o->env.level = a->level;
	o->env.inject = (const char *const *)a->faults.list;
	o->env.workarounds = (const char *const *)a->workarounds.list;
	o->env.allow_unsafe = a->allow_unsafe;
	o->env.devices = (const char *const *)a->devices.list;
	o->env.rdma_device = a->rdma_device;
	return 0;
}

/* --- what is run --------------------------------------------------------------------------------- */

static int load_profile(struct session *s)
{
	const struct arguments *a = &s->args;
	autofree char *why = NULL;

	if (profile_load(a->profile_name, scenario_registry, scenario_registry_len, &s->profile,
			 &why) < 0) {
		log_error("%s", why);
		return EXIT_USAGE;
	}
	if (a->soft_rdma && profile_add_soft_rdma(s->profile, SOFT_RDMA_NAME, a->soft_rdma) < 0)
		return cmd_usage_error(&command_run, "'%s' cannot be a network device",
				       a->soft_rdma);
	s->running.options.profile = s->profile;
	return 0;
}

static bool plan_can(const struct plan *plan,
		     bool (*can)(const struct scenario *s, const char *word), const char *word)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!plan->items[i].nr_unmet && can(plan->items[i].scenario, word))
			return true;
	return false;
}

/* A fault that nobody commits would be taken for one that nobody noticed; a workaround likewise. */
static int check_words(const struct session *s, const struct plan *plan)
{
	const struct words *faults = &s->args.faults, *workarounds = &s->args.workarounds;

	for (size_t i = 0; i < faults->n; i++)
		if (!plan_can(plan, scenario_commits, faults->list[i]))
			return cmd_usage_error(&command_run,
					       "none of the scenarios to run commits the fault "
					       "'%s'",
					       faults->list[i]);
	for (size_t i = 0; i < workarounds->n; i++)
		if (!plan_can(plan, scenario_works_around, workarounds->list[i]))
			return cmd_usage_error(&command_run,
					       "none of the scenarios to run knows a workaround of "
					       "'%s'",
					       workarounds->list[i]);
	return 0;
}

static int check_selection(const struct session *s)
{
	const struct run_options *o = &s->running.options;
	const char *unknown;
	struct plan plan;
	int status;

	if (plan_select(&plan, o->table, o->table_len, o->profile, o->ids, o->nr_ids, &unknown) < 0)
		return cmd_usage_error(&command_run, "unknown scenario '%s'", unknown);
	if (!o->nr_ids)
		plan_exclude_level(&plan, o->env.level);
	status = check_words(s, &plan);
	plan_release(&plan);
	return status;
}

/* A run is begun once; the rest of it is for resume. */
static int check_results(const struct session *s)
{
	const char *dir = s->args.results;
	autofree char *journal = dir ? xasprintf("%s/" JOURNAL_NAME, dir) : NULL;

	if (!journal || !fs_exists(AT_FDCWD, journal))
		return 0;
	log_error(
		"'%s' has the results of a run already; 'p2pcert resume' goes on with one, another "
		"needs a directory of its own",
		dir);
	return EXIT_ENVIRONMENT;
}

/* --- the run ------------------------------------------------------------------------------------- */

static int execute(struct session *s)
{
	struct running *r = &s->running;
	autofree char *dir = NULL;
	autoclose int dirfd = -1;
	int status;

	running_show_progress(r, NULL);
	status = run_execute(&r->options, &dir, &dirfd);
	running_end_progress(r);
	if (status == 0)
		status = running_publish(dir, dirfd, &s->report);
	return status ?: running_conclude(r, dir, s->report);
}

static int prepare(struct session *s)
{
	int status = settle_arguments(s);

	status = status ?: load_profile(s);
	status = status ?: check_selection(s);
	status = status ?: check_results(s);
	status = status ?: running_check_root();
	status = status ?: running_read_machine(&s->running);
	return status ?: running_open_log(&s->running);
}

static int run_session(struct session *s, int argc, char **argv)
{
	int status = take_options(s, argc, argv);

	if (status >= 0)
		return status;
	s->running.options.ids = argv + optind;
	s->running.options.nr_ids = (size_t)(argc - optind);
	status = prepare(s);
	return status ?: execute(s);
}

/*
 * Of a run that did not come to its report, or whose report nobody saw, nothing follows. One that was
 * interrupted ends the whole bisection.
 */
static int bisect_status(int status, const json_t *report)
{
	if (status > EXIT_SIGNAL_BASE)
		return status;
	if (!report || status != jx_get_int(report, "exit_status", -1))
		return BISECT_CANNOT_TELL;
	return verdict_bisect_status(report);
}

static int run(int argc, char **argv)
{
	struct session s __attribute__((cleanup(session_release))) = {
		.args = { .profile_name = "default", .level = LEVEL_STANDARD },
	};
	bool bisect;
	int status;

	running_init(&s.running, argc, argv);
	bisect = asks_for_bisect(argc, argv);
	status = run_session(&s, argc, argv);
	return bisect ? bisect_status(status, s.report) : status;
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
		 "      --level LEVEL        quick, standard (the default), full or soak\n"
		 "      --repeat N           run all of it N times\n"
		 "      --duration SECONDS   run all of it again and again for so long\n"
		 "      --until-fail         end at the first failure; else run without end\n"
		 "      --shuffle            each round in another order\n"
		 "      --seed N             seed of data and order; drawn if not given\n"
		 "      --bisect             exit as git bisect wants it: 0 good, 1 bad, 125 "
		 "cannot tell\n"
		 "      --inject FAULT       commit a fault, to see it noticed; can be repeated\n"
		 "      --workaround ERRATUM do as a known defect's workaround says; can be "
		 "repeated\n"
		 "      --module-dir DIR     where the test modules are\n"
		 "      --rdma-device NAME   RDMA device to use\n"
		 "      --soft-rdma NETDEV   set up soft RoCE on this network device meanwhile\n"
		 "      --allow-unsafe       allow scenarios that can disturb a device in use\n"
		 "      --device DEVICE      on this one: PCI address or name; can be repeated\n"
		 "      --timeout SECONDS    time budget of the whole run\n"
		 "      --color WHEN         auto, never or always\n"
		 "  -q, --quiet              print errors only\n"
		 "  -h, --help               this text\n"
		 "  -V, --version            print the version\n",
	.run = run,
};
