/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a journal for what a later process needs of it. */
#include "runner/past.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/text.h"
#include "scenario/profile.h"

struct past {
	json_t *records; /* all else points into them */
	bool torn;
	const json_t *start; /* run-start */
	const json_t *last; /* of the last process that ran something: run-start or resume */
	const char *end; /* run-end's reason */
	json_t *changes; /* undo-add and undo-done */
	json_t *open_changes; /* numbers of those not undone, as keys */
	json_t *begun; /* by id: object of rounds as keys; "0": it could not be started at all */
	bool platform, features, errata; /* are in the journal */
	bool running; /* a scenario has started and not ended yet */
	bool failed;
	unsigned int folders;
	int64_t duration_ns;
	struct profile *profile;
	char **ids;
	size_t nr_ids;
	const char **inject; /* NULL-terminated; NULL: none */
	const char **workarounds, **devices; /* likewise */
};

void past_free(struct past *p)
{
	if (!p)
		return;
	json_decref(p->records);
	json_decref(p->changes);
	json_decref(p->open_changes);
	json_decref(p->begun);
	profile_free(p->profile);
	free(p->ids);
	free(p->inject);
	free(p->workarounds);
	free(p->devices);
	free(p);
}

/* --- records ------------------------------------------------------------------------------------- */

#define NEVER_STARTED "0"

static json_t *rounds_of(struct past *p, const json_t *record)
{
	const char *id = jx_get_str(record, "scenario");
	json_t *rounds = id ? json_object_get(p->begun, id) : NULL;

	if (id && !rounds) {
		rounds = jx_object();
		jx_set(p->begun, id, rounds);
	}
	return rounds;
}

static void take_scenario_start(struct past *p, const json_t *record)
{
	autofree char *round = xasprintf("%" PRId64, jx_get_int(record, "round", 1));
	const char *dir = jx_get_str(record, "dir");
	json_t *rounds = rounds_of(p, record);
	unsigned int folder;

	if (rounds)
		jx_set_bool(rounds, round, true);
	p->running = true;
	if (dir && sscanf(dir, "%9u-", &folder) == 1 && folder > p->folders)
		p->folders = folder;
}

static bool is_failure(const json_t *end)
{
	enum outcome outcome;

	return outcome_parse(jx_get_str(end, "outcome"), &outcome) < 0 || outcome == OUTCOME_FAIL ||
	       outcome == OUTCOME_ERROR;
}

static void take_scenario_end(struct past *p, const json_t *record)
{
	json_t *rounds = rounds_of(p, record);

	if (rounds && json_object_size(rounds) == 0)
		jx_set_bool(rounds, NEVER_STARTED, true);
	p->running = false;
	p->failed |= is_failure(record);
}

static void take_undo(struct past *p, const json_t *record)
{
	autofree char *number = xasprintf("%" PRId64, jx_get_int(record, "undo", -1));
	const char *result = jx_get_str(record, "result");

	jx_append(p->changes, json_incref((json_t *)record));
	if (strcmp(jx_get_str(record, "event"), "undo-add") == 0)
		jx_set_bool(p->open_changes, number, true);
	else if (result && strcmp(result, "failed") != 0)
		json_object_del(p->open_changes, number);
}

static void take_resume(struct past *p, const json_t *record)
{
	p->failed |= p->running;
	p->running = false;
	if (jx_get_bool(record, "restore_only", false))
		return;
	p->last = record;
	p->end = NULL;
}

static void take_platform(struct past *p, const json_t *record attr_unused)
{
	p->platform = true;
}

static void take_features(struct past *p, const json_t *record attr_unused)
{
	p->features = true;
}

static void take_errata(struct past *p, const json_t *record attr_unused)
{
	p->errata = true;
}

static void take_run_end(struct past *p, const json_t *record)
{
	p->end = jx_get_str(record, "reason");
}

