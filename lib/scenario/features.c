// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The feature scan: the questions of feature_list.def put to BTF, kallsyms and the
 * kernel's config, and what follows from the three answers. Every way answers what it can and says
 * "unknown" to the rest; the logic is three-valued throughout.
 */
#include "scenario/features.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/kconfig.h"
#include "base/kconfig_file.h"
#include "base/log.h"
#include "base/text.h"
#include "scenario/fact.h"
#include "scenario/fact_btf.h"

#define MODULE_LIST_MAX (16u << 20)

/* The C library would read /proc/kallsyms, which is 12 MiB, 1 KiB at a time. */
#define SYMBOLS_BUFFER (64u << 10)

enum option_role { OPTION_IS, OPTION_NEEDED };

struct feature {
	const char *name;
	const char *title;
	const char *question;
	const char *modules;
	const char *option;
	enum option_role role;
};

static const struct feature table[] = {
#define FEATURE(name_, title_, question_, modules_, option_, role_) \
	{ \
		.name = #name_, \
		.title = title_, \
		.question = question_, \
		.modules = modules_, \
		.option = option_, \
		.role = OPTION_##role_, \
	},
#include "scenario/feature_list.def"
#undef FEATURE
};

/*
 * What every kernel has, and what none has, for each way: one that misses the first or sees the
 * second is broken or shows another kernel. Each kind of question is in it.
 */
static const struct {
	struct feature present, absent;
} controls[NR_FEATURE_WAYS] = {
	[FEATURE_BTF] = {
		.present.question = "func:vfs_read type:task_struct member:task_struct.mm "
				    "enum:ZONE_NORMAL",
		.absent.question = "func:p2pcert_none|type:p2pcert_none|"
				   "member:task_struct.p2pcert_none|enum:P2PCERT_NONE",
	},
	[FEATURE_KALLSYMS] = {
		.present.question = "func:vfs_read",
		.absent.question = "func:p2pcert_none",
	},
	[FEATURE_KCONFIG] = {
		.present.option = "CONFIG_MMU",
		.absent.option = "CONFIG_P2PCERT_NONE",
	},
};

/* One that features may be in. */
struct module {
	char name[FACT_MAX];
	bool loaded, installed, builtin;
};

struct features {
	char *sysroot;
	char *release;
	char *config; /* NULL: none could be read */
	struct module *modules;
	size_t nr_modules;
	bool knows_installed, knows_builtin; /* modules.dep and modules.builtin could be read */
	struct fact_set *facts;
	struct fact_btf *btf; /* while scanning */
	bool *symbols; /* which facts kallsyms shows; NULL: it could not be read */
	char *way_void[NR_FEATURE_WAYS];
	struct feature_result results[ARRAY_LEN(table)];
};

/* --- modules ------------------------------------------------------------------------------------ */

static struct module *module_find(const struct features *f, const char *name)
{
	for (size_t i = 0; i < f->nr_modules; i++)
		if (strcmp(f->modules[i].name, name) == 0)
			return &f->modules[i];
	return NULL;
}

static void module_add(struct features *f, const char *name)
{
	autofree char *path = fs_under(f->sysroot, "/sys/module/%s/initstate", name);
	struct module *m;

	if (module_find(f, name))
		return;
	f->modules = xreallocarray(f->modules, f->nr_modules + 1, sizeof(*f->modules));
	m = &f->modules[f->nr_modules++];
	*m = (struct module){ .loaded = fs_exists(AT_FDCWD, path) };
	strcpy(m->name, name);
}

/* Is "ib-core.ko.xz: ..." it? Files may have '-' in their names where modules have '_'. */
static bool is_file_of(const char *file, const struct module *m)
{
	size_t i = 0;

	while (m->name[i] && (file[i] == m->name[i] || (file[i] == '-' && m->name[i] == '_')))
		i++;
	return !m->name[i] && text_starts_with(file + i, ".ko");
}

/*
 * Of lines "PATH" or "PATH: PATH...", as modules.builtin and modules.dep have them. False if there is no
 * such file.
 */
