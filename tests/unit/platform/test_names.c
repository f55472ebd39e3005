/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PCI id database both ways. Its words change from release to release: what is asked is old. */
#include "../test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "platform/names.h"

static int open_names(void **state)
{
	*state = pci_names_open();
	return 0;
}

static int close_names(void **state)
{
	pci_names_close(*state);
	return 0;
}

/* A machine without a database has no names, which is not an error. */
static void need_database(struct pci_names *names)
{
	autofree char *name = pci_names_of(names, 0x8086, 0x1237);

	if (!name)
		skip();
}

static void test_name(void **state)
{
	autofree char *known = NULL;
	autofree char *device = NULL;
	autofree char *nobody = NULL;

	need_database(*state);
	known = pci_names_of(*state, 0x8086, 0x1237);
	device = pci_names_of(*state, 0x8086, 0xfffe);
	nobody = pci_names_of(*state, 0xfff1, 0xfffe);
	assert_string_equal(known, "Intel Corporation 440FX - 82441FX PMC [Natoma]");
	assert_string_equal(device, "Intel Corporation Device fffe");
	assert_null(nobody);
}

/* Another database in place of what is installed: nothing else has a name. */
static void test_chosen(void **state)
{
	autofree char *path = xasprintf("%s/platform/small.ids", getenv("P2PCERT_TEST_DATA"));
	autofree char *known = NULL, *device = NULL, *nobody = NULL;
	uint16_t class;

	setenv("P2PCERT_PCI_IDS", path, 1);
	known = pci_names_of(*state, 0x10de, 0x2330);
	device = pci_names_of(*state, 0x10de, 0x2331);
	nobody = pci_names_of(*state, 0x1000, 0x0001);
	assert_string_equal(known, "NVIDIA Corporation Some GPU");
	assert_string_equal(device, "NVIDIA Corporation Device 2331");
	assert_null(nobody);
	assert_true(pci_names_find_class(*state, "PCI bridge", &class));
	assert_int_equal(class, 0x0604);
	unsetenv("P2PCERT_PCI_IDS");
}

/* A database made of this text, which is asked for one name; the caller frees it. */
static char *name_from(const char *text, size_t len, uint16_t vendor, uint16_t device)
{
	char path[] = "/tmp/p2pcert-names-XXXXXX";
	int fd = mkstemp(path);
	struct pci_names *names;
	char *name;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	setenv("P2PCERT_PCI_IDS", path, 1);
	names = pci_names_open();
	name = pci_names_of(names, vendor, device);
	pci_names_close(names);
	unsetenv("P2PCERT_PCI_IDS");
	unlink(path);
	return name;
}

