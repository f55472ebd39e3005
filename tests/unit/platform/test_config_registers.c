/* SPDX-License-Identifier: GPL-2.0-or-later */
/* platform_parse_config(): what it takes from the registers of capabilities and windows, whole and cut. */
#include "config_fixture.h"

/* A capability at this place of a list of extended ones, each of which leads to the next. */
static uint8_t *add_extended(struct config_fixture *x, size_t at, uint16_t id, size_t next)
{
	put32(x->config, at, (uint32_t)next << 20 | 1u << 16 | id);
	return x->config + at;
}

static void assert_reg(struct reg r, uint32_t value, uint32_t seen)
{
	assert_int_equal(r.value, value);
	assert_int_equal(r.seen, seen);
}

static void put_express_registers(struct config_fixture *x, unsigned int type)
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
	struct config_fixture *x = *state;
	const struct express *e = &x->f->express;

	put_express_registers(x, 4);
	config_parse(x, 256);
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
	struct config_fixture *x = *state;

	put_express_registers(x, 4);
	x->config[EXPRESS_AT + 2] = 0x41;
	x->config[EXPRESS_AT + 3] = 0; /* nor a slot */
	config_parse(x, 256);
	assert_reg(x->f->express.device_control, 0x2957, 0xffff);
	assert_true(reg_is_clear(x->f->express.device_capabilities_2, DEVCAP2_ATOMIC_ROUTE));
	assert_true(reg_is_clear(x->f->express.device_control_2, DEVCTL2_ATOMIC_EGRESS_BLOCK));
	assert_true(reg_is_clear(x->f->express.slot_capabilities, SLTCAP_HOTPLUG));
	assert_true(reg_is_clear(x->f->express.slot_status, SLTSTA_PRESENCE));
}

/* What the end of config space cuts off was not seen. */
static void test_express_cut(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[0x34] = 0xf4;
	x->config[0xf4] = 0x10;
	put16(x->config, 0xf6, 2);
	put32(x->config, 0xf8, 0x8022);
	put16(x->config, 0xfc, 0x2957);
	put16(x->config, 0xfe, 0x0004);
	config_parse(x, 4096);
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
	struct config_fixture *x = *state;
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
	config_parse(x, 4096);
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
	struct config_fixture *x = *state;
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
	config_parse(x, 4096);
	assert_true(x->f->has_aer && x->f->has_dpc);
	assert_reg(x->f->errors.uncorrectable, 0x00204000, 0xffffffff);
	assert_reg(x->f->errors.uncorrectable_mask, 0x00400000, 0xffffffff);
	assert_reg(x->f->errors.correctable, 0x00002001, 0xffffffff);
	assert_reg(x->f->errors.dpc_control, 0x0002, 0xffff);
	assert_reg(x->f->errors.dpc_status, 0x1f05, 0xffff);
}

static void test_errors_cut(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 4, 3, 4, 3, 4);
	add_extended(x, 0x100, 0x0003, 0xff4);
	put32(add_extended(x, 0xff4, 0x0001, 0), 0x04, 0x00204000);
	config_parse(x, 4096);
	assert_true(x->f->has_aer && x->f->has_dsn);
	assert_reg(x->f->errors.uncorrectable, 0x00204000, 0xffffffff);
	assert_int_equal(x->f->errors.correctable.seen, 0);
}

static void test_control_registers(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	put16(add_extended(x, 0x100, 0x000f, 0x120), 0x06, 0x8005);
	put16(add_extended(x, 0x120, 0x0013, 0x140), 0x04, 0x0001);
	put16(add_extended(x, 0x140, 0x001b, 0x160), 0x06, 0x0003);
	put16(add_extended(x, 0x160, 0x0010, 0), 0x08, 0x0019);
	config_parse(x, 4096);
	assert_reg(x->f->ats_control, 0x8005, 0xffff);
	assert_reg(x->f->pri_control, 0x0001, 0xffff);
	assert_reg(x->f->pasid_control, 0x0003, 0xffff);
	assert_reg(x->f->sriov_control, 0x0019, 0xffff);
}

/* CXL is one of several vendor-specific capabilities, and need not be the first. */
static void test_presence(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	add_extended(x, 0x100, 0x0012, 0x120);
	add_extended(x, 0x120, 0x0030, 0x140);
	put32(add_extended(x, 0x140, 0x0023, 0), 0x04, 0x01018086);
	config_parse(x, 4096);
	assert_true(x->f->has_multicast && x->f->has_ide);
	assert_false(x->f->has_cxl || x->f->has_dsn || x->f->has_rebar);
	add_extended(x, 0x140, 0x0023, 0x160);
	put32(add_extended(x, 0x160, 0x0023, 0), 0x04, 0x03c01e98);
	config_parse(x, 4096);
	assert_true(x->f->has_cxl);
}

