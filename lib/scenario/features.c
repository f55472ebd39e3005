// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The feature scan: the questions of feature_list.def put to BTF (through libbpf), kallsyms and the
 * kernel's config, and what follows from the three answers. Every way answers what it can and says
 * "unknown" to the rest; the logic is three-valued throughout.
 */
#include "scenario/features.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
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

#define MODULE_LIST_MAX (16u << 20)
#define ANONYMOUS_DEPTH 8

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

enum fact_kind { FACT_FUNC, FACT_TYPE, FACT_MEMBER, FACT_ENUM, NR_FACT_KINDS };

static const char *const fact_kind_names[] = {
	[FACT_FUNC] = "func",
	[FACT_TYPE] = "type",
	[FACT_MEMBER] = "member",
	[FACT_ENUM] = "enum",
};

#define FACT_MAX 64 /* bytes in a name */

/* One thing asked for: "member:folio.pgmap". */
struct fact {
	enum fact_kind kind;
	char name[FACT_MAX];
	char member[FACT_MAX]; /* of FACT_MEMBER */
};

struct symbol {
	char name[FACT_MAX];
	bool seen;
};

struct features {
	char *sysroot;
	char *release;
	char *config; /* NULL: none could be read */
	char *installed, *builtin; /* modules.dep, modules.builtin; NULL likewise */
	struct symbol *symbols; /* all functions asked for, by name; NULL: no kallsyms */
	size_t nr_symbols;
	char *way_void[NR_FEATURE_WAYS];
	struct feature_result results[ARRAY_LEN(table)];
};

/* While scanning only: BTF is large. */
struct btfs {
	struct btf *vmlinux;
	struct {
		char *name;
		struct btf *btf;
	} * modules;
	size_t nr_modules;
};

/* --- questions ---------------------------------------------------------------------------------- */

/* Cuts the next word off *s at any of delimiters, into word. False at the end. */
static bool next_word(const char **s, const char *delimiters, char *word, size_t size)
{
	size_t n;

	*s += strspn(*s, delimiters);
	n = strcspn(*s, delimiters);
	if (n == 0)
		return false;
	if (n >= size)
		BUG("'%s' does not fit", *s);
	memcpy(word, *s, n);
	word[n] = '\0';
	*s += n;
	return true;
}

static struct fact fact_parse(const char *s)
{
	struct fact fact = { .kind = NR_FACT_KINDS };
	const char *name = strchr(s, ':');

	for (size_t k = 0; name && k < NR_FACT_KINDS; k++) {
		if (strncmp(s, fact_kind_names[k], (size_t)(name - s)) == 0 &&
		    fact_kind_names[k][name - s] == '\0')
			fact.kind = k;
	}
	if (fact.kind == NR_FACT_KINDS)
		BUG("'%s' is no question", s);
	name++;
	if (!next_word(&name, fact.kind == FACT_MEMBER ? "." : "", fact.name, sizeof(fact.name)) ||
	    (fact.kind == FACT_MEMBER && !next_word(&name, ".", fact.member, sizeof(fact.member))))
		BUG("'%s' is no question", s);
	return fact;
}

/* Three-valued or and and: FEATURE_UNKNOWN where the known side does not decide. */
static enum feature_state state_or(enum feature_state a, enum feature_state b)
{
	if (a == FEATURE_PRESENT || b == FEATURE_PRESENT)
		return FEATURE_PRESENT;
	return a == FEATURE_ABSENT && b == FEATURE_ABSENT ? FEATURE_ABSENT : FEATURE_UNKNOWN;
}

static enum feature_state state_and(enum feature_state a, enum feature_state b)
{
	if (a == FEATURE_ABSENT || b == FEATURE_ABSENT)
		return FEATURE_ABSENT;
	return a == FEATURE_PRESENT && b == FEATURE_PRESENT ? FEATURE_PRESENT : FEATURE_UNKNOWN;
}

typedef enum feature_state fact_fn(const struct fact *fact, const struct feature *feature,
				   void *data);

