/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is what a path needs switched on: power, bus mastering, drivers, and nothing held in reset or gone.
 */
#include <string.h>

#include "base/alloc.h"
#include "check/aid.h"

static void run_answer(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		check_looked(sink, f->silent || f->config_bytes > 0);
		if (f->silent)
			check_found_as(sink, "DEVICE-SILENT",
				       f->driver ? SEVERITY_MAJOR
						 : check_severity(in, i, SEVERITY_MAJOR),
				       &i, 1, NULL, "config space of %s reads as all ones%s",
				       check_addr(in, i),
				       f->driver ? ", and a driver is bound to it" : "");
	}
}

static void run_power(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!check_on_path(in, i) || f->is_virtual)
			continue;
		if (!f->power_known) {
			check_unseen(sink, i, "the power state was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (!f->powered)
			check_found_as(sink, "DEVICE-NOT-D0", check_severity(in, i, SEVERITY_MAJOR),
				       &i, 1,
				       xasprintf("Keep it up: 'echo on > "
						 "/sys/bus/pci/devices/%s/power/control' (it draws "
						 "full power from then on; lost at reboot)",
						 check_addr(in, i)),
				       "%s is not in D0", check_addr(in, i));
	}
}

static void run_master(const struct check_input *in, struct check_sink *sink)
{
	autofree bool *initiates = check_initiators(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!check_on_path(in, i) || (!f->is_bridge && !initiates[i]))
			continue;
		if (!f->bus_master_known) {
			check_unseen(sink, i, "Bus Master Enable was not seen");
			continue;
		}
		check_looked(sink, 1);
		/* what no driver has enabled is off by right: device.driver says so */
		if (f->bus_master || (!f->is_bridge && !f->driver))
			continue;
		check_found_as(sink, "BUS-MASTER-OFF", check_severity(in, i, SEVERITY_MAJOR), &i, 1,
			       NULL, "Bus Master Enable is clear in the Command register of %s%s",
			       check_addr(in, i),
			       f->is_bridge ? ": the bridge forwards no requests upstream"
					    : ", and it has a driver");
	}
}

/* A source that shows no driver at all does not show drivers. */
static bool shows_drivers(const struct platform *p)
{
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].driver)
			return true;
	return false;
}

static void look_at_driver(const struct check_input *in, struct check_sink *sink, int i)
{
	const struct function *f = check_function(in, i);

	check_looked(sink, 1);
	if (!f->driver)
		check_found_as(sink, "DEVICE-NO-DRIVER", check_severity(in, i, SEVERITY_MAJOR), &i,
			       1, NULL, "no driver is bound to %s", check_addr(in, i));
	else if (strcmp(f->driver, "vfio-pci") == 0)
		check_found(sink, "DEVICE-VFIO", &i, 1, NULL, "%s is bound to vfio-pci",
			    check_addr(in, i));
	else if (strcmp(f->driver, "pci-stub") == 0 || strcmp(f->driver, "pciback") == 0)
		check_found_as(sink, "DEVICE-NO-DRIVER", check_severity(in, i, SEVERITY_MAJOR), &i,
			       1, NULL, "%s is bound to %s, which only reserves it",
			       check_addr(in, i), f->driver);
}

static void run_driver(const struct check_input *in, struct check_sink *sink)
{
	bool shown = shows_drivers(in->platform);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		if (!check_on_path(in, i) || check_function(in, i)->is_bridge)
			continue;
		if (shown)
			look_at_driver(in, sink, i);
		else
			check_unseen(sink, i, "drivers were not seen");
	}
}

static void run_reset(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!f->is_bridge || !check_on_path(in, i))
			continue;
		if (!reg_seen(f->bridge_control, BRIDGE_CONTROL_BUS_RESET)) {
			check_unseen(sink, i, "Bridge Control was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (reg_is_set(f->bridge_control, BRIDGE_CONTROL_BUS_RESET))
			check_found_as(sink, "BRIDGE-HOLDS-RESET",
				       check_severity(in, i, SEVERITY_BLOCKER), &i, 1,
				       xasprintf("Release it: 'setpci -s %s BRIDGE_CONTROL=0:40', "
						 "then 'echo 1 > /sys/bus/pci/devices/%s/rescan' "
						 "(everything below comes back unconfigured)",
						 check_addr(in, i), check_addr(in, i)),
				       "Secondary Bus Reset is set in Bridge Control of %s",
				       check_addr(in, i));
	}
}

/* A VF's own Memory Space Enable is hardwired: its PF decodes for all. */
static void run_virtual(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!f->has_sriov)
			continue;
		if (!reg_seen(f->sriov_control, SRIOV_VF_ENABLE | SRIOV_VF_MEMORY)) {
			check_unseen(sink, i, "SR-IOV Control was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (reg_is_set(f->sriov_control, SRIOV_VF_ENABLE) &&
		    reg_is_clear(f->sriov_control, SRIOV_VF_MEMORY))
			check_found_as(sink, "SRIOV-MEMORY-OFF",
				       check_severity(in, i, SEVERITY_MAJOR), &i, 1,
				       xasprintf("Remove the VFs and make them again: 'echo 0 > "
						 "/sys/bus/pci/devices/%s/sriov_numvfs; echo %u > "
						 "/sys/bus/pci/devices/%s/sriov_numvfs' (whatever "
						 "uses them loses them)",
						 check_addr(in, i), f->nr_virtual,
						 check_addr(in, i)),
				       "VF Enable is set and VF Memory Space Enable is clear in "
				       "SR-IOV Control of %s",
				       check_addr(in, i));
	}
}

static const struct check checks[] = {
	{ "device.answer", "every function answers to config reads", "config space", run_answer },
	{ "device.power", "functions of a path are in D0",
	  "sysfs power_state, or the Power Management capability", run_power },
	{ "device.master", "initiators and the bridges above them master the bus",
	  "the Command register", run_master },
	{ "device.driver", "ends of a path have a driver that uses them", "drivers", run_driver },
	{ "device.reset", "no bridge of a path holds its secondary bus in reset", "Bridge Control",
	  run_reset },
	{ "device.virtual", "enabled VFs decode their memory", "the SR-IOV capability",
	  run_virtual },
};

const struct check_family check_family_device = { "device", checks, ARRAY_LEN(checks) };
