// SPDX-License-Identifier: GPL-2.0-or-later
/* Channels of DMA engines, and whose they are. */
#include "sysroot.h"

#include "scenario/dmachan.h"

static void none(void **state)
{
	struct dmachan *list;
	size_t n;

	assert_int_equal(dmachan_list(*state, &list, &n), 0);
	assert_int_equal(n, 0);
	put(*state, "/sys/class/dma", "a file where a directory should be");
	assert_int_equal(dmachan_list(*state, &list, &n), -ENOTDIR);
}

static void channels(void **state)
{
	const char *below = "/sys/devices/pci0000:00/0000:00:03.0/0000:05:00.0/dma";
	autofree struct dmachan *list = NULL;
	size_t n;

	for (int i = 10; i >= 8; i--) {
		autofree char *dir = xasprintf("%s/dma0chan%d", below, i);
		autofree char *in_use = xasprintf("%s/in_use", dir);
		autofree char *class = xasprintf("/sys/class/dma/dma0chan%d", i);
		autofree char *target = xasprintf("../..%s", dir + strlen("/sys"));

		put(*state, in_use, i == 9 ? "1\n" : "0\n");
		put_link(*state, class, target);
	}
	/* An engine of the platform is no PCI function; a link may lead nowhere. */
	put(*state, "/sys/devices/platform/a000000.dma/dma/dma1chan0/in_use", "0\n");
	put_link(*state, "/sys/class/dma/dma1chan0",
		 "../../devices/platform/a000000.dma/dma/dma1chan0");
	put_link(*state, "/sys/class/dma/dma2chan0", "../../devices/gone");
	/* Below a function, but not the device itself, and an earlier address. */
	put(*state, "/sys/devices/pci0000:00/0000:00:02.1/engine.0/dma/dma3chan0/in_use", "?\n");
	put_link(*state, "/sys/class/dma/dma3chan0",
		 "../../devices/pci0000:00/0000:00:02.1/engine.0/dma/dma3chan0");
	/* A name that no channel can have. */
	put_link(*state, "/sys/class/dma/dma0chan0000000000000000000000000000000000000000",
		 "../../devices/pci0000:00/0000:00:02.1");

	assert_int_equal(dmachan_list(*state, &list, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(list[0].name, "dma3chan0");
	assert_true(pci_addr_eq(list[0].addr, (struct pci_addr){ 0, 0, 2, 1 }));
	assert_false(list[0].in_use);
	assert_string_equal(list[1].name, "dma0chan8");
	assert_true(pci_addr_eq(list[1].addr, (struct pci_addr){ 0, 5, 0, 0 }));
	assert_string_equal(list[2].name, "dma0chan9");
	assert_true(list[2].in_use);
	assert_string_equal(list[3].name, "dma0chan10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(none),
		test_in_dir(channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
