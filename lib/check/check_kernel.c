/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is the kernel built, loaded and booted for what the machine's devices could do: configuration,
 * modules, command line.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/kconfig.h"
#include "base/log.h"
#include "check/aid.h"
#include "check/role.h"

/* What is at stake depends on what is on the paths. */
struct fleet {
	bool accelerators, nics, rdma, amdgpu, nvidia, vfio;
};

/* Network drivers whose RDMA part is a module of its own. */
static const struct {
	const char *driver, *module, *option;
} rdma_parts[] = {
	{ "mlx5_core", "mlx5_ib", "CONFIG_MLX5_INFINIBAND" },
	{ "mlx4_core", "mlx4_ib", "CONFIG_MLX4_INFINIBAND" },
	{ "ice", "irdma", "CONFIG_INFINIBAND_IRDMA" },
	{ "bnxt_en", "bnxt_re", "CONFIG_INFINIBAND_BNXT_RE" },
	{ "qede", "qedr", "CONFIG_INFINIBAND_QEDR" },
	{ "cxgb4", "iw_cxgb4", "CONFIG_INFINIBAND_CXGB4" },
	{ "mana", "mana_ib", "CONFIG_MANA_INFINIBAND" },
	{ "ionic", "ionic_rdma", "CONFIG_INFINIBAND_IONIC" },
};

static const char *rdma_module(const char *driver, const char **option)
{
	for (size_t k = 0; driver && k < ARRAY_LEN(rdma_parts); k++) {
		if (strcmp(driver, rdma_parts[k].driver) == 0) {
			*option = rdma_parts[k].option;
			return rdma_parts[k].module;
		}
	}
	return NULL;
}

static bool has_driver(const struct function *f, const char *driver)
{
	return f->driver && strcmp(f->driver, driver) == 0;
}

static struct fleet look_at_fleet(const struct check_input *in)
{
	struct fleet fleet = { 0 };

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		const char *option;

		if (!check_on_path(in, i) || f->is_bridge)
			continue;
		fleet.accelerators |= role_of(in->platform, f) == ROLE_ACCELERATOR;
		fleet.nics |= role_of(in->platform, f) == ROLE_NIC;
		fleet.rdma |= rdma_module(f->driver, &option) != NULL;
		fleet.amdgpu |= has_driver(f, "amdgpu");
		fleet.nvidia |= has_driver(f, "nvidia");
		fleet.vfio |= has_driver(f, "vfio-pci");
	}
	return fleet;
}

/* --- configuration ------------------------------------------------------------------------------- */

static bool any(const struct fleet *fleet attr_unused)
{
	return true;
}

static bool accelerators(const struct fleet *fleet)
{
	return fleet->accelerators;
}

static bool rdma(const struct fleet *fleet)
{
	return fleet->rdma;
}

static bool amdgpu(const struct fleet *fleet)
{
	return fleet->amdgpu;
}

static bool vfio(const struct fleet *fleet)
{
	return fleet->vfio;
}

static bool importers(const struct fleet *fleet)
{
	return fleet->accelerators && fleet->nics;
}

/*
 * What a kernel has to be built with. An option that newer kernels no longer have is missed only where
 * the config says that it is not set.
 */
static const struct need {
	const char *expression;
	const char *code;
	enum severity severity;
	bool (*applies)(const struct fleet *fleet);
	const char *only_if_named; /* NULL: its absence says that it is off */
} needs[] = {
	{ "CONFIG_PCI_P2PDMA=y", "KERNEL-NO-P2PDMA", SEVERITY_MAJOR, any, NULL },
	{ "CONFIG_DEVICE_PRIVATE=y", "KERNEL-NO-DEVICE-PRIVATE", SEVERITY_MINOR, accelerators,
	  NULL },
	{ "CONFIG_INFINIBAND_ON_DEMAND_PAGING=y", "KERNEL-NO-ODP", SEVERITY_MINOR, rdma, NULL },
	{ "CONFIG_HSA_AMD_P2P=y", "KERNEL-NO-HSA-P2P", SEVERITY_MAJOR, amdgpu, NULL },
	{ "CONFIG_DMABUF_MOVE_NOTIFY=y", "KERNEL-NO-MOVE-NOTIFY", SEVERITY_MINOR, importers,
	  "# CONFIG_DMABUF_MOVE_NOTIFY is not set" },
	{ "CONFIG_VFIO_PCI_DMABUF=y", "KERNEL-NO-VFIO-DMABUF", SEVERITY_MINOR, vfio, NULL },
};

static void look_at_need(const struct check_input *in, struct check_sink *sink,
			 const struct need *need)
{
	const char *config = in->platform->kernel_config;
	autofree char *why = NULL;
	enum kconfig_truth truth;

	if (kconfig_eval(need->expression, config, &truth, &why) < 0)
		BUG("'%s' is no expression", need->expression);
	check_looked(sink, 1);
	if (truth == KCONFIG_FALSE && (!need->only_if_named || strstr(config, need->only_if_named)))
		check_found_as(sink, need->code, check_severity(in, -1, need->severity), NULL, 0,
			       NULL, "%s in the config of Linux %s", why,
			       in->platform->kernel_release ? in->platform->kernel_release
							    : "(release not seen)");
}

