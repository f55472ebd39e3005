/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2pcert list: the scenarios and static checks, and what each lacks on this machine, finding codes,
 * known defects of the kernel, profiles, and the kernel's features. Everything is gathered as one JSON document; the text is
 * printed from it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/version.h"
#include "check/finding.h"
#include "check/input.h"
#include "check/kernel_errata.h"
#include "check/run.h"
#include "cmd.h"
#include "kmod/kmod.h"
#include "p2p/p2p.h"
#include "platform/platform.h"
#include "scenario/features.h"
#include "scenario/profile.h"
#include "scenario/scenario.h"

#define LIST_SCHEMA "p2pcert.list/1"

/* What the machine is asked once for all sections. */
struct machine {
	struct platform *platform;
	struct features *features;
	char *module_dir; /* NULL: no test module is built */
	struct scenario_env env;
	int status; /* of the whole command: a profile that is damaged does not hide the others */
};

static void machine_read(struct machine *m)
{
	const struct kmod_env kmod_env = { 0 };
	struct utsname uts;

	uname(&uts);
	m->platform = platform_read_live(NULL);
	if (!m->platform) {
		log_warn("cannot read the PCI bus: %s", strerror(errno));
		m->platform = platform_new("live", NULL);
		platform_finish(m->platform);
	}
	m->features = features_scan(NULL, uts.release);
	m->module_dir = kmod_dir(&kmod_env);
	m->env = (struct scenario_env){
		.platform = m->platform,
		.rules = p2p_rules_for(uts.release),
		.features = m->features,
		.module_dir = m->module_dir,
	};
}

static void machine_release(struct machine *m)
{
	platform_free(m->platform);
	features_free(m->features);
	free(m->module_dir);
}

/* --- gathering ---------------------------------------------------------------------------------- */

static json_t *requires_to_json(const struct scenario *s)
{
	static const char *const kinds[NR_NEED_KINDS] = {
		[NEED_ROOT] = "root",
		[NEED_CAPABILITY] = "capability",
		[NEED_KCONFIG] = "kernel-config",
		[NEED_FEATURE] = "feature",
		[NEED_MODULE] = "module",
		[NEED_TOOL] = "tool",
		[NEED_ROLE] = "role",
		[NEED_MEMORY] = "memory",
	};
	json_t *requires = jx_array();

	for (size_t i = 0; i < s->nr_needs; i++) {
		json_t *need = jx_object();

		jx_set_str(need, "kind", kinds[s->needs[i].kind]);
		jx_set_str(need, "name", s->needs[i].arg);
		if (s->needs[i].kind == NEED_MODULE)
			jx_set_str(need, "version", p2pcert_version());
		jx_append(requires, need);
	}
	return requires;
}

/* What the platform source has to show. */
static json_t *source_requirement(const struct check *check)
{
	json_t *requires = jx_array(), *need = jx_object();

	jx_set_str(need, "kind", "source");
	jx_set_str(need, "name", check->requires);
	jx_append(requires, need);
	return requires;
}

static json_t *evidence_to_json(unsigned int mask)
{
	json_t *evidence = jx_array();

	mask |= EV(KERNEL_LOG); /* which every pass requires */
	for (unsigned int k = 0; k < NR_EVIDENCE_KINDS; k++)
		if (mask & (1u << k))
			jx_append_str(evidence, evidence_kind_name((enum evidence_kind)k));
	return evidence;
}

static json_t *words_to_json(const char *const *words)
{
	json_t *array = jx_array();

	for (; words && *words; words++)
		jx_append_str(array, *words);
	return array;
}

static json_t *missing_to_json(const struct scenario *s, const struct scenario_env *env,
			       struct need_answers *answers)
{
	json_t *missing = jx_array();
	struct unmet *list;
	size_t n = scenario_missing(s, env, answers, &list);

	for (size_t i = 0; i < n; i++) {
		json_t *one = jx_object();

		jx_set_str(one, "category", skip_category_name(list[i].category));
		jx_set_str(one, "text", list[i].text);
		jx_append(missing, one);
	}
	unmet_free(list, n);
	return missing;
}

