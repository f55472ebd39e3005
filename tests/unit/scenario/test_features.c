// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The feature scan over kernels made for it: each test takes the same small kernel, changes one thing
 * and looks at what is concluded.
 */
#include "../test.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "scenario/ctx.h"
#include "scenario/features.h"

#define RELEASE "7.2.0-test"

static const char kallsyms[] = "0000000000000000 T vfs_read\n"
			       "0000000000000000 T pci_p2pdma_add_resource\n"
			       "0000000000000000 T pci_p2pdma_add_resource_not\n"
			       "ffffffff81000000 t hmm_range_fault.constprop.0\n"
			       "ffffffffc0000000 t ib_umem_odp_get\t[ib_core]\n";
static const char config[] = "# Linux/x86 7.2.0 Kernel Configuration\n"
			     "CONFIG_MMU=y\n"
			     "CONFIG_PCI_P2PDMA=y\n"
			     "CONFIG_HMM_MIRROR=y\n"
			     "CONFIG_RDMA_RXE=m\n"
			     "CONFIG_INFINIBAND_ON_DEMAND_PAGING=y\n"
			     "# CONFIG_DEVICE_PRIVATE is not set\n"
			     "CONFIG_ZONE_DEVICE=y\n"
			     "CONFIG_LOCALVERSION=\"-test\"\n"
			     "CONFIG_NR_CPUS=64\n"
			     "CONFIG_LAST=m";
static const char modules_dep[] = "kernel/drivers/infiniband/core/ib_core.ko.xz:\n"
				  "kernel/drivers/infiniband/core/ib_uverbs.ko.xz: "
				  "kernel/drivers/infiniband/core/ib_core.ko.xz\n"
				  "kernel/drivers/infiniband/sw/rxe/rdma_rxe.ko.xz: "
				  "kernel/drivers/infiniband/core/ib_uverbs.ko.xz\n";

static void put(const char *root, const char *path, const void *data, size_t len)
{
	autofree char *file = xasprintf("%s/%s", root, path);
	autofree char *dir = xstrndup(file, (size_t)(strrchr(file, '/') - file));

	assert_int_equal(fs_mkdir_p(dir, 0700), 0);
	assert_int_equal(fs_publish(AT_FDCWD, file, data, len, 0600), 0);
}

static void put_text(const char *root, const char *path, const char *text)
{
	put(root, path, text, strlen(text));
}

static void drop(const char *root, const char *path)
{
	autofree char *file = xasprintf("%s/%s", root, path);

	assert_int_equal(unlink(file), 0);
}

static void put_btf(const char *root, const char *name, struct btf *btf)
{
	autofree char *path = xasprintf("sys/kernel/btf/%s", name);
	__u32 size;
	const void *data = btf__raw_data(btf, &size);

	assert_non_null(data);
	put(root, path, data, size);
}

static void add_func(struct btf *btf, const char *name)
{
	int proto = btf__add_func_proto(btf, 0);

	assert_true(proto > 0);
	assert_true(btf__add_func(btf, name, BTF_FUNC_GLOBAL, proto) > 0);
}

/* struct task_struct, the functions and the enumerators of the kernel proper. */
static struct btf *btf_vmlinux(void)
{
	struct btf *btf = btf__new_empty();
	int number, inner, outer;

	assert_non_null(btf);
	number = btf__add_int(btf, "long", 8, BTF_INT_SIGNED);
	assert_true(number > 0);
	assert_true(btf__add_struct(btf, "task_struct", 8) > 0);
	assert_int_equal(btf__add_field(btf, "mm", number, 0, 0), 0);
	assert_true(btf__add_enum(btf, "zone_type", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "ZONE_NORMAL", 2), 0);
	assert_true(btf__add_enum(btf, NULL, 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "FOLL_PCI_P2PDMA", 1 << 10), 0);
	/* struct folio { union { struct { long pgmap; }; }; }; */
	inner = btf__add_struct(btf, NULL, 8);
	assert_int_equal(btf__add_field(btf, "pgmap", number, 0, 0), 0);
	outer = btf__add_union(btf, NULL, 8);
	assert_int_equal(btf__add_field(btf, NULL, inner, 0, 0), 0);
	assert_true(btf__add_struct(btf, "folio", 8) > 0);
	assert_int_equal(btf__add_field(btf, NULL, outer, 0, 0), 0);
	add_func(btf, "vfs_read");
	add_func(btf, "pci_p2pdma_add_resource");
	return btf;
}

