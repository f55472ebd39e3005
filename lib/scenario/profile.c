/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading profiles, strictly. */
#include "scenario/profile.h"

#include <dirent.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/datadir.h"
#include "base/jx.h"
#include "base/text.h"
#include "check/kernel_errata.h"
#include "check/run.h"

#define PROFILE_SCHEMA "p2pcert.profile/1"
#define PROFILE_MAX (1u << 20) /* bytes */
#define SUFFIX ".json"
#define DAY "dddd-dd-dd"
#define DEVICE_NAME_MAX 63 /* IB_DEVICE_NAME_MAX, less the NUL */

static bool ends_with(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len > n && strcmp(s + len - n, suffix) == 0;
}

bool id_list_has(const struct id_list *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->ids[i], id) == 0)
			return true;
	return false;
}

static void id_list_add(struct id_list *list, const char *id)
{
	list->ids = xreallocarray(list->ids, list->n + 1, sizeof(*list->ids));
	list->ids[list->n++] = xstrdup(id);
}

void id_list_release(struct id_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->ids[i]);
	free(list->ids);
	*list = (struct id_list){ 0 };
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_soft_rdma; i++) {
		free(p->soft_rdma[i].name);
		free(p->soft_rdma[i].netdev);
	}
	free(p->soft_rdma);
	for (size_t i = 0; i < p->nr_waivers; i++) {
		free(p->waivers[i].erratum);
		free(p->waivers[i].reason);
		free(p->waivers[i].granted);
		free(p->waivers[i].until);
	}
	free(p->waivers);
	id_list_release(&p->required);
	id_list_release(&p->recommended);
	id_list_release(&p->excluded);
	id_list_release(&p->checks_required);
	id_list_release(&p->checks_excluded);
	free(p->name);
	free(p->title);
	free(p);
}

/* What the kernel takes for a device's name, and no more: the names end in paths and commands. */
static bool valid_device_name(const char *s, size_t max)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	size_t len = strlen(s);

	return len > 0 && len <= max && strspn(s, allowed) == len && *s != '-' && *s != '.';
}

