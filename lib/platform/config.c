/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading PCI config space: the header, the capability list, the extended capability list, and of
 * each capability what the model holds. Pure, over bytes that may be cut short or hostile: nothing
 * is read past the length given, and a list that loops or leaves its space is cut with a gap.
 *
 * Registers: PCI Local Bus 3.0 chapter 6, PCIe Base 6.0 chapter 7.
 */
#include "platform/config.h"

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
	REG_IO_BASE = 0x1c, /* these of bridges */
	REG_IO_LIMIT = 0x1d,
	REG_MEMORY_BASE = 0x20,
	REG_MEMORY_LIMIT = 0x22,
	REG_PREFETCHABLE_BASE = 0x24,
	REG_PREFETCHABLE_LIMIT = 0x26,
	REG_PREFETCHABLE_BASE_UPPER = 0x28,
	REG_PREFETCHABLE_LIMIT_UPPER = 0x2c,
	REG_IO_BASE_UPPER = 0x30,
	REG_IO_LIMIT_UPPER = 0x32,
	REG_CAPABILITIES = 0x34,
	REG_BRIDGE_CONTROL = 0x3e,
};

#define STATUS_CAPABILITIES 0x0010u
#define HEADER_MULTIFUNCTION 0x80u

enum header_type { HEADER_NORMAL, HEADER_BRIDGE, HEADER_CARDBUS };

/* On the way through one list of one function. */
struct walk {
	struct platform *p;
	struct function *f;
	const struct capability_list *list;
	const uint8_t *config;
	bool is_virtual;
	unsigned int seen; /* bit i: there is list->known[i] */
};

/* The entry with this id at `at`, if the model has something of it; of several the first counts. */
static void read_entry(struct walk *w, uint16_t id, size_t at)
{
	size_t left = w->list->end - at;
	const struct cap cap = {
		.at = w->config + at,
		.room = left < ENTRY_BYTES ? left : ENTRY_BYTES,
		.is_virtual = w->is_virtual,
	};

	for (size_t i = 0; i < w->list->nr_known; i++) {
		const struct capability *c = &w->list->known[i];

		if (c->id != id || (w->seen & 1u << i && !c->every))
			continue;
		w->seen |= 1u << i;
		if (c->size > cap.room) {
			platform_add_gap(w->p, pci_addr_str(w->f->addr),
					 "%s %#x at %#zx does not fit into config space",
					 w->list->name, id, at);
			continue;
		}
		if (c->has)
			*(bool *)((char *)w->f + c->has) = true;
		if (c->read)
			c->read(w->f, &cap);
	}
}

static void cut(const struct walk *w, const char *why, size_t at)
{
	platform_add_gap(w->p, pci_addr_str(w->f->addr), "%s %s at %#zx and was cut there",
			 w->list->name, why, at);
}

/* Follows the list from its first entry. */
static void walk_list(struct walk *w, size_t at)
{
	bool visited[EXTENDED_BYTES / 4] = { false };

	while (at) {
		uint16_t id;
		size_t next;

		/* the fields cannot point past the end, and entries are aligned */
		if (at < w->list->start)
			return cut(w, "list leaves its space", at);
		if (visited[at / 4])
			return cut(w, "list loops", at);
		visited[at / 4] = true;
		if (le32(w->config + at) == 0xffffffff)
			return cut(w, "list reads as all ones", at);
		w->list->header(w->config + at, &id, &next);
		read_entry(w, id, at);
		at = next;
	}
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
			bar->unassigned = !bar->start;
			continue;
		}
		bar->kind = BAR_MEM32;
		bar->prefetchable = low & 8;
		bar->start = low & ~0xfu;
		if ((low >> 1 & 3) == 2 && i + 1 < nr) {
			bar->kind = BAR_MEM64;
			bar->start |= (uint64_t)le32(config + REG_BAR0 + 4 * ++i) << 32;
		}
		bar->unassigned = !bar->start;
	}
}

