/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The platform document: its keys, and that what is unknown is left out and never null. */
#include "../test.h"

#include "base/alloc.h"
#include "base/jx.h"
#include "platform/platform.h"

static void assert_no_null(const json_t *j)
{
	const char *key;
	json_t *value;
	size_t i;

	assert_false(json_is_null(j));
	if (json_is_array(j))
		json_array_foreach (j, i, value)
			assert_no_null(value);
	if (json_is_object(j))
		json_object_foreach ((json_t *)j, key, value)
			assert_no_null(value);
}

static const char *string_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s)
		fail_msg("no string '%s'", key);
	return s;
}

static void assert_integer(const json_t *o, const char *key, json_int_t value)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("no integer '%s'", key);
	assert_int_equal(json_integer_value(v), value);
}

static void test_full(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("snapshot", "/x");
	struct function *f;
	const json_t *o;
	json_t *doc;

	p->kernel_release = xstrdup("7.2.12");
	p->cpu = (struct cpu_ident){ true, "AuthenticAMD", 25, 1, xstrdup("EPYC") };
	p->iommu_groups = KNOWN_PRESENT;
	f = platform_add(p, (struct pci_addr){ .dev = 3 });
	f->is_bridge = true;
	f->secondary = f->subordinate = 0x3b;
	f->port_type = PORT_ROOT;
	f->config_bytes = 4096;
	f->acs = (struct acs){ .known = KNOWN_PRESENT, .capability = 0x5f, .control = 0x1d };
	f = platform_add(p, (struct pci_addr){ .bus = 0x3b });
	f->ids_known = f->class_known = f->bus_master_known = f->bus_master = true;
	f->vendor = 0x144d;
	f->device = 0xa808;
	f->class = 0x010802;
	f->name = xstrdup("bad \xff name");
	f->driver = xstrdup("nvme");
	f->port_type = PORT_ENDPOINT;
	f->config_bytes = 4096;
	f->multifunction_known = true;
	f->acs.known = KNOWN_ABSENT;
	f->has_aer = true;
	f->link = (struct link){ true, 4, 8, 3, 4 };
	f->iommu_group = 7;
	f->iommu_type = xstrdup("DMA-FQ");
	f->numa_node = 0;
	f->max_virtual = 2;
	f->nr_virtual = 1;
	f->bars[0] = (struct bar){
		.kind = BAR_MEM64, .prefetchable = true, .start = 0x20000000000, .size = 0x4000
	};
	f->p2pmem = (struct p2pmem){ true, true, true, 1 << 26, 1 << 20 };
	f = platform_add(p, (struct pci_addr){ .bus = 0x3b, .fn = 1 });
	f->is_virtual = true;
	f->physical = (struct pci_addr){ .bus = 0x3b };
	platform_add_gap(p, "names", "no %s", "database");
	platform_finish(p);

	doc = platform_to_json(p);
	assert_no_null(doc);
	assert_string_equal(string_at(doc, "schema"), "p2pcert.platform/1");
	assert_string_equal(string_at(json_object_get(doc, "source"), "kind"), "snapshot");
	assert_string_equal(string_at(json_object_get(doc, "source"), "path"), "/x");
	assert_string_equal(string_at(json_object_get(doc, "kernel"), "release"), "7.2.12");
	o = json_object_get(doc, "cpu");
	assert_string_equal(string_at(o, "vendor"), "AuthenticAMD");
	assert_integer(o, "family", 25);
	o = json_array_get(json_object_get(doc, "host_bridges"), 0);
	assert_string_equal(string_at(o, "address"), "0000:00");
	assert_string_equal(string_at(o, "first"), "0000:00:03.0");
	assert_int_equal(json_array_size(json_object_get(doc, "functions")), 3);

	o = json_array_get(json_object_get(doc, "functions"), 0);
	assert_string_equal(string_at(o, "port_type"), "root-port");
	assert_true(json_is_true(json_object_get(o, "on_root_bus")));
	assert_null(json_object_get(o, "upstream"));
	assert_null(json_object_get(o, "vendor"));
	assert_integer(o, "secondary_bus", 0x3b);
	o = json_object_get(o, "acs");
	assert_true(json_is_true(json_object_get(o, "known")));
	assert_true(json_is_true(json_object_get(o, "present")));
	assert_string_equal(string_at(o, "capability"), "0x005f");
	assert_string_equal(string_at(o, "control"), "0x001d");

	o = json_array_get(json_object_get(doc, "functions"), 1);
	assert_string_equal(string_at(o, "address"), "0000:3b:00.0");
	assert_string_equal(string_at(o, "vendor"), "0x144d");
	assert_string_equal(string_at(o, "device"), "0xa808");
	assert_string_equal(string_at(o, "class"), "0x010802");
	assert_string_equal(string_at(o, "name"), "bad \xef\xbf\xbd name");
	assert_string_equal(string_at(o, "driver"), "nvme");
	assert_string_equal(string_at(o, "upstream"), "0000:00:03.0");
	assert_false(json_is_true(json_object_get(o, "on_root_bus")));
	assert_true(json_is_false(json_object_get(o, "multifunction")));
	assert_integer(o, "numa_node", 0);
	assert_integer(o, "config_bytes", 4096);
	assert_integer(o, "iommu_group", 7);
	assert_string_equal(string_at(o, "iommu_type"), "DMA-FQ");
	assert_integer(o, "max_virtual_functions", 2);
	assert_integer(o, "virtual_functions", 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(o, "capabilities"), 0)), "aer");
	assert_integer(json_object_get(o, "link"), "width", 4);
	assert_integer(json_object_get(o, "link"), "max_generation", 4);
	assert_integer(json_object_get(o, "p2pmem"), "available", 1 << 20);
	assert_true(json_is_false(json_object_get(json_object_get(o, "acs"), "present")));
	o = json_array_get(json_object_get(o, "bars"), 0);
	assert_integer(o, "index", 0);
	assert_string_equal(string_at(o, "kind"), "mem64");
	assert_string_equal(string_at(o, "start"), "0x20000000000");
	assert_integer(o, "size", 0x4000);

	o = json_array_get(json_object_get(doc, "functions"), 2);
	assert_string_equal(string_at(o, "physical_function"), "0000:3b:00.0");
	assert_string_equal(string_at(o, "upstream"), "0000:00:03.0");

	o = json_array_get(json_object_get(doc, "gaps"), 0);
	assert_string_equal(string_at(o, "subject"), "names");
	assert_string_equal(string_at(o, "text"), "no database");
	json_decref(doc);
}

