/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_errata.c: each erratum shows in one setting, and not in the next device's. */
#include "../test.h"

#include "rig.h"

static void become(struct function *f, uint16_t vendor, uint16_t device)
{
	f->vendor = vendor;
	f->device = device;
}

static void redirect_stall(void **state attr_unused)
{
	static const uint16_t devices[] = { 0x2404, 0x2304, 0x2303, 0xb404, 0x2608 };
	autoplatform struct platform *p = rig_new();
	struct function *port = rig_at(p, "02:00.0");

	port->acs.control = ACS_RR;
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		become(port, 0x12d8, devices[i]);
		rig_found(p, "errata.devices", "ERRATUM-REDIRECT-STALL", SEVERITY_MAJOR, "02:00.0");
		become(port, 0x12d8, devices[i] ^ 0x1000);
		rig_not_found(p, "errata.devices", "ERRATUM-REDIRECT-STALL");
	}
	become(port, 0x12d8, 0x2404);
	port->acs.control = ACS_SV | ACS_UF;
	rig_not_found(p, "errata.devices", "ERRATUM-REDIRECT-STALL");
	port->acs.control = ACS_RR;
	port->ids_known = false;
	rig_not_found(p, "errata.devices", "ERRATUM-REDIRECT-STALL");
	rig_unseen(p, "errata.devices", "02:00.0");
}

static void source_validation(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *port = rig_at(p, "02:00.0");

	port->acs.control = ACS_SV;
	rig_not_found(p, "errata.devices", "ERRATUM-SOURCE-VALIDATION");
	become(port, 0x111d, 0x80b5);
	rig_found(p, "errata.devices", "ERRATUM-SOURCE-VALIDATION", SEVERITY_MINOR, "02:00.0");
	become(port, 0x111d, 0x8090);
	rig_found(p, "errata.devices", "ERRATUM-SOURCE-VALIDATION", SEVERITY_MINOR, "02:00.0");
	port->acs.control = ACS_RR;
	rig_not_found(p, "errata.devices", "ERRATUM-SOURCE-VALIDATION");
}

static void sleeping_switch(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *port = rig_at(p, "02:00.0");

	become(port, 0x10b5, 0x8533);
	rig_not_found(p, "errata.devices", "ERRATUM-SWITCH-D3");
	port->powered = false;
	rig_found(p, "errata.devices", "ERRATUM-SWITCH-D3", SEVERITY_BLOCKER, "02:00.0");
	port->power_known = false;
	rig_not_found(p, "errata.devices", "ERRATUM-SWITCH-D3");
	port->power_known = true;
	become(port, 0x10b5, 0x8796);
	rig_not_found(p, "errata.devices", "ERRATUM-SWITCH-D3");
}

static void link_power(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *f = rig_at(p, "06:00.0");

	rig_set(&f->express.link_control, 1);
	rig_not_found(p, "errata.devices", "ERRATUM-ASPM");
	become(f, 0x1b21, 0x1080);
	rig_found(p, "errata.devices", "ERRATUM-ASPM", SEVERITY_MINOR, "06:00.0");
	rig_clear(&f->express.link_control, 3);
	rig_not_found(p, "errata.devices", "ERRATUM-ASPM");
}

static void ats(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *f = rig_at(p, "03:00.0");

	rig_set(&f->ats_control, ATS_ENABLE);
	rig_not_found(p, "errata.devices", "ERRATUM-ATS");
	become(f, 0x1002, 0x731a);
	rig_found(p, "errata.devices", "ERRATUM-ATS", SEVERITY_MAJOR, "03:00.0");
	become(f, 0x1002, 0x731c);
	rig_not_found(p, "errata.devices", "ERRATUM-ATS");
	become(f, 0x8086, 0x1452);
	f->revision = 0x1f;
	rig_found(p, "errata.devices", "ERRATUM-ATS", SEVERITY_MAJOR, "03:00.0");
	f->revision = 0x20;
	rig_not_found(p, "errata.devices", "ERRATUM-ATS");
	f->revision = 0;
	rig_clear(&f->ats_control, ATS_ENABLE);
	rig_not_found(p, "errata.devices", "ERRATUM-ATS");
}

static void extended_tags(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *old = rig_at(p, "81:00.0");

	rig_not_found(p, "errata.tags", "ERRATUM-EXTENDED-TAGS");
	become(old, 0x1166, 0x0132); /* alone below its host bridge */
	rig_not_found(p, "errata.tags", "ERRATUM-EXTENDED-TAGS");
	become(rig_at(p, "06:00.0"), 0x13c1, 0x1004);
	rig_found(p, "errata.tags", "ERRATUM-EXTENDED-TAGS", SEVERITY_MAJOR,
		  "06:00.0 03:00.0 04:00.0 05:00.0");
	rig_clear(&rig_at(p, "03:00.0")->express.device_control, DEVCTL_EXT_TAG);
	rig_hide(&rig_at(p, "04:00.0")->express.device_control, DEVCTL_EXT_TAG);
	rig_found(p, "errata.tags", "ERRATUM-EXTENDED-TAGS", SEVERITY_MAJOR, "06:00.0 05:00.0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(redirect_stall),
		cmocka_unit_test(source_validation),
		cmocka_unit_test(sleeping_switch),
		cmocka_unit_test(link_power),
		cmocka_unit_test(ats),
		cmocka_unit_test(extended_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