static void kernel_make(const char *root)
{
	struct btf *btf = btf_vmlinux();

	put_btf(root, "vmlinux", btf);
	btf__free(btf);
	put_text(root, "proc/kallsyms", kallsyms);
	put_text(root, "boot/config-" RELEASE, config);
	put_text(root, "lib/modules/" RELEASE "/modules.dep", modules_dep);
	put_text(root, "lib/modules/" RELEASE "/modules.builtin",
		 "kernel/drivers/dma-buf/udmabuf.ko\n");
}

static int setup(void **state)
{
	int err = test_dir_setup(state);

	if (!err)
		kernel_make(*state);
	return err;
}

static const struct feature_result *result(const struct features *f, const char *name)
{
	size_t n;
	const struct feature_result *r = features_results(f, &n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(r[i].name, name) == 0)
			return &r[i];
	}
	fail_msg("no feature '%s'", name);
	return NULL;
}

static void assert_answers(const struct features *f, const char *name, enum feature_state state,
			   enum feature_state btf, enum feature_state symbols,
			   enum feature_state option, bool disagreement)
{
	const struct feature_result *r = result(f, name);

	if (r->state != state || r->answers[FEATURE_BTF].state != btf ||
	    r->answers[FEATURE_KALLSYMS].state != symbols ||
	    r->answers[FEATURE_KCONFIG].state != option || r->disagreement != disagreement)
		fail_msg("'%s' is %d (btf: %d %s, kallsyms: %d %s, config: %d %s)%s", name,
			 r->state, r->answers[FEATURE_BTF].state, r->answers[FEATURE_BTF].detail,
			 r->answers[FEATURE_KALLSYMS].state, r->answers[FEATURE_KALLSYMS].detail,
			 r->answers[FEATURE_KCONFIG].state, r->answers[FEATURE_KCONFIG].detail,
			 r->disagreement ? ", disagreement" : "");
	assert_int_equal(features_get(f, name), state);
}

#define UNKNOWN FEATURE_UNKNOWN
#define ABSENT FEATURE_ABSENT
#define PRESENT FEATURE_PRESENT

static void ways_agree(void **state)
{
	struct features *f = features_scan(*state, RELEASE);

	for (size_t way = 0; way < NR_FEATURE_WAYS; way++)
		assert_null(features_way_void(f, (enum feature_way)way));
	assert_answers(f, "pci_p2pdma", PRESENT, PRESENT, PRESENT, PRESENT, false);
	/* An enumerator that is there, with the function that says that it is of use. */
	assert_answers(f, "foll_pci_p2pdma", PRESENT, PRESENT, UNKNOWN, UNKNOWN, false);
	/* A member in a nameless part of a nameless part; kallsyms cannot know it. */
	assert_answers(f, "zone_device_unreferenced", PRESENT, PRESENT, UNKNOWN, UNKNOWN, false);
	/* BTF leaves out functions that the compiler changed; kallsyms has them under a suffix. */
	assert_answers(f, "hmm_mirror", PRESENT, UNKNOWN, PRESENT, PRESENT, false);
	assert_answers(f, "device_private", ABSENT, UNKNOWN, ABSENT, ABSENT, false);
	/* The option is set, but older kernels have it too: it does not contradict. */
	assert_answers(f, "p2pdma_provider", ABSENT, UNKNOWN, ABSENT, UNKNOWN, false);
	/* A structure that this kernel does not have at all. */
	assert_answers(f, "two_pass_invalidate", ABSENT, ABSENT, UNKNOWN, ABSENT, false);
	features_free(f);
}

static void config_alone_makes_nothing_present(void **state)
{
	struct features *f;

	drop(*state, "sys/kernel/btf/vmlinux");
	drop(*state, "proc/kallsyms");
	f = features_scan(*state, RELEASE);
	assert_non_null(features_way_void(f, FEATURE_BTF));
	assert_non_null(features_way_void(f, FEATURE_KALLSYMS));
	assert_answers(f, "pci_p2pdma", UNKNOWN, UNKNOWN, UNKNOWN, PRESENT, false);
	assert_answers(f, "device_private", ABSENT, UNKNOWN, UNKNOWN, ABSENT, false);
	assert_false(result(f, "pci_p2pdma")->unloaded);
	features_free(f);
}

static void nothing_readable(void **state)
{
	struct features *f;
	size_t n;
	const struct feature_result *r;

	f = features_scan(*state, "6.6.6-none");
	assert_int_equal(features_kconfig(f, "CONFIG_MMU"), 0);
	features_free(f);

	drop(*state, "sys/kernel/btf/vmlinux");
	drop(*state, "proc/kallsyms");
	drop(*state, "boot/config-" RELEASE);
	f = features_scan(*state, RELEASE);
	r = features_results(f, &n);
	assert_true(n > 20);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(r[i].state, FEATURE_UNKNOWN);
	features_free(f);
}

