/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2pcert kmod: builds, loads, unloads and examines the test modules. Each subcommand gathers one JSON
 * document; without --json its text is printed from that.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "cmd.h"
#include "kmod/kmod.h"

#define KMOD_SCHEMA "p2pcert.kmod/1"

extern const struct command command_kmod;

struct arguments {
	struct kmod_env env;
	struct kmod_build_options build;
	bool json;
	char **names; /* of modules; all if there are none */
	int nr_names;
};

struct subcommand {
	const char *name;
	const char *options; /* the letters that it takes besides -h and -V */
	bool takes_names;
	int (*run)(const struct arguments *a, json_t *doc);
	void (*print)(const json_t *doc);
};

/* --- modules ------------------------------------------------------------------------------------- */

static size_t nr_wanted(const struct arguments *a)
{
	return a->nr_names ? (size_t)a->nr_names : kmod_modules_len;
}

static const char *wanted(const struct arguments *a, size_t i)
{
	return a->nr_names ? a->names[i] : kmod_modules[i].name;
}

static void set_why(json_t *module, const struct kmod_why *why)
{
	jx_set_str(module, "reason", kmod_reason_name(why->reason));
	jx_set_str(module, "problem", why->text);
}

/* --- build --------------------------------------------------------------------------------------- */

static int run_build(const struct arguments *a, json_t *doc)
{
	struct kmod_why why = { 0 };
	autofree char *log = NULL;
	autofree char *dir = a->build.output ? xstrdup(a->build.output) : kmod_build_dir(&a->env);
	json_t *modules = jx_array();
	int r = kmod_build(&a->env, &a->build, &log, &why);

	jx_set_str(doc, "directory", dir);
	jx_set_str(doc, "log", log);
	if (r < 0) {
		log_error("%s", why.text);
		set_why(doc, &why);
	}
	for (size_t i = 0; i < kmod_modules_len && r == 0; i++) {
		autofree char *file = kmod_file(dir, kmod_modules[i].name);
		json_t *module = jx_object();

		jx_set_str(module, "name", kmod_modules[i].name);
		jx_set_str(module, "file", file);
		jx_append(modules, module);
	}
	jx_set(doc, "modules", modules);
	kmod_why_release(&why);
	return r < 0 ? EXIT_ENVIRONMENT : EXIT_VERDICT_PASS;
}

static void print_build(const json_t *doc)
{
	const json_t *module;
	size_t i;

	json_array_foreach (json_object_get(doc, "modules"), i, module)
		printf("%s\n", jx_get_str(module, "file"));
}

/* --- load, unload -------------------------------------------------------------------------------- */

static int run_load(const struct arguments *a, json_t *doc)
{
	json_t *modules = jx_array();
	int status = EXIT_VERDICT_PASS;

	for (size_t i = 0; i < nr_wanted(a); i++) {
		struct kmod_why why = { 0 };
		json_t *module = jx_object();
		bool changed;
		int r = kmod_load(&a->env, wanted(a, i), NULL, &changed, &why);

		jx_set_str(module, "name", wanted(a, i));
		jx_set_bool(module, "loaded", r == 0);
		jx_set_bool(module, "changed", changed);
		if (r < 0) {
			log_error("%s", why.text);
			set_why(module, &why);
			status = EXIT_ENVIRONMENT;
		}
		jx_append(modules, module);
		kmod_why_release(&why);
	}
	jx_set(doc, "modules", modules);
	return status;
}

static int run_unload(const struct arguments *a, json_t *doc)
{
	json_t *modules = jx_array();
	int status = EXIT_VERDICT_PASS;

	/* backwards: what was loaded last goes first */
	for (size_t i = nr_wanted(a); i-- > 0;) {
		struct kmod_why why = { 0 };
		json_t *module = jx_object();
		bool changed;
		int r = kmod_unload(&a->env, wanted(a, i), &changed, &why);

		jx_set_str(module, "name", wanted(a, i));
		jx_set_bool(module, "loaded", r < 0);
		jx_set_bool(module, "changed", changed);
		if (r < 0) {
			log_error("%s", why.text);
			set_why(module, &why);
			status = EXIT_ENVIRONMENT;
		}
		jx_append(modules, module);
		kmod_why_release(&why);
	}
	jx_set(doc, "modules", modules);
	return status;
}

static void print_changes(const json_t *doc)
{
	const json_t *module;
	size_t i;

	json_array_foreach (json_object_get(doc, "modules"), i, module) {
		bool loaded = jx_get_bool(module, "loaded", false);
		bool changed = jx_get_bool(module, "changed", false);

		if (jx_get_str(module, "problem"))
			continue;
		printf("%s: %s%s\n", jx_get_str(module, "name"), changed ? "" : "already ",
		       loaded ? "loaded" : "unloaded");
	}
}

/* --- status -------------------------------------------------------------------------------------- */

static json_t *state_to_json(const struct kmod_state *s)
{
	json_t *module = jx_object();

	jx_set_str(module, "name", s->info->name);
	jx_set_str(module, "summary", s->info->summary);
	jx_set_str(module, "file", s->file);
	jx_set_str(module, "file_version", s->file_version);
	jx_set_str(module, "file_srcversion", s->file_srcversion);
	jx_set_str(module, "file_vermagic", s->file_vermagic);
	jx_set_bool(module, "loaded", s->loaded);
	jx_set_str(module, "version", s->version);
	jx_set_str(module, "srcversion", s->srcversion);
	jx_set_str(module, "taint", s->taint);
	if (s->loaded)
		jx_set_int(module, "use_count", (int64_t)s->use_count);
	jx_set_bool(module, "verified", s->verified);
	jx_set_str(module, "problem", s->problem);
	return module;
}

