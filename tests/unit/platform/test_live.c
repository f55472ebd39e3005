/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sysfs source over made-up /sys and /proc trees: complete, sparse, damaged, hostile. */
#include "../test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "config_space.h"
#include "platform/platform.h"

#define DEVICES "/sys/bus/pci/devices"

static int setup(void **state)
{
	autofree char *devices = NULL;
	int r = test_dir_setup(state);

	if (r < 0)
		return r;
	devices = xasprintf("%s" DEVICES, (const char *)*state);
	return fs_mkdir_p(devices, 0755);
}

static char *path_in(const char *t, const char *path)
{
	return xasprintf("%s%s", t, path);
}

static void make_parent(const char *path)
{
	autofree char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(fs_mkdir_p(dir, 0755), 0);
}

static void write_bytes(const char *t, const char *path, const void *bytes, size_t len)
{
	autofree char *full = path_in(t, path);

	make_parent(full);
	assert_int_equal(fs_publish(AT_FDCWD, full, bytes, len, 0644), 0);
}

static void write_text(const char *t, const char *path, const char *text)
{
	write_bytes(t, path, text, strlen(text));
}

static void make_link(const char *t, const char *path, const char *target)
{
	autofree char *full = path_in(t, path);

	make_parent(full);
	assert_int_equal(symlink(target, full), 0);
}

static void make_dir(const char *t, const char *path)
{
	autofree char *full = path_in(t, path);

	assert_int_equal(fs_mkdir_p(full, 0755), 0);
}

/* A function where the kernel puts it, and its link on the bus. */
static void make_function(const char *t, const char *node)
{
	autofree char *dir = xasprintf("/sys/devices/%s", node);
	autofree char *link = xasprintf(DEVICES "/%s", strrchr(node, '/') + 1);
	autofree char *target = xasprintf("../../../devices/%s", node);

	make_dir(t, dir);
	make_link(t, link, target);
}

static void write_attr(const char *t, const char *address, const char *attr, const char *text)
{
	autofree char *path = xasprintf(DEVICES "/%s/%s", address, attr);

	write_text(t, path, text);
}

static void write_config(const char *t, const char *address, const uint8_t *config, size_t len)
{
	autofree char *path = xasprintf(DEVICES "/%s/config", address);

	write_bytes(t, path, config, len);
}

static const struct function *find(const struct platform *p, const char *address)
{
	const struct function *f;
	struct pci_addr addr;

	assert_int_equal(pci_addr_parse(address, &addr), 0);
	f = platform_find(p, addr);
	if (!f)
		fail_msg("'%s' was not found", address);
	return f;
}

static const char *gap_of(const struct platform *p, const char *subject)
{
	for (size_t i = 0; i < p->nr_gaps; i++)
		if (strcmp(p->gaps[i].subject, subject) == 0)
			return p->gaps[i].text;
	return NULL;
}

#define NVME "0000:01:00.0"
#define GPU "0000:80:01.0"

static void make_machine(const char *t)
{
	uint8_t config[CONFIG_SIZE];

	make_function(t, "pci0000:00/0000:00:03.0");
	config_header(config, 0x8086, 0x3420, 0x060400);
	config_bridge(config, 0, 1, 2);
	config_express(config, 4, 4, 8, 3, 4);
	config_acs(config, 0x5f, 0x1d);
	write_config(t, "0000:00:03.0", config, sizeof(config));

	make_function(t, "pci0000:00/0000:00:03.0/" NVME);
	config_header(config, 0x144d, 0xa808, 0x010802);
	config_express(config, 0, 3, 4, 3, 4);
	write_config(t, NVME, config, sizeof(config));
	write_attr(t, NVME, "vendor", "0x144d\n");
	write_attr(t, NVME, "device", "0xa808\n");
	write_attr(t, NVME, "revision", "0x02\n");
	write_attr(t, NVME, "subsystem_vendor", "0x144d\n");
	write_attr(t, NVME, "subsystem_device", "0xa801\n");
	write_attr(t, NVME, "class", "0x010802\n");
	write_attr(t, NVME, "numa_node", "1\n");
	write_attr(t, NVME, "resource",
		   "0x0000020000000000 0x0000020000003fff 0x000000000014220c\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x000000000000e000 0x000000000000e01f 0x0000000000040101\n"
		   "0x0000000000000000 0x00000000000fffff 0x0000000020140204\n"
		   "0x00000000fe000000 0x00000000fe000fff 0x0000000000040200\n");
	write_attr(t, NVME, "sriov_totalvfs", "4\n");
	write_attr(t, NVME, "sriov_numvfs", "1\n");
	write_attr(t, NVME, "p2pmem/size", "67108864\n");
	write_attr(t, NVME, "p2pmem/available", "66977792\n");
	write_attr(t, NVME, "p2pmem/published", "1\n");
	write_attr(t, NVME, "p2pmem/allocate", "");
	make_link(t, DEVICES "/" NVME "/driver", "../../../../bus/pci/drivers/nvme");
	make_link(t, DEVICES "/" NVME "/iommu_group", "../../../../kernel/iommu_groups/14");
	write_text(t, "/sys/kernel/iommu_groups/14/type", "DMA-FQ\n");

	/* a VF past the PF's bus: below the same port, on a bus that no bridge owns */
	make_function(t, "pci0000:00/0000:00:03.0/0000:02:00.1");
	make_link(t, DEVICES "/0000:02:00.1/physfn", "../" NVME);

	/* an endpoint on a root bus, which its bus number does not tell: as in virtual machines */
	make_function(t, "pci0000:80/0000:80:00.0");
	config_header(config, 0x15b3, 0x101e, 0x020000);
	config_express(config, 0, 3, 4, 3, 4);
	write_config(t, "0000:80:00.0", config, sizeof(config));
	write_text(t, "/proc/cmdline", "quiet iommu=pt\n");
	write_text(t, "/proc/sys/kernel/osrelease", "7.2.12+deb13-amd64\n");
	write_text(t, "/proc/sys/kernel/arch", "x86_64\n");
	write_text(t, "/proc/cpuinfo",
		   "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n"
		   "model name\t: AMD EPYC\n\nprocessor\t: 1\nvendor_id\t: other\n");
}

