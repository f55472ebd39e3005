/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/input.c: which paths there are, how much they weigh, and what lies on them. */
#include "../test.h"

#include "../p2p/model.h"
#include "base/alloc.h"
#include "check/input.h"

#define GPU .class = 0x030200
#define NIC .class = 0x020700

/* Two switches' worth of one: a GPU and a NIC below it, a drive and a second GPU beside. */
static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2, .class = 0x060000),
	FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
	FN("00:02.0", PORT_ROOT, 5, 0, 0x8086, 0x2030),
	FN("00:03.0", PORT_ROOT, 6, 0, 0x8086, 0x2030),
	FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x1000, 0xc010),
	FN("02:00.0", PORT_DOWNSTREAM, 3, 0, 0x1000, 0xc010),
	FN("02:01.0", PORT_DOWNSTREAM, 4, 0, 0x1000, 0xc010),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, NIC),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	FN("06:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa80a),
};

static const struct check_path *find_path(const struct check_input *in, const char *initiator,
					  const char *target)
{
	int i = model_index(in->platform, initiator), t = model_index(in->platform, target);

	for (size_t k = 0; k < in->nr_paths; k++)
		if (in->paths[k].pair.initiator == i && in->paths[k].pair.target == t)
			return &in->paths[k];
	return NULL;
}

static void assert_via(const struct check_input *in, const struct check_path *path,
		       const char *const *ports, int nr)
{
	assert_non_null(path);
	assert_int_equal(path->nr_via, nr);
	for (int i = 0; i < nr; i++)
		assert_int_equal(path->via[i], model_index(in->platform, ports[i]));
}

static enum path_weight weight_of(const struct check_input *in, const char *address)
{
	return in->weight[model_index(in->platform, address)];
}

static void ports_are_in_order(void **state attr_unused)
{
	static const char *const below[] = { "02:01.0", "01:00.0", "02:00.0" };
	static const char *const across[] = { "02:01.0", "01:00.0", "00:01.0", "00:02.0" };
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	autocheckinput struct check_input *in = check_input_new(p, p2p_rules_for("6.12"), NULL);

	assert_via(in, find_path(in, "04:00.0", "03:00.0"), below, 3);
	assert_via(in, find_path(in, "04:00.0", "05:00.0"), across, 4);
	assert_int_equal(find_path(in, "04:00.0", "03:00.0")->pair.verdict, VERDICT_BUS_ADDRESS);
}

/* GPUs with GPUs and NICs, NICs and drives to GPUs; a drive without memory is no target. */
static void likely_by_class(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	autocheckinput struct check_input *in = check_input_new(p, p2p_rules_for("6.12"), NULL);

	assert_int_equal(in->nr_paths, 2 + 2 + 2 + 2);
	assert_non_null(find_path(in, "06:00.0", "05:00.0"));
	assert_null(find_path(in, "05:00.0", "06:00.0"));
	assert_null(find_path(in, "04:00.0", "06:00.0"));
	assert_int_equal(weight_of(in, "06:00.0"), PATH_LIKELY);
	assert_int_equal(weight_of(in, "00:03.0"), PATH_LIKELY);
	assert_int_equal(weight_of(in, "00:00.0"), PATH_POSSIBLE);
}

static void memory_makes_a_target(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct check_input *in;

	p->functions[model_index(p, "06:00.0")].p2pmem.present = true;
	in = check_input_new(p, p2p_rules_for("6.12"), NULL);
	assert_non_null(find_path(in, "05:00.0", "06:00.0"));
	assert_non_null(find_path(in, "04:00.0", "06:00.0"));
	check_input_free(in);
}

static void what_is_no_peer(void **state attr_unused)
{
	static const struct model_function desktop[] = {
		FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
		FN("00:02.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x4680, .class = 0x030000),
		FN("00:03.0", PORT_ROOT, 2, 0, 0x8086, 0x2030),
		FN("00:04.0", PORT_ROOT, 3, 0, 0x8086, 0x2030),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x1a03, 0x2000, .class = 0x030000),
		FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa80a),
		FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, NIC),
	};
	autoplatform struct platform *p = model_new(desktop, ARRAY_LEN(desktop));
	autocheckinput struct check_input *in = check_input_new(p, p2p_rules_for("6.12"), NULL);

	assert_int_equal(in->nr_paths, 0);
	assert_int_equal(weight_of(in, "02:00.0"), PATH_POSSIBLE);
}

/* A NIC with one lane is for management. */
static void narrow_nics_are_no_peers(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct function *nic = &p->functions[model_index(p, "04:00.0")];
	struct check_input *in;

	nic->link = (struct link){ .known = true, .max_width = 1 };
	in = check_input_new(p, p2p_rules_for("6.12"), NULL);
	assert_null(find_path(in, "04:00.0", "05:00.0"));
	check_input_free(in);
	nic->link.max_width = 16;
	in = check_input_new(p, p2p_rules_for("6.12"), NULL);
	assert_non_null(find_path(in, "04:00.0", "05:00.0"));
	check_input_free(in);
}

