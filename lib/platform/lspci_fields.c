/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines that lspci decodes config space and the kernel's view into, in the wordings of its
 * versions since 2.2. Each reader takes what it can make out; what it cannot stays unknown.
 */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "platform/lspci.h"

static void set_number(int *to, const char *text, const char *key)
{
	uint64_t value;

	if (number_after(text, key, 10, INT_MAX, &value, NULL))
		*to = (int)value;
}

static void read_subsystem(struct shown *s, const struct field *field attr_unused, const char *text)
{
	subsystem_read(s, text);
}

static void read_nothing(struct shown *s attr_unused, const struct field *field attr_unused,
			 const char *text attr_unused)
{
}

static struct reg *register_at(struct shown *s, size_t at)
{
	return (struct reg *)((char *)s + at);
}

static void read_register(struct shown *s, const struct field *field, const char *text)
{
	register_read_bits(register_at(s, field->at), field->kind, text);
}

static void read_control(struct shown *s, const struct field *field, const char *text)
{
	read_register(s, field, text);
	s->verbose |= reg_seen(s->f.command, COMMAND_MASTER);
}

/*
 * lspci -v: "bus master, fast devsel, latency 0, IRQ 16, NUMA node 0, IOMMU group 3". Of the command
 * register it leaves out what is off. Other programs write flags as well.
 */
static void read_flags(struct shown *s, const struct field *field attr_unused, const char *text)
{
	if (!strstr(text, " devsel"))
		return;
	s->verbose = s->terse = true;
	register_set(&s->f.command, COMMAND_MASTER,
		     strstr(text, "bus master") ? COMMAND_MASTER : 0);
	set_number(&s->f.numa_node, text, "NUMA node ");
	set_number(&s->f.iommu_group, text, "IOMMU group ");
}

static void read_numa_node(struct shown *s, const struct field *field attr_unused, const char *text)
{
	set_number(&s->f.numa_node, text, "");
}

static void read_iommu_group(struct shown *s, const struct field *field attr_unused,
			     const char *text)
{
	set_number(&s->f.iommu_group, text, "");
}

/* --- regions ------------------------------------------------------------------------------------- */

static uint64_t size_of(const char *text)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	uint64_t value;
	int shift = 0;

	if (!number_after(text, "[size=", 10, UINT32_MAX, &value, &end))
		return 0;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit)
		shift = 10 * (int)(unit - units + 1);
	return value << shift > INT64_MAX ? 0 : value << shift;
}

/* "Memory at 20fffff20000 (64-bit, non-prefetchable) [size=128K]", "I/O ports at e000 [size=32]". */
static void fill_bar(struct shown *s, struct bar *bar, const char *text)
{
	bool io = strstr(text, "I/O ports at");
	uint32_t decoder = io ? COMMAND_IO : COMMAND_MEMORY;

	if (!io && !strstr(text, "Memory at"))
		return;
	bar->kind = io ? BAR_IO : strstr(text, "(64-bit") ? BAR_MEM64 : BAR_MEM32;
	bar->prefetchable =
		!io && strstr(text, "prefetchable") && !strstr(text, "non-prefetchable");
	bar->disabled = strstr(text, "[disabled]");
	/* lspci -v has no other line for what the command register says; of virtual regions it is mute */
	if (s->terse && !strstr(text, "[virtual]"))
		register_set(&s->f.command, decoder, bar->disabled ? 0 : decoder);
	bar->unassigned = strstr(text, "<unassigned>") || strstr(text, "<ignored>");
	if (!number_after(text, " at ", 16, UINT64_MAX, &bar->start, NULL) || !bar->start)
		bar->start = 0;
	else
		bar->size = size_of(text);
}

/* "0: Memory at ..."; the upper half of a 64-bit region is none, though some lspci show it as one. */
static void read_region(struct shown *s, const struct field *field attr_unused, const char *text)
{
	unsigned int index = (unsigned int)(*text - '0');

	if (index < PCI_BARS && text[1] == ':' &&
	    !(index && s->f.bars[index - 1].kind == BAR_MEM64))
		fill_bar(s, &s->f.bars[index], text + 2);
}

