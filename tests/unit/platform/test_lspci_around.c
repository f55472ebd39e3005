/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands around lspci's output: the kernel and the processor, where the text is sure of them. */
#include "../test.h"

#include "base/alloc.h"
#include "platform/platform.h"

#define FUNCTION "00:00.0 Host bridge [0600]: X [8086:1234]\n"

static struct platform *read_text(const char *text)
{
	autofree char *why = NULL;
	struct platform *p = platform_read_memory("text", text, strlen(text), &why);

	if (!p)
		fail_msg("%s", why);
	return p;
}

static bool has_gap(const struct platform *p, const char *subject, const char *text)
{
	for (size_t i = 0; i < p->nr_gaps; i++)
		if (strcmp(p->gaps[i].subject, subject) == 0 && strstr(p->gaps[i].text, text))
			return true;
	return false;
}

static void test_kernel(void **state attr_unused)
{
	static const struct {
		const char *lines, *release, *cmdline;
	} texts[] = {
		{ "Linux box 6.1.0-13-amd64 #1 SMP PREEMPT_DYNAMIC Debian x86_64 GNU/Linux\n",
		  "6.1.0-13-amd64", NULL },
		{ "[    0.000000] Linux version 5.14.0-362.el9.x86_64 (mock@x) (gcc)\n"
		  "[    0.000000] Command line: BOOT_IMAGE=(hd0)/vmlinuz ro iommu=pt\n"
		  "[    0.020000] Kernel command line: BOOT_IMAGE=(hd0)/vmlinuz ro iommu=pt\n",
		  "5.14.0-362.el9.x86_64", "BOOT_IMAGE=(hd0)/vmlinuz ro iommu=pt" },
		{ "$ cat /proc/cmdline\nBOOT_IMAGE=/vmlinuz pci=noats\n", NULL,
		  "BOOT_IMAGE=/vmlinuz pci=noats" },
		{ "Linux version of the driver\nthe command line: lspci\n", NULL, NULL },
		/* two kernels */
		{ "Linux version 6.1.0-1 (x)\nLinux version 6.2.0-1 (x)\n", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		autofree char *before = xasprintf("%s\n" FUNCTION, texts[i].lines);
		autofree char *after = xasprintf(FUNCTION "\n%s", texts[i].lines);
		const char *const both[] = { before, after };

		for (size_t n = 0; n < ARRAY_LEN(both); n++) {
			autoplatform struct platform *p = read_text(both[n]);

			if (texts[i].release)
				assert_string_equal(p->kernel_release, texts[i].release);
			else
				assert_null(p->kernel_release);
			if (texts[i].cmdline)
				assert_string_equal(p->kernel_cmdline, texts[i].cmdline);
			else
				assert_null(p->kernel_cmdline);
			assert_int_equal(has_gap(p, "kernel release", ""), !texts[i].release);
		}
	}
}

static void test_processor(void **state attr_unused)
{
	static const struct {
		const char *lines, *vendor;
		int family, model;
	} texts[] = {
		{ "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n"
		  "model name\t: Intel(R) Xeon(R)\n",
		  "GenuineIntel", 6, 143 },
		{ "Vendor ID:             AuthenticAMD\n  Model name:          AMD EPYC 9654\n"
		  "    CPU family:        25\n    Model:               17\n",
		  "AuthenticAMD", 25, 17 },
		{ "[0.1] smpboot: CPU0: AMD EPYC 9654 96-Core (family: 0x19, model: 0x11, "
		  "stepping: "
		  "0x1)\n",
		  "AuthenticAMD", 25, 17 },
		{ "smpboot: CPU0: Somebody's (family: 0x19, model: 0x11, stepping: 0x1)\n", NULL, 0,
		  0 },
		{ "Model: ATA\nCPU family: 6\nmodel: 1\n", NULL, 0, 0 },
		{ "vendor_id : GenuineIntel\ncpu family : six\nmodel : 1\n", NULL, 0, 0 },
		{ "vendor_id : A\ncpu family : 6\nmodel : 1\n"
		  "vendor_id : B\ncpu family : 6\nmodel : 1\n",
		  NULL, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		autofree char *text = xasprintf("%s\n" FUNCTION, texts[i].lines);
		autoplatform struct platform *p = read_text(text);

		assert_int_equal(p->cpu.known, texts[i].vendor != NULL);
		assert_int_equal(has_gap(p, "processor", ""), !texts[i].vendor);
		if (!texts[i].vendor)
			continue;
		assert_string_equal(p->cpu.vendor, texts[i].vendor);
		assert_int_equal(p->cpu.family, texts[i].family);
		assert_int_equal(p->cpu.model, texts[i].model);
		assert_non_null(p->cpu.name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_processor),
	};

	return cmocka_run_group_tests_name("platform/lspci_around", tests, NULL, NULL);
}
