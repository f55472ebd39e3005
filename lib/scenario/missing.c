/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a scenario needs and this machine does not have: every need is looked at, so that a person
 * is told all reasons at once. Device roles are a table of questions to the platform model and
 * sysfs. What could not be found out is not missing: the scenario finds out, and says so.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/kconfig.h"
#include "base/log.h"
#include "base/text.h"
#include "base/tool.h"
#include "kmod/kmod.h"
#include "scenario/capability.h"
#include "scenario/features.h"
#include "scenario/inuse.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"

struct unmet_list {
	struct unmet *items;
	size_t n;
};

static void add(struct unmet_list *list, enum skip_category category, const char *fmt, ...)
	attr_printf(3, 4);
static void add(struct unmet_list *list, enum skip_category category, const char *fmt, ...)
{
	struct unmet *u;
	va_list ap;

	list->items = xreallocarray(list->items, list->n + 1, sizeof(*list->items));
	u = &list->items[list->n++];
	u->category = category;
	va_start(ap, fmt);
	u->text = xvasprintf(fmt, ap);
	va_end(ap);
}

void unmet_free(struct unmet *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].text);
	free(list);
}

/* --- device roles ------------------------------------------------------------------------------- */

#define CLASS_NVME 0x010802u

static bool is_nvme(const struct function *f)
{
	return f->class_known && f->class == CLASS_NVME && f->driver &&
	       strcmp(f->driver, "nvme") == 0;
}

static bool is_provider(const struct function *f)
{
	return f->p2pmem.present && f->p2pmem.published && f->p2pmem.allocate;
}

/* Is there a function a, and if with is given another function b != a with it? */
static bool has_functions(const struct platform *p, bool (*a)(const struct function *),
			  bool (*with)(const struct function *))
{
	for (size_t i = 0; i < p->nr_functions; i++) {
		if (!a(&p->functions[i]))
			continue;
		if (!with)
			return true;
		for (size_t k = 0; k < p->nr_functions; k++)
			if (k != i && with(&p->functions[k]))
				return true;
	}
	return false;
}

static bool role_p2pmem_provider(const struct scenario_env *env)
{
	return has_functions(env->platform, is_provider, NULL);
}

static bool role_nvme(const struct scenario_env *env)
{
	return has_functions(env->platform, is_nvme, NULL);
}

static bool role_nvme_pair(const struct scenario_env *env)
{
	return has_functions(env->platform, is_provider, is_nvme);
}

static bool role_pci_pair(const struct scenario_env *env)
{
	return has_functions(env->platform, p2p_can_initiate, p2p_can_be_target);
}

/* Does the sysfs class directory have a device, or that device if name is given? */
static bool class_has(const struct scenario_env *env, const char *class, const char *name)
{
	autofree char *path = fs_under(env->sysroot, "/sys/class/%s", class);
	const struct dirent *e;
	bool found = false;
	DIR *dir = opendir(path);

	while (dir && !found && (e = readdir(dir)))
		found = e->d_name[0] != '.' && (!name || strcmp(e->d_name, name) == 0);
	if (dir)
		closedir(dir);
	return found;
}

/* Functions that one of our modules turns into a dmaengine provider. */
static bool is_drivable_engine(const struct function *f)
{
	return f->ids_known && f->vendor == 0x1234 && f->device == 0x11e8; /* QEMU's edu */
}

static bool role_dma_engine(const struct scenario_env *env)
{
	return class_has(env, "dma", NULL) ||
	       has_functions(env->platform, is_drivable_engine, NULL);
}

static bool role_rdma(const struct scenario_env *env)
{
	return env->soft_rdma || class_has(env, "infiniband", env->rdma_device);
}

