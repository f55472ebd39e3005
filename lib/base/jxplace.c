/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walking the text of valid JSON, which jansson has read before, without making anything of it. */
#include "base/jxplace.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* Past a string, at whose opening quote s is. */
static const char *skip_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

static const char *skip_value(const char *s)
{
	size_t depth = 0;

	do {
		s = skip_blanks(s);
		if (*s == '"') {
			s = skip_string(s);
		} else if (*s && strchr("{[", *s)) {
			depth++;
			s++;
		} else if (*s && strchr("}]", *s)) {
			depth--;
			s++;
		} else if (*s && strchr(",:", *s)) {
			s++;
		} else {
			s += strcspn(s, " \t\r\n,:{}[]\"");
		}
	} while (depth && *s);
	return s;
}

/* Is the key at s, with its quotes and escapes, this one? */
static bool is_key(const char *s, const char *key)
{
	size_t len = (size_t)(skip_string(s) - s);
	json_t *value = json_loadb(s, len, JSON_DECODE_ANY, NULL);
	bool same = json_is_string(value) && strcmp(json_string_value(value), key) == 0;

	json_decref(value);
	return same;
}

/* The member's value in the object or array at s; NULL if there is none. */
static const char *step_into(const char *s, const struct jx_step *step)
{
	if (*s != (step->key ? '{' : '['))
		return NULL;
	s = skip_blanks(s + 1);
	for (size_t i = 0; *s && !strchr("}]", *s); i++) {
		bool found = step->key ? is_key(s, step->key) : i == step->index;

		if (step->key) {
			s = skip_blanks(skip_string(s));
			s = skip_blanks(*s ? s + 1 : s);
		}
		if (found)
			return s;
		s = skip_blanks(skip_value(s));
		s = skip_blanks(*s == ',' ? s + 1 : s);
	}
	return NULL;
}

struct jx_place jx_find_place(const char *text, const struct jx_step *steps, size_t nr)
{
	struct jx_place place = { 1, 1 };
	const char *at = skip_blanks(text), *next = at;

	for (size_t i = 0; i < nr && next; i++) {
		at = next;
		next = step_into(at, &steps[i]);
	}
	if (next)
		at = next;
	for (const char *s = text; s < at; s++) {
		place.column++;
		if (*s == '\n')
			place = (struct jx_place){ place.line + 1, 1 };
	}
	return place;
}
