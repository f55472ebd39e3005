/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stack of changes, and its image in the journal. */
#include "runner/undo.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/log.h"

static const char *const result_names[NR_UNDO_RESULTS] = {
	[UNDO_UNDONE] = "undone",
	[UNDO_GONE] = "gone",
	[UNDO_FAILED] = "failed",
};

struct change {
	unsigned int number;
	const struct undo_kind *kind;
	json_t *args;
};

struct undo {
	struct journal *journal;
	const struct undo_env *env;
	const struct undo_kind *kinds;
	size_t nr_kinds;
	unsigned int next_number;
	struct change *changes;
	size_t nr_changes;
};

struct undo *undo_new(struct journal *journal, const struct undo_env *env,
		      const struct undo_kind *kinds, size_t nr_kinds)
{
	struct undo *u = xcalloc(1, sizeof(*u));

	u->journal = journal;
	u->env = env;
	u->kinds = kinds;
	u->nr_kinds = nr_kinds;
	return u;
}

void undo_free(struct undo *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->nr_changes; i++)
		json_decref(u->changes[i].args);
	free(u->changes);
	free(u);
}

static const struct undo_kind *find_kind(const struct undo *u, const char *name)
{
	for (size_t i = 0; i < u->nr_kinds; i++)
		if (strcmp(u->kinds[i].name, name) == 0)
			return &u->kinds[i];
	BUG("no kind of change '%s'", name);
}

static int write_add(struct undo *u, const struct change *c)
{
	json_t *record = journal_record("undo-add");

	jx_set_int(record, "undo", c->number);
	jx_set_str(record, "kind", c->kind->name);
	jx_set(record, "args", json_incref(c->args));
	return journal_write(u->journal, record);
}

/* That this fails must not keep the next change from being undone; the journal remembers it. */
static void write_done(struct undo *u, const struct change *c, enum undo_result result,
		       const char *text)
{
	json_t *record = journal_record("undo-done");

	jx_set_int(record, "undo", c->number);
	jx_set_str(record, "result", result_names[result]);
	jx_set_str(record, "text", text);
	if (journal_write(u->journal, record) < 0)
		log_debug("undo %u is not in the journal", c->number);
}

static enum undo_result revert(struct undo *u, const struct change *c)
{
	autofree char *why = NULL;
	autofree char *args = jx_line(c->args);
	enum undo_result result = c->kind->revert(u->env, c->args, &why);

	if (result == UNDO_FAILED)
		log_error("cannot undo %s %s: %s", c->kind->name, args,
			  why ? why : "unknown reason");
	write_done(u, c, result, why);
	return result;
}

int undo_apply(struct undo *u, const char *kind, json_t *args, json_t **facts, struct unmet *why)
{
	autojson json_t *kept = args;
	struct change c = { .number = u->next_number++, .kind = find_kind(u, kind), .args = kept };
	bool changed = false;
	int r;

	r = write_add(u, &c);
	if (r < 0) {
		why->category = SKIP_DEPENDENCY;
		why->text = xasprintf("not done: the journal cannot be written: %s", strerror(-r));
		return r;
	}
	r = c.kind->apply(u->env, kept, &changed, facts, why);
	if (!changed) {
		write_done(u, &c, UNDO_GONE, r < 0 ? why->text : "it was there before");
	} else if (r < 0) {
		revert(u, &c);
	} else {
		u->changes = xreallocarray(u->changes, u->nr_changes + 1, sizeof(*u->changes));
		c.args = take_ptr(kept);
		u->changes[u->nr_changes++] = c;
	}
	return r;
}

size_t undo_all(struct undo *u)
{
	size_t failed = 0;

	while (u->nr_changes) {
		struct change *c = &u->changes[--u->nr_changes];

		if (revert(u, c) == UNDO_FAILED)
			failed++;
		json_decref(c->args);
	}
	return failed;
}
