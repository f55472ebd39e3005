/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expressions about a kernel's configuration, evaluated while they are parsed. A '!' is carried down
 * to the options that it stands over (De Morgan), so that each part knows which way it has to come
 * out, and what kept it from doing so can be told.
 */
#include "base/kconfig.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

#define PREFIX "CONFIG_"
/* Of '(' and '!' in one another. */
#define DEPTH_MAX 32
/* Of an option's value when it is shown. */
#define SHOWN_MAX 60

static bool starts_line(const char *config, const char *at)
{
	return at == config || at[-1] == '\n';
}

/*
 * The first line from *at to `to` that is about the option, "NAME=value" or "# NAME is not set": where the
 * name stands. A look for the name skips most of the text, which one at every line does not.
 */
static const char *find_line(const char *config, const char *at, const char *to, const char *name,
			     size_t len)
{
	for (; (at = memmem(at, (size_t)(to - at), name, len)); at += len) {
		if (at + len < to && at[len] == '=' && starts_line(config, at))
			return at;
		if (at + len < to && at[len] == ' ' && at - config >= 2 && at[-2] == '#' &&
		    at[-1] == ' ' && starts_line(config, at - 2))
			return at;
	}
	return NULL;
}

const char *kconfig_find_next(struct kconfig_text *text, const char *name, size_t len,
			      size_t *value_len)
{
	const char *config = text->config, *end = config + text->len, *from = config + text->at;
	const char *line = find_line(config, from, end, name, len);

	if (!line)
		line = find_line(config, config, from, name, len);
	if (!line)
		return NULL;
	text->at = (size_t)(line - config);
	if (line[len] != '=')
		return NULL;
	*value_len = strcspn(line + len + 1, "\n");
	return line + len + 1;
}

const char *kconfig_find(const char *config, const char *name, size_t len, size_t *value_len)
{
	struct kconfig_text text = { config, strlen(config), 0 };

	return kconfig_find_next(&text, name, len, value_len);
}

struct parser {
	const char *start, *at;
	const char *config; /* NULL: only parsed */
	unsigned int depth;
	char *error; /* the first */
	char *causes; /* why what was parsed last is false */
	size_t causes_len;
};

/* Returns false, so that it ends a function. */
static bool attr_printf(2, 3) fail(struct parser *p, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	if (p->error)
		return false;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	p->error = xasprintf("%s at column %zu", text, (size_t)(p->at - p->start) + 1);
	return false;
}

static void blanks(struct parser *p)
{
	p->at += strspn(p->at, " \t");
}

/* Is this the next word? Then it is taken. */
static bool accept(struct parser *p, const char *word)
{
	size_t len = strlen(word);

	blanks(p);
	if (strncmp(p->at, word, len) != 0)
		return false;
	p->at += len;
	return true;
}

static void causes_cut(struct parser *p, size_t len)
{
	p->causes_len = len;
	if (p->causes)
		p->causes[len] = '\0';
}

static void causes_add(struct parser *p, const char *name, size_t name_len, const char *value,
		       size_t value_len)
{
	autofree char *before = take_ptr(p->causes);
	int shown = value_len > SHOWN_MAX ? SHOWN_MAX : (int)value_len;

	p->causes = value ? xasprintf("%s%s%.*s=%.*s", before ? before : "",
				      p->causes_len ? ", " : "", (int)name_len, name, shown, value)
			  : xasprintf("%s%s%.*s is not set", before ? before : "",
				      p->causes_len ? ", " : "", (int)name_len, name);
	p->causes_len = strlen(p->causes);
}