static const json_t *object_at(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_object(v))
		fail_msg("no object '%s'", key);
	return v;
}

static void assert_flag(const json_t *o, const char *key, bool value)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_boolean(v))
		fail_msg("no flag '%s'", key);
	assert_int_equal(json_is_true(v), value);
}

/* Every field by its bits: which is which, and which are not seen. */
static void test_registers(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("snapshot", "/x");
	struct function *f = platform_add(p, (struct pci_addr){ .dev = 3 });
	autojson json_t *doc = NULL;
	const json_t *function, *o;

	f->command = (struct reg){ 0x0406, 0xffff };
	f->bridge_control = (struct reg){ BRIDGE_CONTROL_BUS_RESET, BRIDGE_CONTROL_BUS_RESET };
	f->express.device_capabilities = (struct reg){ 0x10008022, 0xffffffff };
	f->express.device_control = (struct reg){ 0x7000 | 0x0060 | DEVCTL_RELAXED, 0xffff };
	f->express.device_status = (struct reg){ DEVSTA_FATAL, DEVSTA_FATAL | DEVSTA_NONFATAL };
	f->express.link_control = (struct reg){ 0x0042, 0xffff };
	f->express.device_control_2 = (struct reg){ 0x0006 | DEVCTL2_ATOMIC_EGRESS_BLOCK, 0xffff };
	f->errors.uncorrectable = (struct reg){ AER_ACS_VIOLATION, 0xffffffff };
	f->errors.dpc_control = (struct reg){ 2, 0xffff };
	f->ats_control = (struct reg){ 0x8005, 0xffff };
	f->sriov_control = (struct reg){ SRIOV_VF_ENABLE, SRIOV_VF_ENABLE };
	f->windows[WINDOW_IO] = (struct window){ true, 1, 0 };
	f->windows[WINDOW_PREFETCHABLE] = (struct window){ true, 0x20000000000, 0x203ffffffff };
	f->rebars[0] = (struct rebar){ .bar = 2, .size = 33, .sizes = 1ull << 33 | 1ull << 63 };
	f->nr_rebars = 1;
	f->bars[2] = (struct bar){ .kind = BAR_MEM64, .unassigned = true, .disabled = true };
	platform_finish(p);
	doc = platform_to_json(p);
	assert_no_null(doc);
	function = json_array_get(json_object_get(doc, "functions"), 0);

	o = object_at(function, "command");
	assert_string_equal(string_at(o, "register"), "0x0406");
	assert_flag(o, "io_space", false);
	assert_flag(o, "memory_space", true);
	o = object_at(function, "bridge_control");
	assert_null(json_object_get(o, "register")); /* not seen whole */
	assert_flag(o, "secondary_bus_reset", true);

	o = object_at(function, "express");
	assert_string_equal(string_at(o, "device_capabilities"), "0x10008022");
	assert_integer(o, "max_payload_size_supported", 512);
	assert_integer(o, "max_payload_size", 1024);
	assert_null(json_object_get(o, "max_read_request_size")); /* 7 is no size */
	assert_flag(o, "relaxed_ordering", true);
	assert_flag(o, "no_snoop", false);
	assert_null(json_object_get(o, "device_status"));
	assert_flag(o, "fatal_error_detected", true);
	assert_flag(o, "non_fatal_error_detected", false);
	assert_null(json_object_get(o, "correctable_error_detected"));
	assert_integer(o, "aspm", 2);
	assert_integer(o, "completion_timeout_value", 6);
	assert_flag(o, "atomic_op_egress_blocking", true);
	assert_null(json_object_get(o, "atomic_op_routing_supported"));

	o = object_at(function, "errors");
	assert_flag(o, "acs_violation", true);
	assert_flag(o, "poisoned_tlp", false);
	assert_integer(o, "dpc_trigger_enable", 2);
	assert_null(json_object_get(o, "dpc_triggered"));
	assert_flag(object_at(function, "ats"), "enabled", true);
	assert_flag(object_at(function, "sr_iov"), "vf_enable", true);
	assert_null(json_object_get(function, "pri"));

	o = object_at(function, "windows");
	assert_flag(object_at(o, "io"), "open", false);
	assert_null(json_object_get(object_at(o, "io"), "start"));
	assert_null(json_object_get(o, "memory"));
	assert_string_equal(string_at(object_at(o, "prefetchable"), "end"), "0x203ffffffff");

	o = json_array_get(json_object_get(function, "resizable_bars"), 0);
	assert_integer(o, "bar", 2);
	assert_integer(o, "size", 1ll << 33);
	assert_int_equal(json_array_size(json_object_get(o, "sizes")), 1);
	o = json_array_get(json_object_get(function, "bars"), 0);
	assert_flag(o, "unassigned", true);
	assert_flag(o, "disabled", true);
}

