/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person is told that other words on the kernel's command line would change. */
#include "../test.h"

#include "base/alloc.h"
#include "model.h"
#include "p2p/isolation.h"

#define DEFAULT (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

/* A switch with two drives as the kernel sets it up with an IOMMU, and a drive beside it. */
static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x29c0, .class = 0x060000),
	FN("00:01.0", PORT_ROOT, 1, DEFAULT, 0x8086, 0x0001),
	FN("00:02.0", PORT_ROOT, 5, DEFAULT, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 3, DEFAULT, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 4, DEFAULT, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
};

static char *answer(const char *cmdline, enum known groups, const char *rules, const char *words)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	p->kernel_cmdline = xstrdup(cmdline);
	p->iommu_groups = groups;
	p2p_what_if(p, p2p_rules_for(rules), words, f);
	assert_int_equal(fclose(f), 0);
	platform_free(p);
	return text;
}

static void test_answers(void **state attr_unused)
{
	static const struct {
		const char *cmdline, *rules, *words, *text;
		enum known groups;
	} cases[] = {
		{ "quiet -- 3", "7.3", "pci=disable_acs_redir=02:00.0;02:01.0",
		  "With 'pci=disable_acs_redir=02:00.0;02:01.0', by the rules of Linux 7.3:\n"
		  "the kernel turns ACS on by itself: an IOMMU is in use, and its driver asks for "
		  "ACS\n\n"
		  "ACS of 0000:02:00.0: SV RR CR UF, then SV? UF?\n"
		  "ACS of 0000:02:01.0: SV RR CR UF, then SV? UF?\n\n"
		  "0000:03:00.0 to 0000:04:00.0: not-supported, then bus-address\n"
		  "0000:04:00.0 to 0000:03:00.0: not-supported, then bus-address\n\n"
		  "IOMMU group of 0000:03:00.0: that of 0000:03:00.0, then of 0000:02:00.0\n"
		  "IOMMU group of 0000:04:00.0: that of 0000:04:00.0, then of 0000:02:01.0\n",
		  KNOWN_PRESENT },
		{ "quiet", "6.1", "pci=disable_acs_redir=02:00.0",
		  "With 'pci=disable_acs_redir=02:00.0', by the rules of Linux 6.1:\n"
		  "the kernel turns ACS on by itself: an IOMMU is in use, and its driver asks for "
		  "ACS\n\n"
		  "ACS of 0000:02:00.0: SV RR CR UF, then SV UF\n\n"
		  "IOMMU group of 0000:03:00.0: that of 0000:03:00.0, then of 0000:02:00.0\n",
		  KNOWN_PRESENT },
		{ "quiet", "7.3", "debug",
		  "With 'debug', by the rules of Linux 7.3:\n"
		  "the kernel turns ACS on by itself: an IOMMU is in use, and its driver asks for "
		  "ACS\n\n"
		  "Nothing changes.\n",
		  KNOWN_PRESENT },
		{ NULL, "7.3", "pci=disable_acs_redir=02:00.1",
		  "With 'pci=disable_acs_redir=02:00.1', by the rules of Linux 7.3:\n"
		  "the command line of now was not seen, it is taken to say nothing of ACS\n"
		  "the kernel does not turn ACS on by itself: no IOMMU is in use\n"
		  "disable_acs_redir: '02:00.1' changes nothing: it is the first match of no "
		  "function\n\n"
		  "Nothing changes.\n",
		  KNOWN_ABSENT },
		/* what was written over no longer says what firmware left, what was kept does */
		{ "pci=config_acs=xx000@02:00.0", "7.3", "iommu=off pci=config_acs=0@00:02.0",
		  "With 'iommu=off pci=config_acs=0@00:02.0', by the rules of Linux 7.3:\n"
		  "the kernel does not turn ACS on by itself: iommu=off: no IOMMU driver asks for "
		  "ACS\n\n"
		  "ACS of 0000:00:01.0: SV RR CR UF, then SV? RR? CR? UF?\n"
		  "ACS of 0000:00:02.0: SV RR CR UF, then RR? CR? UF?\n"
		  "ACS of 0000:02:00.0: SV RR CR UF, then SV? RR? CR UF\n"
		  "ACS of 0000:02:01.0: SV RR CR UF, then SV? RR? CR? UF?\n\n"
		  "There are no IOMMU groups then.\n",
		  KNOWN_PRESENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text =
			answer(cases[i].cmdline, cases[i].groups, cases[i].rules, cases[i].words);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests_name("p2p/whatif", tests, NULL, NULL);
}
