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
	char *name;
	const struct undo_kind *kind; /* NULL: the journal is of a version that knows more */
	json_t *args;
	bool failed; /* to undo it: what did not work is left to the user, or to a later process */
};

struct undo {
	struct journal *journal;
	const struct undo_env *env;
	const struct undo_kind *kinds;
	size_t nr_kinds;
	unsigned int next_number;
	struct change *changes;
	size_t nr_changes;
	json_t *moved; /* addresses of functions that were removed or brought back */
};

struct undo *undo_new(struct journal *journal, const struct undo_env *env,
		      const struct undo_kind *kinds, size_t nr_kinds)
{
	struct undo *u = xcalloc(1, sizeof(*u));

	u->journal = journal;
	u->env = env;
	u->kinds = kinds;
	u->nr_kinds = nr_kinds;
	u->moved = jx_array();
	return u;
}

static void change_release(struct change *c)
{
	free(c->name);
	json_decref(c->args);
}

void undo_free(struct undo *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->nr_changes; i++)
		change_release(&u->changes[i]);
	free(u->changes);
	json_decref(u->moved);
	free(u);
}

static const struct undo_kind *find_kind(const struct undo *u, const char *name)
{
	for (size_t i = 0; i < u->nr_kinds; i++)
		if (strcmp(u->kinds[i].name, name) == 0)
			return &u->kinds[i];
	return NULL;
}

/* Steals what is in it. */
static void push(struct undo *u, struct change c)
{
	u->changes = xreallocarray(u->changes, u->nr_changes + 1, sizeof(*u->changes));
	u->changes[u->nr_changes++] = c;
}

/* --- the journal --------------------------------------------------------------------------------- */

