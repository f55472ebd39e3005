// SPDX-License-Identifier: GPL-2.0-or-later
#include "ran.h"

#include <sys/mman.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/jx.h"
#include "fake_verbs.h"
#include "scenario/ctx.h"

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static void take(struct ran *r, const json_t *record)
{
	const char *event = text_of(record, "event");

	if (strcmp(event, "outcome") == 0) {
		r->outcome = text_of(record, "outcome");
	} else if (strcmp(event, "why") == 0) {
		r->why = text_of(record, "text");
	} else if (strcmp(event, "finding") == 0) {
		r->finding = text_of(record, "code");
	} else if (strcmp(event, "skip") == 0) {
		r->skip = text_of(record, "text");
		r->category = text_of(record, "category");
	} else if (strcmp(event, "error") == 0) {
		r->error = text_of(record, "text");
		r->errors++;
	}
}

struct ran ran(const char *id, const char *inject)
{
	const char *const faults[] = { inject, NULL };
	const struct scenario_env env = { .seed = 7, .level = LEVEL_QUICK, .inject = faults };
	struct scenario_ctx ctx = { .env = &env, .channel = memfd_create("channel", MFD_CLOEXEC) };
	const struct scenario *s = scenario_find(id);
	struct ran r = { .records = jx_array() };
	json_t *record;
	FILE *file;

	assert_non_null(s);
	assert_true(ctx.channel >= 0);
	ctx_run(&ctx, s);
	lseek(ctx.channel, 0, SEEK_SET);
	file = fdopen(ctx.channel, "r");
	while ((record = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
		take(&r, record);
		jx_append(r.records, record);
	}
	fclose(file);
	assert_non_null(r.outcome);
	assert_int_equal(fake_verbs.queue_pairs, 0);
	assert_int_equal(fake_verbs.regions, 0);
	assert_int_equal(fake_verbs.shared_queues, 0);
	assert_int_equal(fake_verbs.domains, 0);
	return r;
}

void ran_release(struct ran *r)
{
	json_decref(r->records);
	*r = (struct ran){ 0 };
}

void ran_says(const struct ran *r, const char *id, const char *outcome, const char *text)
{
	const char *said = r->error ? r->error : r->skip ? r->skip : r->why;

	if (strcmp(r->outcome, outcome) != 0 || !said || !strstr(said, text))
		fail_msg("%s: %s: %s, expected %s: %s", id, r->outcome, said ? said : "nothing",
			 outcome, text);
}
