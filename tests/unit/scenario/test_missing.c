/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/scenario/missing.c, capability.c and registry.c: each kind of need met and unmet with its
 * category, each device role, all reasons at once, and that the needs of all scenarios can be
 * evaluated.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/kconfig.h"
#include "base/tool.h"
#include "base/version.h"
#include "kmod/kmod.h"
#include "scenario/capability.h"
#include "scenario/features.h"
#include "scenario/scenario.h"

static void put(const char *dir, const char *name, const char *text, mode_t mode)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	assert_int_equal(fs_mkdir_p(path, 0700), 0);
	*slash = '/';
	assert_int_equal(fs_publish(AT_FDCWD, path, text, strlen(text), mode), 0);
}

/* Is this the only reason, word for word? */
static void reads(enum need_kind kind, const char *arg, const struct scenario_env *env,
		  enum skip_category category, const char *text)
{
	const struct need need = { kind, arg };
	const struct scenario s = { .id = "test.x", .needs = &need, .nr_needs = 1 };
	struct unmet *list;

	assert_int_equal(scenario_missing(&s, env, NULL, &list), 1);
	assert_string_equal(list[0].text, text);
	assert_int_equal(list[0].category, category);
	unmet_free(list, 1);
}

/* The category of the need's only reason, or -1 if it is met. */
static int reason(enum need_kind kind, const char *arg, const struct scenario_env *env)
{
	const struct need need = { kind, arg };
	const struct scenario s = { .id = "test.x", .needs = &need, .nr_needs = 1 };
	struct unmet *list;
	size_t n = scenario_missing(&s, env, NULL, &list);
	int category = n ? (int)list[0].category : -1;

	assert_true(n <= 1);
	if (n)
		assert_true(strlen(list[0].text) > 0);
	unmet_free(list, n);
	return category;
}

static struct function *add(struct platform *p, unsigned int slot, uint16_t vendor, uint16_t device,
			    uint32_t class)
{
	struct function *f = platform_add(p, (struct pci_addr){ .dev = (uint8_t)slot });

	f->vendor = vendor;
	f->device = device;
	f->ids_known = true;
	f->class = class;
	f->class_known = true;
	f->port_type = PORT_ENDPOINT;
	return f;
}

static void provide(struct function *f)
{
	f->p2pmem = (struct p2pmem){ .present = true, .published = true, .allocate = true };
	f->bars[0] = (struct bar){ .kind = BAR_MEM64, .start = 1 << 20, .size = 1 << 20 };
}

static void roles(void **state)
{
	struct scenario_env env = { .sysroot = *state, .platform = platform_new("live", NULL) };
	struct platform *p = (struct platform *)env.platform;
	struct function *f;

	platform_finish(p);
	assert_int_equal(reason(NEED_ROLE, "p2pmem-provider", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "nvme", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "nvme-pair", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "dma-engine", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "rdma", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "pci-pair", &env), SKIP_HW_ABSENT);
	platform_free(p);

	/* one NVMe that provides: no pair */
	p = platform_new("live", NULL);
	env.platform = p;
	f = add(p, 1, 0x1b36, 0x10, 0x010802);
	f->driver = xstrdup("nvme");
	provide(f);
	platform_finish(p);
	assert_int_equal(reason(NEED_ROLE, "p2pmem-provider", &env), -1);
	assert_int_equal(reason(NEED_ROLE, "nvme", &env), -1);
	assert_int_equal(reason(NEED_ROLE, "nvme-pair", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "pci-pair", &env), SKIP_HW_ABSENT);
	platform_free(p);

	/* a provider that user space cannot map is none; an NVMe under vfio is none */
	p = platform_new("live", NULL);
	env.platform = p;
	f = add(p, 1, 0x1b36, 0x10, 0x010802);
	f->driver = xstrdup("vfio-pci");
	provide(f);
	f->p2pmem.allocate = false;
	add(p, 2, 0x1234, 0x11e8, 0xff0000);
	platform_finish(p);
	assert_int_equal(reason(NEED_ROLE, "p2pmem-provider", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "nvme", &env), SKIP_HW_ABSENT);
	assert_int_equal(reason(NEED_ROLE, "dma-engine", &env), -1); /* edu */
	assert_int_equal(reason(NEED_ROLE, "pci-pair", &env), -1);
	platform_free(p);

	/* an NVMe beside a provider that is no NVMe */
	p = platform_new("live", NULL);
	env.platform = p;
	f = add(p, 1, 0x1b36, 0x10, 0x010802);
	f->driver = xstrdup("nvme");
	provide(add(p, 2, 0x11f8, 0x1234, 0x050000));
	platform_finish(p);
	assert_int_equal(reason(NEED_ROLE, "nvme-pair", &env), -1);

	put(*state, "sys/class/dma/dma0chan0/in_use", "0\n", 0600);
	assert_int_equal(reason(NEED_ROLE, "dma-engine", &env), -1);
	env.soft_rdma = true;
	assert_int_equal(reason(NEED_ROLE, "rdma", &env), -1);
	env.soft_rdma = false;
	assert_int_equal(reason(NEED_ROLE, "rdma", &env), SKIP_HW_ABSENT);
	put(*state, "sys/class/infiniband/mlx5_0/node_guid", "\n", 0600);
	assert_int_equal(reason(NEED_ROLE, "rdma", &env), -1);
	env.rdma_device = "mlx5_1";
	assert_int_equal(reason(NEED_ROLE, "rdma", &env), SKIP_HW_ABSENT);
	platform_free(p);
}

