/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checked construction, reading and printing of JSON with jansson. */
#include "base/jx.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

static void *allocate(size_t size)
{
	return xreallocarray(NULL, 1, size);
}

void jx_init(void)
{
	json_set_alloc_funcs(allocate, free);
}

static json_t *checked(json_t *value)
{
	if (!value)
		die(EXIT_ENVIRONMENT, "out of memory");
	return value;
}

json_t *jx_object(void)
{
	return checked(json_object());
}

json_t *jx_array(void)
{
	return checked(json_array());
}

json_t *jx_string(const char *s)
{
	size_t len = strlen(s);
	autofree char *clean = text_is_plain(s, len) ? NULL : text_sanitize(s, len);

	return checked(json_string_nocheck(clean ? clean : s));
}

json_t *jx_stringf(const char *fmt, ...)
{
	autofree char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return jx_string(s);
}

void jx_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, checked(value)) < 0)
		die(EXIT_ENVIRONMENT, "out of memory");
}

void jx_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, checked(value)) < 0)
		die(EXIT_ENVIRONMENT, "out of memory");
}

void jx_set_str(json_t *object, const char *key, const char *s)
{
	if (s)
		jx_set(object, key, jx_string(s));
}

void jx_set_strf(json_t *object, const char *key, const char *fmt, ...)
{
	autofree char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	jx_set_str(object, key, s);
}

void jx_set_int(json_t *object, const char *key, int64_t value)
{
	jx_set(object, key, json_integer(value));
}

void jx_set_bool(json_t *object, const char *key, bool value)
{
	jx_set(object, key, json_boolean(value));
}

void jx_set_hex(json_t *object, const char *key, uint64_t value, int digits)
{
	enum { DIGITS_MAX = 16 };
	char text[sizeof("0x") + DIGITS_MAX];
	char *at = text + sizeof(text) - 1;

	if (digits > DIGITS_MAX)
		BUG("a number of %d digits", digits);
	/* by hand: most of what a document says are numbers, and printf() takes as long as all the rest */
	*at = '\0';
	do {
		*--at = "0123456789abcdef"[value & 0xf];
		value >>= 4;
	} while (--digits > 0 || value);
	*--at = 'x';
	*--at = '0';
	jx_set(object, key, checked(json_string_nocheck(at)));
}

void jx_append_str(json_t *array, const char *s)
{
	jx_append(array, jx_string(s));
}

const char *jx_get_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t jx_get_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool jx_get_bool(const json_t *object, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(object, key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

int jx_load(const char *path, size_t max, json_t **doc, char **why)
{
	autofree char *text = NULL;
	json_error_t error;
	size_t len;
	int r = fs_read(AT_FDCWD, path, max, &text, &len);

	if (r == -EFBIG) {
		*why = xasprintf("'%s' is larger than %zu bytes", path, max);
		return r;
	}
	if (r < 0) {
		*why = xasprintf("cannot read '%s': %s", path, strerror(-r));
		return r;
	}
	*doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (*doc)
		return 0;
	*why = xasprintf("'%s' line %d column %d: %s", path, error.line, error.column, error.text);
	return -EINVAL;
}

/* A document's text while it is made. */
struct text {
	char *bytes;
	size_t len, room;
};

static int append(const char *bytes, size_t len, void *with)
{
	struct text *text = with;

	if (len > text->room - text->len) {
		text->room = 2 * (text->room + len);
		text->bytes = xreallocarray(text->bytes, text->room, 1);
	}
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	return 0;
}

/*
 * room is about what the text takes. json_dumps() would begin with a few bytes and copy what it has
 * each time that there is more, and all of it at the end.
 */
static char *dump(const json_t *doc, size_t flags, const char *end, size_t room)
{
	struct text text = { xreallocarray(NULL, room, 1), 0, room };

	if (json_dump_callback(doc, append, &text, flags | JSON_ENCODE_ANY) < 0)
		die(EXIT_ENVIRONMENT, "out of memory");
	append(end, strlen(end) + 1, &text);
	return text.bytes;
}

char *jx_line(const json_t *doc)
{
	return dump(doc, JSON_COMPACT, "", 256);
}

char *jx_pretty(const json_t *doc)
{
	return dump(doc, JSON_INDENT(2), "\n", 256u << 10);
}

int jx_print(const json_t *doc, FILE *f)
{
	autofree char *s = jx_pretty(doc);

	if (fputs(s, f) == EOF || fflush(f) == EOF)
		return errno ? -errno : -EIO;
	return 0;
}