static const struct {
	const char *name;
	bool (*present)(const struct scenario_env *env);
	const char *absent; /* told to the user */
} roles[] = {
	{ "p2pmem-provider", role_p2pmem_provider,
	  "no function publishes peer-to-peer memory that user space can map" },
	{ "nvme", role_nvme, "no NVMe controller is bound to the nvme driver" },
	{ "nvme-pair", role_nvme_pair,
	  "no NVMe controller beside a function with peer-to-peer memory" },
	{ "dma-engine", role_dma_engine,
	  "no dmaengine channel, and no function that the test modules can drive as one" },
	{ "rdma", role_rdma, "no RDMA device, and the profile asks for no soft one" },
	{ "pci-pair", role_pci_pair, "no two functions of which one can master and one has a BAR" },
};

/* --- needs -------------------------------------------------------------------------------------- */

static void need_root(const struct scenario_env *env attr_unused, const char *arg attr_unused,
		      struct unmet_list *list)
{
	if (geteuid() != 0)
		add(list, SKIP_PERMISSION, "needs root");
}

static void need_capability(const struct scenario_env *env, const char *name,
			    struct unmet_list *list)
{
	autofree char *lacking = capability_lacking(env->sysroot, name);

	if (!capability_is_known(name))
		BUG("no capability '%s'", name);
	if (lacking)
		add(list, SKIP_PERMISSION, "%s", lacking);
}

static void need_kconfig(const struct scenario_env *env, const char *expression,
			 struct unmet_list *list)
{
	autofree char *why = NULL;
	enum kconfig_truth truth;

	if (kconfig_eval(expression, features_config(env->features), &truth, &why) < 0)
		BUG("'%s': %s", expression, why);
	if (truth == KCONFIG_FALSE)
		add(list, SKIP_KERNEL_CONFIG, "needs %s: %s", expression, why);
}

/* What the kernel's config said of a feature, if it said that it is off; good as long as the features. */
static const char *config_says_off(const struct features *features, const char *name)
{
	size_t n;
	const struct feature_result *results = features_results(features, &n);

	for (size_t i = 0; i < n; i++) {
		const struct feature_answer *said = &results[i].answers[FEATURE_KCONFIG];

		if (strcmp(results[i].name, name) == 0 && said->state == FEATURE_ABSENT)
			return said->detail ? said->detail : "off in the kernel's config";
	}
	return NULL;
}

static void need_feature(const struct scenario_env *env, const char *name, struct unmet_list *list)
{
	const char *off;

	if (!feature_is_known(name))
		BUG("no feature '%s'", name);
	if (features_get(env->features, name) != FEATURE_ABSENT)
		return;
	off = config_says_off(env->features, name);
	if (off)
		add(list, SKIP_KERNEL_CONFIG, "the kernel is built without '%s' (%s)", name, off);
	else
		add(list, SKIP_KERNEL_VERSION, "this kernel does not have '%s'", name);
}

/* Where the kernel says that it takes no module, or none without a signature. */
static const struct {
	const char *path;
	const char *sign; /* that it is so */
	bool if_unsigned;
	const char *text;
} refusals[] = {
	{ "/proc/sys/kernel/modules_disabled", "1", false,
	  "loading modules was turned off until the next boot (kernel.modules_disabled)" },
	{ "/sys/module/module/parameters/sig_enforce", "Y", true,
	  "it is not signed, and the kernel takes signed modules only (module.sig_enforce)" },
	{ "/sys/kernel/security/lockdown", "[integrity]", true,
	  "it is not signed, and the kernel is locked down (integrity)" },
	{ "/sys/kernel/security/lockdown", "[confidentiality]", true,
	  "it is not signed, and the kernel is locked down (confidentiality)" },
};

/*
 * A signature ends in this mark (Documentation/admin-guide/module-signing.rst). In a compressed file it
 * is not seen.
 */
