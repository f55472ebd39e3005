/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What requests look like and whether all on their way take them: payload and read request sizes,
 * tags, ordering, completion timeouts. Atomic operations are in check_atomic.c.
 */
#include "base/alloc.h"
#include "check/aid.h"
#include "check/role.h"

/* Max_Payload_Size in Device Control, bytes; of a VF its PF's. 0: not seen. */
static unsigned int payload_of(const struct check_input *in, int i)
{
	int owner = check_owner(in, i);
	struct reg control;

	if (owner < 0)
		return 0;
	control = check_function(in, owner)->express.device_control;
	return reg_seen(control, DEVCTL_MPS) ? 128u << (control.value & DEVCTL_MPS) / 0x20 : 0;
}

/* Of what the TLP meets, the function that takes the smallest payload; -1: *unseen was not seen. */
static int tightest(const struct check_input *in, const int *way, int nr, int *unseen)
{
	int least = -1;

	for (int k = 0; k < nr; k++) {
		/* a conventional function has no limit of its own */
		if (!check_is_express(check_function(in, way[k])))
			continue;
		if (!payload_of(in, way[k])) {
			*unseen = way[k];
			return -1;
		}
		if (least < 0 || payload_of(in, way[k]) < payload_of(in, least))
			least = way[k];
	}
	return least;
}

static void look_at_payload(const struct check_input *in, struct check_sink *sink, int sender,
			    const int *way, int nr)
{
	unsigned int sends = payload_of(in, sender);
	int unseen = sends ? -1 : sender;
	int least = sends ? tightest(in, way, nr, &unseen) : -1;
	int functions[] = { sender, least };

	if (unseen >= 0)
		check_unseen(sink, unseen, "Max_Payload_Size was not seen");
	if (least < 0)
		return;
	check_looked(sink, 1);
	if (payload_of(in, least) < sends)
		check_found_as(
			sink, "TLP-PAYLOAD-MISMATCH", check_severity(in, least, SEVERITY_BLOCKER),
			functions, ARRAY_LEN(functions), NULL,
			"Max_Payload_Size in Device Control is %u bytes in %s and %u bytes in "
			"%s: larger TLPs are malformed there",
			sends, check_addr(in, sender), payload_of(in, least),
			check_addr(in, least));
}

static void look_along(const struct check_input *in, struct check_sink *sink,
		       const struct check_path *path, bool back)
{
	int sender = back ? path->pair.target : path->pair.initiator;
	int nr;
	autofree int *way = check_way(in, path, back, &nr);

	if (check_is_express(check_function(in, sender)))
		look_at_payload(in, sink, sender, way, nr);
}

static void run_payload(const struct check_input *in, struct check_sink *sink)
{
	for (size_t k = 0; k < in->nr_paths; k++) {
		if (in->paths[k].pair.verdict == VERDICT_NOT_SUPPORTED)
			continue;
		look_along(in, sink, &in->paths[k], false);
		look_along(in, sink, &in->paths[k], true);
	}
	if (check_cmdline_has(in->platform, "pcie_bus_perf"))
		check_found(sink, "BOOT-PCIE-BUS-PERF", NULL, 0, NULL,
			    "the kernel was booted with pci=pcie_bus_perf");
}

/* --- requests of initiators -------------------------------------------------------------------- */

/* Initiators that have registers of their own: VFs go by their PF's. */
static void each_initiator(const struct check_input *in, struct check_sink *sink,
			   void (*look)(const struct check_input *in, struct check_sink *sink,
					int i))
{
	autofree bool *initiates = check_initiators(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++)
		if (initiates[i] && !check_function(in, i)->is_virtual &&
		    check_is_express(check_function(in, i)))
			look(in, sink, i);
}

static void look_at_read_request(const struct check_input *in, struct check_sink *sink, int i)
{
	struct reg control = check_function(in, i)->express.device_control;
	unsigned int request, payload = payload_of(in, i);

	if (!reg_seen(control, DEVCTL_MRRS) || !payload) {
		check_unseen(sink, i, "Max_Read_Request_Size was not seen");
		return;
	}
	request = 128u << (control.value & DEVCTL_MRRS) / 0x1000;
	check_looked(sink, 1);
	if (request < payload)
		check_found_as(
			sink, "TLP-READ-REQUEST-SMALL", check_severity(in, i, SEVERITY_MINOR), &i,
			1, NULL,
			"Max_Read_Request_Size in Device Control of %s is %u bytes, less than "
			"its Max_Payload_Size of %u",
			check_addr(in, i), request, payload);
}

