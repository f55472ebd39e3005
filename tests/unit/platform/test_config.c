/* SPDX-License-Identifier: GPL-2.0-or-later */
/* platform_parse_config(): what it takes from well-formed, cut, looping and random config space. */
#include "../test.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "config_space.h"
#include "platform/config.h"

struct fixture {
	struct platform *p;
	struct function *f;
	uint8_t config[CONFIG_SIZE];
};

static int setup(void **state)
{
	struct fixture *x = xcalloc(1, sizeof(*x));

	x->p = platform_new("test", NULL);
	x->f = platform_add(x->p, (struct pci_addr){ .bus = 1 });
	config_header(x->config, 0x8086, 0x10c9, 0x020000);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	platform_free(x->p);
	free(x);
	return 0;
}

/* What the running machine is asked for of these bytes, in a buffer of the caller. */
static size_t read_needed(const uint8_t *bytes, size_t len, uint8_t config[CONFIG_SIZE])
{
	autoclose int fd = memfd_create("config", MFD_CLOEXEC);
	autofree char *path = xasprintf("/proc/self/fd/%d", fd);
	ssize_t n;

	assert_int_equal(fs_write_all(fd, bytes, len), 0);
	memset(config, 0, CONFIG_SIZE);
	n = config_read_needed(AT_FDCWD, path, config);
	assert_int_equal(n, len);
	return (size_t)n;
}

static char *function_text(const struct platform *p, const struct function *f)
{
	autojson json_t *doc = platform_to_json(p);

	return jx_pretty(json_array_get(json_object_get(doc, "functions"), f - p->functions));
}

/* The part of the bytes that the running machine is asked for says the same as all of them. */
static void parse_needed(const struct fixture *x, struct function before, size_t nr_gaps,
			 const uint8_t *bytes, size_t len)
{
	autoplatform struct platform *p = platform_new("test", NULL);
	struct function *f = platform_add(p, before.addr);
	autofree char *all = function_text(x->p, x->f), *needed = NULL;
	uint8_t config[CONFIG_SIZE];

	*f = before;
	platform_parse_config(p, f, config, read_needed(bytes, len, config));
	needed = function_text(p, f);
	assert_string_equal(needed, all);
	assert_int_equal(p->nr_gaps, x->p->nr_gaps - nr_gaps);
	for (size_t i = 0; i < p->nr_gaps; i++)
		assert_string_equal(p->gaps[i].text, x->p->gaps[nr_gaps + i].text);
}

/* From a buffer of exactly that size, so that a read beyond it is caught. */
static void parse(struct fixture *x, size_t len)
{
	const struct function before = *x->f;
	size_t nr_gaps = x->p->nr_gaps;
	uint8_t *exact = xcalloc(len, 1);

	memcpy(exact, x->config, len);
	platform_parse_config(x->p, x->f, exact, len);
	/* the kernel shows one of these */
	if (len == 64 || len == 256 || len == 4096)
		parse_needed(x, before, nr_gaps, exact, len);
	free(exact);
}

static void assert_gap(const struct fixture *x, const char *part)
{
	assert_int_equal(x->p->nr_gaps, 1);
	assert_string_equal(x->p->gaps[0].subject, "0000:01:00.0");
	if (!strstr(x->p->gaps[0].text, part))
		fail_msg("gap '%s' does not say '%s'", x->p->gaps[0].text, part);
}

static void test_header(void **state)
{
	struct fixture *x = *state;

	put16(x->config, 0x2c, 0x1af4);
	put16(x->config, 0x2e, 0x1100);
	parse(x, 64);
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
	struct fixture *x = *state;

	x->config[0x0e] = 0x80;
	put16(x->config, 0x04, 0x0002);
	parse(x, 64);
	assert_true(x->f->multifunction);
	assert_false(x->f->bus_master);
}

static void test_bridge(void **state)
{
	struct fixture *x = *state;

	config_bridge(x->config, 1, 2, 7);
	x->config[0x0e] |= 0x80;
	parse(x, 64);
	assert_true(x->f->is_bridge);
	assert_true(x->f->multifunction);
	assert_int_equal(x->f->secondary, 2);
	assert_int_equal(x->f->subordinate, 7);
}