static void test_machine(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;
	const struct function *f;

	make_machine(t);
	p = platform_read_live(t);
	assert_non_null(p);
	assert_true(p->finished);
	assert_int_equal(p->nr_functions, 4);
	assert_string_equal(p->source_kind, "snapshot");
	assert_string_equal(p->source_path, t);
	assert_string_equal(p->kernel_release, "7.2.12+deb13-amd64");
	assert_string_equal(p->kernel_cmdline, "quiet iommu=pt");
	assert_string_equal(p->machine, "x86_64");
	assert_true(p->cpu.known);
	assert_string_equal(p->cpu.vendor, "AuthenticAMD");
	assert_int_equal(p->cpu.family, 25);
	assert_int_equal(p->cpu.model, 1);
	assert_string_equal(p->cpu.name, "AMD EPYC");
	assert_int_equal(p->iommu_groups, KNOWN_PRESENT);

	f = find(p, "00:03.0");
	assert_int_equal(f->port_type, PORT_ROOT);
	assert_int_equal(f->acs.control, 0x1d);
	assert_int_equal(f->upstream, UPSTREAM_ROOT_BUS);
	assert_int_equal(f->iommu_group, GROUP_UNKNOWN);
	assert_null(f->driver);

	f = find(p, "01:00.0");
	assert_true(f->ids_known && f->class_known);
	assert_int_equal(f->vendor, 0x144d);
	assert_int_equal(f->device, 0xa808);
	assert_int_equal(f->subdevice, 0xa801);
	assert_int_equal(f->revision, 2);
	assert_int_equal(f->class, 0x010802);
	assert_int_equal(f->numa_node, 1);
	assert_int_equal(f->config_bytes, 4096);
	assert_int_equal(f->link.width, 4);
	assert_string_equal(f->driver, "nvme");
	assert_int_equal(f->iommu_group, 14);
	assert_string_equal(f->iommu_type, "DMA-FQ");
	assert_int_equal(f->max_virtual, 4);
	assert_int_equal(f->nr_virtual, 1);
	assert_int_equal(f->bars[0].kind, BAR_MEM64);
	assert_true(f->bars[0].prefetchable);
	assert_int_equal(f->bars[0].start, 0x20000000000);
	assert_int_equal(f->bars[0].size, 0x4000);
	assert_int_equal(f->bars[1].kind, BAR_NONE);
	assert_int_equal(f->bars[2].kind, BAR_IO);
	assert_int_equal(f->bars[3].kind, BAR_MEM64);
	assert_int_equal(f->bars[3].size, 0);
	assert_true(f->bars[3].unassigned);
	assert_false(f->bars[0].unassigned || f->bars[1].unassigned || f->bars[4].unassigned);
	assert_int_equal(f->bars[4].kind, BAR_MEM32);
	assert_int_equal(f->bars[4].size, 0x1000);
	assert_true(f->p2pmem.present && f->p2pmem.published && f->p2pmem.allocate);
	assert_int_equal(f->p2pmem.size, 67108864);
	assert_int_equal(f->p2pmem.available, 66977792);
	assert_ptr_equal(platform_upstream(p, f), find(p, "00:03.0"));

	f = find(p, "02:00.1");
	assert_true(f->is_virtual);
	assert_ptr_equal(platform_upstream(p, f), find(p, "00:03.0"));
	assert_int_equal(f->host_bridge, find(p, "01:00.0")->host_bridge);

	assert_int_equal(find(p, "80:00.0")->upstream, UPSTREAM_ROOT_BUS);
	assert_int_equal(p->nr_host_bridges, 2);
	assert_int_not_equal(find(p, "80:00.0")->host_bridge, find(p, "01:00.0")->host_bridge);
}

