/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holding JSON against a list of fields. */
#include "report/shape.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/outcome.h"
#include "base/pciaddr.h"
#include "base/text.h"
#include "check/finding.h"
#include "report/verdict.h"
#include "scenario/scenario.h"

static bool is_string(const json_t *v)
{
	return json_is_string(v);
}

/*
 * Words of lower case letters, digits and hyphens, with dots between: "odp.invalidate.munmap". It
 * stands on command lines, so that it must not look like an option.
 */
static bool is_id(const json_t *v)
{
	const char *s = json_string_value(v);
	bool word = false;

	if (s && *s == '-')
		return false;
	for (; s && *s; s++) {
		if (*s == '.' ? !word
			      : !islower((unsigned char)*s) && !isdigit((unsigned char)*s) &&
					*s != '-')
			return false;
		word = *s != '.';
	}
	return word;
}

static bool is_hex(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && strncmp(s, "0x", 2) == 0 && s[2] &&
	       s[2 + strspn(s + 2, "0123456789abcdef")] == '\0';
}

static bool is_time(const json_t *v)
{
	return text_has_form(json_string_value(v), "dddd-dd-ddTdd:dd:ddZ");
}

static bool is_date(const json_t *v)
{
	return text_has_form(json_string_value(v), "dddd-dd-dd");
}

static bool is_address(const json_t *v)
{
	const char *s = json_string_value(v);
	struct pci_addr addr;

	return s && pci_addr_parse(s, &addr) == 0;
}