static int write_add(struct undo *u, const struct change *c)
{
	json_t *record = journal_record("undo-add");

	jx_set_int(record, "undo", c->number);
	jx_set_str(record, "kind", c->name);
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

/* Numbers only grow, also over several processes. */
static int adopt_add(struct undo *u, int64_t number, const json_t *record)
{
	const char *name = jx_get_str(record, "kind");
	json_t *args = json_object_get(record, "args");

	if (!name || !json_is_object(args) || number < u->next_number)
		return -EINVAL;
	u->next_number = (unsigned int)number + 1;
	push(u, (struct change){ .number = (unsigned int)number,
				 .name = xstrdup(name),
				 .kind = find_kind(u, name),
				 .args = json_incref(args) });
	return 0;
}

static void forget_one(struct undo *u, size_t i)
{
	change_release(&u->changes[i]);
	u->nr_changes--;
	memmove(&u->changes[i], &u->changes[i + 1], (u->nr_changes - i) * sizeof(*u->changes));
}

static int adopt_done(struct undo *u, int64_t number, const json_t *record)
{
	const char *result = jx_get_str(record, "result");

	for (size_t i = 0; result && i < u->nr_changes; i++) {
		if (u->changes[i].number != number)
			continue;
		if (strcmp(result, result_names[UNDO_FAILED]) == 0)
			return 0;
		if (strcmp(result, result_names[UNDO_UNDONE]) != 0 &&
		    strcmp(result, result_names[UNDO_GONE]) != 0)
			return -EINVAL;
		forget_one(u, i);
		return 0;
	}
	return -EINVAL;
}

static int adopt_record(struct undo *u, const json_t *record)
{
	const char *event = jx_get_str(record, "event");
	int64_t number = jx_get_int(record, "undo", -1);

	if (!event || number < 0 || number > INT32_MAX)
		return -EINVAL;
	if (strcmp(event, "undo-add") == 0)
		return adopt_add(u, number, record);
	if (strcmp(event, "undo-done") == 0)
		return adopt_done(u, number, record);
	return -EINVAL;
}

int undo_adopt(struct undo *u, const json_t *records)
{
	struct undo *past = undo_new(u->journal, u->env, u->kinds, u->nr_kinds);
	const json_t *record;
	size_t i;
	int r = u->next_number || !json_is_array(records) ? -EINVAL : 0;

	json_array_foreach (records, i, record)
		if (r == 0)
			r = adopt_record(past, record);
	if (r == 0) {
		u->changes = take_ptr(past->changes);
		u->nr_changes = past->nr_changes;
		u->next_number = past->next_number;
		past->nr_changes = 0;
	}
	undo_free(past);
	return r;
}

/* --- functions that go and come -------------------------------------------------------------------- */

static void note_moved(struct undo *u, const struct change *c)
{
	const char *address = jx_get_str(c->args, "address");

	/* a journal may say anything */
	if (strcmp(c->name, UNDO_REMOVAL) == 0 && address)
		jx_append_str(u->moved, address);
}

bool undo_has_moved(const struct undo *u, struct pci_addr function)
{
	const json_t *address;
	struct pci_addr moved;
	size_t i;

	json_array_foreach (u->moved, i, address)
		if (pci_addr_parse(json_string_value(address), &moved) == 0 &&
		    pci_addr_eq(moved, function))
			return true;
	return false;
}

void undo_forget_moved(struct undo *u)
{
	json_array_clear(u->moved);
}

/* --- making and undoing -------------------------------------------------------------------------- */

static enum undo_result revert(struct undo *u, const struct change *c)
{
	autofree char *why = NULL;
	autofree char *args = jx_line(c->args);
	enum undo_result result = UNDO_FAILED;

	note_moved(u, c);
	if (c->kind)
		result = c->kind->revert(u->env, c->args, &why);
	else
		why = xstrdup("not known to this version");
	if (result == UNDO_FAILED)
		log_error("cannot undo %s %s: %s", c->name, args, why ? why : "unknown reason");
	write_done(u, c, result, why);
	return result;
}

static int add(struct undo *u, const struct change *c, struct unmet *why)
{
	int r = write_add(u, c);

	if (r < 0) {
		why->category = SKIP_DEPENDENCY;
		why->text = xasprintf("not done: the journal cannot be written: %s", strerror(-r));
	}
	return r;
}

static int change(struct undo *u, struct change *c, json_t **facts, struct unmet *why)
{
	enum undo_result result;
	int r = add(u, c, why);

	if (r < 0) {
		change_release(c);
		return r;
	}
	u->next_number++;
	note_moved(u, c);
	r = c->kind->apply(u->env, c->args, facts, why);
	if (r < 0) {
		result = revert(u, c);
		c->failed = result == UNDO_FAILED;
	}
	if (r == 0 || c->failed)
		push(u, *c);
	else
		change_release(c);
	return r;
}

int undo_apply(struct undo *u, const char *name, json_t *args, json_t **facts, struct unmet *why)
{
	autojson json_t *kept = args;
	const struct undo_kind *kind = find_kind(u, name);
	struct change c = { .number = u->next_number, .kind = kind };
	bool there = false;
	int r;

	if (!kind)
		BUG("no kind of change '%s'", name);
	r = kind->look(u->env, kept, &there, why);
	if (r < 0)
		return r;
	if (there)
		return kind->apply(u->env, kept, facts, why);
	c.name = xstrdup(name);
	c.args = take_ptr(kept);
	return change(u, &c, facts, why);
}

int undo_found(struct undo *u, const char *name, json_t *args)
{
	struct change c = {
		.number = u->next_number++,
		.name = xstrdup(name),
		.kind = find_kind(u, name),
		.args = args,
	};
	int r = write_add(u, &c);

	push(u, c);
	return r;
}

size_t undo_depth(const struct undo *u)
{
	return u->nr_changes;
}

size_t undo_down_to(struct undo *u, size_t depth)
{
	size_t failed = 0;

	while (u->nr_changes > depth) {
		struct change *c = &u->changes[--u->nr_changes];

		if (c->failed || revert(u, c) == UNDO_FAILED)
			failed++;
		change_release(c);
	}
	return failed;
}

void undo_forget(struct undo *u, const char *text)
{
	for (size_t i = u->nr_changes; i-- > 0;) {
		if (u->changes[i].kind && u->changes[i].kind->outlives_boot)
			continue;
		write_done(u, &u->changes[i], UNDO_GONE, text);
		forget_one(u, i);
	}
}
