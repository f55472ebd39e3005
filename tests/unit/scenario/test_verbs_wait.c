// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole scenarios over a device that does one thing wrong: whatever comes from its queues, in whatever
 * place, they end, and never with a pass.
 */
#include "../test.h"
#include "fake_clock.h"
#include "fake_verbs.h"
#include "ran.h"

static const struct {
	const char *id;
	/*
	 * Completions of a success after which it is struck for the last time, where their number is not
	 * always the same: during the transfers of a first round beside a thread. 0: after the last.
	 */
	unsigned int last;
} scenarios[] = {
	{ "odp.send", 0 },
	{ "odp.write", 0 },
	{ "odp.atomic", 0 },
	{ "odp.invalidate.dontneed", 96 },
	{ "odp.invalidate.munmap", 60 },
	{ "odp.implicit", 0 },
};

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
	struct ran r;

	fake_verbs_reset();
	fake_verbs.fault = row->fault;
	fake_verbs.at = at;
	fake_verbs.event = row->event;
	r = ran(id, NULL);
	print_message("# %s, %s at %u: %s, %s\n", id, row->name, at, r.outcome,
		      r.error ? r.error : r.why);
	ran_says(&r, id, row->outcome, row->text);
	assert_true(r.errors <= 1);
	if (row->finding) {
		assert_non_null(r.finding);
		assert_string_equal(r.finding, row->finding);
	}
	ran_release(&r);
}

static void wrong(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		unsigned int last;
		struct ran r;

		fake_verbs_reset();
		r = ran(scenarios[i].id, NULL);
		ran_says(&r, scenarios[i].id, "pass", "");
		last = scenarios[i].last ? scenarios[i].last : fake_verbs.completions;
		ran_release(&r);
		for (size_t j = 0; j < ARRAY_LEN(rows); j++) {
			strike(scenarios[i].id, &rows[j], 1);
			strike(scenarios[i].id, &rows[j], last / 2 + 1);
			strike(scenarios[i].id, &rows[j], last);
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
		cmocka_unit_test(wrong),
		cmocka_unit_test(wrong_length),
		cmocka_unit_test(beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
