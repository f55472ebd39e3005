/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_device.c */
#include "../test.h"

#include "rig.h"

static void healthy(void **state attr_unused)
{
	rig_passes("device.answer");
	rig_passes("device.power");
	rig_passes("device.master");
	rig_passes("device.driver");
	rig_passes("device.reset");
	rig_passes("device.virtual");
}

static void silent(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "04:00.0")->silent = true;
	rig_at(p, "04:00.0")->config_bytes = 0;
	rig_found_likely(p, "device.answer", "DEVICE-SILENT", SEVERITY_MAJOR, "04:00.0");
	rig_string(&rig_at(p, "04:00.0")->driver, NULL);
	rig_found_likely(p, "device.answer", "DEVICE-SILENT", SEVERITY_MINOR, "04:00.0");
	rig_at(p, "04:00.0")->silent = false;
	rig_not_found(p, "device.answer", "DEVICE-SILENT");
}

static void power(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "02:00.0")->powered = false;
	rig_found(p, "device.power", "DEVICE-NOT-D0", SEVERITY_MAJOR, "02:00.0");
	rig_says(p, "device.power", "DEVICE-NOT-D0", "devices/0000:02:00.0/power/control");
	rig_at(p, "02:00.0")->power_known = false;
	rig_not_found(p, "device.power", "DEVICE-NOT-D0");
	rig_unseen(p, "device.power", "02:00.0");
}

static void master(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "05:00.0")->bus_master = false;
	rig_found(p, "device.master", "BUS-MASTER-OFF", SEVERITY_MAJOR, "05:00.0");
	rig_string(&rig_at(p, "05:00.0")->driver, NULL);
	rig_not_found(p, "device.master", "BUS-MASTER-OFF");
	rig_at(p, "02:02.0")->bus_master = false;
	rig_found(p, "device.master", "BUS-MASTER-OFF", SEVERITY_MAJOR, "02:02.0");
	rig_at(p, "02:02.0")->bus_master_known = false;
	rig_not_found(p, "device.master", "BUS-MASTER-OFF");
	rig_unseen(p, "device.master", "02:02.0");
}

static void driver(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_string(&rig_at(p, "03:00.0")->driver, NULL);
	rig_found(p, "device.driver", "DEVICE-NO-DRIVER", SEVERITY_MAJOR, "03:00.0");
	rig_string(&rig_at(p, "03:00.0")->driver, "pci-stub");
	rig_found(p, "device.driver", "DEVICE-NO-DRIVER", SEVERITY_MAJOR, "03:00.0");
	rig_string(&rig_at(p, "03:00.0")->driver, "vfio-pci");
	rig_found(p, "device.driver", "DEVICE-VFIO", SEVERITY_INFO, "03:00.0");
	rig_not_found(p, "device.driver", "DEVICE-NO-DRIVER");
	for (size_t i = 0; i < p->nr_functions; i++)
		rig_string(&p->functions[i].driver, NULL);
	rig_not_found(p, "device.driver", "DEVICE-NO-DRIVER");
	rig_unseen(p, "device.driver", "03:00.0");
}

static void reset(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *control = &rig_at(p, "01:00.0")->bridge_control;

	rig_set(control, BRIDGE_CONTROL_BUS_RESET);
	rig_found(p, "device.reset", "BRIDGE-HOLDS-RESET", SEVERITY_BLOCKER, "01:00.0");
	rig_says(p, "device.reset", "BRIDGE-HOLDS-RESET",
		 "setpci -s 0000:01:00.0 BRIDGE_CONTROL=0:40");
	rig_hide(control, BRIDGE_CONTROL_BUS_RESET);
	rig_not_found(p, "device.reset", "BRIDGE-HOLDS-RESET");
	rig_unseen(p, "device.reset", "01:00.0");
}

static void virtual_memory(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *control = &rig_at(p, "05:00.0")->sriov_control;

	rig_clear(control, SRIOV_VF_MEMORY);
	rig_found(p, "device.virtual", "SRIOV-MEMORY-OFF", SEVERITY_MAJOR, "05:00.0");
	rig_clear(control, SRIOV_VF_ENABLE);
	rig_not_found(p, "device.virtual", "SRIOV-MEMORY-OFF");
	rig_hide(control, SRIOV_VF_MEMORY);
	rig_unseen(p, "device.virtual", "05:00.0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),        cmocka_unit_test(silent), cmocka_unit_test(power),
		cmocka_unit_test(master),         cmocka_unit_test(driver), cmocka_unit_test(reset),
		cmocka_unit_test(virtual_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