static void config_contradicts(void **state)
{
	struct features *f;

	put_text(*state, "boot/config-" RELEASE,
		 "CONFIG_MMU=y\nCONFIG_DEVICE_PRIVATE=y\n# CONFIG_PCI_P2PDMA is not set\n");
	f = features_scan(*state, RELEASE);
	assert_answers(f, "device_private", ABSENT, UNKNOWN, ABSENT, PRESENT, true);
	assert_answers(f, "pci_p2pdma", PRESENT, PRESENT, PRESENT, ABSENT, true);
	features_free(f);
}

/* Type information and symbols of two different kernels. */
static void symbols_contradict(void **state)
{
	struct features *f;

	put_text(*state, "proc/kallsyms", "0 T vfs_read\n");
	f = features_scan(*state, RELEASE);
	assert_answers(f, "pci_p2pdma", PRESENT, PRESENT, ABSENT, PRESENT, true);
	features_free(f);
}

static void module_not_loaded(void **state)
{
	struct features *f = features_scan(*state, RELEASE);

	assert_answers(f, "rxe", UNKNOWN, UNKNOWN, UNKNOWN, PRESENT, false);
	assert_true(result(f, "rxe")->unloaded);
	assert_string_equal(result(f, "rxe")->answers[FEATURE_KALLSYMS].detail,
			    "module 'rdma_rxe' is not loaded");
	features_free(f);
}

static void module_loaded_without_it(void **state)
{
	struct features *f;

	put_text(*state, "sys/module/rdma_rxe/initstate", "live\n");
	f = features_scan(*state, RELEASE);
	assert_answers(f, "rxe", ABSENT, UNKNOWN, ABSENT, PRESENT, true);
	assert_false(result(f, "rxe")->unloaded);
	features_free(f);
}

/* A distribution may ship a config that promises a module which is in another package. */
static void module_not_installed(void **state)
{
	struct features *f;

	put_text(*state, "lib/modules/" RELEASE "/modules.dep", "kernel/x/my_rdma_rxe.ko:\n");
	f = features_scan(*state, RELEASE);
	assert_answers(f, "rxe", ABSENT, UNKNOWN, ABSENT, UNKNOWN, false);
	features_free(f);

	/* Built in, it must be seen. */
	put_text(*state, "lib/modules/" RELEASE "/modules.builtin", "kernel/x/rdma-rxe.ko\n");
	f = features_scan(*state, RELEASE);
	assert_answers(f, "rxe", ABSENT, UNKNOWN, ABSENT, PRESENT, true);
	features_free(f);
}

static void module_btf(void **state)
{
	struct btf *base = btf_vmlinux();
	struct btf *core = btf__new_empty_split(base);
	struct features *f;

	add_func(core, "ib_umem_odp_get");
	put_btf(*state, "ib_core", core);
	btf__free(core);
	btf__free(base);
	put_text(*state, "sys/module/ib_core/initstate", "live\n");
	put_text(*state, "boot/config-" RELEASE,
		 "CONFIG_MMU=y\nCONFIG_INFINIBAND_ON_DEMAND_PAGING=y\n");
	f = features_scan(*state, RELEASE);
	assert_answers(f, "odp", PRESENT, PRESENT, PRESENT, PRESENT, false);
	features_free(f);
}

/* Each way that gets a control wrong is not used, whatever else it says. */
static void controls(void **state)
{
	autofree char *two = xasprintf("%s0 T p2pcert_none\n", kallsyms);
	autofree char *three = xasprintf("%s\nCONFIG_P2PCERT_NONE=y\n", config);
	struct btf *btf = btf__new_empty();
	struct features *f;

	put_text(*state, "proc/kallsyms", "0 T pci_p2pdma_add_resource\n");
	f = features_scan(*state, RELEASE);
	assert_string_equal(features_way_void(f, FEATURE_KALLSYMS),
			    "does not show what every kernel has: 'func:vfs_read'");
	assert_answers(f, "pci_p2pdma", PRESENT, PRESENT, UNKNOWN, PRESENT, false);
	features_free(f);

	put_text(*state, "proc/kallsyms", two);
	put_text(*state, "boot/config-" RELEASE, three);
	add_func(btf, "pci_p2pdma_add_resource");
	put_btf(*state, "vmlinux", btf);
	btf__free(btf);
	f = features_scan(*state, RELEASE);
	assert_string_equal(features_way_void(f, FEATURE_KALLSYMS),
			    "shows what no kernel has: 'func:p2pcert_none'");
	assert_string_equal(features_way_void(f, FEATURE_KCONFIG),
			    "shows what no kernel has: 'CONFIG_P2PCERT_NONE'");
	assert_non_null(features_way_void(f, FEATURE_BTF));
	assert_answers(f, "pci_p2pdma", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, false);
	features_free(f);
}