static void run_read_request(const struct check_input *in, struct check_sink *sink)
{
	each_initiator(in, sink, look_at_read_request);
}

static void look_at_extended_tags(const struct check_input *in, struct check_sink *sink, int i)
{
	const struct express *e = &check_function(in, i)->express;

	if (!reg_seen(e->device_capabilities, DEVCAP_EXT_TAG) ||
	    !reg_seen(e->device_control, DEVCTL_EXT_TAG)) {
		check_unseen(sink, i, "Extended Tag Field Supported or Enable was not seen");
		return;
	}
	check_looked(sink, 1);
	if (reg_is_set(e->device_capabilities, DEVCAP_EXT_TAG) &&
	    reg_is_clear(e->device_control, DEVCTL_EXT_TAG))
		check_found_as(
			sink, "TAGS-EXTENDED-OFF", check_severity(in, i, SEVERITY_MINOR), &i, 1,
			NULL,
			"Extended Tag Field Enable is clear in Device Control of %s, which has "
			"it: no more than 32 reads are under way at once",
			check_addr(in, i));
}

/* Those that a 10-bit tag of the initiator gets to must give it back. */
static void look_at_wide_tags(const struct check_input *in, struct check_sink *sink,
			      const struct check_path *path)
{
	int functions[] = { path->pair.initiator, path->pair.target };
	int owner = check_owner(in, path->pair.target);
	struct reg can;

	if (owner < 0 || !check_is_express(check_function(in, owner)))
		return;
	can = check_function(in, owner)->express.device_capabilities_2;
	if (!reg_seen(can, DEVCAP2_TAG10_COMPLETER)) {
		check_unseen(sink, owner, "10-Bit Tag Completer Supported was not seen");
		return;
	}
	check_looked(sink, 1);
	if (reg_is_clear(can, DEVCAP2_TAG10_COMPLETER))
		check_found_as(
			sink, "TAGS-10BIT-UNSUPPORTED",
			check_severity(in, path->pair.initiator, SEVERITY_MAJOR), functions,
			ARRAY_LEN(functions), NULL,
			"10-Bit Tag Requester Enable is set in Device Control 2 of %s, and "
			"10-Bit Tag Completer Supported is clear in Device Capabilities 2 of "
			"%s",
			check_addr(in, functions[0]), check_addr(in, functions[1]));
}

static void run_tags(const struct check_input *in, struct check_sink *sink)
{
	each_initiator(in, sink, look_at_extended_tags);
}

static void run_wide_tags(const struct check_input *in, struct check_sink *sink)
{
	for (size_t k = 0; k < in->nr_paths; k++) {
		int owner = check_owner(in, in->paths[k].pair.initiator);
		struct reg control;

		if (owner < 0 || !check_is_express(check_function(in, owner)))
			continue;
		control = check_function(in, owner)->express.device_control_2;
		if (!reg_seen(control, DEVCTL2_TAG10_REQUESTER))
			check_unseen(sink, owner, "10-Bit Tag Requester Enable was not seen");
		else if (reg_is_set(control, DEVCTL2_TAG10_REQUESTER))
			look_at_wide_tags(in, sink, &in->paths[k]);
		else
			check_looked(sink, 1);
	}
}

/* --- ordering ----------------------------------------------------------------------------------- */

/*
 * Root ports to which nothing may be sent with relaxed ordering: the credits of Haswell's and
 * Broadwell's run out, and AMD's A1100 reorders wrongly (Linux drivers/pci/quirks.c,
 * quirk_relaxedordering_disable).
 */
static const struct {
	uint16_t vendor, first, last;
} no_relaxed_ordering[] = {
	{ 0x8086, 0x2f01, 0x2f0e },
	{ 0x8086, 0x6f01, 0x6f0e },
	{ 0x1022, 0x1a00, 0x1a02 },
};

static int root_port_above(const struct check_input *in, int i)
{
	while (i >= 0 && check_function(in, i)->port_type != PORT_ROOT)
		i = check_function(in, i)->upstream;
	return i;
}

static bool forbids_relaxed_ordering(const struct function *f)
{
	for (size_t k = 0; k < ARRAY_LEN(no_relaxed_ordering); k++)
		if (f->ids_known && f->vendor == no_relaxed_ordering[k].vendor &&
		    f->device >= no_relaxed_ordering[k].first &&
		    f->device <= no_relaxed_ordering[k].last)
			return true;
	return false;
}

