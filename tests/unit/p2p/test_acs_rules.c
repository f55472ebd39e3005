/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACS as different tools take it: by register value, by port, and rdma_topo's masks by machine. */
#include "../test.h"

#include "base/alloc.h"
#include "model.h"
#include "p2p/acs_rules.h"

/* A switch with three drives, and one drive elsewhere. */
static const struct model_function drives[] = {
	FN("00:01.0", PORT_ROOT, 0x01, ACS_RR, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, 0, 0x10b5, 0x8796),
	FN("02:02.0", PORT_DOWNSTREAM, 0x05, 0, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("00:02.0", PORT_ROOT, 0x06, 0, 0x8086, 0x0002),
	FN("06:00.0", PORT_ENDPOINT, 0, 0, 0x144d, 0xa808),
	FN("06:00.1", PORT_ENDPOINT, 0, 0, 0x144d, 0xa808, .no_bar = true),
};

static void test_rules(void **state attr_unused)
{
	static const struct {
		int acs;
		enum p2p_answer gpud, nvidia_fs, linux_says;
	} rows[] = {
		{ 0, P2P_NO, P2P_NO, P2P_NO },
		{ ACS_SV, P2P_YES, P2P_YES, P2P_NO },
		{ ACS_SV | ACS_UF, P2P_YES, P2P_YES, P2P_NO },
		{ ACS_DT, P2P_NO, P2P_YES, P2P_NO },
		{ ACS_RR, P2P_NO, P2P_YES, P2P_YES },
		{ ACS_CR, P2P_NO, P2P_YES, P2P_YES },
		{ ACS_EC, P2P_NO, P2P_YES, P2P_YES },
		{ P2P_ISOLATION, P2P_YES, P2P_YES, P2P_YES },
		{ NO_ACS, P2P_NO, P2P_NO, P2P_NO },
		{ UNSEEN, P2P_CANNOT_TELL, P2P_CANNOT_TELL, P2P_CANNOT_TELL },
	};
	struct platform *p = model_new(drives, ARRAY_LEN(drives));
	int port = model_index(p, "02:01.0"), endpoint = model_index(p, "06:00.0");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree struct acs_reading *r = NULL;

		model_set_acs(p, "02:01.0", rows[i].acs);
		model_set_acs(p, "06:00.0", rows[i].acs);
		r = acs_read_rules(p);
		assert_int_equal(r[port].gpud, rows[i].gpud);
		assert_int_equal(r[port].nvidia_fs, rows[i].nvidia_fs);
		assert_int_equal(r[port].linux_says, rows[i].linux_says);
		assert_null(r[port].rdma_topo);
		/* nvidia-fs looks at bridges only */
		assert_int_equal(r[endpoint].gpud, rows[i].gpud);
		assert_int_equal(r[endpoint].nvidia_fs, P2P_NO);
	}
	platform_free(p);
}

/* Held against the predictions: the pairs whose way below the host bridge leads over the function. */
static void test_pairs(void **state attr_unused)
{
	static const struct {
		const char *address;
		uint64_t pairs;
	} rows[] = {
		{ "00:01.0", 0 }, /* all that is below meets further down */
		{ "01:00.0", 6 }, { "02:00.0", 4 }, { "03:00.0", 4 },
		{ "00:02.0", 1 }, { "06:00.0", 1 }, { "06:00.1", 1 },
	};
	struct platform *p = model_new(drives, ARRAY_LEN(drives));
	autofree struct acs_reading *r = acs_read_rules(p);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(r[model_index(p, rows[i].address)].pairs, rows[i].pairs);
	platform_free(p);
}

static void check_masks(const struct model_function *table, size_t nr, bool ats,
			const char *const *expected)
{
	struct platform *p = model_new(table, nr);
	autofree struct acs_reading *r = NULL;

	for (size_t i = 0; i < nr; i++) {
		struct function *f = &p->functions[model_index(p, table[i].address)];

		f->numa_node = 0;
		f->has_ats = ats;
	}
	r = acs_read_rules(p);
	for (size_t i = 0; i < nr; i++) {
		const char *mask = r[model_index(p, table[i].address)].rdma_topo;

		if (!expected || !expected[i])
			assert_null(mask);
		else if (!mask)
			fail_msg("%s has no mask", table[i].address);
		else
			assert_string_equal(mask, expected[i]);
	}
	platform_free(p);
}

#define GPU_CLASS .class = 0x030200

