/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading manifests, strictly, and finding what they name on a machine. */
#include "check/manifest.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/jxplace.h"
#include "p2p/between.h"

#define MANIFEST_SCHEMA "p2pcert.manifest/1"
#define MANIFEST_MAX (1u << 20) /* bytes */
#define MAX_DEPTH 4 /* steps to any value */
#define MAX_PAIRS 200000

struct endpoint {
	char *name, *text;
	struct p2p_between functions; /* one expression */
};

struct claimed_pair {
	size_t initiator, target; /* endpoints */
	bool direct;
};

struct manifest {
	char *name;
	struct endpoint *endpoints;
	size_t nr_endpoints;
	struct claimed_pair *pairs;
	size_t nr_pairs;
	size_t *isolated; /* endpoints */
	size_t nr_isolated;
	enum iommu_mode iommu;
};

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->nr_endpoints; i++) {
		free(m->endpoints[i].name);
		free(m->endpoints[i].text);
		p2p_between_release(&m->endpoints[i].functions);
	}
	free(m->endpoints);
	free(m->pairs);
	free(m->isolated);
	free(m->name);
	free(m);
}

const char *manifest_name(const struct manifest *m)
{
	return m->name;
}

/* --- reading ------------------------------------------------------------------------------------ */

struct reader {
	struct manifest *m;
	const char *text;
	struct jx_step steps[MAX_DEPTH]; /* to what is being read */
	size_t depth;
	char *why; /* the first thing that is wrong */
};

static bool refuse(struct reader *r, const char *fmt, ...) attr_printf(2, 3);
static bool refuse(struct reader *r, const char *fmt, ...)
{
	struct jx_place place = jx_find_place(r->text, r->steps, r->depth);
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	r->why = xasprintf("line %zu column %zu: %s", place.line, place.column, text);
	return false;
}

/* Reading one step down is what read() does; where it fails, the steps stay. */
static bool step(struct reader *r, const char *key, size_t index, const json_t *value,
		 bool (*read)(struct reader *r, const json_t *value))
{
	r->steps[r->depth++] = (struct jx_step){ key, index };
	if (!read(r, value))
		return false;
	r->depth--;
	return true;
}

static const char *last_key(const struct reader *r)
{
	return r->steps[r->depth - 1].key;
}

struct key {
	const char *name;
	bool (*read)(struct reader *r, const json_t *value);
	bool required;
};

/* Every key is known, and none that is required is missing; read in the order of the table. */
static bool read_object(struct reader *r, const json_t *object, const struct key *keys, size_t nr)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return refuse(r, "this is no object");
	json_object_foreach ((json_t *)object, name, value) {
		size_t i = 0;

		while (i < nr && strcmp(keys[i].name, name) != 0)
			i++;
		r->steps[r->depth++] = (struct jx_step){ name, 0 };
		if (i == nr)
			return refuse(r, "unknown key '%s'", name);
		r->depth--;
	}
	for (size_t i = 0; i < nr; i++) {
		value = json_object_get(object, keys[i].name);
		if (!value && keys[i].required)
			return refuse(r, "key '%s' is missing", keys[i].name);
		if (value && !step(r, keys[i].name, 0, value, keys[i].read))
			return false;
	}
	return true;
}

static bool read_array(struct reader *r, const json_t *array,
		       bool (*read)(struct reader *r, const json_t *value))
{
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return refuse(r, "'%s' is no array", last_key(r));
	json_array_foreach (array, i, item)
		if (!step(r, NULL, i, item, read))
			return false;
	return true;
}

/* "'a', 'b' or 'c'", which the caller frees. */
static char *words_text(const char *const *words, size_t nr)
{
	char *list = xstrdup("");

	for (size_t i = 0; i < nr; i++) {
		autofree char *old = list;

		list = xasprintf("%s%s'%s'", old, !i ? "" : i + 1 < nr ? ", " : " or ", words[i]);
	}
	return list;
}

/* The place of the word in the list; -1 after refusing it. */
static int read_word(struct reader *r, const json_t *value, const char *const *words, size_t nr)
{
	const char *word = json_string_value(value);
	autofree char *list = words_text(words, nr);

	for (size_t i = 0; i < nr; i++)
		if (word && strcmp(words[i], word) == 0)
			return (int)i;
	refuse(r, "'%s' is not %s", word ? word : last_key(r), list);
	return -1;
}

static bool read_schema(struct reader *r, const json_t *value)
{
	static const char *const schemas[] = { MANIFEST_SCHEMA };

	return read_word(r, value, schemas, ARRAY_LEN(schemas)) == 0;
}