/* FOLL_PCI_P2PDMA is declared on kernels that are built without peer-to-peer DMA. */
static void type_without_function(void **state)
{
	struct btf *btf = btf__new_empty();
	struct features *f;
	int number = btf__add_int(btf, "long", 8, BTF_INT_SIGNED);

	assert_true(btf__add_struct(btf, "task_struct", 8) > 0);
	assert_int_equal(btf__add_field(btf, "mm", number, 0, 0), 0);
	assert_true(btf__add_enum(btf, NULL, 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "ZONE_NORMAL", 2), 0);
	assert_int_equal(btf__add_enum_value(btf, "FOLL_PCI_P2PDMA", 3), 0);
	add_func(btf, "vfs_read");
	put_btf(*state, "vmlinux", btf);
	btf__free(btf);
	put_text(*state, "proc/kallsyms", "0 T vfs_read\n");
	f = features_scan(*state, RELEASE);
	assert_null(features_way_void(f, FEATURE_BTF));
	assert_answers(f, "foll_pci_p2pdma", ABSENT, UNKNOWN, ABSENT, UNKNOWN, false);
	features_free(f);
}

/* Any damage to BTF gives an answer and no crash. */
static void damaged_btf(void **state)
{
	autofree char *path = xasprintf("%s/sys/kernel/btf/vmlinux", (char *)*state);
	autofree char *good = NULL;
	size_t len;

	assert_int_equal(fs_read(AT_FDCWD, path, 1 << 16, &good, &len), 0);
	for (size_t cut = 0; cut < len; cut += 5) {
		struct features *f;

		put(*state, "sys/kernel/btf/vmlinux", good, cut);
		f = features_scan(*state, RELEASE);
		assert_non_null(features_way_void(f, FEATURE_BTF));
		features_free(f);
	}
	for (size_t at = 0; at < len; at++) {
		good[at] = (char)~good[at];
		put(*state, "sys/kernel/btf/vmlinux", good, len);
		features_free(features_scan(*state, RELEASE));
		good[at] = (char)~good[at];
	}
}

static void options(void **state)
{
	struct features *f = features_scan(*state, RELEASE);

	assert_int_equal(features_kconfig(f, "CONFIG_PCI_P2PDMA"), 'y');
	assert_int_equal(features_kconfig(f, "CONFIG_RDMA_RXE"), 'm');
	assert_int_equal(features_kconfig(f, "CONFIG_DEVICE_PRIVATE"), 'n');
	assert_int_equal(features_kconfig(f, "CONFIG_NR_CPUS"), 'y');
	assert_int_equal(features_kconfig(f, "CONFIG_LOCALVERSION"), 'y');
	assert_int_equal(features_kconfig(f, "CONFIG_LAST"), 'm');
	/* A prefix is not the option, nor is one that is never mentioned set. */
	assert_int_equal(features_kconfig(f, "CONFIG_PCI"), 'n');
	assert_int_equal(features_kconfig(f, "CONFIG_XYZ"), 'n');
	features_free(f);
}

/* /proc/config.gz is of the running kernel and comes first. */
static void compressed_config(void **state)
{
	autofree char *path = xasprintf("%s/proc/config.gz", (char *)*state);
	struct features *f;
	gzFile gz = gzopen(path, "w");

	assert_true(gzputs(gz, "CONFIG_MMU=y\nCONFIG_PCI_P2PDMA=m\n") > 0);
	assert_int_equal(gzclose(gz), Z_OK);
	f = features_scan(*state, RELEASE);
	assert_int_equal(features_kconfig(f, "CONFIG_PCI_P2PDMA"), 'm');
	features_free(f);

	assert_int_equal(truncate(path, 20), 0);
	f = features_scan(*state, RELEASE);
	assert_int_equal(features_kconfig(f, "CONFIG_RDMA_RXE"), 'm');
	features_free(f);
}

