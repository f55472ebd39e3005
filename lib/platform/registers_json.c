/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function's registers in the platform document: each one that was seen whole as a hexadecimal
 * string, and what its fields mean, field by field as far as they were seen.
 */
#include "platform/registers_json.h"

#include "base/jx.h"

enum kind {
	HEX16, /* the register */
	HEX32,
	FLAG, /* is the bit set? */
	NUMBER, /* the field's value */
	BYTES, /* of 128 << value bytes */
};

struct field {
	const char *key;
	size_t reg; /* offset in struct function */
	enum kind kind;
	uint32_t mask;
};

#define AT(member) offsetof(struct function, member)
#define WHOLE16(key, member) \
	{ \
		key, AT(member), HEX16, 0xffff \
	}
#define WHOLE32(key, member) \
	{ \
		key, AT(member), HEX32, 0xffffffff \
	}
#define FIELD(key, member, kind, mask) \
	{ \
		key, AT(member), kind, mask \
	}

static const struct field command[] = {
	WHOLE16("register", command),
	FIELD("io_space", command, FLAG, COMMAND_IO),
	FIELD("memory_space", command, FLAG, COMMAND_MEMORY),
};

static const struct field bridge_control[] = {
	WHOLE16("register", bridge_control),
	FIELD("secondary_bus_reset", bridge_control, FLAG, BRIDGE_CONTROL_BUS_RESET),
};

#define CAN express.device_capabilities
#define DOES express.device_control
#define STATUS express.device_status
#define CAN_2 express.device_capabilities_2
#define DOES_2 express.device_control_2

static const struct field express[] = {
	WHOLE32("device_capabilities", CAN),
	FIELD("max_payload_size_supported", CAN, BYTES, DEVCAP_MPS),
	FIELD("extended_tag_supported", CAN, FLAG, DEVCAP_EXT_TAG),
	FIELD("function_level_reset", CAN, FLAG, DEVCAP_FLR),
	WHOLE16("device_control", DOES),
	FIELD("correctable_error_reporting", DOES, FLAG, DEVCTL_CORRECTABLE),
	FIELD("non_fatal_error_reporting", DOES, FLAG, DEVCTL_NONFATAL),
	FIELD("fatal_error_reporting", DOES, FLAG, DEVCTL_FATAL),
	FIELD("unsupported_request_reporting", DOES, FLAG, DEVCTL_UNSUPPORTED),
	FIELD("relaxed_ordering", DOES, FLAG, DEVCTL_RELAXED),
	FIELD("max_payload_size", DOES, BYTES, DEVCTL_MPS),
	FIELD("extended_tag", DOES, FLAG, DEVCTL_EXT_TAG),
	FIELD("no_snoop", DOES, FLAG, DEVCTL_NO_SNOOP),
	FIELD("max_read_request_size", DOES, BYTES, DEVCTL_MRRS),
	WHOLE16("device_status", STATUS),
	FIELD("correctable_error_detected", STATUS, FLAG, DEVSTA_CORRECTABLE),
	FIELD("non_fatal_error_detected", STATUS, FLAG, DEVSTA_NONFATAL),
	FIELD("fatal_error_detected", STATUS, FLAG, DEVSTA_FATAL),
	FIELD("unsupported_request_detected", STATUS, FLAG, DEVSTA_UNSUPPORTED),
	WHOLE16("link_control", express.link_control),
	FIELD("aspm", express.link_control, NUMBER, LNKCTL_ASPM),
	FIELD("link_disabled", express.link_control, FLAG, LNKCTL_DISABLED),
	WHOLE32("slot_capabilities", express.slot_capabilities),
	FIELD("hot_plug_capable", express.slot_capabilities, FLAG, SLTCAP_HOTPLUG),
	WHOLE32("device_capabilities_2", CAN_2),
	FIELD("ari_forwarding_supported", CAN_2, FLAG, DEVCAP2_ARI),
	FIELD("atomic_op_routing_supported", CAN_2, FLAG, DEVCAP2_ATOMIC_ROUTE),
	FIELD("atomic_op_32_completer", CAN_2, FLAG, DEVCAP2_ATOMIC_32),
	FIELD("atomic_op_64_completer", CAN_2, FLAG, DEVCAP2_ATOMIC_64),
	FIELD("cas_128_completer", CAN_2, FLAG, DEVCAP2_ATOMIC_128),
	FIELD("no_ro_enabled_pr_pr_passing", CAN_2, FLAG, DEVCAP2_NO_RO_PASSING),
	FIELD("tag_10_bit_completer", CAN_2, FLAG, DEVCAP2_TAG10_COMPLETER),
	FIELD("tag_10_bit_requester_supported", CAN_2, FLAG, DEVCAP2_TAG10_REQUESTER),
	WHOLE16("device_control_2", DOES_2),
	FIELD("completion_timeout_value", DOES_2, NUMBER, DEVCTL2_TIMEOUT),
	FIELD("completion_timeout_disabled", DOES_2, FLAG, DEVCTL2_NO_TIMEOUT),
	FIELD("ari_forwarding", DOES_2, FLAG, DEVCTL2_ARI),
	FIELD("atomic_op_requester", DOES_2, FLAG, DEVCTL2_ATOMIC_REQUEST),
	FIELD("atomic_op_egress_blocking", DOES_2, FLAG, DEVCTL2_ATOMIC_EGRESS_BLOCK),
	FIELD("tag_10_bit_requester", DOES_2, FLAG, DEVCTL2_TAG10_REQUESTER),
};