static void run_config(const struct check_input *in, struct check_sink *sink)
{
	struct fleet fleet = look_at_fleet(in);

	if (!in->nr_paths)
		return;
	if (!in->platform->kernel_config) {
		check_unseen(sink, -1, "the kernel's config was not seen");
		return;
	}
	for (size_t k = 0; k < ARRAY_LEN(needs); k++)
		if (needs[k].applies(&fleet))
			look_at_need(in, sink, &needs[k]);
}

/* --- modules ------------------------------------------------------------------------------------- */

static bool is_loaded(const struct platform *p, const char *module)
{
	for (size_t k = 0; k < p->nr_modules; k++)
		if (strcmp(p->modules[k], module) == 0)
			return true;
	return false;
}

static bool is_built_in(const struct platform *p, const char *option)
{
	size_t len;
	const char *value = p->kernel_config
				    ? kconfig_find(p->kernel_config, option, strlen(option), &len)
				    : NULL;

	return value && len == 1 && *value == 'y';
}

static void look_at_rdma_module(const struct check_input *in, struct check_sink *sink, int i)
{
	const struct platform *p = in->platform;
	const char *option = NULL;
	const char *driver = check_function(in, i)->driver, *module = rdma_module(driver, &option);

	if (!module)
		return;
	check_looked(sink, 1);
	if (!is_loaded(p, module) && !is_built_in(p, option))
		check_found_as(
			sink, "MODULE-NO-RDMA", check_severity(in, i, SEVERITY_MINOR), &i, 1,
			xasprintf("If it is to do RDMA: 'modprobe %s'; the NIC has to support "
				  "it and have it enabled",
				  module),
			"%s has driver %s, and %s, its RDMA part, is not loaded", check_addr(in, i),
			driver, module);
}

static void run_modules(const struct check_input *in, struct check_sink *sink)
{
	struct fleet fleet = look_at_fleet(in);
	const struct platform *p = in->platform;

	if (!fleet.rdma)
		return;
	if (!p->modules_known) {
		check_unseen(sink, -1, "the loaded modules were not seen");
		return;
	}
	for (int i = 0; i < (int)p->nr_functions; i++)
		if (check_on_path(in, i))
			look_at_rdma_module(in, sink, i);
	if (fleet.nvidia && !is_loaded(p, "nvidia_peermem") && !is_loaded(p, "nv_peer_mem"))
		check_found(sink, "MODULE-NO-PEER-MEMORY", NULL, 0, NULL,
			    "there are NVIDIA GPUs and RDMA NICs, and neither nvidia_peermem nor "
			    "nv_peer_mem is loaded");
}

/* --- command line -------------------------------------------------------------------------------- */

static bool locks_down(const struct platform *p)
{
	return strstr(p->kernel_cmdline, "lockdown=integrity") ||
	       strstr(p->kernel_cmdline, "lockdown=confidentiality");
}

/* Words that take something away, and what has to be there for it to matter. */
static const struct {
	const char *word;
	const char *code;
	enum severity severity;
	bool (*applies)(const struct fleet *fleet);
} words[] = {
	{ "nommconf", "BOOT-NO-MMCONFIG", SEVERITY_MAJOR, any },
	{ "noaer", "BOOT-NO-AER", SEVERITY_MINOR, any },
	{ "amdgpu.pcie_p2p=0", "BOOT-AMDGPU-NO-P2P", SEVERITY_MAJOR, amdgpu },
	{ "module.sig_enforce", "BOOT-SIGNED-MODULES", SEVERITY_INFO, any },
	{ "module.sig_enforce=1", "BOOT-SIGNED-MODULES", SEVERITY_INFO, any },
};

static void run_cmdline(const struct check_input *in, struct check_sink *sink)
{
	struct fleet fleet = look_at_fleet(in);
	const struct platform *p = in->platform;

	if (!in->nr_paths)
		return;
	if (!p->kernel_cmdline) {
		check_unseen(sink, -1, "the kernel's command line was not seen");
		return;
	}
	check_looked(sink, 1);
	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		if (words[k].applies(&fleet) && check_cmdline_has(p, words[k].word))
			check_found_as(sink, words[k].code,
				       check_severity(in, -1, words[k].severity), NULL, 0, NULL,
				       "'%s' is on the kernel command line", words[k].word);
	if (locks_down(p))
		check_found(sink, "BOOT-LOCKDOWN", NULL, 0, NULL,
			    "'lockdown=' is on the kernel command line");
}

static const struct check checks[] = {
	{ "kernel.config", "the kernel is built with what the devices of a path need",
	  "the kernel's config", run_config },
	{ "kernel.modules", "modules that RDMA with peer memory needs are loaded",
	  "the loaded modules", run_modules },
	{ "kernel.cmdline", "the command line takes nothing away that peer-to-peer needs",
	  "the kernel command line", run_cmdline },
};

const struct check_family check_family_kernel = { "kernel", checks, ARRAY_LEN(checks) };