static bool modules_read(struct features *f, const char *name, bool builtin)
{
	autofree char *path = fs_under(f->sysroot, "/lib/modules/%s/%s", f->release, name);
	autofree char *text = NULL;

	if (fs_read(AT_FDCWD, path, MODULE_LIST_MAX, &text, NULL) < 0)
		return false;
	for (char *line = text, *next; *line; line = next) {
		char *end = strchrnul(line, '\n'), *colon, *slash;

		next = *end ? end + 1 : end;
		colon = memchr(line, ':', (size_t)(end - line));
		slash = memrchr(line, '/', (size_t)((colon ? colon : end) - line));
		for (size_t i = 0; i < f->nr_modules; i++)
			if (is_file_of(slash ? slash + 1 : line, &f->modules[i]))
				*(builtin ? &f->modules[i].builtin : &f->modules[i].installed) =
					true;
	}
	return true;
}

/*
 * The first of the feature's modules in which what is asked may be unseen: it is installed, or it is
 * not known what is, and it is not loaded. NULL if there is none.
 */
static const struct module *feature_unloaded(const struct features *f,
					     const struct feature *feature)
{
	const char *modules = feature->modules;
	char name[FACT_MAX];

	while (modules && next_word(&modules, " ", name, sizeof(name))) {
		const struct module *m = module_find(f, name);

		if (!m->loaded && (!f->knows_installed || m->installed))
			return m;
	}
	return NULL;
}

/* The first of the feature's modules that this kernel does not have, though its config may say so. */
static const struct module *feature_uninstalled(const struct features *f,
						const struct feature *feature)
{
	const char *modules = feature->modules;
	char name[FACT_MAX];

	while (modules && next_word(&modules, " ", name, sizeof(name))) {
		const struct module *m = module_find(f, name);

		if (!m->loaded && f->knows_installed && f->knows_builtin && !m->installed &&
		    !m->builtin)
			return m;
	}
	return NULL;
}

/* --- BTF and kallsyms --------------------------------------------------------------------------- */

/* Who asks, and on whose behalf. */
struct asking {
	const struct features *f;
	const struct feature *feature;
};

static enum feature_state btf_ask(const struct fact *fact, void *data)
{
	const struct asking *a = data;

	return fact_btf_ask(a->f->btf, fact, a->feature->modules);
}

/* 0 if there is BTF of the kernel proper. Modules' BTF may be missing. */
static int btf_read(struct features *f)
{
	autofree char *path = fs_under(f->sysroot, "/sys/kernel/btf/vmlinux");
	int err = fact_btf_read_kernel(f->btf, path);

	for (size_t i = 0; i < f->nr_modules && !err; i++) {
		autofree char *file =
			fs_under(f->sysroot, "/sys/kernel/btf/%s", f->modules[i].name);

		fact_btf_read_module(f->btf, f->modules[i].name, file);
	}
	return err;
}

static enum feature_state symbol_ask(const struct fact *fact, void *data)
{
	const struct asking *a = data;

	if (fact->kind != FACT_FUNC)
		return FEATURE_UNKNOWN;
	if (a->f->symbols[fact_set_index(a->f->facts, fact)])
		return FEATURE_PRESENT;
	return feature_unloaded(a->f, a->feature) ? FEATURE_UNKNOWN : FEATURE_ABSENT;
}

/* The compiler's variants of a function end in ".suffix". */
static size_t symbol_length(const char *name)
{
	size_t n = 0;

	while (name[n] && name[n] != '.' && name[n] != '\t' && name[n] != '\n')
		n++;
	return n;
}

/* Lines are "address type name[\tmodule]". */
static int symbols_read(struct features *f)
{
	autofree char *path = fs_under(f->sysroot, "/proc/kallsyms");
	autofree char *buffer = xcalloc(1, SYMBOLS_BUFFER); /* outlives the file */
	autofclose FILE *file = fopen(path, "re");
	autofree char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	setvbuf(file, buffer, _IOFBF, SYMBOLS_BUFFER);
	f->symbols = xcalloc(fact_set_size(f->facts) + 1, sizeof(*f->symbols));
	while (getline(&line, &size, file) > 0) {
		const char *type = strchr(line, ' ');
		const char *name = type ? strchr(type + 1, ' ') : NULL;
		const struct fact *fact;
		size_t nr;

		if (!name)
			continue;
		name++;
		fact = fact_set_about(f->facts, name, symbol_length(name), &nr);
		for (; nr; fact++, nr--)
			f->symbols[fact_set_index(f->facts, fact)] = true;
	}
	return ferror(file) ? -EIO : 0;
}