static void modules_and_tools(void **state)
{
	const struct scenario_env env = { .sysroot = *state, .module_dir = *state };
	autofree char *path = NULL;

	put(*state, "here.ko", "", 0600);
	assert_int_equal(reason(NEED_MODULE, "here", &env), -1);
	assert_int_equal(reason(NEED_MODULE, "not-here", &env), SKIP_MODULE_MISSING);

	assert_int_equal(reason(NEED_TOOL, "p2pcert-tool", &env), SKIP_DEPENDENCY);
	put(*state, "p2pcert-tool", "#!/bin/sh\n", 0600);
	assert_int_equal(setenv("PATH", *state, 1), 0);
	assert_int_equal(reason(NEED_TOOL, "p2pcert-tool", &env), SKIP_DEPENDENCY);
	put(*state, "p2pcert-tool", "#!/bin/sh\n", 0700);
	assert_int_equal(reason(NEED_TOOL, "p2pcert-tool", &env), -1);
	path = tool_path("p2pcert-tool");
	assert_true(strncmp(path, *state, strlen(*state)) == 0);
	/* not in PATH, but where the system has it */
	assert_int_equal(reason(NEED_TOOL, "sh", &env), -1);
}

static void kernel(void **state)
{
	const char *release = "7.2.0-test";
	struct scenario_env env = { .sysroot = *state };
	struct features *f;

	put(*state, "proc/kallsyms", "0000000000000000 T vfs_read\n", 0600);
	put(*state, "boot/config-7.2.0-test",
	    "CONFIG_MMU=y\nCONFIG_HMM_MIRROR=y\n# CONFIG_PCI_P2PDMA is not set\nCONFIG_X=m\n",
	    0600);
	f = features_scan(*state, release);
	env.features = f;
	assert_int_equal(reason(NEED_KCONFIG, "CONFIG_HMM_MIRROR", &env), -1);
	assert_int_equal(reason(NEED_KCONFIG, "CONFIG_X", &env), -1);
	assert_int_equal(reason(NEED_KCONFIG, "CONFIG_PCI_P2PDMA", &env), SKIP_KERNEL_CONFIG);
	assert_int_equal(reason(NEED_KCONFIG, "CONFIG_X=y", &env), SKIP_KERNEL_CONFIG);
	assert_int_equal(reason(NEED_KCONFIG, "CONFIG_MMU && !CONFIG_PCI_P2PDMA", &env), -1);
	reads(NEED_KCONFIG, "CONFIG_MMU && (CONFIG_PCI_P2PDMA || CONFIG_X=y)", &env,
	      SKIP_KERNEL_CONFIG,
	      "needs CONFIG_MMU && (CONFIG_PCI_P2PDMA || CONFIG_X=y): CONFIG_PCI_P2PDMA is not "
	      "set, CONFIG_X=m");
	assert_int_equal(features_get(f, "pci_p2pdma"), FEATURE_ABSENT);
	assert_int_equal(reason(NEED_FEATURE, "pci_p2pdma", &env), SKIP_KERNEL_CONFIG);
	features_free(f);

	/* a config that is not to be believed, and none: nothing is known to be missing */
	put(*state, "boot/config-7.2.0-test", "CONFIG_X=m\n", 0600);
	f = features_scan(*state, release);
	env.features = f;
	assert_int_equal(reason(NEED_KCONFIG, "CONFIG_PCI_P2PDMA", &env), -1);
	features_free(f);
	f = features_scan(*state, "7.2.0-other");
	env.features = f;
	assert_int_equal(reason(NEED_KCONFIG, "CONFIG_PCI_P2PDMA", &env), -1);
	features_free(f);

	/* the option is on, and still it is not there: the kernel is too old for it */
	put(*state, "boot/config-7.2.0-test",
	    "CONFIG_MMU=y\nCONFIG_HMM_MIRROR=y\nCONFIG_PCI_P2PDMA=y\n", 0600);
	f = features_scan(*state, release);
	env.features = f;
	assert_int_equal(features_get(f, "pci_p2pdma"), FEATURE_ABSENT);
	assert_int_equal(reason(NEED_FEATURE, "pci_p2pdma", &env), SKIP_KERNEL_VERSION);
	features_free(f);
}

