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

/* The number behind key, "size=128K" without the unit; *end is behind it. */
static bool number_after(const char *text, const char *key, int base, uint64_t max, uint64_t *value,
			 const char **end)
{
	const char *at = strstr(text, key);
	char *stop;

	if (!at)
		return false;
	at += strlen(key);
	if (!isxdigit((unsigned char)*at))
		return false;
	errno = 0;
	*value = strtoull(at, &stop, base);
	if (errno || stop == at || *value > max)
		return false;
	if (end)
		*end = stop;
	return true;
}

/* "BusMaster+": 1, "BusMaster-": 0; -1 if it is not there. */
static int flag_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);
	char sign = at ? at[strlen(word)] : '\0';

	return sign == '+' ? 1 : sign == '-' ? 0 : -1;
}

static void set_number(int *to, const char *text, const char *key)
{
	uint64_t value;

	if (number_after(text, key, 10, INT_MAX, &value, NULL))
		*to = (int)value;
}

/* Exactly this many hexadecimal digits, then the character end. */
static bool hex_word(const char *s, size_t digits, char end, uint16_t *value)
{
	for (size_t i = 0; i < digits; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	if (s[digits] != end)
		return false;
	*value = (uint16_t)strtoul(s, NULL, 16);
	return true;
}

/* "vvvv:dddd" that ends with this character. */
static bool id_pair(const char *s, char end, uint16_t *vendor, uint16_t *device)
{
	return hex_word(s, 4, ':', vendor) && hex_word(s + 5, 4, end, device);
}

/* "Red Hat, Inc. Device [1af4:1100]", "1af4:1100" */
static void read_subsystem(struct shown *s, const char *text)
{
	const char *bracket = strrchr(text, '[');
	uint16_t vendor, device;

	if (!(bracket && id_pair(bracket + 1, ']', &vendor, &device)) &&
	    !id_pair(text, '\0', &vendor, &device))
		return;
	s->f.subvendor = vendor;
	s->f.subdevice = device;
}

static void read_nothing(struct shown *s attr_unused, const char *text attr_unused)
{
}

static void read_control(struct shown *s, const char *text)
{
	int master = flag_after(text, "BusMaster");

	s->verbose = true;
	s->f.bus_master_known = master >= 0;
	s->f.bus_master = master > 0;
}

/* lspci -v: "bus master, fast devsel, latency 0, IRQ 16, NUMA node 0, IOMMU group 3". */
static void read_flags(struct shown *s, const char *text)
{
	s->verbose = true;
	s->f.bus_master_known = true;
	s->f.bus_master = strstr(text, "bus master");
	set_number(&s->f.numa_node, text, "NUMA node ");
	set_number(&s->f.iommu_group, text, "IOMMU group ");
}

static void read_numa_node(struct shown *s, const char *text)
{
	set_number(&s->f.numa_node, text, "");
}

static void read_iommu_group(struct shown *s, const char *text)
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
static void fill_bar(struct bar *bar, const char *text)
{
	bool io = strstr(text, "I/O ports at");

	if (!io && !strstr(text, "Memory at"))
		return;
	bar->kind = io ? BAR_IO : strstr(text, "(64-bit") ? BAR_MEM64 : BAR_MEM32;
	bar->prefetchable =
		!io && strstr(text, "prefetchable") && !strstr(text, "non-prefetchable");
	/* "<unassigned>" and "<ignored>" are no address */
	if (!number_after(text, " at ", 16, UINT64_MAX, &bar->start, NULL) || !bar->start)
		bar->start = 0;
	else
		bar->size = size_of(text);
}

/* "0: Memory at ..." */
static void read_region(struct shown *s, const char *text)
{
	unsigned int index = (unsigned int)(*text - '0');

	if (index < PCI_BARS && text[1] == ':')
		fill_bar(&s->f.bars[index], text + 2);
}

/* lspci -v says "Memory at" and "I/O ports at" without the number of the region. */
static void read_unnumbered(struct shown *s, const char *text)
{
	for (int i = 0; i < PCI_BARS; i++) {
		if (s->f.bars[i].kind != BAR_NONE)
			continue;
		s->f.bars_unnumbered = true;
		fill_bar(&s->f.bars[i], text);
		return;
	}
}

static void read_memory(struct shown *s, const char *text)
{
	autofree char *whole = xasprintf("Memory at %s", text);

	read_unnumbered(s, whole);
}

static void read_ports(struct shown *s, const char *text)
{
	autofree char *whole = xasprintf("I/O ports at %s", text);

	read_unnumbered(s, whole);
}

/* "primary=00, secondary=01, subordinate=01, sec-latency=0" */
static void read_bus(struct shown *s, const char *text)
{
	uint64_t secondary, subordinate;

	s->f.is_bridge = true;
	if (!number_after(text, "secondary=", 16, UINT8_MAX, &secondary, NULL) ||
	    !number_after(text, "subordinate=", 16, UINT8_MAX, &subordinate, NULL))
		return;
	s->f.secondary = (uint8_t)secondary;
	s->f.subordinate = (uint8_t)subordinate;
}

/* --- capabilities -------------------------------------------------------------------------------- */

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
		{ "PCI/PCI-X to PCI-Express", PORT_PCI_TO_PCIE },
		{ "Root Complex Integrated Endpoint", PORT_RC_ENDPOINT },
		{ "Root Complex Event Collector", PORT_RC_EVENT_COLLECTOR },
	};

	if (s->express)
		return;
	s->express = true;
	name += strspn(name, " ");
	if (text_starts_with(name, "(v"))
		name += strcspn(name, " ");
	name += strspn(name, " ");
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (text_starts_with(name, types[i].text))
			s->f.port_type = types[i].type;
}