int profile_add_soft_rdma(struct profile *p, const char *name, const char *netdev)
{
	struct soft_rdma *link;

	if (!valid_device_name(name, DEVICE_NAME_MAX) ||
	    !valid_device_name(netdev, IF_NAMESIZE - 1))
		return -EINVAL;
	p->soft_rdma = xreallocarray(p->soft_rdma, p->nr_soft_rdma + 1, sizeof(*p->soft_rdma));
	link = &p->soft_rdma[p->nr_soft_rdma++];
	link->name = xstrdup(name);
	link->netdev = xstrdup(netdev);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------ */

struct reader {
	const struct scenario *const *table;
	size_t table_len;
	struct profile *profile;
	char *why; /* the first thing that is wrong */
};

static bool refuse(struct reader *r, const char *fmt, ...) attr_printf(2, 3);
static bool refuse(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	r->why = xvasprintf(fmt, ap);
	va_end(ap);
	return false;
}

static bool in_table(const struct reader *r, const char *id)
{
	for (size_t i = 0; i < r->table_len; i++)
		if (strcmp(r->table[i]->id, id) == 0)
			return true;
	return false;
}

static bool read_ids(struct reader *r, const char *key, const json_t *value, struct id_list *list)
{
	const struct profile *p = r->profile;
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return refuse(r, "'%s' is no array of scenario ids", key);
	json_array_foreach (value, i, item) {
		const char *id = json_string_value(item);

		if (!id)
			return refuse(r, "'%s[%zu]' is no string", key, i);
		if (!in_table(r, id))
			return refuse(r, "'%s[%zu]': unknown scenario '%s'", key, i, id);
		if (id_list_has(&p->required, id) || id_list_has(&p->recommended, id) ||
		    id_list_has(&p->excluded, id))
			return refuse(r, "'%s[%zu]': scenario '%s' is listed before", key, i, id);
		id_list_add(list, id);
	}
	return true;
}

static bool read_required(struct reader *r, const char *key, const json_t *value)
{
	return read_ids(r, key, value, &r->profile->required);
}

static bool read_recommended(struct reader *r, const char *key, const json_t *value)
{
	return read_ids(r, key, value, &r->profile->recommended);
}

static bool read_excluded(struct reader *r, const char *key, const json_t *value)
{
	return read_ids(r, key, value, &r->profile->excluded);
}

static bool read_check_ids(struct reader *r, const char *key, const json_t *value,
			   struct id_list *list)
{
	const struct profile *p = r->profile;
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return refuse(r, "'checks.%s' is no array of ids of checks", key);
	json_array_foreach (value, i, item) {
		const char *id = json_string_value(item);

		if (!id || !check_find(id))
			return refuse(r, "'checks.%s[%zu]': unknown check '%s'", key, i,
				      id ? id : "");
		if (id_list_has(&p->checks_required, id) || id_list_has(&p->checks_excluded, id))
			return refuse(r, "'checks.%s[%zu]': check '%s' is listed before", key, i,
				      id);
		id_list_add(list, id);
	}
	return true;
}

static bool read_checks(struct reader *r, const char *key, const json_t *value)
{
	struct profile *p = r->profile;
	const char *part;
	json_t *ids;

	if (!json_is_object(value))
		return refuse(r, "'%s' is no object", key);
	json_object_foreach ((json_t *)value, part, ids) {
		struct id_list *list = strcmp(part, "required") == 0   ? &p->checks_required
				       : strcmp(part, "excluded") == 0 ? &p->checks_excluded
								       : NULL;

		if (!list)
			return refuse(r, "unknown key '%s.%s'", key, part);
		if (!read_check_ids(r, part, ids, list))
			return false;
	}
	return true;
}

static bool read_schema(struct reader *r, const char *key, const json_t *value)
{
	if (!json_is_string(value) || strcmp(json_string_value(value), PROFILE_SCHEMA) != 0)
		return refuse(r, "'%s' is not '" PROFILE_SCHEMA "'", key);
	return true;
}

static bool read_string(struct reader *r, const char *key, const json_t *value, char **to)
{
	if (!json_is_string(value) || json_string_length(value) == 0)
		return refuse(r, "'%s' is no string, or empty", key);
	*to = xstrdup(json_string_value(value));
	return true;
}

static bool read_name(struct reader *r, const char *key, const json_t *value)
{
	return read_string(r, key, value, &r->profile->name);
}

static bool read_title(struct reader *r, const char *key, const json_t *value)
{
	return read_string(r, key, value, &r->profile->title);
}

static bool read_soft_rdma(struct reader *r, const char *key, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return refuse(r, "'%s' is no array", key);
	json_array_foreach (value, i, item) {
		const char *name = jx_get_str(item, "name");
		const char *netdev = jx_get_str(item, "netdev");

		if (!name || !netdev || json_object_size(item) != 2)
			return refuse(r, "'%s[%zu]' is no object of strings 'name' and 'netdev'",
				      key, i);
		if (profile_add_soft_rdma(r->profile, name, netdev) < 0)
			return refuse(r, "'%s[%zu]': '%s' or '%s' cannot be a device's name", key,
				      i, name, netdev);
	}
	return true;
}

static bool is_waived(const struct profile *p, const char *erratum)
{
	for (size_t i = 0; i < p->nr_waivers; i++)
		if (strcmp(p->waivers[i].erratum, erratum) == 0)
			return true;
	return false;
}

/* An exception that nobody can name, that has no reason or never ends is none. */
static bool read_waiver(struct reader *r, const json_t *item, size_t i, const json_t *errata)
{
	struct profile *p = r->profile;
	const char *erratum = jx_get_str(item, "erratum"), *reason = jx_get_str(item, "reason");
	const char *granted = jx_get_str(item, "granted"), *until = jx_get_str(item, "until");

	if (!erratum || !reason || !*reason || !granted || !until || json_object_size(item) != 4)
		return refuse(r,
			      "'waivers[%zu]' is no object of strings 'erratum', 'reason', "
			      "'granted' and 'until'",
			      i);
	if (!text_has_form(granted, DAY) || !text_has_form(until, DAY) ||
	    strcmp(granted, until) > 0)
		return refuse(r,
			      "'waivers[%zu]': from '%s' until '%s' is no time: days such as "
			      "2027-03-31 are wanted",
			      i, granted, until);
	if (!errata_find(errata, erratum))
		return refuse(r, "'waivers[%zu]': unknown erratum '%s'", i, erratum);
	if (is_waived(p, erratum))
		return refuse(r, "'waivers[%zu]': erratum '%s' is waived before", i, erratum);
	p->waivers = xreallocarray(p->waivers, p->nr_waivers + 1, sizeof(*p->waivers));
	p->waivers[p->nr_waivers++] = (struct waiver){ xstrdup(erratum), xstrdup(reason),
						       xstrdup(granted), xstrdup(until) };
	return true;
}

static bool read_waivers(struct reader *r, const char *key, const json_t *value)
{
	autojson json_t *errata = NULL;
	autofree char *why = NULL;
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return refuse(r, "'%s' is no array", key);
	if (json_array_size(value) && errata_load_shipped(&errata, &why) < 0)
		return refuse(r, "'%s': %s", key, why);
	json_array_foreach (value, i, item)
		if (!read_waiver(r, item, i, errata))
			return false;
	return true;
}

enum presence { PRESENCE_UNKNOWN, PRESENCE_OPTIONAL, PRESENCE_REQUIRED };

/* A file may leave out what is empty; the journal says all, in a schema of its own. */
static const struct {
	const char *key;
	bool (*read)(struct reader *r, const char *key, const json_t *value);
	enum presence in_file, in_journal;
} keys[] = {
	{ "schema", read_schema, PRESENCE_REQUIRED, PRESENCE_UNKNOWN },
	{ "name", read_name, PRESENCE_REQUIRED, PRESENCE_REQUIRED },
	{ "title", read_title, PRESENCE_REQUIRED, PRESENCE_REQUIRED },
	{ "required", read_required, PRESENCE_REQUIRED, PRESENCE_REQUIRED },
	{ "recommended", read_recommended, PRESENCE_REQUIRED, PRESENCE_REQUIRED },
	{ "excluded", read_excluded, PRESENCE_OPTIONAL, PRESENCE_REQUIRED },
	{ "soft_rdma", read_soft_rdma, PRESENCE_OPTIONAL, PRESENCE_REQUIRED },
	{ "waivers", read_waivers, PRESENCE_OPTIONAL, PRESENCE_OPTIONAL },
	/* no run has a part in them */
	{ "checks", read_checks, PRESENCE_OPTIONAL, PRESENCE_UNKNOWN },
};

static enum presence key_presence(size_t i, bool journal)
{
	return journal ? keys[i].in_journal : keys[i].in_file;
}

static bool key_is_known(const char *key, bool journal)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return key_presence(i, journal) != PRESENCE_UNKNOWN;
	return false;
}