static void test_cardbus(void **state)
{
	struct fixture *x = *state;

	x->config[0x0e] = 2;
	x->config[0x19] = 3;
	x->config[0x06] |= 0x10;
	x->config[0x14] = 0x80; /* where CardBus has its list */
	x->config[0x34] = 0x44; /* is something else here */
	x->config[0x80] = 0x0d;
	put16(x->config, 0x84, 0x1179);
	parse(x, 256);
	assert_true(x->f->is_bridge);
	assert_int_equal(x->f->secondary, 3);
	assert_int_equal(x->f->subvendor, 0x1179);
	assert_int_equal(x->f->port_type, PORT_CONVENTIONAL_BRIDGE);
	assert_int_equal(x->p->nr_gaps, 0);
}

static void test_bridge_subsystem(void **state)
{
	struct fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	x->config[0x06] |= 0x10;
	x->config[0x34] = SUBSYSTEM_AT;
	x->config[SUBSYSTEM_AT] = 0x0d;
	put16(x->config, SUBSYSTEM_AT + 4, 0x1234);
	put16(x->config, SUBSYSTEM_AT + 6, 0x5678);
	parse(x, 256);
	assert_int_equal(x->f->subvendor, 0x1234);
	assert_int_equal(x->f->subdevice, 0x5678);
}

/* The kernel corrects some ids by quirk, and VFs read as ffff: what the source said stays. */
static void test_source_ids_stay(void **state)
{
	struct fixture *x = *state;

	x->f->ids_known = x->f->class_known = true;
	x->f->vendor = 0x1af4;
	x->f->class = 0x060000;
	parse(x, 64);
	assert_int_equal(x->f->vendor, 0x1af4);
	assert_int_equal(x->f->class, 0x060000);
}

static void test_virtual_function_ids(void **state)
{
	struct fixture *x = *state;

	put32(x->config, 0, 0xffffffff);
	parse(x, 64);
	assert_false(x->f->ids_known);
	assert_int_equal(x->f->config_bytes, 64);
	assert_int_equal(x->p->nr_gaps, 0);
}

static void test_no_answer(void **state)
{
	struct fixture *x = *state;

	memset(x->config, 0xff, sizeof(x->config));
	parse(x, 4096);
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
	struct fixture *x = *state;

	x->f->ids_known = true;
	x->f->vendor = 0x8086;
	put32(x->config, 0, 0x123410de);
	parse(x, 4096);
	assert_int_equal(x->f->config_bytes, 0);
	assert_int_equal(x->f->vendor, 0x8086);
	assert_int_equal(x->f->acs.known, KNOWN_NO);
	assert_gap(x, "another vendor");
}

static void test_zeros(void **state)
{
	struct fixture *x = *state;

	memset(x->config, 0, sizeof(x->config));
	parse(x, 4096);
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
	struct fixture *x = *state;

	for (unsigned int t = 0; t < 16; t++) {
		x->f->port_type = PORT_UNKNOWN;
		x->f->link = (struct link){ 0 };
		config_express(x->config, t, 4, 16, 3, 8);
		parse(x, 256);
		assert_int_equal(x->f->port_type, types[t]);
		/* integrated functions have no link */
		assert_int_equal(x->f->link.known, t != 9 && t != 10);
	}
}

static void test_link(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 5, 16, 4, 8);
	parse(x, 256);
	assert_int_equal(x->f->link.max_speed, 5);
	assert_int_equal(x->f->link.max_width, 16);
	assert_int_equal(x->f->link.speed, 4);
	assert_int_equal(x->f->link.width, 8);
}

static void test_no_link(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 0, 0, 0, 0); /* as VFs have it */
	parse(x, 256);
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
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		x->f->acs.known = KNOWN_NO;
		x->f->port_type = PORT_UNKNOWN;
		config_header(x->config, 0x8086, 1, 0x020000);
		if (cases[i].list)
			x->config[0x06] |= 0x10;
		if (cases[i].express)
			config_express(x->config, 0, 1, 1, 1, 1);
		parse(x, cases[i].len);
		assert_int_equal(x->f->acs.known, cases[i].acs);
		assert_int_equal(x->f->port_type, cases[i].type);
	}
}