/* lspci -v says "Memory at" and "I/O ports at" without the number of the region. */
static void read_unnumbered(struct shown *s, const struct field *field, const char *text)
{
	autofree char *whole = xasprintf("%s%s", field->label, text);

	for (int i = 0; i < PCI_BARS; i++) {
		if (s->f.bars[i].kind != BAR_NONE)
			continue;
		s->f.bars_unnumbered = true;
		fill_bar(s, &s->f.bars[i], whole);
		return;
	}
}

/* "primary=00, secondary=01, subordinate=01, sec-latency=0" */
static void read_bus(struct shown *s, const struct field *field attr_unused, const char *text)
{
	uint64_t secondary, subordinate;

	s->f.is_bridge = true;
	if (!number_after(text, "secondary=", 16, UINT8_MAX, &secondary, NULL) ||
	    !number_after(text, "subordinate=", 16, UINT8_MAX, &subordinate, NULL))
		return;
	s->f.secondary = (uint8_t)secondary;
	s->f.subordinate = (uint8_t)subordinate;
}

/*
 * The registers of a window that is not implemented are zero, and lspci shows them as the first one
 * there can be, as wide as it takes the register for: of I/O always 8 digits before 3.8.
 */
static struct window at_zero(enum window_kind kind, size_t digits, const char *text, uint64_t end)
{
	bool implemented = kind == WINDOW_MEMORY || digits == 16 || strstr(text, "[32-bit]");
	bool known = kind != WINDOW_IO || digits == 4 || implemented;

	if (kind == WINDOW_PREFETCHABLE)
		implemented = digits == 16;
	return implemented ? (struct window){ true, 0, end } : (struct window){ known, 1, 0 };
}

/*
 * "fb000000-fb0fffff [size=1M] [32-bit]", "[disabled]", "None". What has a range and is said to be
 * disabled all the same is open by its registers, and closed as the kernel has it: that is unknown.
 */
static void read_window(struct shown *s, const struct field *field, const char *text)
{
	enum window_kind kind =
		(enum window_kind)((field->at - IN_FUNCTION(windows)) / sizeof(struct window));
	struct window *w = &s->f.windows[kind];
	bool closed = strstr(text, "[disabled]") || strstr(text, "[empty]") || strstr(text, "None");
	uint64_t start, end;
	const char *rest;

	if (!number_after(text, "", 16, UINT64_MAX, &start, &rest) || *rest != '-' ||
	    !number_after(rest, "-", 16, UINT64_MAX, &end, NULL)) {
		if (closed)
			*w = (struct window){ true, 1, 0 };
	} else if (!start && !closed && end == (kind == WINDOW_IO ? 0xfff : 0xfffff)) {
		*w = at_zero(kind, (size_t)(rest - text), text, end);
	} else {
		*w = (struct window){ start > end || !closed, start, end };
	}
}

/* --- capabilities -------------------------------------------------------------------------------- */

static void read_capability(struct shown *s, const struct field *field attr_unused,
			    const char *text)
{
	capability_begin(s, text);
}

/* Power Management: "D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-" */
static void read_power(struct shown *s, const struct field *field attr_unused, const char *text)
{
	text += strspn(text, " \t");
	if (text[0] != 'D' || text[1] < '0' || text[1] > '3')
		return;
	s->f.power_known = true;
	s->f.powered = text[1] == '0';
}

static void read_device_capabilities(struct shown *s, const struct field *field, const char *text)
{
	struct reg *reg = register_at(s, field->at);

	read_register(s, field, text);
	register_read_bytes(reg, DEVCAP_MPS, text, "MaxPayload ");
}

