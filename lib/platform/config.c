/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading PCI config space: the header, the capability list, the extended capability list, and of
 * each capability what the model holds. Pure, over bytes that may be cut short or hostile: nothing
 * is read past the length given, and a list that loops or leaves its space is cut with a gap.
 *
 * Registers: PCI Local Bus 3.0 chapter 6, PCIe Base 6.0 chapter 7.
 */
#include <string.h>

#include "platform/platform.h"

enum {
	HEADER_BYTES = 64,
	STANDARD_BYTES = 256,
	EXTENDED_BYTES = 4096,
};

enum {
	REG_VENDOR = 0x00,
	REG_DEVICE = 0x02,
	REG_COMMAND = 0x04,
	REG_STATUS = 0x06,
	REG_REVISION = 0x08,
	REG_CLASS = 0x09,
	REG_HEADER_TYPE = 0x0e,
	REG_BAR0 = 0x10,
	REG_CARDBUS_CAPABILITIES = 0x14,
	REG_SECONDARY_BUS = 0x19,
	REG_SUBORDINATE_BUS = 0x1a,
	REG_SUBVENDOR = 0x2c,
	REG_SUBDEVICE = 0x2e,
	REG_CAPABILITIES = 0x34,
};

#define STATUS_CAPABILITIES 0x0010u
#define HEADER_MULTIFUNCTION 0x80u

enum header_type { HEADER_NORMAL, HEADER_BRIDGE, HEADER_CARDBUS };

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* One capability that the model knows. read() gets at least `size` bytes, and how many there are. */
struct capability {
	uint16_t id;
	uint16_t size;
	void (*read)(struct function *f, const uint8_t *cap, size_t room);
};

static void read_subsystem(struct function *f, const uint8_t *cap, size_t room attr_unused)
{
	f->subvendor = le16(cap + 4);
	f->subdevice = le16(cap + 6);
}

/* By the type field of the PCI Express capabilities register. */
static const enum port_type express_types[16] = {
	[0x0] = PORT_ENDPOINT,    [0x1] = PORT_LEGACY_ENDPOINT, [0x4] = PORT_ROOT,
	[0x5] = PORT_UPSTREAM,    [0x6] = PORT_DOWNSTREAM,      [0x7] = PORT_PCIE_TO_PCI,
	[0x8] = PORT_PCI_TO_PCIE, [0x9] = PORT_RC_ENDPOINT,     [0xa] = PORT_RC_EVENT_COLLECTOR,
};

static void read_express(struct function *f, const uint8_t *cap, size_t room)
{
	enum { LINK_CAPABILITIES = 0x0c, LINK_STATUS = 0x12, LINK_END = 0x14 };
	uint32_t can;
	uint16_t is;

	f->port_type = express_types[le16(cap + 2) >> 4 & 0xf];
	/* root complex integrated functions have no link, and need not have its registers */
	if (room < LINK_END || f->port_type == PORT_RC_ENDPOINT ||
	    f->port_type == PORT_RC_EVENT_COLLECTOR)
		return;
	can = le32(cap + LINK_CAPABILITIES);
	is = le16(cap + LINK_STATUS);
	if (!(can >> 4 & 0x3f))
		return; /* a VF: its PF has the registers */
	f->link = (struct link){
		.known = true,
		.max_speed = can & 0xf,
		.max_width = can >> 4 & 0x3f,
		.speed = is & 0xf,
		.width = is >> 4 & 0x3f,
	};
}

static void read_acs(struct function *f, const uint8_t *cap, size_t room)
{
	f->acs = (struct acs){
		.known = KNOWN_PRESENT,
		.capability = le16(cap + 4),
		.control = le16(cap + 6),
	};
	if (room < 10)
		return;
	f->acs.dword_control = le16(cap + 8);
	f->acs.dword_known = 0xffff;
}

static void read_sriov(struct function *f, const uint8_t *cap, size_t room attr_unused)
{
	f->has_sriov = true;
	f->max_virtual = le16(cap + 0x0e);
	/* NumVFs says what is enabled only while VF Enable is set */
	f->nr_virtual = le16(cap + 0x08) & 1 ? le16(cap + 0x10) : 0;
	f->first_virtual = le16(cap + 0x14);
	f->virtual_stride = le16(cap + 0x16);
	f->virtual_device = le16(cap + 0x1a);
}

static void read_aer(struct function *f, const uint8_t *cap attr_unused, size_t room attr_unused)
{
	f->has_aer = true;
}