static void read_acs_presence(struct shown *s, const char *name attr_unused)
{
	s->f.acs.known = KNOWN_PRESENT;
}

static void read_sriov_presence(struct shown *s, const char *name attr_unused)
{
	s->f.has_sriov = true;
}

static void read_ats(struct shown *s, const char *name attr_unused)
{
	s->f.has_ats = true;
}

static void read_pri(struct shown *s, const char *name attr_unused)
{
	s->f.has_pri = true;
}

static void read_pasid(struct shown *s, const char *name attr_unused)
{
	s->f.has_pasid = true;
}

static void read_aer(struct shown *s, const char *name attr_unused)
{
	s->f.has_aer = true;
}

static void read_dpc(struct shown *s, const char *name attr_unused)
{
	s->f.has_dpc = true;
}

/* A capability by how its name begins; read() gets what follows. */
struct capability_name {
	const char *text;
	void (*read)(struct shown *s, const char *rest);
};

static const struct capability_name standard_capabilities[] = {
	{ "Express", read_express },
};

static const struct capability_name extended_capabilities[] = {
	{ "Access Control Services", read_acs_presence },
	{ "Single Root I/O Virtualization", read_sriov_presence },
	{ "Address Translation Service", read_ats },
	{ "Page Request Interface", read_pri },
	{ "Process Address Space ID", read_pasid },
	{ "Advanced Error Reporting", read_aer },
	{ "Downstream Port Containment", read_dpc },
};

static void read_one_capability(struct shown *s, const struct capability_name *known, size_t nr,
				const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (text_starts_with(name, known[i].text))
			known[i].read(s, name + strlen(known[i].text));
}

/* "[40] Express (v2) Endpoint, MSI 00", "[100 v1] Advanced Error Reporting", "<access denied>". */
static void read_capability(struct shown *s, const char *text)
{
	const char *name = strchr(text, ']');
	uint64_t at;

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

static void read_link_capability(struct shown *s, const char *text)
{
	read_link(text, &s->f.link.max_speed, &s->f.link.max_width, &s->link_capability);
}

static void read_link_status(struct shown *s, const char *text)
{
	read_link(text, &s->f.link.speed, &s->f.link.width, &s->link_status);
}

/* "SrcValid+ TransBlk- ...": the bits that are on; *shown has those that are there at all. */
static uint16_t read_acs_bits(const char *text, uint8_t *shown)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} names[] = {
		{ "SrcValid", ACS_SV },    { "TransBlk", ACS_TB },    { "ReqRedir", ACS_RR },
		{ "CmpltRedir", ACS_CR },  { "UpstreamFwd", ACS_UF }, { "EgressCtrl", ACS_EC },
		{ "DirectTrans", ACS_DT },
	};
	uint16_t bits = 0;

	*shown = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int on = flag_after(text, names[i].name);

		if (on >= 0)
			*shown |= names[i].bit;
		if (on > 0)
			bits |= names[i].bit;
	}
	return bits;
}

static void read_acs_capability(struct shown *s, const char *text)
{
	s->f.acs.capability = read_acs_bits(text, &s->acs_capability);
}

static void read_acs_control(struct shown *s, const char *text)
{
	s->f.acs.control = read_acs_bits(text, &s->acs_control);
}

static void read_virtual_control(struct shown *s, const char *text)
{
	s->virtual_enabled = flag_after(text, "Enable") > 0;
}

/* "8, Total VFs: 8, Number of VFs: 4, Function Dependency Link: 00" */
static void read_virtual_count(struct shown *s, const char *text)
{
	uint64_t total, now;

	if (!number_after(text, "Total VFs: ", 10, UINT16_MAX, &total, NULL) ||
	    !number_after(text, "Number of VFs: ", 10, UINT16_MAX, &now, NULL))
		return;
	s->f.max_virtual = (uint16_t)total;
	s->virtual_now = (uint16_t)now;
}