/* A VF's decoder is its PF's VF Memory Space Enable, and on while there are VFs. */
static void mark_disabled_bars(struct function *f)
{
	for (size_t i = 0; i < PCI_BARS; i++)
		f->bars[i].disabled |=
			f->bars[i].kind != BAR_NONE &&
			reg_is_clear(f->command,
				     f->bars[i].kind == BAR_IO ? COMMAND_IO : COMMAND_MEMORY);
}

/*
 * A window that is not implemented reads as zeros and forwards nothing; that of memory always is
 * implemented. What a source knows stays: its addresses are the CPU's, these are the bus's.
 */
static void read_window(struct function *f, enum window_kind kind, uint64_t start, uint64_t end,
			bool implemented)
{
	struct window *w = &f->windows[kind];

	if (!w->known)
		*w = implemented ? (struct window){ true, start, end }
				 : (struct window){ true, 1, 0 };
}

static void read_windows(struct function *f, const uint8_t *config)
{
	enum { IO_32 = 0x01, PREFETCHABLE_64 = 0x01, IO_UNIT = 0xfff, MEMORY_UNIT = 0xfffff };
	uint64_t start = (uint64_t)(config[REG_IO_BASE] & 0xf0) << 8;
	uint64_t end = (uint64_t)(config[REG_IO_LIMIT] & 0xf0) << 8 | IO_UNIT;

	if ((config[REG_IO_BASE] & 0xf) == IO_32) {
		start |= (uint64_t)le16(config + REG_IO_BASE_UPPER) << 16;
		end |= (uint64_t)le16(config + REG_IO_LIMIT_UPPER) << 16;
	}
	read_window(f, WINDOW_IO, start, end, le16(config + REG_IO_BASE));
	read_window(f, WINDOW_MEMORY, (uint64_t)(le16(config + REG_MEMORY_BASE) & 0xfff0u) << 16,
		    (uint64_t)(le16(config + REG_MEMORY_LIMIT) & 0xfff0u) << 16 | MEMORY_UNIT,
		    true);
	start = (uint64_t)(le16(config + REG_PREFETCHABLE_BASE) & 0xfff0u) << 16;
	end = (uint64_t)(le16(config + REG_PREFETCHABLE_LIMIT) & 0xfff0u) << 16 | MEMORY_UNIT;
	if ((config[REG_PREFETCHABLE_BASE] & 0xf) == PREFETCHABLE_64) {
		start |= (uint64_t)le32(config + REG_PREFETCHABLE_BASE_UPPER) << 32;
		end |= (uint64_t)le32(config + REG_PREFETCHABLE_LIMIT_UPPER) << 32;
	}
	read_window(f, WINDOW_PREFETCHABLE, start, end, le32(config + REG_PREFETCHABLE_BASE));
}

