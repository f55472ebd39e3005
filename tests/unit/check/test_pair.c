/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_pair.c */
#include "../test.h"

#include "../p2p/model.h"
#include "base/alloc.h"
#include "checked.h"

#define GPU .class = 0x030200
#define NIC .class = 0x020700
#define HOST .class = 0x060000

/* Two host bridges; below the first two root ports with a GPU each, below the second a NIC. */
static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2, HOST),
	FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
	FN("00:02.0", PORT_ROOT, 2, 0, 0x8086, 0x2030),
	FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x1002, 0x74a1, GPU),
	FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x1002, 0x74a1, GPU),
	FN("80:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2, HOST),
	FN("80:01.0", PORT_ROOT, 0x81, 0, 0x8086, 0x2030),
	FN("81:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, NIC, .no_bar = true),
};

static struct platform *make(uint16_t host_bridge)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));

	p->functions[model_index(p, "00:00.0")].device = host_bridge;
	p->functions[model_index(p, "80:00.0")].device = host_bridge;
	return p;
}

static void supported(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x09a2);
	struct checked c = checked(p, "pair.verdict", NULL);

	assert_outcome(&c, OUTCOME_PASS);
	assert_int_equal(c.result->sink.looked, 4);
	assert_int_equal(c.result->sink.nr_findings, 0);
	checked_release(&c);
}

static void unlisted(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x6f00);
	struct checked c = checked(p, "pair.verdict", NULL);
	const struct check_finding *f =
		assert_found(&c, "PAIR-HOST-BRIDGE-UNLISTED", SEVERITY_MINOR,
			     "00:00.0 80:00.0 01:00.0 02:00.0 81:00.0");

	assert_non_null(strstr(f->text, "4 pairs of functions, the first from 0000:01:00.0"));
	assert_non_null(strstr(f->text, "host bridge 8086:6f00 (0000:00:00.0) is not listed"));
	assert_not_found(&c, "PAIR-CLIENT-ROOT-COMPLEX");
	checked_release(&c);
	c = checked(p, "pair.verdict", "01:00.0>02:00.0");
	f = checked_find(&c, "PAIR-HOST-BRIDGE-UNLISTED");
	assert_int_equal(f->severity, SEVERITY_MAJOR);
	assert_outcome(&c, OUTCOME_FAIL);
	checked_release(&c);
}

/* Of each generation one that the id database names, and servers' and other devices' next to them. */
static void client(void **state attr_unused)
{
	static const uint16_t clients[] = { 0x0044, 0x0104, 0x0154, 0x0c00, 0x1604, 0x191f,
					    0x5904, 0x3ec2, 0x9b61, 0x8a14, 0x9a14, 0x461c,
					    0x4660, 0xa703, 0xa708, 0xa740, 0x7d01, 0x7d06,
					    0x7d1b, 0x7d30, 0x7d35, 0x6400 };
	static const uint16_t others[] = { 0x0e00, 0x6f00, 0x7d02, 0x7d40, 0x63ff, 0xa73f, 0x3400 };

	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		autoplatform struct platform *p = make(clients[i]);
		struct checked c = checked(p, "pair.verdict", "01:00.0>02:00.0");

		assert_found(&c, "PAIR-CLIENT-ROOT-COMPLEX", SEVERITY_MAJOR,
			     "00:00.0 80:00.0 01:00.0 02:00.0 81:00.0");
		assert_not_found(&c, "PAIR-HOST-BRIDGE-UNLISTED");
		checked_release(&c);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		autoplatform struct platform *p = make(others[i]);
		struct checked c = checked(p, "pair.verdict", "01:00.0>02:00.0");

		assert_not_found(&c, "PAIR-CLIENT-ROOT-COMPLEX");
		checked_release(&c);
	}
}

static void below_vmd(void **state attr_unused)
{
	static const struct model_function functions[] = {
		FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2, HOST),
		FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x1002, 0x74a1, GPU),
		FN("10000:e0:06.0", PORT_ROOT, 0xe1, 0, 0x8086, 0x347a),
		FN("10000:e1:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa80a),
	};
	autoplatform struct platform *p = model_new(functions, ARRAY_LEN(functions));
	struct checked c = checked(p, "pair.verdict", NULL);

	assert_found(&c, "PAIR-BELOW-VMD", SEVERITY_MINOR, "10000:e1:00.0 01:00.0");
	assert_not_found(&c, "PAIR-HOST-BRIDGE-UNLISTED");
	checked_release(&c);
}

static void unknown(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x6f00);
	struct checked c;

	p->cpu.known = false;
	c = checked(p, "pair.verdict", "01:00.0>02:00.0");
	assert_unseen(&c, "01:00.0");
	assert_found(&c, "P2P-PREDICTION-UNKNOWN", SEVERITY_MINOR, "01:00.0 02:00.0 81:00.0");
	assert_not_found(&c, "PAIR-HOST-BRIDGE-UNLISTED");
	assert_outcome(&c, OUTCOME_INCONCLUSIVE);
	checked_release(&c);
	p->cpu.known = true;
	c = checked(p, "pair.verdict", "01:00.0>02:00.0");
	assert_not_found(&c, "P2P-PREDICTION-UNKNOWN");
	checked_release(&c);
}