static int run_status(const struct arguments *a, json_t *doc)
{
	autofree char *dir = kmod_dir(&a->env);
	json_t *modules = jx_array();
	int status = EXIT_VERDICT_PASS;

	jx_set_str(doc, "directory", dir);
	for (size_t i = 0; i < nr_wanted(a); i++) {
		struct kmod_state s;

		if (kmod_state_read(&a->env, wanted(a, i), &s) < 0)
			continue;
		/* one that is not there is no error, one that is not ours is */
		if (s.loaded && !s.verified)
			status = EXIT_ENVIRONMENT;
		jx_append(modules, state_to_json(&s));
		kmod_state_release(&s);
	}
	jx_set(doc, "modules", modules);
	return status;
}

static void print_status(const json_t *doc)
{
	const char *dir = jx_get_str(doc, "directory");
	const json_t *module;
	size_t i;

	printf("kernel %s, modules in %s\n", jx_get_str(doc, "kernel"), dir ? dir : "no directory");
	json_array_foreach (json_object_get(doc, "modules"), i, module) {
		bool loaded = jx_get_bool(module, "loaded", false);
		const char *problem = jx_get_str(module, "problem");

		printf("%-16s  %-7s  %-10s  %s\n", jx_get_str(module, "name"),
		       jx_get_str(module, "file") ? "built" : "missing",
		       !loaded                                  ? "not loaded"
		       : jx_get_bool(module, "verified", false) ? "verified"
								: "NOT OURS",
		       problem ? problem : jx_get_str(module, "summary"));
	}
}

/* --- the command line ---------------------------------------------------------------------------- */

static const struct subcommand subcommands[] = {
	{ "build", "ksOjv", false, run_build, print_build },
	{ "load", "dj", true, run_load, print_changes },
	{ "unload", "j", true, run_unload, print_changes },
	{ "status", "kdj", true, run_status, print_status },
};

static const struct subcommand *find_subcommand(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

/* 0, or the exit status plus one: the command line has been dealt with. */
static int parse(const struct subcommand *sub, int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		CMD_OPTIONS,
		{ "kernel", required_argument, NULL, 'k' },
		{ "source", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'O' },
		{ "dir", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, ":hVk:s:O:d:jv", options, NULL)) != -1) {
		if (strchr("ksOdjv", opt) && !strchr(sub->options, opt))
			return 1 + cmd_usage_error(&command_kmod, "'kmod %s' takes no option '-%c'",
						   sub->name, opt);
		switch (opt) {
		case 'k':
			a->env.release = optarg;
			break;
		case 's':
			a->build.source = optarg;
			break;
		case 'O':
			a->build.output = optarg;
			break;
		case 'd':
			a->env.dir = optarg;
			break;
		case 'j':
			a->json = true;
			break;
		case 'v':
			a->build.verbose = true;
			break;
		default:
			return 1 + cmd_common_option(&command_kmod, opt, argv);
		}
	}
	a->names = argv + optind;
	a->nr_names = argc - optind;
	if (a->nr_names && !sub->takes_names)
		return 1 + cmd_usage_error(&command_kmod, "unexpected argument '%s'", a->names[0]);
	for (int i = 0; i < a->nr_names; i++)
		if (!kmod_find(a->names[i]))
			return 1 + cmd_usage_error(&command_kmod, "'%s' is not a module of p2pcert",
						   a->names[i]);
	return 0;
}

static int run_subcommand(const struct subcommand *sub, const struct arguments *a)
{
	autojson json_t *doc = jx_object();
	struct utsname uts;
	int status;

	uname(&uts);
	jx_set_str(doc, "schema", KMOD_SCHEMA);
	jx_set_str(doc, "command", sub->name);
	jx_set_str(doc, "kernel", a->env.release ? a->env.release : uts.release);
	status = sub->run(a, doc);
	if (a->json) {
		int r = jx_print(doc, stdout);

		if (r < 0) {
			log_error("cannot write standard output: %s", strerror(-r));
			return EXIT_ENVIRONMENT;
		}
	} else {
		sub->print(doc);
	}
	return cmd_finish_stdout(status);
}

static int run(int argc, char **argv)
{
	const struct subcommand *sub;
	struct arguments a = { 0 };
	int done;

	/* the first word decides; before it there are only --help and --version */
	if (argc > 1 && argv[1][0] != '-') {
		sub = find_subcommand(argv[1]);
		if (!sub)
			return cmd_usage_error(&command_kmod, "unknown subcommand '%s'", argv[1]);
		done = parse(sub, argc - 1, argv + 1, &a);
		return done ? done - 1 : run_subcommand(sub, &a);
	}
	sub = &(const struct subcommand){ .name = "", .options = "" };
	done = parse(sub, argc, argv, &a);
	if (done)
		return done - 1;
	return cmd_usage_error(&command_kmod, "no subcommand given");
}

const struct command command_kmod = {
	.name = "kmod",
	.summary = "build, load, unload and examine the test modules",
	.usage = "kmod build [OPTION]...\n"
		 "       p2pcert kmod load|unload|status [OPTION]... [MODULE]...\n"
		 "Build the test modules for a kernel, load or unload them, or tell what is loaded "
		 "and\n"
		 "whether it is what was built. Without MODULE all of them are meant.\n"
		 "\n"
		 "  -k, --kernel=RELEASE  the kernel (build, status; default: the running one)\n"
		 "  -s, --source=DIR      the modules' sources (build)\n"
		 "  -O, --output=DIR      where to build (build)\n"
		 "  -d, --dir=DIR         where the built modules are (load, status)\n"
		 "  -j, --json            print one JSON document\n"
		 "  -v, --verbose         show the compiler's commands in the build log (build)\n"
		 "  -h, --help            this text\n"
		 "  -V, --version         print the version\n",
	.run = run,
};
