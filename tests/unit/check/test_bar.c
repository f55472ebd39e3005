/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_bar.c */
#include "../test.h"

#include "rig.h"

#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)

static void healthy(void **state attr_unused)
{
	rig_passes("bar.size");
	rig_passes("bar.resizable");
	rig_passes("bar.placement");
	rig_passes("bar.assigned");
	rig_passes("bar.decode");
}

static void smaller_than_memory(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "03:00.0")->bars[0].size = MIB(256);
	rig_found(p, "bar.size", "BAR-SMALLER-THAN-MEMORY", SEVERITY_MAJOR, "03:00.0");
	rig_found_likely(p, "bar.size", "BAR-SMALLER-THAN-MEMORY", SEVERITY_MINOR, "03:00.0");
	rig_says(p, "bar.size", "BAR-SMALLER-THAN-MEMORY", "256 MiB");
	rig_at(p, "03:00.0")->bars[0].size = 0;
	rig_unseen(p, "bar.size", "03:00.0");
	rig_not_found(p, "bar.size", "BAR-SMALLER-THAN-MEMORY");
	rig_at(p, "03:00.0")->bars[0].size = MIB(256);
	rig_at(p, "03:00.0")->memory_bytes = 0;
	rig_unseen(p, "bar.size", "03:00.0");
	rig_not_found(p, "bar.size", "BAR-SMALLER-THAN-MEMORY");
}

static void resizable(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct rebar *rebar = &rig_at(p, "04:00.0")->rebars[0];

	rebar->size = 28;
	rig_found(p, "bar.resizable", "RESIZABLE-BAR-SMALL", SEVERITY_MAJOR, "04:00.0");
	rig_found_likely(p, "bar.resizable", "RESIZABLE-BAR-SMALL", SEVERITY_MINOR, "04:00.0");
	rig_says(p, "bar.resizable", "RESIZABLE-BAR-SMALL",
		 "echo 14 > /sys/bus/pci/devices/0000:04:00.0/resource0_resize");
	rig_not_found(p, "bar.resizable", "BRIDGE-WINDOW-TOO-SMALL");
	/* larger than the memory it shows gains nothing */
	rebar->size = 34;
	rebar->sizes = UINT64_C(0xf) << 32;
	rig_not_found(p, "bar.resizable", "RESIZABLE-BAR-SMALL");
	rig_at(p, "04:00.0")->memory_bytes = 0;
	rig_found(p, "bar.resizable", "RESIZABLE-BAR-SMALL", SEVERITY_MAJOR, "04:00.0");
	rebar->sizes = 0;
	rig_unseen(p, "bar.resizable", "04:00.0");
	rig_not_found(p, "bar.resizable", "RESIZABLE-BAR-SMALL");
}

static void window_too_small(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct window *w = &rig_at(p, "02:01.0")->windows[WINDOW_PREFETCHABLE];

	rig_at(p, "04:00.0")->rebars[0].size = 28;
	w->end = w->start + GIB(16) - 1;
	rig_not_found(p, "bar.resizable", "BRIDGE-WINDOW-TOO-SMALL");
	w->end--;
	rig_found(p, "bar.resizable", "BRIDGE-WINDOW-TOO-SMALL", SEVERITY_MINOR, "02:01.0 04:00.0");
	w->known = false;
	rig_not_found(p, "bar.resizable", "BRIDGE-WINDOW-TOO-SMALL");
}

static void below_4g(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct bar *bar = &rig_at(p, "03:00.0")->bars[0];

	bar->start = 0xd0000000;
	bar->size = MIB(256);
	rig_found(p, "bar.placement", "BAR-BELOW-4G", SEVERITY_MINOR, "03:00.0");
	bar->size = MIB(128);
	rig_not_found(p, "bar.placement", "BAR-BELOW-4G");
	rig_at(p, "03:00.0")->rebars[0].size = 27;
	rig_found(p, "bar.placement", "BAR-BELOW-4G", SEVERITY_MINOR, "03:00.0");
	bar->start = GIB(4);
	rig_not_found(p, "bar.placement", "BAR-BELOW-4G");
	bar->start = 0xd0000000;
	bar->prefetchable = false;
	rig_not_found(p, "bar.placement", "BAR-BELOW-4G");
}

static void unassigned(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "81:00.0")->bars[0].unassigned = true;
	rig_found(p, "bar.assigned", "BAR-UNASSIGNED", SEVERITY_MAJOR, "81:00.0");
	rig_found_likely(p, "bar.assigned", "BAR-UNASSIGNED", SEVERITY_MINOR, "81:00.0");
	rig_at(p, "01:00.0")->bars[0] = rig_at(p, "81:00.0")->bars[0]; /* a bridge's own */
	rig_found(p, "bar.assigned", "BAR-UNASSIGNED", SEVERITY_MAJOR, "81:00.0");
	rig_at(p, "81:00.0")->bars[0].kind = BAR_IO;
	rig_not_found(p, "bar.assigned", "BAR-UNASSIGNED");
}

static void decoder_off(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_clear(&rig_at(p, "03:00.0")->command, COMMAND_MEMORY);
	rig_found(p, "bar.decode", "BAR-DECODER-OFF", SEVERITY_MAJOR, "03:00.0");
	rig_string(&rig_at(p, "03:00.0")->driver, NULL);
	rig_found(p, "bar.decode", "BAR-DECODER-OFF", SEVERITY_MINOR, "03:00.0");
	rig_set(&rig_at(p, "03:00.0")->command, COMMAND_MEMORY);
	rig_clear(&rig_at(p, "01:00.0")->command, COMMAND_MEMORY);
	rig_found(p, "bar.decode", "BAR-DECODER-OFF", SEVERITY_MAJOR, "01:00.0");
	rig_hide(&rig_at(p, "01:00.0")->command, COMMAND_MEMORY);
	rig_not_found(p, "bar.decode", "BAR-DECODER-OFF");
	rig_unseen(p, "bar.decode", "01:00.0");
}

static void p2pmem(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *nvme = rig_at(p, "06:00.0");
	struct checked c;

	nvme->p2pmem = (struct p2pmem){ .present = true, .size = MIB(64) };
	rig_not_found(p, "bar.p2pmem", "P2PMEM-UNALIGNED");
	nvme->p2pmem.size = MIB(64) + 4096;
	rig_found_likely(p, "bar.p2pmem", "P2PMEM-UNALIGNED", SEVERITY_MINOR, "06:00.0");
	nvme->p2pmem.present = false;
	nvme->bars[0].size = 16384;
	rig_not_found(p, "bar.p2pmem", "TARGET-BAR-TOO-SMALL");
	c = checked(p, "bar.p2pmem", "05:00.0>06:00.0");
	assert_found(&c, "TARGET-BAR-TOO-SMALL", SEVERITY_MINOR, "06:00.0");
	checked_release(&c);
	nvme->bars[0].size = MIB(2);
	c = checked(p, "bar.p2pmem", "05:00.0>06:00.0");
	assert_not_found(&c, "TARGET-BAR-TOO-SMALL");
	checked_release(&c);
	nvme->bars[0].size = 0;
	c = checked(p, "bar.p2pmem", "05:00.0>06:00.0");
	assert_unseen(&c, "06:00.0");
	checked_release(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),     cmocka_unit_test(smaller_than_memory),
		cmocka_unit_test(resizable),   cmocka_unit_test(window_too_small),
		cmocka_unit_test(below_4g),    cmocka_unit_test(unassigned),
		cmocka_unit_test(decoder_off), cmocka_unit_test(p2pmem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