/* ConnectX-8 with a DMA function under a Grace root port, the GPU one switch further down. */
static struct model_function dma_machine[] = {
	FN("00:00.0", PORT_ROOT, 0x01, 0, 0x10de, 0x22b1),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x15b3, 0x197c),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x15b3, 0x197c),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x2100),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, 0, 0x15b3, 0x197c),
	FN("04:00.0", PORT_UPSTREAM, 0x05, NO_ACS, 0x15b3, 0x197c),
	FN("05:00.0", PORT_DOWNSTREAM, 0x06, 0, 0x15b3, 0x197c),
	FN("06:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2900, GPU_CLASS),
	FN("10:00.0", PORT_ROOT, 0x11, 0, 0x10de, 0x22b1),
	FN("11:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1023, .class = 0x020700),
};

static void test_dma_machine(void **state attr_unused)
{
	static const char *const masks[ARRAY_LEN(dma_machine)] = {
		[0] = "xx111x0", [2] = "xx110x1", [4] = "xx101x1", [6] = "xx111x1", [8] = "xx111x1",
	};

	check_masks(dma_machine, ARRAY_LEN(dma_machine), true, masks);
	/* something else below the root port: rdma_topo refuses the machine */
	dma_machine[9].address = "06:00.1";
	check_masks(dma_machine, ARRAY_LEN(dma_machine), true, NULL);
}

static void test_inline_machine(void **state attr_unused)
{
	static const struct model_function table[] = {
		FN("00:00.0", PORT_ROOT, 0x01, 0, 0x8086, 0x352a),
		FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x15b3, 0x1979),
		FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x15b3, 0x1979),
		FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1023, .class = 0x020700),
		FN("02:01.0", PORT_DOWNSTREAM, 0x04, 0, 0x15b3, 0x1979),
		FN("04:00.0", PORT_UPSTREAM, 0x05, NO_ACS, 0x15b3, 0x197c),
		FN("05:00.0", PORT_DOWNSTREAM, 0x06, 0, 0x15b3, 0x197c),
		FN("06:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2900, GPU_CLASS),
	};
	static const char *const bare[ARRAY_LEN(table)] = {
		[0] = "xx000x0",
		[2] = "xx000x0",
		[4] = "xx000x0",
		[6] = "xx000x0",
	};
	static const char *const virt[ARRAY_LEN(table)] = {
		[0] = "xx111x1",
		[2] = "1x111x1",
		[4] = "xx111x1",
		[6] = "xx111x1",
	};

	check_masks(table, ARRAY_LEN(table), false, bare);
	check_masks(table, ARRAY_LEN(table), true, virt);
	/* without the GPU there is nothing that it knows */
	check_masks(table, ARRAY_LEN(table) - 1, true, NULL);
}

static void test_node_machine(void **state attr_unused)
{
	static const struct model_function table[] = {
		FN("00:00.0", PORT_ROOT, 0x01, 0, 0x10de, 0x2f95),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2900, GPU_CLASS),
		FN("02:00.0", PORT_ROOT, 0x03, 0, 0x10de, 0x22b8),
		FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1025, .class = 0x020700),
	};
	static const char *const masks[ARRAY_LEN(table)] = { [0] = "xx101x1", [2] = "xx111x1" };

	check_masks(table, ARRAY_LEN(table), false, masks);
	/* a node with a GPU and no NIC */
	check_masks(table, ARRAY_LEN(table) - 1, false, NULL);
}

/* A mask is held against all its bits and no others. */
static void test_fits(void **state attr_unused)
{
	static const struct {
		int acs;
		enum p2p_answer fits;
	} rows[] = {
		{ P2P_ISOLATION, P2P_YES },
		{ P2P_ISOLATION | ACS_TB | ACS_EC | ACS_DT, P2P_YES },
		{ ACS_SV | ACS_RR | ACS_UF, P2P_NO },
		{ 0, P2P_NO },
	};
	struct platform *p = model_new(dma_machine, ARRAY_LEN(dma_machine) - 2);
	int port = model_index(p, "05:00.0");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree struct acs_reading *r = NULL;

		model_set_acs(p, "05:00.0", rows[i].acs);
		r = acs_read_rules(p);
		assert_int_equal(r[port].rdma_topo_fits, rows[i].fits);
	}
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),        cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_dma_machine),  cmocka_unit_test(test_inline_machine),
		cmocka_unit_test(test_node_machine), cmocka_unit_test(test_fits),
	};

	return cmocka_run_group_tests_name("p2p/acs_rules", tests, NULL, NULL);
}
