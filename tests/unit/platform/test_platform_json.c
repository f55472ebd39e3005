/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The platform document: its keys, and that what is unknown is left out and never null. */
#include "../test.h"

#include "base/alloc.h"
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

static void test_unknown(void **state attr_unused)
{
	static const char *const absent[] = {
		"vendor",      "device",     "class",        "name",
		"driver",      "upstream",   "on_root_bus",  "multifunction",
		"numa_node",   "bus_master", "capabilities", "link",
		"iommu_group", "iommu_type", "p2pmem",       "physical_function",
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
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests_name("platform/platform_json", tests, NULL, NULL);
}