static void read_device_control(struct shown *s, const struct field *field, const char *text)
{
	struct reg *reg = register_at(s, field->at);

	read_register(s, field, text);
	register_read_bytes(reg, DEVCTL_MPS, text, "MaxPayload ");
	register_read_bytes(reg, DEVCTL_MRRS, text, "MaxReadReq ");
}

static void read_link_control(struct shown *s, const struct field *field, const char *text)
{
	static const char *const aspm[] = { "Disabled", "L0s Enabled", "L1 Enabled",
					    "L0s L1 Enabled" };

	read_register(s, field, text);
	register_read_word(register_at(s, field->at), LNKCTL_ASPM, text, "ASPM ", aspm,
			   ARRAY_LEN(aspm));
}

static void read_device_control_2(struct shown *s, const struct field *field, const char *text)
{
	static const char *const timeouts[] = {
		[0] = "50us to 50ms", [1] = "50us to 100us", [2] = "1ms to 10ms",
		[5] = "16ms to 55ms", [6] = "65ms to 210ms", [9] = "260ms to 900ms",
		[10] = "1s to 3.5s",  [13] = "4s to 13s",    [14] = "17s to 64s",
	};

	read_register(s, field, text);
	register_read_word(register_at(s, field->at), DEVCTL2_TIMEOUT, text,
			   "Completion Timeout: ", timeouts, ARRAY_LEN(timeouts));
}

/* "Trigger:1 Cmpl- INT+ ErrCor- PoisonedTLP- SwTrigger- DL_ActiveErr-" */
static void read_dpc_control(struct shown *s, const struct field *field, const char *text)
{
	read_register(s, field, text);
	register_read_number(register_at(s, field->at), DPC_CONTROL_TRIGGER, text, "Trigger:", 16);
}

/* "Trigger- Reason:00 INT- RPBusy- TriggerExt:00 RP PIO ErrPtr:1f" */
static void read_dpc_status(struct shown *s, const struct field *field, const char *text)
{
	struct reg *reg = register_at(s, field->at);

	read_register(s, field, text);
	register_read_number(reg, 3u << 1, text, "Reason:", 16);
	register_read_number(reg, 3u << 5, text, "TriggerExt:", 16);
	register_read_number(reg, 0x1fu << 8, text, "ErrPtr:", 16);
}

static void read_ats_control(struct shown *s, const struct field *field, const char *text)
{
	read_register(s, field, text);
	register_read_number(register_at(s, field->at), 0x1fu, text,
			     "Smallest Translation Unit: ", 16);
}

/* "Speed 8GT/s (ok), Width x16 (ok)" */
static void read_link(const char *text, uint8_t *speed, uint8_t *width, bool *shown)
{
	uint64_t lanes;
	const char *at = strstr(text, "Speed ");

	*shown = at && number_after(text, "Width x", 10, 63, &lanes, NULL);
	if (!*shown)
		return;
	*width = (uint8_t)lanes;
	*speed = 0;
	at += strlen("Speed ");
	for (uint8_t generation = 1; generation <= 6; generation++) {
		const char *name = link_speed_name(generation);
		size_t len = strlen(name);

		if (strncmp(at, name, len) == 0 && text_starts_with(at + len, "GT/s"))
			*speed = generation;
	}
}

static void read_link_capability(struct shown *s, const struct field *field attr_unused,
				 const char *text)
{
	read_link(text, &s->f.link.max_speed, &s->f.link.max_width, &s->link_capability);
}

static void read_link_status(struct shown *s, const struct field *field attr_unused,
			     const char *text)
{
	read_link(text, &s->f.link.speed, &s->f.link.width, &s->link_status);
}

/* "8, Total VFs: 8, Number of VFs: 4, Function Dependency Link: 00" */
static void read_virtual_count(struct shown *s, const struct field *field attr_unused,
			       const char *text)
{
	uint64_t total, now;

	if (!number_after(text, "Total VFs: ", 10, UINT16_MAX, &total, NULL) ||
	    !number_after(text, "Number of VFs: ", 10, UINT16_MAX, &now, NULL))
		return;
	s->f.max_virtual = (uint16_t)total;
	s->virtual_now = (uint16_t)now;
}

