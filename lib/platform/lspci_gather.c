/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what lspci text has shown of functions to the model: what one function's lines and hex say
 * together, several accounts of one function, and what only all functions together tell. Where there
 * are both hex and lines, hex is the truth.
 */
#include "platform/lspci.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "platform/virtual.h"

/* How much of what a function shows is certain. */
struct note {
	bool hex;
	bool interface_unseen; /* of the class only its first two parts */
	bool extended; /* extended capabilities were shown */
	bool no_acs_seen; /* ACS is not there, if the text shows extended capabilities at all */
};

/* --- one function ---------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && strcmp(s + len - n, end) == 0;
}

/* Looking up names whose numbers are there would take longer than reading all of them. */
static bool registers_tell_class(const struct shown *shown)
{
	return shown->config_len >= 64 && shown->config[0x0b] != 0xff;
}

static void set_identity(struct gathered *g, struct shown *s, struct note *note, struct headline *h)
{
	struct function *f = &s->f;
	uint16_t class;

	f->name = take_ptr(h->name);
	/* lspci -nn has the id of a device without a name in the bracket only */
	if (h->has_ids && f->name && ends_with(f->name, " Device")) {
		free(f->name);
		f->name = pci_names_of(g->names, h->vendor, h->device);
	}
	f->revision = h->revision;
	f->ids_known = h->has_ids;
	f->vendor = h->vendor;
	f->device = h->device;
	f->class_known = h->has_class;
	f->class = h->class;
	if (h->class_name && !registers_tell_class(s) &&
	    pci_names_find_class(g->names, h->class_name, &class)) {
		f->class_known = true;
		f->class |= (uint32_t) class << 8;
	}
	/* decoded lines leave out what is zero and has no name */
	note->interface_unseen = f->class_known && !h->has_interface && !s->verbose;
}

/* class 0604, 0609: PCI-to-PCI, 0607: CardBus */
static bool is_bridge_class(const struct function *f)
{
	uint32_t class = f->class >> 8;

	return f->class_known && (class == 0x0604 || class == 0x0607 || class == 0x0609);
}

/* What is not shown is absent only where all that there is was shown. */
static void conclude(struct shown *shown, struct note *note)
{
	struct function *f = &shown->f;
	bool all = shown->verbose && shown->whole && !shown->denied && !shown->broken;
	bool conventional = all && !shown->express;
	const uint32_t acs_bits = ACS_SV | ACS_TB | ACS_RR | ACS_CR | ACS_UF | ACS_EC | ACS_DT;

	f->is_bridge |= is_bridge_class(f);
	if (conventional)
		f->port_type = f->is_bridge ? PORT_CONVENTIONAL_BRIDGE : PORT_CONVENTIONAL;
	f->link.known = shown->link_capability && shown->link_status && f->link.max_width;
	/* what old lspci shows as the link of an integrated function is not there */
	if (f->port_type == PORT_RC_ENDPOINT || f->port_type == PORT_RC_EVENT_COLLECTOR) {
		f->link.known = false;
		f->express.link_control = (struct reg){ 0 };
	}
	if (!f->link.known)
		f->link = (struct link){ 0 };
	f->bus_master_known = reg_seen(f->command, COMMAND_MASTER);
	f->bus_master = reg_is_set(f->command, COMMAND_MASTER);
	f->nr_virtual = reg_is_set(f->sriov_control, SRIOV_VF_ENABLE) ? shown->virtual_now : 0;
	if (f->acs.known == KNOWN_NO && conventional)
		f->acs.known = KNOWN_ABSENT;
	else if (f->acs.known == KNOWN_NO && all)
		note->no_acs_seen = true;
	if (f->acs.known == KNOWN_PRESENT && reg_seen(shown->acs_capability, acs_bits) &&
	    reg_seen(shown->acs_control, acs_bits)) {
		f->acs.capability = (uint16_t)shown->acs_capability.value;
		f->acs.control = (uint16_t)shown->acs_control.value;
	} else if (f->acs.known == KNOWN_PRESENT) {
		f->acs = (struct acs){ 0 };
	}
	note->extended = shown->extended;
	f->config_bytes = shown->extended && all                        ? 4096
			  : shown->standard || (all && !shown->express) ? 256
			  : shown->verbose                              ? 64
									: 0;
}

static bool has_bars(const struct function *f)
{
	for (int i = 0; i < PCI_BARS; i++)
		if (f->bars[i].kind != BAR_NONE)
			return true;
	return false;
}

