/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The platform document, "p2pcert.platform/1": what is unknown is left out or said to be unknown. */
#include <string.h>

#include "base/jx.h"
#include "base/kconfig.h"
#include "platform/platform.h"
#include "platform/registers_json.h"

static json_t *acs_to_json(const struct acs *acs)
{
	json_t *o = jx_object();

	jx_set_bool(o, "known", acs->known != KNOWN_NO);
	if (acs->known != KNOWN_NO)
		jx_set_bool(o, "present", acs->known == KNOWN_PRESENT);
	if (acs->known == KNOWN_PRESENT) {
		jx_set_hex(o, "capability", acs->capability, 4);
		jx_set_hex(o, "control", acs->control, 4);
	}
	return o;
}

static json_t *link_to_json(const struct link *link)
{
	json_t *o = jx_object();

	jx_set_int(o, "width", link->width);
	jx_set_int(o, "max_width", link->max_width);
	jx_set_int(o, "generation", link->speed);
	jx_set_int(o, "max_generation", link->max_speed);
	return o;
}

static json_t *bars_to_json(const struct bar *bars, bool unnumbered)
{
	static const char *const kinds[] = {
		[BAR_IO] = "io",
		[BAR_MEM32] = "mem32",
		[BAR_MEM64] = "mem64",
	};
	json_t *a = jx_array();

	for (int i = 0; i < PCI_BARS; i++) {
		json_t *o;

		if (bars[i].kind == BAR_NONE)
			continue;
		o = jx_object();
		if (!unnumbered)
			jx_set_int(o, "index", i);
		jx_set_str(o, "kind", kinds[bars[i].kind]);
		jx_set_bool(o, "prefetchable", bars[i].prefetchable);
		if (bars[i].start)
			jx_set_hex(o, "start", bars[i].start, 1);
		if (bars[i].size)
			jx_set_int(o, "size", (int64_t)bars[i].size);
		if (bars[i].unassigned)
			jx_set_bool(o, "unassigned", true);
		if (bars[i].disabled)
			jx_set_bool(o, "disabled", true);
		jx_append(a, o);
	}
	return a;
}

static json_t *p2pmem_to_json(const struct p2pmem *mem)
{
	json_t *o = jx_object();

	jx_set_int(o, "size", (int64_t)mem->size);
	jx_set_int(o, "available", (int64_t)mem->available);
	jx_set_bool(o, "published", mem->published);
	jx_set_bool(o, "allocate", mem->allocate);
	return o;
}

static json_t *capabilities_to_json(const struct function *f)
{
	const struct {
		const char *name;
		bool present;
	} capabilities[] = {
		{ "aer", f->has_aer },
		{ "ats", f->has_ats },
		{ "cxl", f->has_cxl },
		{ "dpc", f->has_dpc },
		{ "dsn", f->has_dsn },
		{ "ide", f->has_ide },
		{ "multicast", f->has_multicast },
		{ "pasid", f->has_pasid },
		{ "pri", f->has_pri },
		{ "resizable-bar", f->has_rebar },
		{ "sr-iov", f->has_sriov },
	};
	json_t *a = jx_array();

	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++)
		if (capabilities[i].present)
			jx_append_str(a, capabilities[i].name);
	return a;
}

static void set_identity(json_t *o, const struct function *f)
{
	if (f->ids_known) {
		jx_set_hex(o, "vendor", f->vendor, 4);
		jx_set_hex(o, "device", f->device, 4);
		jx_set_hex(o, "revision", f->revision, 2);
	}
	if (f->subvendor) {
		jx_set_hex(o, "subsystem_vendor", f->subvendor, 4);
		jx_set_hex(o, "subsystem_device", f->subdevice, 4);
	}
	if (f->class_known)
		jx_set_hex(o, "class", f->class, 6);
	jx_set_str(o, "name", f->name);
	jx_set_str(o, "driver", f->driver);
}

static void set_position(json_t *o, const struct platform *p, const struct function *f)
{
	const struct function *up = platform_upstream(p, f);

	jx_set_str(o, "port_type", port_type_name(f->port_type));
	/* neither key: the bridge above was not seen */
	if (f->upstream != UPSTREAM_UNKNOWN)
		jx_set_bool(o, "on_root_bus", f->upstream == UPSTREAM_ROOT_BUS);
	if (up)
		jx_set_str(o, "upstream", pci_addr_str(up->addr));
	if (f->multifunction_known)
		jx_set_bool(o, "multifunction", f->multifunction);
	if (f->is_virtual)
		jx_set_str(o, "physical_function", pci_addr_str(f->physical));
	if (f->maybe_virtual)
		jx_set_bool(o, "maybe_virtual", true);
	if (f->has_ntb)
		jx_set_bool(o, "non_transparent_bridge", true);
	if (f->max_virtual) {
		jx_set_int(o, "max_virtual_functions", f->max_virtual);
		jx_set_int(o, "virtual_functions", f->nr_virtual);
	}
	if (f->is_bridge) {
		jx_set_int(o, "secondary_bus", f->secondary);
		jx_set_int(o, "subordinate_bus", f->subordinate);
	}
	if (f->numa_node != NUMA_UNKNOWN)
		jx_set_int(o, "numa_node", f->numa_node);
}

