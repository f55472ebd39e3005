/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_link.c: rate, state, power saving of links, and ARI. */
#include "../test.h"

#include "../p2p/model.h"
#include "rig.h"

static void healthy(void **state attr_unused)
{
	rig_passes("link.rate");
	rig_passes("link.up");
	rig_passes("link.aspm");
	rig_passes("link.slot");
}

static void width(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "03:00.0")->link.width = rig_at(p, "02:00.0")->link.width = 8;
	rig_found(p, "link.rate", "LINK-WIDTH-REDUCED", SEVERITY_MAJOR, "03:00.0 02:00.0");
	rig_found_likely(p, "link.rate", "LINK-WIDTH-REDUCED", SEVERITY_MINOR, "03:00.0 02:00.0");
	/* a port that can do no more explains it */
	rig_at(p, "02:00.0")->link.max_width = 8;
	rig_not_found(p, "link.rate", "LINK-WIDTH-REDUCED");
	rig_found(p, "link.rate", "LINK-SLOT-SMALLER", SEVERITY_INFO, "03:00.0 02:00.0");
	rig_at(p, "02:00.0")->link.known = false;
	rig_not_found(p, "link.rate", "LINK-SLOT-SMALLER");
	rig_unseen(p, "link.rate", "03:00.0");
}

static void speed(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "05:00.0")->link.speed = 3;
	rig_found(p, "link.rate", "LINK-SPEED-REDUCED", SEVERITY_MAJOR, "05:00.0 02:02.0");
	rig_says(p, "link.rate", "LINK-SPEED-REDUCED", "runs at 8 GT/s");
	rig_at(p, "02:02.0")->link.max_speed = 3;
	rig_not_found(p, "link.rate", "LINK-SPEED-REDUCED");
	rig_found(p, "link.rate", "LINK-SLOT-SMALLER", SEVERITY_INFO, "05:00.0 02:02.0");
	rig_at(p, "02:02.0")->link.max_speed = 5;
	rig_at(p, "05:00.0")->link.max_speed = 3;
	rig_not_found(p, "link.rate", "LINK-SPEED-REDUCED");
	rig_not_found(p, "link.rate", "LINK-SLOT-SMALLER");
}

/* A GPU that idles has slowed its link down; that is no fault. */
static void speed_of_an_idle_gpu(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "03:00.0")->link.speed = 1;
	rig_found(p, "link.rate", "LINK-SPEED-REDUCED", SEVERITY_INFO, "03:00.0 02:00.0");
	rig_says(p, "link.rate", "LINK-SPEED-REDUCED", "under load");
}

static void down(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "02:00.0")->link.width = 0;
	rig_found(p, "link.up", "LINK-DOWN", SEVERITY_MAJOR, "02:00.0 03:00.0");
	rig_not_found(p, "link.rate", "LINK-WIDTH-REDUCED");
	rig_set(&rig_at(p, "02:00.0")->express.link_control, LNKCTL_DISABLED);
	rig_found(p, "link.up", "LINK-DISABLED", SEVERITY_MAJOR, "02:00.0 03:00.0");
	rig_not_found(p, "link.up", "LINK-DOWN");
	rig_at(p, "02:00.0")->link.known = false;
	rig_not_found(p, "link.up", "LINK-DISABLED");
	rig_unseen(p, "link.up", "02:00.0");
}

static void slot(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *status = &rig_at(p, "00:02.0")->express.slot_status;

	rig_set(status, SLTSTA_PRESENCE);
	rig_not_found(p, "link.slot", "LINK-CARD-MISSING");
	rig_at(p, "06:00.0")->upstream = UPSTREAM_ROOT_BUS;
	rig_found_likely(p, "link.slot", "LINK-CARD-MISSING", SEVERITY_MINOR, "00:02.0");
	rig_clear(status, SLTSTA_PRESENCE);
	rig_not_found(p, "link.slot", "LINK-CARD-MISSING");
	rig_hide(status, SLTSTA_PRESENCE);
	rig_unseen(p, "link.slot", "00:02.0");
}

static void aspm(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_set(&rig_at(p, "03:00.0")->express.link_control, 2);
	rig_set(&rig_at(p, "05:00.0")->express.link_control, 2);
	rig_found(p, "link.aspm", "LINK-ASPM", SEVERITY_INFO, "03:00.0 05:00.0");
	rig_says(p, "link.aspm", "LINK-ASPM", "ASPM L1 is");
	rig_hide(&rig_at(p, "03:00.0")->express.link_control, 3);
	rig_found(p, "link.aspm", "LINK-ASPM", SEVERITY_INFO, "05:00.0");
	rig_clear(&rig_at(p, "05:00.0")->express.link_control, 3);
	rig_unseen(p, "link.aspm", "03:00.0");
}

static void ari(void **state attr_unused)
{
	static const struct model_function machine[] = {
		FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, .class = 0x020700),
		FN("01:01.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, .class = 0x020700,
		   .physical = "01:00.0"),
	};
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct reg *control = &rig_at(p, "00:01.0")->express.device_control_2;
	struct checked c;

	c = checked(p, "link.ari", NULL);
	assert_unseen(&c, "00:01.0");
	checked_release(&c);
	rig_clear(control, DEVCTL2_ARI);
	c = checked(p, "link.ari", NULL);
	assert_found(&c, "ARI-FORWARDING-OFF", SEVERITY_INFO, "00:01.0 01:01.0");
	checked_release(&c);
	c = checked(p, "link.ari", "01:01.0>01:00.0");
	assert_found(&c, "ARI-FORWARDING-OFF", SEVERITY_MAJOR, "00:01.0 01:01.0");
	checked_release(&c);
	rig_set(control, DEVCTL2_ARI);
	c = checked(p, "link.ari", NULL);
	assert_outcome(&c, OUTCOME_PASS);
	checked_release(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy), cmocka_unit_test(width),
		cmocka_unit_test(speed),   cmocka_unit_test(speed_of_an_idle_gpu),
		cmocka_unit_test(down),    cmocka_unit_test(aspm),
		cmocka_unit_test(slot),    cmocka_unit_test(ari),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
