/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_isolation.c */
#include "../test.h"

#include "../p2p/model.h"
#include "base/alloc.h"
#include "checked.h"

#define GPU .class = 0x030200
#define NIC .class = 0x020700

/* A switch with two GPUs that ACS keeps apart, a NIC with two functions on a root port without ACS. */
static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x1234, 0x09a2, .class = 0x060000),
	FN("00:01.0", PORT_ROOT, 1, 0x1d, 0x1234, 0x2030),
	FN("00:02.0", PORT_ROOT, 5, NO_ACS, 0x1234, 0x2030),
	FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x1000, 0xc010),
	FN("02:00.0", PORT_DOWNSTREAM, 3, 0x1d, 0x1000, 0xc010),
	FN("02:01.0", PORT_DOWNSTREAM, 4, 0x1d, 0x1000, 0xc010),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, NIC, .multifunction = true),
	FN("05:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, NIC, .multifunction = true),
};

/* With an IOMMU, whose groups are those of ACS. */
static struct platform *make(void)
{
	static const struct {
		const char *address;
		int group;
	} groups[] = {
		{ "00:00.0", 0 }, { "00:01.0", 2000000000 }, { "00:02.0", 2 }, { "01:00.0", 3 },
		{ "02:00.0", 4 }, { "02:01.0", 5 },          { "03:00.0", 6 }, { "04:00.0", 7 },
		{ "05:00.0", 2 }, { "05:00.1", 2 },
	};
	struct platform *p = model_new(machine, ARRAY_LEN(machine));

	p->iommu_groups = KNOWN_PRESENT;
	p->kernel_cmdline = xstrdup("quiet");
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		p->functions[model_index(p, groups[i].address)].iommu_group = groups[i].group;
	return p;
}

static struct function *of(struct platform *p, const char *address)
{
	return &p->functions[model_index(p, address)];
}

static void as_acs_shows(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked(p, "isolation.stale", NULL);

	assert_not_found(&c, "GROUP-STALE");
	assert_not_found(&c, "GROUP-WIDER-THAN-ACS");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
}

static void stale(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c;

	model_set_acs(p, "02:00.0", 0);
	model_set_acs(p, "02:01.0", 0);
	c = checked(p, "isolation.stale", NULL);
	assert_int_equal(checked_find(&c, "GROUP-STALE")->severity, SEVERITY_MAJOR);
	assert_not_found(&c, "GROUP-WIDER-THAN-ACS");
	assert_outcome(&c, OUTCOME_FAIL);
	checked_release(&c);
}

static void wider(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c;

	of(p, "04:00.0")->iommu_group = 6;
	c = checked(p, "isolation.stale", NULL);
	assert_found(&c, "GROUP-WIDER-THAN-ACS", SEVERITY_INFO, "03:00.0 04:00.0");
	assert_not_found(&c, "GROUP-STALE");
	checked_release(&c);
}

static void groups_unseen(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c;

	model_set_acs(p, "02:00.0", UNSEEN);
	c = checked(p, "isolation.stale", NULL);
	assert_unseen(&c, "03:00.0");
	assert_not_found(&c, "GROUP-STALE");
	checked_release(&c);
	p->iommu_groups = KNOWN_NO;
	c = checked(p, "isolation.stale", NULL);
	assert_unseen(&c, NULL);
	assert_outcome(&c, OUTCOME_INCONCLUSIVE);
	checked_release(&c);
}

static struct check_claims isolated(const struct platform *p, const char *address)
{
	struct check_claims claims = { .isolated = xcalloc(1, sizeof(int)), .nr_isolated = 1 };

	claims.isolated[0] = model_index(p, address);
	return claims;
}

static void claimed(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked_with("6.12", p, "isolation.claimed", isolated(p, "03:00.0"));

	assert_not_found(&c, "GROUP-NOT-ISOLATED");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
	of(p, "04:00.0")->iommu_group = 6;
	c = checked_with("6.12", p, "isolation.claimed", isolated(p, "03:00.0"));
	assert_found(&c, "GROUP-NOT-ISOLATED", SEVERITY_MAJOR, "03:00.0 04:00.0");
	checked_release(&c);
	/* functions of one device, and the bridge above, are no others */
	c = checked_with("6.12", p, "isolation.claimed", isolated(p, "05:00.0"));
	assert_not_found(&c, "GROUP-NOT-ISOLATED");
	checked_release(&c);
	p->iommu_groups = KNOWN_NO;
	model_set_acs(p, "02:00.0", UNSEEN);
	c = checked_with("6.12", p, "isolation.claimed", isolated(p, "03:00.0"));
	assert_unseen(&c, "03:00.0");
	checked_release(&c);
}

static void shared(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked(p, "isolation.shared", NULL);

	assert_not_found(&c, "GROUP-SHARED");
	checked_release(&c);
	of(p, "04:00.0")->iommu_group = 6;
	c = checked(p, "isolation.shared", NULL);
	assert_found(&c, "GROUP-SHARED", SEVERITY_INFO, "03:00.0 04:00.0");
	checked_release(&c);
}

static void absent(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked(p, "isolation.absent", "03:00.0>04:00.0");

	assert_not_found(&c, "GROUP-ABSENT");
	checked_release(&c);
	of(p, "04:00.0")->iommu_group = GROUP_UNKNOWN;
	c = checked(p, "isolation.absent", "03:00.0>04:00.0");
	assert_found(&c, "GROUP-ABSENT", SEVERITY_MINOR, "04:00.0");
	checked_release(&c);
}