static json_t *gather_scenarios(struct machine *m)
{
	struct need_answers *answers = need_answers_new();
	json_t *scenarios = jx_array();

	for (size_t i = 0; i < scenario_registry_len; i++) {
		const struct scenario *s = scenario_registry[i];
		json_t *missing = missing_to_json(s, &m->env, answers);
		json_t *o = jx_object();

		jx_set_str(o, "id", s->id);
		jx_set_str(o, "title", s->title);
		jx_set(o, "requires", requires_to_json(s));
		jx_set(o, "evidence", evidence_to_json(s->evidence));
		jx_set_str(o, "safety", s->safety == SAFETY_UNSAFE ? "unsafe" : "safe");
		jx_set_str(o, "level", level_name(s->level));
		jx_set(o, "faults", words_to_json(s->faults));
		jx_set(o, "workarounds", words_to_json(s->workarounds));
		jx_set_bool(o, "available_here", json_array_size(missing) == 0);
		jx_set(o, "missing", missing);
		jx_append(scenarios, o);
	}
	need_answers_free(answers);
	return scenarios;
}

/* A static check is available where it has something to look at, and it is shown. */
static json_t *gather_checks(struct machine *m)
{
	autocheckinput struct check_input *in = check_input_new(m->platform, m->env.rules, NULL);
	json_t *checks = jx_array();
	struct check_results results;

	check_run(in, NULL, NULL, &results);
	for (size_t i = 0; i < results.nr; i++) {
		const struct check *check = results.items[i].check;
		json_t *missing = check_missing_to_json(&results.items[i]);
		json_t *o = jx_object();

		jx_set_str(o, "id", check->id);
		jx_set_str(o, "title", check->title);
		jx_set(o, "requires", source_requirement(check));
		jx_set(o, "evidence", jx_array());
		jx_set_str(o, "safety", "safe");
		jx_set_bool(o, "available_here", json_array_size(missing) == 0);
		jx_set(o, "missing", missing);
		jx_append(checks, o);
	}
	check_results_release(&results);
	return checks;
}

static json_t *gather_findings(attr_unused struct machine *m)
{
	json_t *findings = jx_array();

	for (size_t i = 0; i < finding_registry_len; i++)
		jx_append(findings, finding_to_json(&finding_registry[i]));
	return findings;
}

static json_t *gather_errata(struct machine *m)
{
	autojson json_t *errata = NULL;
	autofree char *why = NULL;
	json_t *erratum, *array = jx_array();
	struct utsname uts;
	size_t i;

	if (errata_load_shipped(&errata, &why) < 0) {
		log_error("%s", why);
		m->status = EXIT_USAGE;
	}
	uname(&uts);
	json_array_foreach (errata, i, erratum) {
		json_t *copy = json_copy(erratum);

		jx_set_bool(copy, "concerns_here", erratum_concerns(erratum, uts.release));
		jx_append(array, copy);
	}
	return array;
}

static json_t *gather_profiles(struct machine *m)
{
	json_t *profiles = jx_array();
	struct id_list names;

	profile_names(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct profile *profile autoprofile = NULL;
		autofree char *why = NULL;

		if (profile_load(names.ids[i], scenario_registry, scenario_registry_len, &profile,
				 &why) < 0) {
			log_error("%s", why);
			m->status = EXIT_USAGE;
			continue;
		}
		jx_append(profiles, profile_to_json(profile));
	}
	id_list_release(&names);
	return profiles;
}

static json_t *gather_features(struct machine *m)
{
	return features_to_json(m->features);
}

/* --- printing ----------------------------------------------------------------------------------- */

static int widest(const json_t *array, const char *key)
{
	const json_t *item;
	int width = 0;
	size_t i;

	json_array_foreach (array, i, item) {
		int n = (int)json_string_length(json_object_get(item, key));

		width = n > width ? n : width;
	}
	return width;
}

static void print_scenarios(const json_t *scenarios)
{
	int width = widest(scenarios, "id");
	const json_t *s, *reason;
	size_t i, k;

	json_array_foreach (scenarios, i, s) {
		bool available = jx_get_bool(s, "available_here", false);

		printf("  %-*s  %-9s  %-8s  %s%s\n", width, jx_get_str(s, "id"),
		       available ? "available" : "missing", jx_get_str(s, "level"),
		       jx_get_str(s, "title"),
		       strcmp(jx_get_str(s, "safety"), "safe") == 0 ? "" : " (unsafe)");
		json_array_foreach (json_object_get(s, "missing"), k, reason)
			printf("  %*s  %9s  - %s: %s\n", width, "", "",
			       jx_get_str(reason, "category"), jx_get_str(reason, "text"));
	}
}

static void print_checks(const json_t *checks)
{
	int width = widest(checks, "id");
	const json_t *check, *reason;
	size_t i, k;

	json_array_foreach (checks, i, check) {
		bool available = jx_get_bool(check, "available_here", false);

		printf("  %-*s  %-9s  %s\n", width, jx_get_str(check, "id"),
		       available ? "available" : "missing", jx_get_str(check, "title"));
		json_array_foreach (json_object_get(check, "missing"), k, reason)
			printf("  %*s  %9s  - %s: %s\n", width, "", "",
			       jx_get_str(reason, "category"), jx_get_str(reason, "text"));
	}
}

