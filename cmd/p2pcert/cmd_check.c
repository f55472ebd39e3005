/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `p2pcert check`: static checks over a platform source; moves nothing. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/columns.h"
#include "base/jx.h"
#include "check/input.h"
#include "check/manifest.h"
#include "check/run.h"
#include "cmd.h"
#include "report/checks.h"
#include "scenario/scenario.h"
#include "source.h"

extern const struct command command_check;

struct options {
	struct source_options source;
	struct id_list only; /* ids, and parts before a dot; empty: all */
	const char *profile, *manifest;
	enum severity least;
	bool json, platform;
	enum color_when color;
};

/* Is the check named, by its id or by what its id begins with, up to a dot? */
static bool is_named(const char *id, const char *name)
{
	size_t len = strlen(name);

	return strncmp(id, name, len) == 0 && (!id[len] || id[len] == '.');
}

static bool names_a_check(const char *name)
{
	for (size_t i = 0; i < nr_check_families; i++)
		for (size_t k = 0; k < check_families[i]->nr; k++)
			if (is_named(check_families[i]->checks[k].id, name))
				return true;
	return false;
}

static int add_name(struct options *o, const char *name)
{
	if (!names_a_check(name))
		return cmd_usage_error(&command_check,
				       "unknown check '%s'; 'p2pcert list checks' shows all", name);
	o->only.ids = xreallocarray(o->only.ids, o->only.n + 1, sizeof(*o->only.ids));
	o->only.ids[o->only.n++] = xstrdup(name);
	return 0;
}

static int add_names(struct options *o, const char *list)
{
	autofree char *copy = xstrdup(list);
	char *rest = copy, *name;
	int r = 0;

	while (!r && (name = strsep(&rest, ",")))
		r = add_name(o, name);
	return r;
}

static int parse_severity(const char *word, enum severity *severity)
{
	for (enum severity s = SEVERITY_BLOCKER; s < NR_SEVERITIES; s++) {
		if (strcmp(word, severity_name(s)) == 0) {
			*severity = s;
			return 0;
		}
	}
	return cmd_usage_error(&command_check, "severity '%s' is not blocker, major, minor or info",
			       word);
}

struct selection {
	const struct options *options;
	const struct profile *profile;
};

static bool is_wanted(const struct check *check, void *arg)
{
	const struct selection *selection = arg;
	const struct id_list *only = &selection->options->only;
	bool wanted = !only->n;

	for (size_t i = 0; i < only->n; i++)
		wanted |= is_named(check->id, only->ids[i]);
	return wanted && !(selection->profile &&
			   id_list_has(&selection->profile->checks_excluded, check->id));
}

static int print(const struct options *o, const json_t *doc)
{
	int status = (int)jx_get_int(doc, "exit_status", EXIT_ENVIRONMENT);

	if (!o->json)
		checks_print(doc, stdout, color_wanted(o->color, STDOUT_FILENO),
			     columns_of_terminal(stdout));
	else if (jx_print(doc, stdout) < 0)
		status = EXIT_ENVIRONMENT; /* said by cmd_finish_stdout() */
	return cmd_finish_stdout(status);
}

/* What the command was given, read. */
struct input {
	struct platform *platform;
	struct profile *profile; /* NULL: none */
	struct manifest *manifest; /* likewise */
	struct check_claims claims;
};

static void input_release(struct input *in)
{
	check_claims_release(&in->claims);
	manifest_free(in->manifest);
	profile_free(in->profile);
	platform_free(in->platform);
}

static int check(const struct options *o, const struct input *given)
{
	const struct platform *p = given->platform;
	const struct p2p_rules *rules = source_rules(&o->source, p);
	autocheckinput struct check_input *in =
		check_input_new(p, rules, given->manifest ? &given->claims : NULL);
	struct selection selection = { o, given->profile };
	autojson json_t *doc = NULL;
	struct check_results results;

	check_run(in, is_wanted, &selection, &results);
	doc = checks_to_json(&(struct checks_done){
		.platform = p,
		.rules = rules,
		.results = &results,
		.profile = given->profile,
		.manifest = given->manifest ? manifest_name(given->manifest) : NULL,
		.least = o->least,
	});
	check_results_release(&results);
	if (o->platform)
		jx_set(doc, "platform", source_document(&o->source, p));
	return print(o, doc);
}