/* What tar makes of config space that it was not shown behind the header. */
static void test_filled_up(void **state)
{
	struct fixture *x = *state;
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
		parse(x, 4096);
		assert_int_equal(x->f->config_bytes, cases[i].expected);
		if (cases[i].expected == 64) {
			assert_int_equal(x->f->acs.known, KNOWN_NO);
			assert_int_equal(x->f->port_type, PORT_UNKNOWN);
		}
	}
}

static void test_acs(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	config_acs(x->config, 0x005f, 0x001d);
	parse(x, 4096);
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
	struct fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	config_acs(x->config, 0x5f, 0x1d);
	put32(x->config, ACS_AT, 0x200u << 20 | 1u << 16 | 0x000d);
	put32(x->config, 0x200, 1u << 16 | 0x000d);
	parse(x, 4096);
	assert_int_equal(x->f->acs.control, 0x1d);
}

static void test_extended_capabilities(void **state)
{
	static const uint16_t ids[] = { 0x0f, 0x10, 0x13, 0x1b, 0x1d };
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		uint32_t next = i + 1 < ARRAY_LEN(ids) ? 0x100 + 0x40 * (uint32_t)(i + 1) : 0;

		put32(x->config, 0x100 + 0x40 * i, next << 20 | 1u << 16 | ids[i]);
	}
	put16(x->config, 0x140 + 0x08, 1); /* VF Enable */
	put16(x->config, 0x140 + 0x0e, 16); /* TotalVFs */
	put16(x->config, 0x140 + 0x10, 4); /* NumVFs */
	parse(x, 4096);
	assert_true(x->f->has_ats && x->f->has_sriov && x->f->has_pri && x->f->has_pasid &&
		    x->f->has_dpc);
	assert_int_equal(x->f->max_virtual, 16);
	assert_int_equal(x->f->nr_virtual, 4);
	put16(x->config, 0x140 + 0x08, 0);
	parse(x, 4096);
	assert_int_equal(x->f->nr_virtual, 0);
}

static void test_loop(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[EXPRESS_AT + 1] = EXPRESS_AT;
	parse(x, 256);
	assert_int_equal(x->f->port_type, PORT_ENDPOINT);
	assert_gap(x, "loops at 0x40");
}

static void test_extended_loop(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	config_acs(x->config, 0x5f, 0x04);
	put32(x->config, ACS_AT, 0x100u << 20 | 1u << 16 | 0x000d);
	parse(x, 4096);
	assert_int_equal(x->f->acs.control, 0x04);
	assert_gap(x, "loops at 0x100");
}

static void test_list_into_header(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[EXPRESS_AT + 1] = 0x10;
	parse(x, 256);
	assert_int_equal(x->f->port_type, PORT_ENDPOINT);
	assert_gap(x, "leaves its space at 0x10");
}

static void test_extended_list_into_standard(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	put32(x->config, 0x100, 0x0c0u << 20 | 1u << 16 | 0x0001);
	parse(x, 4096);
	assert_int_equal(x->f->acs.known, KNOWN_ABSENT);
	assert_gap(x, "leaves its space at 0xc0");
}

static void test_capability_at_the_end(void **state)
{
	struct fixture *x = *state;

	/* the type still fits, the link registers would be beyond: not those at 0x10c */
	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[0x34] = 0xfc;
	x->config[0xfc] = 0x10;
	put16(x->config, 0xfe, 4u << 4 | 2);
	put32(x->config, 0x108, 0x55555555);
	parse(x, 4096);
	assert_int_equal(x->f->port_type, PORT_ROOT);
	assert_false(x->f->link.known);
}

static void test_acs_at_the_end(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	put32(x->config, 0x100, 0xffcu << 20 | 1u << 16 | 0x0001);
	put32(x->config, 0xffc, 1u << 16 | 0x000d);
	parse(x, 4096);
	assert_int_equal(x->f->acs.known, KNOWN_ABSENT);
	assert_gap(x, "does not fit");
}