static void read_ats(struct function *f, const uint8_t *cap attr_unused, size_t room attr_unused)
{
	f->has_ats = true;
}

static void read_pri(struct function *f, const uint8_t *cap attr_unused, size_t room attr_unused)
{
	f->has_pri = true;
}

static void read_pasid(struct function *f, const uint8_t *cap attr_unused, size_t room attr_unused)
{
	f->has_pasid = true;
}

static void read_dpc(struct function *f, const uint8_t *cap attr_unused, size_t room attr_unused)
{
	f->has_dpc = true;
}

enum { STANDARD_SUBSYSTEM, STANDARD_EXPRESS };

static const struct capability standard_capabilities[] = {
	[STANDARD_SUBSYSTEM] = { 0x0d, 8, read_subsystem },
	[STANDARD_EXPRESS] = { 0x10, 4, read_express },
};

static const struct capability extended_capabilities[] = {
	{ 0x0001, 4, read_aer },      { 0x000d, 8, read_acs }, { 0x000f, 4, read_ats },
	{ 0x0010, 0x1c, read_sriov }, { 0x0013, 4, read_pri }, { 0x001b, 4, read_pasid },
	{ 0x001d, 4, read_dpc },
};

/* The two lists of capabilities differ in where they lie and how an entry's first bytes look. */
struct capability_list {
	const char *name;
	size_t start, end; /* the space in which entries lie */
	void (*header)(const uint8_t *entry, uint16_t *id, size_t *next);
	const struct capability *known;
	size_t nr_known;
};

static void standard_header(const uint8_t *entry, uint16_t *id, size_t *next)
{
	*id = entry[0];
	*next = entry[1] & ~3u; /* the low bits are reserved */
}

static void extended_header(const uint8_t *entry, uint16_t *id, size_t *next)
{
	*id = le16(entry);
	*next = le16(entry + 2) >> 4 & ~3u;
}

static const struct capability_list standard_list = {
	"capability",    HEADER_BYTES,          STANDARD_BYTES,
	standard_header, standard_capabilities, ARRAY_LEN(standard_capabilities),
};

static const struct capability_list extended_list = {
	"extended capability", STANDARD_BYTES,        EXTENDED_BYTES,
	extended_header,       extended_capabilities, ARRAY_LEN(extended_capabilities),
};

/*
 * Follows the list from its first entry; of several entries with one id the first counts. Returns
 * which of the known capabilities there are, bit i for known[i].
 */
static unsigned int walk_list(struct platform *p, struct function *f,
			      const struct capability_list *list, const uint8_t *config, size_t at)
{
	bool visited[EXTENDED_BYTES / 4] = { false };
	unsigned int seen = 0;

	while (at) {
		uint16_t id;
		size_t next;

		/* the fields cannot point past the end, and entries are aligned */
		if (at < list->start) {
			platform_add_gap(p, pci_addr_str(f->addr),
					 "%s list leaves its space at %#zx and was cut there",
					 list->name, at);
			return seen;
		}
		if (visited[at / 4]) {
			platform_add_gap(p, pci_addr_str(f->addr),
					 "%s list loops at %#zx and was cut there", list->name, at);
			return seen;
		}
		visited[at / 4] = true;
		if (le32(config + at) == 0xffffffff) {
			platform_add_gap(p, pci_addr_str(f->addr),
					 "%s at %#zx reads as all ones, the list was cut there",
					 list->name, at);
			return seen;
		}
		list->header(config + at, &id, &next);
		for (size_t i = 0; i < list->nr_known; i++) {
			const struct capability *c = &list->known[i];

			if (c->id != id || seen & 1u << i)
				continue;
			seen |= 1u << i;
			if (at + c->size > list->end)
				platform_add_gap(p, pci_addr_str(f->addr),
						 "%s %#x at %#zx does not fit into config space",
						 list->name, id, at);
			else
				c->read(f, config + at, list->end - at);
		}
		at = next;
	}
	return seen;
}

static void read_bars(struct function *f, const uint8_t *config, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint32_t low = le32(config + REG_BAR0 + 4 * i);
		struct bar *bar = &f->bars[i];

		/* what the source knows of a BAR stays, and its upper half is no BAR */
		if (bar->kind == BAR_MEM64)
			i++;
		if (low == 0 || bar->kind != BAR_NONE)
			continue;
		if (low & 1) {
			bar->kind = BAR_IO;
			bar->start = low & ~3u;
			continue;
		}
		bar->kind = BAR_MEM32;
		bar->prefetchable = low & 8;
		bar->start = low & ~0xfu;
		if ((low >> 1 & 3) == 2 && i + 1 < nr) {
			bar->kind = BAR_MEM64;
			bar->start |= (uint64_t)le32(config + REG_BAR0 + 4 * ++i) << 32;
		}
	}
}

