/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making text from outside safe to print and to store; numbers parsed whole. */
#include "base/text.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"

/* Length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), 0 if there is none. */
static size_t utf8_sequence(const unsigned char *s, size_t len)
{
	/* the first byte's range, the length, and the second byte's narrower range */
	static const struct {
		unsigned char first, last, length, second_min, second_max;
	} forms[] = {
		{ 0x00, 0x7f, 1, 0, 0 },
		{ 0xc2, 0xdf, 2, 0x80, 0xbf },
		{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
		{ 0xe1, 0xec, 3, 0x80, 0xbf },
		{ 0xed, 0xed, 3, 0x80, 0x9f }, /* no surrogates */
		{ 0xee, 0xef, 3, 0x80, 0xbf },
		{ 0xf0, 0xf0, 4, 0x90, 0xbf },
		{ 0xf1, 0xf3, 4, 0x80, 0xbf },
		{ 0xf4, 0xf4, 4, 0x80, 0x8f }, /* nothing above U+10FFFF */
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (forms[i].length > len)
			return 0;
		if (forms[i].length > 1 &&
		    (s[1] < forms[i].second_min || s[1] > forms[i].second_max))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return forms[i].length;
	}
	return 0;
}

bool text_is_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < 0x20 && c != '\t' && c != '\n') || c >= 0x7f)
			return false;
	}
	return true;
}

char *text_sanitize(const char *s, size_t len)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	char *out;

	if (text_is_plain(s, len))
		return xstrndup(s, len);
	out = xcalloc(len + 1, 4); /* no byte grows to more than "\xNN" */
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t seq = utf8_sequence((const unsigned char *)s + i, len - i);

		/* C1 controls drive terminals as well as C0 do */
		bool c1 = seq == 2 && c == 0xc2 && (unsigned char)s[i + 1] < 0xa0;

		if (!seq) {
			memcpy(out + n, replacement, 3);
			n += 3;
			i++;
		} else if (c1 || c == 0x7f || (c < 0x20 && c != '\t' && c != '\n')) {
			unsigned char code = c1 ? (unsigned char)s[i + 1] : c;

			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = digits[code >> 4];
			out[n++] = digits[code & 0xf];
			i += seq;
		} else {
			memcpy(out + n, s + i, seq);
			n += seq;
			i += seq;
		}
	}
	out[n] = '\0';
	return out;
}

int text_to_u64(const char *s, int base, uint64_t max, uint64_t *value)
{
	unsigned long long v;
	char *end;

	/* strtoull takes leading blanks and signs */
	if (!isalnum((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, base);
	if (end == s || *end)
		return -EINVAL;
	if (errno == ERANGE || v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

bool text_is_among(const char *const *words, const char *word)
{
	for (; words && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

bool text_has_form(const char *s, const char *form)
{
	if (!s || strlen(s) != strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != form[i])
			return false;
	return true;
}

bool text_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

char *text_trim(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

uint64_t text_hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a offset basis and prime, 64 bits */

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}
