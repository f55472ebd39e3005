/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Durations in one small JSON file: {"schema": ..., "durations": {id: {duration_ns, factor}}}. */
#include "runner/history.h"

#include <fcntl.h>
#include <libgen.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"

#define HISTORY_SCHEMA "p2pcert.durations/1"
#define STATE_DIR "/var/lib/p2pcert"
#define FILE_MAX (1u << 20) /* bytes */
#define ENTRIES_MAX 4000u
#define FACTOR_MAX 100.0
#define DURATION_MAX (INT64_C(30) * 24 * 3600 * NS_PER_S)

struct history {
	json_t *durations; /* only entries that are right */
};

char *history_path(void)
{
	const char *dir = getenv("P2PCERT_STATE_DIR");

	return xasprintf("%s/durations.json", dir && *dir ? dir : STATE_DIR);
}

static bool entry_is_right(const json_t *entry)
{
	int64_t ns = jx_get_int(entry, "duration_ns", -1);
	double factor = json_number_value(json_object_get(entry, "factor"));

	return ns >= 0 && ns <= DURATION_MAX && factor >= 1.0 && factor <= FACTOR_MAX;
}

void history_note(struct history *h, const char *id, int64_t duration_ns, double factor)
{
	autojson json_t *entry = jx_object();

	jx_set_int(entry, "duration_ns", duration_ns);
	jx_set(entry, "factor", json_real(factor));
	if (!entry_is_right(entry))
		return;
	if (json_object_get(h->durations, id) || json_object_size(h->durations) < ENTRIES_MAX)
		jx_set(h->durations, id, json_incref(entry));
}

struct history *history_load(const char *path)
{
	struct history *h = xcalloc(1, sizeof(*h));
	autojson json_t *doc = NULL;
	autofree char *why = NULL;
	const json_t *entry;
	const char *id, *schema;

	h->durations = jx_object();
	if (jx_load(path, FILE_MAX, &doc, &why) < 0)
		return h;
	schema = jx_get_str(doc, "schema");
	if (!schema || strcmp(schema, HISTORY_SCHEMA) != 0)
		return h;
	json_object_foreach (json_object_get(doc, "durations"), id, entry)
		history_note(h, id, jx_get_int(entry, "duration_ns", -1),
			     json_number_value(json_object_get(entry, "factor")));
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	json_decref(h->durations);
	free(h);
}

int64_t history_estimate_ns(const struct history *h, const char *id, double factor)
{
	const json_t *entry = json_object_get(h->durations, id);

	if (!entry)
		return -1;
	return (int64_t)((double)jx_get_int(entry, "duration_ns", 0) * factor /
			 json_number_value(json_object_get(entry, "factor")));
}

int history_save(const struct history *h, const char *path)
{
	autojson json_t *doc = jx_object();
	autofree char *dir = xstrdup(path);
	autofree char *text = NULL;
	int r = fs_mkdir_p(dirname(dir), 0755);

	if (r < 0)
		return r;
	jx_set_str(doc, "schema", HISTORY_SCHEMA);
	jx_set(doc, "durations", json_incref(h->durations));
	text = jx_pretty(doc);
	return fs_publish(AT_FDCWD, path, text, strlen(text), 0644);
}