/* "128, stride: 1, Device ID: 101e" */
static void read_virtual_offset(struct shown *s, const char *text)
{
	uint64_t offset, stride, device;

	if (!number_after(text, "", 10, UINT16_MAX, &offset, NULL) ||
	    !number_after(text, "stride: ", 10, UINT16_MAX, &stride, NULL))
		return;
	s->f.first_virtual = (uint16_t)offset;
	s->f.virtual_stride = (uint16_t)stride;
	if (number_after(text, "Device ID: ", 16, UINT16_MAX, &device, NULL))
		s->f.virtual_device = (uint16_t)device;
}

static void read_driver(struct shown *s, const char *text)
{
	s->whole = true;
	if (!s->f.driver && *text)
		s->f.driver = text_sanitize(text, strlen(text));
}

static void read_modules(struct shown *s, const char *text attr_unused)
{
	s->whole = true;
}

/* Many dumps have lost their indentation: what a line belongs to is told by what came before it. */
static const struct field fields[] = {
	{ "Capabilities:", read_capability, false },
	{ "Subsystem:", read_subsystem, true },
	/* what else can come next to the first line, which could be taken for the rest of it */
	{ "DeviceName:", read_nothing, true },
	{ "Physical Slot:", read_nothing, true },
	{ "Device tree node:", read_nothing, true },
	{ "Control:", read_control, true }, /* later ones are those of capabilities */
	{ "Flags:", read_flags, true },
	{ "NUMA node:", read_numa_node, true },
	{ "IOMMU group:", read_iommu_group, true },
	{ "Region ", read_region, true },
	{ "Memory at ", read_memory, true },
	{ "I/O ports at ", read_ports, true },
	{ "Bus:", read_bus, true },
	{ "LnkCap:", read_link_capability, false },
	{ "LnkSta:", read_link_status, false },
	{ "ACSCap:", read_acs_capability, false },
	{ "ACSCtl:", read_acs_control, false },
	{ "IOVCtl:", read_virtual_control, false },
	{ "Initial VFs:", read_virtual_count, false },
	{ "VF offset:", read_virtual_offset, false },
	{ "Kernel driver in use:", read_driver, false },
	{ "Kernel modules:", read_modules, false },
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

/* --- the first line ------------------------------------------------------------------------------ */

/* Cuts the last "(KEY ...)" off, and gives its hexadecimal number. */
static bool cut_number(char *text, const char *key, uint64_t *value)
{
	char *at = NULL;

	for (char *next = strstr(text, key); next; next = strstr(next + 1, key))
		at = next;
	if (!at || !number_after(at, key, 16, UINT8_MAX, value, NULL))
		return false;
	*at = '\0';
	return true;
}

/* "PCI bridge", "PCI bridge [0604]", "0604", "Class 0604", "Class [0604]" */
static void parse_class(char *text, struct headline *h)
{
	char *bracket = strrchr(text, '[');
	const char *plain = text_starts_with(text, "Class ") ? text + 6 : text;
	uint16_t class;

	h->has_class = (bracket && hex_word(bracket + 1, 4, ']', &class)) ||
		       hex_word(plain, 4, '\0', &class);
	if (h->has_class)
		h->class = (uint32_t) class << 8;
	else
		h->class_name = text_sanitize(text, strlen(text));
}

/* "Vendor Device", the same with " [vvvv:dddd]", "vvvv:dddd", "Device vvvv:dddd" */
static void parse_device(char *text, struct headline *h)
{
	char *bracket = strrchr(text, '[');
	const char *plain = text_starts_with(text, "Device ") ? text + 7 : text;
	const char *name;

	if (id_pair(plain, '\0', &h->vendor, &h->device)) {
		h->has_ids = true;
		return;
	}
	if (bracket && id_pair(bracket + 1, ']', &h->vendor, &h->device)) {
		h->has_ids = true;
		*bracket = '\0';
	}
	name = text_trim(text);
	if (!*name || strcmp(name, "Device") == 0)
		return;
	h->name = text_sanitize(name, strlen(name));
}

bool headline_parse(const char *text, struct headline *h)
{
	autofree char *copy = xstrdup(text);
	char *colon = strstr(copy, ": ");
	uint64_t number;

	*h = (struct headline){ 0 };
	if (!colon || colon == copy)
		return false;
	*colon = '\0';
	parse_class(text_trim(copy), h);
	h->has_interface = cut_number(colon + 2, "(prog-if ", &number);
	if (h->has_interface)
		h->class |= (uint32_t)number;
	if (cut_number(colon + 2, "(rev ", &number))
		h->revision = (uint8_t)number;
	parse_device(text_trim(colon + 2), h);
	return true;
}
