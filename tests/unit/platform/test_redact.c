/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a snapshot leaves out, and that it leaves the rest as it is. */
#include "../test.h"

#include "base/alloc.h"
#include "config_space.h"
#include "platform/redact.h"

static void assert_redacted(void (*redact)(char *text), const char *text, const char *expected)
{
	autofree char *copy = xstrdup(text);

	redact(copy);
	assert_string_equal(copy, expected);
}

static void identifiers(void **state attr_unused)
{
	static const char *const same[] = {
		"",
		"quiet iommu=pt pci=disable_acs_redir=0000:3b:00.0;0000:3b:01.0 root=/dev/sda1",
		"0000:3b:00.0 12:34 de-ad-be 12:34:56:78:9a 8-4-4",
		"a12:34:56:78:9a:bc",
		"12345678-1234-1234-1234-1234567890abc",
		"UUID=",
	};

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_redacted(redact_text, same[i], same[i]);
	assert_redacted(redact_text, "root=UUID=0d9f6c2e-1234-ABCD-9876-0123456789ab ro",
			"root=UUID=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx ro");
	assert_redacted(redact_text, "rd.luks.uuid=luks-0d9f6c2e-1234-abcd-9876-0123456789ab",
			"rd.luks.uuid=luks-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
	assert_redacted(redact_text, "root=PARTUUID=1234abcd-02 UUID=12AB-34CD quiet",
			"root=PARTUUID=xxxxxxxx-xx UUID=xxxx-xxxx quiet");
	assert_redacted(redact_text, "BOOTIF=01-52-54-00-12-34-56 ifname=eth0:52:54:00:ab:cd:ef",
			"BOOTIF=xx-xx-xx-xx-xx-xx-xx ifname=eth0:xx:xx:xx:xx:xx:xx");
}

static void modules(void **state attr_unused)
{
	assert_redacted(
		redact_modules,
		"nvme 57344 2 - Live 0xffffffffc0a51000\nedu 1 0 - Live 0xffffffffc0000000 (OE)\n",
		"nvme 57344 2 - Live 0x0000000000000000\nedu 1 0 - Live 0x0000000000000000 (OE)\n");
	assert_redacted(redact_modules, "x 1 0 - Live 0x", "x 1 0 - Live 0x");
}

static void iomem(void **state attr_unused)
{
	assert_redacted(redact_iomem,
			"00100000-bffdffff : System RAM\n  02000000-02e1ffff : Kernel code\n"
			"e0000000-efffffff : PCI Bus 0000:00",
			"00100000-bffdffff : System RAM\n  00000000-00000000 : Kernel code\n"
			"e0000000-efffffff : PCI Bus 0000:00");
	assert_redacted(redact_iomem, "", "");
}

static void serial_number(void **state attr_unused)
{
	uint8_t config[CONFIG_SIZE], expected[CONFIG_SIZE];

	config_header(config, 0x15b3, 0x1021, 0x020000);
	put32(config, 0x100, 0x140u << 20 | 1u << 16 | 0x0001);
	put32(config, 0x140, 0x180u << 20 | 1u << 16 | 0x0003);
	put32(config, 0x180, 1u << 16 | 0x000d);
	put32(config, 0x18c, 0x12345678);
	memcpy(expected, config, sizeof(config));
	put32(config, 0x144, 0x89abcdef);
	put32(config, 0x148, 0x01234567);
	redact_config(config, sizeof(config));
	assert_memory_equal(config, expected, sizeof(config));
}

/* Lists that loop, leave their space or are cut: within bounds and to an end. */
static void damaged_config(void **state attr_unused)
{
	for (size_t len = 0x0f0; len < 0x120; len++) {
		uint8_t *exact = xcalloc(len, 1);

		if (len >= 0x104)
			put32(exact, 0x100, 0x100u << 20 | 0x0003);
		redact_config(exact, len);
		if (len >= 0x104)
			assert_int_equal(exact[0x100], 0x03);
		free(exact);
	}
	for (uint32_t next = 0; next < 0x1000; next += 4) {
		uint8_t config[CONFIG_SIZE] = { 0 };

		put32(config, 0x100, next << 20 | 0x0003);
		put32(config, 0xffc, 0x100u << 20 | 0x0003);
		redact_config(config, sizeof(config));
		assert_int_equal(config[0xffc], 0x03);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers),    cmocka_unit_test(modules),
		cmocka_unit_test(iomem),          cmocka_unit_test(serial_number),
		cmocka_unit_test(damaged_config),
	};

	return cmocka_run_group_tests_name("platform/redact", tests, NULL, NULL);
}
