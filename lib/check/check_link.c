/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The links of a path: what they have trained to against what both ends can do, links that are down
 * or disabled, power saving, and routing of functions beyond the eighth.
 */
#include "base/alloc.h"
#include "check/aid.h"
#include "check/role.h"

/* The lowest function of a device has its link's findings; the others would repeat them. */
static bool is_first_of_device(const struct check_input *in, int i)
{
	const struct pci_addr *a = &check_function(in, i)->addr;
	const struct pci_addr *before = i ? &check_function(in, i - 1)->addr : NULL;

	return !before || before->domain != a->domain || before->bus != a->bus ||
	       before->dev != a->dev;
}

/* The function at the lower end of a link whose other end is the port above it. */
static bool is_lower_end(const struct check_input *in, int i)
{
	const struct function *f = check_function(in, i);
	const struct function *up = platform_upstream(in->platform, f);

	return up && !f->is_virtual && is_first_of_device(in, i) &&
	       (up->port_type == PORT_ROOT || up->port_type == PORT_DOWNSTREAM);
}

static uint8_t lower(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

static void found_width(const struct check_input *in, struct check_sink *sink, int i,
			const struct link *up, const struct link *down)
{
	int functions[] = { i, check_function(in, i)->upstream };

	check_found_as(sink, "LINK-WIDTH-REDUCED", check_severity(in, i, SEVERITY_MAJOR), functions,
		       ARRAY_LEN(functions), NULL,
		       "the link of %s to %s is x%u, and its ends can do x%u and x%u",
		       check_addr(in, i), check_addr(in, functions[1]), down->width,
		       down->max_width, up->max_width);
}

static void found_speed(const struct check_input *in, struct check_sink *sink, int i,
			const struct link *up, const struct link *down)
{
	const struct function *f = check_function(in, i);
	int functions[] = { i, f->upstream };
	bool saves = role_of(in->platform, f) == ROLE_ACCELERATOR;

	/* GPUs lower the speed while they idle, so one look shows no fault */
	check_found_as(
		sink, "LINK-SPEED-REDUCED",
		saves ? SEVERITY_INFO : check_severity(in, i, SEVERITY_MAJOR), functions,
		ARRAY_LEN(functions),
		saves ? xasprintf("Read it again with the device under load: 'setpci -s %s "
				  "CAP_EXP+12.w' (Link Status). If it stays, see to the slot, "
				  "riser or retimer, and to the firmware's setting for the slot",
				  check_addr(in, i))
		      : NULL,
		"the link of %s to %s runs at %s GT/s, and its ends can do %s and %s GT/s%s",
		check_addr(in, i), check_addr(in, functions[1]), link_speed_name(down->speed),
		link_speed_name(down->max_speed), link_speed_name(up->max_speed),
		saves ? "; accelerators save power so while idle" : "");
}

static void found_slot(const struct check_input *in, struct check_sink *sink, int i,
		       const struct link *up, const struct link *down)
{
	int functions[] = { i, check_function(in, i)->upstream };

	check_found(sink, "LINK-SLOT-SMALLER", functions, ARRAY_LEN(functions), NULL,
		    "%s can do %s GT/s x%u, and the port it is plugged into, %s, %s GT/s x%u",
		    check_addr(in, i), link_speed_name(down->max_speed), down->max_width,
		    check_addr(in, functions[1]), link_speed_name(up->max_speed), up->max_width);
}

static void run_rate(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct link *down = &check_function(in, i)->link, *up;

		if (!check_on_path(in, i) || !is_lower_end(in, i))
			continue;
		up = &check_function(in, check_function(in, i)->upstream)->link;
		if (!up->known || !down->known) {
			check_unseen(sink, i, "the registers of both ends of a link were not seen");
			continue;
		}
		if (!down->width || !up->width)
			continue; /* link.up says so */
		check_looked(sink, 1);
		if (down->width < lower(down->max_width, up->max_width))
			found_width(in, sink, i, up, down);
		if (down->speed < lower(down->max_speed, up->max_speed))
			found_speed(in, sink, i, up, down);
		if (up->max_width < down->max_width || up->max_speed < down->max_speed)
			found_slot(in, sink, i, up, down);
	}
}

