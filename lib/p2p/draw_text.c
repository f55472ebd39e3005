/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words, widths, colours and tables of the text pictures. */
#include "p2p/draw_text.h"

#include <string.h>

#include "base/alloc.h"

static const char *const tone_escapes[] = {
	[TONE_PLAIN] = "",        [TONE_BOLD] = "\033[1m",  [TONE_DIM] = "\033[2m",
	[TONE_GOOD] = "\033[32m", [TONE_WARN] = "\033[33m", [TONE_BAD] = "\033[31m",
	[TONE_ALARM] = "\033[7m",
};

int text_width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

char *text_printable(const char *s, const struct draw_style *style)
{
	char *out = xcalloc(strlen(s) + 1, 1);
	size_t n = 0;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			out[n++] = ' ';
		else if (c < 0x80 || style->unicode)
			out[n++] = (char)c;
		else if ((c & 0xc0) != 0x80)
			out[n++] = '?';
	}
	return out;
}

void put_text(const struct draw_style *style, enum tone tone, const char *s, FILE *f)
{
	if (style->color && tone != TONE_PLAIN)
		fprintf(f, "%s%s\033[0m", tone_escapes[tone], s);
	else
		fputs(s, f);
}

void put_padded(const struct draw_style *style, enum tone tone, const char *s, int width, FILE *f)
{
	put_text(style, tone, s, f);
	fprintf(f, "%*s", width > text_width(s) ? width - text_width(s) : 0, "");
}

bool has_domains(const struct platform *p)
{
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].addr.domain)
			return true;
	return false;
}

const char *short_address(bool domains, struct pci_addr addr, char buf[PCI_ADDR_TEXT_MAX])
{
	pci_addr_format(addr, buf);
	return domains ? buf : strchr(buf, ':') + 1;
}

char *name_text(const struct function *f, const struct draw_style *style)
{
	if (f->name)
		return text_printable(f->name, style);
	return f->ids_known ? xasprintf("%04x:%04x", f->vendor, f->device) : NULL;
}

char *acs_bits_text(uint16_t bits)
{
	static const char names[][4] = { " SV", " TB", " RR", " CR", " UF", " EC", " DT" };
	char list[ARRAY_LEN(names) * 3 + 1] = "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (bits & 1u << i)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s", names[i]);
	return xstrdup(list);
}

struct row *table_add(struct table *t)
{
	t->rows = xreallocarray(t->rows, t->nr_rows + 1, sizeof(*t->rows));
	t->rows[t->nr_rows] = (struct row){ 0 };
	return &t->rows[t->nr_rows++];
}

void row_release(struct row *row)
{
	for (int c = 0; c < TABLE_COLUMNS; c++)
		free(row->cell[c]);
}

bool table_has(const struct table *t, int column)
{
	for (size_t i = 0; i < t->nr_rows; i++)
		if (t->rows[i].cell[column])
			return true;
	return false;
}

/* The text without what lies beyond so many columns. */
static char *cut(const char *s, int width)
{
	int n = 0;
	size_t i = 0;

	if (text_width(s) <= width)
		return xstrdup(s);
	for (; s[i]; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80 && ++n > width - 2)
			break;
	return xasprintf("%.*s..", (int)i, s);
}

static void put_row(const struct table *t, const struct draw_style *style, const struct row *row,
		    const int widths[TABLE_COLUMNS], FILE *f)
{
	int last = 0, left = style->columns;

	for (int c = 0; c < t->nr_columns; c++)
		if (row->cell[c])
			last = c;
	for (int c = 0; c <= last; c++) {
		const char *text = row->cell[c] ? row->cell[c] : "";

		if (!widths[c])
			continue;
		if (c == t->nr_columns - 1 && style->columns) {
			/* a name of a few letters says nothing: then the line is left to wrap */
			autofree char *name = cut(text, left > 16 ? left : 1 << 20);

			put_text(style, row->tone[c], name, f);
			continue;
		}
		put_padded(style, row->tone[c], text, c < last ? widths[c] + 2 : 0, f);
		left -= widths[c] + 2;
	}
	fputc('\n', f);
}

static void measure(const struct table *t, int widths[TABLE_COLUMNS])
{
	for (int c = 0; c < t->nr_columns; c++) {
		for (size_t i = 0; i < t->nr_rows; i++) {
			int w = t->rows[i].cell[c] ? text_width(t->rows[i].cell[c]) : 0;

			if (w > widths[c])
				widths[c] = w;
		}
		if (widths[c] && widths[c] < text_width(t->titles[c]))
			widths[c] = text_width(t->titles[c]);
	}
}

void table_put(const struct table *t, const struct draw_style *style, FILE *f)
{
	struct row title = { 0 };
	int widths[TABLE_COLUMNS] = { 0 };

	measure(t, widths);
	for (int c = 0; c < t->nr_columns; c++) {
		if (widths[c])
			title.cell[c] = (char *)t->titles[c];
		title.tone[c] = TONE_DIM;
	}
	put_row(t, style, &title, widths, f);
	for (size_t i = 0; i < t->nr_rows; i++)
		put_row(t, style, &t->rows[i], widths, f);
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->nr_rows; i++)
		row_release(&t->rows[i]);
	free(t->rows);
}
