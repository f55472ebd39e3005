/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers in lspci text. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "platform/lspci.h"

bool number_after(const char *text, const char *key, int base, uint64_t max, uint64_t *value,
		  const char **end)
{
	const char *at = strstr(text, key);
	char *stop;

	if (!at)
		return false;
	at += strlen(key);
	if (!isxdigit((unsigned char)*at))
		return false;
	errno = 0;
	*value = strtoull(at, &stop, base);
	if (errno || stop == at || *value > max)
		return false;
	if (end)
		*end = stop;
	return true;
}

bool hex_word(const char *s, size_t digits, char end, uint16_t *value)
{
	for (size_t i = 0; i < digits; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	if (s[digits] != end)
		return false;
	*value = (uint16_t)strtoul(s, NULL, 16);
	return true;
}

bool id_pair(const char *s, char end, uint16_t *vendor, uint16_t *device)
{
	return hex_word(s, 4, ':', vendor) && hex_word(s + 5, 4, end, device);
}