/* Comments and other lines between those of vendors and devices, and what is none of them. */
static void test_sections(void **state attr_unused)
{
	static const char text[] = "# a000  a comment\n"
				   "a000  A\n"
				   "\t0001  One of A\n"
				   "\t0006  Six of A\n"
				   "c000  C\n"
				   "\t0001  One of C\n"
				   "# \t0002  a comment\n"
				   "\t0003  Three of C\n"
				   "\t\t1028 0004  A board\n"
				   "\t0004  Four of C\n"
				   "\n"
				   "\t0005  Nobody's\n"
				   "0xyz  No vendor\n"
				   "d000  D\n"
				   "C 0a00  No vendor\n"
				   "\t0007  No device\n"
				   "e000  E, without an end";
	static const char nul[] = "a000  A\n\0\nb000  B\n";
	static const struct {
		uint16_t vendor, device;
		const char *name;
	} cases[] = {
		{ 0xa000, 0x0001, "A One of A" },
		{ 0xa000, 0x0006, "A Six of A" },
		{ 0xa000, 0x0007, "A Device 0007" },
		{ 0xc000, 0x0001, "C One of C" },
		{ 0xc000, 0x0002, "C Device 0002" },
		{ 0xc000, 0x0003, "C Three of C" },
		{ 0xc000, 0x1028, "C Device 1028" },
		{ 0xc000, 0x0004, "C Four of C" },
		{ 0xc000, 0x0005, "C Device 0005" },
		{ 0xd000, 0x0007, "D Device 0007" },
		{ 0x0a00, 0x0007, NULL },
		{ 0x0001, 0x0001, NULL },
		{ 0xe000, 0x0001, "E, without an end Device 0001" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *name =
			name_from(text, sizeof(text) - 1, cases[i].vendor, cases[i].device);

		if (!cases[i].name)
			assert_null(name);
		else
			assert_string_equal(name, cases[i].name);
	}
	free(name_from(nul, sizeof(nul) - 1, 0xb000, 0x0001));
	assert_null(name_from("", 0, 0xb000, 0x0001));
}

/* Out of order some have no name, and nobody has another's. */
static void test_disorder(void **state attr_unused)
{
	static const char text[] = "c000  C\n\t0003  c3\n\t0001  c1\na000  A\n\t0003  a3\n"
				   "b000  B\n\t0002  b2\n\t0001  b1\n";
	size_t found = 0;

	for (uint16_t vendor = 0xa000; vendor <= 0xc000; vendor += 0x1000) {
		for (uint16_t device = 1; device <= 3; device++) {
			autofree char *name = name_from(text, sizeof(text) - 1, vendor, device);

			if (!name || strstr(name, " Device "))
				continue;
			assert_int_equal((name[0] - 'A') << 12, vendor - 0xa000);
			assert_int_equal(name[3] - '0', device);
			found++;
		}
	}
	assert_in_range(found, 1, 5);
}

static void test_device(void **state)
{
	static const struct {
		const char *name;
		uint16_t vendor, device;
	} found[] = {
		{ "Intel Corporation 440FX - 82441FX PMC [Natoma]", 0x8086, 0x1237 },
		{ "Intel Corporation Device fffe", 0x8086, 0xfffe },
		{ "NVIDIA Corporation Device 0001", 0x10de, 0x0001 },
	};
	static const char *const not_found[] = {
		"",
		"Intel Corporation",
		"Intel Corporation ",
		"Intel Corporation Device",
		"Intel Corporation Device fff",
		"Intel Corporation Device fffff",
		"Intel Corporation Device xyzw",
		"Intel Corporation 440FX - 82441FX PMC [Natoma] ",
		"No Such Company 440FX - 82441FX PMC [Natoma]",
	};
	uint16_t vendor, device;

	need_database(*state);
	for (size_t i = 0; i < ARRAY_LEN(found); i++) {
		if (!pci_names_find_device(*state, found[i].name, &vendor, &device))
			fail_msg("'%s' is not found", found[i].name);
		assert_int_equal(vendor, found[i].vendor);
		assert_int_equal(device, found[i].device);
	}
	for (size_t i = 0; i < ARRAY_LEN(not_found); i++)
		if (pci_names_find_device(*state, not_found[i], &vendor, &device))
			fail_msg("'%s' is found", not_found[i]);
}

/* Every name that the database gives leads back to its id, or to none if others have it too. */
static void test_round_trip(void **state)
{
	size_t back = 0, named = 0;
	uint16_t vendor, device;

	need_database(*state);
	for (unsigned int id = 0x1000; id < 0x2000; id++) {
		autofree char *name = pci_names_of(*state, 0x8086, (uint16_t)id);

		named++;
		if (!pci_names_find_device(*state, name, &vendor, &device))
			continue;
		back++;
		assert_int_equal(vendor, 0x8086);
		assert_int_equal(device, id);
	}
	assert_true(back > named / 2 && back < named);
}

static void test_class(void **state)
{
	uint16_t class = 0;

	need_database(*state);
	assert_true(pci_names_find_class(*state, "PCI bridge", &class));
	assert_int_equal(class, 0x0604);
	assert_true(pci_names_find_class(*state, "Non-Volatile memory controller", &class));
	assert_int_equal(class, 0x0108);
	assert_false(pci_names_find_class(*state, "Intel Corporation", &class));
	assert_false(pci_names_find_class(*state, "", &class));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_names, close_names)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_name),   TEST(test_chosen),     TEST(test_sections), TEST(test_disorder),
		TEST(test_device), TEST(test_round_trip), TEST(test_class),
	};

	return cmocka_run_group_tests_name("platform/names", tests, NULL, NULL);
}