/* --- config ------------------------------------------------------------------------------------- */

char features_kconfig(const struct features *f, const char *option)
{
	const char *value;
	size_t len;

	if (!f->config)
		return 0;
	value = kconfig_find(f->config, option, strlen(option), &len);
	if (!value)
		return 'n';
	return *value == 'm' || *value == 'n' ? *value : 'y';
}

const char *features_config(const struct features *f)
{
	return f->way_void[FEATURE_KCONFIG] ? NULL : f->config;
}

static enum feature_state config_ask(const struct features *f, const struct feature *feature)
{
	switch (feature->option ? features_kconfig(f, feature->option) : 0) {
	case 'y':
	case 'm':
		if (feature->role == OPTION_IS && !feature_uninstalled(f, feature))
			return FEATURE_PRESENT;
		return FEATURE_UNKNOWN;
	case 'n':
		return FEATURE_ABSENT;
	default:
		return FEATURE_UNKNOWN;
	}
}

/* --- the scan ----------------------------------------------------------------------------------- */

static const char *const way_names[] = {
	[FEATURE_BTF] = "btf",
	[FEATURE_KALLSYMS] = "kallsyms",
	[FEATURE_KCONFIG] = "config",
};

const char *feature_way_name(enum feature_way way)
{
	return way_names[way];
}

static enum feature_state way_ask(const struct features *f, enum feature_way way,
				  const struct feature *feature)
{
	struct asking asking = { f, feature };

	switch (way) {
	case FEATURE_BTF:
		return question_ask(feature->question, btf_ask, &asking);
	case FEATURE_KALLSYMS:
		return question_ask(feature->question, symbol_ask, &asking);
	case FEATURE_KCONFIG:
		return config_ask(f, feature);
	case NR_FEATURE_WAYS:
		break;
	}
	return FEATURE_UNKNOWN;
}

/* err is why the way could not be read. */
static void way_check(struct features *f, enum feature_way way, int err)
{
	const struct feature *present = &controls[way].present;
	const struct feature *absent = &controls[way].absent;

	if (err)
		f->way_void[way] = xasprintf("cannot be read: %s", strerror(-err));
	else if (way_ask(f, way, present) != FEATURE_PRESENT)
		f->way_void[way] =
			xasprintf("does not show what every kernel has: '%s'",
				  present->question ? present->question : present->option);
	else if (way_ask(f, way, absent) == FEATURE_PRESENT)
		f->way_void[way] = xasprintf("shows what no kernel has: '%s'",
					     absent->question ? absent->question : absent->option);
}

/* Why this is the answer of that way, for a person. */
static char *answer_detail(const struct features *f, enum feature_way way,
			   const struct feature *feature, enum feature_state state)
{
	const struct module *m;

	if (f->way_void[way])
		return xasprintf("not used: %s", f->way_void[way]);
	if (way == FEATURE_KCONFIG) {
		if (!feature->option)
			return xstrdup("no option of its own");
		if (state == FEATURE_ABSENT)
			return xasprintf("%s is not set", feature->option);
		m = state == FEATURE_UNKNOWN && feature->role == OPTION_IS
			    ? feature_uninstalled(f, feature)
			    : NULL;
		if (m)
			return xasprintf("%s=%c, but module '%s' is not installed", feature->option,
					 features_kconfig(f, feature->option), m->name);
		return xasprintf("%s=%c%s", feature->option, features_kconfig(f, feature->option),
				 state == FEATURE_PRESENT ? "" : ", as also on kernels without it");
	}
	if (state == FEATURE_PRESENT)
		return xstrdup(feature->question);
	if (state == FEATURE_ABSENT)
		return xasprintf("no %s", feature->question);
	m = feature_unloaded(f, feature);
	if (m)
		return xasprintf("module '%s' is not loaded", m->name);
	return xasprintf(way == FEATURE_BTF ? "not listed, which is no proof: %s"
					    : "cannot be asked: %s",
			 feature->question);
}

static void feature_decide(struct features *f, const struct feature *feature,
			   struct feature_result *r)
{
	bool said[FEATURE_PRESENT + 1] = { false };

