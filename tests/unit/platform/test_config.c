/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * platform_parse_config(): headers, lists of capabilities and BARs, of well-formed, cut, looping and random
 * config space. What single registers say is for test_config_registers.c.
 */
#include "config_fixture.h"

static void assert_gap(const struct config_fixture *x, const char *part)
{
	assert_int_equal(x->p->nr_gaps, 1);
	assert_string_equal(x->p->gaps[0].subject, "0000:01:00.0");
	if (!strstr(x->p->gaps[0].text, part))
		fail_msg("gap '%s' does not say '%s'", x->p->gaps[0].text, part);
}

static void test_header(void **state)
{
	struct config_fixture *x = *state;

	put16(x->config, 0x2c, 0x1af4);
	put16(x->config, 0x2e, 0x1100);
	config_parse(x, 64);
	assert_int_equal(x->f->config_bytes, 64);
	assert_true(x->f->ids_known);
	assert_int_equal(x->f->vendor, 0x8086);
	assert_int_equal(x->f->device, 0x10c9);
	assert_int_equal(x->f->class, 0x020000);
	assert_int_equal(x->f->revision, 5);
	assert_int_equal(x->f->subvendor, 0x1af4);
	assert_int_equal(x->f->subdevice, 0x1100);
	assert_true(x->f->bus_master_known && x->f->bus_master);
	assert_false(x->f->is_bridge);
	assert_false(x->f->multifunction);
	assert_int_equal(x->p->nr_gaps, 0);
}

static void test_header_bits(void **state)
{
	struct config_fixture *x = *state;

	x->config[0x0e] = 0x80;
	put16(x->config, 0x04, 0x0002);
	config_parse(x, 64);
	assert_true(x->f->multifunction);
	assert_false(x->f->bus_master);
}

static void test_bridge(void **state)
{
	struct config_fixture *x = *state;

	config_bridge(x->config, 1, 2, 7);
	x->config[0x0e] |= 0x80;
	config_parse(x, 64);
	assert_true(x->f->is_bridge);
	assert_true(x->f->multifunction);
	assert_int_equal(x->f->secondary, 2);
	assert_int_equal(x->f->subordinate, 7);
}

static void test_cardbus(void **state)
{
	struct config_fixture *x = *state;

	x->config[0x0e] = 2;
	x->config[0x19] = 3;
	x->config[0x06] |= 0x10;
	x->config[0x14] = 0x80; /* where CardBus has its list */
	x->config[0x34] = 0x44; /* is something else here */
	x->config[0x80] = 0x0d;
	put16(x->config, 0x84, 0x1179);
	config_parse(x, 256);
	assert_true(x->f->is_bridge);
	assert_int_equal(x->f->secondary, 3);
	assert_int_equal(x->f->subvendor, 0x1179);
	assert_int_equal(x->f->port_type, PORT_CONVENTIONAL_BRIDGE);
	assert_int_equal(x->p->nr_gaps, 0);
}

static void test_bridge_subsystem(void **state)
{
	struct config_fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	x->config[0x06] |= 0x10;
	x->config[0x34] = SUBSYSTEM_AT;
	x->config[SUBSYSTEM_AT] = 0x0d;
	put16(x->config, SUBSYSTEM_AT + 4, 0x1234);
	put16(x->config, SUBSYSTEM_AT + 6, 0x5678);
	config_parse(x, 256);
	assert_int_equal(x->f->subvendor, 0x1234);
	assert_int_equal(x->f->subdevice, 0x5678);
}

/* The kernel corrects some ids by quirk, and VFs read as ffff: what the source said stays. */
static void test_source_ids_stay(void **state)
{
	struct config_fixture *x = *state;

	x->f->ids_known = x->f->class_known = true;
	x->f->vendor = 0x1af4;
	x->f->class = 0x060000;
	config_parse(x, 64);
	assert_int_equal(x->f->vendor, 0x1af4);
	assert_int_equal(x->f->class, 0x060000);
}

