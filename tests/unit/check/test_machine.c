/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_iommu.c, check_cpu.c, check_kernel.c: what is the machine's rather than a device's. */
#include "../test.h"

#include "../p2p/model.h"
#include "rig.h"

#include "base/alloc.h"

#define ECAP_ALL (UINT64_C(1) << 0 | UINT64_C(1) << 2 | UINT64_C(1) << 29 | UINT64_C(1) << 40)

static void healthy(void **state attr_unused)
{
	rig_passes("cpu.root-complex");
	rig_passes("cpu.node");
	rig_passes("kernel.config");
	rig_passes("kernel.modules");
	rig_passes("kernel.cmdline");
}

/* --- IOMMU ---------------------------------------------------------------------------------------- */

static void add_unit(struct platform *p, const char *name, uint64_t extended)
{
	p->iommu_units = xcalloc(1, sizeof(*p->iommu_units));
	p->nr_iommu_units = 1;
	p->iommu_units[0] = (struct iommu_unit){ .name = xstrdup(name), .extended = extended };
	p->iommu_groups = KNOWN_PRESENT;
}

static void services(void **state attr_unused)
{
	static const uint64_t bits[] = { UINT64_C(1) << 2, UINT64_C(1) << 29, UINT64_C(1) << 40 };
	static const char *const words[] = { "ATS is enabled", "PRI is enabled",
					     "PASID is enabled" };
	autoplatform struct platform *p = rig_new();
	struct function *f = rig_at(p, "03:00.0");
	struct reg *controls[] = { &f->ats_control, &f->pri_control, &f->pasid_control };

	f->has_ats = f->has_pri = f->has_pasid = true;
	rig_unseen(p, "iommu.services", "03:00.0");
	rig_clear(&f->ats_control, ATS_ENABLE);
	rig_clear(&f->pri_control, PRI_ENABLE);
	rig_clear(&f->pasid_control, PASID_ENABLE);
	rig_not_found(p, "iommu.services", "IOMMU-SERVICE-WITHOUT-UNIT");
	add_unit(p, "dmar0", ECAP_ALL);
	for (size_t i = 0; i < ARRAY_LEN(controls); i++) {
		controls[i]->value = i ? 1 : ATS_ENABLE;
		rig_string(&f->iommu_unit, NULL);
		rig_unseen(p, "iommu.services", "03:00.0");
		rig_string(&f->iommu_unit, "dmar0");
		rig_not_found(p, "iommu.services", "IOMMU-UNIT-LACKS");
		p->iommu_units[0].extended = ECAP_ALL & ~bits[i];
		rig_found(p, "iommu.services", "IOMMU-UNIT-LACKS", SEVERITY_MAJOR, "03:00.0");
		rig_says(p, "iommu.services", "IOMMU-UNIT-LACKS", words[i]);
		p->iommu_units[0].extended = 0;
		rig_not_found(p, "iommu.services", "IOMMU-UNIT-LACKS");
		rig_unseen(p, "iommu.services", "03:00.0");
		p->iommu_units[0].extended = ECAP_ALL;
		p->iommu_groups = KNOWN_ABSENT;
		rig_found(p, "iommu.services", "IOMMU-SERVICE-WITHOUT-UNIT", SEVERITY_MAJOR,
			  "03:00.0");
		p->iommu_groups = KNOWN_PRESENT;
		controls[i]->value = 0;
	}
}

static void coherent(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	add_unit(p, "dmar0", ECAP_ALL);
	rig_not_found(p, "iommu.coherent", "IOMMU-NOT-COHERENT");
	p->iommu_units[0].extended = ECAP_ALL & ~UINT64_C(1);
	rig_found(p, "iommu.coherent", "IOMMU-NOT-COHERENT", SEVERITY_INFO, "");
	p->iommu_units[0].extended = 0;
	rig_not_found(p, "iommu.coherent", "IOMMU-NOT-COHERENT");
}

static void iova(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *f = rig_at(p, "05:00.0");
	const struct bar *bar = &rig_at(p, "03:00.0")->bars[0];

	rig_not_found(p, "iommu.iova", "IOVA-PEER-BAR");
	rig_string(&f->driver, "vfio-pci");
	rig_unseen(p, "iommu.iova", "05:00.0");
	f->iommu_group = 7;
	rig_unseen(p, "iommu.iova", "05:00.0");
	p->reserved = xcalloc(2, sizeof(*p->reserved));
	p->nr_reserved = 2;
	p->reserved[0] = (struct reserved_range){ 7, 0xfee00000, 0xfeefffff, xstrdup("msi") };
	p->reserved[1] = (struct reserved_range){ 8, 0, UINT64_MAX, xstrdup("direct") };
	rig_found(p, "iommu.iova", "IOVA-PEER-BAR", SEVERITY_MAJOR, "05:00.0 03:00.0 04:00.0");
	p->reserved[0].start = bar->start;
	p->reserved[0].end = rig_at(p, "04:00.0")->bars[0].start + bar->size - 1;
	rig_not_found(p, "iommu.iova", "IOVA-PEER-BAR");
	/* one byte is enough */
	p->reserved[0].end--;
	rig_found(p, "iommu.iova", "IOVA-PEER-BAR", SEVERITY_MAJOR, "05:00.0 04:00.0");
	/* redirected, every request meets the IOMMU first */
	rig_at(p, "02:02.0")->acs.control = ACS_RR;
	rig_not_found(p, "iommu.iova", "IOVA-PEER-BAR");
}

