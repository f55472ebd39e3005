/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_tlp.c: payload, read requests, tags, ordering, timeouts. */
#include "../test.h"

#include "rig.h"

#define PAYLOAD_128 0x00u
#define PAYLOAD_256 0x20u
#define PAYLOAD_512 0x40u

static void set_payload(struct platform *p, const char *address, uint32_t bits)
{
	struct reg *control = &rig_at(p, address)->express.device_control;

	rig_clear(control, DEVCTL_MPS);
	rig_set(control, bits);
}

static void healthy(void **state attr_unused)
{
	rig_passes("tlp.payload");
	rig_passes("tlp.read-request");
	rig_passes("tlp.tags");
	rig_passes("tlp.wide-tags");
	rig_passes("tlp.ordering");
	rig_passes("tlp.timeout");
}

static void payload(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	/* 512 bytes from all that send to it, and its completions are small */
	set_payload(p, "04:00.0", PAYLOAD_128);
	rig_found(p, "tlp.payload", "TLP-PAYLOAD-MISMATCH", SEVERITY_BLOCKER,
		  "03:00.0 04:00.0 05:00.0 05:00.1");
	rig_says(p, "tlp.payload", "TLP-PAYLOAD-MISMATCH", "256 bytes in 0000:03:00.0 and 128");
	rig_says(p, "tlp.payload", "TLP-PAYLOAD-MISMATCH", "pci=pcie_bus_peer2peer");
	set_payload(p, "04:00.0", PAYLOAD_256);
	rig_not_found(p, "tlp.payload", "TLP-PAYLOAD-MISMATCH");
	rig_hide(&rig_at(p, "02:00.0")->express.device_control, DEVCTL_MPS);
	rig_unseen(p, "tlp.payload", "02:00.0");
}

/* What is read comes back in completions, which are as large as the target sends. */
static void payload_of_completions(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct checked c;

	for (size_t i = 0; i < p->nr_functions; i++)
		p->functions[i].class = 0xff0000;
	set_payload(p, "03:00.0", PAYLOAD_512);
	set_payload(p, "02:00.0", PAYLOAD_512);
	set_payload(p, "02:02.0", PAYLOAD_512);
	c = checked(p, "tlp.payload", "05:00.0>03:00.0");
	assert_found(&c, "TLP-PAYLOAD-MISMATCH", SEVERITY_BLOCKER, "03:00.0 05:00.0");
	checked_release(&c);
	set_payload(p, "05:00.0", PAYLOAD_512);
	c = checked(p, "tlp.payload", "05:00.0>03:00.0");
	assert_not_found(&c, "TLP-PAYLOAD-MISMATCH");
	checked_release(&c);
}

/* The root complex makes smaller packets of what it passes on, a switch does not. */
static void payload_beyond_the_root_complex(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	set_payload(p, "80:01.0", PAYLOAD_128);
	set_payload(p, "81:00.0", PAYLOAD_128);
	rig_not_found(p, "tlp.payload", "TLP-PAYLOAD-MISMATCH");
	set_payload(p, "81:00.0", PAYLOAD_256);
	rig_found(p, "tlp.payload", "TLP-PAYLOAD-MISMATCH", SEVERITY_BLOCKER, "81:00.0 80:01.0");
}

/* So it does of what its own functions send. */
static void payload_of_an_integrated_function(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *dsa = rig_at(p, "80:00.0");
	struct checked c;

	dsa->express = rig_at(p, "03:00.0")->express;
	dsa->bars[0] = rig_at(p, "03:00.0")->bars[0];
	set_payload(p, "80:00.0", PAYLOAD_512);
	c = checked(p, "tlp.payload", "80:00.0>03:00.0 03:00.0>80:00.0");
	assert_not_found(&c, "TLP-PAYLOAD-MISMATCH");
	checked_release(&c);
}

/* Between ports of one switch nothing passes the one above, unless it is redirected. */
static void payload_at_the_turn(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct checked c;

	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].addr.bus == 0x81 || p->functions[i].addr.bus == 6)
			p->functions[i].class = 0xff0000;
	set_payload(p, "01:00.0", PAYLOAD_128);
	c = checked(p, "tlp.payload", NULL);
	assert_not_found(&c, "TLP-PAYLOAD-MISMATCH");
	checked_release(&c);
	rig_at(p, "02:00.0")->acs = (struct acs){ KNOWN_PRESENT, 0x7f, 0x1d, 0, 0, 0 };
	c = checked(p, "tlp.payload", NULL);
	assert_non_null(checked_find(&c, "TLP-PAYLOAD-MISMATCH"));
	checked_release(&c);
}

static void payload_by_bus_perf(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_string(&p->kernel_cmdline, "ro pci=realloc,pcie_bus_perf quiet");
	rig_found(p, "tlp.payload", "BOOT-PCIE-BUS-PERF", SEVERITY_MINOR, "");
	rig_string(&p->kernel_cmdline, "ro pci=pcie_bus_perfect xpcie_bus_perf");
	rig_not_found(p, "tlp.payload", "BOOT-PCIE-BUS-PERF");
	rig_string(&p->kernel_cmdline, NULL);
	rig_not_found(p, "tlp.payload", "BOOT-PCIE-BUS-PERF");
}

static void read_request(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *control = &rig_at(p, "05:00.0")->express.device_control;

	rig_clear(control, DEVCTL_MRRS);
	rig_found(p, "tlp.read-request", "TLP-READ-REQUEST-SMALL", SEVERITY_MINOR, "05:00.0");
	rig_set(control, 0x1000);
	rig_not_found(p, "tlp.read-request", "TLP-READ-REQUEST-SMALL");
	rig_hide(control, DEVCTL_MRRS);
	rig_unseen(p, "tlp.read-request", "05:00.0");
	rig_not_found(p, "tlp.read-request", "TLP-READ-REQUEST-SMALL");
}

