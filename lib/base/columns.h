/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text in columns for a person: as wide as it shows, safe for a terminal, broken between words. */
#ifndef P2PCERT_BASE_COLUMNS_H
#define P2PCERT_BASE_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

#include "base/attr.h"

/* Columns that s takes: its code points, as all that is printed is sanitized UTF-8. */
size_t columns_of(const char *s);

/* s, NULL being "", as one line that is safe for a terminal. The caller frees it. */
char *columns_one_line(const char *s) attr_must_check;

/* Cuts s in place to at most max columns, with "..." at the end if anything was cut. */
void columns_cut(char *s, size_t max);

/* Prints s, and blanks up to width. */
void columns_print_padded(FILE *f, const char *s, size_t width);

/*
 * Prints s as one line after indent blanks and the label, broken between words so that it ends before
 * width (0: never), and a newline.
 */
void columns_print_wrapped(FILE *f, size_t indent, const char *label, const char *s, size_t width);

/* Of the terminal that f is; 0 if it is none. */
size_t columns_of_terminal(FILE *f);

#endif