static void test_machine_facts(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("snapshot", "/x");
	struct function *f;
	autojson json_t *doc = NULL;
	const json_t *o;

	p->kernel_config = xstrdup("CONFIG_PCI_P2PDMA=y\nCONFIG_VMD=m\n");
	p->modules = xcalloc(1, sizeof(*p->modules));
	p->modules[0] = xstrdup("nvme");
	p->nr_modules = 1;
	p->modules_known = true;
	p->machine_name = xstrdup("Maker Box");
	p->firmware = xstrdup("AMI 1.4 05/25/2024");
	p->memory_bytes = 1ull << 40;
	p->numa.nr = 2;
	p->numa.distance = xcalloc(4, 1);
	p->numa.distance[1] = 21;
	p->iommu_units = xcalloc(1, sizeof(*p->iommu_units));
	p->iommu_units[0] = (struct iommu_unit){ .name = xstrdup("dmar0"),
						 .is_function = true,
						 .capability = 0xd2008c40660462 };
	p->nr_iommu_units = 1;
	p->reserved = xcalloc(1, sizeof(*p->reserved));
	p->reserved[0] = (struct reserved_range){ 7, 0xfee00000, 0xfeefffff, xstrdup("msi") };
	p->nr_reserved = 1;
	f = platform_add(p, (struct pci_addr){ .dev = 3 });
	f->maybe_virtual = true;
	f->dma_bits = 48;
	f->power_known = true;
	f->memory_bytes = 1 << 30;
	f->iommu_unit = xstrdup("dmar0");
	f = platform_add(p, (struct pci_addr){ .domain = 0x10000, .bus = 0xe0 });
	f->parent_kind = PARENT_ROOT_BUS;
	f->has_host_owner = true;
	f->host_owner = (struct pci_addr){ .dev = 3 };
	platform_finish(p);
	doc = platform_to_json(p);
	assert_no_null(doc);

	o = json_object_get(doc, "kernel");
	assert_string_equal(string_at(object_at(o, "config"), "CONFIG_PCI_P2PDMA"), "y");
	assert_string_equal(string_at(object_at(o, "config"), "CONFIG_VMD"), "m");
	assert_string_equal(string_at(object_at(o, "config"), "CONFIG_ZONE_DEVICE"), "n");
	assert_int_equal(json_array_size(json_object_get(o, "modules")), 1);
	o = object_at(doc, "host");
	assert_string_equal(string_at(o, "name"), "Maker Box");
	assert_string_equal(string_at(o, "firmware"), "AMI 1.4 05/25/2024");
	assert_integer(o, "memory_bytes", 1ll << 40);
	o = json_array_get(json_object_get(o, "numa_distances"), 0);
	assert_int_equal(json_integer_value(json_array_get(o, 1)), 21);
	o = json_array_get(json_object_get(doc, "iommu_units"), 0);
	assert_string_equal(string_at(o, "function"), "0000:00:00.0");
	assert_string_equal(string_at(o, "capability"), "0x00d2008c40660462");
	assert_null(json_object_get(o, "extended_capability"));
	o = json_array_get(json_object_get(doc, "reserved_ranges"), 0);
	assert_integer(o, "iommu_group", 7);
	assert_string_equal(string_at(o, "end"), "0xfeefffff");
	o = json_array_get(json_object_get(doc, "host_bridges"), 1);
	assert_string_equal(string_at(o, "owner"), "0000:00:03.0");
	o = json_array_get(json_object_get(doc, "functions"), 0);
	assert_flag(o, "maybe_virtual", true);
	assert_flag(o, "in_d0", false);
	assert_integer(o, "dma_mask_bits", 48);
	assert_null(json_object_get(o, "coherent_dma_mask_bits"));
	assert_integer(o, "memory_bytes", 1 << 30);
	assert_string_equal(string_at(o, "iommu_unit"), "dmar0");
}