static void test_bars(void **state)
{
	struct fixture *x = *state;

	put32(x->config, 0x10, 0xfe00000c); /* 64 bit, prefetchable */
	put32(x->config, 0x14, 0x00000020);
	put32(x->config, 0x18, 0x0000e001); /* I/O */
	put32(x->config, 0x20, 0xfd000000);
	put32(x->config, 0x24, 0xfc000004); /* 64 bit in the last register: has no upper half */
	parse(x, 64);
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
	struct fixture *x = *state;

	x->f->bars[0] = (struct bar){
		.kind = BAR_MEM64, .prefetchable = true, .start = 0x20fe000000, .size = 0x4000
	};
	put32(x->config, 0x10, 0xfe00000c);
	put32(x->config, 0x14, 0x00000020);
	put32(x->config, 0x18, 0xfd000000);
	parse(x, 64);
	assert_int_equal(x->f->bars[0].size, 0x4000);
	assert_int_equal(x->f->bars[1].kind, BAR_NONE);
	assert_int_equal(x->f->bars[2].kind, BAR_MEM32);
}

static void test_bridge_has_two_bars(void **state)
{
	struct fixture *x = *state;

	put32(x->config, 0x10, 0xfe000000);
	config_bridge(x->config, 1, 2, 2);
	put32(x->config, 0x1c, 0xf1f1f1f0); /* I/O windows, not a BAR */
	parse(x, 64);
	assert_int_equal(x->f->bars[0].kind, BAR_MEM32);
	for (int i = 2; i < PCI_BARS; i++)
		assert_int_equal(x->f->bars[i].kind, BAR_NONE);
}