/* How long the value at s is; 0: it is none. */
static size_t value_length(const char *s)
{
	const char *digits = "0123456789";
	const char *end;
	size_t sign = *s == '-';

	if (strchr("ymn", *s) && *s)
		return isalnum((unsigned char)s[1]) || s[1] == '_' ? 0 : 1;
	if (*s == '"') {
		end = strchr(s + 1, '"');
		return end ? (size_t)(end + 1 - s) : 0;
	}
	if (strncasecmp(s, "0x", 2) == 0) {
		sign = 2;
		digits = "0123456789abcdefABCDEF";
	}
	return strspn(s + sign, digits) ? sign + strspn(s + sign, digits) : 0;
}

/* Is the option's value what is wanted of it? want NULL: y or m. */
static bool is_as_wanted(const char *value, size_t value_len, const char *want, size_t want_len)
{
	if (!want)
		return value && value_len == 1 && (*value == 'y' || *value == 'm');
	if (!value)
		return want_len == 1 && *want == 'n';
	return value_len == want_len && memcmp(value, want, want_len) == 0;
}

static bool parse_option(struct parser *p, bool negated)
{
	const char *name = p->at, *want = NULL, *value = NULL;
	size_t name_len, want_len = 0, value_len = 0;
	bool holds;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return fail(p, *name ? "expected an option, '(' or '!'" : "unexpected end");
	name_len = strlen(PREFIX);
	while (isalnum((unsigned char)name[name_len]) || name[name_len] == '_')
		name_len++;
	if (name_len == strlen(PREFIX))
		return fail(p, "an option without a name");
	p->at += name_len;
	if (accept(p, "=")) {
		blanks(p);
		want = p->at;
		want_len = value_length(want);
		if (!want_len)
			return fail(p, "expected y, m, n, a number or a text in quotes");
		p->at += want_len;
	}
	if (!p->config)
		return false;
	value = kconfig_find(p->config, name, name_len, &value_len);
	holds = is_as_wanted(value, value_len, want, want_len) != negated;
	if (!holds)
		causes_add(p, name, name_len, value, value_len);
	return holds;
}

static bool parse_expression(struct parser *p, bool negated);

static bool parse_factor(struct parser *p, bool negated)
{
	bool holds;

	if (++p->depth > DEPTH_MAX)
		return fail(p, "too many '(' and '!' in one another");
	if (accept(p, "!")) {
		holds = parse_factor(p, !negated);
	} else if (accept(p, "(")) {
		holds = parse_expression(p, negated);
		if (!accept(p, ")"))
			holds = fail(p, "expected ')'");
	} else {
		holds = parse_option(p, negated);
	}
	p->depth--;
	return holds;
}

/* Parts joined by one operator, all of which must hold, or any. */
static bool parse_chain(struct parser *p, bool negated, const char *operator, bool all,
			bool (*part)(struct parser *p, bool negated))
{
	size_t causes = p->causes_len;
	bool holds = part(p, negated);

	while (!p->error && accept(p, operator)) {
		bool next = part(p, negated);

		holds = all ? holds && next : holds || next;
	}
	/* why parts of it are false does not matter then */
	if (holds)
		causes_cut(p, causes);
	return holds;
}

static bool parse_term(struct parser *p, bool negated)
{
	return parse_chain(p, negated, "&&", !negated, parse_factor);
}

static bool parse_expression(struct parser *p, bool negated)
{
	return parse_chain(p, negated, "||", negated, parse_term);
}

int kconfig_eval(const char *expression, const char *config, enum kconfig_truth *truth, char **why)
{
	struct parser p = { .start = expression, .at = expression, .config = config };
	bool holds = parse_expression(&p, false);

	blanks(&p);
	if (*p.at)
		(void)fail(&p, "expected '&&', '||' or the end");
	*truth = KCONFIG_UNKNOWN;
	*why = NULL;
	if (p.error) {
		free(p.causes);
		*why = p.error;
		return -EINVAL;
	}
	if (config)
		*truth = holds ? KCONFIG_TRUE : KCONFIG_FALSE;
	if (*truth == KCONFIG_FALSE)
		*why = take_ptr(p.causes);
	free(p.causes);
	return 0;
}