/* What a source knows from the kernel already is kept: quirks correct it, and VFs hide their ids. */
static void read_header(struct function *f, const uint8_t *config)
{
	enum header_type type = config[REG_HEADER_TYPE] & ~HEADER_MULTIFUNCTION;

	if (!f->ids_known && le16(config + REG_VENDOR) != 0xffff) {
		f->ids_known = true;
		f->vendor = le16(config + REG_VENDOR);
		f->device = le16(config + REG_DEVICE);
		f->revision = config[REG_REVISION];
	}
	if (!f->class_known) {
		f->class_known = true;
		f->class = le32(config + REG_REVISION) >> 8;
	}
	f->multifunction = config[REG_HEADER_TYPE] & HEADER_MULTIFUNCTION;
	f->multifunction_known = true;
	f->bus_master_known = true;
	f->bus_master = le16(config + REG_COMMAND) & COMMAND_MASTER;
	f->is_bridge = type == HEADER_BRIDGE || type == HEADER_CARDBUS;
	if (f->is_bridge) {
		f->secondary = config[REG_SECONDARY_BUS];
		f->subordinate = config[REG_SUBORDINATE_BUS];
	}
	if (type == HEADER_NORMAL && !f->subvendor) {
		f->subvendor = le16(config + REG_SUBVENDOR);
		f->subdevice = le16(config + REG_SUBDEVICE);
	}
	/* a VF's BARs are in its PF, its own registers read as zero */
	if (type == HEADER_NORMAL)
		read_bars(f, config, PCI_BARS);
	else if (type == HEADER_BRIDGE)
		read_bars(f, config, 2);
}

static bool all_ones(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0xff)
			return false;
	return true;
}

/*
 * Why these bytes cannot be the function's own; NULL if they can. Vendor 0000 is nobody's, and ffff is
 * what the registers of a VF say (PCIe 6.0, 9.3.4.1.1), whose ids the kernel knows from its PF.
 */
static const char *disbelief(const struct function *f, const uint8_t *config)
{
	uint16_t vendor = le16(config + REG_VENDOR);

	if (all_ones(config, HEADER_BYTES))
		return "config space reads as all ones: the function does not answer";
	if (vendor == 0)
		return "config space has no vendor: it is not what the function says";
	if (f->ids_known && vendor != 0xffff && vendor != f->vendor)
		return "config space has another vendor than the kernel knows: it is not the "
		       "function's";
	return NULL;
}

void platform_parse_config(struct platform *p, struct function *f, const uint8_t *config,
			   size_t len)
{
	const char *why = NULL;
	bool has_list, express = false;

	f->config_bytes = len >= EXTENDED_BYTES   ? EXTENDED_BYTES
			  : len >= STANDARD_BYTES ? STANDARD_BYTES
			  : len >= HEADER_BYTES   ? HEADER_BYTES
						  : 0;
	if (f->config_bytes)
		why = disbelief(f, config);
	if (why) {
		platform_add_gap(p, pci_addr_str(f->addr), "%s", why);
		f->config_bytes = 0;
	}
	if (!f->config_bytes)
		return;

	read_header(f, config);
	has_list = le16(config + REG_STATUS) & STATUS_CAPABILITIES;
	if (has_list && f->config_bytes < STANDARD_BYTES)
		return; /* where the list starts is seen, what is in it is not */
	if (has_list) {
		bool cardbus = (config[REG_HEADER_TYPE] & ~HEADER_MULTIFUNCTION) == HEADER_CARDBUS;
		size_t first = config[cardbus ? REG_CARDBUS_CAPABILITIES : REG_CAPABILITIES];

		express = walk_list(p, f, &standard_list, config, first & ~3u) &
			  1u << STANDARD_EXPRESS;
	}
	if (!express)
		f->port_type = f->is_bridge ? PORT_CONVENTIONAL_BRIDGE : PORT_CONVENTIONAL;

	/* an empty list is one header of zeros (PCIe 6.0, 7.6.2) */
	if (f->config_bytes == EXTENDED_BYTES && le32(config + STANDARD_BYTES) != 0)
		walk_list(p, f, &extended_list, config, STANDARD_BYTES);
	if (f->acs.known == KNOWN_NO && (f->config_bytes == EXTENDED_BYTES || !express))
		f->acs.known = KNOWN_ABSENT;
}