/* "128, stride: 1, Device ID: 101e" */
static void read_virtual_offset(struct shown *s, const struct field *field attr_unused,
				const char *text)
{
	uint64_t offset, stride, device;

	text += strspn(text, " \t");
	if (!number_after(text, "", 10, UINT16_MAX, &offset, NULL) ||
	    !number_after(text, "stride: ", 10, UINT16_MAX, &stride, NULL))
		return;
	s->f.first_virtual = (uint16_t)offset;
	s->f.virtual_stride = (uint16_t)stride;
	if (number_after(text, "Device ID: ", 16, UINT16_MAX, &device, NULL))
		s->f.virtual_device = (uint16_t)device;
}

/* "256MB" as 28; 0 if it is no such size. */
static uint8_t exponent_of(const char *text)
{
	static const char *const units[] = { "MB", "GB", "TB", "PB", "EB" };
	const char *unit;
	uint64_t n;

	if (!number_after(text, "", 10, 512, &n, &unit) || !n || n & (n - 1))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (text_starts_with(unit, units[i]))
			return (uint8_t)(20 + 10 * i + (size_t)__builtin_ctzll(n));
	return 0;
}

static bool has_rebar(const struct function *f, uint8_t bar)
{
	for (uint8_t i = 0; i < f->nr_rebars; i++)
		if (f->rebars[i].bar == bar)
			return true;
	return false;
}

/* "0: current size: 256MB, supported: 256MB 512MB 1GB"; before 3.7 "0, current size: ..." */
static void read_rebar(struct shown *s, const struct field *field attr_unused, const char *text)
{
	static const char current[] = "current size: ", supported[] = "supported: ";
	unsigned int index = (unsigned int)(*text - '0');
	const char *now = strstr(text, current), *can = strstr(text, supported);
	struct rebar r = { .bar = (uint8_t)index };

	if (index >= PCI_BARS || !now || s->f.nr_rebars == PCI_BARS || has_rebar(&s->f, r.bar))
		return;
	r.size = exponent_of(now + strlen(current));
	if (!r.size)
		return;
	for (can = can ? can + strlen(supported) : ""; *can; can += strspn(can, " ")) {
		uint8_t size = exponent_of(can);

		if (size)
			r.sizes |= 1ull << size;
		can += strcspn(can, " ");
	}
	s->f.rebars[s->f.nr_rebars++] = r;
}

static void read_driver(struct shown *s, const struct field *field attr_unused, const char *text)
{
	s->whole = true;
	if (!s->f.driver && *text)
		s->f.driver = text_sanitize(text, strlen(text));
}

static void read_modules(struct shown *s, const struct field *field attr_unused,
			 const char *text attr_unused)
{
	s->whole = true;
}

/* --- records of lspci -vmm ----------------------------------------------------------------------- */

static void add_to_headline(struct shown *s, const char *text)
{
	for (; *text && s->headline_len + 1 < sizeof(s->headline); text++)
		s->headline[s->headline_len++] = *text;
}

/* As lspci -mm shows it: "Intel Corporation" */
static void read_quoted(struct shown *s, const struct field *field attr_unused, const char *text)
{
	char escaped[] = "\\x";

	add_to_headline(s, s->headline_len ? " \"" : "\"");
	for (; *text; text++) {
		escaped[1] = *text;
		add_to_headline(s, *text == '"' || *text == '\\' ? escaped : escaped + 1);
	}
	add_to_headline(s, "\"");
}

static void read_revision(struct shown *s, const struct field *field attr_unused, const char *text)
{
	add_to_headline(s, " -r");
	add_to_headline(s, text);
}

static void read_interface(struct shown *s, const struct field *field attr_unused, const char *text)
{
	add_to_headline(s, " -p");
	add_to_headline(s, text);
}

