/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel takes a function's ACS for: every kind of quirk, the registers, the releases. */
#include "../test.h"

#include "model.h"
#include "p2p/isolation.h"

#define NO P2P_NO
#define YES P2P_YES
#define UNKNOWN P2P_CANNOT_TELL
#define ALL P2P_ISOLATION

/* A function below a root port, alone there unless said otherwise. */
static struct function function_of(uint16_t vendor, uint16_t device, enum port_type type)
{
	return (struct function){
		.ids_known = true,
		.vendor = vendor,
		.device = device,
		.port_type = type,
		.multifunction_known = true,
		.acs.known = KNOWN_ABSENT,
		.upstream = UPSTREAM_ROOT_BUS,
	};
}

static const char *name_of(const char *name)
{
	return name ? name : "none";
}

/* --- which functions a quirk is for ----------------------------------------------------------- */

static const struct kind {
	const char *name;
	enum port_type type; /* for which it is */
	enum port_type other; /* for which it is not; the same: it is for any */
	uint16_t vendor;
	int devices; /* how many */
	uint16_t some[4]; /* of them, 0 ends */
	uint16_t not ; /* one that it is not for */
} kinds[] = {
	{ "multifunction-endpoint", PORT_ENDPOINT, PORT_ENDPOINT, 0x1924, 3, { 0x0903 }, 0x0904 },
	{ "multifunction-endpoint",
	  PORT_ENDPOINT,
	  PORT_ENDPOINT,
	  0x8086,
	  48,
	  { 0x10c6, 0x105e, 0x1521, 0x15b8 },
	  0x15b9 },
	{ "multifunction-endpoint", PORT_ENDPOINT, PORT_ENDPOINT, 0x19a2, 1, { 0x0710 }, 0x0720 },
	{ "multifunction-endpoint", PORT_ENDPOINT, PORT_ENDPOINT, 0x10df, 1, { 0x0720 }, 0x0710 },
	{ "multifunction-endpoint", PORT_ENDPOINT, PORT_ENDPOINT, 0x177d, 3, { 0xa026 }, 0xa027 },
	{ "multifunction-endpoint", PORT_ENDPOINT, PORT_ENDPOINT, 0x14e4, 8, { 0x16d7 }, 0x16d8 },
	{ "multifunction-endpoint", PORT_ENDPOINT, PORT_ENDPOINT, 0x1d17, 3, { 0x9083 }, 0x9084 },
	{ "intel-integrated-endpoint",
	  PORT_RC_ENDPOINT,
	  PORT_ENDPOINT,
	  0x8086,
	  0x10000 - 48,
	  { 0x0001, 0xffff },
	  0x10c6 },
	{ "qcom-root-port", PORT_ROOT, PORT_ROOT, 0x17cb, 5, { 0x0120 }, 0x0121 },
	{ "qcom-root-port", PORT_ROOT, PORT_ROOT, 0x1dbf, 1, { 0x0401 }, 0x0400 },
	{ "intel-pch-root-port",
	  PORT_ROOT,
	  PORT_UPSTREAM,
	  0x8086,
	  119,
	  { 0x3b42, 0x1d1e, 0x8d1e, 0x9c9b },
	  0x1d11 },
	{ "intel-pch-dword-registers",
	  PORT_ROOT,
	  PORT_UPSTREAM,
	  0x8086,
	  56,
	  { 0xa110, 0xa16a, 0xa2ee, 0x9d1b },
	  0xa120 },
	{ "cavium-root-port",
	  PORT_ROOT,
	  PORT_DOWNSTREAM,
	  0x177d,
	  0x802,
	  { 0xa000, 0xa7ff, 0xaf84, 0xb884 },
	  0xa800 },
	{ "xgene-root-port", PORT_ROOT, PORT_ROOT, 0x10e8, 1, { 0xe004 }, 0xe005 },
	{ "xgene-root-port", PORT_ROOT, PORT_ROOT, 0x1def, 8, { 0xe005, 0xe00c }, 0xe00d },
	{ "broadcom-root-port", PORT_ROOT, PORT_ROOT, 0x14e4, 1, { 0xd714 }, 0xd715 },
	{ "loongson-root-port", PORT_ROOT, PORT_ROOT, 0x0014, 10, { 0x3c09, 0x7a69 }, 0x7a79 },
	{ "annapurna-root-port", PORT_ROOT, PORT_ENDPOINT, 0x1c36, 1, { 0x0031 }, 0x0032 },
	{ "nxp-root-port", PORT_ROOT, PORT_ROOT, 0x1957, 24, { 0x8d80, 0x8db9 }, 0x8d84 },
	{ "zhaoxin-port",
	  PORT_DOWNSTREAM,
	  PORT_UPSTREAM,
	  0x1d17,
	  64,
	  { 0x0710, 0x071e, 0x0721, 0x0752 },
	  0x071f },
	{ "zhaoxin-other-port",
	  PORT_ROOT,
	  PORT_ENDPOINT,
	  0x1d17,
	  0x10000 - 67,
	  { 0x0722 },
	  0x0721 },
	{ "wangxun-endpoint",
	  PORT_ENDPOINT,
	  PORT_ENDPOINT,
	  0x8088,
	  24,
	  { 0x010f, 0x5140 },
	  0x0110 },
	{ "wangxun-other", PORT_ENDPOINT, PORT_ENDPOINT, 0x8088, 0x10000 - 24, { 0x1000 }, 0x1001 },
};