static void set_driver_facts(json_t *o, const struct function *f)
{
	jx_set_str(o, "iommu_unit", f->iommu_unit);
	if (f->dma_bits)
		jx_set_int(o, "dma_mask_bits", f->dma_bits);
	if (f->coherent_dma_bits)
		jx_set_int(o, "coherent_dma_mask_bits", f->coherent_dma_bits);
	if (f->power_known)
		jx_set_bool(o, "in_d0", f->powered);
	if (f->memory_bytes)
		jx_set_int(o, "memory_bytes", (int64_t)f->memory_bytes);
}

static json_t *function_to_json(const struct platform *p, const struct function *f)
{
	json_t *o = jx_object();

	jx_set_str(o, "address", pci_addr_str(f->addr));
	set_identity(o, f);
	set_position(o, p, f);
	jx_set_int(o, "config_bytes", (int64_t)f->config_bytes);
	if (f->bus_master_known)
		jx_set_bool(o, "bus_master", f->bus_master);
	jx_set(o, "acs", acs_to_json(&f->acs));
	if (f->config_bytes == 4096)
		jx_set(o, "capabilities", capabilities_to_json(f));
	if (f->link.known)
		jx_set(o, "link", link_to_json(&f->link));
	if (f->iommu_group != GROUP_UNKNOWN)
		jx_set_int(o, "iommu_group", f->iommu_group);
	jx_set_str(o, "iommu_type", f->iommu_type);
	set_driver_facts(o, f);
	registers_to_json(o, f);
	jx_set(o, "bars", bars_to_json(f->bars, f->bars_unnumbered));
	if (f->p2pmem.present)
		jx_set(o, "p2pmem", p2pmem_to_json(&f->p2pmem));
	return o;
}

static json_t *host_bridges_to_json(const struct platform *p)
{
	json_t *a = jx_array();

	for (size_t i = 0; i < p->nr_host_bridges; i++) {
		const struct host_bridge *hb = &p->host_bridges[i];
		json_t *o = jx_object();

		jx_set_strf(o, "address", "%04x:%02x", hb->domain, hb->bus);
		if (hb->numa_node != NUMA_UNKNOWN)
			jx_set_int(o, "numa_node", hb->numa_node);
		if (platform_first(p, hb))
			jx_set_str(o, "first", pci_addr_str(platform_first(p, hb)->addr));
		if (hb->owner >= 0)
			jx_set_str(o, "owner", pci_addr_str(p->functions[hb->owner].addr));
		jx_append(a, o);
	}
	return a;
}

static json_t *gaps_to_json(const struct platform *p)
{
	json_t *a = jx_array();

	for (size_t i = 0; i < p->nr_gaps; i++) {
		json_t *o = jx_object();

		jx_set_str(o, "subject", p->gaps[i].subject);
		jx_set_str(o, "text", p->gaps[i].text);
		jx_append(a, o);
	}
	return a;
}

static json_t *cpu_to_json(const struct cpu_ident *cpu)
{
	json_t *o = jx_object();

	if (cpu->vendor[0]) {
		jx_set_str(o, "vendor", cpu->vendor);
		jx_set_int(o, "family", cpu->family);
		jx_set_int(o, "model", cpu->model);
	}
	jx_set_str(o, "name", cpu->name);
	return o;
}

/* What of a kernel's configuration decides about transfers between devices, in the order that it has. */
static json_t *config_to_json(const char *config)
{
	static const char *const options[] = {
		"CONFIG_ZONE_DEVICE",
		"CONFIG_HMM_MIRROR",
		"CONFIG_DEVICE_PRIVATE",
		"CONFIG_HOTPLUG_PCI_PCIE",
		"CONFIG_PCIEAER",
		"CONFIG_PCIE_DPC",
		"CONFIG_PCI_ATS",
		"CONFIG_PCI_IOV",
		"CONFIG_PCI_PRI",
		"CONFIG_PCI_PASID",
		"CONFIG_PCI_P2PDMA",
		"CONFIG_VMD",
		"CONFIG_INFINIBAND_ON_DEMAND_PAGING",
		"CONFIG_DMABUF_MOVE_NOTIFY",
		"CONFIG_IOMMU_DEFAULT_DMA_STRICT",
		"CONFIG_IOMMU_DEFAULT_DMA_LAZY",
		"CONFIG_IOMMU_DEFAULT_PASSTHROUGH",
		"CONFIG_AMD_IOMMU",
		"CONFIG_INTEL_IOMMU",
		"CONFIG_INTEL_IOMMU_DEFAULT_ON",
		"CONFIG_ARM_SMMU_V3",
	};
	struct kconfig_text text = { config, strlen(config), 0 };
	json_t *o = jx_object();

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		size_t len;
		const char *value = kconfig_find_next(&text, options[i], strlen(options[i]), &len);

		if (value)
			jx_set_strf(o, options[i], "%.*s", (int)len, value);
		else
			jx_set_str(o, options[i], "n");
	}
	return o;
}

