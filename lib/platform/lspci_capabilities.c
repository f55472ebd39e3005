/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines that begin a capability, in the wordings of lspci since 2.2: which one it is, by its name or
 * by its number where that lspci had no name for it, and what this line tells of it.
 */
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "platform/lspci.h"

void subsystem_read(struct shown *s, const char *text)
{
	const char *bracket = strrchr(text, '[');
	uint16_t vendor, device;

	if (!(bracket && id_pair(bracket + 1, ']', &vendor, &device)) &&
	    !id_pair(text, '\0', &vendor, &device))
		return;
	s->f.subvendor = vendor;
	s->f.subdevice = device;
}

static void read_express(struct shown *s, const char *name)
{
	static const struct {
		const char *text;
		enum port_type type;
	} types[] = {
		{ "Endpoint", PORT_ENDPOINT },
		{ "Legacy Endpoint", PORT_LEGACY_ENDPOINT },
		{ "Root Port", PORT_ROOT },
		{ "Upstream Port", PORT_UPSTREAM },
		{ "Downstream Port", PORT_DOWNSTREAM },
		{ "PCI-Express to PCI", PORT_PCIE_TO_PCI },
		{ "PCI/PCI-X Bridge", PORT_PCIE_TO_PCI }, /* before 3.1.8 */
		{ "PCI/PCI-X to PCI-Express", PORT_PCI_TO_PCIE },
		{ "Root Complex Integrated Endpoint", PORT_RC_ENDPOINT },
		{ "Root Complex Event Collector", PORT_RC_EVENT_COLLECTOR },
	};

	static const struct reg none = { 0, 0xffffffff };
	uint64_t version;

	if (s->express)
		return;
	s->express = true;
	name += strspn(name, " ");
	/* version 1 ends before these registers: nothing that they could show is there */
	if (number_after(name, "(v", 10, 1, &version, NULL)) {
		s->f.express.device_capabilities_2 = none;
		s->f.express.device_control_2 = (struct reg){ 0, 0xffff };
	}
	if (text_starts_with(name, "(v"))
		name += strcspn(name, " ");
	name += strspn(name, " ");
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (text_starts_with(name, types[i].text))
			s->f.port_type = types[i].type;
	if (strstr(name, "(Slot-)") && s->f.port_type != PORT_PCI_TO_PCIE) {
		s->f.express.slot_capabilities = none;
		s->f.express.slot_status = (struct reg){ 0, 0xffff };
	}
}

static void read_subsystem_capability(struct shown *s, const char *rest)
{
	subsystem_read(s, rest + strspn(rest, " "));
}

static void read_acs_presence(struct shown *s, const char *rest attr_unused)
{
	s->f.acs.known = KNOWN_PRESENT;
}

/* "Vendor=1e98 ID=0000 Rev=2 Len=60: CXL" */
static void read_dvsec(struct shown *s, const char *rest)
{
	s->f.has_cxl |= text_starts_with(rest, ": Vendor=1e98");
}

/* A capability by how its name begins, or by the number that lspci shows of what it has no name for. */
struct capability_name {
	const char *text;
	uint16_t id;
	enum part part;
	void (*read)(struct shown *s,
		     const char *rest); /* what follows the name; NULL: nothing to read */
	size_t has; /* in struct shown, a bool; 0: nothing to tell of */
};

static const struct capability_name standard_capabilities[] = {
	{ "Power Management", 0x01, PART_POWER, NULL, 0 },
	{ "Subsystem:", 0x0d, PART_OTHER, read_subsystem_capability, 0 },
	{ "Express", 0x10, PART_OTHER, read_express, 0 },
};

static const struct capability_name extended_capabilities[] = {
	{ "Advanced Error Reporting", 0x01, PART_OTHER, NULL, IN_FUNCTION(has_aer) },
	{ "Device Serial Number", 0x03, PART_OTHER, NULL, IN_FUNCTION(has_dsn) },
	{ "Access Control Services", 0x0d, PART_OTHER, read_acs_presence, 0 },
	{ "Address Translation Service", 0x0f, PART_OTHER, NULL, IN_FUNCTION(has_ats) },
	{ "Single Root I/O Virtualization", 0x10, PART_OTHER, NULL, IN_FUNCTION(has_sriov) },
	{ "Multicast", 0x12, PART_OTHER, NULL, IN_FUNCTION(has_multicast) },
	{ "Page Request Interface", 0x13, PART_OTHER, NULL, IN_FUNCTION(has_pri) },
	{ "Physical Resizable BAR", 0x15, PART_REBAR, NULL, IN_FUNCTION(has_rebar) },
	{ "Resizable BAR", 0x15, PART_REBAR, NULL, IN_FUNCTION(has_rebar) }, /* before 3.6.3 */
	{ "Process Address Space ID", 0x1b, PART_OTHER, NULL, IN_FUNCTION(has_pasid) },
	{ "Downstream Port Containment", 0x1d, PART_OTHER, NULL, IN_FUNCTION(has_dpc) },
	{ "Designated Vendor-Specific", 0x23, PART_OTHER, read_dvsec, 0 },
	{ "CXL Designated Vendor-Specific", 0x23, PART_OTHER, NULL, IN_FUNCTION(has_cxl) },
	{ "Integrity & Data Encryption", 0x30, PART_OTHER, NULL, IN_FUNCTION(has_ide) },
};

/* The number in "#19", "#09 [0048]", "Extended Capability ID 0x19", "Capability ID 0x9 [0048]". */
static bool unnamed_id(const char *name, uint64_t *id)
{
	return (*name == '#' && number_after(name, "#", 16, UINT16_MAX, id, NULL)) ||
	       number_after(name, "Capability ID 0x", 16, UINT16_MAX, id, NULL);
}

static void read_one_capability(struct shown *s, const struct capability_name *known, size_t nr,
				const char *name)
{
	uint64_t id;
	bool unnamed = unnamed_id(name, &id);

	s->part = PART_OTHER;
	for (size_t i = 0; i < nr; i++) {
		const struct capability_name *c = &known[i];
		bool by_name = text_starts_with(name, c->text);

		if (!by_name && !(unnamed && id == c->id))
			continue;
		s->part = c->part;
		if (c->has)
			*(bool *)((char *)s + c->has) = true;
		if (c->read)
			c->read(s, by_name ? name + strlen(c->text) : "");
		return;
	}
}

void capability_begin(struct shown *s, const char *text)
{
	const char *name = strchr(text, ']');
	uint64_t at;

	s->part = PART_OTHER;
	if (text_starts_with(text, "<access denied>"))
		s->denied = true;
	else if (*text == '<' || !name)
		s->broken = true;
	if (!name || !number_after(text, "[", 16, SHOWN_CONFIG_MAX - 1, &at, NULL))
		return;
	name += 1 + strspn(name + 1, " ");
	if (*name == '<') /* "<chain looped>", "<unreadable>" */
		s->broken = true;
	if (at < 0x100) {
		s->standard = true;
		read_one_capability(s, standard_capabilities, ARRAY_LEN(standard_capabilities),
				    name);
	} else {
		s->extended = true;
		read_one_capability(s, extended_capabilities, ARRAY_LEN(extended_capabilities),
				    name);
	}
}
