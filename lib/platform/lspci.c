/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lspci text as a platform source, as people attach it: hex of any length, decoded lines, or both,
 * with what mail, terminals and web forms do to it. The text is read once from front to back through
 * one buffer, a line at a time and without allocation for lines; hex goes straight into the config
 * space of the function at hand. Where there are both, hex is the truth. What the lines mean is for
 * lspci_fields.c to know.
 */
#include "platform/lspci.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "platform/virtual.h"

/* A line that does not fit is no line of lspci, and is skipped. */
#define BUFFER_BYTES (256u * 1024)
#define TEXT_MAX 1024 /* of a field with its wrapped lines; more of it is not looked at */
#define WRAP_WIDTH 60 /* mail does not wrap lines shorter than this */
#define HEX_COLUMNS 16

/* A function as it was shown, and how much of what it says is certain. */
struct seen {
	struct function f;
	bool hex;
	bool interface_unseen; /* of the class only its first two parts */
	bool extended; /* extended capabilities were shown */
	bool no_acs_seen; /* ACS is not there, if the text shows extended capabilities at all */
};

struct reader {
	struct platform *p;
	struct pci_names *names;
	struct seen *seen;
	size_t nr, room;

	bool open; /* there is a function at hand */
	struct shown at_hand;
	char headline[TEXT_MAX];
	size_t headline_len;

	const struct field *field; /* whose text is being put together */
	char text[TEXT_MAX];
	size_t text_len;
	bool in_headline; /* nothing but the function's first line came so far */
	bool was_long; /* the last line was long enough to be wrapped */
};

/* --- putting together what one function shows --------------------------------------------------- */

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

static void set_identity(struct reader *r, struct seen *s, struct headline *h)
{
	struct function *f = &s->f;
	uint16_t class;

	f->name = take_ptr(h->name);
	/* lspci -nn has the id of a device without a name in the bracket only */
	if (h->has_ids && f->name && ends_with(f->name, " Device")) {
		free(f->name);
		f->name = pci_names_of(r->names, h->vendor, h->device);
	}
	f->revision = h->revision;
	f->ids_known = h->has_ids;
	f->vendor = h->vendor;
	f->device = h->device;
	f->class_known = h->has_class;
	f->class = h->class;
	if (h->class_name && !registers_tell_class(&r->at_hand) &&
	    pci_names_find_class(r->names, h->class_name, &class)) {
		f->class_known = true;
		f->class |= (uint32_t) class << 8;
	}
	/* decoded lines leave out what is zero and has no name */
	s->interface_unseen = f->class_known && !h->has_interface && !r->at_hand.verbose;
}

/* class 0604, 0609: PCI-to-PCI, 0607: CardBus */
static bool is_bridge_class(const struct function *f)
{
	uint32_t class = f->class >> 8;

	return f->class_known && (class == 0x0604 || class == 0x0607 || class == 0x0609);
}