/*
 * In a process of its own, because it gives root away for good; what it found is shared, since its
 * exit status is valgrind's.
 */
static void root(void **state attr_unused)
{
	const struct scenario_env env = { 0 };
	int *found = mmap(NULL, 2 * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	bool is_root = geteuid() == 0;
	pid_t pid;

	assert_ptr_not_equal(found, MAP_FAILED);
	found[0] = found[1] = -2;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		found[0] = reason(NEED_ROOT, NULL, &env);
		if (!is_root || setresuid(65534, 65534, 65534) == 0)
			found[1] = reason(NEED_ROOT, NULL, &env);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(found[0], is_root ? -1 : (int)SKIP_PERMISSION);
	assert_int_equal(found[1], SKIP_PERMISSION);
	munmap(found, 2 * sizeof(int));
}

static void capabilities(void **state)
{
	const struct scenario_env env = { .sysroot = *state };
	const char *need = "CAP_SYS_MODULE";

	assert_int_equal(reason(NEED_CAPABILITY, need, &env), -1); /* nothing is known */
	put(*state, "proc/self/status", "Name:\tx\nCapPrm:\t0\nCapEff:\t000001ffffffffff\nX:\t1\n",
	    0600);
	put(*state, "proc/self/uid_map", "         0          0 4294967295\n", 0600);
	assert_int_equal(reason(NEED_CAPABILITY, need, &env), -1);
	/* what a container's root usually has: not to load modules, but CAP_NET_RAW */
	put(*state, "proc/self/status",
	    "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t00000000a80425fb\n", 0600);
	reads(NEED_CAPABILITY, need, &env, SKIP_PERMISSION,
	      "needs CAP_SYS_MODULE, which this process does not have");
	assert_int_equal(reason(NEED_CAPABILITY, "CAP_SYS_ADMIN", &env), SKIP_PERMISSION);
	assert_int_equal(reason(NEED_CAPABILITY, "CAP_NET_RAW", &env), -1);
	/* all of them, and none outside of the namespace */
	put(*state, "proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n", 0600);
	put(*state, "proc/self/uid_map", "         0       1000          1\n", 0600);
	reads(NEED_CAPABILITY, need, &env, SKIP_PERMISSION,
	      "needs CAP_SYS_MODULE, which this process has in a user namespace only");
	put(*state, "proc/self/status", "Name:\tx\nCapEff:\tmany\n", 0600);
	assert_int_equal(reason(NEED_CAPABILITY, need, &env), -1);
	assert_false(capability_is_known("CAP_NONE"));
}

static void memory(void **state)
{
	const struct scenario_env env = { .sysroot = *state };

	assert_int_equal(reason(NEED_MEMORY, "64M", &env), -1); /* nothing is known */
	put(*state, "proc/meminfo", "MemTotal: 99999999 kB\nMemAvailable:      65536 kB\n", 0600);
	assert_int_equal(reason(NEED_MEMORY, "64M", &env), -1);
	assert_int_equal(reason(NEED_MEMORY, "65536K", &env), -1);
	assert_int_equal(reason(NEED_MEMORY, "65537K", &env), SKIP_RESOURCE_BUSY);
	reads(NEED_MEMORY, "1G", &env, SKIP_RESOURCE_BUSY,
	      "needs 1G of memory, and 65536 KiB are available");
}

/* This program has what a module says of itself, so that a copy of it passes for one. */
#define ROOM "================================================================"
#define MODINFO(name) \
	static const char modinfo_##name[] __attribute__((section(".modinfo"), used)) = #name ROOM
MODINFO(version);
MODINFO(vermagic);

static void say(char *self, size_t len, const char *name, const char *value)
{
	autofree char *tag = xasprintf("%s=====", name);
	char *at = memmem(self, len, tag, strlen(tag));

	assert_non_null(at);
	strcpy(at + strlen(name) + 1, value);
}

static void put_module(const char *dir, const char *version, const char *release, const char *end)
{
	autofree char *path = xasprintf("%s/%s.ko", dir, kmod_modules[0].name);
	autofree char *vermagic = xasprintf("%s SMP", release);
	autofree char *self = NULL;
	autoclose int fd = -1;
	size_t len;

	assert_int_equal(fs_read(AT_FDCWD, "/proc/self/exe", 64u << 20, &self, &len), 0);
	say(self, len, "version", version);
	say(self, len, "vermagic", vermagic);
	assert_int_equal(fs_publish(AT_FDCWD, path, self, len, 0600), 0);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(fs_write_all(fd, end, strlen(end)), 0);
}

/* Of our own modules the file is looked at, and whether the kernel would take it. */
static void our_modules(void **state)
{
	static const char signature[] = "~Module signature appended~\n";
	static const char *const signed_only[][2] = {
		{ "sys/module/module/parameters/sig_enforce", "Y\n" },
		{ "sys/kernel/security/lockdown", "none [integrity] confidentiality\n" },
		{ "sys/kernel/security/lockdown", "none integrity [confidentiality]\n" },
	};
	const char *name = kmod_modules[0].name;
	struct scenario_env env = { .sysroot = *state, .module_dir = *state };
	struct features *f;
	struct utsname uts;

	uname(&uts);
	put(*state, "boot/config-test", "CONFIG_MMU=y\nCONFIG_MODULE_SIG=y\n", 0600);
	f = features_scan(*state, "test");
	env.features = f;
	assert_int_equal(reason(NEED_MODULE, name, &env), SKIP_MODULE_MISSING);
	put_module(*state, p2pcert_version(), uts.release, "");
	assert_int_equal(reason(NEED_MODULE, name, &env), -1);
	put_module(*state, p2pcert_version(), "0.0.0", "");
	assert_int_equal(reason(NEED_MODULE, name, &env), SKIP_MODULE_MISSING);
	put_module(*state, "0.0.0-other", uts.release, "");
	assert_int_equal(reason(NEED_MODULE, name, &env), SKIP_MODULE_REJECTED);

	/* signed or not, where it matters */
	for (size_t i = 0; i < ARRAY_LEN(signed_only); i++) {
		put(*state, signed_only[i][0], signed_only[i][1], 0600);
		put_module(*state, p2pcert_version(), uts.release, "");
		assert_int_equal(reason(NEED_MODULE, name, &env), SKIP_MODULE_REJECTED);
		put_module(*state, p2pcert_version(), uts.release, signature);
		assert_int_equal(reason(NEED_MODULE, name, &env), -1);
		put(*state, signed_only[i][0], "[none] integrity confidentiality\n", 0600);
		put_module(*state, p2pcert_version(), uts.release, "");
		assert_int_equal(reason(NEED_MODULE, name, &env), -1);
	}
	put(*state, "proc/self/status", "Name:\tx\nCapEff:\t00000000a80425fb\n", 0600);
	reads(NEED_MODULE, name, &env, SKIP_PERMISSION,
	      "module 'p2pcert_p2p' is not loaded: needs CAP_SYS_MODULE, which this process does "
	      "not have");
	put(*state, "proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n", 0600);
	put(*state, "proc/sys/kernel/modules_disabled", "1\n", 0600);
	assert_int_equal(reason(NEED_MODULE, name, &env), SKIP_MODULE_REJECTED);
	features_free(f);

	/* a kernel that knows no signatures does not ask for them */
	put(*state, "proc/sys/kernel/modules_disabled", "0\n", 0600);
	put(*state, signed_only[1][0], signed_only[1][1], 0600);
	put(*state, "boot/config-test", "CONFIG_MMU=y\n", 0600);
	f = features_scan(*state, "test");
	env.features = f;
	assert_int_equal(reason(NEED_MODULE, name, &env), -1);
	features_free(f);
}

/* What is loaded needs no loading; whether it is ours can only be asked with CAP_SYS_ADMIN. */
static void loaded_module(void **state)
{
	const char *name = kmod_modules[0].name;
	struct scenario_env env = { .sysroot = *state, .module_dir = *state };
	struct utsname uts;

	uname(&uts);
	put_module(*state, p2pcert_version(), uts.release, "");
	put(*state, "sys/module/p2pcert_p2p/refcnt", "0\n", 0600);
	put(*state, "sys/module/p2pcert_p2p/taint", "OE\n", 0600);
	put(*state, "sys/module/p2pcert_p2p/version", "0.0.0-other\n", 0600);
	put(*state, "proc/sys/kernel/modules_disabled", "1\n", 0600);
	put(*state, "proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n", 0600);
	assert_int_equal(reason(NEED_MODULE, name, &env), SKIP_MODULE_REJECTED);
	put(*state, "proc/self/status", "Name:\tx\nCapEff:\t00000000a80425fb\n", 0600);
	assert_int_equal(reason(NEED_MODULE, name, &env), -1);
}

/* --- safety ------------------------------------------------------------------------------------- */

/* The categories of an unsafe scenario's reasons, "unsafe-not-enabled resource-busy". */
static char *unsafe(const struct scenario_env *env)
{
	const struct scenario s = { .id = "test.x", .safety = SAFETY_UNSAFE };
	char *text = xstrdup("");
	struct unmet *list;
	size_t n = scenario_missing(&s, env, NULL, &list);

	for (size_t i = 0; i < n; i++) {
		autofree char *before = text;

		text = xasprintf("%s%s%s", before, i ? " " : "",
				 skip_category_name(list[i].category));
		assert_non_null(strstr(list[i].text, list[i].category == SKIP_RESOURCE_BUSY
							     ? "device 'eth"
							     : "--"));
	}
	unmet_free(list, n);
	return text;
}

static void check_unsafe(const struct scenario_env *env, const char *wanted)
{
	autofree char *found = unsafe(env);

	assert_string_equal(found, wanted);
}

static void safety(void **state)
{
	static const char *const devices[] = { "eth0", "eth1", "eth2", NULL };
	static const char *const nothing[] = { NULL };
	struct scenario_env env = { .sysroot = *state };

	check_unsafe(&env, "unsafe-not-enabled unsafe-not-enabled");
	env.devices = nothing;
	check_unsafe(&env, "unsafe-not-enabled unsafe-not-enabled");
	env.allow_unsafe = true;
	check_unsafe(&env, "unsafe-not-enabled");

	/* one is free, one is in use for two reasons, one is not there */
	env.devices = devices;
	put(*state, "sys/class/net/eth0/flags", "0x1002\n", 0600);
	put(*state, "sys/class/net/eth1/flags", "0x1003\n", 0600);
	put(*state, "sys/class/net/eth1/carrier", "1\n", 0600);
	put(*state, "sys/class/net/eth1/upper_br0/flags", "0x1003\n", 0600);
	check_unsafe(&env, "resource-busy resource-busy resource-busy");
	env.allow_unsafe = false;
	check_unsafe(&env, "unsafe-not-enabled resource-busy resource-busy resource-busy");
	env.allow_unsafe = true;
	env.devices = (const char *const[]){ "eth0", NULL };
	check_unsafe(&env, "");
}

static void levels(void **state attr_unused)
{
	static const char *const words[] = { "quick", "standard", "full", "soak" };
	enum level level;

	for (int i = 0; i < NR_LEVELS; i++) {
		assert_string_equal(level_name((enum level)i), words[i]);
		assert_int_equal(level_parse(level_name((enum level)i), &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(level_parse("full", &level), 0);
	assert_int_equal(level, LEVEL_FULL);
	assert_int_equal(level_parse("ful", &level), -EINVAL);
	assert_int_equal(level_parse("", &level), -EINVAL);
}

static const struct scenario needy = {
	.id = "test.x",
	.NEEDS({ NEED_MODULE, "absent" }, { NEED_TOOL, "p2pcert-no-such" }, { NEED_TOOL, "sh" },
	       { NEED_ROLE, "rdma" }),
	.safety = SAFETY_UNSAFE,
};

static void all_at_once(void **state)
{
	static const enum skip_category wanted[] = { SKIP_MODULE_MISSING, SKIP_DEPENDENCY,
						     SKIP_HW_ABSENT, SKIP_UNSAFE_NOT_ENABLED,
						     SKIP_UNSAFE_NOT_ENABLED };
	const struct scenario_env env = { .sysroot = *state };
	struct unmet *list;
	size_t n = scenario_missing(&needy, &env, NULL, &list);

	assert_int_equal(n, ARRAY_LEN(wanted));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i].category, wanted[i]);
	unmet_free(list, n);
}

/* What one scenario was told is what the next one is told, until somebody looks anew. */
static void looks_once(void **state)
{
	static const struct need need[] = { { NEED_ROLE, "nvme" }, { NEED_TOOL, "no-such-tool" } };
	const struct scenario one = { .id = "test.x", .needs = need, .nr_needs = 1 };
	const struct scenario both = { .id = "test.y", .needs = need, .nr_needs = 2 };
	char driver[] = "nvme";
	struct platform empty = { 0 };
	struct scenario_env env = { .sysroot = *state, .platform = &empty };
	struct function nvme = { .class_known = true, .class = 0x010802, .driver = driver };
	struct platform with = { .functions = &nvme, .nr_functions = 1 };
	struct need_answers *answers = need_answers_new();
	struct unmet *list;

	assert_int_equal(scenario_missing(&one, &env, answers, &list), 1);
	unmet_free(list, 1);
	env.platform = &with;
	assert_int_equal(scenario_missing(&both, &env, answers, &list), 2);
	assert_int_equal(list[0].category, SKIP_HW_ABSENT);
	assert_int_equal(list[1].category, SKIP_DEPENDENCY);
	unmet_free(list, 2);
	assert_int_equal(scenario_missing(&both, &env, NULL, &list), 1);
	assert_int_equal(list[0].category, SKIP_DEPENDENCY);
	unmet_free(list, 1);
	need_answers_free(answers);
}

static void check_need(const struct need *need)
{
	enum kconfig_truth truth;
	char *why;

	assert_int_equal(!need->arg, need->kind == NEED_ROOT);
	if (need->kind == NEED_MODULE)
		assert_non_null(kmod_find(need->arg));
	if (need->kind == NEED_CAPABILITY)
		assert_true(capability_is_known(need->arg));
	if (need->kind == NEED_FEATURE)
		assert_true(feature_is_known(need->arg));
	if (need->kind != NEED_KCONFIG)
		return;
	if (kconfig_eval(need->arg, NULL, &truth, &why) < 0)
		fail_msg("'%s': %s", need->arg, why);
	/* a kernel with nothing in it lacks something */
	assert_int_equal(kconfig_eval(need->arg, "", &truth, &why), 0);
	assert_int_equal(truth, KCONFIG_FALSE);
	free(why);
}

/* Ids are unique and well formed, and no need of theirs is a BUG(). */
static void registry(void **state)
{
	struct features *f = features_scan(*state, "7.2.0-test");
	struct platform *p = platform_new("live", NULL);
	const struct scenario_env env = { .sysroot = *state, .platform = p, .features = f };

	platform_finish(p);
	assert_true(scenario_registry_len > 0);
	for (size_t i = 0; i < scenario_registry_len; i++) {
		const struct scenario *s = scenario_registry[i];
		struct unmet *list;
		size_t n;

		assert_ptr_equal(scenario_find(s->id), s); /* the first of that id */
		assert_true(strspn(s->id, "abcdefghijklmnopqrstuvwxyz0123456789.-") ==
			    strlen(s->id));
		assert_non_null(strchr(s->id, '.'));
		assert_true(s->title && *s->title);
		assert_true(s->seconds > 0);
		assert_non_null(s->run);
		assert_true(s->level < NR_LEVELS);
		for (size_t k = 0; k < s->nr_needs; k++)
			check_need(&s->needs[k]);
		n = scenario_missing(s, &env, NULL, &list);
		unmet_free(list, n);
	}
	assert_null(scenario_find("no.such"));
	platform_free(p);
	features_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(roles),        test_in_dir(modules_and_tools),
		test_in_dir(our_modules),  test_in_dir(loaded_module),
		test_in_dir(kernel),       cmocka_unit_test(root),
		test_in_dir(capabilities), test_in_dir(memory),
		test_in_dir(safety),       cmocka_unit_test(levels),
		test_in_dir(all_at_once),  test_in_dir(registry),
		test_in_dir(looks_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
