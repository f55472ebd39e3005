/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/scenario/faultlog.c: which records of the kernel log tell of a fault of a function. */
#include "../test.h"
#include "scenario/faultlog.h"

static const struct pci_addr engine = { .bus = 5 };

static void assert_text(const char *record, const char *text)
{
	autofree char *found = faultlog_text(record, engine);

	if (text)
		assert_string_equal(found, text);
	else
		assert_null(found);
}

static void names_it(attr_unused void **state)
{
	assert_text("3,812,5250,-;DMAR: [DMA Write NO_PASID] Request device [05:00.0] fault addr "
		    "0xf0020000 [fault reason 0x05] PTE Write access is not set\n SUBSYSTEM=pci\n",
		    "DMAR: [DMA Write NO_PASID] Request device [05:00.0] fault addr 0xf0020000 "
		    "[fault reason 0x05] PTE Write access is not set");
	assert_text(
		"3,1,2,-;AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:05:00.0 address=0x0]\n",
		"AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:05:00.0 address=0x0]");
}

static void is_about_something_else(attr_unused void **state)
{
	assert_text("3,1,2,-;DMAR: [DMA Write] Request device [04:00.0] fault addr 0x0\n", NULL);
	assert_text("6,1,2,-;pci 0000:05:00.0: enabling device\n", NULL);
	assert_text("3,1,2,-;DMAR: DRHD: handling fault status reg 2\n", NULL);
	assert_text("no record of 05:00.0, for all its fault", NULL);
	assert_text("", NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_it),
		cmocka_unit_test(is_about_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