static bool has_quirk(const struct kind *kind, uint16_t device, enum port_type type)
{
	static const struct platform nothing = { 0 };
	struct function f = function_of(kind->vendor, device, type);

	/* the quirk for registers at +8 needs registers */
	f.acs.known = KNOWN_PRESENT;
	return strcmp(name_of(p2p_acs_quirk(&nothing, &f)), kind->name) == 0;
}

static void test_ids(void **state attr_unused)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		const struct kind *kind = &kinds[k];
		int n = 0;

		for (unsigned int device = 0; device <= UINT16_MAX; device++)
			n += has_quirk(kind, (uint16_t)device, kind->type);
		if (n != kind->devices)
			fail_msg("%s of %04x: %d devices, not %d", kind->name, kind->vendor, n,
				 kind->devices);
		for (size_t i = 0; i < ARRAY_LEN(kind->some) && kind->some[i]; i++) {
			if (!has_quirk(kind, kind->some[i], kind->type))
				fail_msg("%s is not for %04x", kind->name, kind->some[i]);
			assert_int_equal(has_quirk(kind, kind->some[i], kind->other),
					 kind->other == kind->type);
		}
		assert_false(has_quirk(kind, kind->not, kind->type));
	}
}

/* --- what comes of it ------------------------------------------------------------------------- */

#define ROOT PORT_ROOT
#define DOWN PORT_DOWNSTREAM
#define END PORT_ENDPOINT
#define ACS(cap, ctl) \
	{ \
		.known = KNOWN_PRESENT, .capability = (cap), .control = (ctl) \
	}
#define UNSURE(cap, ctl, bits) \
	{ \
		.known = KNOWN_PRESENT, .capability = (cap), .control = (ctl), .unsure = (bits) \
	}
#define DWORD(cap, ctl, at_8) \
	{ \
		.known = KNOWN_PRESENT, .capability = (cap), .control = (ctl), \
		.dword_control = (at_8), .dword_known = 0xffff \
	}
#define NONE \
	{ \
		.known = KNOWN_ABSENT \
	}
#define NOT_SEEN \
	{ \
		.known = KNOWN_NO \
	}

struct answer_case {
	uint16_t vendor, device;
	enum port_type type;
	enum p2p_answer answer;
	unsigned int request; /* 0: ALL */
	struct acs acs; /* 0: not seen; of no interest where a quirk answers */
	bool multifunction, header_unseen, below_bridge, no_ids;
	const char *rules;
};

#define CASE(v, d, t, a, ...) \
	{ \
		.vendor = (v), .device = (d), .type = (t), .answer = (a), ##__VA_ARGS__ \
	}