/* Of every register the bits that only from shows. */
static void fill_registers(struct function *to, const struct function *from)
{
	static const size_t registers[] = {
		offsetof(struct function, command),
		offsetof(struct function, bridge_control),
		offsetof(struct function, express.device_capabilities),
		offsetof(struct function, express.device_control),
		offsetof(struct function, express.device_status),
		offsetof(struct function, express.link_control),
		offsetof(struct function, express.slot_capabilities),
		offsetof(struct function, express.slot_status),
		offsetof(struct function, express.device_capabilities_2),
		offsetof(struct function, express.device_control_2),
		offsetof(struct function, errors.uncorrectable),
		offsetof(struct function, errors.uncorrectable_mask),
		offsetof(struct function, errors.correctable),
		offsetof(struct function, errors.dpc_control),
		offsetof(struct function, errors.dpc_status),
		offsetof(struct function, ats_control),
		offsetof(struct function, pri_control),
		offsetof(struct function, pasid_control),
		offsetof(struct function, sriov_control),
	};

	for (size_t i = 0; i < ARRAY_LEN(registers); i++) {
		struct reg *a = (struct reg *)((char *)to + registers[i]);
		const struct reg *b = (const struct reg *)((const char *)from + registers[i]);

		register_set(a, b->seen & ~a->seen, b->value);
	}
}

static void fill_presence(struct function *to, const struct function *from)
{
	static const size_t presences[] = {
		offsetof(struct function, has_ats),       offsetof(struct function, has_pri),
		offsetof(struct function, has_pasid),     offsetof(struct function, has_aer),
		offsetof(struct function, has_dpc),       offsetof(struct function, has_sriov),
		offsetof(struct function, has_dsn),       offsetof(struct function, has_rebar),
		offsetof(struct function, has_multicast), offsetof(struct function, has_ntb),
		offsetof(struct function, has_cxl),       offsetof(struct function, has_ide),
	};

	for (size_t i = 0; i < ARRAY_LEN(presences); i++)
		*((bool *)((char *)to + presences[i])) |=
			*((const bool *)((const char *)from + presences[i]));
}

/* Takes what to does not know from from, whose strings are moved or freed. */
static void fill(struct function *to, struct function *from)
{
	if (!to->ids_known) {
		to->ids_known = from->ids_known;
		to->vendor = from->vendor;
		to->device = from->device;
		to->revision = from->revision;
	}
	if (!to->subvendor) {
		to->subvendor = from->subvendor;
		to->subdevice = from->subdevice;
	}
	if (!to->class_known) {
		to->class_known = from->class_known;
		to->class = from->class;
	}
	if (to->port_type == PORT_UNKNOWN)
		to->port_type = from->port_type;
	if (!to->multifunction_known) {
		to->multifunction_known = from->multifunction_known;
		to->multifunction = from->multifunction;
	}
	if (!to->is_bridge || !to->secondary) {
		to->is_bridge |= from->is_bridge;
		to->secondary = from->secondary;
		to->subordinate = from->subordinate;
	}
	if (!to->bus_master_known) {
		to->bus_master_known = from->bus_master_known;
		to->bus_master = from->bus_master;
	}
	if (!to->max_virtual && !to->first_virtual) {
		to->max_virtual = from->max_virtual;
		to->nr_virtual = from->nr_virtual;
		to->first_virtual = from->first_virtual;
		to->virtual_stride = from->virtual_stride;
		to->virtual_device = from->virtual_device;
	}
	if (to->numa_node == NUMA_UNKNOWN)
		to->numa_node = from->numa_node;
	if (to->iommu_group == GROUP_UNKNOWN)
		to->iommu_group = from->iommu_group;
	if (to->config_bytes < from->config_bytes)
		to->config_bytes = from->config_bytes;
	if (to->acs.known == KNOWN_NO)
		to->acs = from->acs;
	if (!to->link.known)
		to->link = from->link;
	if (!has_bars(to)) {
		memcpy(to->bars, from->bars, sizeof(to->bars));
		to->bars_unnumbered = from->bars_unnumbered;
	}
	if (!to->power_known) {
		to->power_known = from->power_known;
		to->powered = from->powered;
	}
	if (!to->nr_rebars) {
		to->nr_rebars = from->nr_rebars;
		memcpy(to->rebars, from->rebars, sizeof(to->rebars));
	}
	for (size_t i = 0; i < NR_WINDOWS; i++)
		if (!to->windows[i].known)
			to->windows[i] = from->windows[i];
	fill_registers(to, from);
	fill_presence(to, from);
	if (!to->name)
		to->name = take_ptr(from->name);
	if (!to->driver)
		to->driver = take_ptr(from->driver);
	free(from->name);
	free(from->driver);
}