static bool read_profile(struct reader *r, const json_t *doc, bool journal)
{
	const char *key;
	json_t *value;

	if (!json_is_object(doc))
		return refuse(r, "is no JSON object");
	json_object_foreach ((json_t *)doc, key, value)
		if (!key_is_known(key, journal))
			return refuse(r, "unknown key '%s'", key);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		value = json_object_get(doc, keys[i].key);
		if (!value && key_presence(i, journal) == PRESENCE_REQUIRED)
			return refuse(r, "key '%s' is missing", keys[i].key);
		if (value && !keys[i].read(r, keys[i].key, value))
			return false;
	}
	return true;
}

int profile_load(const char *name_or_path, const struct scenario *const *table, size_t n,
		 struct profile **profile, char **why)
{
	struct reader r = { .table = table, .table_len = n };
	bool is_path = strchr(name_or_path, '/') || ends_with(name_or_path, SUFFIX);
	autofree char *name = xasprintf("profiles/%s" SUFFIX, name_or_path);
	autofree char *path = is_path ? xstrdup(name_or_path) : data_path(name);
	autojson json_t *doc = NULL;
	int err;

	err = jx_load(path, PROFILE_MAX, &doc, why);
	if (err == -ENOENT && !is_path) {
		free(*why);
		*why = xasprintf("unknown profile '%s'; 'p2pcert list' shows those there are",
				 name_or_path);
	}
	if (err < 0)
		return err;