static void test_virtual_function_ids(void **state)
{
	struct config_fixture *x = *state;

	put32(x->config, 0, 0xffffffff);
	config_parse(x, 64);
	assert_false(x->f->ids_known);
	assert_int_equal(x->f->config_bytes, 64);
	assert_int_equal(x->p->nr_gaps, 0);
}

static void test_no_answer(void **state)
{
	struct config_fixture *x = *state;

	memset(x->config, 0xff, sizeof(x->config));
	config_parse(x, 4096);
	assert_int_equal(x->f->config_bytes, 0);
	assert_false(x->f->ids_known);
	assert_int_equal(x->f->acs.known, KNOWN_NO);
	assert_int_equal(x->f->port_type, PORT_UNKNOWN);
	assert_gap(x, "all ones");
	assert_true(x->f->silent);
}

/* Bytes that are somebody else's, or nobody's, are not believed. */
static void test_wrong_vendor(void **state)
{
	struct config_fixture *x = *state;

	x->f->ids_known = true;
	x->f->vendor = 0x8086;
	put32(x->config, 0, 0x123410de);
	config_parse(x, 4096);
	assert_int_equal(x->f->config_bytes, 0);
	assert_int_equal(x->f->vendor, 0x8086);
	assert_int_equal(x->f->acs.known, KNOWN_NO);
	assert_gap(x, "another vendor");
}

static void test_zeros(void **state)
{
	struct config_fixture *x = *state;

	memset(x->config, 0, sizeof(x->config));
	config_parse(x, 4096);
	assert_int_equal(x->f->config_bytes, 0);
	assert_int_equal(x->f->acs.known, KNOWN_NO);
	assert_gap(x, "no vendor");
}

static void test_port_types(void **state)
{
	static const enum port_type types[16] = {
		[0] = PORT_ENDPOINT,    [1] = PORT_LEGACY_ENDPOINT, [4] = PORT_ROOT,
		[5] = PORT_UPSTREAM,    [6] = PORT_DOWNSTREAM,      [7] = PORT_PCIE_TO_PCI,
		[8] = PORT_PCI_TO_PCIE, [9] = PORT_RC_ENDPOINT,     [10] = PORT_RC_EVENT_COLLECTOR,
	};
	struct config_fixture *x = *state;

	for (unsigned int t = 0; t < 16; t++) {
		x->f->port_type = PORT_UNKNOWN;
		x->f->link = (struct link){ 0 };
		config_express(x->config, t, 4, 16, 3, 8);
		config_parse(x, 256);
		assert_int_equal(x->f->port_type, types[t]);
		/* integrated functions have no link */
		assert_int_equal(x->f->link.known, t != 9 && t != 10);
	}
}

static void test_link(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 5, 16, 4, 8);
	config_parse(x, 256);
	assert_int_equal(x->f->link.max_speed, 5);
	assert_int_equal(x->f->link.max_width, 16);
	assert_int_equal(x->f->link.speed, 4);
	assert_int_equal(x->f->link.width, 8);
}

static void test_no_link(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 0, 0, 0, 0); /* as VFs have it */
	config_parse(x, 256);
	assert_int_equal(x->f->port_type, PORT_ENDPOINT);
	assert_false(x->f->link.known);
}

/* What was not seen is unknown, what cannot be there is absent. */
static void test_acs_knowledge(void **state)
{
	static const struct {
		bool list, express;
		size_t len;
		enum known acs;
		enum port_type type;
	} cases[] = {
		{ false, false, 64, KNOWN_ABSENT, PORT_CONVENTIONAL },
		{ true, false, 64, KNOWN_NO, PORT_UNKNOWN },
		{ true, true, 64, KNOWN_NO, PORT_UNKNOWN },
		{ true, false, 256, KNOWN_ABSENT, PORT_CONVENTIONAL },
		{ true, true, 256, KNOWN_NO, PORT_ENDPOINT },
		{ true, true, 4095, KNOWN_NO, PORT_ENDPOINT },
		{ true, true, 4096, KNOWN_ABSENT, PORT_ENDPOINT },
	};
	struct config_fixture *x = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		x->f->acs.known = KNOWN_NO;
		x->f->port_type = PORT_UNKNOWN;
		config_header(x->config, 0x8086, 1, 0x020000);
		if (cases[i].list)
			x->config[0x06] |= 0x10;
		if (cases[i].express)
			config_express(x->config, 0, 1, 1, 1, 1);
		config_parse(x, cases[i].len);
		assert_int_equal(x->f->acs.known, cases[i].acs);
		assert_int_equal(x->f->port_type, cases[i].type);
	}
}

