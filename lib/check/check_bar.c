/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Can a peer reach all of a device's memory? How large the BARs are, and whether they could be
 * larger, whether they decode, and what peer memory can be made of them. Whether requests get there
 * is for check_window.c.
 */
#include "check/aid.h"
#include "check/role.h"

#include "base/alloc.h"

/* ZONE_DEVICE memory comes in subsections of this size (Linux include/linux/mmzone.h). */
#define SUBSECTION (UINT64_C(2) << 20)
#define FOUR_GIB (UINT64_C(4) << 30)
/* A smaller BAR fits below 4 GiB on any machine. */
#define LARGE_BAR (UINT64_C(256) << 20)

static bool is_memory(const struct bar *bar)
{
	return bar->kind == BAR_MEM32 || bar->kind == BAR_MEM64;
}

/* The largest memory BAR's size; 0: no size was seen. */
static uint64_t largest_bar(const struct function *f)
{
	uint64_t largest = 0;

	for (size_t b = 0; b < PCI_BARS; b++)
		if (is_memory(&f->bars[b]) && f->bars[b].size > largest)
			largest = f->bars[b].size;
	return largest;
}

static void run_size(const struct check_input *in, struct check_sink *sink)
{
	autofree bool *is_target = check_targets(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		uint64_t largest = largest_bar(f);

		if (!is_target[i])
			continue;
		if (!f->memory_bytes) {
			if (role_of(in->platform, f) == ROLE_ACCELERATOR)
				check_unseen(sink, i,
					     "how much memory the device has was not seen");
			continue;
		}
		if (!largest) {
			check_unseen(sink, i, "the sizes of the BARs were not seen");
			continue;
		}
		check_looked(sink, 1);
		if (largest < f->memory_bytes)
			check_found_as(sink, "BAR-SMALLER-THAN-MEMORY",
				       check_severity(in, i, SEVERITY_MAJOR), &i, 1, NULL,
				       "%s has %s of memory, and its largest BAR shows %s of it",
				       check_addr(in, i), check_bytes(f->memory_bytes),
				       check_bytes(largest));
	}
}

/* --- resizable BARs ------------------------------------------------------------------------------ */

static unsigned int highest_bit(uint64_t sizes)
{
	return 63u - (unsigned int)__builtin_clzll(sizes);
}

/* The nearest bridge above whose prefetchable window is smaller than this; -1: none that was seen. */
static int narrow_bridge(const struct check_input *in, int i, uint64_t bytes)
{
	for (int up = check_function(in, i)->upstream; up >= 0;
	     up = check_function(in, up)->upstream) {
		const struct window *w = &check_function(in, up)->windows[WINDOW_PREFETCHABLE];

		if (w->known && (w->start > w->end || w->end - w->start < bytes - 1))
			return up;
	}
	return -1;
}

static void found_narrow(const struct check_input *in, struct check_sink *sink, int i, int bridge,
			 const struct rebar *rebar, unsigned int largest)
{
	const struct window *w = &check_function(in, bridge)->windows[WINDOW_PREFETCHABLE];
	uint64_t room = w->start > w->end ? 0 : w->end - w->start + 1;
	int functions[] = { bridge, i };

	check_found_as(sink, "BRIDGE-WINDOW-TOO-SMALL", check_severity(in, i, SEVERITY_MINOR),
		       functions, ARRAY_LEN(functions), NULL,
		       "the prefetchable window of %s is %s, and BAR %u of %s below it could be %s",
		       check_addr(in, bridge), check_bytes(room), rebar->bar, check_addr(in, i),
		       check_bytes(UINT64_C(1) << largest));
}

static void look_at_rebar(const struct check_input *in, struct check_sink *sink, int i,
			  const struct rebar *rebar)
{
	const struct function *f = check_function(in, i);
	bool accelerator = role_of(in->platform, f) == ROLE_ACCELERATOR;
	unsigned int largest;
	int bridge;

	if (!rebar->sizes || rebar->size > 63) {
		check_unseen(sink, i, "the sizes that a resizable BAR can have were not seen");
		return;
	}
	check_looked(sink, 1);
	largest = highest_bit(rebar->sizes);
	if (rebar->size >= largest ||
	    (f->memory_bytes && UINT64_C(1) << rebar->size >= f->memory_bytes))
		return;
	check_found_as(
		sink, "RESIZABLE-BAR-SMALL",
		check_severity(in, i, accelerator ? SEVERITY_MAJOR : SEVERITY_MINOR), &i, 1,
		xasprintf("Turn on 'Above 4G Decoding' and 'Re-Size BAR Support' in firmware "
			  "setup. Or, with the driver unbound: 'echo %u > "
			  "/sys/bus/pci/devices/%s/resource%u_resize' (whatever uses the "
			  "device has to stop; lost at reboot; refused where a window above "
			  "is too small)",
			  largest - 20, check_addr(in, i), rebar->bar),
		"BAR %u of %s is %s, and its Resizable BAR capability has up to %s", rebar->bar,
		check_addr(in, i), check_bytes(UINT64_C(1) << rebar->size),
		check_bytes(UINT64_C(1) << largest));
	bridge = narrow_bridge(in, i, UINT64_C(1) << largest);
	if (bridge >= 0)
		found_narrow(in, sink, i, bridge, rebar, largest);
}

static void run_resizable(const struct check_input *in, struct check_sink *sink)
{
	autofree bool *is_target = check_targets(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!is_target[i] || f->is_virtual)
			continue;
		if (check_is_express(f) && f->config_bytes < 4096)
			check_unseen(sink, i, "extended config space was not seen");
		for (size_t r = 0; r < f->nr_rebars; r++)
			look_at_rebar(in, sink, i, &f->rebars[r]);
	}
}