static void test_unknown(void **state attr_unused)
{
	static const char *const absent[] = {
		"vendor",
		"device",
		"class",
		"name",
		"driver",
		"upstream",
		"on_root_bus",
		"multifunction",
		"numa_node",
		"bus_master",
		"capabilities",
		"link",
		"iommu_group",
		"iommu_type",
		"p2pmem",
		"physical_function",
		"command",
		"bridge_control",
		"windows",
		"express",
		"errors",
		"ats",
		"pri",
		"pasid",
		"sr_iov",
		"resizable_bars",
		"maybe_virtual",
		"non_transparent_bridge",
		"iommu_unit",
		"dma_mask_bits",
		"coherent_dma_mask_bits",
		"in_d0",
		"memory_bytes",
	};
	autoplatform struct platform *p = platform_new("live", NULL);
	struct function *f = platform_add(p, (struct pci_addr){ .bus = 1 });
	const json_t *o;
	json_t *doc;

	f->parent_kind = PARENT_BRIDGE; /* one that is not in the model */
	platform_finish(p);
	doc = platform_to_json(p);
	assert_no_null(doc);
	assert_null(json_object_get(doc, "cpu"));
	assert_null(json_object_get(doc, "iommu_in_use"));
	assert_null(json_object_get(doc, "host"));
	assert_null(json_object_get(doc, "iommu_units"));
	assert_null(json_object_get(doc, "reserved_ranges"));
	assert_null(json_object_get(json_object_get(doc, "kernel"), "config"));
	assert_null(json_object_get(json_object_get(doc, "kernel"), "modules"));
	assert_null(json_object_get(json_object_get(doc, "source"), "path"));
	assert_null(json_object_get(json_object_get(doc, "kernel"), "release"));
	o = json_array_get(json_object_get(doc, "functions"), 0);
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		if (json_object_get(o, absent[i]))
			fail_msg("'%s' is not left out", absent[i]);
	assert_true(json_is_false(json_object_get(json_object_get(o, "acs"), "known")));
	assert_null(json_object_get(json_object_get(o, "acs"), "present"));
	assert_integer(o, "config_bytes", 0);
	assert_true(json_is_array(json_object_get(o, "bars")));
	assert_string_equal(string_at(o, "port_type"), "unknown");
	json_decref(doc);
}

static void test_empty(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("live", NULL);
	json_t *doc;

	platform_finish(p);
	doc = platform_to_json(p);
	assert_true(json_is_array(json_object_get(doc, "functions")));
	assert_true(json_is_array(json_object_get(doc, "host_bridges")));
	assert_true(json_is_array(json_object_get(doc, "gaps")));
	json_decref(doc);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),          cmocka_unit_test(test_registers),
		cmocka_unit_test(test_machine_facts), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests_name("platform/platform_json", tests, NULL, NULL);
}
