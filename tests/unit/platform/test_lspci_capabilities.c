/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines that begin capabilities, by names of any version and by numbers. */
#include "../test.h"

#include "base/alloc.h"
#include "platform/lspci.h"

#define HAS(member) IN_FUNCTION(has_##member)

static void test_presence(void **state attr_unused)
{
	static const struct {
		const char *line;
		size_t has; /* 0: none */
	} lines[] = {
		{ "[100 v1] Advanced Error Reporting", HAS(aer) },
		{ "[100] Advanced Error Reporting", HAS(aer) },
		{ "[140 v1] Device Serial Number 00-00-00-ff-ff-00-00-00", HAS(dsn) },
		{ "[150 v1] Address Translation Service (ATS)", HAS(ats) },
		{ "[180 v1] Single Root I/O Virtualization (SR-IOV)", HAS(sriov) },
		{ "[200 v1] Multicast", HAS(multicast) },
		{ "[200 v1] Multicast <?>", HAS(multicast) },
		{ "[200] #12", HAS(multicast) },
		{ "[200 v1] #13", HAS(pri) },
		{ "[200 v1] Page Request Interface (PRI)", HAS(pri) },
		{ "[200 v1] #15", HAS(rebar) },
		{ "[200 v1] Resizable BAR <?>", HAS(rebar) },
		{ "[200 v1] Physical Resizable BAR", HAS(rebar) },
		{ "[200 v1] VF Resizable BAR <?>", 0 },
		{ "[200 v1] Virtual Resizable BAR", 0 },
		{ "[200 v1] #1b", HAS(pasid) },
		{ "[200 v1] Process Address Space ID (PASID)", HAS(pasid) },
		{ "[200 v1] #1d", HAS(dpc) },
		{ "[200 v1] Downstream Port Containment", HAS(dpc) },
		{ "[200 v1] Designated Vendor-Specific <?>", 0 },
		{ "[200 v1] Designated Vendor-Specific: Vendor=8086 ID=0001 Rev=1 Len=24 <?>", 0 },
		{ "[200 v1] Designated Vendor-Specific: Vendor=1e98 ID=0000 Rev=2 Len=60: CXL",
		  HAS(cxl) },
		{ "[200 v1] CXL Designated Vendor-Specific:", HAS(cxl) },
		{ "[200 v1] Extended Capability ID 0x30", HAS(ide) },
		{ "[200 v1] Integrity & Data Encryption", HAS(ide) },
		{ "[200 v1] Extended Capability ID 0x2f", 0 },
		/* a number of the other list */
		{ "[80] #15 [0001]", 0 },
		{ "[80] Capability ID 0x1d [0001]", 0 },
	};
	static const size_t all[] = { HAS(aer),       HAS(dsn), HAS(ats), HAS(sriov),
				      HAS(multicast), HAS(pri), HAS(cxl), HAS(rebar),
				      HAS(pasid),     HAS(dpc), HAS(ide) };

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		autofree struct shown *s = xcalloc(1, sizeof(*s));

		capability_begin(s, lines[i].line);
		for (size_t n = 0; n < ARRAY_LEN(all); n++)
			if (*((bool *)s + all[n]) != (all[n] == lines[i].has))
				fail_msg("%s", lines[i].line);
		assert_false(s->broken);
		assert_int_equal(s->extended, lines[i].line[3] != ']');
	}
}

static void test_parts(void **state attr_unused)
{
	static const struct {
		const char *line;
		enum part part;
		bool denied, broken;
	} lines[] = {
		{ "[40] Power Management version 3", PART_POWER, false, false },
		{ "[200 v1] Physical Resizable BAR", PART_REBAR, false, false },
		{ "[200 v1] Virtual Resizable BAR", PART_OTHER, false, false },
		{ "<access denied>", PART_OTHER, true, false },
		{ "[40] <chain looped>", PART_OTHER, false, true },
		{ "[40] <chain broken>", PART_OTHER, false, true },
		{ "<unreadable>", PART_OTHER, false, true },
		{ "", PART_OTHER, false, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		autofree struct shown *s = xcalloc(1, sizeof(*s));

		capability_begin(s, lines[i].line);
		assert_int_equal(s->part, lines[i].part);
		assert_int_equal(s->denied, lines[i].denied);
		assert_int_equal(s->broken, lines[i].broken);
	}
}

static void test_subsystem(void **state attr_unused)
{
	autofree struct shown *s = xcalloc(1, sizeof(*s));

	capability_begin(s, "[c0] Subsystem: Somebody Device [1028:0b73]");
	assert_int_equal(s->f.subvendor, 0x1028);
	assert_int_equal(s->f.subdevice, 0x0b73);
	subsystem_read(s, "Somebody's Device");
	assert_int_equal(s->f.subvendor, 0x1028);
	subsystem_read(s, "1af4:1100");
	assert_int_equal(s->f.subdevice, 0x1100);
}

static void test_bridge_of_old(void **state attr_unused)
{
	autofree struct shown *s = xcalloc(1, sizeof(*s));

	capability_begin(s, "[40] Express (v1) PCI/PCI-X Bridge, MSI 00");
	assert_int_equal(s->f.port_type, PORT_PCIE_TO_PCI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_subsystem),
		cmocka_unit_test(test_bridge_of_old),
	};

	return cmocka_run_group_tests_name("platform/lspci_capabilities", tests, NULL, NULL);
}