/* What tar makes of config space that it was not shown behind the header. */
static void test_filled_up(void **state)
{
	struct config_fixture *x = *state;
	const struct {
		size_t zeros_from, expected;
		bool list;
		uint8_t first;
	} cases[] = {
		{ 64, 64, true, 0x40 },    { 64, 4096, false, 0x40 },  { 64, 4096, true, 0 },
		{ 256, 4096, true, 0x40 }, { 4096, 4096, true, 0x40 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		x->f->acs.known = KNOWN_NO;
		x->f->port_type = PORT_UNKNOWN;
		memset(x->config, 0, 4096);
		config_header(x->config, 0x8086, 1, 0x020000);
		config_express(x->config, 6, 3, 4, 3, 4);
		config_acs(x->config, 0x005f, 0x001d);
		x->config[0x06] = cases[i].list ? 0x10 : 0;
		x->config[0x34] = cases[i].first;
		memset(x->config + cases[i].zeros_from, 0, 4096 - cases[i].zeros_from);
		config_parse(x, 4096);
		assert_int_equal(x->f->config_bytes, cases[i].expected);
		if (cases[i].expected == 64) {
			assert_int_equal(x->f->acs.known, KNOWN_NO);
			assert_int_equal(x->f->port_type, PORT_UNKNOWN);
		}
	}
}

static void test_acs(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	config_acs(x->config, 0x005f, 0x001d);
	config_parse(x, 4096);
	assert_int_equal(x->f->acs.known, KNOWN_PRESENT);
	assert_int_equal(x->f->acs.capability, 0x5f);
	assert_int_equal(x->f->acs.control, 0x1d);
	assert_true(x->f->has_aer);
	assert_false(x->f->has_ats || x->f->has_pri || x->f->has_pasid || x->f->has_dpc ||
		     x->f->has_sriov);
	assert_int_equal(x->p->nr_gaps, 0);
}

static void test_first_acs_counts(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	config_acs(x->config, 0x5f, 0x1d);
	put32(x->config, ACS_AT, 0x200u << 20 | 1u << 16 | 0x000d);
	put32(x->config, 0x200, 1u << 16 | 0x000d);
	config_parse(x, 4096);
	assert_int_equal(x->f->acs.control, 0x1d);
}

static void test_extended_capabilities(void **state)
{
	static const uint16_t ids[] = { 0x0f, 0x10, 0x13, 0x1b, 0x1d };
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		uint32_t next = i + 1 < ARRAY_LEN(ids) ? 0x100 + 0x40 * (uint32_t)(i + 1) : 0;

		put32(x->config, 0x100 + 0x40 * i, next << 20 | 1u << 16 | ids[i]);
	}
	put16(x->config, 0x140 + 0x08, 1); /* VF Enable */
	put16(x->config, 0x140 + 0x0e, 16); /* TotalVFs */
	put16(x->config, 0x140 + 0x10, 4); /* NumVFs */
	config_parse(x, 4096);
	assert_true(x->f->has_ats && x->f->has_sriov && x->f->has_pri && x->f->has_pasid &&
		    x->f->has_dpc);
	assert_int_equal(x->f->max_virtual, 16);
	assert_int_equal(x->f->nr_virtual, 4);
	put16(x->config, 0x140 + 0x08, 0);
	config_parse(x, 4096);
	assert_int_equal(x->f->nr_virtual, 0);
}

static void test_loop(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[EXPRESS_AT + 1] = EXPRESS_AT;
	config_parse(x, 256);
	assert_int_equal(x->f->port_type, PORT_ENDPOINT);
	assert_gap(x, "loops at 0x40");
}

