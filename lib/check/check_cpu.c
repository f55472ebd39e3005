/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the processor's root complex is to the kernel's rules, and whether the firmware says where
 * devices are.
 */
#include <string.h>

#include "base/alloc.h"
#include "check/aid.h"

/*
 * Processors through whose root complex the kernel lets no peer-to-peer traffic unless the host bridge
 * is listed (Linux drivers/pci/p2pdma.c, cpu_supports_p2pdma), by vendor string. AMD's are here for
 * those before family 0x17: a pair of a later one is not refused for this.
 */
static const struct {
	const char *vendor, *code, *text;
} processors[] = {
	{ "AuthenticAMD", "CPU-AMD-BEFORE-ZEN",
	  "the kernel trusts AMD's root complex from family 0x17 on" },
	{ "HygonGenuine", "CPU-HYGON",
	  "the kernel goes by the vendor AuthenticAMD, whatever the core is" },
	{ "CentaurHauls", "CPU-ZHAOXIN", "the kernel lists none of its host bridges" },
	{ "  Shanghai  ", "CPU-ZHAOXIN", "the kernel lists none of its host bridges" },
};

static bool is_through_root_complex(enum p2p_route route)
{
	return route == ROUTE_ROOT_REDIRECT || route == ROUTE_HOST_BRIDGE ||
	       route == ROUTE_INTER_HOST_BRIDGE;
}

static bool is_x86(const struct platform *p)
{
	return *p->cpu.vendor || !p->machine || strcmp(p->machine, "x86_64") == 0 ||
	       strcmp(p->machine, "i686") == 0;
}

static void look_at_processor(const struct check_input *in, struct check_sink *sink,
			      const struct p2p_pair *pair)
{
	const struct cpu_ident *cpu = &in->platform->cpu;
	int functions[] = { pair->initiator, pair->target };
	enum severity severity = check_severity(in, pair->initiator, SEVERITY_MAJOR);

	if (!is_x86(in->platform))
		check_found_as(sink, "CPU-NOT-X86", severity, functions, ARRAY_LEN(functions), NULL,
			       "the machine is %s, and its host bridge is not listed",
			       in->platform->machine);
	for (size_t k = 0; k < ARRAY_LEN(processors); k++)
		if (strcmp(cpu->vendor, processors[k].vendor) == 0)
			check_found_as(sink, processors[k].code, severity, functions,
				       ARRAY_LEN(functions), NULL,
				       "the processor is %s, family %#x: %s", cpu->vendor,
				       (unsigned int)cpu->family, processors[k].text);
}

static void run_root_complex(const struct check_input *in, struct check_sink *sink)
{
	const struct platform *p = in->platform;

	for (size_t k = 0; k < in->nr_paths; k++) {
		const struct p2p_pair *pair = &in->paths[k].pair;

		if (!is_through_root_complex(pair->route))
			continue;
		if (!p->cpu.known && !p->machine) {
			check_unseen(sink, -1, "the processor was not seen");
			return;
		}
		check_looked(sink, 1);
		if (pair->verdict == VERDICT_NOT_SUPPORTED)
			look_at_processor(in, sink, pair);
	}
}

/* --- where devices are --------------------------------------------------------------------------- */

/* -1: the source does not show nodes. */
static int count_nodes(const struct platform *p)
{
	int nodes = p->numa.nr ? p->numa.nr : -1;

	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].numa_node >= nodes)
			nodes = p->functions[i].numa_node + 1;
	return nodes;
}

static void run_node(const struct check_input *in, struct check_sink *sink)
{
	int nodes = count_nodes(in->platform);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!check_on_path(in, i) || f->is_bridge)
			continue;
		if (nodes <= 0) {
			check_unseen(sink, -1, "NUMA nodes were not seen");
			return;
		}
		check_looked(sink, 1);
		if (nodes > 1 && f->numa_node == NUMA_UNKNOWN)
			check_found_as(
				sink, "NUMA-NODE-UNKNOWN", check_severity(in, i, SEVERITY_MINOR),
				&i, 1,
				xasprintf("Ask for firmware whose ACPI tables give host "
					  "bridges a node (_PXM). Until then: 'echo NODE > "
					  "/sys/bus/pci/devices/%s/numa_node' before its "
					  "driver is bound (taints the kernel)",
					  check_addr(in, i)),
				"the machine has %d NUMA nodes, and firmware does not say to "
				"which %s is attached",
				nodes, check_addr(in, i));
	}
}

static const struct check checks[] = {
	{ "cpu.root-complex",
	  "the kernel trusts the processor's root complex with peer-to-peer traffic",
	  "the processor's vendor and family", run_root_complex },
	{ "cpu.node", "firmware says to which NUMA node the ends of a path are attached",
	  "sysfs numa_node", run_node },
};

const struct check_family check_family_cpu = { "cpu", checks, ARRAY_LEN(checks) };