/* --- where they are, and whether they answer ---------------------------------------------------- */

static bool is_below_4g(const struct bar *bar)
{
	return bar->start && bar->start < FOUR_GIB && bar->size <= FOUR_GIB - bar->start;
}

static bool could_be_larger(const struct function *f, size_t b)
{
	for (size_t r = 0; r < f->nr_rebars; r++)
		if (f->rebars[r].bar == b && f->rebars[r].sizes &&
		    f->rebars[r].size < highest_bit(f->rebars[r].sizes))
			return true;
	return false;
}

static void run_placement(const struct check_input *in, struct check_sink *sink)
{
	autofree bool *is_target = check_targets(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		for (size_t b = 0; b < PCI_BARS && is_target[i]; b++) {
			const struct bar *bar = &f->bars[b];

			if (bar->kind != BAR_MEM64 || !bar->prefetchable || !bar->start)
				continue;
			check_looked(sink, 1);
			if (!is_below_4g(bar) || (bar->size < LARGE_BAR && !could_be_larger(f, b)))
				continue;
			check_found_as(sink, "BAR-BELOW-4G", check_severity(in, i, SEVERITY_MINOR),
				       &i, 1, NULL,
				       "the 64-bit prefetchable BAR %zu of %s, %s, is placed below "
				       "4 GiB",
				       b, check_addr(in, i), check_bytes(bar->size));
		}
	}
}

static void run_assigned(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		bool looked = false;

		/* a bridge's own BARs have no part in what it forwards */
		for (size_t b = 0; b < PCI_BARS && !f->is_bridge; b++) {
			if (!is_memory(&f->bars[b]))
				continue;
			looked = true;
			if (!f->bars[b].unassigned)
				continue;
			check_found_as(sink, "BAR-UNASSIGNED",
				       check_severity(in, i, SEVERITY_MAJOR), &i, 1, NULL,
				       "memory BAR %zu of %s has no address", b, check_addr(in, i));
		}
		check_looked(sink, looked);
	}
}

static bool has_assigned_memory(const struct function *f)
{
	for (size_t b = 0; b < PCI_BARS; b++)
		if (is_memory(&f->bars[b]) && !f->bars[b].unassigned && f->bars[b].start)
			return true;
	return false;
}

static void found_decoder_off(const struct check_input *in, struct check_sink *sink, int i)
{
	const struct function *f = check_function(in, i);
	/* what no driver has enabled is off by right */
	enum severity severity = f->is_bridge || f->driver ? SEVERITY_MAJOR : SEVERITY_MINOR;

	check_found_as(sink, "BAR-DECODER-OFF", check_severity(in, i, severity), &i, 1, NULL,
		       "Memory Space Enable is clear in the Command register of %s%s",
		       check_addr(in, i),
		       f->is_bridge ? ": the bridge forwards no memory requests"
		       : f->driver  ? ", and it has a driver"
				    : ", and it has no driver");
}

static void run_decode(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		/* the bit of a VF is in its PF's SR-IOV capability */
		if (!check_on_path(in, i) || f->is_virtual)
			continue;
		if (!f->is_bridge && !has_assigned_memory(f))
			continue;
		if (!reg_seen(f->command, COMMAND_MEMORY)) {
			check_unseen(sink, i, "Memory Space Enable was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (reg_is_clear(f->command, COMMAND_MEMORY))
			found_decoder_off(in, sink, i);
	}
}

/* --- peer memory ---------------------------------------------------------------------------------- */

static void run_p2pmem(const struct check_input *in, struct check_sink *sink)
{
	autofree bool *is_target = check_targets(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		uint64_t largest = largest_bar(f);

		if (!is_target[i] || (!f->p2pmem.present && in->weight[i] < PATH_DECLARED))
			continue;
		if (!f->p2pmem.present && !largest) {
			check_unseen(sink, i, "the sizes of the BARs were not seen");
			continue;
		}
		check_looked(sink, 1);
		if (f->p2pmem.present && f->p2pmem.size % SUBSECTION)
			check_found_as(sink, "P2PMEM-UNALIGNED",
				       check_severity(in, i, SEVERITY_MAJOR), &i, 1, NULL,
				       "%s publishes %s of peer-to-peer memory, no multiple of 2 "
				       "MiB",
				       check_addr(in, i), check_bytes(f->p2pmem.size));
		else if (!f->p2pmem.present && largest < SUBSECTION)
			check_found_as(sink, "TARGET-BAR-TOO-SMALL",
				       check_severity(in, i, SEVERITY_MINOR), &i, 1, NULL,
				       "the largest BAR of %s is %s: there is no room for memory "
				       "with struct pages in it",
				       check_addr(in, i), check_bytes(largest));
	}
}

static const struct check checks[] = {
	{ "bar.size", "a BAR shows all of the device's memory",
	  "BAR sizes, and the driver's word on its memory (sysfs)", run_size },
	{ "bar.resizable", "resizable BARs have their largest useful size", "extended config space",
	  run_resizable },
	{ "bar.placement", "large 64-bit BARs are placed above 4 GiB", "BAR addresses",
	  run_placement },
	{ "bar.assigned", "every memory BAR has an address", "BARs", run_assigned },
	{ "bar.decode", "functions and bridges of a path decode memory requests",
	  "the Command register", run_decode },
	{ "bar.p2pmem", "peer-to-peer memory comes in whole 2 MiB", "BAR sizes, sysfs p2pmem",
	  run_p2pmem },
};

const struct check_family check_family_bar = { "bar", checks, ARRAY_LEN(checks) };