static const struct answer_case answers[] = {
	/*
	 * registers of ports: what is implemented must be on, what is not counts as on, but for EC
	 */
	CASE(1, 1, ROOT, YES, .acs = ACS(0x1d, 0x1d)),
	CASE(1, 1, ROOT, NO, .acs = ACS(0x1d, 0x1c)),
	CASE(1, 1, ROOT, YES, .acs = ACS(0x1c, 0x1c)),
	CASE(1, 1, DOWN, YES, .acs = ACS(0, 0)),
	CASE(1, 1, DOWN, NO, .request = ALL | ACS_EC, .acs = ACS(0x1d, 0x1d)),
	CASE(1, 1, DOWN, YES, .request = ALL | ACS_EC, .acs = ACS(0x1d, 0x3d)),
	CASE(1, 1, DOWN, YES, .request = ACS_RR, .acs = ACS(0x1d, 0x04)),
	CASE(1, 1, ROOT, NO, .acs = NONE),
	CASE(1, 1, ROOT, UNKNOWN, .acs = NOT_SEEN),
	/* bits that are not certain matter only where nothing else decides */
	CASE(1, 1, ROOT, UNKNOWN, .acs = UNSURE(0x1d, 0x1c, 0x01)),
	CASE(1, 1, ROOT, UNKNOWN, .acs = UNSURE(0x1d, 0x1d, 0x01)),
	CASE(1, 1, ROOT, NO, .acs = UNSURE(0x1d, 0x11, 0x01)),
	CASE(1, 1, ROOT, YES, .acs = UNSURE(0x1d, 0x1d, 0x02)),
	/* inside a device there are peers only if it has more functions */
	CASE(1, 1, END, YES, .acs = NONE),
	CASE(1, 1, END, YES, .acs = NOT_SEEN),
	CASE(1, 1, END, NO, .acs = NONE, .multifunction = true),
	CASE(1, 1, END, UNKNOWN, .acs = NOT_SEEN, .multifunction = true),
	CASE(1, 1, END, YES, .acs = ACS(0x0c, 0x0c), .multifunction = true),
	CASE(1, 1, PORT_UPSTREAM, YES, .acs = NONE),
	CASE(1, 1, PORT_UPSTREAM, NO, .acs = NONE, .multifunction = true),
	CASE(1, 1, PORT_LEGACY_ENDPOINT, NO, .acs = NONE, .multifunction = true),
	CASE(1, 1, PORT_RC_ENDPOINT, NO, .acs = NONE, .multifunction = true),
	CASE(1, 1, END, UNKNOWN, .acs = NONE, .header_unseen = true),
	CASE(1, 1, END, YES, .acs = ACS(0x0c, 0x0c), .header_unseen = true),
	/* never isolated, whatever the registers say */
	CASE(1, 1, PORT_CONVENTIONAL, NO, .acs = ACS(0, 0)),
	CASE(1, 1, PORT_CONVENTIONAL_BRIDGE, NO, .acs = ACS(0, 0)),
	CASE(1, 1, PORT_PCIE_TO_PCI, NO, .acs = ACS(0, 0)),
	CASE(1, 1, PORT_PCI_TO_PCIE, NO, .acs = ACS(0, 0)),
	CASE(1, 1, PORT_RC_EVENT_COLLECTOR, NO, .acs = ACS(0, 0)),
	/* not known what it is, or whether it has a quirk */
	CASE(1, 1, PORT_UNKNOWN, UNKNOWN, .acs = NONE),
	CASE(1, 1, END, UNKNOWN, .acs = NONE, .no_ids = true),
	CASE(0x8086, 0x3b42, PORT_UNKNOWN, UNKNOWN, .acs = NONE),
	/* but here the ids are enough */
	CASE(0x8086, 0x1521, PORT_UNKNOWN, YES, .acs = NOT_SEEN),
	CASE(0x177d, 0xa026, PORT_UNKNOWN, UNKNOWN, .request = ALL | ACS_TB),
	CASE(0x177d, 0xa026, PORT_ENDPOINT, YES, .request = ALL | ACS_TB),

	/* quirks go before registers, and cover what they claim only */
	CASE(0x8086, 0x1521, END, YES, .acs = ACS(0x7f, 0), .multifunction = true),
	CASE(0x8086, 0x1521, END, YES, .request = ALL | ACS_TB | ACS_DT, .multifunction = true),
	CASE(0x8086, 0x1521, END, NO, .request = ALL | ACS_EC, .multifunction = true),
	CASE(0x8086, 0x1234, PORT_RC_ENDPOINT, YES, .multifunction = true),
	CASE(0x8086, 0x1234, PORT_RC_ENDPOINT, NO, .request = ALL | ACS_DT, .multifunction = true),
	CASE(0x17cb, 0x0400, ROOT, YES),
	CASE(0x8086, 0x3b42, ROOT, YES),
	CASE(0x8086, 0x3b42, ROOT, NO, .request = ACS_TB),
	CASE(0x177d, 0xa000, ROOT, YES),
	CASE(0x10e8, 0xe004, ROOT, YES),
	CASE(0x14e4, 0xd714, ROOT, YES),
	CASE(0x0014, 0x7a09, ROOT, YES),
	CASE(0x1c36, 0x0031, ROOT, YES),
	CASE(0x1957, 0x8d80, ROOT, YES),
	CASE(0x1d17, 0x0710, ROOT, YES),
	CASE(0x8088, 0x1001, END, YES, .multifunction = true),
	/* a definite no, against good registers or being alone */
	CASE(0x1d17, 0x0001, ROOT, NO, .acs = ACS(0x1d, 0x1d)),
	CASE(0x1d17, 0x0001, END, YES, .acs = NONE),
	CASE(0x8088, 0x1000, END, NO, .acs = NONE),
	/* the register at +8, not the one at +6 */
	CASE(0x8086, 0xa110, ROOT, YES, .acs = DWORD(0x1d, 0, 0x1d)),
	CASE(0x8086, 0xa110, ROOT, NO, .acs = DWORD(0x1d, 0x1d, 0)),
	CASE(0x8086, 0xa110, ROOT, UNKNOWN, .acs = ACS(0x1d, 0x1d)),
	CASE(0x8086, 0xa110, ROOT, YES, .acs = ACS(0, 0)),
	CASE(0x8086, 0xa110, ROOT, UNKNOWN, .acs = NOT_SEEN),
	CASE(0x8086, 0xa110, ROOT, NO, .acs = NONE),
	/* source validation of these switches counts only in older releases */
	CASE(0x111d, 0x80b5, DOWN, NO, .acs = ACS(0x1d, 0x1c), .rules = "6.1"),
	CASE(0x111d, 0x80b5, DOWN, NO, .acs = ACS(0x1d, 0x1c), .rules = "6.12"),
	CASE(0x111d, 0x80b5, DOWN, YES, .acs = ACS(0x1d, 0x1c), .rules = "7.2"),
	CASE(0x111d, 0x8090, DOWN, YES, .acs = ACS(0x1d, 0x1c), .rules = "7.3"),
	CASE(0x111d, 0x8091, DOWN, NO, .acs = ACS(0x1d, 0x1c), .rules = "7.3"),
	CASE(0x111d, 0x8090, DOWN, NO, .acs = ACS(0x1d, 0x19), .rules = "7.3"),
};