static bool read_name(struct reader *r, const json_t *value)
{
	if (!json_is_string(value) || !json_string_length(value))
		return refuse(r, "'name' is no string, or empty");
	r->m->name = xstrdup(json_string_value(value));
	return true;
}

static bool read_endpoint(struct reader *r, const json_t *value)
{
	const char *text = json_string_value(value);
	struct manifest *m = r->m;
	autofree char *why = NULL;
	struct endpoint *e;

	if (!text)
		return refuse(r, "endpoint '%s' is no string", last_key(r));
	if (strchr(text, '/'))
		return refuse(r, "'%s' has a '/': an endpoint is one side of a pair", text);
	m->endpoints = xreallocarray(m->endpoints, m->nr_endpoints + 1, sizeof(*m->endpoints));
	e = &m->endpoints[m->nr_endpoints++];
	*e = (struct endpoint){ .name = xstrdup(last_key(r)), .text = xstrdup(text) };
	if (p2p_between_add(&e->functions, text, &why) < 0)
		return refuse(r, "%s", why);
	return true;
}

static bool read_endpoints(struct reader *r, const json_t *value)
{
	const char *name;
	json_t *functions;

	if (!json_is_object(value))
		return refuse(r, "'endpoints' is no object");
	json_object_foreach ((json_t *)value, name, functions)
		if (!step(r, name, 0, functions, read_endpoint))
			return false;
	return true;
}

static bool find_endpoint(struct reader *r, const json_t *value, size_t *found)
{
	const char *name = json_string_value(value);

	for (size_t i = 0; name && i < r->m->nr_endpoints; i++) {
		if (strcmp(r->m->endpoints[i].name, name) == 0) {
			*found = i;
			return true;
		}
	}
	return name ? refuse(r, "'%s' is none of the endpoints", name)
		    : refuse(r, "this is no name of an endpoint");
}

/* The pair that is being read is the last. */
static struct claimed_pair *this_pair(struct reader *r)
{
	return &r->m->pairs[r->m->nr_pairs - 1];
}

static bool read_initiator(struct reader *r, const json_t *value)
{
	return find_endpoint(r, value, &this_pair(r)->initiator);
}

static bool read_target(struct reader *r, const json_t *value)
{
	return find_endpoint(r, value, &this_pair(r)->target);
}

static bool read_required(struct reader *r, const json_t *value)
{
	static const char *const words[] = { "any", "direct" };
	int word = read_word(r, value, words, ARRAY_LEN(words));

	this_pair(r)->direct = word == 1;
	return word >= 0;
}

static bool read_pair(struct reader *r, const json_t *value)
{
	static const struct key keys[] = {
		{ "initiator", read_initiator, true },
		{ "target", read_target, true },
		{ "required", read_required, false },
	};
	struct manifest *m = r->m;

	m->pairs = xreallocarray(m->pairs, m->nr_pairs + 1, sizeof(*m->pairs));
	m->pairs[m->nr_pairs++] = (struct claimed_pair){ 0 };
	return read_object(r, value, keys, ARRAY_LEN(keys));
}

static bool read_pairs(struct reader *r, const json_t *value)
{
	return read_array(r, value, read_pair);
}

static bool read_iommu(struct reader *r, const json_t *value)
{
	static const char *const words[] = { "off", "passthrough", "translating" };
	int word = read_word(r, value, words, ARRAY_LEN(words));

	r->m->iommu = (enum iommu_mode)(IOMMU_OFF + word);
	return word >= 0;
}

static bool read_isolated_one(struct reader *r, const json_t *value)
{
	struct manifest *m = r->m;

	m->isolated = xreallocarray(m->isolated, m->nr_isolated + 1, sizeof(*m->isolated));
	return find_endpoint(r, value, &m->isolated[m->nr_isolated++]);
}

static bool read_isolated(struct reader *r, const json_t *value)
{
	return read_array(r, value, read_isolated_one);
}

/* Endpoints before what names them. */
static const struct key keys[] = {
	{ "schema", read_schema, true },       { "name", read_name, true },
	{ "endpoints", read_endpoints, true }, { "p2p", read_pairs, true },
	{ "iommu", read_iommu, false },        { "isolated", read_isolated, false },
};