/* --- all of them --------------------------------------------------------------------------------- */

#define REGISTER(label, read, part, kind, member) \
	{ \
		label, read, part, true, kind, IN_FUNCTION(member) \
	}
#define WINDOW(label, kind) \
	{ \
		label, read_window, PART_HEADER, false, 0, IN_FUNCTION(windows[kind]) \
	}

/* "SltCap: ... HotPlug+", and below it "Slot #5, PowerLimit 75W; ...", in hex where the W is missing. */
static void read_slot(struct shown *s, const struct field *field, const char *text)
{
	uint64_t number;

	read_register(s, field, text);
	if (strstr(text, "W;") &&
	    number_after(text, "", 10, SLTCAP_NUMBER >> SLTCAP_NUMBER_SHIFT, &number, NULL))
		register_set(register_at(s, field->at), SLTCAP_NUMBER,
			     (uint32_t)number << SLTCAP_NUMBER_SHIFT);
}

/* Many dumps have lost their indentation: what a line belongs to is told by what came before it. */
static const struct field fields[] = {
	{ "Capabilities:", read_capability, PART_ANY, false, 0, 0 },
	{ "Subsystem:", read_subsystem, PART_HEADER, false, 0, 0 },
	/* what else there is, and could be taken for the rest of a long line above it */
	{ "DeviceName:", read_nothing, PART_HEADER, false, 0, 0 },
	{ "Physical Slot:", read_nothing, PART_HEADER, false, 0, 0 },
	{ "Device tree node:", read_nothing, PART_HEADER, false, 0, 0 },
	{ "Expansion ROM at ", read_nothing, PART_HEADER, false, 0, 0 },
	{ "BIST ", read_nothing, PART_HEADER, false, 0, 0 },
	{ "!!! ", read_nothing, PART_HEADER, false, 0, 0 },
	{ "Control:", read_control, PART_HEADER, false, REGISTER_COMMAND, IN_FUNCTION(command) },
	{ "Flags:", read_flags, PART_HEADER, false, 0, 0 },
	{ "NUMA node:", read_numa_node, PART_HEADER, false, 0, 0 },
	{ "IOMMU group:", read_iommu_group, PART_HEADER, false, 0, 0 },
	{ "Region ", read_region, PART_HEADER, false, 0, 0 },
	{ "Memory at ", read_unnumbered, PART_HEADER, false, 0, 0 },
	{ "I/O ports at ", read_unnumbered, PART_HEADER, false, 0, 0 },
	{ "[virtual] ", read_unnumbered, PART_HEADER, false, 0, 0 },
	{ "Bus:", read_bus, PART_HEADER, false, 0, 0 },
	WINDOW("I/O behind bridge:", WINDOW_IO),
	WINDOW("Memory behind bridge:", WINDOW_MEMORY),
	WINDOW("Prefetchable memory behind bridge:", WINDOW_PREFETCHABLE),
	REGISTER("BridgeCtl:", read_register, PART_HEADER, REGISTER_BRIDGE_CONTROL, bridge_control),
	{ "Status:", read_power, PART_POWER, false, 0, 0 },
	REGISTER("DevCap:", read_device_capabilities, PART_ANY, REGISTER_DEVICE_CAPABILITIES,
		 express.device_capabilities),
	REGISTER("DevCtl:", read_device_control, PART_ANY, REGISTER_DEVICE_CONTROL,
		 express.device_control),
	REGISTER("DevSta:", read_register, PART_ANY, REGISTER_DEVICE_STATUS, express.device_status),
	{ "LnkCap:", read_link_capability, PART_ANY, true, 0, 0 },
	REGISTER("LnkCtl:", read_link_control, PART_ANY, REGISTER_LINK_CONTROL,
		 express.link_control),
	{ "LnkSta:", read_link_status, PART_ANY, true, 0, 0 },
	REGISTER("SltCap:", read_register, PART_ANY, REGISTER_SLOT_CAPABILITIES,
		 express.slot_capabilities),
	REGISTER("Slot #", read_slot, PART_ANY, REGISTER_SLOT_CAPABILITIES,
		 express.slot_capabilities),
	REGISTER("SltSta:", read_register, PART_ANY, REGISTER_SLOT_STATUS, express.slot_status),
	REGISTER("DevCap2:", read_register, PART_ANY, REGISTER_DEVICE_CAPABILITIES_2,
		 express.device_capabilities_2),
	REGISTER("AtomicOpsCap:", read_register, PART_ANY, REGISTER_DEVICE_CAPABILITIES_2,
		 express.device_capabilities_2),
	REGISTER("DevCtl2:", read_device_control_2, PART_ANY, REGISTER_DEVICE_CONTROL_2,
		 express.device_control_2),
	REGISTER("AtomicOpsCtl:", read_register, PART_ANY, REGISTER_DEVICE_CONTROL_2,
		 express.device_control_2),
	REGISTER("UESta:", read_register, PART_ANY, REGISTER_UNCORRECTABLE, errors.uncorrectable),
	REGISTER("UEMsk:", read_register, PART_ANY, REGISTER_UNCORRECTABLE,
		 errors.uncorrectable_mask),
	REGISTER("CESta:", read_register, PART_ANY, REGISTER_CORRECTABLE, errors.correctable),
	REGISTER("DpcCtl:", read_dpc_control, PART_ANY, REGISTER_DPC_CONTROL, errors.dpc_control),
	REGISTER("DpcSta:", read_dpc_status, PART_ANY, REGISTER_DPC_STATUS, errors.dpc_status),
	{ "ACSCap:", read_register, PART_ANY, false, REGISTER_ACS,
	  offsetof(struct shown, acs_capability) },
	{ "ACSCtl:", read_register, PART_ANY, false, REGISTER_ACS,
	  offsetof(struct shown, acs_control) },
	REGISTER("ATSCtl:", read_ats_control, PART_ANY, REGISTER_ATS_CONTROL, ats_control),
	REGISTER("PRICtl:", read_register, PART_ANY, REGISTER_PRI_CONTROL, pri_control),
	REGISTER("PASIDCtl:", read_register, PART_ANY, REGISTER_PASID_CONTROL, pasid_control),
	REGISTER("IOVCtl:", read_register, PART_ANY, REGISTER_SRIOV_CONTROL, sriov_control),
	{ "Initial VFs:", read_virtual_count, PART_ANY, false, 0, 0 },
	{ "VF offset:", read_virtual_offset, PART_ANY, false, 0, 0 },
	{ "BAR ", read_rebar, PART_REBAR, false, 0, 0 },
	{ "Kernel driver in use:", read_driver, PART_ANY, false, 0, 0 },
	{ "Kernel modules:", read_modules, PART_ANY, false, 0, 0 },
	{ "Class:", read_quoted, PART_RECORD, false, 0, 0 },
	{ "Vendor:", read_quoted, PART_RECORD, false, 0, 0 },
	{ "Device:", read_quoted, PART_RECORD, false, 0, 0 },
	{ "Rev:", read_revision, PART_RECORD, false, 0, 0 },
	{ "ProgIf:", read_interface, PART_RECORD, false, 0, 0 },
	{ "Driver:", read_driver, PART_RECORD, false, 0, 0 },
	{ "NUMANode:", read_numa_node, PART_RECORD, false, 0, 0 },
	{ "IOMMUGroup:", read_iommu_group, PART_RECORD, false, 0, 0 },
};

const struct field *field_find(const char *line, size_t len, const char **text)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		size_t n = strlen(fields[i].label);

		if (line[0] != fields[i].label[0] || n > len ||
		    memcmp(line, fields[i].label, n) != 0)
			continue;
		*text = line + n;
		return &fields[i];
	}
	return NULL;
}