static void test_rebar(void **state)
{
	struct config_fixture *x = *state;
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
	config_parse(x, 4096);
	assert_true(x->f->has_rebar);
	assert_int_equal(x->f->nr_rebars, 2);
	assert_int_equal(x->f->rebars[0].bar, 0);
	assert_int_equal(x->f->rebars[0].size, 33);
	assert_int_equal(x->f->rebars[0].sizes, (1ull << 48) | (0x3full << 28));
	assert_int_equal(x->f->rebars[1].bar, 2);
	assert_int_equal(x->f->rebars[1].size, 20);
	assert_int_equal(x->f->rebars[1].sizes, 1u << 20);
	put32(cap, 0x08, 0x3fu << 8 | 1u << 5); /* 2^83 bytes */
	config_parse(x, 4096);
	assert_int_equal(x->f->nr_rebars, 0);
}

/* The longest that is looked at: as many entries as its field can say, the BARs in the last six. */
static void test_rebar_whole(void **state)
{
	struct config_fixture *x = *state;
	uint8_t *cap;

	config_express(x->config, 0, 3, 4, 3, 4);
	cap = add_extended(x, 0x100, 0x0015, 0x140);
	for (size_t i = 0; i < 7; i++)
		put32(cap, 8 + 8 * i, 7u << 5 | (i ? (uint32_t)i - 1 : 7));
	add_extended(x, 0x140, 0x0001, 0);
	config_parse(x, 4096);
	assert_int_equal(x->f->nr_rebars, 6);
	assert_int_equal(x->f->rebars[5].bar, 5);
	assert_true(x->f->has_aer);
}

static void test_rebar_cut(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	add_extended(x, 0x100, 0x0003, 0xff0);
	put32(add_extended(x, 0xff0, 0x0015, 0), 0x08, 7u << 5 | 1);
	config_parse(x, 4096);
	assert_int_equal(x->f->nr_rebars, 1);
	assert_int_equal(x->f->rebars[0].bar, 1);
}

static void test_power(void **state)
{
	struct config_fixture *x = *state;

	config_express(x->config, 0, 3, 4, 3, 4);
	x->config[EXPRESS_AT + 1] = 0xc0;
	x->config[0xc0] = 0x01;
	put16(x->config, 0xc4, 0x0103);
	config_parse(x, 64);
	assert_false(x->f->power_known);
	config_parse(x, 256);
	assert_true(x->f->power_known);
	assert_false(x->f->powered);
	put16(x->config, 0xc4, 0x0100);
	config_parse(x, 256);
	assert_false(x->f->powered); /* the source had said so before */
	x->f->power_known = false;
	config_parse(x, 256);
	assert_true(x->f->powered);
}

static void test_command(void **state)
{
	struct config_fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	put16(x->config, 0x04, 0x0406);
	put16(x->config, 0x3e, 0x0052);
	config_parse(x, 64);
	assert_reg(x->f->command, 0x0406, 0xffff);
	assert_reg(x->f->bridge_control, 0x0052, 0xffff);
	assert_true(reg_is_set(x->f->bridge_control, BRIDGE_CONTROL_BUS_RESET));
}

static void assert_window(const struct config_fixture *x, enum window_kind kind, uint64_t start,
			  uint64_t end)
{
	assert_true(x->f->windows[kind].known);
	assert_int_equal(x->f->windows[kind].start, start);
	assert_int_equal(x->f->windows[kind].end, end);
}

static void test_windows(void **state)
{
	struct config_fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	config_windows(x->config, 0x123000, 0x124fff, 0xfe000000, 0xfe1fffff, 0x20000000000,
		       0x203ffffffff);
	config_parse(x, 64);
	assert_window(x, WINDOW_IO, 0x123000, 0x124fff);
	assert_window(x, WINDOW_MEMORY, 0xfe000000, 0xfe1fffff);
	assert_window(x, WINDOW_PREFETCHABLE, 0x20000000000, 0x203ffffffff);
}

static bool is_closed(const struct config_fixture *x, enum window_kind kind)
{
	const struct window *w = &x->f->windows[kind];

	return w->known && w->start > w->end;
}