/* --- processor ------------------------------------------------------------------------------------ */

static void processors(void **state attr_unused)
{
	static const struct {
		const char *vendor;
		int family;
		const char *code;
	} cases[] = {
		{ "AuthenticAMD", 0x15, "CPU-AMD-BEFORE-ZEN" },
		{ "HygonGenuine", 0x18, "CPU-HYGON" },
		{ "CentaurHauls", 7, "CPU-ZHAOXIN" },
		{ "  Shanghai  ", 7, "CPU-ZHAOXIN" },
		{ "AuthenticAMD", 0x17, NULL },
		{ "GenuineIntel", 6, NULL },
	};
	autoplatform struct platform *p = rig_new();

	/* a host bridge that nobody lists */
	rig_at(p, "00:00.0")->device = rig_at(p, "80:00.0")->device = 0x1234;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct checked c;

		model_set_cpu(p, cases[i].vendor, cases[i].family);
		c = checked(p, "cpu.root-complex", NULL);
		if (cases[i].code)
			assert_found(&c, cases[i].code, SEVERITY_MINOR,
				     "03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
		for (size_t k = 0; k < ARRAY_LEN(cases); k++)
			if (cases[k].code &&
			    (!cases[i].code || strcmp(cases[i].code, cases[k].code)))
				assert_not_found(&c, cases[k].code);
		checked_release(&c);
	}
	model_set_cpu(p, "HygonGenuine", 0x18);
	rig_at(p, "00:00.0")->device = rig_at(p, "80:00.0")->device = 0x09a2;
	rig_not_found(p, "cpu.root-complex", "CPU-HYGON"); /* listed: it does not matter */
}

static void other_machines(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "80:00.0")->device = 0x1234;
	model_set_cpu(p, "", 0);
	rig_string(&p->machine, "aarch64");
	rig_found_likely(p, "cpu.root-complex", "CPU-NOT-X86", SEVERITY_MINOR,
			 "03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
	rig_string(&p->machine, NULL);
	rig_not_found(p, "cpu.root-complex", "CPU-NOT-X86");
	model_set_cpu(p, NULL, 0);
	rig_unseen(p, "cpu.root-complex", NULL);
}

static void nodes(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "05:00.0")->numa_node = NUMA_UNKNOWN;
	rig_found(p, "cpu.node", "NUMA-NODE-UNKNOWN", SEVERITY_MINOR, "05:00.0");
	for (size_t i = 0; i < p->nr_functions; i++)
		p->functions[i].numa_node = NUMA_UNKNOWN;
	rig_not_found(p, "cpu.node", "NUMA-NODE-UNKNOWN");
	rig_unseen(p, "cpu.node", NULL);
	p->numa.nr = 1;
	rig_not_found(p, "cpu.node", "NUMA-NODE-UNKNOWN");
	p->numa.nr = 2;
	rig_found(p, "cpu.node", "NUMA-NODE-UNKNOWN", SEVERITY_MINOR,
		  "03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
	p->numa.nr = 0;
}

/* --- kernel --------------------------------------------------------------------------------------- */

#define P2PDMA "CONFIG_PCI_P2PDMA=y\n"
#define PRIVATE "CONFIG_DEVICE_PRIVATE=y\n"
#define ODP "CONFIG_INFINIBAND_ON_DEMAND_PAGING=y\n"

static void config(void **state attr_unused)
{
	static const struct {
		const char *config, *code;
		enum severity severity;
	} cases[] = {
		{ PRIVATE ODP, "KERNEL-NO-P2PDMA", SEVERITY_MAJOR },
		{ P2PDMA ODP, "KERNEL-NO-DEVICE-PRIVATE", SEVERITY_MINOR },
		{ P2PDMA PRIVATE, "KERNEL-NO-ODP", SEVERITY_MINOR },
		{ P2PDMA PRIVATE ODP "# CONFIG_DMABUF_MOVE_NOTIFY is not set\n",
		  "KERNEL-NO-MOVE-NOTIFY", SEVERITY_MINOR },
	};
	autoplatform struct platform *p = rig_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rig_string(&p->kernel_config, cases[i].config);
		rig_found(p, "kernel.config", cases[i].code, cases[i].severity, "");
		for (size_t k = 0; k < ARRAY_LEN(cases); k++)
			if (k != i)
				rig_not_found(p, "kernel.config", cases[k].code);
	}
	rig_string(&p->kernel_config, NULL);
	rig_unseen(p, "kernel.config", NULL);
	rig_not_found(p, "kernel.config", "KERNEL-NO-P2PDMA");
}

