/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading errata, strictly, and holding kernel releases against them. */
#include "check/kernel_errata.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/datadir.h"
#include "base/jx.h"
#include "check/finding.h"

#define ERRATA_SCHEMA "p2pcert.errata/1"
#define ERRATA_MAX (1u << 20) /* bytes */

/* --- releases ----------------------------------------------------------------------------------- */

struct release {
	unsigned long major, minor, patch;
	bool exact; /* a patch level was given */
};

/* A number and what is behind it; false: there is none. */
static bool number(const char **s, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)**s))
		return false;
	*value = strtoul(*s, &end, 10);
	*s = end;
	return true;
}

/* "7.2", "7.2.12"; behind that uname(2) has more. Returns what is behind; NULL: this is no release. */
static const char *parse(const char *s, struct release *r)
{
	*r = (struct release){ 0 };
	if (!number(&s, &r->major) || *s++ != '.' || !number(&s, &r->minor))
		return NULL;
	if (s[0] == '.' && isdigit((unsigned char)s[1])) {
		s++;
		r->exact = number(&s, &r->patch);
	}
	return s;
}

static bool is_release(const char *s)
{
	struct release r;
	const char *end = parse(s, &r);

	return end && !*end;
}

static int compare(unsigned long a, unsigned long b)
{
	return a < b ? -1 : a > b;
}

static bool is_from(const struct release *r, const struct release *first)
{
	int order = compare(r->major, first->major);

	order = order ? order : compare(r->minor, first->minor);
	order = order ? order : compare(r->patch, first->patch);
	return order >= 0;
}

static bool is_mended_by(const struct release *r, const struct release *fix)
{
	bool same_series = r->major == fix->major && r->minor == fix->minor;

	return is_from(r, fix) && (same_series || !fix->exact);
}

bool erratum_concerns(const json_t *erratum, const char *release)
{
	struct release running, other;
	const json_t *fix;
	size_t i;

	if (!parse(release, &running) || !parse(jx_get_str(erratum, "since"), &other) ||
	    !is_from(&running, &other))
		return false;
	json_array_foreach (json_object_get(erratum, "fixed"), i, fix)
		if (parse(json_string_value(fix), &other) && is_mended_by(&running, &other))
			return false;
	return true;
}

json_t *errata_of_release(const json_t *errata, const char *release)
{
	json_t *array = jx_array();
	json_t *erratum;
	size_t i;

	json_array_foreach (errata, i, erratum)
		if (erratum_concerns(erratum, release))
			jx_append(array, json_incref(erratum));
	return array;
}

const json_t *errata_find(const json_t *errata, const char *id)
{
	const json_t *erratum;
	size_t i;

	json_array_foreach (errata, i, erratum)
		if (strcmp(jx_get_str(erratum, "id"), id) == 0)
			return erratum;
	return NULL;
}

/* --- reading ------------------------------------------------------------------------------------ */

static int refuse(char **why, const char *fmt, ...) attr_printf(2, 3);
static int refuse(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*why = xvasprintf(fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Lower case letters and digits, hyphens between. */
static bool is_id(const char *s)
{
	size_t len = strlen(s);

	return len && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && *s != '-' &&
	       s[len - 1] != '-';
}

static bool is_text(const char *s)
{
	return *s;
}

static bool is_finding(const char *s)
{
	return finding_find(s);
}

static const struct key {
	const char *name;
	bool (*valid)(const char *s);
	const char *what; /* it is, if not */
	bool array, optional;
} keys[] = {
	{ "id", is_id, "lower case letters, digits and hyphens", false, false },
	{ "title", is_text, "a text", false, false },
	{ "findings", is_finding, "a code of a finding", true, false },
	{ "shown_by", is_text, "the id of a scenario", true, true },
	{ "since", is_release, "a release of the kernel", false, false },
	{ "fixed", is_release, "a release of the kernel", true, true },
	{ "consequence", is_text, "a text", false, false },
	{ "workaround", is_text, "a text", false, false },
	{ "reference", is_text, "a text", false, false },
	{ "seen", is_release, "a release of the kernel", true, true },
	{ "read", is_release, "a release of the kernel", true, true },
};

static bool is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return true;
	return false;
}

static int check_string(const struct key *key, const json_t *value, char **why)
{
	const char *s = json_string_value(value);

	if (!s || !key->valid(s))
		return refuse(why, "'%s' is not %s", key->name, key->what);
	return 0;
}

static int check_value(const struct key *key, const json_t *value, char **why)
{
	const json_t *item;
	size_t i;

	if (!key->array)
		return check_string(key, value, why);
	if (!json_array_size(value))
		return refuse(why, "'%s' is no array, or empty", key->name);
	json_array_foreach (value, i, item) {
		int r = check_string(key, item, why);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_erratum(const json_t *erratum, char **why)
{
	const char *name;
	json_t *value;

	if (!json_is_object(erratum))
		return refuse(why, "this is no object");
	json_object_foreach ((json_t *)erratum, name, value)
		if (!is_known(name))
			return refuse(why, "unknown key '%s'", name);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		int r = 0;

		value = json_object_get(erratum, keys[i].name);
		if (!value && !keys[i].optional)
			return refuse(why, "key '%s' is missing", keys[i].name);
		if (value)
			r = check_value(&keys[i], value, why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Each by itself, and no id twice. */
static int check_errata(const json_t *errata, char **why)
{
	autojson json_t *ids = jx_object();
	const json_t *erratum;
	size_t i;

	if (!json_is_array(errata))
		return refuse(why, "'errata' is missing, or no array");
	json_array_foreach (errata, i, erratum) {
		autofree char *what = NULL;
		const char *id;

		if (check_erratum(erratum, &what) < 0)
			return refuse(why, "'errata[%zu]': %s", i, what);
		id = jx_get_str(erratum, "id");
		if (json_object_get(ids, id))
			return refuse(why, "'errata[%zu]': '%s' is there before", i, id);
		jx_set_bool(ids, id, true);
	}
	return 0;
}

static int check_document(const json_t *doc, char **why)
{
	const char *schema = jx_get_str(doc, "schema");

	if (!schema || strcmp(schema, ERRATA_SCHEMA) != 0)
		return refuse(why, "'schema' is not '" ERRATA_SCHEMA "'");
	if (json_object_size(doc) != 2)
		return refuse(why, "has other keys than 'schema' and 'errata'");
	return check_errata(json_object_get(doc, "errata"), why);
}

int errata_load(const char *path, json_t **errata, char **why)
{
	autojson json_t *doc = NULL;
	autofree char *what = NULL;
	int r = jx_load(path, ERRATA_MAX, &doc, why);

	if (r < 0)
		return r;
	if (check_document(doc, &what) < 0)
		return refuse(why, "'%s': %s", path, what);
	*errata = json_incref(json_object_get(doc, "errata"));
	return 0;
}

int errata_load_shipped(json_t **errata, char **why)
{
	autofree char *path = data_path("errata.json");

	return errata_load(path, errata, why);
}