/* The registers say first, and the kernel's regions, which have sizes, stay. */
static void use_config(struct platform *p, struct shown *s, struct note *note)
{
	struct function decoded = s->f;
	struct function f = platform_function(decoded.addr);
	const uint8_t *config = s->config;

	if (s->config_len < 64)
		return;
	/* the registers of a VF have no ids: the kernel knows them from its PF */
	if (config[0] == 0xff && config[1] == 0xff && decoded.ids_known) {
		f.ids_known = true;
		f.vendor = decoded.vendor;
		f.device = decoded.device;
		f.revision = decoded.revision;
	}
	if (!decoded.bars_unnumbered) /* otherwise only the registers know which is which */
		memcpy(f.bars, decoded.bars, sizeof(f.bars));
	platform_parse_config(p, &f, config, s->config_len);
	note->hex = f.config_bytes;
	if (note->hex) {
		note->interface_unseen = false;
		note->no_acs_seen &= f.acs.known == KNOWN_NO;
	}
	fill(&f, &decoded);
	s->f = f;
}

void gather_add(struct gathered *g, struct shown *s)
{
	struct note note = { 0 };
	struct headline h;

	/* an address at the start of a line and nothing else does not make a function */
	if (!headline_parse(s->headline, &h) && !s->config_len) {
		free(s->f.driver);
		return;
	}
	set_identity(g, s, &note, &h);
	free(h.class_name);
	conclude(s, &note);
	use_config(g->p, s, &note);
	if (g->nr == g->room) {
		g->room = g->room ? g->room * 2 : 64;
		g->functions = xreallocarray(g->functions, g->room, sizeof(*g->functions));
		g->notes = xreallocarray(g->notes, g->room, sizeof(*g->notes));
	}
	g->functions[g->nr] = s->f;
	g->notes[g->nr++] = note;
}

/* --- all functions --------------------------------------------------------------------------------- */

/* A function's address and its place before they are ordered. */
struct place_of {
	struct pci_addr addr;
	size_t at;
};

static int by_address(const void *a, const void *b)
{
	const struct place_of *x = a, *y = b;
	int order = pci_addr_cmp(x->addr, y->addr);

	return order ? order : x->at < y->at ? -1 : 1;
}

static bool in_order(const struct gathered *g)
{
	for (size_t i = 1; i < g->nr; i++)
		if (pci_addr_cmp(g->functions[i - 1].addr, g->functions[i].addr) > 0)
			return false;
	return true;
}

/* By address, and accounts of one function as they came. Most texts are in order. */
static void put_in_order(struct gathered *g)
{
	autofree struct place_of *places = NULL;
	struct function *functions;
	struct note *notes;

	if (in_order(g))
		return;
	places = xcalloc(g->nr, sizeof(*places));
	for (size_t i = 0; i < g->nr; i++)
		places[i] = (struct place_of){ g->functions[i].addr, i };
	qsort(places, g->nr, sizeof(*places), by_address);
	functions = xreallocarray(NULL, g->room, sizeof(*functions));
	notes = xreallocarray(NULL, g->room, sizeof(*notes));
	for (size_t i = 0; i < g->nr; i++) {
		functions[i] = g->functions[places[i].at];
		notes[i] = g->notes[places[i].at];
	}
	free(g->functions);
	free(g->notes);
	g->functions = functions;
	g->notes = notes;
}

/* What two accounts of one function say against each other, NULL if nothing. */
static const char *contradiction(const struct function *a, const struct function *b)
{
	if (a->ids_known && b->ids_known && (a->vendor != b->vendor || a->device != b->device))
		return "vendor and device";
	if (a->port_type != PORT_UNKNOWN && b->port_type != PORT_UNKNOWN &&
	    a->port_type != b->port_type)
		return "port type";
	if (a->is_bridge && b->is_bridge && a->secondary && b->secondary &&
	    a->secondary != b->secondary)
		return "bus numbers";
	if (a->acs.known != KNOWN_NO && b->acs.known != KNOWN_NO &&
	    (a->acs.known != b->acs.known || a->acs.control != b->acs.control))
		return "ACS";
	return NULL;
}

/* Another account of the function joins the one that is there; the richer one counts. */
static void merge(struct gathered *g, size_t to, size_t from)
{
	struct function *a = &g->functions[to], *b = &g->functions[from];
	bool richer =
		b->config_bytes > a->config_bytes ||
		(b->config_bytes == a->config_bytes && g->notes[from].hex && !g->notes[to].hex);
	const char *what = contradiction(a, b);

	if (what)
		platform_add_gap(
			g->p, pci_addr_str(a->addr),
			"is shown more than once, with different %s: the account that shows "
			"more counts",
			what);
	if (richer) {
		struct function f = *a;
		struct note n = g->notes[to];

		*a = *b;
		*b = f;
		g->notes[to] = g->notes[from];
		g->notes[from] = n;
	}
	g->notes[to].extended |= g->notes[from].extended;
	fill(a, b);
}

