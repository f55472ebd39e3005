/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_redirect.c */
#include "../test.h"

#include "../p2p/model.h"
#include "checked.h"

#define GPU .class = 0x030200

static const struct model_function machine[] = {
	FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
	FN("00:02.0", PORT_ROOT, 5, 0, 0x8086, 0x2030),
	FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x1000, 0xc010),
	FN("02:00.0", PORT_DOWNSTREAM, 3, 0, 0x1000, 0xc010),
	FN("02:01.0", PORT_DOWNSTREAM, 4, 0, 0x1000, 0xc010),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa80a, .no_bar = true),
};

static void no_redirect(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct checked c = checked(p, "path.redirect", NULL);

	assert_outcome(&c, OUTCOME_PASS);
	assert_int_equal(c.result->sink.looked, 5);
	assert_not_found(&c, "ACS-REDIRECT-ON-PATH");
	assert_not_found(&c, "ACS-REDIRECT-OFF-PATH");
	checked_release(&c);
}

static void redirect_on_a_path(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct checked c;

	model_set_acs(p, "02:00.0", 0x1d);
	model_set_acs(p, "02:01.0", 0x1d);
	c = checked(p, "path.redirect", NULL);
	assert_found(&c, "ACS-REDIRECT-ON-PATH", SEVERITY_MINOR, "02:00.0 02:01.0");
	assert_not_found(&c, "ACS-REDIRECT-OFF-PATH");
	assert_outcome(&c, OUTCOME_INFO);
	checked_release(&c);
	c = checked(p, "path.redirect", "03:00.0>04:00.0");
	assert_found(&c, "ACS-REDIRECT-ON-PATH", SEVERITY_MAJOR, "02:00.0 02:01.0");
	assert_outcome(&c, OUTCOME_FAIL);
	checked_release(&c);
}

static void redirect_off_any_path(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct checked c;

	model_set_acs(p, "00:02.0", 0x1d);
	c = checked(p, "path.redirect", NULL);
	assert_found(&c, "ACS-REDIRECT-OFF-PATH", SEVERITY_INFO, "00:02.0");
	assert_not_found(&c, "ACS-REDIRECT-ON-PATH");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
}

static void unseen_is_not_well(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct checked c;

	model_set_acs(p, "02:01.0", UNSEEN);
	c = checked(p, "path.redirect", NULL);
	assert_unseen(&c, "02:01.0");
	assert_outcome(&c, OUTCOME_INCONCLUSIVE);
	checked_release(&c);
}

/* The words to boot with, for this very machine, and who is then no longer isolated. */
static void remedy(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	const struct check_finding *f;
	struct checked c;

	p->iommu_groups = KNOWN_PRESENT;
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].acs.known == KNOWN_PRESENT)
			p->functions[i].acs.control = 0x1d;
	c = checked_by("6.12", p, "path.redirect", "03:00.0>04:00.0");
	f = assert_found(&c, "ACS-REDIRECT-ON-PATH", SEVERITY_MAJOR, "02:00.0 02:01.0");
	assert_non_null(strstr(f->next, "'pci=disable_acs_redir=0000:02:00.0;0000:02:01.0'"));
	assert_non_null(strstr(f->next, "config_acs=x0100x1@"));
	assert_non_null(strstr(f->next, "can reach each other's memory whatever the groups say"));
	assert_non_null(strstr(f->text,
			       "ReqRedir CmpltRedir that are set in ACS control of 2 ports, "
			       "1 pairs"));
	assert_found(&c, "ACS-REDIRECT-OFF-PATH", SEVERITY_INFO, "00:01.0 00:02.0");
	checked_release(&c);
	c = checked_by("6.1", p, "path.redirect", "03:00.0>04:00.0");
	assert_null(strstr(checked_find(&c, "ACS-REDIRECT-ON-PATH")->next, "config_acs"));
	checked_release(&c);
	p->iommu_groups = KNOWN_ABSENT;
	c = checked(p, "path.redirect", "03:00.0>04:00.0");
	assert_non_null(
		strstr(checked_find(&c, "ACS-REDIRECT-ON-PATH")->next, "no isolation is lost"));
	checked_release(&c);
}

/* Ports that are functions of one device: what is below them is then in one group. */
static void remedy_merges(void **state attr_unused)
{
	static const struct model_function functions[] = {
		FN("00:01.0", PORT_ROOT, 1, 0x1d, 0x1234, 0x2030),
		FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x1000, 0xc010),
		FN("02:00.0", PORT_DOWNSTREAM, 3, 0x1d, 0x1000, 0xc010, .multifunction = true),
		FN("02:00.1", PORT_DOWNSTREAM, 4, 0x1d, 0x1000, 0xc010, .multifunction = true),
		FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
		FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU),
	};
	autoplatform struct platform *p = model_new(functions, ARRAY_LEN(functions));
	struct checked c;

	p->iommu_groups = KNOWN_PRESENT;
	c = checked(p, "path.redirect", NULL);
	assert_non_null(strstr(checked_find(&c, "ACS-REDIRECT-ON-PATH")->next,
			       "2 functions then share 1 IOMMU groups with others than now, and "
			       "are no longer isolated from them: 0000:03:00.0 0000:04:00.0"));
	checked_release(&c);
}

