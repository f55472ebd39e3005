/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building the model: order, bridges above, host bridges, virtual functions, what is not known. */
#include "../test.h"

#include "base/alloc.h"
#include "platform/platform.h"

static struct pci_addr at(const char *text)
{
	struct pci_addr addr;

	if (pci_addr_parse(text, &addr) < 0)
		fail_msg("'%s' is no address", text);
	return addr;
}

static struct function *add(struct platform *p, const char *address, enum port_type type,
			    uint8_t secondary)
{
	struct function *f = platform_add(p, at(address));

	assert_non_null(f);
	f->port_type = type;
	f->is_bridge = secondary;
	f->secondary = secondary;
	f->config_bytes = 4096;
	f->acs.known = KNOWN_ABSENT;
	return f;
}

/* The address above, "root bus" or "unknown". */
static const char *above(const struct platform *p, const char *address)
{
	static char text[PCI_ADDR_TEXT_MAX];
	const struct function *f = platform_find(p, at(address));

	assert_non_null(f);
	if (f->upstream == UPSTREAM_ROOT_BUS || f->upstream == UPSTREAM_UNKNOWN) {
		assert_null(platform_upstream(p, f));
		return f->upstream == UPSTREAM_ROOT_BUS ? "root bus" : "unknown";
	}
	return pci_addr_format(platform_upstream(p, f)->addr, text);
}

static void assert_host_bridge(const struct platform *p, const char *address, uint32_t domain,
			       uint8_t bus)
{
	const struct function *f = platform_find(p, at(address));

	assert_in_range(f->host_bridge, 0, p->nr_host_bridges - 1);
	assert_int_equal(p->host_bridges[f->host_bridge].domain, domain);
	assert_int_equal(p->host_bridges[f->host_bridge].bus, bus);
}

static void test_order(void **state attr_unused)
{
	static const char *const given[] = { "80:00.0", "00:1f.3", "10000:00:00.0",
					     "00:00.0", "00:1f.0", "ffffffff:ff:1f.7" };
	static const char *const sorted[] = { "0000:00:00.0", "0000:00:1f.0",  "0000:00:1f.3",
					      "0000:80:00.0", "10000:00:00.0", "ffffffff:ff:1f.7" };
	autoplatform struct platform *p = platform_new("test", NULL);

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		assert_non_null(platform_add(p, at(given[i])));
	platform_finish(p);
	assert_int_equal(p->nr_functions, ARRAY_LEN(sorted));
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		assert_string_equal(pci_addr_str(p->functions[i].addr), sorted[i]);
	assert_null(platform_find(p, at("00:01.0")));
}

static void test_twice(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	assert_non_null(platform_add(p, at("00:01.0")));
	errno = 0;
	assert_null(platform_add(p, at("00:01.0")));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(p->nr_functions, 1);
}

static void test_new_function_is_unknown(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);
	const struct function *f = platform_add(p, at("00:01.0"));

	assert_false(f->ids_known || f->class_known || f->bus_master_known || f->link.known);
	assert_int_equal(f->acs.known, KNOWN_NO);
	assert_int_equal(f->port_type, PORT_UNKNOWN);
	assert_int_equal(f->numa_node, NUMA_UNKNOWN);
	assert_int_equal(f->iommu_group, GROUP_UNKNOWN);
}

static void test_hierarchy(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	/* from below to above: the order in which a source finds them does not matter */
	add(p, "03:00.0", PORT_ENDPOINT, 0);
	add(p, "02:00.0", PORT_DOWNSTREAM, 3);
	add(p, "01:00.0", PORT_UPSTREAM, 2);
	add(p, "00:03.0", PORT_ROOT, 1);
	add(p, "00:01.0", PORT_RC_ENDPOINT, 0)->numa_node = 1;
	add(p, "80:00.0", PORT_ROOT, 0x81);
	add(p, "81:00.0", PORT_ENDPOINT, 0);
	add(p, "10000:01:00.0", PORT_ENDPOINT, 0);
	add(p, "10000:00:03.0", PORT_ROOT, 1);
	platform_finish(p);
	assert_string_equal(above(p, "03:00.0"), "0000:02:00.0");
	assert_string_equal(above(p, "02:00.0"), "0000:01:00.0");
	assert_string_equal(above(p, "01:00.0"), "0000:00:03.0");
	assert_string_equal(above(p, "00:03.0"), "root bus");
	assert_string_equal(above(p, "81:00.0"), "0000:80:00.0");
	assert_string_equal(above(p, "10000:01:00.0"), "10000:00:03.0");
	assert_int_equal(p->nr_host_bridges, 3);
	assert_host_bridge(p, "03:00.0", 0, 0);
	assert_host_bridge(p, "81:00.0", 0, 0x80);
	assert_host_bridge(p, "10000:01:00.0", 0x10000, 0);
	assert_string_equal(pci_addr_str(p->functions[p->host_bridges[0].first].addr),
			    "0000:00:01.0");
	assert_int_equal(p->host_bridges[0].numa_node, 1);
	assert_int_equal(p->nr_gaps, 0);
}