static void config_by_driver(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_not_found(p, "kernel.config", "KERNEL-NO-HSA-P2P");
	rig_not_found(p, "kernel.config", "KERNEL-NO-VFIO-DMABUF");
	rig_string(&rig_at(p, "03:00.0")->driver, "amdgpu");
	rig_string(&rig_at(p, "04:00.0")->driver, "vfio-pci");
	rig_found(p, "kernel.config", "KERNEL-NO-HSA-P2P", SEVERITY_MAJOR, "");
	rig_found(p, "kernel.config", "KERNEL-NO-VFIO-DMABUF", SEVERITY_MINOR, "");
	rig_string(&p->kernel_config, P2PDMA "CONFIG_HSA_AMD_P2P=y\nCONFIG_VFIO_PCI_DMABUF=y\n");
	rig_not_found(p, "kernel.config", "KERNEL-NO-HSA-P2P");
	rig_not_found(p, "kernel.config", "KERNEL-NO-VFIO-DMABUF");
}

static void unload(struct platform *p, const char *module)
{
	for (size_t i = 0; i < p->nr_modules; i++)
		if (strcmp(p->modules[i], module) == 0)
			rig_string(&p->modules[i], "other");
}

static void modules(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	unload(p, "mlx5_ib");
	rig_found(p, "kernel.modules", "MODULE-NO-RDMA", SEVERITY_MINOR, "05:00.0 05:00.1");
	rig_says(p, "kernel.modules", "MODULE-NO-RDMA", "modprobe mlx5_ib");
	rig_string(&p->kernel_config, "CONFIG_MLX5_INFINIBAND=m\n");
	rig_found(p, "kernel.modules", "MODULE-NO-RDMA", SEVERITY_MINOR, "05:00.0 05:00.1");
	rig_string(&p->kernel_config, "CONFIG_MLX5_INFINIBAND=y\n");
	rig_not_found(p, "kernel.modules", "MODULE-NO-RDMA");
	rig_not_found(p, "kernel.modules", "MODULE-NO-PEER-MEMORY");
	unload(p, "nvidia_peermem");
	rig_found(p, "kernel.modules", "MODULE-NO-PEER-MEMORY", SEVERITY_INFO, "");
	p->modules_known = false;
	rig_not_found(p, "kernel.modules", "MODULE-NO-PEER-MEMORY");
	rig_unseen(p, "kernel.modules", NULL);
}

static void cmdline(void **state attr_unused)
{
	static const struct {
		const char *words, *code;
		enum severity severity;
	} cases[] = {
		{ "ro pci=nommconf", "BOOT-NO-MMCONFIG", SEVERITY_MAJOR },
		{ "pci=realloc=on,noaer quiet", "BOOT-NO-AER", SEVERITY_MINOR },
		{ "module.sig_enforce=1", "BOOT-SIGNED-MODULES", SEVERITY_INFO },
		{ "module.sig_enforce ro", "BOOT-SIGNED-MODULES", SEVERITY_INFO },
		{ "lockdown=confidentiality", "BOOT-LOCKDOWN", SEVERITY_INFO },
		{ "amdgpu.pcie_p2p=0", "BOOT-AMDGPU-NO-P2P", SEVERITY_MAJOR },
		{ "ro module.sig_enforce=0 lockdown=none xnoaer nommconfig amdgpu.pcie_p2p=1", NULL,
		  SEVERITY_INFO },
	};
	autoplatform struct platform *p = rig_new();

	rig_string(&p->kernel_cmdline, "amdgpu.pcie_p2p=0");
	rig_not_found(p, "kernel.cmdline", "BOOT-AMDGPU-NO-P2P"); /* no such GPU */
	rig_string(&rig_at(p, "03:00.0")->driver, "amdgpu");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rig_string(&p->kernel_cmdline, cases[i].words);
		if (cases[i].code)
			rig_found(p, "kernel.cmdline", cases[i].code, cases[i].severity, "");
		for (size_t k = 0; k < ARRAY_LEN(cases); k++)
			if (cases[k].code &&
			    (!cases[i].code || strcmp(cases[i].code, cases[k].code)))
				rig_not_found(p, "kernel.cmdline", cases[k].code);
	}
	rig_string(&p->kernel_cmdline, NULL);
	rig_unseen(p, "kernel.cmdline", NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),
		cmocka_unit_test(services),
		cmocka_unit_test(coherent),
		cmocka_unit_test(iova),
		cmocka_unit_test(processors),
		cmocka_unit_test(other_machines),
		cmocka_unit_test(nodes),
		cmocka_unit_test(config),
		cmocka_unit_test(config_by_driver),
		cmocka_unit_test(modules),
		cmocka_unit_test(cmdline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