static void direct(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x09a2);
	struct checked c = checked(p, "pair.direct", "01:00.0>02:00.0!");

	assert_found(&c, "PAIR-NOT-DIRECT", SEVERITY_MAJOR, "01:00.0 02:00.0");
	checked_release(&c);
	c = checked(p, "pair.direct", "01:00.0>02:00.0");
	assert_not_found(&c, "PAIR-NOT-DIRECT");
	assert_outcome(&c, OUTCOME_SKIP);
	checked_release(&c);
	p->functions[model_index(p, "00:00.0")].device = 0x6f00;
	p->cpu.known = false;
	c = checked(p, "pair.direct", "01:00.0>02:00.0!");
	assert_unseen(&c, "01:00.0");
	checked_release(&c);
}

static void ends(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x09a2);
	struct checked c = checked(p, "pair.ends", "00:01.0>81:00.0");

	assert_found(&c, "PAIR-NO-INITIATOR", SEVERITY_MAJOR, "00:01.0");
	assert_found(&c, "PAIR-NO-TARGET", SEVERITY_MAJOR, "81:00.0");
	checked_release(&c);
	c = checked(p, "pair.ends", "81:00.0>01:00.0");
	assert_not_found(&c, "PAIR-NO-INITIATOR");
	assert_not_found(&c, "PAIR-NO-TARGET");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
}

static void present(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x09a2);
	struct check_claims claims = { .absent = xcalloc(1, sizeof(char *)), .nr_absent = 1 };
	struct checked c;

	claims.absent[0] = xstrdup("endpoint 'a': no function is '05:00.0'");
	c = checked_with("6.12", p, "pair.present", claims);
	assert_found(&c, "MANIFEST-FUNCTION-ABSENT", SEVERITY_MAJOR, "");
	checked_release(&c);
	c = checked(p, "pair.present", "81:00.0>01:00.0");
	assert_not_found(&c, "MANIFEST-FUNCTION-ABSENT");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
	c = checked(p, "pair.present", NULL);
	assert_outcome(&c, OUTCOME_SKIP);
	checked_release(&c);
}

static void distance(void **state attr_unused)
{
	static const uint8_t table[] = { 10, 21, 21, 10 };
	autoplatform struct platform *p = make(0x09a2);
	struct checked c = checked(p, "pair.distance", NULL);

	assert_found(&c, "PAIR-CROSSES-HOST-BRIDGES", SEVERITY_INFO, "81:00.0 01:00.0 02:00.0");
	assert_not_found(&c, "PAIR-CROSSES-NODES");
	checked_release(&c);
	p->functions[model_index(p, "01:00.0")].numa_node = 0;
	p->functions[model_index(p, "02:00.0")].numa_node = 0;
	p->functions[model_index(p, "81:00.0")].numa_node = 1;
	p->numa.nr = 2;
	p->numa.distance = xcalloc(4, 1);
	memcpy(p->numa.distance, table, 4);
	c = checked(p, "pair.distance", "81:00.0>01:00.0");
	assert_not_found(&c, "PAIR-CROSSES-HOST-BRIDGES");
	assert_non_null(strstr(
		assert_found(&c, "PAIR-CROSSES-NODES", SEVERITY_MINOR, "81:00.0 01:00.0 02:00.0")
			->text,
		"NUMA nodes 1 and 0, at distance 21"));
	checked_release(&c);
	p->functions[model_index(p, "81:00.0")].numa_node = 0;
	c = checked(p, "pair.distance", NULL);
	assert_not_found(&c, "PAIR-CROSSES-NODES");
	checked_release(&c);
}

static void own_path(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x09a2);
	struct checked c = checked(p, "pair.own-path", NULL);

	assert_not_found(&c, "PAIR-OWN-PEER-PATH");
	checked_release(&c);
	p->functions[model_index(p, "01:00.0")].vendor = 0x10de;
	p->functions[model_index(p, "02:00.0")].vendor = 0x10de;
	c = checked(p, "pair.own-path", NULL);
	assert_found(&c, "PAIR-OWN-PEER-PATH", SEVERITY_INFO, "01:00.0 02:00.0");
	checked_release(&c);
}

static void ntb(void **state attr_unused)
{
	autoplatform struct platform *p = make(0x09a2);
	struct checked c = checked(p, "pair.ntb", NULL);

	assert_not_found(&c, "PAIR-NTB");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
	p->functions[model_index(p, "81:00.0")].has_ntb = true;
	c = checked(p, "pair.ntb", NULL);
	assert_found(&c, "PAIR-NTB", SEVERITY_INFO, "81:00.0");
	checked_release(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(supported), cmocka_unit_test(unlisted), cmocka_unit_test(client),
		cmocka_unit_test(below_vmd), cmocka_unit_test(unknown),  cmocka_unit_test(direct),
		cmocka_unit_test(ends),      cmocka_unit_test(present),  cmocka_unit_test(distance),
		cmocka_unit_test(own_path),  cmocka_unit_test(ntb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
