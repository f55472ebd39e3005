/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_cpu.c */
#include "../test.h"

#include "../p2p/model.h"
#include "rig.h"

static void healthy(void **state attr_unused)
{
	rig_passes("cpu.root-complex");
	rig_passes("cpu.node");
}

static void processors(void **state attr_unused)
{
	static const struct {
		const char *vendor;
		int family;
		const char *code;
	} cases[] = {
		{ "AuthenticAMD", 0x15, "CPU-AMD-BEFORE-ZEN" },
		{ "HygonGenuine", 0x18, "CPU-HYGON" },
		{ "CentaurHauls", 7, "CPU-ZHAOXIN" },
		{ "  Shanghai  ", 7, "CPU-ZHAOXIN" },
		{ "AuthenticAMD", 0x17, NULL },
		{ "GenuineIntel", 6, NULL },
	};
	autoplatform struct platform *p = rig_new();

	/* a host bridge that nobody lists */
	rig_at(p, "00:00.0")->device = rig_at(p, "80:00.0")->device = 0x1234;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct checked c;

		model_set_cpu(p, cases[i].vendor, cases[i].family);
		c = checked(p, "cpu.root-complex", NULL);
		if (cases[i].code)
			assert_found(&c, cases[i].code, SEVERITY_MINOR,
				     "03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
		for (size_t k = 0; k < ARRAY_LEN(cases); k++)
			if (cases[k].code &&
			    (!cases[i].code || strcmp(cases[i].code, cases[k].code)))
				assert_not_found(&c, cases[k].code);
		checked_release(&c);
	}
	model_set_cpu(p, "HygonGenuine", 0x18);
	rig_at(p, "00:00.0")->device = rig_at(p, "80:00.0")->device = 0x09a2;
	rig_not_found(p, "cpu.root-complex", "CPU-HYGON"); /* listed: it does not matter */
}

static void other_machines(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "80:00.0")->device = 0x1234;
	model_set_cpu(p, "", 0);
	rig_string(&p->machine, "aarch64");
	rig_found_likely(p, "cpu.root-complex", "CPU-NOT-X86", SEVERITY_MINOR,
			 "03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
	rig_string(&p->machine, NULL);
	rig_not_found(p, "cpu.root-complex", "CPU-NOT-X86");
	model_set_cpu(p, NULL, 0);
	rig_unseen(p, "cpu.root-complex", NULL);
}

static void nodes(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "05:00.0")->numa_node = NUMA_UNKNOWN;
	rig_found(p, "cpu.node", "NUMA-NODE-UNKNOWN", SEVERITY_MINOR, "05:00.0");
	for (size_t i = 0; i < p->nr_functions; i++)
		p->functions[i].numa_node = NUMA_UNKNOWN;
	rig_not_found(p, "cpu.node", "NUMA-NODE-UNKNOWN");
	rig_unseen(p, "cpu.node", NULL);
	p->numa.nr = 1;
	rig_not_found(p, "cpu.node", "NUMA-NODE-UNKNOWN");
	p->numa.nr = 2;
	rig_found(p, "cpu.node", "NUMA-NODE-UNKNOWN", SEVERITY_MINOR,
		  "03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
	p->numa.nr = 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),
		cmocka_unit_test(processors),
		cmocka_unit_test(other_machines),
		cmocka_unit_test(nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
