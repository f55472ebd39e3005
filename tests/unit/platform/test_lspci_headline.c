/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First lines, and lspci's machine-readable forms. */
#include "../test.h"

#include "base/alloc.h"
#include "platform/lspci.h"

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_headlines(void **state attr_unused)
{
	static const struct {
		const char *text, *name, *class_name;
		struct headline h;
	} lines[] = {
		{ "PCI bridge: Intel Corporation Device 1bbc (rev 04) (prog-if 00 [Normal decode])",
		  "Intel Corporation Device 1bbc",
		  "PCI bridge",
		  { .has_interface = true, .revision = 4 } },
		{ "PCI bridge [0604]: Intel Corporation Device [8086:1bbc] (rev 04)",
		  "Intel Corporation Device",
		  NULL,
		  { .has_ids = true,
		    .has_class = true,
		    .vendor = 0x8086,
		    .device = 0x1bbc,
		    .class = 0x060400,
		    .revision = 4 } },
		{ "0604: 8086:1bbc (rev 04)",
		  NULL,
		  NULL,
		  { .has_ids = true,
		    .has_class = true,
		    .vendor = 0x8086,
		    .device = 0x1bbc,
		    .class = 0x060400,
		    .revision = 4 } },
		{ "Class 0604: Device 8086:1bbc",
		  NULL,
		  NULL,
		  { .has_ids = true,
		    .has_class = true,
		    .vendor = 0x8086,
		    .device = 0x1bbc,
		    .class = 0x060400 } },
		{ "\"PCI bridge\" \"Intel Corporation\" \"Device 1bbc\" -r04 -p01 \"\" \"\"",
		  "Intel Corporation Device 1bbc",
		  "PCI bridge",
		  { .has_interface = true, .device = 0x1bbc, .class = 0x01, .revision = 4 } },
		{ "\"PCI bridge [0604]\" \"Intel \\\"C\\\" [8086]\" \"A [B] [1bbc]\" \"x -r07\" "
		  "\"y\"",
		  "Intel \"C\" A [B]",
		  NULL,
		  { .has_ids = true,
		    .has_class = true,
		    .has_interface = true,
		    .vendor = 0x8086,
		    .device = 0x1bbc,
		    .class = 0x060400 } },
		{ "\"0604\" \"8086\" \"1bbc\" -r04",
		  NULL,
		  NULL,
		  { .has_ids = true,
		    .has_class = true,
		    .has_interface = true,
		    .vendor = 0x8086,
		    .device = 0x1bbc,
		    .class = 0x060400,
		    .revision = 4 } },
		{ "\"Class 0604\" \"Vendor 8086\" \"Device 1bbc\"",
		  "Vendor 8086 Device 1bbc",
		  NULL,
		  { .has_ids = true,
		    .has_class = true,
		    .has_interface = true,
		    .vendor = 0x8086,
		    .device = 0x1bbc,
		    .class = 0x060400 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const struct headline *b = &lines[i].h;
		struct headline h;

		assert_true(headline_parse(lines[i].text, &h));
		if (!same(lines[i].name, h.name) || !same(lines[i].class_name, h.class_name) ||
		    b->has_ids != h.has_ids || b->has_class != h.has_class ||
		    b->has_interface != h.has_interface || b->vendor != h.vendor ||
		    b->device != h.device || b->class != h.class || b->revision != h.revision)
			fail_msg("%s: %s, %s, %04x:%04x %06x %02x", lines[i].text, h.name,
				 h.class_name, h.vendor, h.device, h.class, h.revision);
		free(h.name);
		free(h.class_name);
	}
}

static void test_none(void **state attr_unused)
{
	static const char *const texts[] = {
		"", ": x", "no colon", "\"a\" \"b\"", "\"a\" \"b\" \"c", "\"", "\"\\"
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct headline h;
		bool is = headline_parse(texts[i], &h);

		free(h.name);
		free(h.class_name);
		/* what is cut in its last name is one all the same */
		assert_int_equal(is, i == 4);
	}
}

static void test_records(void **state attr_unused)
{
	static const char text[] =
		"Slot:\t0000:3b:00.0\nClass:\t3D controller [0302]\n"
		"Vendor:\tA \"B\" C [10de]\nDevice:\tD \\ E [2330]\n"
		"SVendor:\tF [10de]\nSDevice:\tDevice [16c1]\nRev:\ta1\n"
		"ProgIf:\t01\nDriver:\tnvidia\nModule:\tnouveau\nNUMANode:\t1\n"
		"IOMMUGroup:\t42\n\n"
		/* as -vm shows it */
		"Device:\t3b:00.1\nClass:\t0403\nVendor:\t10de\nDevice:\t2331\n\n";
	autofree char *why = NULL;
	autoplatform struct platform *p =
		platform_read_memory("text", text, sizeof(text) - 1, &why);
	const struct function *f;

	assert_non_null(p);
	assert_int_equal(p->nr_functions, 2);
	f = &p->functions[0];
	assert_int_equal(f->vendor, 0x10de);
	assert_int_equal(f->device, 0x2330);
	assert_int_equal(f->class, 0x030201);
	assert_int_equal(f->revision, 0xa1);
	assert_string_equal(f->name, "A \"B\" C D \\ E");
	assert_string_equal(f->driver, "nvidia");
	assert_int_equal(f->numa_node, 1);
	assert_int_equal(f->iommu_group, 42);
	f = &p->functions[1];
	assert_int_equal(f->device, 0x2331);
	assert_int_equal(f->class, 0x040300);
}

static void test_tree(void **state attr_unused)
{
	static const char *const texts[] = {
		"-[0000:00]-+-00.0\n           +-01.0-[01]--\n",
		"-+-[0001:00]---00.0\n \\-[0000:00]-+-00.0\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		autofree char *why = NULL;

		assert_null(platform_read_memory("text", texts[i], strlen(texts[i]), &why));
		assert_non_null(strstr(why, "lspci -t"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headlines),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_tree),
	};

	return cmocka_run_group_tests_name("platform/lspci_headline", tests, NULL, NULL);
}