/* Profile and manifest before the machine, which takes longer. An exit status after the message. */
static int read_input(const struct options *o, struct input *in)
{
	autofree char *why = NULL;
	int status, r = 0;

	if (o->profile)
		r = profile_load(o->profile, scenario_registry, scenario_registry_len, &in->profile,
				 &why);
	if (!r && o->manifest)
		r = manifest_load(o->manifest, &in->manifest, &why);
	if (!r) {
		in->platform = source_read(&o->source, &status);
		if (!in->platform)
			return status;
	}
	if (!r && in->manifest)
		r = manifest_resolve(in->manifest, in->platform, &in->claims, &why);
	if (!r)
		return EXIT_VERDICT_PASS;
	log_error("%s", why);
	return r == -E2BIG ? EXIT_USAGE : cmd_status_of(r);
}

static int read_and_check(const struct options *o)
{
	struct input in = { 0 };
	int r = read_input(o, &in);

	if (!r)
		r = check(o, &in);
	input_release(&in);
	return r;
}

enum { OPT_ONLY = 256, OPT_MANIFEST, OPT_PROFILE, OPT_SEVERITY, OPT_JSON, OPT_PLATFORM, OPT_COLOR };

static int take_option(int opt, struct options *o, char **argv)
{
	int r;

	switch (opt) {
	case OPT_ONLY:
		return add_names(o, optarg);
	case OPT_MANIFEST:
		o->manifest = optarg;
		return 0;
	case OPT_PROFILE:
		o->profile = optarg;
		return 0;
	case OPT_SEVERITY:
		return parse_severity(optarg, &o->least);
	case 'j':
		o->json = true;
		return 0;
	case OPT_PLATFORM:
		o->platform = true;
		return 0;
	case OPT_COLOR:
		if (color_parse(optarg, &o->color) == 0)
			return 0;
		return cmd_usage_error(&command_check, "color '%s' is not auto, never or always",
				       optarg);
	default:
		r = source_option(&command_check, opt, optarg, &o->source);
		return r == -ENOENT ? cmd_common_option(&command_check, opt, argv) : r;
	}
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		CMD_OPTIONS,
		SOURCE_OPTIONS,
		{ "only", required_argument, NULL, OPT_ONLY },
		{ "manifest", required_argument, NULL, OPT_MANIFEST },
		{ "profile", required_argument, NULL, OPT_PROFILE },
		{ "min-severity", required_argument, NULL, OPT_SEVERITY },
		{ "json", no_argument, NULL, 'j' },
		{ "platform", no_argument, NULL, OPT_PLATFORM },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ 0 },
	};
	struct options o = { .least = SEVERITY_INFO };
	int opt, r = 0;

	while (!r && (opt = getopt_long(argc, argv, ":hVj", table, NULL)) != -1) {
		r = take_option(opt, &o, argv);
		if (opt == 'h' || opt == 'V')
			goto out;
	}
	for (int i = optind; !r && i < argc; i++)
		r = add_name(&o, argv[i]);
	if (!r && o.platform && !o.json)
		r = cmd_usage_error(&command_check, "'--platform' is for '--json'");
	if (!r)
		r = read_and_check(&o);
out:
	id_list_release(&o.only);
	return r;
}

const struct command command_check = {
	.name = "check",
	.summary = "find what keeps functions from exchanging data, and what to do about it",
	.usage =
		"check [OPTION]... [CHECK]...\n"
		"Hold rules against this machine as its config space and sysfs show it; nothing is "
		"moved or\n"
		"changed. A CHECK is an id, or what ids begin with; without one, all are run.\n"
		"\n"
		"      --only=ID,...        the same as CHECK...\n"
		"      --profile=NAME       which checks are required, and which left out\n"
		"      --min-severity=WORD  show findings that are at least blocker, major, minor "
		"or\n"
		"                           info; the verdict is of all\n"
		"  -j, --json               one JSON document\n"
		"      --platform           with the platform document in it\n"
		"      --color=WHEN         auto, never or always\n" SOURCE_USAGE
		"  -h, --help               this text\n"
		"  -V, --version            print the version\n",
	.run = run,
};
