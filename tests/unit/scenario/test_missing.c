/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/scenario/missing.c and registry.c: each kind of need met and unmet with its category, each
 * device role, all reasons at once, and that the needs of all scenarios can be evaluated.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
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

/* The category of the need's only reason, or -1 if it is met. */
static int reason(enum need_kind kind, const char *arg, const struct scenario_env *env)
{
	const struct need need = { kind, arg };
	const struct scenario s = { .id = "test.x", .needs = &need, .nr_needs = 1 };
	struct unmet *list;
	size_t n = scenario_missing(&s, env, &list);
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
	path = scenario_tool_path("p2pcert-tool");
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
	assert_int_equal(features_get(f, "pci_p2pdma"), FEATURE_ABSENT);
	assert_int_equal(reason(NEED_FEATURE, "pci_p2pdma", &env), SKIP_KERNEL_CONFIG);
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

static const struct scenario needy = {
	.id = "test.x",
	.NEEDS({ NEED_MODULE, "absent" }, { NEED_TOOL, "p2pcert-no-such" }, { NEED_TOOL, "sh" },
	       { NEED_ROLE, "rdma" }),
	.safety = SAFETY_UNSAFE,
};

static void all_at_once(void **state)
{
	static const enum skip_category wanted[] = { SKIP_MODULE_MISSING, SKIP_DEPENDENCY,
						     SKIP_HW_ABSENT, SKIP_UNSAFE_NOT_ENABLED };
	const struct scenario_env env = { .sysroot = *state };
	struct unmet *list;
	size_t n = scenario_missing(&needy, &env, &list);

	assert_int_equal(n, ARRAY_LEN(wanted));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i].category, wanted[i]);
	unmet_free(list, n);
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
		n = scenario_missing(s, &env, &list);
		unmet_free(list, n);
	}
	assert_null(scenario_find("no.such"));
	platform_free(p);
	features_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(roles),     test_in_dir(modules_and_tools), test_in_dir(kernel),
		cmocka_unit_test(root), test_in_dir(all_at_once),       test_in_dir(registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
