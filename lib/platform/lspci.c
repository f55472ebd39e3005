/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lspci text as a platform source, as people attach it: hex of any length, decoded lines, or both,
 * with what mail, terminals and web forms do to it. The text is read once from front to back through
 * one buffer, a line at a time and without allocation for lines; hex goes straight into the config
 * space of the function at hand. What the lines mean is for lspci_fields.c to know, what becomes of
 * it for lspci_gather.c.
 */
#include "platform/lspci.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* A line that does not fit is no line of lspci, and is skipped. */
#define BUFFER_BYTES (64u * 1024)
#define WRAP_WIDTH 60 /* mail does not wrap lines shorter than this */
#define HEX_COLUMNS 16

struct reader {
	struct gathered all;
	bool open; /* there is a function at hand */
	struct shown at_hand;

	const struct field *field; /* whose text is being put together */
	char text[SHOWN_TEXT_MAX];
	size_t text_len;
	bool in_headline; /* nothing but the function's first line came so far */
	bool was_long; /* the last line was long enough to be wrapped */

	struct around around;
	bool tree; /* there are lines of lspci -t */
	char clean[LSPCI_LINE_MAX];
};

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
	end_field(r);
	if (!r->open)
		return;
	r->open = false;
	r->at_hand.whole |= more_follows;
	r->at_hand.headline[r->at_hand.headline_len] = '\0';
	gather_add(&r->all, &r->at_hand);
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
static void join(char text[SHOWN_TEXT_MAX], size_t *len, const char *more, const char *end)
{
	size_t n;

	while (more < end && (*more == ' ' || *more == '\t'))
		more++;
	n = (size_t)(end - more);
	if (*len + n + 2 > SHOWN_TEXT_MAX)
		n = *len + 2 > SHOWN_TEXT_MAX ? 0 : SHOWN_TEXT_MAX - 2 - *len;
	if (*len && n)
		text[(*len)++] = ' ';
	memcpy(text + *len, more, n);
	*len += n;
}

static int begin_function(struct reader *r, struct pci_addr addr, const char *rest, const char *end)
{
	end_function(r, true);
	if (r->all.nr == FUNCTIONS_MAX)
		return -EFBIG;
	/* all but the config space, of which config_len tells what is meant */
	memset(&r->at_hand, 0, offsetof(struct shown, config));
	r->at_hand.f = platform_function(addr);
	r->at_hand.part = PART_HEADER;
	r->open = r->in_headline = true;
	r->at_hand.headline_len = 0;
	join(r->at_hand.headline, &r->at_hand.headline_len, rest, end);
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
	return !r->at_hand.headline_len ||
	       r->at_hand.headline[r->at_hand.headline_len - 1] != ')' || *line == '(';
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
		join(r->at_hand.headline, &r->at_hand.headline_len, line, end);
	} else if (r->field && (r->was_long || r->field->goes_on) && !has_label(line, end)) {
		join(r->text, &r->text_len, line, end);
	} else {
		end_field(r);
		r->in_headline = false;
		around_read(&r->around, line, end);
	}
}

/* The first line of a record: "Slot:	3b:00.0"; of lspci -vm: "Device:	3b:00.0". */
static bool read_slot(const char *line, const char *end, struct pci_addr *addr)
{
	static const char *const labels[] = { "Slot:", "Device:" };

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		size_t len = strlen(labels[i]);
		const char *rest;

		if ((size_t)(end - line) <= len || memcmp(line, labels[i], len) != 0)
			continue;
		line += len;
		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		return read_address(line, end, addr, &rest) && rest == end;
	}
	return false;
}

/* "-[0000:00]-+-00.0", "-+-[0001:00]---00.0" */
static bool is_tree(const char *line, const char *end)
{
	return end - line > 4 && (memcmp(line, "-[", 2) == 0 || memcmp(line, "-+-[", 4) == 0);
}

static int read_line(struct reader *r, const char *line, const char *end)
{
	const char *start, *rest;
	struct pci_addr addr;
	int e = 0;

	while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	lspci_clean(&line, &end, r->clean);
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
	if (read_slot(line, end, &addr)) {
		e = begin_function(r, addr, end, end);
		r->at_hand.part = PART_RECORD;
	} else if (!read_row(r, line, end)) {
		r->tree |= is_tree(line, end);
		if (r->open)
			read_field(r, line, end, line > start);
		else
			around_read(&r->around, line, end);
	}
	r->was_long = end - start >= WRAP_WIDTH;
	return e;
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

static char *message(const struct reader *r, const char *name, int e)
{
	if (e == -EINVAL && r->tree)
		return xasprintf(
			"'%s' shows the tree of lspci -t, without what each port is and does: "
			"lspci -vvv or lspci -xxxx shows it",
			name);
	if (e == -EINVAL)
		return xasprintf(
			"'%s' is nothing that can be read: no PCI function is shown in it, "
			"as lspci -xxxx or lspci -vvv would",
			name);
	if (e == -EFBIG)
		return xasprintf("'%s' is larger than any machine: the limits are %llu GiB of text "
				 "and %d functions",
				 name, LSPCI_TEXT_MAX >> 30, FUNCTIONS_MAX);
	return xasprintf("cannot read '%s': %s", name, strerror(-e));
}

int lspci_read(struct input *in, struct platform *p, char **why)
{
	autofree struct reader *r = xcalloc(1, sizeof(*r));
	autofree char *buffer = xreallocarray(NULL, BUFFER_BYTES + 1, 1);
	int e;

	r->all.p = p;
	r->all.names = pci_names_open();
	e = read_text(r, in, buffer);
	if (e == 0)
		end_function(r, false);
	if (e == 0 && r->all.nr == 0)
		e = -EINVAL;
	if (e == 0) {
		gather_finish(&r->all);
		around_finish(&r->around, p);
	} else {
		*why = message(r, in->name, e);
	}
	if (r->open)
		free(r->at_hand.f.driver);
	gather_release(&r->all);
	around_release(&r->around);
	return e;
}
