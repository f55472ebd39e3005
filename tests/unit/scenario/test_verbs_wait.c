// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole scenarios over a device that does one thing wrong: whatever comes from its queues, in whatever
 * place, they end, and never with a pass. One that does as it must passes, and one that breaks the rules of
 * on-demand paging does not.
 */
#include <sys/mman.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/jx.h"
#include "fake_verbs.h"
#include "scenario/ctx.h"
#include "scenario/odp_rig.h"

/* Time passes as fast as it is asked for: what waits for ten seconds is over soon. */
static int64_t now_ns;

int64_t clock_ns(void)
{
	return now_ns += 50 * NS_PER_MS;
}

int clock_poll_ms(int64_t ns)
{
	return (int)(ns / NS_PER_MS);
}

/* --- a run -------------------------------------------------------------------------------------- */

struct ran {
	json_t *records;
	const char *outcome, *why, *error, *finding; /* the last of each, or NULL */
	size_t errors;
};

static const char *text_of(const json_t *record, const char *key, const char *before)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? text : before;
}

static void take(struct ran *ran, const json_t *record)
{
	const char *event = json_string_value(json_object_get(record, "event"));

	if (strcmp(event, "outcome") == 0) {
		ran->outcome = text_of(record, "outcome", NULL);
	} else if (strcmp(event, "why") == 0) {
		ran->why = text_of(record, "text", NULL);
	} else if (strcmp(event, "finding") == 0) {
		ran->finding = text_of(record, "code", NULL);
	} else if (strcmp(event, "error") == 0) {
		ran->error = text_of(record, "text", NULL);
		ran->errors++;
	}
}

/* The scenario's records; json_decref() them. */
static struct ran run(const char *id)
{
	const struct scenario_env env = { .seed = 7, .level = LEVEL_QUICK };
	struct scenario_ctx ctx = { .env = &env, .channel = memfd_create("channel", MFD_CLOEXEC) };
	const struct scenario *s = scenario_find(id);
	struct ran ran = { .records = jx_array() };
	FILE *file;
	json_t *record;

	assert_non_null(s);
	assert_true(ctx.channel >= 0);
	ctx_run(&ctx, s);
	lseek(ctx.channel, 0, SEEK_SET);
	file = fdopen(ctx.channel, "r");
	while ((record = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
		take(&ran, record);
		jx_append(ran.records, record);
	}
	fclose(file);
	assert_non_null(ran.outcome);
	/* whatever came of it, all of the device's is given back */
	assert_int_equal(fake_verbs.queue_pairs, 0);
	assert_int_equal(fake_verbs.regions, 0);
	return ran;
}

static void says(const struct ran *ran, const char *outcome, const char *text)
{
	const char *said = ran->error ? ran->error : ran->why;

	if (strcmp(ran->outcome, outcome) != 0 || !said || !strstr(said, text))
		fail_msg("%s: %s, expected %s: %s", ran->outcome, said ? said : "nothing", outcome,
			 text);
}

/* --- all is well -------------------------------------------------------------------------------- */

static const char *const scenarios[] = { "odp.send",
					 "odp.write",
					 "odp.atomic",
					 "odp.invalidate.dontneed",
					 "odp.invalidate.munmap",
					 "odp.implicit" };

static void right(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		struct ran ran;

		fake_verbs_reset();
		ran = run(scenarios[i]);
		says(&ran, "pass", "");
		assert_null(ran.error);
		assert_null(ran.finding);
		assert_true(fake_verbs.completions > 0);
		json_decref(ran.records);
	}
}