/* What a source knows from the kernel already is kept: quirks correct it, and VFs hide their ids. */
static void read_header(struct function *f, const uint8_t *config, bool is_virtual)
{
	enum header_type type = config[REG_HEADER_TYPE] & ~HEADER_MULTIFUNCTION;

	if (!f->ids_known && le16(config + REG_VENDOR) != 0xffff) {
		f->ids_known = true;
		f->vendor = le16(config + REG_VENDOR);
		f->device = le16(config + REG_DEVICE);
	}
	f->revision = config[REG_REVISION];
	if (!f->class_known) {
		f->class_known = true;
		f->class = le32(config + REG_REVISION) >> 8;
	}
	f->multifunction = config[REG_HEADER_TYPE] & HEADER_MULTIFUNCTION;
	f->multifunction_known = true;
	f->command =
		(struct reg){ le16(config + REG_COMMAND), is_virtual ? COMMAND_MASTER : 0xffff };
	f->command.value &= f->command.seen;
	f->bus_master_known = true;
	f->bus_master = f->command.value & COMMAND_MASTER;
	f->is_bridge = type == HEADER_BRIDGE || type == HEADER_CARDBUS;
	if (f->is_bridge) {
		f->secondary = config[REG_SECONDARY_BUS];
		f->subordinate = config[REG_SUBORDINATE_BUS];
		f->bridge_control = (struct reg){ le16(config + REG_BRIDGE_CONTROL), 0xffff };
	}
	if (type == HEADER_BRIDGE)
		read_windows(f, config);
	if (type == HEADER_NORMAL && !f->subvendor) {
		f->subvendor = le16(config + REG_SUBVENDOR);
		f->subdevice = le16(config + REG_SUBDEVICE);
	}
	/* a VF's BARs are in its PF, its own registers read as zero */
	if (type == HEADER_NORMAL)
		read_bars(f, config, PCI_BARS);
	else if (type == HEADER_BRIDGE)
		read_bars(f, config, 2);
	mark_disabled_bars(f);
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

/*
 * tar makes files as long as they said that they were, and fills up with zeros what it was not shown:
 * without root all behind the header, the capability there that the header points to included.
 */
static bool is_filled_up(const uint8_t *config, size_t len)
{
	if (len <= HEADER_BYTES || !(le16(config + REG_STATUS) & STATUS_CAPABILITIES) ||
	    config[REG_CAPABILITIES] < HEADER_BYTES)
		return false;
	for (size_t i = HEADER_BYTES; i < len; i++)
		if (config[i])
			return false;
	return true;
}

void platform_parse_config(struct platform *p, struct function *f, const uint8_t *config,
			   size_t len)
{
	const char *why = NULL;
	struct walk w = { .p = p, .f = f, .list = &standard_list, .config = config };
	bool has_list, express;

	if (is_filled_up(config, len))
		len = HEADER_BYTES;
	f->config_bytes = len >= EXTENDED_BYTES   ? EXTENDED_BYTES
			  : len >= STANDARD_BYTES ? STANDARD_BYTES
			  : len >= HEADER_BYTES   ? HEADER_BYTES
						  : 0;
	if (f->config_bytes) {
		why = disbelief(f, config);
		f->silent = all_ones(config, HEADER_BYTES);
	}
	if (why) {
		platform_add_gap(p, pci_addr_str(f->addr), "%s", why);
		f->config_bytes = 0;
	}
	if (!f->config_bytes)
		return;

	/* a VF's vendor reads as ffff (PCIe 6.0, 9.3.4.1.1), whatever the source says of it */
	w.is_virtual = f->is_virtual || le16(config + REG_VENDOR) == 0xffff;
	read_header(f, config, w.is_virtual);
	has_list = le16(config + REG_STATUS) & STATUS_CAPABILITIES;
	if (has_list && f->config_bytes < STANDARD_BYTES)
		return; /* where the list starts is seen, what is in it is not */
	if (has_list) {
		bool cardbus = (config[REG_HEADER_TYPE] & ~HEADER_MULTIFUNCTION) == HEADER_CARDBUS;
		size_t first = config[cardbus ? REG_CARDBUS_CAPABILITIES : REG_CAPABILITIES];

		walk_list(&w, first & ~3u);
	}
	express = w.seen & 1u << STANDARD_EXPRESS;
	if (!express)
		f->port_type = f->is_bridge ? PORT_CONVENTIONAL_BRIDGE : PORT_CONVENTIONAL;

	/* an empty list is one header of zeros (PCIe 6.0, 7.6.2) */
	w.list = &extended_list;
	w.seen = 0;
	if (f->config_bytes == EXTENDED_BYTES && le32(config + STANDARD_BYTES) != 0)
		walk_list(&w, STANDARD_BYTES);
	if (f->acs.known == KNOWN_NO && (f->config_bytes == EXTENDED_BYTES || !express))
		f->acs.known = KNOWN_ABSENT;
}