/* What is not shown is absent only where all that there is was shown. */
static void conclude(struct seen *s, const struct shown *shown)
{
	struct function *f = &s->f;
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
		s->no_acs_seen = true;
	if (f->acs.known == KNOWN_PRESENT && reg_seen(shown->acs_capability, acs_bits) &&
	    reg_seen(shown->acs_control, acs_bits)) {
		f->acs.capability = (uint16_t)shown->acs_capability.value;
		f->acs.control = (uint16_t)shown->acs_control.value;
	} else if (f->acs.known == KNOWN_PRESENT) {
		f->acs = (struct acs){ 0 };
	}
	s->extended = shown->extended;
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
static void use_config(struct reader *r, struct seen *s)
{
	struct function decoded = s->f;
	struct function f = platform_function(decoded.addr);
	const uint8_t *config = r->at_hand.config;

	if (r->at_hand.config_len < 64)
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
	platform_parse_config(r->p, &f, config, r->at_hand.config_len);
	s->hex = f.config_bytes;
	if (s->hex) {
		s->interface_unseen = false;
		s->no_acs_seen &= f.acs.known == KNOWN_NO;
	}
	fill(&f, &decoded);
	s->f = f;
}

static void add_seen(struct reader *r, const struct seen *s)
{
	if (r->nr == r->room) {
		r->room = r->room ? r->room * 2 : 64;
		r->seen = xreallocarray(r->seen, r->room, sizeof(*r->seen));
	}
	r->seen[r->nr++] = *s;
}

static void end_field(struct reader *r)
{
	const struct field *field = r->field;

	r->field = NULL;
	if (!field || (field->part != PART_ANY && field->part != r->at_hand.part))
		return;
	r->text[r->text_len] = '\0';
	field->read(&r->at_hand, field, r->text);
}

static void end_function(struct reader *r, bool more_follows)
{
	struct seen s = { 0 };
	struct headline h;

	end_field(r);
	if (!r->open)
		return;
	r->open = false;
	s.f = r->at_hand.f;
	r->headline[r->headline_len] = '\0';
	r->at_hand.whole |= more_follows;
	/* an address at the start of a line and nothing else does not make a function */
	if (!headline_parse(r->headline, &h) && !r->at_hand.config_len) {
		free(s.f.driver);
		return;
	}
	set_identity(r, &s, &h);
	free(h.class_name);
	conclude(&s, &r->at_hand);
	use_config(r, &s);
	add_seen(r, &s);
}

/* --- lines --------------------------------------------------------------------------------------- */

/* A digit's value and one more, 0 for what is no digit. */
static const uint8_t hex_digits[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Two digits as a byte; anything above 0xff: they are not two digits. */
static inline unsigned int hex_byte(const char *s)
{
	return (hex_digits[(uint8_t)s[0]] - 1u) << 4 | (hex_digits[(uint8_t)s[1]] - 1u);
}

/* The row's offset and the length of "40: " or "140: "; 0 if it is no row. */
static size_t row_start(const char *s, const char *end, unsigned int *offset)
{
	unsigned int high;

	if (end - s < 6)
		return 0;
	high = hex_byte(s);
	if (high > 0xff)
		return 0;
	if (s[2] == ':' && s[3] == ' ') {
		*offset = high;
		return 4;
	}
	*offset = high << 4 | (hex_digits[(uint8_t)s[2]] - 1u);
	return hex_digits[(uint8_t)s[2]] && s[3] == ':' && s[4] == ' ' ? 5 : 0;
}

/*
 * The rows of a whole dump, which are nearly all of its bytes: each of 16 bytes and in order. Returns
 * where the first line begins that is anything else.
 */
static const char *read_plain_rows(struct shown *s, const char *line, const char *end)
{
	enum { ROW = 5 + 3 * HEX_COLUMNS };

	while (end - line >= ROW && s->config_len + HEX_COLUMNS <= SHOWN_CONFIG_MAX) {
		uint8_t *config = s->config + s->config_len;
		unsigned int offset, bad = 0;
		size_t start = row_start(line, end, &offset);
		const char *at = line + start;

		if (!start || offset != s->config_len || at[3 * HEX_COLUMNS - 1] != '\n')
			break;
		for (int i = 0; i < HEX_COLUMNS; i++) {
			unsigned int byte = hex_byte(at + 3 * i);

			bad |= byte;
			config[i] = (uint8_t)byte;
		}
		if (bad > 0xff)
			break;
		s->config_len += HEX_COLUMNS;
		line = at + 3 * HEX_COLUMNS;
	}
	return line;
}

/* A row of up to 16 bytes. Rows that were there, or that leave a hole, are passed over. */
static bool read_row(struct reader *r, const char *line, const char *end)
{
	struct shown *s = &r->at_hand;
	unsigned int offset;
	size_t start = row_start(line, end, &offset);
	const char *at = line + start;

	if (!start || hex_byte(at) > 0xff)
		return false;
	end_field(r);
	r->in_headline = false;
	if (!r->open || offset != s->config_len)
		return true;
	for (int i = 0; i < HEX_COLUMNS && s->config_len < SHOWN_CONFIG_MAX; i++, at += 3) {
		unsigned int byte = end - at >= 2 ? hex_byte(at) : 0x100;

		if (byte > 0xff || (end - at > 2 && at[2] != ' '))
			break;
		s->config[s->config_len++] = (uint8_t)byte;
	}
	return true;
}

/* "0000:3b:00.0 " or "3b:00.0 " or the end; *rest is what follows. */
static bool read_address(const char *line, const char *end, struct pci_addr *addr,
			 const char **rest)
{
	char word[PCI_ADDR_TEXT_MAX];
	size_t len = 0;

	while (line + len < end &&
	       (isxdigit((unsigned char)line[len]) || line[len] == ':' || line[len] == '.'))
		if (++len == sizeof(word))
			return false;
	if (len < 7 || (line + len < end && line[len] != ' ' && line[len] != '\t'))
		return false;
	memcpy(word, line, len);
	word[len] = '\0';
	*rest = line + len;
	return pci_addr_parse(word, addr) == 0;
}

/* Adds to text, with a blank between; what does not fit is left out. */
static void join(char text[TEXT_MAX], size_t *len, const char *more, const char *end)
{
	size_t n;

	while (more < end && (*more == ' ' || *more == '\t'))
		more++;
	n = (size_t)(end - more);
	if (*len + n + 2 > TEXT_MAX)
		n = *len + 2 > TEXT_MAX ? 0 : TEXT_MAX - 2 - *len;
	if (*len && n)
		text[(*len)++] = ' ';
	memcpy(text + *len, more, n);
	*len += n;
}

static int begin_function(struct reader *r, struct pci_addr addr, const char *rest, const char *end)
{
	end_function(r, true);
	if (r->nr == FUNCTIONS_MAX)
		return -EFBIG;
	/* all but the config space, of which config_len tells what is meant */
	memset(&r->at_hand, 0, offsetof(struct shown, config));
	r->at_hand.f = platform_function(addr);
	r->at_hand.part = PART_HEADER;
	r->open = r->in_headline = true;
	r->headline_len = 0;
	join(r->headline, &r->headline_len, rest, end);
	return 0;
}

/* Mail puts "> " in front, as often as it was answered. */
static const char *skip_quotes(const char *line, const char *end)
{
	for (;;) {
		const char *at = line;

		while (at < end && *at == ' ')
			at++;
		if (at == end || *at != '>')
			return line;
		line = at + 1;
		if (line < end && *line == ' ')
			line++;
	}
}

/* "DevSta: ..." is a field too, if one that nobody reads. */
static bool has_label(const char *line, const char *end)
{
	enum { LABEL_MAX = 24 };
	size_t len = (size_t)(end - line);

	return memchr(line, ':', len < LABEL_MAX ? len : LABEL_MAX);
}

/* What ends with "(rev 01)" has an end, but for "(prog-if 00 [Normal decode])". */
static bool goes_on(const struct reader *r, const char *line)
{
	return !r->headline_len || r->headline[r->headline_len - 1] != ')' || *line == '(';
}

static void read_field(struct reader *r, const char *line, const char *end, bool indented)
{
	const char *text = NULL;
	const struct field *field = field_find(line, (size_t)(end - line), &text);

	if (field) {
		end_field(r);
		r->in_headline = false;
		r->field = field;
		r->text_len = 0;
		join(r->text, &r->text_len, text, end);
	} else if (r->in_headline && r->was_long && !indented && goes_on(r, line)) {
		join(r->headline, &r->headline_len, line, end);
	} else if (r->field && (r->was_long || r->field->goes_on) && !has_label(line, end)) {
		join(r->text, &r->text_len, line, end);
	} else {
		end_field(r);
		r->in_headline = false;
	}
}

static int read_line(struct reader *r, const char *line, const char *end)
{
	const char *start, *rest;
	struct pci_addr addr;

	while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	line = skip_quotes(line, end);
	start = line;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if (line == end) {
		/* every other line may be empty, and a register's lines go on behind it */
		if (!r->field || !r->field->goes_on)
			end_field(r);
		r->in_headline = false;
		r->at_hand.whole |= r->at_hand.verbose;
		return 0;
	}
	if (read_address(line, end, &addr, &rest)) {
		r->was_long = end - start >= WRAP_WIDTH;
		return begin_function(r, addr, rest, end);
	}
	if (!read_row(r, line, end) && r->open)
		read_field(r, line, end, line > start);
	r->was_long = end - start >= WRAP_WIDTH;
	return 0;
}

/* Reads the whole lines; *rest is where the one begins whose end has not come yet. */
static int read_lines(struct reader *r, const char *at, const char *end, const char **rest)
{
	int e = 0;

	while (at < end && e == 0) {
		const char *newline, *line = at;

		if (r->open && !r->field)
			at = read_plain_rows(&r->at_hand, at, end);
		if (at > line)
			r->in_headline = false;
		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			break;
		e = read_line(r, at, newline);
		at = newline + 1;
	}
	*rest = at;
	return e;
}

/* --- the whole text ------------------------------------------------------------------------------ */

static int by_address(const void *a, const void *b)
{
	return pci_addr_cmp(((const struct seen *)a)->f.addr, ((const struct seen *)b)->f.addr);
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

static bool is_richer(const struct seen *a, const struct seen *b)
{
	return a->f.config_bytes > b->f.config_bytes ||
	       (a->f.config_bytes == b->f.config_bytes && a->hex && !b->hex);
}

/* Another account of the function joins the one that is there; the richer one counts. */
static void merge(struct platform *p, struct seen *to, struct seen *from)
{
	const char *what = contradiction(&to->f, &from->f);

	if (what)
		platform_add_gap(
			p, pci_addr_str(to->f.addr),
			"is shown more than once, with different %s: the account that shows "
			"more counts",
			what);
	if (is_richer(from, to)) {
		struct seen poorer = *to;

		*to = *from;
		*from = poorer;
	}
	to->extended |= from->extended;
	fill(&to->f, &from->f);
}

/* qsort() is not stable: of accounts that show the same the one that wins does not matter. */
static void merge_all(struct reader *r)
{
	size_t n = 0;

	if (r->nr)
		qsort(r->seen, r->nr, sizeof(*r->seen), by_address);
	for (size_t i = 0; i < r->nr; i++) {
		if (n && by_address(&r->seen[n - 1], &r->seen[i]) == 0)
			merge(r->p, &r->seen[n - 1], &r->seen[i]);
		else
			r->seen[n++] = r->seen[i];
	}
	r->nr = n;
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
	platform_add_gap(p, "kernel release", "not shown by the source");
	platform_add_gap(p, "processor", "not shown by the source");
}

/*
 * Extended capabilities are left out without a word where config space beyond byte 256 cannot be
 * reached, and then by every function of the domain: [from, to) are one's.
 */
static void conclude_no_acs(struct reader *r, size_t from, size_t to)
{
	bool extended = false;

	for (size_t i = from; i < to; i++)
		extended |= r->seen[i].extended;
	for (size_t i = from; i < to; i++) {
		struct function *f = &r->seen[i].f;

		if (!extended || !r->seen[i].no_acs_seen || f->acs.known != KNOWN_NO)
			continue;
		f->acs.known = KNOWN_ABSENT;
		f->config_bytes = 4096;
	}
}

static void conclude_domains(struct reader *r)
{
	size_t from = 0;

	for (size_t i = 1; i <= r->nr; i++) {
		if (i < r->nr && r->seen[i].f.addr.domain == r->seen[from].f.addr.domain)
			continue;
		conclude_no_acs(r, from, i);
		from = i;
	}
}

static void hand_over(struct reader *r)
{
	size_t no_interface = 0;

	merge_all(r);
	conclude_domains(r);
	platform_reserve(r->p, r->nr);
	for (size_t i = 0; i < r->nr; i++) {
		struct seen *s = &r->seen[i];

		no_interface += s->interface_unseen;
		if (s->f.iommu_group != GROUP_UNKNOWN)
			r->p->iommu_groups = KNOWN_PRESENT;
		*platform_add(r->p, s->f.addr) = s->f;
	}
	r->nr = 0;
	virtual_mark(r->p);
	mark_disabled(r->p);
	mark_multifunction(r->p);
	add_gaps(r->p, look_up_ids(r->p, r->names), no_interface);
}

static void release(struct reader *r)
{
	if (r->open)
		free(r->at_hand.f.driver);
	for (size_t i = 0; i < r->nr; i++) {
		free(r->seen[i].f.name);
		free(r->seen[i].f.driver);
	}
	free(r->seen);
	pci_names_close(r->names);
}

static int read_text(struct reader *r, struct input *in, char *buffer)
{
	size_t have = 0;
	uint64_t total = 0;
	bool skipping = false; /* the rest of a line that was too long */
	const char *rest;

	for (;;) {
		ssize_t n = in->read(in, buffer + have, BUFFER_BYTES - have);
		int e;

		if (n < 0)
			return (int)n;
		total += (uint64_t)n;
		if (total > LSPCI_TEXT_MAX)
			return -EFBIG;
		have += (size_t)n;
		/* the last line need not have an end */
		if (n == 0 && have == 0)
			return 0;
		if (n == 0)
			buffer[have++] = '\n';
		rest = buffer;
		if (skipping) {
			const char *newline = memchr(buffer, '\n', have);

			rest = newline ? newline + 1 : buffer + have;
			skipping = !newline;
		}
		e = read_lines(r, rest, buffer + have, &rest);
		if (e < 0)
			return e;
		have -= (size_t)(rest - buffer);
		memmove(buffer, rest, have);
		if (have == BUFFER_BYTES) {
			skipping = true;
			have = 0;
		}
	}
}

int lspci_read(struct input *in, struct platform *p, char **why)
{
	autofree struct reader *r = xcalloc(1, sizeof(*r));
	autofree char *buffer = xcalloc(BUFFER_BYTES + 1, 1);
	int e;

	r->p = p;
	r->names = pci_names_open();
	e = read_text(r, in, buffer);
	if (e == 0)
		end_function(r, false);
	if (e == 0 && r->nr == 0)
		e = -EINVAL;
	if (e == 0)
		hand_over(r);
	else if (e == -EINVAL)
		*why = xasprintf(
			"'%s' is nothing that can be read: no PCI function is shown in it, "
			"as lspci -xxxx or lspci -vvv would",
			in->name);
	else if (e == -EFBIG)
		*why = xasprintf(
			"'%s' is larger than any machine: the limits are %llu GiB of text and "
			"%d functions",
			in->name, LSPCI_TEXT_MAX >> 30, FUNCTIONS_MAX);
	else
		*why = xasprintf("cannot read '%s': %s", in->name, strerror(-e));
	release(r);
	return e;
}
