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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_redirect),
		cmocka_unit_test(redirect_on_a_path),
		cmocka_unit_test(redirect_off_any_path),
		cmocka_unit_test(unseen_is_not_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