static void test_extended_loop(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	config_acs(x->config, 0x5f, 0x04);
	put32(x->config, ACS_AT, 0x100u << 20 | 1u << 16 | 0x000d);
	config_parse(x, 4096);
	assert_int_equal(x->f->acs.control, 0x04);
	assert_gap(x, "loops at 0x100");
}

static void test_list_into_header(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[EXPRESS_AT + 1] = 0x10;
	config_parse(x, 256);
	assert_int_equal(x->f->port_type, PORT_ENDPOINT);
	assert_gap(x, "leaves its space at 0x10");
}

static void test_extended_list_into_standard(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	put32(x->config, 0x100, 0x0c0u << 20 | 1u << 16 | 0x0001);
	config_parse(x, 4096);
	assert_int_equal(x->f->acs.known, KNOWN_ABSENT);
	assert_gap(x, "leaves its space at 0xc0");
}

static void test_capability_at_the_end(void **state)
{
	struct config_fixture *x = *state;

	/* the type still fits, the link registers would be beyond: not those at 0x10c */
	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[0x34] = 0xfc;
	x->config[0xfc] = 0x10;
	put16(x->config, 0xfe, 4u << 4 | 2);
	put32(x->config, 0x108, 0x55555555);
	config_parse(x, 4096);
	assert_int_equal(x->f->port_type, PORT_ROOT);
	assert_false(x->f->link.known);
}

static void test_acs_at_the_end(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	put32(x->config, 0x100, 0xffcu << 20 | 1u << 16 | 0x0001);
	put32(x->config, 0xffc, 1u << 16 | 0x000d);
	config_parse(x, 4096);
	assert_int_equal(x->f->acs.known, KNOWN_ABSENT);
	assert_gap(x, "does not fit");
}

static void test_bars(void **state)
{
	struct config_fixture *x = *state;

	put32(x->config, 0x10, 0xfe00000c); /* 64 bit, prefetchable */
	put32(x->config, 0x14, 0x00000020);
	put32(x->config, 0x18, 0x0000e001); /* I/O */
	put32(x->config, 0x20, 0xfd000000);
	put32(x->config, 0x24, 0xfc000004); /* 64 bit in the last register: has no upper half */
	config_parse(x, 64);
	assert_int_equal(x->f->bars[0].kind, BAR_MEM64);
	assert_true(x->f->bars[0].prefetchable);
	assert_int_equal(x->f->bars[0].start, 0x20fe000000);
	assert_int_equal(x->f->bars[1].kind, BAR_NONE);
	assert_int_equal(x->f->bars[2].kind, BAR_IO);
	assert_int_equal(x->f->bars[2].start, 0xe000);
	assert_int_equal(x->f->bars[3].kind, BAR_NONE);
	assert_int_equal(x->f->bars[4].kind, BAR_MEM32);
	assert_false(x->f->bars[4].prefetchable);
	assert_int_equal(x->f->bars[5].kind, BAR_MEM32);
	assert_int_equal(x->f->bars[5].start, 0xfc000000);
}

static void test_source_bars_stay(void **state)
{
	struct config_fixture *x = *state;

	x->f->bars[0] = (struct bar){
		.kind = BAR_MEM64, .prefetchable = true, .start = 0x20fe000000, .size = 0x4000
	};
	put32(x->config, 0x10, 0xfe00000c);
	put32(x->config, 0x14, 0x00000020);
	put32(x->config, 0x18, 0xfd000000);
	config_parse(x, 64);
	assert_int_equal(x->f->bars[0].size, 0x4000);
	assert_int_equal(x->f->bars[1].kind, BAR_NONE);
	assert_int_equal(x->f->bars[2].kind, BAR_MEM32);
}

static void test_bridge_has_two_bars(void **state)
{
	struct config_fixture *x = *state;

	put32(x->config, 0x10, 0xfe000000);
	config_bridge(x->config, 1, 2, 2);
	put32(x->config, 0x1c, 0xf1f1f1f0); /* I/O windows, not a BAR */
	config_parse(x, 64);
	assert_int_equal(x->f->bars[0].kind, BAR_MEM32);
	for (int i = 2; i < PCI_BARS; i++)
		assert_int_equal(x->f->bars[i].kind, BAR_NONE);
}