	r.profile = xcalloc(1, sizeof(*r.profile));
	if (!read_profile(&r, doc, false)) {
		*why = xasprintf("profile '%s': %s", path, r.why);
		free(r.why);
		profile_free(r.profile);
		return -EINVAL;
	}
	*profile = r.profile;
	return 0;
}

int profile_from_json(const json_t *doc, const struct scenario *const *table, size_t n,
		      struct profile **profile, char **why)
{
	struct reader r = { .table = table, .table_len = n };

	r.profile = xcalloc(1, sizeof(*r.profile));
	if (!read_profile(&r, doc, true)) {
		*why = r.why;
		profile_free(r.profile);
		return -EINVAL;
	}
	*profile = r.profile;
	return 0;
}

static json_t *soft_rdma_to_json(const struct profile *p)
{
	json_t *array = jx_array();

	for (size_t i = 0; i < p->nr_soft_rdma; i++) {
		json_t *link = jx_object();

		jx_set_str(link, "name", p->soft_rdma[i].name);
		jx_set_str(link, "netdev", p->soft_rdma[i].netdev);
		jx_append(array, link);
	}
	return array;
}

static json_t *waivers_to_json(const struct profile *p)
{
	json_t *array = jx_array();

	for (size_t i = 0; i < p->nr_waivers; i++) {
		json_t *waiver = jx_object();

		jx_set_str(waiver, "erratum", p->waivers[i].erratum);
		jx_set_str(waiver, "reason", p->waivers[i].reason);
		jx_set_str(waiver, "granted", p->waivers[i].granted);
		jx_set_str(waiver, "until", p->waivers[i].until);
		jx_append(array, waiver);
	}
	return array;
}

static json_t *ids_to_json(const struct id_list *list)
{
	json_t *array = jx_array();

	for (size_t i = 0; i < list->n; i++)
		jx_append_str(array, list->ids[i]);
	return array;
}

json_t *profile_to_json(const struct profile *p)
{
	json_t *doc = jx_object();

	jx_set_str(doc, "name", p->name);
	jx_set_str(doc, "title", p->title);
	jx_set(doc, "required", ids_to_json(&p->required));
	jx_set(doc, "recommended", ids_to_json(&p->recommended));
	jx_set(doc, "excluded", ids_to_json(&p->excluded));
	jx_set(doc, "soft_rdma", soft_rdma_to_json(p));
	if (p->nr_waivers)
		jx_set(doc, "waivers", waivers_to_json(p));
	return doc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void profile_names(struct id_list *names)
{
	autofree char *path = data_path("profiles");
	const struct dirent *e;
	DIR *dir = opendir(path);

	*names = (struct id_list){ 0 };
	while (dir && (e = readdir(dir))) {
		if (ends_with(e->d_name, SUFFIX)) {
			autofree char *name =
				xstrndup(e->d_name, strlen(e->d_name) - strlen(SUFFIX));

			id_list_add(names, name);
		}
	}
	if (dir)
		closedir(dir);
	if (names->n)
		qsort(names->ids, names->n, sizeof(*names->ids), by_name);
}
