/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What terminals and web pages put into lines of text: colours, entities, tags, and blanks that are
 * none.
 */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "platform/lspci.h"

#define ESCAPE '\x1b'

static const struct {
	const char *text, *means;
} entities[] = {
	{ "&lt;", "<" },        { "&gt;", ">" },   { "&amp;", "&" },    { "&quot;", "\"" },
	{ "&#34;", "\"" },      { "&#39;", "'" },  { "&#x27;", "'" },   { "&apos;", "'" },
	{ "&nbsp;", " " },      { "&#160;", " " }, { "\xc2\xa0", " " }, /* U+00A0 */
	{ "\xef\xbb\xbf", "" }, /* a byte order mark */
};

/* lspci writes in angle brackets as well: "<access denied>", "<TAbort-", "<64ns". */
static const char *const tags[] = {
	"pre", "code", "br", "p", "div", "span", "td", "tr", "b", "tt"
};

static bool starts_with(const char *at, const char *end, const char *text, size_t len)
{
	return (size_t)(end - at) >= len && memcmp(at, text, len) == 0;
}

/* Bytes of the colour or cursor sequence that starts here. */
static size_t sequence(const char *at, const char *end)
{
	const char *p = at + 1;

	if (p < end && *p == '[')
		for (p++; p < end && (*p < '@' || *p > '~'); p++)
			;
	else if (p < end && *p == '(')
		p++;
	return (size_t)(p < end ? p + 1 - at : end - at);
}

/* Bytes of the tag that starts here; 0 if it is none. */
static size_t tag(const char *at, const char *end)
{
	const char *name = at + 1, *close;

	if (name < end && *name == '/')
		name++;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		size_t len = strlen(tags[i]);

		if (!starts_with(name, end, tags[i], len) || name + len == end ||
		    !strchr(" />", name[len]))
			continue;
		close = memchr(name, '>', (size_t)(end - name));
		return close ? (size_t)(close + 1 - at) : 0;
	}
	return 0;
}

/* Bytes of the entity that starts here, and what it means; 0 if it is none. */
static size_t entity(const char *at, const char *end, const char **means)
{
	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		size_t len = strlen(entities[i].text);

		if (!starts_with(at, end, entities[i].text, len))
			continue;
		*means = entities[i].means;
		return len;
	}
	return 0;
}

static bool is_clean(const char *line, size_t len)
{
	return !memchr(line, ESCAPE, len) && !memchr(line, '&', len) && !memchr(line, '<', len) &&
	       !memchr(line, '\xc2', len) && !memchr(line, '\xef', len);
}

void lspci_clean(const char **line, const char **end, char buf[LSPCI_LINE_MAX])
{
	size_t len = 0;

	if (is_clean(*line, (size_t)(*end - *line)))
		return;
	for (const char *at = *line; at < *end && len < LSPCI_LINE_MAX;) {
		const char *means = "";
		size_t n = 0;

		if (*at == ESCAPE)
			n = sequence(at, *end);
		else if (*at == '<')
			n = tag(at, *end);
		else if (*at == '&' || *at == '\xc2' || *at == '\xef')
			n = entity(at, *end, &means);
		if (!n)
			buf[len++] = *at;
		else if (*means)
			buf[len++] = *means;
		at += n ? n : 1;
	}
	*line = buf;
	*end = buf + len;
}
