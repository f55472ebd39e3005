/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the text pictures share: tones, widths, addresses without the domain where there is only one,
 * and a table whose empty columns are left out.
 */
#ifndef P2PCERT_P2P_DRAW_TEXT_H
#define P2PCERT_P2P_DRAW_TEXT_H

#include "p2p/draw.h"

enum tone { TONE_PLAIN, TONE_BOLD, TONE_DIM, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_ALARM };

/* Columns on a terminal, taking every character for one wide. */
int text_width(const char *s);
/* s with nothing in it that could break the line, or ASCII if that is the style; freed by the caller. */
char *text_printable(const char *s, const struct draw_style *style) attr_must_check;
void put_text(const struct draw_style *style, enum tone tone, const char *s, FILE *f);
/* With blanks behind it up to width. */
void put_padded(const struct draw_style *style, enum tone tone, const char *s, int width, FILE *f);

bool has_domains(const struct platform *p);
/* The address, in buf, without the domain if there is only one. */
const char *short_address(bool domains, struct pci_addr addr, char buf[PCI_ADDR_TEXT_MAX]);
/* The name from the id database, else vendor:device; NULL: neither is known. Freed by the caller. */
char *name_text(const struct function *f, const struct draw_style *style) attr_must_check;
/* " SV RR", a blank before each, of ACS bits; freed by the caller. */
char *acs_bits_text(uint16_t bits) attr_must_check;

#define TABLE_COLUMNS 9

struct row {
	char *cell[TABLE_COLUMNS]; /* NULL: nothing to say */
	enum tone tone[TABLE_COLUMNS];
};

struct table {
	const char *const *titles;
	int nr_columns;
	struct row *rows;
	size_t nr_rows;
};

/* A new empty row, good until the next. */
struct row *table_add(struct table *t);
void row_release(struct row *row);
/* Does any row say something there? */
bool table_has(const struct table *t, int column);
/* Write errors stay in f. The last column is cut to the style's width. */
void table_put(const struct table *t, const struct draw_style *style, FILE *f);
void table_release(struct table *t);

#endif