/* Everything that a rich function shows appears at its length, and nothing earlier. */
static void test_every_length(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 6, 3, 4, 3, 4);
	config_acs(x->config, 0x5f, 0x1d);
	for (size_t len = 0; len <= CONFIG_SIZE; len++) {
		struct platform *p = platform_new("test", NULL);
		struct fixture y = *x;

		y.p = p;
		y.f = platform_add(p, (struct pci_addr){ 0 });
		parse(&y, len);
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

/* A capability at this place of a list of extended ones, each of which leads to the next. */
static uint8_t *add_extended(struct fixture *x, size_t at, uint16_t id, size_t next)
{
	put32(x->config, at, (uint32_t)next << 20 | 1u << 16 | id);
	return x->config + at;
}

static void assert_reg(struct reg r, uint32_t value, uint32_t seen)
{
	assert_int_equal(r.value, value);
	assert_int_equal(r.seen, seen);
}

static void put_express_registers(struct fixture *x, unsigned int type)
{
	config_express(x->config, type, 4, 16, 4, 16);
	x->config[EXPRESS_AT + 3] = 0x01; /* it has a slot */
	put32(x->config, EXPRESS_AT + 0x04, 0x10008022);
	put16(x->config, EXPRESS_AT + 0x08, 0x2957);
	put16(x->config, EXPRESS_AT + 0x0a, 0x0029);
	put16(x->config, EXPRESS_AT + 0x10, 0x0142);
	put32(x->config, EXPRESS_AT + 0x14, 0x00000060);
	put16(x->config, EXPRESS_AT + 0x1a, 0x0148);
	put32(x->config, EXPRESS_AT + 0x24, 0x007003d9);
	put16(x->config, EXPRESS_AT + 0x28, 0x10e9);
}

static void test_express_registers(void **state)
{
	struct fixture *x = *state;
	const struct express *e = &x->f->express;

	put_express_registers(x, 4);
	parse(x, 256);
	assert_reg(e->device_capabilities, 0x10008022, 0xffffffff);
	assert_reg(e->device_control, 0x2957, 0xffff);
	assert_reg(e->device_status, 0x0029, 0xffff);
	assert_reg(e->link_control, 0x0142, 0xffff);
	assert_reg(e->slot_capabilities, 0x60, 0xffffffff);
	assert_reg(e->slot_status, 0x0148, 0xffff);
	assert_reg(e->device_capabilities_2, 0x007003d9, 0xffffffff);
	assert_reg(e->device_control_2, 0x10e9, 0xffff);
}

/* Version 1 has no second registers; what stands there is not theirs, and what they enable is off. */
static void test_express_version_1(void **state)
{
	struct fixture *x = *state;

	put_express_registers(x, 4);
	x->config[EXPRESS_AT + 2] = 0x41;
	x->config[EXPRESS_AT + 3] = 0; /* nor a slot */
	parse(x, 256);
	assert_reg(x->f->express.device_control, 0x2957, 0xffff);
	assert_true(reg_is_clear(x->f->express.device_capabilities_2, DEVCAP2_ATOMIC_ROUTE));
	assert_true(reg_is_clear(x->f->express.device_control_2, DEVCTL2_ATOMIC_EGRESS_BLOCK));
	assert_true(reg_is_clear(x->f->express.slot_capabilities, SLTCAP_HOTPLUG));
	assert_true(reg_is_clear(x->f->express.slot_status, SLTSTA_PRESENCE));
}

/* What the end of config space cuts off was not seen. */
static void test_express_cut(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[0x34] = 0xf4;
	x->config[0xf4] = 0x10;
	put16(x->config, 0xf6, 2);
	put32(x->config, 0xf8, 0x8022);
	put16(x->config, 0xfc, 0x2957);
	put16(x->config, 0xfe, 0x0004);
	parse(x, 4096);
	assert_reg(x->f->express.device_capabilities, 0x8022, 0xffffffff);
	assert_reg(x->f->express.device_control, 0x2957, 0xffff);
	assert_reg(x->f->express.device_status, 0x0004, 0xffff);
	assert_int_equal(x->f->express.link_control.seen, 0);
	assert_int_equal(x->f->express.device_capabilities_2.seen, 0);
	assert_int_equal(x->f->express.device_control_2.seen, 0);
}

/* A VF is known by its vendor, and its settings are its PF's. */
static void test_virtual_registers(void **state)
{
	struct fixture *x = *state;
	uint8_t *cap;

	put_express_registers(x, 0);
	put32(x->config, 0, 0xffffffff);
	put16(x->config, 0x04, 0x0004);
	x->f->bars[0] = (struct bar){ .kind = BAR_MEM64, .start = 0x1000, .size = 0x1000 };
	cap = add_extended(x, 0x100, 0x0001, 0x140);
	put32(cap, 0x04, 0x00100010);
	put32(cap, 0x08, 0xffffffff);
	cap = add_extended(x, 0x140, 0x000f, 0);
	put16(cap, 0x06, 0x801f);
	parse(x, 4096);
	assert_reg(x->f->command, COMMAND_MASTER, COMMAND_MASTER);
	assert_false(x->f->bars[0].disabled);
	assert_int_equal(x->f->express.device_capabilities.seen, 0xffffffff);
	assert_int_equal(x->f->express.device_control.seen, 0);
	assert_int_equal(x->f->express.device_control_2.seen, 0);
	assert_int_equal(x->f->express.link_control.seen, 0);
	assert_reg(x->f->express.device_status, 0x0029, 0x002f);
	assert_true(reg_is_set(x->f->errors.uncorrectable, AER_UNSUPPORTED));
	assert_false(reg_seen(x->f->errors.uncorrectable, 0x10)); /* data link protocol */
	assert_int_equal(x->f->errors.uncorrectable_mask.seen, 0);
	assert_reg(x->f->ats_control, ATS_ENABLE, ATS_ENABLE);
}

static void test_error_registers(void **state)
{
	struct fixture *x = *state;
	uint8_t *cap;

	config_express(x->config, 4, 3, 4, 3, 4);
	cap = add_extended(x, 0x100, 0x0001, 0x160);
	put32(cap, 0x04, 0x00204000);
	put32(cap, 0x08, 0x00400000);
	put32(cap, 0x0c, 0xeeeeeeee); /* severity */
	put32(cap, 0x10, 0x00002001);
	cap = add_extended(x, 0x160, 0x001d, 0);
	put16(cap, 0x04, 0xeeee); /* capability */
	put16(cap, 0x06, 0x0002);
	put16(cap, 0x08, 0x1f05);
	parse(x, 4096);
	assert_true(x->f->has_aer && x->f->has_dpc);
	assert_reg(x->f->errors.uncorrectable, 0x00204000, 0xffffffff);
	assert_reg(x->f->errors.uncorrectable_mask, 0x00400000, 0xffffffff);
	assert_reg(x->f->errors.correctable, 0x00002001, 0xffffffff);
	assert_reg(x->f->errors.dpc_control, 0x0002, 0xffff);
	assert_reg(x->f->errors.dpc_status, 0x1f05, 0xffff);
}

static void test_errors_cut(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 4, 3, 4, 3, 4);
	add_extended(x, 0x100, 0x0003, 0xff4);
	put32(add_extended(x, 0xff4, 0x0001, 0), 0x04, 0x00204000);
	parse(x, 4096);
	assert_true(x->f->has_aer && x->f->has_dsn);
	assert_reg(x->f->errors.uncorrectable, 0x00204000, 0xffffffff);
	assert_int_equal(x->f->errors.correctable.seen, 0);
}