static bool is_unsigned(const char *file)
{
	static const char mark[] = "~Module signature appended~\n";
	const size_t len = strlen(mark);
	const char *suffix = file ? strrchr(file, '.') : NULL;
	autoclose int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	char end[sizeof(mark)];
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	if (!suffix || strcmp(suffix, ".ko") != 0 || size < (off_t)len)
		return false;
	return pread(fd, end, len, size - (off_t)len) == (ssize_t)len &&
	       memcmp(end, mark, len) != 0;
}

/* What is known before it is tried: the rest is seen when the run loads the module. */
static void may_be_loaded(const struct scenario_env *env, const char *name, const char *file,
			  struct unmet_list *list)
{
	autofree char *lacking = capability_lacking(env->sysroot, "CAP_SYS_MODULE");
	bool checks_signatures = features_kconfig(env->features, "CONFIG_MODULE_SIG") != 'n';

	if (lacking)
		add(list, SKIP_PERMISSION, "module '%s' is not loaded: %s", name, lacking);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		autofree char *path = fs_under(env->sysroot, "%s", refusals[i].path);
		autofree char *text = NULL;

		if (fs_read_attr(AT_FDCWD, path, &text) < 0 || !strstr(text, refusals[i].sign))
			continue;
		if (!refusals[i].if_unsigned || (checks_signatures && is_unsigned(file)))
			add(list, SKIP_MODULE_REJECTED, "module '%s': %s", name, refusals[i].text);
	}
}

static enum skip_category module_category(enum kmod_reason reason)
{
	enum skip_category category;

	return skip_category_parse(kmod_reason_name(reason), &category) == 0 ? category
									     : SKIP_MODULE_REJECTED;
}

static void need_module(const struct scenario_env *env, const char *name, struct unmet_list *list)
{
	const struct kmod_env kmod = { .sysroot = env->sysroot, .dir = env->module_dir };
	autofree char *dir = kmod_dir(&kmod);
	autofree char *file = dir ? kmod_file(dir, name) : NULL;
	autofree char *nobody = capability_lacking(env->sysroot, "CAP_SYS_ADMIN");
	struct kmod_state state;
	bool ours = kmod_state_read(&kmod, name, &state) == 0;

	/* one that is loaded answers to nobody without CAP_SYS_ADMIN, which says nothing of it */
	if (!file)
		add(list, SKIP_MODULE_MISSING,
		    "module '%s' is not built for this kernel; see 'p2pcert kmod build'", name);
	else if (ours && state.problem && !(state.loaded && nobody))
		add(list, module_category(state.reason), "%s", state.problem);
	if (ours && !state.loaded)
		may_be_loaded(env, name, file, list);
	kmod_state_release(&state);
}

static void need_tool(const struct scenario_env *env attr_unused, const char *name,
		      struct unmet_list *list)
{
	autofree char *path = tool_path(name);

	if (!path)
		add(list, SKIP_DEPENDENCY, "program '%s' is not installed", name);
}

static void need_role(const struct scenario_env *env, const char *name, struct unmet_list *list)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (strcmp(roles[i].name, name) != 0)
			continue;
		if (!roles[i].present(env))
			add(list, SKIP_HW_ABSENT, "%s", roles[i].absent);
		return;
	}
	BUG("no device role '%s'", name);
}

/* "64M" */
static uint64_t memory_parse(const char *s)
{
	static const char suffixes[] = "KMG";
	size_t digits = strspn(s, "0123456789");
	const char *suffix = s[digits] ? strchr(suffixes, s[digits]) : NULL;
	autofree char *number = xstrndup(s, digits);
	uint64_t n;

	if (!suffix || s[digits + 1] || text_to_u64(number, 10, UINT32_MAX, &n) < 0)
		BUG("'%s' is no amount of memory", s);
	return n << (10 * (suffix - suffixes + 1));
}

static void need_memory(const struct scenario_env *env, const char *amount, struct unmet_list *list)
{
	autofree char *path = fs_under(env->sysroot, "/proc/meminfo");
	uint64_t wanted = memory_parse(amount), available;

	if (proc_status_bytes(path, "MemAvailable", &available) == 0 && available < wanted)
		add(list, SKIP_RESOURCE_BUSY, "needs %s of memory, and %llu KiB are available",
		    amount, (unsigned long long)available / 1024);
}