static void test_driver_facts(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;
	const struct function *f;

	make_machine(t);
	write_attr(t, NVME, "dma_mask_bits", "64\n");
	write_attr(t, NVME, "consistent_dma_mask_bits", "48\n");
	write_attr(t, NVME, "mem_info_vram_total", "1\n"); /* of another driver: not known what */
	write_attr(t, NVME, "power_state", "D3hot\n");
	make_function(t, "pci0000:80/" GPU);
	write_attr(t, GPU, "mem_info_vram_total", "68702699520\n");
	make_link(t, DEVICES "/" GPU "/driver", "../../../../bus/pci/drivers/amdgpu");
	make_link(t, DEVICES "/0000:00:03.0/driver", "../../../../bus/pci/drivers/pcieport");
	write_attr(t, "0000:00:03.0", "dma_mask_bits", "32\n"); /* nor has a port's */
	make_link(t, DEVICES "/" NVME "/iommu", "../../../../virtual/iommu/dmar3");
	write_attr(t, "0000:80:00.0", "dma_mask_bits", "32\n"); /* no driver: nobody has set it */
	write_attr(t, "0000:80:00.0", "power_state", "D0\n");
	write_attr(t, "0000:00:03.0", "power_state", "unknown\n");
	p = platform_read_live(t);
	f = find(p, NVME);
	assert_int_equal(f->dma_bits, 64);
	assert_int_equal(f->coherent_dma_bits, 48);
	assert_int_equal(f->memory_bytes, 0);
	assert_string_equal(f->iommu_unit, "dmar3");
	assert_true(f->power_known && !f->powered);
	f = find(p, "80:00.0");
	assert_int_equal(f->dma_bits, 0);
	assert_int_equal(f->memory_bytes, 0);
	assert_null(f->iommu_unit);
	assert_true(f->power_known && f->powered);
	assert_false(find(p, "00:03.0")->power_known);
	assert_string_equal(find(p, "00:03.0")->driver, "pcieport");
	assert_int_equal(find(p, "00:03.0")->dma_bits, 0);
	assert_int_equal(find(p, GPU)->memory_bytes, 68702699520);
}

/* An Intel VMD: its driver makes a root bus of its own below it. */
static void test_host_owner(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	make_function(t, "pci0000:80/0000:80:00.0/pci10000:e1/10000:e1:00.0");
	make_function(t, "pci0000:80/0000:80:00.0/pci10000:e1/10000:e1:00.0/10000:e2:00.0");
	p = platform_read_live(t);
	assert_true(find(p, "10000:e1:00.0")->has_host_owner);
	assert_true(find(p, "10000:e2:00.0")->has_host_owner);
	assert_false(find(p, "80:00.0")->has_host_owner);
	assert_int_equal(p->nr_host_bridges, 3);
	assert_int_equal(p->host_bridges[2].owner, find(p, "80:00.0") - p->functions);
	assert_int_equal(p->host_bridges[0].owner, -1);
}

static void test_iommu_units(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	make_link(t, "/sys/class/iommu/dmar10", "../../devices/virtual/iommu/dmar10");
	make_link(t, "/sys/class/iommu/dmar2", "../../devices/virtual/iommu/dmar2");
	make_link(t, "/sys/class/iommu/ivhd0", "../../devices/pci0000:00/0000:00:00.2/iommu/ivhd0");
	make_link(t, "/sys/class/iommu/lost", "../../devices/lost");
	write_text(t, "/sys/devices/virtual/iommu/dmar10/intel-iommu/cap", "d2008c40660462\n");
	write_text(t, "/sys/devices/virtual/iommu/dmar10/intel-iommu/ecap", "f050da\n");
	write_text(t, "/sys/devices/virtual/iommu/dmar2/intel-iommu/cap", "no number\n");
	make_link(t, "/sys/devices/pci0000:00/0000:00:00.2/iommu/ivhd0/device",
		  "../../../0000:00:00.2");
	p = platform_read_live(t);
	assert_int_equal(p->nr_iommu_units, 4);
	assert_string_equal(p->iommu_units[0].name, "dmar2");
	assert_int_equal(p->iommu_units[0].capability, 0);
	assert_string_equal(p->iommu_units[1].name, "dmar10");
	assert_int_equal(p->iommu_units[1].capability, 0xd2008c40660462);
	assert_int_equal(p->iommu_units[1].extended, 0xf050da);
	assert_false(p->iommu_units[1].is_function);
	assert_string_equal(p->iommu_units[2].name, "ivhd0");
	assert_true(p->iommu_units[2].is_function);
	assert_string_equal(pci_addr_str(p->iommu_units[2].function), "0000:00:00.2");
	assert_string_equal(p->iommu_units[3].name, "lost");
}