static const struct field errors[] = {
	WHOLE32("uncorrectable_status", errors.uncorrectable),
	FIELD("poisoned_tlp", errors.uncorrectable, FLAG, AER_POISONED),
	FIELD("completion_timeout", errors.uncorrectable, FLAG, AER_COMPLETION_TIMEOUT),
	FIELD("completer_abort", errors.uncorrectable, FLAG, AER_COMPLETER_ABORT),
	FIELD("malformed_tlp", errors.uncorrectable, FLAG, AER_MALFORMED),
	FIELD("unsupported_request", errors.uncorrectable, FLAG, AER_UNSUPPORTED),
	FIELD("acs_violation", errors.uncorrectable, FLAG, AER_ACS_VIOLATION),
	FIELD("atomic_op_egress_blocked", errors.uncorrectable, FLAG, AER_ATOMIC_EGRESS_BLOCKED),
	WHOLE32("uncorrectable_mask", errors.uncorrectable_mask),
	WHOLE32("correctable_status", errors.correctable),
	WHOLE16("dpc_control", errors.dpc_control),
	FIELD("dpc_trigger_enable", errors.dpc_control, NUMBER, DPC_CONTROL_TRIGGER),
	WHOLE16("dpc_status", errors.dpc_status),
	FIELD("dpc_triggered", errors.dpc_status, FLAG, DPC_STATUS_TRIGGERED),
};

static const struct field ats[] = {
	WHOLE16("control", ats_control),
	FIELD("enabled", ats_control, FLAG, ATS_ENABLE),
};

static const struct field pri[] = {
	WHOLE16("control", pri_control),
	FIELD("enabled", pri_control, FLAG, PRI_ENABLE),
};

static const struct field pasid[] = {
	WHOLE16("control", pasid_control),
	FIELD("enabled", pasid_control, FLAG, PASID_ENABLE),
};

static const struct field sriov[] = {
	WHOLE16("control", sriov_control),
	FIELD("vf_enable", sriov_control, FLAG, SRIOV_VF_ENABLE),
	FIELD("vf_memory_space", sriov_control, FLAG, SRIOV_VF_MEMORY),
	FIELD("ari_capable_hierarchy", sriov_control, FLAG, SRIOV_ARI),
};

