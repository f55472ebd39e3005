/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Widths, cutting, padding and wrapping of text that a person reads. */
#include "base/columns.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/text.h"

size_t columns_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

char *columns_one_line(const char *s)
{
	char *line = text_sanitize(s ? s : "", s ? strlen(s) : 0);

	for (char *c = line; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	return line;
}

void columns_cut(char *s, size_t max)
{
	size_t n = 0;

	if (columns_of(s) <= max || max < 3)
		return;
	for (; *s; s++) {
		if (((unsigned char)*s & 0xc0) != 0x80 && n++ == max - 3)
			break;
	}
	/* there is room: at least four code points were left, as there were more than max */
	memcpy(s, "...", 4);
}

void columns_print_padded(FILE *f, const char *s, size_t width)
{
	size_t n = columns_of(s);

	fprintf(f, "%s%*s", s, n < width ? (int)(width - n) : 0, "");
}

void columns_print_wrapped(FILE *f, size_t indent, const char *label, const char *s, size_t width)
{
	autofree char *line = columns_one_line(s);
	size_t start = indent + columns_of(label), at = start;
	bool first = true;
	char *rest = line, *word;

	fprintf(f, "%*s%s", (int)indent, "", label);
	while ((word = strsep(&rest, " "))) {
		size_t n = columns_of(word);

		if (!n)
			continue;
		if (!first && width && at + 1 + n > width) {
			fprintf(f, "\n%*s", (int)start, "");
			at = start;
			first = true;
		}
		fprintf(f, "%s%s", first ? "" : " ", word);
		at += n + !first;
		first = false;
	}
	fputc('\n', f);
}

size_t columns_of_terminal(FILE *f)
{
	struct winsize size;

	if (!isatty(fileno(f)) || ioctl(fileno(f), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}