static void test_reserved_ranges(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	write_text(t, "/sys/kernel/iommu_groups/14/reserved_regions",
		   "0x00000000bf3e2000 0x00000000bf401fff direct\n"
		   "0x00000000fee00000 0x00000000feefffff msi\n"
		   "0x1 0x0 reserved\nnothing\n0x5 0x6\n");
	write_text(t, "/sys/kernel/iommu_groups/2/reserved_regions",
		   "0x00000000fee00000 0x00000000feefffff msi\n");
	p = platform_read_live(t);
	assert_int_equal(p->nr_reserved, 3);
	assert_int_equal(p->reserved[0].iommu_group, 2);
	assert_int_equal(p->reserved[1].iommu_group, 14);
	assert_int_equal(p->reserved[1].start, 0xbf3e2000);
	assert_int_equal(p->reserved[1].end, 0xbf401fff);
	assert_string_equal(p->reserved[1].type, "direct");
	assert_string_equal(p->reserved[2].type, "msi");
}

static void test_nodes(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	/* node 1 is offline, and one row is not to be believed */
	write_text(t, "/sys/devices/system/node/node0/distance", "10 21 31\n");
	write_text(t, "/sys/devices/system/node/node2/distance", "21 10\n");
	write_text(t, "/sys/devices/system/node/node3/distance", "32 22 10\n");
	make_dir(t, "/sys/devices/system/node/node99999");
	write_text(t, "/sys/devices/system/node/online", "0,2-3\n");
	p = platform_read_live(t);
	assert_int_equal(p->numa.nr, 4);
	assert_int_equal(p->numa.distance[0 * 4 + 0], 10);
	assert_int_equal(p->numa.distance[0 * 4 + 1], 0);
	assert_int_equal(p->numa.distance[0 * 4 + 2], 21);
	assert_int_equal(p->numa.distance[0 * 4 + 3], 31);
	assert_int_equal(p->numa.distance[3 * 4 + 0], 32);
	assert_int_equal(p->numa.distance[3 * 4 + 3], 10);
	for (int to = 0; to < 4; to++) {
		assert_int_equal(p->numa.distance[1 * 4 + to], 0);
		assert_int_equal(p->numa.distance[2 * 4 + to], 0);
	}
}

static void test_kernel_facts(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	p = platform_read_live(t);
	assert_false(p->modules_known);
	assert_null(p->kernel_config);
	assert_int_equal(p->memory_bytes, 0);
	platform_free(p);
	write_text(t, "/proc/modules",
		   "nvme_core 200704 5 nvme, Live 0xffffffffc0a51000\n"
		   "amdgpu 12345 0 - Live 0xffffffffc0000000 (OE)\n");
	write_text(t, "/proc/meminfo", "MemTotal:       16384 kB\nMemFree:  1 kB\n");
	write_text(t, "/boot/config-7.2.12+deb13-amd64", "CONFIG_PCI_P2PDMA=y\n");
	write_text(t, "/lib/modules/7.2.12+deb13-amd64/config", "CONFIG_PCI_P2PDMA=n\n");
	p = platform_read_live(t);
	assert_true(p->modules_known);
	assert_int_equal(p->nr_modules, 2);
	assert_string_equal(p->modules[0], "amdgpu");
	assert_string_equal(p->modules[1], "nvme_core");
	assert_int_equal(p->memory_bytes, 16384 * 1024);
	assert_string_equal(p->kernel_config, "CONFIG_PCI_P2PDMA=y\n");
}

static void test_modules_config(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	write_text(t, "/lib/modules/7.2.12+deb13-amd64/config", "CONFIG_PCI_P2PDMA=m\n");
	p = platform_read_live(t);
	assert_string_equal(p->kernel_config, "CONFIG_PCI_P2PDMA=m\n");
}

#define DMI "/sys/devices/virtual/dmi/id/"