/* --- one thing is wrong ------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	enum fake_fault fault;
	enum ibv_event_type event;
	const char *outcome, *text;
	const char *finding; /* NULL: none, or one of the scenario's own */
} rows[] = {
	{ "other request", FAKE_OTHER_REQUEST, 0, "fail", "it was never posted",
	  "VERBS-COMPLETION" },
	{ "twice", FAKE_TWICE, 0, "fail", "is not outstanding", "VERBS-COMPLETION" },
	{ "for nothing", FAKE_FOR_NOTHING, 0, "fail", "is not outstanding", "VERBS-COMPLETION" },
	{ "endless", FAKE_ENDLESS, 0, "fail", "is not outstanding", "VERBS-COMPLETION" },
	{ "other operation", FAKE_OTHER_OPERATION, 0, "fail", "completes as operation",
	  "VERBS-COMPLETION" },
	{ "other status", FAKE_OTHER_STATUS, 0, "fail", "", NULL },
	{ "no status", FAKE_NO_STATUS, 0, "fail", "", NULL },
	{ "success", FAKE_SUCCESS, 0, "fail", "", NULL },
	{ "no completion", FAKE_NO_COMPLETION, 0, "fail", "", NULL },
	{ "cannot be read", FAKE_POLL_FAILS, 0, "error", "", NULL },
	{ "queue pair", FAKE_EVENT, IBV_EVENT_QP_FATAL, "fail", "broke down", "VERBS-COMPLETION" },
	{ "completion queue", FAKE_EVENT_BESIDE, IBV_EVENT_CQ_ERR, "fail", "broke down",
	  "VERBS-COMPLETION" },
	{ "device", FAKE_EVENT, IBV_EVENT_DEVICE_FATAL, "error", "failed or was removed", NULL },
	{ "device, later", FAKE_EVENT_BESIDE, IBV_EVENT_DEVICE_FATAL, "error",
	  "failed or was removed", NULL },
	{ "port", FAKE_EVENT, IBV_EVENT_PORT_ERR, "error", "its port went down", NULL },
	{ "port, and up again", FAKE_EVENT_BESIDE, IBV_EVENT_PORT_ERR, "error",
	  "its port went down", NULL },
	{ "port, silently", FAKE_PORT_DOWN, 0, "error", "its port went down", NULL },
};

static void strike(const char *id, const struct row *row, unsigned int at)
{
	struct ran ran;

	fake_verbs_reset();
	fake_verbs.fault = row->fault;
	fake_verbs.at = at;
	fake_verbs.event = row->event;
	ran = run(id);
	print_message("# %s, %s at %u: %s, %s\n", id, row->name, at, ran.outcome,
		      ran.error ? ran.error : ran.why);
	says(&ran, row->outcome, row->text);
	assert_true(ran.errors <= 1);
	if (row->finding) {
		assert_non_null(ran.finding);
		assert_string_equal(ran.finding, row->finding);
	}
	json_decref(ran.records);
}

static void wrong(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		unsigned int last;
		struct ran ran;

		fake_verbs_reset();
		ran = run(scenarios[i]);
		last = fake_verbs.completions;
		json_decref(ran.records);
		for (size_t j = 0; j < ARRAY_LEN(rows); j++) {
			strike(scenarios[i], &rows[j], 1);
			strike(scenarios[i], &rows[j], last / 2 + 1);
			strike(scenarios[i], &rows[j], last);
		}
	}
}

/* Of a receive, which completes first. */
static void wrong_length(attr_unused void **state)
{
	const struct row row = { "length", FAKE_OTHER_LENGTH, 0, "fail", "", NULL };

	strike("odp.send", &row, 1);
}

/* --- what is not to be taken for wrong ---------------------------------------------------------- */

/* Another port, and news that change nothing. */
static void beside(attr_unused void **state)
{
	static const enum ibv_event_type events[] = { IBV_EVENT_GID_CHANGE, IBV_EVENT_COMM_EST,
						      IBV_EVENT_PORT_ACTIVE };

	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		const struct row row = { "news", FAKE_EVENT_BESIDE, events[i], "pass", "", NULL };

		strike("odp.write", &row, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right),
		cmocka_unit_test(wrong),
		cmocka_unit_test(wrong_length),
		cmocka_unit_test(beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
