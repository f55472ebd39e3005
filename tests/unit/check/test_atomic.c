/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_atomic.c */
#include "../test.h"

#include "rig.h"

static void healthy(void **state attr_unused)
{
	rig_passes("atomic.route");
	rig_passes("atomic.ends");
}

static void not_routed(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct express *port = &rig_at(p, "80:01.0")->express;

	rig_clear(&port->device_capabilities_2, DEVCAP2_ATOMIC_ROUTE);
	rig_found_likely(p, "atomic.route", "ATOMIC-NOT-ROUTED", SEVERITY_MINOR,
			 "80:01.0 03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
	/* who does not ask needs no routing */
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].addr.bus != 0x81)
			rig_clear(&p->functions[i].express.device_control_2,
				  DEVCTL2_ATOMIC_REQUEST);
	rig_found_likely(p, "atomic.route", "ATOMIC-NOT-ROUTED", SEVERITY_MINOR,
			 "80:01.0 03:00.0 04:00.0 05:00.0 05:00.1 81:00.0");
	rig_clear(&rig_at(p, "81:00.0")->express.device_control_2, DEVCTL2_ATOMIC_REQUEST);
	rig_not_found(p, "atomic.route", "ATOMIC-NOT-ROUTED");
	rig_set(&rig_at(p, "03:00.0")->express.device_control_2, DEVCTL2_ATOMIC_REQUEST);
	rig_hide(&port->device_capabilities_2, DEVCAP2_ATOMIC_ROUTE);
	rig_not_found(p, "atomic.route", "ATOMIC-NOT-ROUTED");
	rig_unseen(p, "atomic.route", "80:01.0");
}

static void egress_blocked(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *control = &rig_at(p, "02:01.0")->express.device_control_2;

	rig_set(control, DEVCTL2_ATOMIC_EGRESS_BLOCK);
	rig_found_likely(p, "atomic.route", "ATOMIC-EGRESS-BLOCKED", SEVERITY_MINOR,
			 "02:01.0 03:00.0 04:00.0 05:00.0 05:00.1 06:00.0 81:00.0");
	rig_clear(&rig_at(p, "04:00.0")->express.device_capabilities_2,
		  DEVCAP2_ATOMIC_32 | DEVCAP2_ATOMIC_64 | DEVCAP2_ATOMIC_128);
	rig_clear(&rig_at(p, "04:00.0")->express.device_control_2, DEVCTL2_ATOMIC_REQUEST);
	rig_not_found(p, "atomic.route", "ATOMIC-EGRESS-BLOCKED");
}

/* Between ports of one switch nothing passes the one above. */
static void blocked_elsewhere(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct checked c;

	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].addr.bus == 0x81 || p->functions[i].addr.bus == 6)
			p->functions[i].class = 0xff0000;
	rig_set(&rig_at(p, "01:00.0")->express.device_control_2, DEVCTL2_ATOMIC_EGRESS_BLOCK);
	c = checked(p, "atomic.route", NULL);
	assert_not_found(&c, "ATOMIC-EGRESS-BLOCKED");
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
}

static void not_completed(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *can = &rig_at(p, "04:00.0")->express.device_capabilities_2;

	rig_clear(can, DEVCAP2_ATOMIC_32 | DEVCAP2_ATOMIC_64 | DEVCAP2_ATOMIC_128);
	rig_found(p, "atomic.ends", "ATOMIC-NOT-COMPLETED", SEVERITY_INFO, "04:00.0");
	for (size_t i = 0; i < p->nr_functions; i++)
		rig_clear(&p->functions[i].express.device_control_2, DEVCTL2_ATOMIC_REQUEST);
	rig_not_found(p, "atomic.ends", "ATOMIC-NOT-COMPLETED");
	rig_hide(can, DEVCAP2_ATOMIC_64);
	rig_not_found(p, "atomic.ends", "ATOMIC-NOT-COMPLETED");
	rig_unseen(p, "atomic.ends", "04:00.0");
}

static void requester_off(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_clear(&rig_at(p, "05:00.0")->express.device_control_2, DEVCTL2_ATOMIC_REQUEST);
	rig_found(p, "atomic.ends", "ATOMIC-REQUESTER-OFF", SEVERITY_INFO, "05:00.0");
	for (size_t i = 0; i < p->nr_functions; i++)
		rig_clear(&p->functions[i].express.device_capabilities_2, 0x380);
	rig_not_found(p, "atomic.ends", "ATOMIC-REQUESTER-OFF");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),        cmocka_unit_test(not_routed),
		cmocka_unit_test(egress_blocked), cmocka_unit_test(blocked_elsewhere),
		cmocka_unit_test(not_completed),  cmocka_unit_test(requester_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