/* Bus 0 of an unconfigured bridge, and a bridge that claims a bus at or above its own. */
static void test_bridges_that_own_nothing(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	add(p, "00:01.0", PORT_ROOT, 1)->secondary = 0;
	add(p, "00:02.0", PORT_RC_ENDPOINT, 0);
	add(p, "05:00.0", PORT_CONVENTIONAL_BRIDGE, 5);
	add(p, "06:00.0", PORT_CONVENTIONAL_BRIDGE, 5);
	platform_finish(p);
	assert_string_equal(above(p, "00:02.0"), "root bus");
	assert_string_equal(above(p, "05:00.0"), "root bus");
	assert_string_equal(above(p, "06:00.0"), "root bus");
}

static void test_stated_parent(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);
	struct function *f;

	/* what the source says wins over bus numbers */
	add(p, "00:01.0", PORT_ROOT, 2);
	add(p, "00:02.0", PORT_ROOT, 0);
	f = add(p, "02:00.0", PORT_ENDPOINT, 0);
	f->parent_kind = PARENT_BRIDGE;
	f->parent = at("00:02.0");
	f = add(p, "03:00.0", PORT_ENDPOINT, 0);
	f->parent_kind = PARENT_ROOT_BUS;
	f = add(p, "04:00.0", PORT_ENDPOINT, 0);
	f->parent_kind = PARENT_BRIDGE;
	f->parent = at("00:07.0"); /* was not seen */
	platform_finish(p);
	assert_string_equal(above(p, "02:00.0"), "0000:00:02.0");
	assert_string_equal(above(p, "03:00.0"), "root bus");
	assert_host_bridge(p, "03:00.0", 0, 3);
	assert_string_equal(above(p, "04:00.0"), "unknown");
	assert_int_equal(platform_find(p, at("04:00.0"))->host_bridge, -1);
	assert_int_equal(p->nr_gaps, 1);
	assert_string_equal(p->gaps[0].subject, "0000:04:00.0");
}

/* Parents that would close a loop, or that are in another domain, are not believed. */
static void test_hostile_parents(void **state attr_unused)
{
	static const char *const addresses[] = { "01:00.0", "02:00.0", "03:00.0", "10000:04:00.0" };
	static const char *const parents[] = { "02:00.0", "02:00.0", "02:00.0", "01:00.0" };
	autoplatform struct platform *p = platform_new("test", NULL);

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct function *f = add(p, addresses[i], PORT_UPSTREAM, 1);

		f->parent_kind = PARENT_BRIDGE;
		f->parent = at(parents[i]);
	}
	platform_finish(p);
	assert_string_equal(above(p, "01:00.0"), "unknown");
	assert_string_equal(above(p, "02:00.0"), "unknown");
	assert_string_equal(above(p, "03:00.0"), "0000:02:00.0");
	assert_string_equal(above(p, "10000:04:00.0"), "unknown");
}

/* Without a word from the source: a bus that no bridge owns, and what can stand on a root bus. */
static void test_bridge_not_seen(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	add(p, "00:00.0", PORT_ENDPOINT, 0); /* bus 0 has no bridge above, as in virtual machines */
	add(p, "3b:00.0", PORT_ENDPOINT, 0);
	add(p, "5d:00.0", PORT_ROOT, 0x5e);
	add(p, "7f:00.0", PORT_CONVENTIONAL, 0);
	platform_finish(p);
	assert_string_equal(above(p, "00:00.0"), "root bus");
	assert_string_equal(above(p, "3b:00.0"), "unknown");
	assert_string_equal(above(p, "5d:00.0"), "root bus");
	assert_string_equal(above(p, "7f:00.0"), "root bus");
	assert_int_equal(p->nr_host_bridges, 3);
}

static struct function *add_vf(struct platform *p, const char *address, const char *pf)
{
	struct function *f = add(p, address, PORT_ENDPOINT, 0);

	f->is_virtual = true;
	f->physical = at(pf);
	return f;
}