static struct function function_of_case(const struct answer_case *c)
{
	struct function f = function_of(c->vendor, c->device, c->type);

	f.acs = c->acs;
	f.multifunction = c->multifunction;
	f.multifunction_known = !c->header_unseen;
	f.ids_known = !c->no_ids;
	return f;
}

static void test_answers(void **state attr_unused)
{
	static const struct platform nothing = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct answer_case *c = &answers[i];
		struct function f = function_of_case(c);
		enum p2p_answer got = p2p_acs_enabled(&nothing, p2p_rules_for(c->rules), &f,
						      c->request ? c->request : ALL);

		if (got != c->answer)
			fail_msg("case %zu, %04x:%04x: %d, not %d", i, c->vendor, c->device, got,
				 c->answer);
	}
}

/* A virtual function has no peers of its own, and is an endpoint whatever was seen of it. */
static void test_virtual(void **state attr_unused)
{
	static const struct platform nothing = { 0 };
	const struct p2p_rules *rules = p2p_rules_for(NULL);
	struct function f = function_of(0x15b3, 0x101e, PORT_UNKNOWN);

	f.is_virtual = true;
	f.multifunction_known = false;
	f.acs.known = KNOWN_NO;
	assert_int_equal(p2p_acs_enabled(&nothing, rules, &f, ALL), YES);
}