static json_t *kernel_to_json(const struct platform *p)
{
	json_t *o = jx_object();

	jx_set_str(o, "release", p->kernel_release);
	jx_set_str(o, "cmdline", p->kernel_cmdline);
	jx_set_str(o, "machine", p->machine);
	if (p->kernel_config)
		jx_set(o, "config", config_to_json(p->kernel_config));
	if (p->modules_known) {
		json_t *modules = jx_array();

		for (size_t i = 0; i < p->nr_modules; i++)
			jx_append_str(modules, p->modules[i]);
		jx_set(o, "modules", modules);
	}
	return o;
}

/* A row for each node; 0: not known. */
static json_t *distances_to_json(const struct numa *numa)
{
	json_t *rows = jx_array();

	for (int from = 0; from < numa->nr; from++) {
		json_t *row = jx_array();

		for (int to = 0; to < numa->nr; to++)
			jx_append(row, json_integer(numa->distance[from * numa->nr + to]));
		jx_append(rows, row);
	}
	return rows;
}

static void set_host(json_t *doc, const struct platform *p)
{
	json_t *o = jx_object();

	jx_set_str(o, "name", p->machine_name);
	jx_set_str(o, "firmware", p->firmware);
	if (p->memory_bytes)
		jx_set_int(o, "memory_bytes", (int64_t)p->memory_bytes);
	if (p->numa.nr)
		jx_set(o, "numa_distances", distances_to_json(&p->numa));
	if (json_object_size(o))
		jx_set(doc, "host", o);
	else
		json_decref(o);
}

static json_t *unit_to_json(const struct iommu_unit *unit)
{
	json_t *o = jx_object();

	jx_set_str(o, "name", unit->name);
	if (unit->is_function)
		jx_set_str(o, "function", pci_addr_str(unit->function));
	if (unit->capability)
		jx_set_hex(o, "capability", unit->capability, 16);
	if (unit->extended)
		jx_set_hex(o, "extended_capability", unit->extended, 16);
	return o;
}

static json_t *range_to_json(const struct reserved_range *range)
{
	json_t *o = jx_object();

	jx_set_int(o, "iommu_group", range->iommu_group);
	jx_set_hex(o, "start", range->start, 1);
	jx_set_hex(o, "end", range->end, 1);
	jx_set_str(o, "type", range->type);
	return o;
}

/* Takes the array; an empty one is that of a source that shows none. */
static void set_or_drop(json_t *doc, const char *key, json_t *array)
{
	if (json_array_size(array))
		jx_set(doc, key, array);
	else
		json_decref(array);
}

static void set_iommu(json_t *doc, const struct platform *p)
{
	json_t *units = jx_array(), *ranges = jx_array();

	for (size_t i = 0; i < p->nr_iommu_units; i++)
		jx_append(units, unit_to_json(&p->iommu_units[i]));
	for (size_t i = 0; i < p->nr_reserved; i++)
		jx_append(ranges, range_to_json(&p->reserved[i]));
	set_or_drop(doc, "iommu_units", units);
	set_or_drop(doc, "reserved_ranges", ranges);
}

json_t *platform_to_json(const struct platform *p)
{
	json_t *doc = jx_object();
	json_t *o;

	jx_set_str(doc, "schema", "p2pcert.platform/1");
	o = jx_object();
	jx_set_str(o, "kind", p->source_kind);
	jx_set_str(o, "path", p->source_path);
	jx_set(doc, "source", o);
	jx_set(doc, "kernel", kernel_to_json(p));
	set_host(doc, p);
	if (p->cpu.known)
		jx_set(doc, "cpu", cpu_to_json(&p->cpu));
	if (p->iommu_groups != KNOWN_NO)
		jx_set_bool(doc, "iommu_in_use", p->iommu_groups == KNOWN_PRESENT);
	set_iommu(doc, p);
	jx_set(doc, "host_bridges", host_bridges_to_json(p));
	o = jx_array();
	for (size_t i = 0; i < p->nr_functions; i++)
		jx_append(o, function_to_json(p, &p->functions[i]));
	jx_set(doc, "functions", o);
	jx_set(doc, "gaps", gaps_to_json(p));
	return doc;
}