static void lost(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked(p, "isolation.lost", NULL);

	assert_not_found(&c, "ACS-LOST");
	assert_not_found(&c, "ACS-SOURCE-VALIDATION-LOST");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
	model_set_acs(p, "02:00.0", 0x1c);
	model_set_acs(p, "02:01.0", 0x01);
	c = checked(p, "isolation.lost", NULL);
	assert_found(&c, "ACS-SOURCE-VALIDATION-LOST", SEVERITY_MINOR, "02:00.0");
	assert_found(&c, "ACS-LOST", SEVERITY_MAJOR, "02:01.0");
	checked_release(&c);
	/* without an IOMMU nobody has turned anything on */
	p->iommu_groups = KNOWN_ABSENT;
	c = checked(p, "isolation.lost", NULL);
	assert_not_found(&c, "ACS-LOST");
	checked_release(&c);
	p->iommu_groups = KNOWN_NO;
	c = checked(p, "isolation.lost", NULL);
	assert_unseen(&c, NULL);
	assert_not_found(&c, "ACS-LOST");
	checked_release(&c);
}

static void ports(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked(p, "isolation.ports", NULL);

	assert_found(&c, "PORT-WITHOUT-ACS", SEVERITY_INFO, "00:02.0");
	checked_release(&c);
	/* the kernel has a quirk for this one */
	of(p, "00:02.0")->vendor = 0x8086;
	of(p, "00:02.0")->device = 0x1c10;
	model_set_acs(p, "02:00.0", UNSEEN);
	c = checked(p, "isolation.ports", NULL);
	assert_not_found(&c, "PORT-WITHOUT-ACS");
	assert_unseen(&c, "02:00.0");
	checked_release(&c);
}

static void multifunction(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked(p, "isolation.multifunction", NULL);

	assert_found(&c, "MULTIFUNCTION-WITHOUT-ACS", SEVERITY_INFO, "05:00.0 05:00.1");
	checked_release(&c);
	model_set_acs(p, "05:00.0", 0x1d);
	model_set_acs(p, "05:00.1", UNSEEN);
	c = checked(p, "isolation.multifunction", NULL);
	assert_not_found(&c, "MULTIFUNCTION-WITHOUT-ACS");
	assert_unseen(&c, "05:00.1");
	checked_release(&c);
}

static void quirk(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct checked c = checked(p, "isolation.quirk", NULL);

	assert_not_found(&c, "ACS-QUIRK");
	checked_release(&c);
	of(p, "00:02.0")->vendor = 0x8086;
	of(p, "00:02.0")->device = 0x1c10;
	c = checked(p, "isolation.quirk", NULL);
	assert_found(&c, "ACS-QUIRK", SEVERITY_INFO, "00:02.0");
	checked_release(&c);
}

static void set_type(struct platform *p, const char *type)
{
	for (size_t i = 0; i < p->nr_functions; i++) {
		free(p->functions[i].iommu_type);
		p->functions[i].iommu_type = xstrdup(type);
	}
}

static void mode(void **state attr_unused)
{
	autoplatform struct platform *p = make();
	struct check_claims claims = { .iommu = IOMMU_PASSTHROUGH };
	struct checked c = checked(p, "isolation.iommu", NULL);

	assert_unseen(&c, "03:00.0");
	assert_outcome(&c, OUTCOME_INCONCLUSIVE);
	checked_release(&c);

	set_type(p, "identity");
	c = checked_with("6.12", p, "isolation.iommu", claims);
	assert_found(&c, "IOMMU-PASSTHROUGH", SEVERITY_INFO, "03:00.0 04:00.0 05:00.0 05:00.1");
	assert_not_found(&c, "IOMMU-NOT-AS-DECLARED");
	assert_not_found(&c, "IOMMU-UNUSED");
	checked_release(&c);

	set_type(p, "DMA-FQ");
	c = checked_with("6.12", p, "isolation.iommu", claims);
	assert_found(&c, "IOMMU-NOT-AS-DECLARED", SEVERITY_MAJOR,
		     "03:00.0 04:00.0 05:00.0 05:00.1");
	assert_not_found(&c, "IOMMU-PASSTHROUGH");
	/* nothing is let through the host bridge here, so that nothing is translated on the way */
	assert_not_found(&c, "IOMMU-TRANSLATES-P2P");
	checked_release(&c);
	model_set_cpu(p, "AuthenticAMD", 0x19);
	c = checked(p, "isolation.iommu", "03:00.0>04:00.0");
	assert_int_equal(checked_find(&c, "IOMMU-TRANSLATES-P2P")->severity, SEVERITY_MINOR);
	checked_release(&c);

	p->iommu_groups = KNOWN_ABSENT;
	c = checked(p, "isolation.iommu", NULL);
	assert_found(&c, "IOMMU-UNUSED", SEVERITY_INFO, "");
	assert_not_found(&c, "IOMMU-TRANSLATES-P2P");
	checked_release(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_acs_shows), cmocka_unit_test(stale),
		cmocka_unit_test(wider),        cmocka_unit_test(groups_unseen),
		cmocka_unit_test(claimed),      cmocka_unit_test(shared),
		cmocka_unit_test(absent),       cmocka_unit_test(lost),
		cmocka_unit_test(ports),        cmocka_unit_test(multifunction),
		cmocka_unit_test(quirk),        cmocka_unit_test(mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