static void set_field(json_t *o, const struct field *field, struct reg reg)
{
	enum { LARGEST_PAYLOAD = 5, SMALLEST_BYTES = 128 };
	uint32_t value = (reg.value & field->mask) / (field->mask & -field->mask);

	switch (field->kind) {
	case HEX16:
		jx_set_hex(o, field->key, reg.value, 4);
		break;
	case HEX32:
		jx_set_hex(o, field->key, reg.value, 8);
		break;
	case FLAG:
		jx_set_bool(o, field->key, value);
		break;
	case NUMBER:
		jx_set_int(o, field->key, value);
		break;
	case BYTES: /* other values mean nothing */
		if (value <= LARGEST_PAYLOAD)
			jx_set_int(o, field->key, (int64_t)SMALLEST_BYTES << value);
		break;
	}
}

static void set_group(json_t *o, const char *key, const struct function *f,
		      const struct field *fields, size_t nr)
{
	json_t *group = jx_object();

	for (size_t i = 0; i < nr; i++) {
		const struct reg *reg = (const struct reg *)((const char *)f + fields[i].reg);

		if (reg_seen(*reg, fields[i].mask))
			set_field(group, &fields[i], *reg);
	}
	if (json_object_size(group))
		jx_set(o, key, group);
	else
		json_decref(group);
}

static void set_windows(json_t *o, const struct function *f)
{
	static const char *const kinds[NR_WINDOWS] = {
		[WINDOW_IO] = "io",
		[WINDOW_MEMORY] = "memory",
		[WINDOW_PREFETCHABLE] = "prefetchable",
	};
	json_t *windows = jx_object();

	for (int kind = 0; kind < NR_WINDOWS; kind++) {
		const struct window *w = &f->windows[kind];
		json_t *window;

		if (!w->known)
			continue;
		window = jx_object();
		jx_set_bool(window, "open", w->start <= w->end);
		if (w->start <= w->end) {
			jx_set_hex(window, "start", w->start, 1);
			jx_set_hex(window, "end", w->end, 1);
		}
		jx_set(windows, kinds[kind], window);
	}
	if (json_object_size(windows))
		jx_set(o, "windows", windows);
	else
		json_decref(windows);
}

static json_t *rebar_to_json(const struct rebar *rebar)
{
	enum { LARGEST = 62 }; /* a JSON integer holds no more, and no machine either */
	json_t *o = jx_object(), *sizes = jx_array();

	jx_set_int(o, "bar", rebar->bar);
	if (rebar->size <= LARGEST)
		jx_set_int(o, "size", (int64_t)1 << rebar->size);
	for (int i = 0; i <= LARGEST; i++)
		if (rebar->sizes >> i & 1)
			jx_append(sizes, json_integer((int64_t)1 << i));
	jx_set(o, "sizes", sizes);
	return o;
}

void registers_to_json(json_t *o, const struct function *f)
{
	json_t *rebars;

	set_group(o, "command", f, command, ARRAY_LEN(command));
	set_group(o, "bridge_control", f, bridge_control, ARRAY_LEN(bridge_control));
	set_windows(o, f);
	set_group(o, "express", f, express, ARRAY_LEN(express));
	set_group(o, "errors", f, errors, ARRAY_LEN(errors));
	set_group(o, "ats", f, ats, ARRAY_LEN(ats));
	set_group(o, "pri", f, pri, ARRAY_LEN(pri));
	set_group(o, "pasid", f, pasid, ARRAY_LEN(pasid));
	set_group(o, "sr_iov", f, sriov, ARRAY_LEN(sriov));
	if (!f->nr_rebars)
		return;
	rebars = jx_array();
	for (uint8_t i = 0; i < f->nr_rebars; i++)
		jx_append(rebars, rebar_to_json(&f->rebars[i]));
	jx_set(o, "resizable_bars", rebars);
}
