/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_kernel.c */
#include "../test.h"

#include "rig.h"

#define P2PDMA "CONFIG_PCI_P2PDMA=y\n"
#define PRIVATE "CONFIG_DEVICE_PRIVATE=y\n"
#define ODP "CONFIG_INFINIBAND_ON_DEMAND_PAGING=y\n"

static void healthy(void **state attr_unused)
{
	rig_passes("kernel.config");
	rig_passes("kernel.modules");
	rig_passes("kernel.cmdline");
}

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
		cmocka_unit_test(healthy),          cmocka_unit_test(config),
		cmocka_unit_test(config_by_driver), cmocka_unit_test(modules),
		cmocka_unit_test(cmdline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
