/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Atomic operations between peers (PCIe 6.0, 6.15): who asks for them, who completes them, and whether
 * every switch port between the two lets them through.
 */
#include "base/alloc.h"
#include "check/aid.h"
#include "check/role.h"

#define ATOMIC_COMPLETER (DEVCAP2_ATOMIC_32 | DEVCAP2_ATOMIC_64 | DEVCAP2_ATOMIC_128)

/* Do both registers of an end show what it does with atomic operations? -1: its PF was not shown. */
static int seen_end(const struct check_input *in, struct check_sink *sink, int i)
{
	int owner = check_owner(in, i);
	const struct express *e;

	if (owner < 0 || !check_is_express(check_function(in, owner)))
		return -1;
	e = &check_function(in, owner)->express;
	if (reg_seen(e->device_capabilities_2, ATOMIC_COMPLETER) &&
	    reg_seen(e->device_control_2, DEVCTL2_ATOMIC_REQUEST))
		return owner;
	check_unseen(sink, owner, "AtomicOp Requester Enable or the completer bits were not seen");
	return -1;
}

static bool completes(const struct check_input *in, int i)
{
	return reg_is_set(check_function(in, i)->express.device_capabilities_2, ATOMIC_COMPLETER);
}

static bool requests(const struct check_input *in, int i)
{
	return reg_is_set(check_function(in, i)->express.device_control_2, DEVCTL2_ATOMIC_REQUEST);
}

static bool is_port(const struct function *f)
{
	return f->port_type == PORT_ROOT || f->port_type == PORT_UPSTREAM ||
	       f->port_type == PORT_DOWNSTREAM;
}

static void look_at_port(const struct check_input *in, struct check_sink *sink, int port,
			 const struct check_path *path)
{
	const struct express *e = &check_function(in, port)->express;
	int functions[] = { port, path->pair.initiator, path->pair.target };

	if (!reg_seen(e->device_capabilities_2, DEVCAP2_ATOMIC_ROUTE) ||
	    !reg_seen(e->device_control_2, DEVCTL2_ATOMIC_EGRESS_BLOCK)) {
		check_unseen(sink, port,
			     "AtomicOp Routing Supported or Egress Blocking was not seen");
		return;
	}
	check_looked(sink, 1);
	if (reg_is_clear(e->device_capabilities_2, DEVCAP2_ATOMIC_ROUTE))
		check_found_as(
			sink, "ATOMIC-NOT-ROUTED", check_severity(in, port, SEVERITY_MAJOR),
			functions, ARRAY_LEN(functions), NULL,
			"AtomicOp Routing Supported is clear in Device Capabilities 2 of %s, on "
			"the way from %s to %s, which asks for and completes atomic operations",
			check_addr(in, port), check_addr(in, functions[1]),
			check_addr(in, functions[2]));
	else if (reg_is_set(e->device_control_2, DEVCTL2_ATOMIC_EGRESS_BLOCK))
		check_found_as(
			sink, "ATOMIC-EGRESS-BLOCKED", check_severity(in, port, SEVERITY_MAJOR),
			functions, ARRAY_LEN(functions), NULL,
			"AtomicOp Egress Blocking is set in Device Control 2 of %s, on the way "
			"from %s to %s",
			check_addr(in, port), check_addr(in, functions[1]),
			check_addr(in, functions[2]));
}

static void run_route(const struct check_input *in, struct check_sink *sink)
{
	for (size_t k = 0; k < in->nr_paths; k++) {
		const struct check_path *path = &in->paths[k];
		int initiator = seen_end(in, sink, path->pair.initiator);
		int target = seen_end(in, sink, path->pair.target);

		if (path->pair.verdict == VERDICT_NOT_SUPPORTED || initiator < 0 || target < 0)
			continue;
		if (!requests(in, initiator) || !completes(in, target)) {
			check_looked(sink, 1);
			continue;
		}
		for (int n = 0; n < path->nr_via; n++)
			if (is_port(check_function(in, path->via[n])) &&
			    !check_is_turn(in, path, n))
				look_at_port(in, sink, path->via[n], path);
	}
}

/* Do accelerators have a part in it, which use atomic operations on peers' memory where they can? */
static bool is_for_atomics(const struct check_input *in, const struct p2p_pair *pair)
{
	return pair->verdict != VERDICT_NOT_SUPPORTED &&
	       (role_of(in->platform, check_function(in, pair->initiator)) == ROLE_ACCELERATOR ||
		role_of(in->platform, check_function(in, pair->target)) == ROLE_ACCELERATOR);
}

/* For each function: it would be sent atomic operations, and would get them completed. */
struct wishes {
	bool *refused, *unused;
};

static void look_at_ends(const struct check_input *in, struct check_sink *sink,
			 const struct p2p_pair *pair, struct wishes *wishes)
{
	int initiator = seen_end(in, sink, pair->initiator);
	int target = seen_end(in, sink, pair->target);

	if (initiator < 0 || target < 0)
		return;
	check_looked(sink, 1);
	wishes->refused[target] |= requests(in, initiator) && !completes(in, target);
	wishes->unused[initiator] |= !requests(in, initiator) && completes(in, target);
}

static void run_ends(const struct check_input *in, struct check_sink *sink)
{
	size_t nr = in->platform->nr_functions;
	autofree bool *refused = xcalloc(nr, sizeof(*refused));
	autofree bool *unused = xcalloc(nr, sizeof(*unused));
	struct wishes wishes = { refused, unused };

	for (size_t k = 0; k < in->nr_paths; k++)
		if (is_for_atomics(in, &in->paths[k].pair))
			look_at_ends(in, sink, &in->paths[k].pair, &wishes);
	for (int i = 0; i < (int)nr; i++) {
		if (refused[i])
			check_found(sink, "ATOMIC-NOT-COMPLETED", &i, 1, NULL,
				    "no AtomicOp Completer bit is set in Device Capabilities 2 of "
				    "%s, and peers have AtomicOp Requester Enable set",
				    check_addr(in, i));
		if (unused[i])
			check_found(sink, "ATOMIC-REQUESTER-OFF", &i, 1, NULL,
				    "AtomicOp Requester Enable is clear in Device Control 2 of %s, "
				    "and peers complete atomic operations",
				    check_addr(in, i));
	}
}

static const struct check checks[] = {
	{ "atomic.route", "every port between peers that use atomic operations lets them through",
	  "Device Capabilities 2 and Device Control 2", run_route },
	{ "atomic.ends", "accelerators and their peers ask for and complete atomic operations",
	  "Device Capabilities 2 and Device Control 2", run_ends },
};

const struct check_family check_family_atomic = { "atomic", checks, ARRAY_LEN(checks) };