static void test_firmware(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	write_text(t, DMI "sys_vendor", "Supermicro \n");
	write_text(t, DMI "product_name", "AS -4125GS-TNRT\n");
	write_text(t, DMI "bios_vendor", "American Megatrends International, LLC.\n");
	write_text(t, DMI "bios_version", "1.4\n");
	write_text(t, DMI "bios_date", "05/25/2024\n");
	p = platform_read_live(t);
	assert_string_equal(p->machine_name, "Supermicro AS -4125GS-TNRT");
	assert_string_equal(p->firmware, "American Megatrends International, LLC. 1.4 05/25/2024");
}

/* What the board's maker never filled in names nothing. */
static void test_firmware_templates(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	write_text(t, DMI "sys_vendor", "To Be Filled By O.E.M.\n");
	write_text(t, DMI "product_name", "System Product Name\n");
	write_text(t, DMI "board_name", "H13DSG\n");
	write_text(t, DMI "bios_vendor", "Default string\n");
	p = platform_read_live(t);
	assert_string_equal(p->machine_name, "H13DSG");
	assert_null(p->firmware);
}

static void remove_devices(const char *t)
{
	autofree char *devices = path_in(t, DEVICES);

	assert_int_equal(rmdir(devices), 0);
}

static void test_no_bus(void **state)
{
	const char *t = *state;

	remove_devices(t);
	errno = 0;
	assert_null(platform_read_live(t));
	assert_int_equal(errno, ENOENT);
}

static void test_empty_bus(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = platform_read_live(t);

	assert_non_null(p);
	assert_int_equal(p->nr_functions, 0);
	assert_null(p->kernel_release);
	assert_null(p->machine);
	assert_false(p->cpu.known);
	assert_int_equal(p->iommu_groups, KNOWN_NO);
	assert_non_null(gap_of(p, "kernel release"));
	assert_non_null(gap_of(p, "processor"));
	assert_non_null(gap_of(p, "iommu groups"));
}

static void test_bare_function(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;
	const struct function *f;

	make_dir(t, DEVICES "/0000:01:00.0"); /* not even a link */
	p = platform_read_live(t);
	f = find(p, "01:00.0");
	assert_false(f->ids_known || f->class_known || f->link.known || f->p2pmem.present ||
		     f->is_virtual);
	assert_int_equal(f->config_bytes, 0);
	assert_int_equal(f->acs.known, KNOWN_NO);
	assert_int_equal(f->numa_node, NUMA_UNKNOWN);
	assert_null(f->name);
	assert_non_null(strstr(gap_of(p, "config space"), "of 1 of 1 functions not seen"));
}

/* As an unprivileged user sees it: 64 bytes of config space, the rest of what sysfs shows to all. */
static void test_unprivileged(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;
	uint8_t config[CONFIG_SIZE];
	const struct function *f;

	make_machine(t);
	config_header(config, 0x144d, 0xa808, 0x010802);
	config_express(config, 0, 3, 4, 3, 4);
	write_config(t, NVME, config, 64);
	write_attr(t, NVME, "current_link_speed", "2.5 GT/s PCIe\n");
	write_attr(t, NVME, "current_link_width", "1\n");
	write_attr(t, NVME, "max_link_speed", "8.0 GT/s PCIe\n");
	write_attr(t, NVME, "max_link_width", "4\n");
	p = platform_read_live(t);
	f = find(p, "01:00.0");
	assert_int_equal(f->config_bytes, 64);
	assert_int_equal(f->port_type, PORT_UNKNOWN);
	assert_int_equal(f->acs.known, KNOWN_NO);
	assert_true(f->bus_master);
	assert_true(f->link.known);
	assert_int_equal(f->link.width, 1);
	assert_int_equal(f->link.max_width, 4);
	assert_int_equal(f->link.speed, 1);
	assert_int_equal(f->link.max_speed, 3);
	assert_ptr_equal(platform_upstream(p, f), find(p, "00:03.0"));
	/* the VF has no config space at all: another gap */
	assert_non_null(strstr(gap_of(p, "config space"), "of 1 of 4 functions not seen"));
	assert_non_null(strstr(p->gaps[1].text, "of 1 of 4 functions seen only up to byte 64"));
	assert_int_equal(p->nr_gaps, 2);
}

/* `resource` with so many lines, two of which hold something. */
static void write_resource(const char *t, int lines, int at, const char *line, int also,
			   const char *other)
{
	autofree char *text = xstrdup("");

	for (int i = 0; i < lines; i++) {
		char *longer = xasprintf("%s%s\n", text,
					 i == at     ? line
					 : i == also ? other
						     : "0x0000000000000000 0x0000000000000000 "
						       "0x0000000000000000");

		free(text);
		text = longer;
	}
	write_attr(t, "0000:00:03.0", "resource", text);
}