static const struct {
	const char *event;
	void (*take)(struct past *p, const json_t *record);
} events[] = {
	{ "resume", take_resume },
	{ "platform", take_platform },
	{ "features", take_features },
	{ "errata", take_errata },
	{ "scenario-start", take_scenario_start },
	{ "scenario-end", take_scenario_end },
	{ "undo-add", take_undo },
	{ "undo-done", take_undo },
	{ "run-end", take_run_end },
};

static void take_records(struct past *p)
{
	const json_t *record;
	int64_t before = 0;
	size_t i;

	json_array_foreach (p->records, i, record) {
		const char *event = jx_get_str(record, "event");
		int64_t t = jx_get_int(record, "t_ns", 0);

		/* the time until somebody went on is nobody's, and a clock can be set back */
		if (i > 0 && strcmp(event, "resume") != 0 && t > before)
			p->duration_ns += t - before;
		before = t;
		for (size_t k = 0; k < ARRAY_LEN(events); k++)
			if (strcmp(event, events[k].event) == 0)
				events[k].take(p, record);
	}
	p->failed |= p->running;
}

/* --- what was asked for -------------------------------------------------------------------------- */

/* The strings of an array, NULL-terminated and borrowed; NULL if there are none. */
static const char **strings_of(const json_t *array)
{
	const char **strings = xcalloc(json_array_size(array) + 1, sizeof(*strings));
	const json_t *item;
	size_t i, n = 0;

	json_array_foreach (array, i, item)
		if (json_is_string(item))
			strings[n++] = json_string_value(item);
	if (n == 0) {
		free(strings);
		return NULL;
	}
	return strings;
}

static bool is_in_table(const struct scenario *const *table, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i]->id, id) == 0)
			return true;
	return false;
}

static int take_selection(struct past *p, const struct scenario *const *table, size_t table_len,
			  char **why)
{
	const json_t *selected = json_object_get(p->start, "selected"), *item;
	size_t i;

	p->ids = xcalloc(json_array_size(selected) + 1, sizeof(*p->ids));
	json_array_foreach (selected, i, item) {
		const char *id = json_string_value(item);

		if (!id || !is_in_table(table, table_len, id)) {
			*why = xasprintf("scenario '%s' is not known to this version",
					 id ? id : "");
			return -EINVAL;
		}
		p->ids[p->nr_ids++] = (char *)id;
	}
	return 0;
}

static int take_start(struct past *p, const struct scenario *const *table, size_t table_len,
		      char **why)
{
	const json_t *first = json_array_get(p->records, 0);
	const char *event = first ? jx_get_str(first, "event") : NULL;
	const char *schema = first ? jx_get_str(first, "schema") : NULL;

	if (!event || strcmp(event, "run-start") != 0 || !schema ||
	    strcmp(schema, JOURNAL_SCHEMA) != 0) {
		*why = xstrdup("'" JOURNAL_NAME "' does not begin with the start of a run");
		return -EINVAL;
	}
	p->start = first;
	p->last = first;
	p->inject = strings_of(json_object_get(first, "inject"));
	p->workarounds = strings_of(json_object_get(first, "workarounds"));
	p->devices = strings_of(json_object_get(json_object_get(first, "options"), "devices"));
	if (take_selection(p, table, table_len, why) < 0)
		return -EINVAL;
	return profile_from_json(json_object_get(first, "profile"), table, table_len, &p->profile,
				 why);
}

/* --- the whole ----------------------------------------------------------------------------------- */

/* What the journal says is carried out with our rights: nobody else may have written it. */
static int check_owner(int dirfd, const char *name, char **why)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		*why = xasprintf("cannot read '%s': %s", name, strerror(errno));
		return -errno;
	}
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH)) {
		*why = xasprintf("'%s' can be written by others: what it says is not carried out",
				 name);
		return -EPERM;
	}
	return 0;
}