int manifest_parse(const char *name, const char *text, size_t len, struct manifest **manifest,
		   char **why)
{
	struct reader r = { .text = text };
	autojson json_t *doc = NULL;
	json_error_t error;

	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!doc) {
		*why = xasprintf("manifest '%s' line %d column %d: %s", name, error.line,
				 error.column, error.text);
		return -EINVAL;
	}
	r.m = xcalloc(1, sizeof(*r.m));
	if (!read_object(&r, doc, keys, ARRAY_LEN(keys))) {
		*why = xasprintf("manifest '%s' %s", name, r.why);
		free(r.why);
		manifest_free(r.m);
		return -EINVAL;
	}
	*manifest = r.m;
	return 0;
}

int manifest_load(const char *path, struct manifest **manifest, char **why)
{
	autofree char *text = NULL;
	size_t len;
	int r = fs_read(AT_FDCWD, path, MANIFEST_MAX, &text, &len);

	if (r == -EFBIG) {
		*why = xasprintf("manifest '%s' is larger than %u bytes", path, MANIFEST_MAX);
		return r;
	}
	if (r < 0) {
		*why = xasprintf("cannot read '%s': %s", path, strerror(-r));
		return r;
	}
	return manifest_parse(path, text, len, manifest, why);
}

/* --- what it means here ------------------------------------------------------------------------- */

struct functions {
	int *items;
	size_t nr;
};

static struct functions find_functions(const struct endpoint *e, const struct platform *p)
{
	struct functions found = { xcalloc(p->nr_functions, sizeof(int)), 0 };

	for (size_t i = 0; i < p->nr_functions; i++)
		if (p2p_between_names(&e->functions, p, &p->functions[i]))
			found.items[found.nr++] = (int)i;
	return found;
}

static void note_absent(struct check_claims *claims, const struct endpoint *e)
{
	claims->absent =
		xreallocarray(claims->absent, claims->nr_absent + 1, sizeof(*claims->absent));
	claims->absent[claims->nr_absent++] =
		xasprintf("endpoint '%s': no function is '%s'", e->name, e->text);
}

static void add_pairs(struct check_claims *claims, const struct functions *from,
		      const struct functions *to, bool direct)
{
	claims->pairs = xreallocarray(claims->pairs, claims->nr_pairs + from->nr * to->nr,
				      sizeof(*claims->pairs));
	for (size_t i = 0; i < from->nr; i++)
		for (size_t k = 0; k < to->nr; k++)
			if (from->items[i] != to->items[k])
				claims->pairs[claims->nr_pairs++] = (struct check_claim){
					from->items[i],
					to->items[k],
					direct,
				};
}

/* How many pairs it claims, those of a function with itself counted in. */
static size_t count_pairs(const struct manifest *m, const struct functions *of)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nr_pairs; i++)
		n += of[m->pairs[i].initiator].nr * of[m->pairs[i].target].nr;
	return n;
}

int manifest_resolve(const struct manifest *m, const struct platform *platform,
		     struct check_claims *claims, char **why)
{
	struct functions *of = xcalloc(m->nr_endpoints, sizeof(*of));
	size_t nr_pairs;

	*claims = (struct check_claims){ .iommu = m->iommu };
	for (size_t i = 0; i < m->nr_endpoints; i++) {
		of[i] = find_functions(&m->endpoints[i], platform);
		if (!of[i].nr)
			note_absent(claims, &m->endpoints[i]);
	}
	nr_pairs = count_pairs(m, of);
	for (size_t i = 0; i < m->nr_pairs && nr_pairs <= MAX_PAIRS; i++)
		add_pairs(claims, &of[m->pairs[i].initiator], &of[m->pairs[i].target],
			  m->pairs[i].direct);
	for (size_t i = 0; i < m->nr_isolated; i++) {
		const struct functions *f = &of[m->isolated[i]];

		claims->isolated = xreallocarray(claims->isolated, claims->nr_isolated + f->nr,
						 sizeof(*claims->isolated));
		for (size_t k = 0; k < f->nr; k++)
			claims->isolated[claims->nr_isolated++] = f->items[k];
	}
	for (size_t i = 0; i < m->nr_endpoints; i++)
		free(of[i].items);
	free(of);
	if (nr_pairs <= MAX_PAIRS)
		return 0;
	*why = xasprintf("manifest '%s' claims %zu pairs here, more than %d", m->name, nr_pairs,
			 MAX_PAIRS);
	check_claims_release(claims);
	return -E2BIG;
}

void check_claims_release(struct check_claims *claims)
{
	free(claims->pairs);
	free(claims->isolated);
	for (size_t i = 0; i < claims->nr_absent; i++)
		free(claims->absent[i]);
	free(claims->absent);
	*claims = (struct check_claims){ 0 };
}