static void merge_all(struct gathered *g)
{
	size_t n = 0;

	put_in_order(g);
	for (size_t i = 0; i < g->nr; i++) {
		if (n && pci_addr_eq(g->functions[n - 1].addr, g->functions[i].addr)) {
			merge(g, n - 1, i);
			continue;
		}
		g->functions[n] = g->functions[i];
		g->notes[n++] = g->notes[i];
	}
	g->nr = n;
}

/* Regions that lspci calls virtual or unassigned are not said to be disabled. */
static void mark_disabled(struct platform *p)
{
	for (size_t i = 0; i < p->nr_functions; i++) {
		struct function *f = &p->functions[i];

		for (size_t b = 0; b < PCI_BARS; b++)
			f->bars[b].disabled |= f->bars[b].kind != BAR_NONE &&
					       reg_is_clear(f->command, f->bars[b].kind == BAR_IO
										? COMMAND_IO
										: COMMAND_MEMORY);
	}
}

/* A second function is looked for only where the first says that there can be one. */
static void mark_multifunction(struct platform *p)
{
	for (size_t i = 1; i < p->nr_functions; i++) {
		struct pci_addr addr = p->functions[i].addr;
		const struct function *found;
		struct function *first;

		if (!addr.fn || p->functions[i].is_virtual || p->functions[i].maybe_virtual)
			continue;
		addr.fn = 0;
		found = platform_find(p, addr);
		if (!found || found->multifunction_known)
			continue;
		first = &p->functions[found - p->functions];
		first->multifunction = first->multifunction_known = true;
	}
}

/* Last of all, for those whose numbers nothing has told. Returns how many were found. */
static size_t look_up_ids(struct platform *p, struct pci_names *names)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nr_functions; i++) {
		struct function *f = &p->functions[i];

		if (f->ids_known || !f->name)
			continue;
		f->ids_known = pci_names_find_device(names, f->name, &f->vendor, &f->device);
		n += f->ids_known;
	}
	return n;
}

static void add_gaps(struct platform *p, size_t by_name, size_t no_interface)
{
	size_t no_ids = 0;

	for (size_t i = 0; i < p->nr_functions; i++)
		no_ids += !p->functions[i].ids_known;
	if (by_name)
		platform_add_gap(
			p, "vendor and device",
			"of %zu of %zu functions were not shown as numbers and were looked up "
			"by name",
			by_name, p->nr_functions);
	if (no_ids)
		platform_add_gap(
			p, "vendor and device",
			"of %zu of %zu functions are not known: their names are not in the PCI "
			"id database, or mean more than one device; lspci -nn shows numbers",
			no_ids, p->nr_functions);
	if (no_interface)
		platform_add_gap(
			p, "class",
			"of %zu of %zu functions is shown without its programming interface",
			no_interface, p->nr_functions);
}

/*
 * Extended capabilities are left out without a word where config space beyond byte 256 cannot be
 * reached, and then by every function of the domain: [from, to) are one's.
 */
static void conclude_no_acs(struct gathered *g, size_t from, size_t to)
{
	bool extended = false;

	for (size_t i = from; i < to; i++)
		extended |= g->notes[i].extended;
	for (size_t i = from; i < to; i++) {
		struct function *f = &g->functions[i];

		if (!extended || !g->notes[i].no_acs_seen || f->acs.known != KNOWN_NO)
			continue;
		f->acs.known = KNOWN_ABSENT;
		f->config_bytes = 4096;
	}
}

static void conclude_domains(struct gathered *g)
{
	size_t from = 0;

	for (size_t i = 1; i <= g->nr; i++) {
		if (i < g->nr && g->functions[i].addr.domain == g->functions[from].addr.domain)
			continue;
		conclude_no_acs(g, from, i);
		from = i;
	}
}

void gather_finish(struct gathered *g)
{
	struct platform *p = g->p;
	size_t no_interface = 0;

	merge_all(g);
	conclude_domains(g);
	for (size_t i = 0; i < g->nr; i++) {
		no_interface += g->notes[i].interface_unseen;
		if (g->functions[i].iommu_group != GROUP_UNKNOWN)
			p->iommu_groups = KNOWN_PRESENT;
	}
	platform_adopt(p, take_ptr(g->functions), g->nr, g->room);
	g->nr = 0;
	virtual_mark(p);
	mark_disabled(p);
	mark_multifunction(p);
	add_gaps(p, look_up_ids(p, g->names), no_interface);
}

void gather_release(struct gathered *g)
{
	for (size_t i = 0; i < g->nr; i++) {
		free(g->functions[i].name);
		free(g->functions[i].driver);
	}
	free(g->functions);
	free(g->notes);
	pci_names_close(g->names);
}