static void test_control_registers(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	put16(add_extended(x, 0x100, 0x000f, 0x120), 0x06, 0x8005);
	put16(add_extended(x, 0x120, 0x0013, 0x140), 0x04, 0x0001);
	put16(add_extended(x, 0x140, 0x001b, 0x160), 0x06, 0x0003);
	put16(add_extended(x, 0x160, 0x0010, 0), 0x08, 0x0019);
	parse(x, 4096);
	assert_reg(x->f->ats_control, 0x8005, 0xffff);
	assert_reg(x->f->pri_control, 0x0001, 0xffff);
	assert_reg(x->f->pasid_control, 0x0003, 0xffff);
	assert_reg(x->f->sriov_control, 0x0019, 0xffff);
}

/* CXL is one of several vendor-specific capabilities, and need not be the first. */
static void test_presence(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	add_extended(x, 0x100, 0x0012, 0x120);
	add_extended(x, 0x120, 0x0030, 0x140);
	put32(add_extended(x, 0x140, 0x0023, 0), 0x04, 0x01018086);
	parse(x, 4096);
	assert_true(x->f->has_multicast && x->f->has_ide);
	assert_false(x->f->has_cxl || x->f->has_dsn || x->f->has_rebar);
	add_extended(x, 0x140, 0x0023, 0x160);
	put32(add_extended(x, 0x160, 0x0023, 0), 0x04, 0x03c01e98);
	parse(x, 4096);
	assert_true(x->f->has_cxl);
}

static void test_rebar(void **state)
{
	struct fixture *x = *state;
	uint8_t *cap;

	config_express(x->config, 0, 3, 4, 3, 4);
	cap = add_extended(x, 0x100, 0x0015, 0);
	put32(cap, 0x04, 0x0003f000); /* 2^28 to 2^33 */
	put32(cap, 0x08, 0x00010000u | 13u << 8 | 4u << 5); /* 8 GiB of 256 TiB, BAR 0, 4 entries */
	put32(cap, 0x0c, 0x00000010);
	put32(cap, 0x10, 2);
	put32(cap, 0x14, 0x00000010);
	put32(cap, 0x18, 2); /* BAR 2 again */
	put32(cap, 0x1c, 0x00000010);
	put32(cap, 0x20, 7); /* no such BAR */
	parse(x, 4096);
	assert_true(x->f->has_rebar);
	assert_int_equal(x->f->nr_rebars, 2);
	assert_int_equal(x->f->rebars[0].bar, 0);
	assert_int_equal(x->f->rebars[0].size, 33);
	assert_int_equal(x->f->rebars[0].sizes, (1ull << 48) | (0x3full << 28));
	assert_int_equal(x->f->rebars[1].bar, 2);
	assert_int_equal(x->f->rebars[1].size, 20);
	assert_int_equal(x->f->rebars[1].sizes, 1u << 20);
	put32(cap, 0x08, 0x3fu << 8 | 1u << 5); /* 2^83 bytes */
	parse(x, 4096);
	assert_int_equal(x->f->nr_rebars, 0);
}

/* The longest that is looked at: as many entries as its field can say, the BARs in the last six. */
static void test_rebar_whole(void **state)
{
	struct fixture *x = *state;
	uint8_t *cap;

	config_express(x->config, 0, 3, 4, 3, 4);
	cap = add_extended(x, 0x100, 0x0015, 0x140);
	for (size_t i = 0; i < 7; i++)
		put32(cap, 8 + 8 * i, 7u << 5 | (i ? (uint32_t)i - 1 : 7));
	add_extended(x, 0x140, 0x0001, 0);
	parse(x, 4096);
	assert_int_equal(x->f->nr_rebars, 6);
	assert_int_equal(x->f->rebars[5].bar, 5);
	assert_true(x->f->has_aer);
}