static void look_at_ordering(const struct check_input *in, struct check_sink *sink, int i)
{
	const struct function *f = check_function(in, i);
	int root = root_port_above(in, i);
	int functions[] = { i, root };
	bool forbidden = root >= 0 && forbids_relaxed_ordering(check_function(in, root));
	enum role role = role_of(in->platform, f);

	if (!reg_seen(f->express.device_control, DEVCTL_RELAXED)) {
		check_unseen(sink, i, "Enable Relaxed Ordering was not seen");
		return;
	}
	check_looked(sink, 1);
	if (forbidden && reg_is_set(f->express.device_control, DEVCTL_RELAXED))
		check_found_as(sink, "RELAXED-ORDERING-FORBIDDEN",
			       check_severity(in, i, SEVERITY_MAJOR), functions,
			       ARRAY_LEN(functions), NULL,
			       "Enable Relaxed Ordering is set in Device Control of %s, below root "
			       "port %s (%04x:%04x)",
			       check_addr(in, i), check_addr(in, root),
			       check_function(in, root)->vendor, check_function(in, root)->device);
	else if (!forbidden && role != ROLE_NVME &&
		 reg_is_clear(f->express.device_control, DEVCTL_RELAXED))
		check_found_as(sink, "RELAXED-ORDERING-OFF", check_severity(in, i, SEVERITY_MINOR),
			       &i, 1, NULL,
			       "Enable Relaxed Ordering is clear in Device Control of %s",
			       check_addr(in, i));
}

static void run_ordering(const struct check_input *in, struct check_sink *sink)
{
	each_initiator(in, sink, look_at_ordering);
}

/* --- completion timeouts ------------------------------------------------------------------------ */

/* Completion Timeout Value in Device Control 2: those that a loaded fabric may well exceed. */
static const struct {
	uint32_t value;
	const char *text;
} short_timeouts[] = {
	{ 0x1, "50 us to 100 us" },
	{ 0x2, "1 ms to 10 ms" },
};

static void look_at_timeout(const struct check_input *in, struct check_sink *sink, int i)
{
	struct reg control = check_function(in, i)->express.device_control_2;

	if (!reg_seen(control, DEVCTL2_TIMEOUT | DEVCTL2_NO_TIMEOUT)) {
		check_unseen(sink, i, "the completion timeout was not seen");
		return;
	}
	check_looked(sink, 1);
	if (reg_is_set(control, DEVCTL2_NO_TIMEOUT)) {
		check_found_as(sink, "COMPLETION-TIMEOUT-OFF",
			       check_severity(in, i, SEVERITY_MAJOR), &i, 1, NULL,
			       "Completion Timeout Disable is set in Device Control 2 of %s",
			       check_addr(in, i));
		return;
	}
	for (size_t k = 0; k < ARRAY_LEN(short_timeouts); k++)
		if ((control.value & DEVCTL2_TIMEOUT) == short_timeouts[k].value)
			check_found_as(
				sink, "COMPLETION-TIMEOUT-SHORT",
				check_severity(in, i, SEVERITY_MINOR), &i, 1, NULL,
				"Completion Timeout Value in Device Control 2 of %s is %u: %s",
				check_addr(in, i), control.value & DEVCTL2_TIMEOUT,
				short_timeouts[k].text);
}

static void run_timeout(const struct check_input *in, struct check_sink *sink)
{
	each_initiator(in, sink, look_at_timeout);
}

static const struct check checks[] = {
	{ "tlp.payload", "no function on a path sends larger payloads than the others take",
	  "Device Control", run_payload },
	{ "tlp.read-request", "read requests are not smaller than the payload", "Device Control",
	  run_read_request },
	{ "tlp.tags", "initiators that have extended tags use them",
	  "Device Capabilities and Control", run_tags },
	{ "tlp.wide-tags", "10-bit tags are used only towards targets that give them back",
	  "Device Capabilities 2 and Device Control 2", run_wide_tags },
	{ "tlp.ordering", "relaxed ordering is on, but where the root port gets it wrong",
	  "Device Control; numeric ids of root ports", run_ordering },
	{ "tlp.timeout", "completion timeouts are on, and long enough", "Device Control 2",
	  run_timeout },
};

const struct check_family check_family_tlp = { "tlp", checks, ARRAY_LEN(checks) };