/* Everything that a rich function shows appears at its length, and nothing earlier. */
static void test_every_length(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	config_acs(x->config, 0x5f, 0x1d);
	for (size_t len = 0; len <= CONFIG_SIZE; len++) {
		struct platform *p = platform_new("test", NULL);
		struct config_fixture y = *x;

		y.p = p;
		y.f = platform_add(p, (struct pci_addr){ 0 });
		config_parse(&y, len);
		assert_int_equal(y.f->config_bytes, len < 64     ? 0
						    : len < 256  ? 64
						    : len < 4096 ? 256
								 : 4096);
		assert_int_equal(y.f->ids_known, len >= 64);
		assert_int_equal(y.f->port_type, len < 256 ? PORT_UNKNOWN : PORT_DOWNSTREAM);
		assert_int_equal(y.f->acs.known, len < 4096 ? KNOWN_NO : KNOWN_PRESENT);
		assert_int_equal(p->nr_gaps, 0);
		platform_free(p);
	}
}

static uint32_t next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

/* Damaged config space may say anything, but is read within bounds and to an end. */
static void test_mutated(void **state)
{
	static const size_t lengths[] = { 64, 256, 4096 };
	struct config_fixture *x = *state;
	uint32_t seed = 0x9e3779b9;

	for (int round = 0; round < 3000; round++) {
		size_t len = lengths[round % 3];
		struct platform *p = platform_new("test", NULL);
		struct config_fixture y = *x;

		config_header(y.config, 0x8086, 1, 0x060400);
		config_express(y.config, round & 0xf, 3, 4, 3, 4);
		config_acs(y.config, 0x5f, 0x1d);
		for (uint32_t n = next_random(&seed) % 64; n; n--) {
			/* more often where lists are */
			uint32_t at = next_random(&seed) % (n & 1 ? 0x200 : CONFIG_SIZE);

			y.config[at] = (uint8_t)next_random(&seed);
		}
		y.p = p;
		y.f = platform_add(p, (struct pci_addr){ 0 });
		config_parse(&y, len);
		assert_in_range(y.f->port_type, PORT_UNKNOWN, PORT_RC_EVENT_COLLECTOR);
		/* one for each list and one for each capability that is known, at most */
		assert_in_range(p->nr_gaps, 0, 20);
		platform_free(p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(test_header),
		CONFIG_TEST(test_header_bits),
		CONFIG_TEST(test_bridge),
		CONFIG_TEST(test_cardbus),
		CONFIG_TEST(test_bridge_subsystem),
		CONFIG_TEST(test_source_ids_stay),
		CONFIG_TEST(test_virtual_function_ids),
		CONFIG_TEST(test_no_answer),
		CONFIG_TEST(test_wrong_vendor),
		CONFIG_TEST(test_zeros),
		CONFIG_TEST(test_port_types),
		CONFIG_TEST(test_link),
		CONFIG_TEST(test_no_link),
		CONFIG_TEST(test_acs_knowledge),
		CONFIG_TEST(test_filled_up),
		CONFIG_TEST(test_acs),
		CONFIG_TEST(test_first_acs_counts),
		CONFIG_TEST(test_extended_capabilities),
		CONFIG_TEST(test_loop),
		CONFIG_TEST(test_extended_loop),
		CONFIG_TEST(test_list_into_header),
		CONFIG_TEST(test_extended_list_into_standard),
		CONFIG_TEST(test_capability_at_the_end),
		CONFIG_TEST(test_acs_at_the_end),
		CONFIG_TEST(test_bars),
		CONFIG_TEST(test_source_bars_stay),
		CONFIG_TEST(test_bridge_has_two_bars),
		CONFIG_TEST(test_every_length),
		CONFIG_TEST(test_mutated),
	};

	return cmocka_run_group_tests_name("platform/config", tests, NULL, NULL);
}