static void test_rebar_cut(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	add_extended(x, 0x100, 0x0003, 0xff0);
	put32(add_extended(x, 0xff0, 0x0015, 0), 0x08, 7u << 5 | 1);
	parse(x, 4096);
	assert_int_equal(x->f->nr_rebars, 1);
	assert_int_equal(x->f->rebars[0].bar, 1);
}

static void test_power(void **state)
{
	struct fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[EXPRESS_AT + 1] = 0xc0;
	x->config[0xc0] = 0x01;
	put16(x->config, 0xc4, 0x0103);
	parse(x, 64);
	assert_false(x->f->power_known);
	parse(x, 256);
	assert_true(x->f->power_known);
	assert_false(x->f->powered);
	put16(x->config, 0xc4, 0x0100);
	parse(x, 256);
	assert_false(x->f->powered); /* the source had said so before */
	x->f->power_known = false;
	parse(x, 256);
	assert_true(x->f->powered);
}

static void test_command(void **state)
{
	struct fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	put16(x->config, 0x04, 0x0406);
	put16(x->config, 0x3e, 0x0052);
	parse(x, 64);
	assert_reg(x->f->command, 0x0406, 0xffff);
	assert_reg(x->f->bridge_control, 0x0052, 0xffff);
	assert_true(reg_is_set(x->f->bridge_control, BRIDGE_CONTROL_BUS_RESET));
}

static void assert_window(const struct fixture *x, enum window_kind kind, uint64_t start,
			  uint64_t end)
{
	assert_true(x->f->windows[kind].known);
	assert_int_equal(x->f->windows[kind].start, start);
	assert_int_equal(x->f->windows[kind].end, end);
}

static void test_windows(void **state)
{
	struct fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	config_windows(x->config, 0x123000, 0x124fff, 0xfe000000, 0xfe1fffff, 0x20000000000,
		       0x203ffffffff);
	parse(x, 64);
	assert_window(x, WINDOW_IO, 0x123000, 0x124fff);
	assert_window(x, WINDOW_MEMORY, 0xfe000000, 0xfe1fffff);
	assert_window(x, WINDOW_PREFETCHABLE, 0x20000000000, 0x203ffffffff);
}

static bool is_closed(const struct fixture *x, enum window_kind kind)
{
	const struct window *w = &x->f->windows[kind];

	return w->known && w->start > w->end;
}

static void test_closed_windows(void **state)
{
	struct fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	config_windows(x->config, 0xf000, 0x0fff, 0xfff00000, 0x000fffff, 0xfffffffffff00000,
		       0x000fffff);
	parse(x, 64);
	for (int kind = 0; kind < NR_WINDOWS; kind++)
		assert_true(is_closed(x, kind));
}

/* I/O and prefetchable windows need not be implemented, and need not be as wide as they can. */
static void test_small_windows(void **state)
{
	struct fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	put16(x->config, 0x24, 0xe000);
	put16(x->config, 0x26, 0xe1f0);
	put32(x->config, 0x28, 7); /* not an upper half */
	parse(x, 64);
	assert_true(is_closed(x, WINDOW_IO));
	assert_window(x, WINDOW_PREFETCHABLE, 0xe0000000, 0xe1ffffff);
	assert_window(x, WINDOW_MEMORY, 0, 0xfffff); /* there is no way to say it is not there */
	x->f->windows[WINDOW_IO] = x->f->windows[WINDOW_PREFETCHABLE] = (struct window){ 0 };
	put16(x->config, 0x1c, 0x2010);
	put16(x->config, 0x24, 0);
	put16(x->config, 0x26, 0);
	parse(x, 64);
	assert_window(x, WINDOW_IO, 0x1000, 0x2fff);
	assert_true(is_closed(x, WINDOW_PREFETCHABLE));
}

static void test_source_windows_stay(void **state)
{
	struct fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	config_windows(x->config, 0x1000, 0x1fff, 0xfe000000, 0xfe1fffff, 0, 0);
	x->f->windows[WINDOW_MEMORY] = (struct window){ true, 0x400fe000000, 0x400fe1fffff };
	parse(x, 64);
	assert_window(x, WINDOW_MEMORY, 0x400fe000000, 0x400fe1fffff);
	assert_window(x, WINDOW_IO, 0x1000, 0x1fff);
}

