/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What paths of the device tree say of a function's place. */
#include "../test.h"

#include "platform/device_path.h"

static struct function read_path(const char *path)
{
	struct function f = platform_function((struct pci_addr){ 0 });

	device_path_read(&f, path);
	return f;
}

static void test_bridge_above(void **state attr_unused)
{
	static const char *const paths[] = {
		"/sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0",
		"../../../devices/pci0000:00/0000:00:03.0/0000:01:00.0",
		"//sys/devices/pci0000:00/0000:00:03.0//0000:01:00.0/",
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct function f = read_path(paths[i]);

		assert_int_equal(f.parent_kind, PARENT_BRIDGE);
		assert_string_equal(pci_addr_str(f.parent), "0000:00:03.0");
		assert_false(f.has_host_owner);
	}
}

static void test_root_bus(void **state attr_unused)
{
	struct function f = read_path("/sys/devices/platform/ecam/pci0005:00/0005:00:00.0");

	assert_int_equal(f.parent_kind, PARENT_ROOT_BUS);
	assert_false(f.has_host_owner);
}

static void test_below_a_vmd(void **state attr_unused)
{
	const char *end = "/sys/devices/pci0000:5d/0000:5d:05.5/pci10000:00/10000:00:02.0";
	struct function f = read_path(end);

	assert_int_equal(f.parent_kind, PARENT_ROOT_BUS);
	assert_true(f.has_host_owner);
	assert_string_equal(pci_addr_str(f.host_owner), "0000:5d:05.5");
	f = read_path("/pci0000:5d/0000:5d:05.5/pci10000:00/10000:00:02.0/10000:01:00.0");
	assert_int_equal(f.parent_kind, PARENT_BRIDGE);
	assert_string_equal(pci_addr_str(f.parent), "10000:00:02.0");
	assert_true(f.has_host_owner);
	assert_string_equal(pci_addr_str(f.host_owner), "0000:5d:05.5");
}

static void test_nothing_said(void **state attr_unused)
{
	static const char *const paths[] = {
		NULL,
		"",
		"/",
		"0000:01:00.0",
		"/0000:01:00.0",
		"/sys/bus/pci/devices/0000:01:00.0",
		"/pcie/0000:01:00.0",
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct function f = read_path(paths[i]);

		assert_int_equal(f.parent_kind, PARENT_UNSAID);
		assert_false(f.has_host_owner);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bridge_above),
		cmocka_unit_test(test_root_bus),
		cmocka_unit_test(test_below_a_vmd),
		cmocka_unit_test(test_nothing_said),
	};

	return cmocka_run_group_tests_name("platform/device_path", tests, NULL, NULL);
}