static void (*const checks[NR_NEED_KINDS])(const struct scenario_env *env, const char *arg,
					   struct unmet_list *list) = {
	[NEED_ROOT] = need_root,       [NEED_CAPABILITY] = need_capability,
	[NEED_KCONFIG] = need_kconfig, [NEED_FEATURE] = need_feature,
	[NEED_MODULE] = need_module,   [NEED_TOOL] = need_tool,
	[NEED_ROLE] = need_role,       [NEED_MEMORY] = need_memory,
};

/* --- safety ------------------------------------------------------------------------------------- */

/* A device that somebody uses is refused whatever the user allows. */
static void may_disturb(const struct scenario_env *env, struct unmet_list *list)
{
	const struct in_use_env in_use = {
		.sysroot = env->sysroot,
		.claim = env->sysroot ? NULL : in_use_claim,
		.has_address = env->sysroot ? NULL : in_use_has_address,
	};

	if (!env->allow_unsafe)
		add(list, SKIP_UNSAFE_NOT_ENABLED,
		    "can disturb a device in use: it takes --allow-unsafe");
	if (!env->devices || !env->devices[0])
		add(list, SKIP_UNSAFE_NOT_ENABLED,
		    "can disturb a device in use: name the one to use with --device");
	for (const char *const *d = env->devices; d && *d; d++) {
		char **reasons;
		size_t n = device_in_use(&in_use, *d, &reasons);

		for (size_t i = 0; i < n; i++)
			add(list, SKIP_RESOURCE_BUSY, "device '%s' must be left alone: %s", *d,
			    reasons[i]);
		in_use_free(reasons, n);
	}
}

/* --- all of it ---------------------------------------------------------------------------------- */

struct answer {
	struct need need;
	struct unmet_list missing;
};

struct need_answers {
	struct answer *items;
	size_t n;
};

struct need_answers *need_answers_new(void)
{
	return xcalloc(1, sizeof(struct need_answers));
}

void need_answers_free(struct need_answers *answers)
{
	for (size_t i = 0; answers && i < answers->n; i++)
		unmet_free(answers->items[i].missing.items, answers->items[i].missing.n);
	if (answers)
		free(answers->items);
	free(answers);
}

static bool is_same(const struct need *a, const struct need *b)
{
	return a->kind == b->kind &&
	       (a->arg == b->arg || (a->arg && b->arg && strcmp(a->arg, b->arg) == 0));
}

static const struct unmet_list *answer(struct need_answers *answers, const struct need *need,
				       const struct scenario_env *env)
{
	struct answer *a;

	for (size_t i = 0; i < answers->n; i++)
		if (is_same(&answers->items[i].need, need))
			return &answers->items[i].missing;
	answers->items = xreallocarray(answers->items, answers->n + 1, sizeof(*answers->items));
	a = &answers->items[answers->n++];
	*a = (struct answer){ .need = *need };
	checks[need->kind](env, need->arg, &a->missing);
	return &a->missing;
}

size_t scenario_missing(const struct scenario *s, const struct scenario_env *env,
			struct need_answers *answers, struct unmet **list)
{
	struct need_answers *own = answers ? NULL : need_answers_new();
	struct unmet_list missing = { 0 };

	for (size_t i = 0; i < s->nr_needs; i++) {
		const struct unmet_list *found = answer(answers ? answers : own, &s->needs[i], env);

		for (size_t k = 0; k < found->n; k++)
			add(&missing, found->items[k].category, "%s", found->items[k].text);
	}
	if (s->safety == SAFETY_UNSAFE)
		may_disturb(env, &missing);
	need_answers_free(own);
	*list = missing.items;
	return missing.n;
}