/* Windows as the processor sees them, which the bridge's registers need not show. */
static void test_bridge_resources(void **state)
{
	static const char window[] = "0x00000400fe000000 0x00000400fe1fffff 0x0000000000000200";
	static const char bar[] = "0x00000400fd000000 0x00000400fd000fff 0x0000000010040200";
	static const struct {
		int lines, at;
		uint64_t start;
	} cases[] = {
		{ 11, 8, 0x400fe000000 }, /* a kernel that knows nothing of SR-IOV */
		{ 17, 14, 0x400fe000000 },
		{ 17, 8, 0xfe000000 }, /* a BAR of VFs: the registers count */
		{ 12, 9, 0xfe000000 }, /* nobody knows */
	};
	const char *t = *state;
	uint8_t config[CONFIG_SIZE];

	make_machine(t);
	config_header(config, 0x8086, 0x3420, 0x060400);
	config_bridge(config, 0, 1, 2);
	config_windows(config, 0xf000, 0x0fff, 0xfe000000, 0xfe1fffff, 0x1000, 0xfffff);
	write_config(t, "0000:00:03.0", config, sizeof(config));
	write_attr(t, "0000:00:03.0", "class", "0x060400\n");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autoplatform struct platform *p = NULL;
		const struct function *f;

		write_resource(t, cases[i].lines, cases[i].at, window, 0, bar);
		p = platform_read_live(t);
		f = find(p, "00:03.0");
		assert_true(f->windows[WINDOW_MEMORY].known);
		assert_int_equal(f->windows[WINDOW_MEMORY].start, cases[i].start);
		assert_true(f->windows[WINDOW_IO].start > f->windows[WINDOW_IO].end);
		assert_int_equal(f->bars[0].start, 0x400fd000000);
		assert_true(f->bars[0].disabled && !f->bars[0].unassigned);
	}
}

/* One that the kernel let go of is not what it says. */
static void test_window_without_address(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_machine(t);
	write_attr(t, "0000:00:03.0", "class", "0x060400\n");
	write_resource(t, 17, 14, "0x0000000000000000 0x00000000001fffff 0x0000000020000200", 15,
		       "0x0000020000000000 0x00000200001fffff 0x0000000000102201");
	p = platform_read_live(t);
	assert_int_equal(find(p, "00:03.0")->windows[WINDOW_MEMORY].end, 0xfffff); /* registers */
	assert_int_equal(find(p, "00:03.0")->windows[WINDOW_PREFETCHABLE].end, 0x200001fffff);
}

static void test_link_words(void **state)
{
	static const struct {
		const char *text;
		uint8_t speed;
	} cases[] = {
		{ "16.0 GT/s PCIe\n", 4 }, { "32 GT/s\n", 5 }, { "64.0 GT/s PCIe\n", 6 },
		{ "Unknown\n", 0 },        { "\n", 0 },        { "8.00 GT/s\n", 0 },
	};
	const char *t = *state;

	make_function(t, "pci0000:00/" NVME);
	write_attr(t, NVME, "current_link_width", "0\n");
	write_attr(t, NVME, "max_link_width", "4\n");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct platform *p;

		write_attr(t, NVME, "current_link_speed", cases[i].text);
		p = platform_read_live(t);
		assert_true(find(p, "01:00.0")->link.known);
		assert_int_equal(find(p, "01:00.0")->link.speed, cases[i].speed);
		platform_free(p);
	}
}

static void test_unreadable_config(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;
	const struct function *f;

	make_function(t, "pci0000:00/0000:00:03.0");
	make_dir(t, DEVICES "/0000:00:03.0/config"); /* reading it fails, for root as well */
	write_attr(t, "0000:00:03.0", "class", "0x060400\n");
	write_attr(t, "0000:00:03.0", "secondary_bus_number", "1\n");
	write_attr(t, "0000:00:03.0", "subordinate_bus_number", "3\n");
	make_dir(t, DEVICES "/0000:01:00.0");
	p = platform_read_live(t);
	f = find(p, "00:03.0");
	assert_int_equal(f->config_bytes, 0);
	assert_true(f->is_bridge);
	assert_int_equal(f->secondary, 1);
	assert_int_equal(f->subordinate, 3);
	assert_ptr_equal(platform_upstream(p, find(p, "01:00.0")), f);
}

/* Config space larger than there is, as no kernel shows it. */
static void test_oversized_config(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;
	static const uint8_t config[CONFIG_SIZE + 1];

	make_function(t, "pci0000:00/" NVME);
	write_config(t, NVME, config, sizeof(config));
	p = platform_read_live(t);
	assert_int_equal(find(p, "01:00.0")->config_bytes, 0);
}

