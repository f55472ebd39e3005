/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as text. */
#include "base/hex.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

char *hex_text(const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = bytes;
	char *text = xcalloc(2 * n + 1, 1);

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[from[i] >> 4];
		text[2 * i + 1] = digits[from[i] & 0xf];
	}
	return text;
}

static bool digit(char c, unsigned char *value)
{
	if (c >= '0' && c <= '9')
		*value = (unsigned char)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*value = (unsigned char)(c - 'a' + 10);
	else
		return false;
	return true;
}

unsigned char *hex_bytes(const char *text, size_t n)
{
	autofree unsigned char *bytes = NULL;

	if (!text || strlen(text) != 2 * n)
		return NULL;
	bytes = xcalloc(n + 1, 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char high, low;

		if (!digit(text[2 * i], &high) || !digit(text[2 * i + 1], &low))
			return NULL;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return take_ptr(bytes);
}
