/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which records and wishes a scenario may send, checked one by one. */
#include "runner/channel.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "check/finding.h"

/* Each takes what the record says into c, or returns false if it says what it may not. */

static bool take_device(struct channel *c attr_unused, const json_t *record)
{
	const char *address = jx_get_str(record, "address");
	struct pci_addr parsed;

	if (address)
		return !jx_get_str(record, "name") && pci_addr_parse(address, &parsed) == 0;
	return jx_get_str(record, "name");
}

/*
 * For one kind of evidence refuted outweighs missing, which outweighs proven. What the kernel log
 * shows is not for a scenario to say.
 */
static bool take_evidence(struct channel *c, const json_t *record)
{
	static const int weight[NR_EVIDENCE_STATES] = {
		[EVIDENCE_PROVEN] = 0,
		[EVIDENCE_MISSING] = 1,
		[EVIDENCE_REFUTED] = 2,
	};
	enum evidence_kind kind;
	enum evidence_state state;

	if (evidence_kind_parse(jx_get_str(record, "kind"), &kind) < 0 ||
	    evidence_state_parse(jx_get_str(record, "state"), &state) < 0 ||
	    kind == EVIDENCE_KERNEL_LOG)
		return false;
	if (!c->said[kind] || weight[state] > weight[c->states[kind]])
		c->states[kind] = state;
	c->said[kind] = true;
	return true;
}

static bool take_measurement(struct channel *c attr_unused, const json_t *record)
{
	return json_is_number(json_object_get(record, "value"));
}

static bool take_why(struct channel *c, const json_t *record)
{
	free(c->why);
	c->why = xstrdup(jx_get_str(record, "text"));
	return true;
}

static bool take_skip(struct channel *c, const json_t *record)
{
	enum skip_category category;

	c->nr_skips++;
	return skip_category_parse(jx_get_str(record, "category"), &category) == 0;
}

static bool take_error(struct channel *c, const json_t *record)
{
	c->nr_errors++;
	return error_kind_parse(jx_get_str(record, "kind"), &c->error_kind) == 0;
}

static bool take_finding(struct channel *c attr_unused, const json_t *record)
{
	const json_t *functions = json_object_get(record, "functions"), *item;
	struct pci_addr parsed;
	size_t i;

	if (!finding_find(jx_get_str(record, "code")) || !json_is_array(functions))
		return false;
	json_array_foreach (functions, i, item)
		if (!json_is_string(item) || pci_addr_parse(json_string_value(item), &parsed) < 0)
			return false;
	return true;
}

static bool take_facts(struct channel *c attr_unused, const json_t *record)
{
	return json_object_get(record, "value");
}

/* What may be changed is not for the channel to know. */
static bool take_change(struct channel *c attr_unused, const json_t *record)
{
	return json_is_object(json_object_get(record, "args"));
}

static bool take_undo(struct channel *c attr_unused, const json_t *record attr_unused)
{
	return true;
}

/* That nothing ran is not for a scenario to say. */
static bool take_outcome(struct channel *c, const json_t *record)
{
	c->nr_outcomes++;
	return outcome_parse(jx_get_str(record, "outcome"), &c->claimed) == 0 &&
	       c->claimed != OUTCOME_NOTRUN;
}

#define MAX_STRINGS 3

static const struct {
	const char *event;
	const char *strings[MAX_STRINGS]; /* keys that must be there, as strings */
	size_t nr_keys; /* of the whole record, "event" among them */
	bool (*take)(struct channel *c, const json_t *record);
} messages[] = {
	{ "device", { NULL }, 2, take_device },
	{ "evidence", { "kind", "state", "text" }, 4, take_evidence },
	{ "measurement", { "name", "unit" }, 4, take_measurement },
	{ "why", { "text" }, 2, take_why },
	{ "skip", { "category", "text" }, 3, take_skip },
	{ "error", { "kind", "text" }, 3, take_error },
	{ "finding", { "code", "text" }, 4, take_finding },
	{ "facts", { "name" }, 3, take_facts },
	{ "change", { "kind" }, 3, take_change },
	{ "undo", { NULL }, 1, take_undo },
	{ "outcome", { "outcome" }, 2, take_outcome },
};

static bool has_strings(const json_t *record, const char *const keys[MAX_STRINGS])
{
	for (size_t i = 0; i < MAX_STRINGS && keys[i]; i++)
		if (!jx_get_str(record, keys[i]))
			return false;
	return true;
}

static bool take(struct channel *c, const json_t *record)
{
	const char *event = jx_get_str(record, "event");

	for (size_t i = 0; event && i < ARRAY_LEN(messages); i++)
		if (strcmp(messages[i].event, event) == 0)
			return json_object_size(record) == messages[i].nr_keys &&
			       has_strings(record, messages[i].strings) &&
			       messages[i].take(c, record);
	return false;
}

static int fault(struct channel *c, const char *fmt, ...) attr_printf(2, 3);
static int fault(struct channel *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->fault = xvasprintf(fmt, ap);
	va_end(ap);
	return -EPROTO;
}

static int take_line(struct channel *c, const char *line, size_t len, channel_sink *sink, void *arg)
{
	autojson json_t *record = NULL;

	if (++c->nr_records > CHANNEL_MAX_RECORDS)
		return fault(c, "it reported more than %u records", CHANNEL_MAX_RECORDS);
	record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!record || !take(c, record))
		return fault(c, "record %u that it reported is invalid", c->nr_records);
	return sink(arg, take_ptr(record));
}

static void keep_partial(struct channel *c, const char *data, size_t len)
{
	if (!len)
		return;
	c->partial = xreallocarray(c->partial, c->partial_len + len, 1);
	memcpy(c->partial + c->partial_len, data, len);
	c->partial_len += len;
}

int channel_feed(struct channel *c, const char *data, size_t len, channel_sink *sink, void *arg)
{
	const char *newline;
	int r;

	if (c->fault)
		return -EPROTO;
	c->total += len;
	if (c->total > CHANNEL_MAX_TOTAL)
		return fault(c, "it reported more than %u bytes", CHANNEL_MAX_TOTAL);

	while ((newline = memchr(data, '\n', len))) {
		size_t n = (size_t)(newline - data);

		if (c->partial_len) {
			keep_partial(c, data, n);
			r = take_line(c, c->partial, c->partial_len, sink, arg);
			c->partial_len = 0;
		} else {
			r = take_line(c, data, n, sink, arg);
		}
		if (r < 0)
			return r;
		data = newline + 1;
		len -= n + 1;
	}
	keep_partial(c, data, len);
	if (c->partial_len > CHANNEL_MAX_LINE)
		return fault(c, "it reported a record of more than %u bytes", CHANNEL_MAX_LINE);
	return 0;
}

int channel_end(struct channel *c)
{
	if (c->fault)
		return -EPROTO;
	return c->partial_len ? fault(c, "the last record that it reported is cut off") : 0;
}

void channel_release(struct channel *c)
{
	free(c->partial);
	free(c->fault);
	free(c->why);
	*c = (struct channel){ 0 };
}