static void extended_tags(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct express *e = &rig_at(p, "05:00.0")->express;

	rig_clear(&e->device_control, DEVCTL_EXT_TAG);
	rig_found(p, "tlp.tags", "TAGS-EXTENDED-OFF", SEVERITY_MINOR, "05:00.0");
	rig_clear(&e->device_capabilities, DEVCAP_EXT_TAG);
	rig_not_found(p, "tlp.tags", "TAGS-EXTENDED-OFF");
	rig_hide(&e->device_control, DEVCTL_EXT_TAG);
	rig_unseen(p, "tlp.tags", "05:00.0");
}

static void wide_tags(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct express *target = &rig_at(p, "04:00.0")->express;

	rig_clear(&target->device_capabilities_2, DEVCAP2_TAG10_COMPLETER);
	rig_found(p, "tlp.wide-tags", "TAGS-10BIT-UNSUPPORTED", SEVERITY_MAJOR,
		  "03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
	for (size_t i = 0; i < p->nr_functions; i++)
		rig_clear(&p->functions[i].express.device_control_2, DEVCTL2_TAG10_REQUESTER);
	rig_not_found(p, "tlp.wide-tags", "TAGS-10BIT-UNSUPPORTED");
	rig_set(&rig_at(p, "03:00.0")->express.device_control_2, DEVCTL2_TAG10_REQUESTER);
	rig_found(p, "tlp.wide-tags", "TAGS-10BIT-UNSUPPORTED", SEVERITY_MAJOR, "03:00.0 04:00.0");
	rig_hide(&target->device_capabilities_2, DEVCAP2_TAG10_COMPLETER);
	rig_not_found(p, "tlp.wide-tags", "TAGS-10BIT-UNSUPPORTED");
	rig_unseen(p, "tlp.wide-tags", "04:00.0");
}

static void ordering_off(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *control = &rig_at(p, "05:00.0")->express.device_control;

	rig_clear(control, DEVCTL_RELAXED);
	rig_clear(&rig_at(p, "06:00.0")->express.device_control, DEVCTL_RELAXED);
	rig_found(p, "tlp.ordering", "RELAXED-ORDERING-OFF", SEVERITY_MINOR, "05:00.0");
	rig_hide(control, DEVCTL_RELAXED);
	rig_not_found(p, "tlp.ordering", "RELAXED-ORDERING-OFF");
	rig_unseen(p, "tlp.ordering", "05:00.0");
}

static void ordering_forbidden(void **state attr_unused)
{
	static const struct {
		uint16_t vendor, device;
		bool forbidden;
	} cases[] = {
		{ 0x8086, 0x2f00, false }, { 0x8086, 0x2f01, true }, { 0x8086, 0x2f0e, true },
		{ 0x8086, 0x2f0f, false }, { 0x8086, 0x6f01, true }, { 0x8086, 0x6f0f, false },
		{ 0x1022, 0x1a00, true },  { 0x1022, 0x1a02, true }, { 0x1022, 0x1a03, false },
		{ 0x1022, 0x2f01, false },
	};
	autoplatform struct platform *p = rig_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rig_at(p, "80:01.0")->vendor = cases[i].vendor;
		rig_at(p, "80:01.0")->device = cases[i].device;
		rig_set(&rig_at(p, "81:00.0")->express.device_control, DEVCTL_RELAXED);
		if (!cases[i].forbidden) {
			rig_not_found(p, "tlp.ordering", "RELAXED-ORDERING-FORBIDDEN");
			continue;
		}
		rig_found(p, "tlp.ordering", "RELAXED-ORDERING-FORBIDDEN", SEVERITY_MAJOR,
			  "81:00.0 80:01.0");
		/* where it is off for that reason, nothing is amiss */
		rig_clear(&rig_at(p, "81:00.0")->express.device_control, DEVCTL_RELAXED);
		rig_not_found(p, "tlp.ordering", "RELAXED-ORDERING-FORBIDDEN");
		rig_not_found(p, "tlp.ordering", "RELAXED-ORDERING-OFF");
	}
}

static void timeouts(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *control = &rig_at(p, "03:00.0")->express.device_control_2;

	rig_set(control, DEVCTL2_NO_TIMEOUT);
	rig_found(p, "tlp.timeout", "COMPLETION-TIMEOUT-OFF", SEVERITY_MAJOR, "03:00.0");
	rig_clear(control, DEVCTL2_NO_TIMEOUT | DEVCTL2_TIMEOUT);
	rig_not_found(p, "tlp.timeout", "COMPLETION-TIMEOUT-OFF");
	rig_not_found(p, "tlp.timeout", "COMPLETION-TIMEOUT-SHORT");
	rig_set(control, 0x2);
	rig_found(p, "tlp.timeout", "COMPLETION-TIMEOUT-SHORT", SEVERITY_MINOR, "03:00.0");
	rig_hide(control, DEVCTL2_TIMEOUT);
	rig_not_found(p, "tlp.timeout", "COMPLETION-TIMEOUT-SHORT");
	rig_unseen(p, "tlp.timeout", "03:00.0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),
		cmocka_unit_test(payload),
		cmocka_unit_test(payload_of_completions),
		cmocka_unit_test(payload_beyond_the_root_complex),
		cmocka_unit_test(payload_of_an_integrated_function),
		cmocka_unit_test(payload_at_the_turn),
		cmocka_unit_test(payload_by_bus_perf),
		cmocka_unit_test(read_request),
		cmocka_unit_test(extended_tags),
		cmocka_unit_test(wide_tags),
		cmocka_unit_test(ordering_off),
		cmocka_unit_test(ordering_forbidden),
		cmocka_unit_test(timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
