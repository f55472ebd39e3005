// SPDX-License-Identifier: GPL-2.0-or-later
/* Predictions against rulings, and where mapped addresses must lie. */
#include "sysroot.h"

#include "scenario/pair.h"

#define DISTANCE(d) .measured = true, .distance = (d)
#define NO_FUNCTION .distance = -1, .distance_errno = -ENODEV
#define BUS .mapped = true, .bus_address = true
#define BRIDGE .mapped = true
#define REFUSED(e) .mapped = true, .map_errno = -(e)

static void states(attr_unused void **state)
{
	static const struct {
		enum p2p_verdict predicted;
		int distance;
		struct pair_ruling ruled;
		enum pair_state expected;
	} rows[] = {
		/* distance alone */
		{ VERDICT_BUS_ADDRESS, 4, { DISTANCE(4) }, PAIR_AGREES },
		{ VERDICT_HOST_BRIDGE, 4, { DISTANCE(4) }, PAIR_AGREES },
		{ VERDICT_BUS_ADDRESS, 4, { DISTANCE(6) }, PAIR_DIFFERS },
		{ VERDICT_BUS_ADDRESS, 4, { DISTANCE(-1) }, PAIR_DIFFERS },
		{ VERDICT_NOT_SUPPORTED, -1, { DISTANCE(-1) }, PAIR_AGREES },
		{ VERDICT_NOT_SUPPORTED, -1, { DISTANCE(2) }, PAIR_DIFFERS },
		{ VERDICT_UNKNOWN, 0, { DISTANCE(2) }, PAIR_UNPREDICTED },
		{ VERDICT_UNKNOWN, 0, { DISTANCE(-1) }, PAIR_UNPREDICTED },
		{ VERDICT_BUS_ADDRESS, 4, { NO_FUNCTION }, PAIR_UNRULED },
		{ VERDICT_UNKNOWN, 0, { NO_FUNCTION }, PAIR_UNRULED },
		/* with the exact kind of mapping */
		{ VERDICT_BUS_ADDRESS, 4, { DISTANCE(4), BUS }, PAIR_AGREES },
		{ VERDICT_BUS_ADDRESS, 4, { DISTANCE(4), BRIDGE }, PAIR_DIFFERS },
		{ VERDICT_HOST_BRIDGE, 4, { DISTANCE(4), BRIDGE }, PAIR_AGREES },
		{ VERDICT_HOST_BRIDGE, 4, { DISTANCE(4), BUS }, PAIR_DIFFERS },
		{ VERDICT_NOT_SUPPORTED, -1, { DISTANCE(-1), REFUSED(EREMOTEIO) }, PAIR_AGREES },
		{ VERDICT_BUS_ADDRESS, 4, { NO_FUNCTION, BUS }, PAIR_AGREES },
		/* the kernel contradicts itself: both answers cannot be right */
		{ VERDICT_NOT_SUPPORTED, -1, { DISTANCE(-1), BRIDGE }, PAIR_DIFFERS },
		{ VERDICT_HOST_BRIDGE, 4, { DISTANCE(4), REFUSED(EREMOTEIO) }, PAIR_DIFFERS },
		{ VERDICT_UNKNOWN, 0, { DISTANCE(4), REFUSED(EREMOTEIO) }, PAIR_DIFFERS },
		/* the initiator's DMA mask is in the way, or something that must not be */
		{ VERDICT_HOST_BRIDGE, 4, { DISTANCE(4), REFUSED(EIO) }, PAIR_AGREES },
		{ VERDICT_BUS_ADDRESS, 4, { DISTANCE(4), REFUSED(EIO) }, PAIR_UNRULED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct p2p_pair p = { .verdict = rows[i].predicted,
					    .distance = rows[i].distance };
		enum pair_state got = pair_judge(&p, &rows[i].ruled);

		if (got != rows[i].expected)
			fail_msg("row %zu: %s, not %s", i, pair_state_name(got),
				 pair_state_name(rows[i].expected));
	}
}

static void rulings(attr_unused void **state)
{
	static const struct {
		struct pair_ruling ruled;
		enum p2p_verdict verdict;
		bool supported;
		const char *text;
	} rows[] = {
		{ { DISTANCE(4) }, VERDICT_UNKNOWN, true, "supported at distance 4" },
		{ { DISTANCE(-1) }, VERDICT_NOT_SUPPORTED, false, "not-supported" },
		{ { NO_FUNCTION }, VERDICT_UNKNOWN, false, "no answer (ENODEV)" },
		{ { DISTANCE(4), BUS }, VERDICT_BUS_ADDRESS, true, "bus-address at distance 4" },
		{ { DISTANCE(5), BRIDGE }, VERDICT_HOST_BRIDGE, true, "host-bridge at distance 5" },
		{ { DISTANCE(-1), REFUSED(EREMOTEIO) },
		  VERDICT_NOT_SUPPORTED,
		  false,
		  "not-supported, mapping refused with EREMOTEIO" },
		{ { DISTANCE(4), REFUSED(EIO) },
		  VERDICT_UNKNOWN,
		  true,
		  "supported at distance 4, mapping refused with EIO" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *text = pair_ruling_text(&rows[i].ruled);

		assert_int_equal(pair_ruled_verdict(&rows[i].ruled), rows[i].verdict);
		assert_int_equal(pair_ruled_supported(&rows[i].ruled), rows[i].supported);
		assert_string_equal(text, rows[i].text);
	}
}

static const struct function target = {
	.addr = { 0, 4, 0, 0 },
	.bars = {
		{ .kind = BAR_MEM32, .start = 0xf0000000, .size = 0x4000 },
		{ .kind = BAR_IO, .start = 0xc000, .size = 0x100 },
		{ .kind = BAR_MEM64, .prefetchable = true, .start = 0x8000000000, .size = 0x4000000 },
		{ .kind = BAR_NONE },
		{ .kind = BAR_MEM64, .prefetchable = true, .start = UINT64_MAX - 0xfff, .size = 0x1000 },
	},
};

static void bars(attr_unused void **state)
{
	assert_int_equal(pair_bar_holding(&target, 0xf0000000, 0x4000), 0);
	assert_int_equal(pair_bar_holding(&target, 0xf0000000, 0x4001), -1);
	assert_int_equal(pair_bar_holding(&target, 0xf0003fff, 1), 0);
	assert_int_equal(pair_bar_holding(&target, 0xf0004000, 1), -1);
	assert_int_equal(pair_bar_holding(&target, 0xefffffff, 2), -1);
	assert_int_equal(pair_bar_holding(&target, 0x8000001000, 0x1000), 2);
	/* I/O space is no memory, and an empty BAR holds nothing. */
	assert_int_equal(pair_bar_holding(&target, 0xc000, 16), -1);
	assert_int_equal(pair_bar_holding(&target, 0, 16), -1);
	/* At the end of the address space, without overflow. */
	assert_int_equal(pair_bar_holding(&target, UINT64_MAX - 0xf, 0x10), 4);
	assert_int_equal(pair_bar_holding(&target, UINT64_MAX - 0xf, UINT64_MAX), -1);
}

static void segments(attr_unused void **state)
{
	const uint64_t in = 0x8000001000, out = 0x12345000, iova = 0xffff8000;
	const uint32_t p2p = P2PCERT_SEG_P2P_PAGE, bus = P2PCERT_SEG_BUS_ADDRESS;
	static char identity[] = "identity", dma[] = "DMA-FQ";
	const struct function none = { .addr = { 0, 3, 0, 0 } };
	const struct function through = { .addr = { 0, 3, 0, 0 }, .iommu_type = identity };
	const struct function translated = { .addr = { 0, 3, 0, 0 }, .iommu_type = dma };
	const struct {
		const struct function *initiator;
		struct p2pcert_seg seg; /* dma_addr, phys_addr, length, flags */
		int64_t bus_offset;
		enum p2p_verdict verdict;
		bool good;
	} rows[] = {
		{ &translated, { in, in, 0x1000, p2p | bus, 0 }, 0, VERDICT_BUS_ADDRESS, true },
		{ &none, { in, in, 0x1000, p2p, 0 }, 0, VERDICT_HOST_BRIDGE, true },
		{ &through, { in, in, 0x1000, p2p, 0 }, 0, VERDICT_HOST_BRIDGE, true },
		{ &translated, { iova, in, 0x1000, p2p, 0 }, 0, VERDICT_HOST_BRIDGE, true },
		/* a bridge that shifts addresses */
		{ &none,
		  { in - 0x8000000000, in, 0x1000, p2p | bus, 0 },
		  -0x8000000000,
		  VERDICT_BUS_ADDRESS,
		  true },
		{ &none, { in, in, 16, p2p | bus, 0 }, 0x1000, VERDICT_BUS_ADDRESS, false },
		/* ordinary memory */
		{ &none, { in, in, 0x1000, bus, 0 }, 0, VERDICT_BUS_ADDRESS, false },
		/* not the target's, or only at first */
		{ &none, { out, out, 0x1000, p2p | bus, 0 }, 0, VERDICT_BUS_ADDRESS, false },
		{ &none, { in, in, 0x4000000, p2p | bus, 0 }, 0, VERDICT_BUS_ADDRESS, false },
		/* another kind of mapping than was ruled */
		{ &none, { in, in, 0x1000, p2p, 0 }, 0, VERDICT_BUS_ADDRESS, false },
		{ &none, { in, in, 0x1000, p2p | bus, 0 }, 0, VERDICT_HOST_BRIDGE, false },
		/* the right kind, and another address */
		{ &none, { in + 8, in, 16, p2p | bus, 0 }, 0, VERDICT_BUS_ADDRESS, false },
		/* a bounce buffer */
		{ &through, { out, in, 0x1000, p2p, 0 }, 0, VERDICT_HOST_BRIDGE, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *why = pair_refuse_seg(&rows[i].seg, rows[i].initiator, &target,
						     rows[i].bus_offset, rows[i].verdict);

		if (!why != rows[i].good)
			fail_msg("row %zu: %s", i, why ? why : "taken");
	}
}

/* Two drives, each below so many ports with ACS: with too many of them the kernel is not asked. */
static void why(attr_unused void **state)
{
	static const struct {
		int ports, expected;
	} rows[] = { { 1, -EBADF }, { 4, -EBADF }, { 5, -E2BIG }, { 12, -E2BIG } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct function functions[26] = { 0 };
		struct platform p = { .functions = functions };
		int n = rows[i].ports + 1;

		for (int f = 0; f < 2 * n; f++) {
			bool is_drive = f % n == 0;

			functions[f].acs.known = is_drive ? KNOWN_ABSENT : KNOWN_PRESENT;
			functions[f].upstream = f % n == n - 1 ? UPSTREAM_ROOT_BUS : f + 1;
		}
		assert_int_equal(pair_ask_why(-1, &p, 0, n), rows[i].expected);
		functions[0].acs.known = KNOWN_NO;
		functions[n].acs.known = KNOWN_NO;
		assert_int_equal(pair_ask_why(-1, &p, 0, n),
				 rows[i].ports == 4 ? -E2BIG : rows[i].expected);
	}
}

static void bus_offset(void **state)
{
	struct function f = target;
	uint32_t config[16] = { [4] = 0xf0000000, [6] = 0x0000000c, [7] = 0x40 };
	autofree char *path = fs_under(*state, "/sys/bus/pci/devices/0000:04:00.0/config");

	assert_int_equal(pair_bus_offset(*state, &f, 0), 0);
	put_dir(*state, "/sys/bus/pci/devices/0000:04:00.0");
	assert_int_equal(fs_publish(AT_FDCWD, path, config, sizeof(config), 0600), 0);
	assert_int_equal(pair_bus_offset(*state, &f, 0), 0);
	assert_int_equal(pair_bus_offset(*state, &f, 2), -0x4000000000);
	assert_int_equal(pair_bus_offset(*state, &f, -1), 0);
	f.is_virtual = true;
	assert_int_equal(pair_bus_offset(*state, &f, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),   cmocka_unit_test(rulings), cmocka_unit_test(bars),
		cmocka_unit_test(segments), cmocka_unit_test(why),     test_in_dir(bus_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