/*
 * AMD's old southbridges: where there is an AMD IOMMU, for functions of one device on a root bus.
 */
static void test_amd_southbridge(void **state attr_unused)
{
	static const uint16_t ids[][2] = {
		{ 0x1002, 0x4385 }, { 0x1002, 0x439c }, { 0x1002, 0x4383 }, { 0x1002, 0x439d },
		{ 0x1002, 0x4384 }, { 0x1002, 0x4399 }, { 0x1022, 0x780f }, { 0x1022, 0x7809 },
	};
	const struct p2p_rules *rules = p2p_rules_for(NULL);
	struct function iommu = function_of(0x1022, 0x1451, PORT_CONVENTIONAL);
	struct platform amd = { .cpu = { .known = true, .vendor = "AuthenticAMD" } };
	struct platform intel = { .cpu = { .known = true, .vendor = "GenuineIntel" } };
	struct platform unseen = { 0 }, with_iommu = { .functions = &iommu, .nr_functions = 1 };

	iommu.class_known = true;
	iommu.class = 0x080600;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct function f = function_of(ids[i][0], ids[i][1], PORT_CONVENTIONAL);

		f.multifunction = true;
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL), YES);
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL | ACS_EC), NO);
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL | ACS_DT), NO);
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL | ACS_TB), YES);
		assert_int_equal(p2p_acs_enabled(&intel, rules, &f, ALL), NO);
		assert_int_equal(p2p_acs_enabled(&unseen, rules, &f, ALL), UNKNOWN);
		assert_int_equal(p2p_acs_enabled(&with_iommu, rules, &f, ALL), YES);
		assert_string_equal(name_of(p2p_acs_quirk(&amd, &f)), "amd-southbridge");
		assert_string_equal(name_of(p2p_acs_quirk(&intel, &f)), "none");
		f.upstream = 0;
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL), NO);
		f.upstream = UPSTREAM_UNKNOWN;
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL), UNKNOWN);
		f.upstream = UPSTREAM_ROOT_BUS;
		f.multifunction = false;
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL), NO);
		f.multifunction_known = false;
		assert_int_equal(p2p_acs_enabled(&amd, rules, &f, ALL), UNKNOWN);
	}
}

static void put(uint8_t *config, size_t at, const uint8_t *bytes, size_t len)
{
	memcpy(config + at, bytes, len);
}

/* From config space: the register at +8 of a Sunrise Point root port, and +6 reads as zero. */
static void test_dword_registers(void **state attr_unused)
{
	static const uint8_t header[] = { 0x86, 0x80, 0x10, 0xa1, 0x07, 0x00, 0x10, 0x00 };
	static const uint8_t express[] = { 0x10, 0x00, 0x42, 0x01 }; /* root port */
	static const uint8_t acs[] = { 0x0d, 0x00, 0x01, 0x00, 0x1d, 0, 0, 0, 0x1d, 0, 0, 0 };
	const struct p2p_rules *rules = p2p_rules_for(NULL);
	uint8_t config[4096] = { [0x0e] = 0x01, [0x19] = 1, [0x1a] = 1, [0x34] = 0x40 };
	struct platform *p = platform_new("test", NULL);
	struct function *f = platform_add(p, (struct pci_addr){ .dev = 0x1c });

	put(config, 0, header, sizeof(header));
	put(config, 0x40, express, sizeof(express));
	put(config, 0x100, acs, sizeof(acs));
	platform_parse_config(p, f, config, sizeof(config));
	platform_finish(p);
	f = &p->functions[0];
	assert_int_equal(f->acs.control, 0);
	assert_string_equal(name_of(p2p_acs_quirk(p, f)), "intel-pch-dword-registers");
	assert_true(p2p_acs_is_dword(f));
	assert_int_equal(p2p_acs_enabled(p, rules, f, ALL), YES);
	f->acs.dword_control = 0x11;
	assert_int_equal(p2p_acs_enabled(p, rules, f, ALL), NO);
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_virtual),
		cmocka_unit_test(test_amd_southbridge),
		cmocka_unit_test(test_dword_registers),
	};

	return cmocka_run_group_tests_name("p2p/quirks", tests, NULL, NULL);
}
