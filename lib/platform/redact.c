/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a snapshot does not keep. */
#include "platform/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "platform/config.h"

void redact_config(uint8_t *config, size_t len)
{
	enum { SERIAL_NUMBER = 0x0003, SERIAL_OFFSET = 4, SERIAL_BYTES = 8 };
	size_t at = STANDARD_BYTES;

	/* a list that loops goes round for as long as it could be at most */
	for (int i = 0; i < EXTENDED_BYTES / 4 && at + SERIAL_OFFSET + SERIAL_BYTES <= len; i++) {
		if (at < STANDARD_BYTES)
			return;
		if (le16(config + at) == SERIAL_NUMBER)
			memset(config + at + SERIAL_OFFSET, 0, SERIAL_BYTES);
		at = le16(config + at + 2) >> 4 & ~3u;
	}
}

static void hide(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isxdigit((unsigned char)text[i]))
			text[i] = 'x';
}

static size_t hex_digits(const char *s)
{
	return strspn(s, "0123456789abcdefABCDEF");
}

/* How long the groups of so many digits are that stand here, each but the first after a separator. */
static size_t match_groups(const char *s, const size_t *digits, size_t nr, const char *separators)
{
	size_t at = 0;

	for (size_t i = 0; i < nr; i++) {
		if (i && (!s[at] || !strchr(separators, s[at++])))
			return 0;
		if (hex_digits(s + at) != digits[i])
			return 0;
		at += digits[i];
	}
	return at;
}

/* How long the identifier is that begins here; 0: none does. */
static size_t match_identifier(const char *s)
{
	static const size_t uuid[] = { 8, 4, 4, 4, 12 }, ethernet[] = { 2, 2, 2, 2, 2, 2 };
	/* with the type of hardware before it, as boot loaders tell it */
	static const size_t typed[] = { 2, 2, 2, 2, 2, 2, 2 };
	size_t len = match_groups(s, uuid, ARRAY_LEN(uuid), "-");

	if (!len)
		len = match_groups(s, typed, ARRAY_LEN(typed), "-:");
	return len ? len : match_groups(s, ethernet, ARRAY_LEN(ethernet), "-:");
}

void redact_text(char *text)
{
	static const char named[] = "UUID=";
	char before = ' ';

	for (char *s = text; *s; before = *s++) {
		if (!isalnum((unsigned char)before))
			hide(s, match_identifier(s));
		/* short ones, of file systems that have no real one */
		if (text_starts_with(s, named))
			hide(s + strlen(named), strcspn(s + strlen(named), " \n"));
	}
}

void redact_modules(char *text)
{
	for (char *s = strstr(text, " 0x"); s; s = strstr(s, " 0x")) {
		s += strlen(" 0x");
		memset(s, '0', hex_digits(s));
	}
}

void redact_iomem(char *text)
{
	char *line = text;

	while (*line) {
		size_t len = strcspn(line, "\n");
		const char *name = memmem(line, len, " : Kernel ", strlen(" : Kernel "));

		if (name)
			for (char *s = line; s < name; s++)
				if (isxdigit((unsigned char)*s))
					*s = '0';
		line += len + (line[len] == '\n');
	}
}