static void test_decoders(void **state)
{
	struct fixture *x = *state;

	put16(x->config, 0x04, 0x0001); /* I/O only */
	put32(x->config, 0x10, 0xfe000000);
	put32(x->config, 0x14, 0x0000e001);
	put32(x->config, 0x18, 0x0000000c); /* 64 bit, and no address */
	put32(x->config, 0x20, 0x00000001); /* I/O, none either */
	parse(x, 64);
	assert_true(x->f->bars[0].disabled && !x->f->bars[0].unassigned);
	assert_true(!x->f->bars[1].disabled && !x->f->bars[1].unassigned);
	assert_int_equal(x->f->bars[2].kind, BAR_MEM64);
	assert_true(x->f->bars[2].unassigned);
	assert_true(x->f->bars[4].unassigned);
	assert_false(x->f->bars[5].disabled || x->f->bars[5].unassigned);
}

/* Everything that can be known appears with its bytes, and no length makes anybody read beyond. */
static void test_rich_at_every_length(void **state)
{
	struct fixture *x = *state;

	put_express_registers(x, 4);
	config_bridge(x->config, 1, 2, 2);
	put16(add_extended(x, 0x100, 0x000f, 0xffc), 0x06, 0x8005);
	for (uint16_t id = 0; id < 0x40; id++) {
		add_extended(x, 0xffc, id, 0);
		for (size_t len = 4090; len <= CONFIG_SIZE; len++) {
			struct platform *p = platform_new("test", NULL);
			struct fixture y = *x;

			y.p = p;
			y.f = platform_add(p, (struct pci_addr){ 0 });
			parse(&y, len);
			assert_int_equal(y.f->ats_control.seen, len < CONFIG_SIZE ? 0 : 0xffff);
			assert_int_equal(y.f->express.device_control_2.seen, 0xffff);
			assert_in_range(p->nr_gaps, 0, 1);
			platform_free(p);
		}
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
	struct fixture *x = *state;
	uint32_t seed = 0x9e3779b9;

	for (int round = 0; round < 3000; round++) {
		size_t len = lengths[round % 3];
		struct platform *p = platform_new("test", NULL);
		struct fixture y = *x;

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
		parse(&y, len);
		assert_in_range(y.f->port_type, PORT_UNKNOWN, PORT_RC_EVENT_COLLECTOR);
		/* one for each list and one for each capability that is known, at most */
		assert_in_range(p->nr_gaps, 0, 20);
		platform_free(p);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_header),
		TEST(test_header_bits),
		TEST(test_bridge),
		TEST(test_cardbus),
		TEST(test_bridge_subsystem),
		TEST(test_source_ids_stay),
		TEST(test_virtual_function_ids),
		TEST(test_no_answer),
		TEST(test_wrong_vendor),
		TEST(test_zeros),
		TEST(test_port_types),
		TEST(test_link),
		TEST(test_no_link),
		TEST(test_acs_knowledge),
		TEST(test_filled_up),
		TEST(test_acs),
		TEST(test_first_acs_counts),
		TEST(test_extended_capabilities),
		TEST(test_loop),
		TEST(test_extended_loop),
		TEST(test_list_into_header),
		TEST(test_extended_list_into_standard),
		TEST(test_capability_at_the_end),
		TEST(test_acs_at_the_end),
		TEST(test_bars),
		TEST(test_source_bars_stay),
		TEST(test_bridge_has_two_bars),
		TEST(test_every_length),
		TEST(test_express_registers),
		TEST(test_express_version_1),
		TEST(test_express_cut),
		TEST(test_virtual_registers),
		TEST(test_error_registers),
		TEST(test_errors_cut),
		TEST(test_control_registers),
		TEST(test_presence),
		TEST(test_rebar),
		TEST(test_rebar_whole),
		TEST(test_rebar_cut),
		TEST(test_power),
		TEST(test_command),
		TEST(test_windows),
		TEST(test_closed_windows),
		TEST(test_small_windows),
		TEST(test_source_windows_stay),
		TEST(test_decoders),
		TEST(test_rich_at_every_length),
		TEST(test_mutated),
	};

	return cmocka_run_group_tests_name("platform/config", tests, NULL, NULL);
}