static void test_closed_windows(void **state)
{
	struct config_fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	config_windows(x->config, 0xf000, 0x0fff, 0xfff00000, 0x000fffff, 0xfffffffffff00000,
		       0x000fffff);
	config_parse(x, 64);
	for (int kind = 0; kind < NR_WINDOWS; kind++)
		assert_true(is_closed(x, kind));
}

/* I/O and prefetchable windows need not be implemented, and need not be as wide as they can. */
static void test_small_windows(void **state)
{
	struct config_fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	put16(x->config, 0x24, 0xe000);
	put16(x->config, 0x26, 0xe1f0);
	put32(x->config, 0x28, 7); /* not an upper half */
	config_parse(x, 64);
	assert_true(is_closed(x, WINDOW_IO));
	assert_window(x, WINDOW_PREFETCHABLE, 0xe0000000, 0xe1ffffff);
	assert_window(x, WINDOW_MEMORY, 0, 0xfffff); /* there is no way to say it is not there */
	x->f->windows[WINDOW_IO] = x->f->windows[WINDOW_PREFETCHABLE] = (struct window){ 0 };
	put16(x->config, 0x1c, 0x2010);
	put16(x->config, 0x24, 0);
	put16(x->config, 0x26, 0);
	config_parse(x, 64);
	assert_window(x, WINDOW_IO, 0x1000, 0x2fff);
	assert_true(is_closed(x, WINDOW_PREFETCHABLE));
}

static void test_source_windows_stay(void **state)
{
	struct config_fixture *x = *state;

	config_bridge(x->config, 1, 2, 2);
	config_windows(x->config, 0x1000, 0x1fff, 0xfe000000, 0xfe1fffff, 0, 0);
	x->f->windows[WINDOW_MEMORY] = (struct window){ true, 0x400fe000000, 0x400fe1fffff };
	config_parse(x, 64);
	assert_window(x, WINDOW_MEMORY, 0x400fe000000, 0x400fe1fffff);
	assert_window(x, WINDOW_IO, 0x1000, 0x1fff);
}

static void test_decoders(void **state)
{
	struct config_fixture *x = *state;

	put16(x->config, 0x04, 0x0001); /* I/O only */
	put32(x->config, 0x10, 0xfe000000);
	put32(x->config, 0x14, 0x0000e001);
	put32(x->config, 0x18, 0x0000000c); /* 64 bit, and no address */
	put32(x->config, 0x20, 0x00000001); /* I/O, none either */
	config_parse(x, 64);
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
	struct config_fixture *x = *state;

	put_express_registers(x, 4);
	config_bridge(x->config, 1, 2, 2);
	put16(add_extended(x, 0x100, 0x000f, 0xffc), 0x06, 0x8005);
	for (uint16_t id = 0; id < 0x40; id++) {
		add_extended(x, 0xffc, id, 0);
		for (size_t len = 4090; len <= CONFIG_SIZE; len++) {
			struct platform *p = platform_new("test", NULL);
			struct config_fixture y = *x;

			y.p = p;
			y.f = platform_add(p, (struct pci_addr){ 0 });
			config_parse(&y, len);
			assert_int_equal(y.f->ats_control.seen, len < CONFIG_SIZE ? 0 : 0xffff);
			assert_int_equal(y.f->express.device_control_2.seen, 0xffff);
			assert_in_range(p->nr_gaps, 0, 1);
			platform_free(p);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(test_express_registers),
		CONFIG_TEST(test_express_version_1),
		CONFIG_TEST(test_express_cut),
		CONFIG_TEST(test_virtual_registers),
		CONFIG_TEST(test_error_registers),
		CONFIG_TEST(test_errors_cut),
		CONFIG_TEST(test_control_registers),
		CONFIG_TEST(test_presence),
		CONFIG_TEST(test_rebar),
		CONFIG_TEST(test_rebar_whole),
		CONFIG_TEST(test_rebar_cut),
		CONFIG_TEST(test_power),
		CONFIG_TEST(test_command),
		CONFIG_TEST(test_windows),
		CONFIG_TEST(test_closed_windows),
		CONFIG_TEST(test_small_windows),
		CONFIG_TEST(test_source_windows_stay),
		CONFIG_TEST(test_decoders),
		CONFIG_TEST(test_rich_at_every_length),
	};

	return cmocka_run_group_tests_name("platform/config-registers", tests, NULL, NULL);
}