static bool is_count(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool is_round(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 1;
}

static bool is_number(const json_t *v)
{
	return json_is_number(v);
}

static bool is_bool(const json_t *v)
{
	return json_is_boolean(v);
}

static bool is_any(const json_t *v)
{
	return v;
}

static bool is_object(const json_t *v)
{
	return json_is_object(v);
}

static bool is_level(const json_t *v)
{
	enum level level;

	return json_is_string(v) && level_parse(json_string_value(v), &level) == 0;
}

static bool is_outcome(const json_t *v)
{
	enum outcome outcome;

	return json_is_string(v) && outcome_parse(json_string_value(v), &outcome) == 0;
}

static bool is_error_kind(const json_t *v)
{
	enum error_kind kind;

	return json_is_string(v) && error_kind_parse(json_string_value(v), &kind) == 0;
}

static bool is_skip_category(const json_t *v)
{
	enum skip_category category;

	return json_is_string(v) && skip_category_parse(json_string_value(v), &category) == 0;
}

static bool is_evidence_kind(const json_t *v)
{
	enum evidence_kind kind;

	return json_is_string(v) && evidence_kind_parse(json_string_value(v), &kind) == 0;
}

static bool is_evidence_state(const json_t *v)
{
	enum evidence_state state;

	return json_is_string(v) && evidence_state_parse(json_string_value(v), &state) == 0;
}

static bool is_finding_code(const json_t *v)
{
	return json_is_string(v) && finding_find(json_string_value(v));
}

static bool is_run_end(const json_t *v)
{
	enum run_end end;

	return json_is_string(v) && run_end_parse(json_string_value(v), &end) == 0;
}

static bool is_signal(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= 64;
}

static bool is_one_of(const json_t *v, const char *const *words, size_t n)
{
	for (size_t i = 0; json_is_string(v) && i < n; i++)
		if (strcmp(json_string_value(v), words[i]) == 0)
			return true;
	return false;
}

static bool is_undo_result(const json_t *v)
{
	static const char *const words[] = { "undone", "gone", "failed" };

	return is_one_of(v, words, ARRAY_LEN(words));
}

static bool is_deadline(const json_t *v)
{
	static const char *const words[] = { "soft", "hard" };

	return is_one_of(v, words, ARRAY_LEN(words));
}

static bool is_log_severity(const json_t *v)
{
	static const char *const words[] = { "note", "bad", "fatal" };

	return is_one_of(v, words, ARRAY_LEN(words));
}

static const struct {
	bool (*holds)(const json_t *value);
	const char *name; /* after "is no " */
} types[NR_VALUE_TYPES] = {
	[TYPE_STRING] = { is_string, "string" },
	[TYPE_ID] = { is_id, "scenario id" },
	[TYPE_HEX] = { is_hex, "hexadecimal number in a string" },
	[TYPE_TIME] = { is_time, "time such as 2026-01-31T12:00:00Z" },
	[TYPE_DATE] = { is_date, "date such as 2026-01-31" },
	[TYPE_ADDRESS] = { is_address, "address of a PCI function" },
	[TYPE_COUNT] = { is_count, "integer from 0" },
	[TYPE_ROUND] = { is_round, "number of a round" },
	[TYPE_NUMBER] = { is_number, "number" },
	[TYPE_BOOL] = { is_bool, "boolean" },
	[TYPE_ANY] = { is_any, "value" },
	[TYPE_OBJECT] = { is_object, "object" },
	[TYPE_LEVEL] = { is_level, "level of a run" },
	[TYPE_OUTCOME] = { is_outcome, "outcome" },
	[TYPE_ERROR_KIND] = { is_error_kind, "kind of error" },
	[TYPE_SKIP_CATEGORY] = { is_skip_category, "skip category" },
	[TYPE_EVIDENCE_KIND] = { is_evidence_kind, "kind of evidence" },
	[TYPE_EVIDENCE_STATE] = { is_evidence_state, "state of evidence" },
	[TYPE_FINDING_CODE] = { is_finding_code, "finding code that this version knows" },
	[TYPE_RUN_END] = { is_run_end, "way for a run to end" },
	[TYPE_SIGNAL] = { is_signal, "number of a signal" },
	[TYPE_UNDO_RESULT] = { is_undo_result, "result of undoing" },
	[TYPE_DEADLINE] = { is_deadline, "deadline" },
	[TYPE_LOG_SEVERITY] = { is_log_severity, "severity of a kernel log line" },
};

/* The path of a value, from the innermost key out. */
struct place {
	const struct place *outer;
	const char *key;
	ssize_t index; /* in an array; -1: not in one */
};

static char *place_text(const struct place *place)
{
	autofree char *outer = place->outer ? place_text(place->outer) : NULL;
	autofree char *index = place->index >= 0 ? xasprintf("[%zd]", place->index) : NULL;

	return xasprintf("%s%s%s%s", outer ? outer : "", outer ? "." : "", place->key,
			 index ? index : "");
}

static int refuse(const struct place *place, const char *what, char **why)
{
	autofree char *text = place_text(place);

	*why = xasprintf("'%s' is %s%s", text, what ? "no " : "missing", what ? what : "");
	return -EINVAL;
}

static int check_object(const json_t *object, const struct field *fields, const struct place *outer,
			char **why);

static int check_value(const json_t *value, const struct field *field, const struct place *place,
		       char **why)
{
	if (!types[field->type].holds(value))
		return refuse(place, types[field->type].name, why);
	return field->of ? check_object(value, field->of, place, why) : 0;
}

static int check_array(const json_t *array, const struct field *field, struct place *place,
		       char **why)
{
	const json_t *value;
	size_t i;

	if (!json_is_array(array))
		return refuse(place, "array", why);
	json_array_foreach (array, i, value) {
		int r;

		place->index = (ssize_t)i;
		r = check_value(value, field, place, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_object(const json_t *object, const struct field *fields, const struct place *outer,
			char **why)
{
	for (const struct field *f = fields; f->type != TYPE_END; f++) {
		const json_t *value = json_object_get(object, f->key);
		struct place place = { .outer = outer, .key = f->key, .index = -1 };
		int r;

		if (!value && f->flags & FIELD_OPTIONAL)
			continue;
		if (!value)
			return refuse(&place, NULL, why);
		r = f->flags & FIELD_ARRAY ? check_array(value, f, &place, why)
					   : check_value(value, f, &place, why);
		if (r < 0)
			return r;
	}
	return 0;
}

int shape_check(const json_t *object, const struct field *fields, char **why)
{
	return check_object(object, fields, NULL, why);
}

static json_t *copy_value(json_t *value, const struct field *field)
{
	return field->of ? shape_copy(value, field->of) : json_incref(value);
}

json_t *shape_copy(const json_t *object, const struct field *fields)
{
	json_t *copy = jx_object();

	for (const struct field *f = fields; f->type != TYPE_END; f++) {
		json_t *value = json_object_get(object, f->key);
		json_t *array, *item;
		size_t i;

		if (!value)
			continue;
		if (!(f->flags & FIELD_ARRAY)) {
			jx_set(copy, f->key, copy_value(value, f));
			continue;
		}
		array = jx_array();
		json_array_foreach (value, i, item)
			jx_append(array, copy_value(item, f));
		jx_set(copy, f->key, array);
	}
	return copy;
}

char *strings_join(const json_t *strings, const char *separator)
{
	size_t len = 1, at = 0, i;
	const json_t *string;
	char *text;

	json_array_foreach (strings, i, string)
		len += json_string_length(string) + strlen(separator);
	text = xcalloc(len, 1);
	json_array_foreach (strings, i, string) {
		at = (size_t)(stpcpy(text + at, i ? separator : "") - text);
		at = (size_t)(stpcpy(text + at, json_string_value(string)) - text);
	}
	return text;
}