/* What ask() says to each fact of a question, put together. */
static enum feature_state question_ask(const struct feature *feature, fact_fn *ask, void *data)
{
	enum feature_state all = FEATURE_PRESENT;
	const char *terms = feature->question;
	char term[4 * FACT_MAX];

	while (next_word(&terms, " ", term, sizeof(term))) {
		enum feature_state any = FEATURE_ABSENT;
		const char *facts = term;
		char text[2 * FACT_MAX];

		while (next_word(&facts, "|", text, sizeof(text))) {
			struct fact fact = fact_parse(text);

			any = state_or(any, ask(&fact, feature, data));
		}
		all = state_and(all, any);
	}
	return all;
}

/* --- modules ------------------------------------------------------------------------------------ */

static bool module_is_loaded(const struct features *f, const char *module)
{
	autofree char *path = fs_under(f->sysroot, "/sys/module/%s/initstate", module);

	return fs_exists(AT_FDCWD, path);
}

/*
 * Does modules.dep or modules.builtin name it? Files may have '-' in their names where modules have
 * '_'.
 */
static bool module_is_listed(const char *list, const char *module)
{
	size_t len = strlen(module);

	for (const char *line = list; line && *line;) {
		size_t path_len = strcspn(line, ":\n");
		const char *slash = memrchr(line, '/', path_len);
		const char *name = slash ? slash + 1 : line;
		size_t i = 0;

		while (i < len && (name[i] == module[i] || (name[i] == '-' && module[i] == '_')))
			i++;
		if (i == len && text_starts_with(name + len, ".ko"))
			return true;
		line += path_len;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

/*
 * The first of the feature's modules in which what is asked may be unseen: it is installed, or it is
 * not known what is, and it is not loaded. False if there is none.
 */
static bool feature_unloaded(const struct features *f, const struct feature *feature, char *module,
			     size_t size)
{
	const char *modules = feature->modules ? feature->modules : "";

	while (next_word(&modules, " ", module, size)) {
		if (!module_is_loaded(f, module) &&
		    (!f->installed || module_is_listed(f->installed, module)))
			return true;
	}
	return false;
}

/* The first of the feature's modules that this kernel does not have, though its config may say so. */
static bool feature_uninstalled(const struct features *f, const struct feature *feature,
				char *module, size_t size)
{
	const char *modules = feature->modules ? feature->modules : "";

	while (next_word(&modules, " ", module, size)) {
		if (!module_is_loaded(f, module) && f->installed && f->builtin &&
		    !module_is_listed(f->installed, module) &&
		    !module_is_listed(f->builtin, module))
			return true;
	}
	return false;
}

/* --- BTF ---------------------------------------------------------------------------------------- */

static bool btf_name_is(const struct btf *btf, __u32 offset, const char *name)
{
	const char *s = btf__name_by_offset(btf, offset);

	return s && strcmp(s, name) == 0;
}

static bool btf_type_has_member(const struct btf *btf, const struct btf_type *t, const char *name,
				int depth)
{
	for (size_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const struct btf_type *inner;

		if (btf_name_is(btf, m->name_off, name))
			return true;
		inner = m->name_off || depth == 0 ? NULL : btf__type_by_id(btf, m->type);
		if (inner && btf_is_composite(inner) &&
		    btf_type_has_member(btf, inner, name, depth - 1))
			return true;
	}
	return false;
}

static bool btf_type_shows(const struct btf *btf, const struct btf_type *t, const struct fact *fact)
{
	switch (fact->kind) {
	case FACT_FUNC:
		return btf_is_func(t) && btf_name_is(btf, t->name_off, fact->name);
	case FACT_TYPE:
		return (btf_is_composite(t) || btf_is_any_enum(t)) &&
		       btf_name_is(btf, t->name_off, fact->name);
	case FACT_MEMBER:
		return btf_is_composite(t) && btf_name_is(btf, t->name_off, fact->name) &&
		       btf_type_has_member(btf, t, fact->member, ANONYMOUS_DEPTH);
	case FACT_ENUM:
		for (size_t i = 0; btf_is_enum(t) && i < btf_vlen(t); i++) {
			if (btf_name_is(btf, btf_enum(t)[i].name_off, fact->name))
				return true;
		}
		for (size_t i = 0; btf_is_enum64(t) && i < btf_vlen(t); i++) {
			if (btf_name_is(btf, btf_enum64(t)[i].name_off, fact->name))
				return true;
		}
		return false;
	case NR_FACT_KINDS:
		break;
	}
	return false;
}

/* In the types of btf itself, not in those that it builds on. */
static bool btf_shows(const struct btf *btf, const struct fact *fact)
{
	const struct btf *base = btf__base_btf(btf);

	for (__u32 id = base ? btf__type_cnt(base) : 1; id < btf__type_cnt(btf); id++) {
		if (btf_type_shows(btf, btf__type_by_id(btf, id), fact))
			return true;
	}
	return false;
}

static const struct btf *btfs_module(const struct btfs *btfs, const char *module)
{
	for (size_t i = 0; i < btfs->nr_modules; i++) {
		if (strcmp(btfs->modules[i].name, module) == 0)
			return btfs->modules[i].btf;
	}
	return NULL;
}

/*
 * A function that BTF does not list may be there all the same: those that the compiler changed, and
 * those whose name is not unique, are left out. The rest is all there.
 */
static enum feature_state btf_ask(const struct fact *fact, const struct feature *feature,
				  void *data)
{
	struct btfs *btfs = data;
	const char *modules = feature->modules ? feature->modules : "";
	enum feature_state otherwise = fact->kind == FACT_FUNC ? FEATURE_UNKNOWN : FEATURE_ABSENT;
	char module[FACT_MAX];

	if (btf_shows(btfs->vmlinux, fact))
		return FEATURE_PRESENT;
	while (next_word(&modules, " ", module, sizeof(module))) {
		const struct btf *btf = btfs_module(btfs, module);

		if (!btf)
			otherwise = FEATURE_UNKNOWN;
		else if (btf_shows(btf, fact))
			return FEATURE_PRESENT;
	}
	return otherwise;
}

/* 0 if there is BTF of the kernel proper. Modules' BTF may be missing. */
static int btfs_open(struct btfs *btfs, const struct features *f)
{
	autofree char *path = fs_under(f->sysroot, "/sys/kernel/btf/vmlinux");

	btfs->vmlinux = btf__parse(path, NULL);
	if (!btfs->vmlinux)
		return errno ? -errno : -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *modules = table[i].modules ? table[i].modules : "";
		char module[FACT_MAX];

		while (next_word(&modules, " ", module, sizeof(module))) {
			autofree char *file = fs_under(f->sysroot, "/sys/kernel/btf/%s", module);
			struct btf *btf = NULL;

			if (!btfs_module(btfs, module))
				btf = btf__parse_split(file, btfs->vmlinux);
			if (!btf)
				continue;
			btfs->modules = xreallocarray(btfs->modules, btfs->nr_modules + 1,
						      sizeof(*btfs->modules));
			btfs->modules[btfs->nr_modules].name = xstrdup(module);
			btfs->modules[btfs->nr_modules].btf = btf;
			btfs->nr_modules++;
		}
	}
	return 0;
}

static void btfs_close(struct btfs *btfs)
{
	for (size_t i = 0; i < btfs->nr_modules; i++) {
		free(btfs->modules[i].name);
		btf__free(btfs->modules[i].btf);
	}
	free(btfs->modules);
	btf__free(btfs->vmlinux);
}

/* --- kallsyms ----------------------------------------------------------------------------------- */

static int symbol_cmp(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct symbol *symbol_find(const struct features *f, const char *name)
{
	struct symbol key = { 0 };

	if (f->nr_symbols == 0 || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, f->symbols, f->nr_symbols, sizeof(key), symbol_cmp);
}

/* Asks nothing: notes the functions that are asked for. */
static enum feature_state symbol_collect(const struct fact *fact,
					 const struct feature *feature attr_unused, void *data)
{
	struct features *f = data;

	if (fact->kind == FACT_FUNC) {
		f->symbols = xreallocarray(f->symbols, f->nr_symbols + 1, sizeof(*f->symbols));
		f->symbols[f->nr_symbols] = (struct symbol){ .seen = false };
		strcpy(f->symbols[f->nr_symbols].name, fact->name);
		f->nr_symbols++;
	}
	return FEATURE_UNKNOWN;
}

static enum feature_state symbol_ask(const struct fact *fact, const struct feature *feature,
				     void *data)
{
	const struct features *f = data;
	const struct symbol *symbol = symbol_find(f, fact->name);
	char module[FACT_MAX];

	if (fact->kind != FACT_FUNC)
		return FEATURE_UNKNOWN;
	if (symbol->seen)
		return FEATURE_PRESENT;
	return feature_unloaded(f, feature, module, sizeof(module)) ? FEATURE_UNKNOWN
								    : FEATURE_ABSENT;
}

/* Lines are "address type name[\tmodule]"; the compiler's variants of a function end in ".suffix". */
static int symbols_read(struct features *f)
{
	autofree char *path = fs_under(f->sysroot, "/proc/kallsyms");
	autofclose FILE *file = fopen(path, "re");
	autofree char *line = NULL;
	size_t size = 0, kept = 0;

	if (!file)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		question_ask(&table[i], symbol_collect, f);
	question_ask(&controls[FEATURE_KALLSYMS].present, symbol_collect, f);
	question_ask(&controls[FEATURE_KALLSYMS].absent, symbol_collect, f);
	qsort(f->symbols, f->nr_symbols, sizeof(*f->symbols), symbol_cmp);
	for (size_t i = 0; i < f->nr_symbols; i++) {
		if (kept == 0 || symbol_cmp(&f->symbols[kept - 1], &f->symbols[i]) != 0)
			f->symbols[kept++] = f->symbols[i];
	}
	f->nr_symbols = kept;

	while (getline(&line, &size, file) > 0) {
		char *rest = line;
		struct symbol *symbol;

		strsep(&rest, " ");
		strsep(&rest, " ");
		symbol = rest ? symbol_find(f, strsep(&rest, ".\t\n")) : NULL;
		if (symbol)
			symbol->seen = true;
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
	char module[FACT_MAX];

	switch (feature->option ? features_kconfig(f, feature->option) : 0) {
	case 'y':
	case 'm':
		if (feature->role == OPTION_IS &&
		    !feature_uninstalled(f, feature, module, sizeof(module)))
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

static enum feature_state way_ask(struct features *f, struct btfs *btfs, enum feature_way way,
				  const struct feature *feature)
{
	switch (way) {
	case FEATURE_BTF:
		return question_ask(feature, btf_ask, btfs);
	case FEATURE_KALLSYMS:
		return question_ask(feature, symbol_ask, f);
	case FEATURE_KCONFIG:
		return config_ask(f, feature);
	case NR_FEATURE_WAYS:
		break;
	}
	return FEATURE_UNKNOWN;
}

/* err is why the way could not be read. */
static void way_check(struct features *f, struct btfs *btfs, enum feature_way way, int err)
{
	const struct feature *present = &controls[way].present;
	const struct feature *absent = &controls[way].absent;

	if (err)
		f->way_void[way] = xasprintf("cannot be read: %s", strerror(-err));
	else if (way_ask(f, btfs, way, present) != FEATURE_PRESENT)
		f->way_void[way] =
			xasprintf("does not show what every kernel has: '%s'",
				  present->question ? present->question : present->option);
	else if (way_ask(f, btfs, way, absent) == FEATURE_PRESENT)
		f->way_void[way] = xasprintf("shows what no kernel has: '%s'",
					     absent->question ? absent->question : absent->option);
}

/* Why this is the answer of that way, for a person. */
static char *answer_detail(const struct features *f, enum feature_way way,
			   const struct feature *feature, enum feature_state state)
{
	char module[FACT_MAX];

	if (f->way_void[way])
		return xasprintf("not used: %s", f->way_void[way]);
	if (way == FEATURE_KCONFIG) {
		if (!feature->option)
			return xstrdup("no option of its own");
		if (state == FEATURE_ABSENT)
			return xasprintf("%s is not set", feature->option);
		if (state == FEATURE_UNKNOWN && feature->role == OPTION_IS &&
		    feature_uninstalled(f, feature, module, sizeof(module)))
			return xasprintf("%s=%c, but module '%s' is not installed", feature->option,
					 features_kconfig(f, feature->option), module);
		return xasprintf("%s=%c%s", feature->option, features_kconfig(f, feature->option),
				 state == FEATURE_PRESENT ? "" : ", as also on kernels without it");
	}
	if (state == FEATURE_PRESENT)
		return xstrdup(feature->question);
	if (state == FEATURE_ABSENT)
		return xasprintf("no %s", feature->question);
	if (feature_unloaded(f, feature, module, sizeof(module)))
		return xasprintf("module '%s' is not loaded", module);
	return xasprintf(way == FEATURE_BTF ? "not listed, which is no proof: %s"
					    : "cannot be asked: %s",
			 feature->question);
}

static void feature_decide(struct features *f, const struct feature *feature,
			   struct feature_result *r)
{
	char module[FACT_MAX];
	bool said[FEATURE_PRESENT + 1] = { false };

	r->state = r->answers[FEATURE_BTF].state;
	if (r->state == FEATURE_UNKNOWN)
		r->state = r->answers[FEATURE_KALLSYMS].state;
	if (r->state == FEATURE_UNKNOWN && r->answers[FEATURE_KCONFIG].state == FEATURE_ABSENT)
		r->state = FEATURE_ABSENT;
	for (size_t way = 0; way < NR_FEATURE_WAYS; way++)
		said[r->answers[way].state] = true;
	r->disagreement = said[FEATURE_PRESENT] && said[FEATURE_ABSENT];
	r->unloaded =
		r->state == FEATURE_UNKNOWN && feature_unloaded(f, feature, module, sizeof(module));
}

static char *module_list_read(const struct features *f, const char *name)
{
	autofree char *path = fs_under(f->sysroot, "/lib/modules/%s/%s", f->release, name);
	char *text;

	return fs_read(AT_FDCWD, path, MODULE_LIST_MAX, &text, NULL) == 0 ? text : NULL;
}

struct features *features_scan(const char *sysroot, const char *release)
{
	struct features *f = xcalloc(1, sizeof(*f));
	struct btfs btfs = { 0 };
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int btf_err;

	f->sysroot = xstrdup(sysroot ? sysroot : "");
	f->release = xstrdup(release);
	f->installed = module_list_read(f, "modules.dep");
	f->builtin = module_list_read(f, "modules.builtin");

	btf_err = btfs_open(&btfs, f);
	way_check(f, &btfs, FEATURE_BTF, btf_err);
	way_check(f, &btfs, FEATURE_KALLSYMS, symbols_read(f));
	f->config = kconfig_read(f->sysroot, f->release);
	way_check(f, &btfs, FEATURE_KCONFIG, f->config ? 0 : -ENOENT);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct feature_result *r = &f->results[i];

		r->name = table[i].name;
		r->title = table[i].title;
		for (size_t way = 0; way < NR_FEATURE_WAYS; way++) {
			struct feature_answer *answer = &r->answers[way];

			if (!f->way_void[way])
				answer->state = way_ask(f, &btfs, way, &table[i]);
			answer->detail = answer_detail(f, way, &table[i], answer->state);
		}
		feature_decide(f, &table[i], r);
	}
	btfs_close(&btfs);
	libbpf_set_print(print);
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
	free(f->builtin);
	free(f->installed);
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