static void test_strange_entries(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_function(t, "pci0000:00/0000:00:00.0");
	make_dir(t, DEVICES "/something");
	make_link(t, DEVICES "/0000:05:00.0", "../../../devices/gone"); /* went away meanwhile */
	write_text(t, DEVICES "/0000:06:00.0", "a file");
	p = platform_read_live(t);
	assert_int_equal(p->nr_functions, 1);
	assert_non_null(strstr(gap_of(p, "something"), "no PCI address"));
	assert_non_null(strstr(gap_of(p, "0000:05:00.0"), "No such file"));
	assert_null(gap_of(p, "0000:06:00.0")); /* a file is no function */
}

/* Links lead through the capture, absolute ones too, and never out of it. */
static void test_links_stay_inside(void **state)
{
	const char *t = *state;
	autofree char *secret = path_in(t, "/secret");
	autoplatform struct platform *p = NULL;
	const struct function *f;

	write_text(t, "/secret", "0x1234\n");
	make_function(t, "pci0000:00/0000:00:00.0");
	make_link(t, DEVICES "/0000:00:00.0/vendor", secret); /* absolute, of this machine */
	make_link(t, DEVICES "/0000:00:00.0/device", "../../../../../../../../../../../etc/passwd");
	make_link(t, DEVICES "/0000:00:00.0/class", "/class-of-the-capture/class");
	write_text(t, "/sys/devices/class/class", "0x060000\n");
	make_link(t, DEVICES "/0000:00:1f.0", "/sys/devices/elsewhere");
	write_text(t, "/sys/devices/elsewhere/vendor", "0x8086\n");
	write_text(t, "/sys/devices/elsewhere/device", "0x0001\n");
	make_link(t, DEVICES "/0000:00:1e.0", "0000:00:1e.0"); /* itself */
	p = platform_read_live(t);
	f = find(p, "00:00.0");
	assert_false(f->ids_known);
	assert_false(f->class_known);
	f = find(p, "00:1f.0");
	assert_true(f->ids_known);
	assert_int_equal(f->vendor, 0x8086);
	assert_non_null(strstr(gap_of(p, "0000:00:1e.0"), "symbolic links"));
}

/* Opening a device can do something, and a pipe has no end: only plain files are read. */
static void test_special_files(void **state)
{
	const char *t = *state;
	autofree char *fifo = path_in(t, "/sys/devices/pci0000:00/0000:00:00.0/vendor");
	autoclose int fd = -1;
	int writer;
	autoplatform struct platform *p = NULL;

	make_function(t, "pci0000:00/0000:00:00.0");
	assert_int_equal(mkfifo(fifo, 0644), 0);
	/* what was written stays while somebody has it open, and then it ends */
	fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	writer = open(fifo, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(writer, "0x8086\n", 7), 7);
	assert_int_equal(close(writer), 0);
	write_attr(t, "0000:00:00.0", "device", "0x0001\n");
	p = platform_read_live(t);
	assert_false(find(p, "00:00.0")->ids_known);
}

/* The directory may be a copy of /sys alone, or hold the one that has it. */
static void test_where_sys_is(void **state)
{
	const char *t = *state;
	autofree char *sys = path_in(t, "/gathered/sys");
	autofree char *above = path_in(t, "/gathered");
	const char *const dirs[] = { t, above, sys };

	write_text(t, "/gathered" DEVICES "/0000:00:00.0/vendor", "0x8086\n");
	write_text(t, "/gathered" DEVICES "/0000:00:00.0/device", "0x0001\n");
	remove_devices(t);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		autoplatform struct platform *p = platform_read_live(dirs[i]);

		assert_non_null(p);
		assert_int_equal(find(p, "00:00.0")->device, 1);
	}
}