/* Many ports are named by what they are. */
static void remedy_of_many(void **state attr_unused)
{
	enum { PORTS = 13 };
	struct model_function functions[2 + 2 * PORTS] = {
		FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
		FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x1000, 0xc010),
	};
	char addresses[2 * PORTS][8];
	autoplatform struct platform *p = NULL;
	struct checked c;

	for (size_t i = 0; i < PORTS; i++) {
		snprintf(addresses[2 * i], 8, "02:%02zx.0", i);
		snprintf(addresses[2 * i + 1], 8, "%02zx:00.0", i + 3);
		functions[2 + i] = (struct model_function)FN(
			addresses[2 * i], PORT_DOWNSTREAM, (uint8_t)(i + 3), 0x1d, 0x1000, 0xc010);
		functions[2 + PORTS + i] = (struct model_function)FN(
			addresses[2 * i + 1], PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, GPU);
	}
	p = model_new(functions, ARRAY_LEN(functions));
	c = checked(p, "path.redirect", NULL);
	assert_int_equal(checked_find(&c, "ACS-REDIRECT-ON-PATH")->nr_functions, PORTS);
	assert_non_null(strstr(checked_find(&c, "ACS-REDIRECT-ON-PATH")->next,
			       "'pci=disable_acs_redir=pci:1000:c010'"));
	checked_release(&c);
}

static void source_validation(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct checked c = checked(p, "path.source-validation", NULL);

	assert_not_found(&c, "ACS-SOURCE-VALIDATION-ALONE");
	checked_release(&c);
	model_set_acs(p, "02:00.0", 0x01);
	model_set_acs(p, "02:01.0", 0x1d);
	c = checked(p, "path.source-validation", NULL);
	assert_found(&c, "ACS-SOURCE-VALIDATION-ALONE", SEVERITY_INFO, "02:00.0");
	checked_release(&c);
}

static void set_ats(struct platform *p, const char *address, uint32_t seen)
{
	struct function *f = &p->functions[model_index(p, address)];

	f->has_ats = true;
	f->ats_control = (struct reg){ ATS_ENABLE, seen };
}

static void translated(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct checked c;

	set_ats(p, "03:00.0", ATS_ENABLE);
	c = checked(p, "path.translated", "03:00.0>04:00.0");
	assert_not_found(&c, "ACS-TRANSLATED-NOT-DIRECT");
	assert_not_found(&c, "ACS-TRANSLATED-DIRECT");
	checked_release(&c);
	model_set_acs(p, "02:00.0", 0x5d);
	model_set_acs(p, "02:01.0", 0x1d);
	c = checked(p, "path.translated", "03:00.0>04:00.0");
	assert_found(&c, "ACS-TRANSLATED-NOT-DIRECT", SEVERITY_MINOR, "03:00.0");
	assert_not_found(&c, "ACS-TRANSLATED-DIRECT");
	checked_release(&c);
	model_set_acs(p, "02:01.0", 0x5d);
	c = checked(p, "path.translated", "03:00.0>04:00.0");
	assert_found(&c, "ACS-TRANSLATED-DIRECT", SEVERITY_INFO, "03:00.0");
	assert_not_found(&c, "ACS-TRANSLATED-NOT-DIRECT");
	checked_release(&c);
	set_ats(p, "03:00.0", 0);
	c = checked(p, "path.translated", "03:00.0>04:00.0");
	assert_unseen(&c, "03:00.0");
	checked_release(&c);
}

static void virtual_functions(void **state attr_unused)
{
	static const struct model_function nic[] = {
		FN("00:01.0", PORT_ROOT, 1, 0x1d, 0x8086, 0x2030),
		FN("00:02.0", PORT_ROOT, 2, 0x1d, 0x8086, 0x2030),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, .class = 0x020700),
		FN("01:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, "01:00.0",
		   .class = 0x020700),
		FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, .class = 0x020700),
	};
	autoplatform struct platform *p = model_new(nic, ARRAY_LEN(nic));
	struct checked c = checked(p, "path.virtual-functions", NULL);

	assert_found(&c, "SRIOV-REDIRECT", SEVERITY_INFO, "01:00.0 00:01.0");
	checked_release(&c);
	model_set_acs(p, "00:01.0", 0x11);
	c = checked(p, "path.virtual-functions", NULL);
	assert_not_found(&c, "SRIOV-REDIRECT");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
	model_set_acs(p, "00:01.0", UNSEEN);
	c = checked(p, "path.virtual-functions", NULL);
	assert_unseen(&c, "01:00.0");
	checked_release(&c);
}

static void firmware(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct checked c;

	model_set_acs(p, "02:00.0", 0x1d);
	c = checked(p, "path.firmware-acs", "03:00.0>04:00.0");
	assert_unseen(&c, NULL);
	assert_not_found(&c, "ACS-REDIRECT-WITHOUT-IOMMU");
	checked_release(&c);
	p->iommu_groups = KNOWN_PRESENT;
	c = checked(p, "path.firmware-acs", "03:00.0>04:00.0");
	assert_not_found(&c, "ACS-REDIRECT-WITHOUT-IOMMU");
	checked_release(&c);
	p->iommu_groups = KNOWN_ABSENT;
	c = checked(p, "path.firmware-acs", "03:00.0>04:00.0");
	assert_found(&c, "ACS-REDIRECT-WITHOUT-IOMMU", SEVERITY_MINOR, "02:00.0");
	checked_release(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_redirect),
		cmocka_unit_test(redirect_on_a_path),
		cmocka_unit_test(redirect_off_any_path),
		cmocka_unit_test(unseen_is_not_well),
		cmocka_unit_test(remedy),
		cmocka_unit_test(remedy_merges),
		cmocka_unit_test(remedy_of_many),
		cmocka_unit_test(source_validation),
		cmocka_unit_test(translated),
		cmocka_unit_test(virtual_functions),
		cmocka_unit_test(firmware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