static void print_findings(const json_t *findings)
{
	int width = widest(findings, "code");
	const json_t *finding;
	size_t i;

	json_array_foreach (findings, i, finding)
		printf("  %-*s  %-7s  %s\n", width, jx_get_str(finding, "code"),
		       jx_get_str(finding, "severity"), jx_get_str(finding, "title"));
}

static void print_errata(const json_t *errata)
{
	int width = widest(errata, "id");
	const json_t *erratum;
	size_t i;

	json_array_foreach (errata, i, erratum)
		printf("  %-*s  %-4s  %s (since %s)\n", width, jx_get_str(erratum, "id"),
		       jx_get_bool(erratum, "concerns_here", false) ? "here" : "",
		       jx_get_str(erratum, "title"), jx_get_str(erratum, "since"));
}

static void print_profiles(const json_t *profiles)
{
	int width = widest(profiles, "name");
	const json_t *profile;
	size_t i;

	json_array_foreach (profiles, i, profile)
		printf("  %-*s  %s (%zu required, %zu recommended)\n", width,
		       jx_get_str(profile, "name"), jx_get_str(profile, "title"),
		       json_array_size(json_object_get(profile, "required")),
		       json_array_size(json_object_get(profile, "recommended")));
}

static void print_features(const json_t *features)
{
	int width = widest(features, "name");
	const json_t *feature, *way;
	size_t i, k;

	json_array_foreach (features, i, feature) {
		const json_t *present = json_object_get(feature, "present");

		printf("  %-*s  %-7s ", width, jx_get_str(feature, "name"),
		       !present                ? "unknown"
		       : json_is_true(present) ? "present"
					       : "absent");
		json_array_foreach (json_object_get(feature, "found_by"), k, way)
			printf(" %s:%s", jx_get_str(way, "way"), jx_get_str(way, "answer"));
		putchar('\n');
	}
}

static const struct section {
	const char *name;
	const char *heading;
	json_t *(*gather)(struct machine *m);
	void (*print)(const json_t *array);
} sections[] = {
	{ "scenarios", "Scenarios, and what each lacks here:", gather_scenarios, print_scenarios },
	{ "checks", "Static checks, and what each lacks here:", gather_checks, print_checks },
	{ "findings", "Findings:", gather_findings, print_findings },
	{ "errata", "Known defects of the kernel, and whether this one has them by its version:",
	  gather_errata, print_errata },
	{ "profiles", "Profiles:", gather_profiles, print_profiles },
	{ "features", "Features of this kernel:", gather_features, print_features },
};

static int section_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (strcmp(sections[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void print_document(const json_t *doc)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const json_t *array = json_object_get(doc, sections[i].name);

		if (!array)
			continue;
		printf("%s%s\n", first ? "" : "\n", sections[i].heading);
		sections[i].print(array);
		first = false;
	}
}

extern const struct command command_list;

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		CMD_OPTIONS,
		{ 0 },
	};
	bool wanted[ARRAY_LEN(sections)] = { false };
	struct machine machine = { .status = EXIT_VERDICT_PASS };
	autojson json_t *doc = NULL;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, ":jhV", options, NULL)) != -1) {
		if (opt != 'j')
			return cmd_common_option(&command_list, opt, argv);
		json = true;
	}
	for (int i = optind; i < argc; i++) {
		int section = section_find(argv[i]);

		if (section < 0)
			return cmd_usage_error(&command_list, "cannot list '%s'", argv[i]);
		wanted[section] = true;
	}

	doc = jx_object();
	jx_set_str(doc, "schema", LIST_SCHEMA);
	machine_read(&machine);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (optind == argc || wanted[i])
			jx_set(doc, sections[i].name, sections[i].gather(&machine));
	machine_release(&machine);

	if (json && jx_print(doc, stdout) < 0)
		return cmd_finish_stdout(EXIT_ENVIRONMENT);
	if (!json)
		print_document(doc);
	return cmd_finish_stdout(machine.status);
}

const struct command command_list = {
	.name = "list",
	.summary = "list scenarios, checks, findings, errata, profiles and kernel features",
	.usage = "list [OPTION]... [scenarios|checks|findings|errata|profiles|features]...\n"
		 "List what p2pcert knows, and for each scenario what it lacks on this machine. "
		 "Without a\n"
		 "word, everything.\n\n"
		 "  -j, --json           one JSON document\n"
		 "  -h, --help           this text\n"
		 "  -V, --version        print the version\n",
	.run = run,
};