	r->state = r->answers[FEATURE_BTF].state;
	if (r->state == FEATURE_UNKNOWN)
		r->state = r->answers[FEATURE_KALLSYMS].state;
	if (r->state == FEATURE_UNKNOWN && r->answers[FEATURE_KCONFIG].state == FEATURE_ABSENT)
		r->state = FEATURE_ABSENT;
	for (size_t way = 0; way < NR_FEATURE_WAYS; way++)
		said[r->answers[way].state] = true;
	r->disagreement = said[FEATURE_PRESENT] && said[FEATURE_ABSENT];
	r->unloaded = r->state == FEATURE_UNKNOWN && feature_unloaded(f, feature);
}

/* All that will be asked, before anything is looked at. */
static void prepare(struct features *f)
{
	f->facts = fact_set_new();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *modules = table[i].modules;
		char module[FACT_MAX];

		fact_set_add(f->facts, table[i].question);
		while (modules && next_word(&modules, " ", module, sizeof(module)))
			module_add(f, module);
	}
	for (size_t way = 0; way < NR_FEATURE_WAYS; way++) {
		if (!controls[way].present.question)
			continue;
		fact_set_add(f->facts, controls[way].present.question);
		fact_set_add(f->facts, controls[way].absent.question);
	}
	fact_set_seal(f->facts);
}

struct features *features_scan(const char *sysroot, const char *release)
{
	struct features *f = xcalloc(1, sizeof(*f));

	f->sysroot = xstrdup(sysroot ? sysroot : "");
	f->release = xstrdup(release);
	prepare(f);
	f->knows_installed = modules_read(f, "modules.dep", false);
	f->knows_builtin = modules_read(f, "modules.builtin", true);

	f->btf = fact_btf_new(f->facts);
	way_check(f, FEATURE_BTF, btf_read(f));
	way_check(f, FEATURE_KALLSYMS, symbols_read(f));
	f->config = kconfig_read(f->sysroot, f->release);
	way_check(f, FEATURE_KCONFIG, f->config ? 0 : -ENOENT);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct feature_result *r = &f->results[i];

		r->name = table[i].name;
		r->title = table[i].title;
		for (size_t way = 0; way < NR_FEATURE_WAYS; way++) {
			struct feature_answer *answer = &r->answers[way];

			if (!f->way_void[way])
				answer->state = way_ask(f, way, &table[i]);
			answer->detail = answer_detail(f, way, &table[i], answer->state);
		}
		feature_decide(f, &table[i], r);
	}
	fact_btf_free(f->btf);
	f->btf = NULL;
	return f;
}

void features_free(struct features *f)
{
	if (!f)
		return;
	for (size_t way = 0; way < NR_FEATURE_WAYS; way++)
		free(f->way_void[way]);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (size_t way = 0; way < NR_FEATURE_WAYS; way++)
			free(f->results[i].answers[way].detail);
	}
	free(f->symbols);
	fact_set_free(f->facts);
	free(f->modules);
	free(f->config);
	free(f->release);
	free(f->sysroot);
	free(f);
}

const struct feature_result *features_results(const struct features *f, size_t *n)
{
	*n = ARRAY_LEN(f->results);
	return f->results;
}

const char *features_way_void(const struct features *f, enum feature_way way)
{
	return f->way_void[way];
}

enum feature_state features_get(const struct features *f, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return f->results[i].state;
	}
	return FEATURE_UNKNOWN;
}

bool feature_is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return true;
	}
	return false;
}

json_t *features_to_json(const struct features *f)
{
	static const char *const state_names[] = {
		[FEATURE_UNKNOWN] = "unknown",
		[FEATURE_ABSENT] = "absent",
		[FEATURE_PRESENT] = "present",
	};
	json_t *list = jx_array();

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct feature_result *r = &f->results[i];
		json_t *feature = jx_object();
		json_t *found_by = jx_array();

		jx_set_str(feature, "name", r->name);
		if (r->state != FEATURE_UNKNOWN)
			jx_set_bool(feature, "present", r->state == FEATURE_PRESENT);
		for (size_t way = 0; way < NR_FEATURE_WAYS; way++) {
			json_t *answer = jx_object();

			jx_set_str(answer, "way", way_names[way]);
			jx_set_str(answer, "answer", state_names[r->answers[way].state]);
			jx_set_str(answer, "detail", r->answers[way].detail);
			jx_append(found_by, answer);
		}
		jx_set(feature, "found_by", found_by);
		jx_set_bool(feature, "disagreement", r->disagreement);
		jx_append(list, feature);
	}
	return list;
}
