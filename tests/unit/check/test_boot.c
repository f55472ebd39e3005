/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_boot.c */
#include "../test.h"

#include "../p2p/model.h"
#include "base/alloc.h"
#include "checked.h"

/* A switch between two GPUs, of which the first has ATS. */
static const struct model_function machine[] = {
	FN("00:01.0", PORT_ROOT, 1, 0x1d, 0x1234, 0x2030),
	FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x1000, 0xc010),
	FN("02:00.0", PORT_DOWNSTREAM, 3, 0x1d, 0x1000, 0xc010),
	FN("02:01.0", PORT_DOWNSTREAM, 4, 0x1d, 0x1000, 0xc010),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
};

static struct platform *make(const char *cmdline)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));

	p->kernel_cmdline = xstrdup(cmdline);
	p->iommu_groups = KNOWN_PRESENT;
	p->functions[model_index(p, "03:00.0")].has_ats = true;
	return p;
}

/* With the words the code is found, of these functions; without them it is not. */
static void assert_words(const char *check, const char *release, const char *words,
			 const char *code, enum severity severity, const char *functions)
{
	autoplatform struct platform *p = make(words), *plain = make("root=/dev/sda1 quiet");
	struct checked c = checked_by(release, p, check, "03:00.0>04:00.0");

	assert_found(&c, code, severity, functions);
	checked_release(&c);
	c = checked_by(release, plain, check, "03:00.0>04:00.0");
	assert_not_found(&c, code);
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
}

static void options(void **state attr_unused)
{
	static const struct {
		const char *release, *words, *code;
		enum severity severity;
	} cases[] = {
		{ "6.1", "pci=config_acs=1@02:00.0", "BOOT-CONFIG-ACS-TOO-OLD", SEVERITY_MAJOR },
		{ "6.12", "pci=noacs", "BOOT-PCI-OPTION-UNKNOWN", SEVERITY_MAJOR },
		{ "6.12", "pci=disable_acs_redir=02:00.0,02:01.0", "BOOT-ACS-LIST-COMMA",
		  SEVERITY_MAJOR },
		{ "6.12", "pci=disable_acs_redir=quux", "BOOT-ACS-ITEM-UNREADABLE",
		  SEVERITY_MAJOR },
		{ "6.12", "pci=disable_acs_redir=07:00.0", "BOOT-ACS-ITEM-NO-MATCH",
		  SEVERITY_MINOR },
		{ "6.12", "pci=disable_acs_redir=03:00.0", "BOOT-ACS-ITEM-NO-ACS", SEVERITY_MINOR },
		{ "6.12", "amd_iommu=off", "BOOT-AMD-IOMMU-OFF", SEVERITY_MINOR },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_words("boot.acs-options", cases[i].release, cases[i].words, cases[i].code,
			     cases[i].severity, "");
}

/* A release that has the option takes it. */
static void options_that_hold(void **state attr_unused)
{
	autoplatform struct platform *p = make("pci=config_acs=1@02:00.0;x@pci:1000:c010");
	struct checked c = checked_by("6.12", p, "boot.acs-options", NULL);

	assert_int_equal(c.result->sink.nr_findings, 0);
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
}

static void effect(void **state attr_unused)
{
	static const char words[] = "pci=disable_acs_redir=02:00.0;02:01.0";
	autoplatform struct platform *p = make(words);
	struct checked c;

	assert_words("boot.acs-effect", "6.12", words, "BOOT-ACS-NOT-IN-EFFECT", SEVERITY_MAJOR,
		     "02:00.0 02:01.0");
	model_set_acs(p, "02:00.0", 0x11);
	model_set_acs(p, "02:01.0", 0);
	c = checked(p, "boot.acs-effect", NULL);
	assert_not_found(&c, "BOOT-ACS-NOT-IN-EFFECT");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
	model_set_acs(p, "02:00.0", UNSEEN);
	c = checked(p, "boot.acs-effect", NULL);
	assert_unseen(&c, "02:00.0");
	checked_release(&c);
}

static void reset(void **state attr_unused)
{
	autoplatform struct platform *p = make("pci=disable_acs_redir=02:00.0;02:01.0");
	struct checked c;

	model_set_acs(p, "02:00.0", 0x11);
	model_set_acs(p, "02:01.0", 0);
	c = checked_by("6.12", p, "boot.acs-reset", NULL);
	assert_found(&c, "BOOT-ACS-FIRMWARE-VALUES", SEVERITY_INFO, "02:01.0");
	checked_release(&c);
	/* older releases only clear bits */
	c = checked_by("6.1", p, "boot.acs-reset", NULL);
	assert_not_found(&c, "BOOT-ACS-FIRMWARE-VALUES");
	checked_release(&c);
}

static void override(void **state attr_unused)
{
	assert_words("boot.acs-override", "6.12",
		     "quiet pcie_acs_override=downstream,multifunction", "BOOT-ACS-OVERRIDE",
		     SEVERITY_MAJOR, "");
}

static void ats(void **state attr_unused)
{
	assert_words("boot.ats", "6.12", "pci=noats", "BOOT-NO-ATS", SEVERITY_MINOR, "03:00.0");
}

static void iommu(void **state attr_unused)
{
	autoplatform struct platform *p = make("intel_iommu=off");
	struct checked c;

	assert_words("boot.iommu", "6.12", "intel_iommu=off", "BOOT-INTEL-IOMMU-OFF",
		     SEVERITY_MINOR, "");
	p->iommu_groups = KNOWN_ABSENT;
	c = checked(p, "boot.iommu", NULL);
	assert_not_found(&c, "BOOT-INTEL-IOMMU-OFF");
	checked_release(&c);
}

static void words_unseen(void **state attr_unused)
{
	static const char *const ids[] = { "boot.acs-options",  "boot.acs-effect", "boot.acs-reset",
					   "boot.acs-override", "boot.ats",        "boot.iommu" };
	autoplatform struct platform *p = make(NULL);

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct checked c = checked(p, ids[i], NULL);

		assert_unseen(&c, NULL);
		assert_outcome(&c, OUTCOME_INCONCLUSIVE);
		checked_release(&c);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),  cmocka_unit_test(options_that_hold),
		cmocka_unit_test(effect),   cmocka_unit_test(reset),
		cmocka_unit_test(override), cmocka_unit_test(ats),
		cmocka_unit_test(iommu),    cmocka_unit_test(words_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