static void declared_weighs_more(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct check_claim claim = { model_index(p, "06:00.0"), model_index(p, "03:00.0"), true };
	struct check_claims claims = { .pairs = &claim, .nr_pairs = 1 };
	autocheckinput struct check_input *in = check_input_new(p, p2p_rules_for("6.12"), &claims);
	int root = model_index(p, "00:03.0"), other = model_index(p, "00:02.0");

	assert_int_equal(find_path(in, "06:00.0", "03:00.0")->weight, PATH_DECLARED);
	assert_true(find_path(in, "06:00.0", "03:00.0")->direct);
	assert_false(find_path(in, "03:00.0", "05:00.0")->direct);
	assert_int_equal(in->weight[root], PATH_DECLARED);
	assert_int_equal(in->weight[other], PATH_LIKELY);
	assert_int_equal(check_severity(in, root, SEVERITY_MAJOR), SEVERITY_MAJOR);
	assert_int_equal(check_severity(in, other, SEVERITY_MAJOR), SEVERITY_MINOR);
	assert_int_equal(check_severity(in, other, SEVERITY_INFO), SEVERITY_INFO);
	assert_int_equal(check_severity(in, 0, SEVERITY_BLOCKER), SEVERITY_INFO);
	assert_int_equal(check_severity(in, -1, SEVERITY_BLOCKER), SEVERITY_BLOCKER);
}

/* VFs of one PF stand for each other, and each of them counts. */
static void virtual_functions_are_one_end(void **state attr_unused)
{
	static const struct model_function nics[] = {
		FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
		FN("00:02.0", PORT_ROOT, 2, 0, 0x8086, 0x2030),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, NIC),
		FN("01:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, "01:00.0", NIC),
		FN("01:00.2", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, "01:00.0", NIC),
		FN("01:00.3", PORT_ENDPOINT, 0, 0, 0x15b3, 0x101e, "01:00.0", NIC),
		FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	};
	autoplatform struct platform *p = model_new(nics, ARRAY_LEN(nics));
	autocheckinput struct check_input *in = check_input_new(p, p2p_rules_for("6.12"), NULL);

	assert_int_equal(in->nr_paths, 4); /* PF and VFs, each with the GPU, there and back */
	assert_int_equal(find_path(in, "01:00.1", "02:00.0")->nr_pairs, 3);
	assert_int_equal(weight_of(in, "01:00.3"), PATH_LIKELY);
}

/* Many partners are cut to a fixed number, and everybody still has some. */
static void work_grows_with_the_machine(void **state attr_unused)
{
	enum { PORTS = 200 };
	struct model_function *functions = xcalloc(2 * PORTS, sizeof(*functions));
	char(*addresses)[16] = xcalloc(2 * PORTS, sizeof(*addresses));
	autoplatform struct platform *p = NULL;
	struct check_input *in;

	for (size_t i = 0; i < PORTS; i++) {
		snprintf(addresses[2 * i], sizeof(*addresses), "%04zx:00:00.0", i);
		snprintf(addresses[2 * i + 1], sizeof(*addresses), "%04zx:01:00.0", i);
		functions[2 * i] = (struct model_function)FN(addresses[2 * i], PORT_ROOT, 1, 0,
							     0x8086, 0x2030);
		functions[2 * i + 1] = (struct model_function)FN(
			addresses[2 * i + 1], PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU);
	}
	p = model_new(functions, 2 * PORTS);
	in = check_input_new(p, p2p_rules_for("6.12"), NULL);
	assert_true(in->nr_paths <= 64 * PORTS);
	assert_true(in->nr_paths >= 63 * PORTS);
	for (size_t i = 0; i < p->nr_functions; i++)
		assert_int_equal(in->weight[i], PATH_LIKELY);
	for (size_t i = 1; i < in->nr_paths; i++)
		for (size_t k = i > 64 ? i - 64 : 0; k < i; k++)
			assert_false(in->paths[i].pair.initiator == in->paths[k].pair.initiator &&
				     in->paths[i].pair.target == in->paths[k].pair.target);
	check_input_free(in);
	free(functions);
	free(addresses);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_in_order),
		cmocka_unit_test(likely_by_class),
		cmocka_unit_test(memory_makes_a_target),
		cmocka_unit_test(what_is_no_peer),
		cmocka_unit_test(narrow_nics_are_no_peers),
		cmocka_unit_test(declared_weighs_more),
		cmocka_unit_test(virtual_functions_are_one_end),
		cmocka_unit_test(work_grows_with_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