int past_read(int dirfd, const struct scenario *const *table, size_t table_len, struct past **past,
	      char **why)
{
	struct past *p autopast = xcalloc(1, sizeof(*p));
	int r;

	r = check_owner(dirfd, ".", why);
	if (r == 0)
		r = check_owner(dirfd, JOURNAL_NAME, why);
	if (r == 0)
		r = journal_read(dirfd, &p->records, &p->torn, why);
	if (r == 0)
		r = take_start(p, table, table_len, why);
	if (r < 0)
		return r;
	p->changes = jx_array();
	p->open_changes = jx_object();
	p->begun = jx_object();
	take_records(p);
	*past = take_ptr(p);
	return 0;
}

/* --- what it said -------------------------------------------------------------------------------- */

void past_options(const struct past *p, struct run_options *o)
{
	const json_t *asked = json_object_get(p->start, "options");
	const char *seed = jx_get_str(p->start, "seed"), *level = jx_get_str(asked, "level");
	int64_t repeat = jx_get_int(asked, "repeat", 1);

	o->profile = p->profile;
	if (jx_get_bool(asked, "named", false)) {
		o->ids = p->ids;
		o->nr_ids = p->nr_ids;
	}
	o->rounds = (struct run_rounds){
		.repeat = repeat > 0 && repeat <= REPEAT_FOREVER ? (uint32_t)repeat : 1,
		.duration_ns = jx_get_int(asked, "duration_ns", 0),
		.until_fail = jx_get_bool(asked, "until_fail", false),
		.shuffle = jx_get_bool(asked, "shuffle", false),
		.budget_ns = jx_get_int(asked, "budget_ns", 0),
	};
	if (!seed || text_to_u64(seed, 0, UINT64_MAX, &o->env.seed) < 0)
		o->env.seed = 0;
	if (!level || level_parse(level, &o->env.level) < 0)
		o->env.level = LEVEL_STANDARD;
	o->env.inject = p->inject;
	o->env.workarounds = p->workarounds;
	o->env.devices = p->devices;
	o->env.allow_unsafe = jx_get_bool(asked, "allow_unsafe", false);
	o->env.module_dir = jx_get_str(asked, "module_dir");
	o->env.rdma_device = jx_get_str(asked, "rdma_device");
}

const char *past_end(const struct past *p)
{
	return p->end;
}

bool past_torn(const struct past *p)
{
	return p->torn;
}

const char *past_version(const struct past *p)
{
	return jx_get_str(json_object_get(p->start, "tool"), "version");
}

const char *past_boot_id(const struct past *p)
{
	return jx_get_str(p->last, "boot_id");
}

const json_t *past_kernel(const struct past *p)
{
	return json_object_get(p->start, "kernel");
}

const json_t *past_host(const struct past *p)
{
	return json_object_get(p->start, "host");
}

const json_t *past_changes(const struct past *p)
{
	return p->changes;
}

size_t past_nr_changes(const struct past *p)
{
	return json_object_size(p->open_changes);
}

bool past_has(const struct past *p, const char *id, unsigned int round)
{
	const json_t *rounds = json_object_get(p->begun, id);
	autofree char *key = xasprintf("%u", round);

	return json_object_get(rounds, NEVER_STARTED) || json_object_get(rounds, key);
}

unsigned int past_rounds(const struct past *p, const char *id)
{
	unsigned int n = 0;

	if (json_object_get(json_object_get(p->begun, id), NEVER_STARTED))
		return UINT_MAX;
	while (past_has(p, id, n + 1))
		n++;
	return n;
}

size_t past_records(const struct past *p)
{
	return json_array_size(p->records);
}

bool past_has_platform(const struct past *p)
{
	return p->platform;
}

bool past_has_features(const struct past *p)
{
	return p->features;
}

bool past_has_errata(const struct past *p)
{
	return p->errata;
}

bool past_failed(const struct past *p)
{
	return p->failed;
}

unsigned int past_folders(const struct past *p)
{
	return p->folders;
}

int64_t past_duration_ns(const struct past *p)
{
	return p->duration_ns;
}