static void test_virtual_functions(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	add(p, "00:03.0", PORT_ROOT, 1);
	add(p, "01:00.0", PORT_ENDPOINT, 0);
	add_vf(p, "01:00.1", "01:00.0")->multifunction = true;
	add_vf(p, "02:00.0", "01:00.0"); /* past bus 1, on a bus that no bridge owns */
	add(p, "00:02.0", PORT_RC_ENDPOINT, 0);
	add_vf(p, "00:02.1", "00:02.0");
	add_vf(p, "05:00.1", "05:00.0"); /* its PF was not seen */
	add_vf(p, "06:00.1", "01:00.1"); /* a VF is nobody's PF */
	platform_finish(p);
	assert_string_equal(above(p, "01:00.1"), "0000:00:03.0");
	assert_string_equal(above(p, "02:00.0"), "0000:00:03.0");
	assert_host_bridge(p, "02:00.0", 0, 0);
	assert_string_equal(above(p, "00:02.1"), "root bus");
	assert_host_bridge(p, "00:02.1", 0, 0);
	assert_string_equal(above(p, "05:00.1"), "unknown");
	assert_string_equal(above(p, "06:00.1"), "unknown");
	assert_int_equal(p->nr_host_bridges, 1);
	assert_false(platform_find(p, at("01:00.1"))->multifunction);
}

/* A VF on the root bus came after the scan: it does not stand for the host bridge. */
static void test_virtual_function_is_not_first(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	add_vf(p, "80:00.0", "7f:1f.0")->port_type = PORT_RC_ENDPOINT;
	add(p, "7f:1f.0", PORT_RC_ENDPOINT, 0);
	add(p, "80:01.0", PORT_ROOT, 0x81);
	platform_finish(p);
	assert_int_equal(p->nr_host_bridges, 2);
	assert_string_equal(pci_addr_str(p->functions[p->host_bridges[1].first].addr),
			    "0000:80:01.0");
	assert_host_bridge(p, "80:00.0", 0, 0x7f);
}

static void test_multifunction(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	add(p, "00:01.0", PORT_RC_ENDPOINT, 0);
	add(p, "00:01.3", PORT_RC_ENDPOINT, 0);
	add(p, "00:02.0", PORT_RC_ENDPOINT, 0)->multifunction = true;
	platform_finish(p);
	/* function 0 has its header's bit even where there are others */
	assert_false(platform_find(p, at("00:01.0"))->multifunction);
	assert_true(platform_find(p, at("00:01.3"))->multifunction);
	assert_true(platform_find(p, at("00:02.0"))->multifunction);
}

/* One gap for all that lack the same, none for what is known without. */
static void test_gaps(void **state attr_unused)
{
	static const size_t bytes[] = { 0, 64, 64, 64, 256, 256, 4096 };
	autoplatform struct platform *p = platform_new("test", NULL);

	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		struct function *f = platform_add(p, (struct pci_addr){ .dev = (uint8_t)i });

		f->config_bytes = bytes[i];
		f->acs.known = i == 3 || bytes[i] == 4096 ? KNOWN_ABSENT : KNOWN_NO;
	}
	platform_finish(p);
	assert_int_equal(p->nr_gaps, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(p->gaps[i].subject, "config space");
	assert_non_null(strstr(p->gaps[0].text, "of 1 of 7 functions not seen"));
	assert_non_null(strstr(p->gaps[1].text, "of 2 of 7 functions seen only up to byte 64"));
	assert_non_null(strstr(p->gaps[1].text, "root"));
	assert_non_null(strstr(p->gaps[2].text, "of 2 of 7 functions seen only up to byte 256"));
}

static void test_many(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("test", NULL);

	/* the longest chain that bus numbers allow, from its lower end */
	for (int bus = 255; bus >= 0; bus--) {
		struct function *f = platform_add(p, (struct pci_addr){ .bus = (uint8_t)bus });

		f->is_bridge = bus < 255;
		f->secondary = (uint8_t)(bus + 1);
		f->port_type = PORT_DOWNSTREAM;
	}
	platform_finish(p);
	assert_int_equal(p->functions[255].upstream, 254);
	assert_int_equal(p->functions[255].host_bridge, 0);
	assert_int_equal(p->nr_host_bridges, 1);
}