static void names(void **state)
{
	struct features *f = features_scan(*state, RELEASE);
	size_t n;
	const struct feature_result *r = features_results(f, &n);

	for (size_t i = 0; i < n; i++) {
		assert_true(feature_is_known(r[i].name));
		assert_non_null(r[i].title);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(r[i].name, r[k].name);
	}
	assert_false(feature_is_known("none"));
	assert_int_equal(features_get(f, "none"), FEATURE_UNKNOWN);
	features_free(f);
}

static void json(void **state)
{
	struct features *f = features_scan(*state, RELEASE);
	autojson json_t *list = features_to_json(f);
	autofree char *first = jx_line(json_array_get(list, 0));
	const json_t *feature;
	size_t i, n;

	features_results(f, &n);
	assert_int_equal(json_array_size(list), n);
	assert_string_equal(first, "{\"name\":\"pci_p2pdma\",\"present\":true,\"found_by\":["
				   "{\"way\":\"btf\",\"answer\":\"present\",\"detail\":"
				   "\"func:pci_p2pdma_add_resource\"},"
				   "{\"way\":\"kallsyms\",\"answer\":\"present\",\"detail\":"
				   "\"func:pci_p2pdma_add_resource\"},"
				   "{\"way\":\"config\",\"answer\":\"present\",\"detail\":"
				   "\"CONFIG_PCI_P2PDMA=y\"}],\"disagreement\":false}");
	json_array_foreach (list, i, feature) {
		bool unknown = strcmp(jx_get_str(feature, "name"), "rxe") == 0;

		if (unknown)
			assert_null(json_object_get(feature, "present"));
		assert_int_equal(json_array_size(json_object_get(feature, "found_by")), 3);
	}
	features_free(f);
}

/* What features.scan says of this kernel: its records, one per line. */
static char *scan(const char *root)
{
	struct scenario_env env = { .sysroot = root };
	autofree char *path = xasprintf("%s/channel", root);
	struct scenario_ctx ctx = {
		.env = &env,
		.channel = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
	};
	struct utsname uts;
	autofree char *at = NULL;
	char *said;

	assert_int_equal(uname(&uts), 0);
	at = xasprintf("boot/config-%s", uts.release);
	put_text(root, at, config);
	assert_true(ctx.channel >= 0);
	ctx_run(&ctx, scenario_find("features.scan"));
	close(ctx.channel);
	assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &said, NULL), 0);
	return said;
}

static void assert_outcome(const char *records, const char *outcome)
{
	autofree char *record =
		xasprintf("\n{\"event\":\"outcome\",\"outcome\":\"%s\"}\n", outcome);

	if (!strstr(records, record))
		fail_msg("not '%s': %s", outcome, strstr(records, "{\"event\":\"why\""));
}

static void scenario_passes(void **state)
{
	autofree char *said = scan(*state);

	assert_outcome(said, "pass");
	assert_non_null(strstr(said, "{\"event\":\"facts\",\"name\":\"features\",\"value\":[{"));
	assert_null(strstr(said, "FEATURE-WAYS-DISAGREE"));
}

static void scenario_fails_on_contradiction(void **state)
{
	autofree char *said = NULL;

	put_text(*state, "proc/kallsyms", "0 T vfs_read\n");
	said = scan(*state);
	assert_outcome(said, "fail");
	assert_non_null(strstr(said, "FEATURE-WAYS-DISAGREE"));
	assert_non_null(strstr(said, "'pci_p2pdma' (PCI peer-to-peer DMA): btf "
				     "func:pci_p2pdma_add_resource, kallsyms no "
				     "func:pci_p2pdma_add_resource, config CONFIG_PCI_P2PDMA=y"));
}

static void scenario_without_btf(void **state)
{
	autofree char *said = NULL;

	drop(*state, "sys/kernel/btf/vmlinux");
	said = scan(*state);
	assert_outcome(said, "inconclusive");
	assert_null(strstr(said, "FEATURE-WAYS-DISAGREE"));
}

#define in_kernel(f) cmocka_unit_test_setup_teardown(f, setup, test_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_kernel(ways_agree),
		in_kernel(config_alone_makes_nothing_present),
		in_kernel(nothing_readable),
		in_kernel(config_contradicts),
		in_kernel(symbols_contradict),
		in_kernel(module_not_loaded),
		in_kernel(module_loaded_without_it),
		in_kernel(module_not_installed),
		in_kernel(module_btf),
		in_kernel(controls),
		in_kernel(type_without_function),
		in_kernel(damaged_btf),
		in_kernel(options),
		in_kernel(compressed_config),
		in_kernel(names),
		in_kernel(json),
		in_kernel(scenario_passes),
		in_kernel(scenario_fails_on_contradiction),
		in_kernel(scenario_without_btf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