static void test_hostile_attributes(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;
	const struct function *f;
	json_t *doc;

	make_function(t, "pci0000:00/" NVME);
	write_attr(t, NVME, "vendor", "0x1ffff\n");
	write_attr(t, NVME, "device", "0xa808\n");
	write_attr(t, NVME, "class", "nvme\n");
	write_attr(t, NVME, "numa_node", "-7\n");
	write_attr(t, NVME, "resource",
		   "0xffffffffffffffff 0x0000000000000000 0x0000000000040200\n"
		   "0x0000000000000001 0xffffffffffffffff 0x0000000000040200\n"
		   "0x1\n"
		   "\n"
		   "0xfe000000 0xfe000fff what\n");
	write_attr(t, NVME, "sriov_totalvfs", "100000\n");
	write_attr(t, NVME, "p2pmem/size", "-1\n");
	make_link(t, DEVICES "/" NVME "/driver", "../drivers/\xff\xfe\033[31m");
	make_link(t, DEVICES "/" NVME "/iommu_group", "../99999999999");
	make_link(t, DEVICES "/" NVME "/physfn", "../nobody");
	write_text(t, "/proc/cpuinfo",
		   "vendor_id: AuthenticAMDAuthenticAMD\ncpu family: minus\nno colon\nmodel: 1\n");
	p = platform_read_live(t);
	f = find(p, "01:00.0");
	assert_false(f->ids_known || f->class_known || f->is_virtual || f->p2pmem.present);
	assert_int_equal(f->numa_node, NUMA_UNKNOWN);
	for (int i = 0; i < PCI_BARS; i++)
		assert_int_equal(f->bars[i].kind, BAR_NONE);
	assert_int_equal(f->max_virtual, 0);
	assert_int_equal(f->iommu_group, GROUP_UNKNOWN);
	assert_null(strchr(f->driver, '\033'));
	assert_string_equal(p->cpu.vendor, "AuthenticAMDAut");
	assert_int_equal(p->cpu.family, 0);
	assert_int_equal(p->cpu.model, 1);
	doc = platform_to_json(p);
	assert_non_null(doc);
	json_decref(doc);
}

static void test_iommu_groups(void **state)
{
	const char *t = *state;
	struct platform *p;

	make_dir(t, "/sys/kernel/iommu_groups");
	p = platform_read_live(t);
	assert_int_equal(p->iommu_groups, KNOWN_ABSENT);
	platform_free(p);

	/* a capture with the links alone */
	make_function(t, "pci0000:00/" NVME);
	make_link(t, DEVICES "/" NVME "/iommu_group", "../../kernel/iommu_groups/0");
	p = platform_read_live(t);
	assert_int_equal(p->iommu_groups, KNOWN_PRESENT);
	assert_int_equal(find(p, "01:00.0")->iommu_group, 0);
	assert_null(find(p, "01:00.0")->iommu_type);
	platform_free(p);
}

static void test_other_processor(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	write_text(t, "/proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 50.00\nCPU part\t: 0xd0c\n");
	p = platform_read_live(t);
	assert_true(p->cpu.known);
	assert_string_equal(p->cpu.vendor, "");
}

/* VMD and the like: a domain below a function of another, with a root bus of its own. */
static void test_domain_below_function(void **state)
{
	const char *t = *state;
	autoplatform struct platform *p = NULL;

	make_function(t, "pci0000:3a/0000:3a:05.5");
	make_function(t, "pci0000:3a/0000:3a:05.5/pci10000:00/10000:00:02.0");
	make_function(t, "pci0000:3a/0000:3a:05.5/pci10000:00/10000:00:02.0/10000:01:00.0");
	p = platform_read_live(t);
	assert_int_equal(p->nr_host_bridges, 2);
	assert_int_equal(find(p, "10000:00:02.0")->upstream, UPSTREAM_ROOT_BUS);
	assert_ptr_equal(platform_upstream(p, find(p, "10000:01:00.0")), find(p, "10000:00:02.0"));
}

/* The machine that the test runs on, whatever it is. */
static void test_this_machine(void **state attr_unused)
{
	autoplatform struct platform *p = platform_read_live(NULL);

	if (!p) {
		assert_int_equal(errno, ENOENT);
		return;
	}
	assert_true(p->finished);
	assert_null(p->source_path);
	assert_non_null(p->kernel_release);
	for (size_t i = 0; i < p->nr_functions; i++)
		assert_true(p->functions[i].ids_known);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, test_dir_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_machine),
		TEST(test_driver_facts),
		TEST(test_host_owner),
		TEST(test_iommu_units),
		TEST(test_reserved_ranges),
		TEST(test_nodes),
		TEST(test_kernel_facts),
		TEST(test_modules_config),
		TEST(test_firmware),
		TEST(test_firmware_templates),
		TEST(test_no_bus),
		TEST(test_empty_bus),
		TEST(test_bare_function),
		TEST(test_unprivileged),
		TEST(test_bridge_resources),
		TEST(test_window_without_address),
		TEST(test_link_words),
		TEST(test_unreadable_config),
		TEST(test_oversized_config),
		TEST(test_strange_entries),
		TEST(test_links_stay_inside),
		TEST(test_special_files),
		TEST(test_where_sys_is),
		TEST(test_hostile_attributes),
		TEST(test_iommu_groups),
		TEST(test_other_processor),
		TEST(test_domain_below_function),
		TEST(test_this_machine),
	};

	return cmocka_run_group_tests_name("platform/live", tests, NULL, NULL);
}