/* Where no bridge owns the bus, what stands on it may still tell whether it is a root bus. */
static void test_bus_without_owner(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("lspci", NULL);
	struct function *f;

	add(p, "00:01.0", PORT_ROOT, 0x10)->subordinate = 0x1f;
	add(p, "05:00.0", PORT_UNKNOWN, 0); /* could be anything */
	add(p, "11:00.0", PORT_CONVENTIONAL, 0); /* the bridge was not seen, but its range was */
	add(p, "20:00.0", PORT_CONVENTIONAL, 0);
	add(p, "30:00.0", PORT_UNKNOWN, 0)->class = 0x060000; /* a host bridge by its class */
	f = platform_add(p, at("30:01.0")); /* beside one */
	f->port_type = PORT_UNKNOWN;
	f = platform_add(p, at("30:02.0")); /* but this is behind a link */
	f->port_type = PORT_ENDPOINT;
	add(p, "40:00.0", PORT_UNKNOWN, 0)->maybe_virtual = true;
	add(p, "40:00.3", PORT_UNKNOWN, 0)->maybe_virtual = true;
	for (size_t i = 0; i < p->nr_functions; i++)
		p->functions[i].class_known = p->functions[i].class;
	platform_finish(p);
	assert_string_equal(above(p, "05:00.0"), "unknown");
	assert_string_equal(above(p, "11:00.0"), "unknown");
	assert_string_equal(above(p, "20:00.0"), "root bus");
	assert_string_equal(above(p, "30:00.0"), "root bus");
	assert_string_equal(above(p, "30:01.0"), "root bus");
	assert_string_equal(above(p, "30:02.0"), "unknown");
	assert_false(platform_find(p, at("40:00.3"))->multifunction_known);
}

/* Many of one kind are one gap. */
static void test_many_gaps(void **state attr_unused)
{
	autoplatform struct platform *p = platform_new("lspci", NULL);
	int n = 0;

	for (uint8_t dev = 0; dev < 9; dev++)
		platform_add(p, (struct pci_addr){ .bus = 5, .dev = dev })->port_type =
			PORT_ENDPOINT;
	platform_finish(p);
	for (size_t i = 0; i < p->nr_gaps; i++) {
		if (!strstr(p->gaps[i].text, "was not seen"))
			continue;
		assert_string_equal(p->gaps[i].text,
				    "the bridge above it was not seen, nor those of 8 others");
		n++;
	}
	assert_int_equal(n, 1);
}

static void test_names(void **state attr_unused)
{
	assert_string_equal(port_type_name(PORT_ROOT), "root-port");
	for (enum port_type t = PORT_UNKNOWN; t <= PORT_RC_EVENT_COLLECTOR; t++)
		assert_non_null(port_type_name(t));
	assert_string_equal(link_speed_name(1), "2.5");
	assert_string_equal(link_speed_name(6), "64");
	assert_string_equal(link_speed_name(0), "?");
	assert_string_equal(link_speed_name(7), "?");
}

static bool is_ntb(uint16_t vendor, uint16_t device, uint32_t class)
{
	autoplatform struct platform *p = platform_new("test", NULL);
	struct function *f = platform_add(p, (struct pci_addr){ .bus = 1 });

	f->ids_known = vendor;
	f->vendor = vendor;
	f->device = device;
	f->class_known = class;
	f->class = class;
	platform_finish(p);
	return p->functions[0].has_ntb;
}

static void test_ntb(void **state attr_unused)
{
	assert_true(is_ntb(0x8086, 0x347e, 0x068000));
	assert_true(is_ntb(0x8086, 0x2f0e, 0));
	assert_true(is_ntb(0x10b5, 0x87b1, 0));
	assert_false(is_ntb(0x8086, 0x2f10, 0x068000));
	assert_false(is_ntb(0, 0, 0x068000));
	/* by class, and where the class was not seen nothing is known */
	assert_true(is_ntb(0x11f8, 0x8536, 0x068000));
	assert_false(is_ntb(0x11f8, 0x8536, 0x058000));
	assert_false(is_ntb(0x11f8, 0x8536, 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_new_function_is_unknown),
		cmocka_unit_test(test_hierarchy),
		cmocka_unit_test(test_bridges_that_own_nothing),
		cmocka_unit_test(test_stated_parent),
		cmocka_unit_test(test_hostile_parents),
		cmocka_unit_test(test_bridge_not_seen),
		cmocka_unit_test(test_virtual_functions),
		cmocka_unit_test(test_virtual_function_is_not_first),
		cmocka_unit_test(test_multifunction),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bus_without_owner),
		cmocka_unit_test(test_many_gaps),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ntb),
	};

	return cmocka_run_group_tests_name("platform/platform", tests, NULL, NULL);
}