static void run_up(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		int functions[] = { f->upstream, i };
		const struct function *port;

		if (!check_on_path(in, i) || !is_lower_end(in, i))
			continue;
		port = check_function(in, f->upstream);
		if (!port->link.known) {
			check_unseen(sink, f->upstream, "Link Status of a port was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (reg_is_set(port->express.link_control, LNKCTL_DISABLED))
			check_found_as(sink, "LINK-DISABLED", check_severity(in, i, SEVERITY_MAJOR),
				       functions, ARRAY_LEN(functions), NULL,
				       "Link Disable is set in Link Control of %s, above %s",
				       check_addr(in, f->upstream), check_addr(in, i));
		else if (!port->link.width)
			check_found_as(sink, "LINK-DOWN", check_severity(in, i, SEVERITY_MAJOR),
				       functions, ARRAY_LEN(functions), NULL,
				       "Link Status of %s shows a width of 0, and %s is below it",
				       check_addr(in, f->upstream), check_addr(in, i));
	}
}

/* A card that does not come up is on no path, so it weighs the same on any machine. */
static void run_slot(const struct check_input *in, struct check_sink *sink)
{
	size_t nr = in->platform->nr_functions;
	autofree bool *has_below = xcalloc(nr, sizeof(*has_below));

	for (size_t i = 0; i < nr; i++)
		if (in->platform->functions[i].upstream >= 0)
			has_below[in->platform->functions[i].upstream] = true;
	for (int i = 0; i < (int)nr; i++) {
		const struct function *f = check_function(in, i);

		if (f->port_type != PORT_ROOT && f->port_type != PORT_DOWNSTREAM)
			continue;
		if (!reg_seen(f->express.slot_status, SLTSTA_PRESENCE)) {
			check_unseen(sink, i, "Slot Status was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (reg_is_set(f->express.slot_status, SLTSTA_PRESENCE) && !has_below[i])
			check_found(sink, "LINK-CARD-MISSING", &i, 1, NULL,
				    "Presence Detect State is set in Slot Status of %s, and no "
				    "function is below it",
				    check_addr(in, i));
	}
}

static void run_aspm(const struct check_input *in, struct check_sink *sink)
{
	static const char *const states[] = { "", "L0s", "L1", "L0s and L1" };

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		uint32_t aspm = f->express.link_control.value & LNKCTL_ASPM;

		if (!check_on_path(in, i) || !is_lower_end(in, i))
			continue;
		if (!reg_seen(f->express.link_control, LNKCTL_ASPM)) {
			check_unseen(sink, i, "ASPM Control was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (aspm)
			check_found(sink, "LINK-ASPM", &i, 1, NULL,
				    "ASPM %s is enabled in Link Control of %s", states[aspm],
				    check_addr(in, i));
	}
}

/* --- ARI ---------------------------------------------------------------------------------------- */

/*
 * Without ARI Forwarding a port takes requests to its secondary bus for device 0 only (PCIe 6.0, 6.13),
 * so what has another device number there cannot be reached.
 */
static bool needs_ari(const struct check_input *in, int i)
{
	const struct function *f = check_function(in, i);
	const struct function *up = platform_upstream(in->platform, f);

	return up && f->addr.dev > 0 && f->addr.bus == up->secondary &&
	       f->addr.domain == up->addr.domain &&
	       (up->port_type == PORT_ROOT || up->port_type == PORT_DOWNSTREAM);
}

static void run_ari(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		int port = check_function(in, i)->upstream;
		int functions[] = { port, i };
		struct reg control;

		if (!needs_ari(in, i))
			continue;
		control = check_function(in, port)->express.device_control_2;
		if (!reg_seen(control, DEVCTL2_ARI)) {
			check_unseen(sink, port, "ARI Forwarding Enable was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (reg_is_clear(control, DEVCTL2_ARI))
			check_found_as(
				sink, "ARI-FORWARDING-OFF", check_severity(in, i, SEVERITY_MAJOR),
				functions, ARRAY_LEN(functions), NULL,
				"ARI Forwarding Enable is clear in Device Control 2 of %s, and "
				"%s below it is beyond the eighth function",
				check_addr(in, port), check_addr(in, i));
	}
}

static const struct check checks[] = {
	{ "link.rate", "links of a path have the width and speed that both ends can do",
	  "Link Capabilities and Status", run_rate },
	{ "link.up", "links of a path are up", "Link Control and Status of the port above",
	  run_up },
	{ "link.slot", "what is plugged into a slot is there", "Slot Status", run_slot },
	{ "link.aspm", "links of a path do not leave L0 to save power", "Link Control", run_aspm },
	{ "link.ari", "ports forward to functions beyond the eighth",
	  "Device Control 2 of the port above", run_ari },
};

const struct check_family check_family_link = { "link", checks, ARRAY_LEN(checks) };
