/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which exit statuses apply to a run, and which of them stands. What a status means is said in
 * p2pcert(1); the order of the table below is that of the contract.
 */
#include "report/verdict.h"

#include <string.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/jx.h"
#include "base/log.h"
#include "report/errata.h"

/* Skipping for one of these is no lack of this run: the platform has nothing to exercise. */
#define SKIPS_ACCEPTED (1u << SKIP_HW_ABSENT | 1u << SKIP_HW_UNSUPPORTED | 1u << SKIP_NOT_DECLARED)

static bool is_failed(const struct verdict_item *item)
{
	return !item->absent && item->outcome == OUTCOME_FAIL && !item->waived;
}

static bool is_error(const struct verdict_item *item)
{
	return !item->absent && item->outcome == OUTCOME_ERROR;
}

static bool is_notrun(const struct verdict_item *item)
{
	return !item->absent && item->outcome == OUTCOME_NOTRUN;
}

static bool is_inconclusive(const struct verdict_item *item)
{
	return !item->absent && item->outcome == OUTCOME_INCONCLUSIVE;
}

static bool is_required_but_absent(const struct verdict_item *item)
{
	return item->required && item->absent;
}

/* A skip without a reason is not accepted either: nobody knows what was missing. */
static bool is_required_but_skipped(const struct verdict_item *item)
{
	return item->required && !item->absent && item->outcome == OUTCOME_SKIP &&
	       (!item->skips || item->skips & ~SKIPS_ACCEPTED);
}

static bool ended_untrusted(const struct verdict_input *input)
{
	return input->end == RUN_HOST_UNTRUSTED;
}

static bool ended_by_time(const struct verdict_input *input)
{
	return input->end == RUN_TIME_BUDGET;
}

static bool ended_by_signal(const struct verdict_input *input)
{
	return input->end == RUN_SIGNAL;
}

static bool ended_without_a_word(const struct verdict_input *input)
{
	return input->end == RUN_DIED;
}

static bool kernel_complained(const struct verdict_input *input)
{
	return input->nr_bad_lines > 0;
}

static bool left_changes(const struct verdict_input *input)
{
	return input->nr_not_undone > 0;
}

/* Measurements are not held against anything, and failures that are waived are no longer. */
static bool decides_nothing(const struct verdict_item *item)
{
	return !item->absent &&
	       (item->outcome == OUTCOME_SKIP || item->outcome == OUTCOME_INFO || item->waived);
}

static bool decided_nothing(const struct verdict_input *input)
{
	for (size_t i = 0; i < input->nr_items; i++)
		if (!decides_nothing(&input->items[i]))
			return false;
	return true;
}

/* Worst first. Each holds for the run, or for any one of the items. */
static const struct {
	int exit_status;
	const char *word;
	const char *text;
	bool (*run)(const struct verdict_input *input);
	bool (*item)(const struct verdict_item *item);
} rules[] = {
	{ EXIT_HOST_UNTRUSTED, "host-untrusted",
	  "the host can no longer be trusted: reboot before the next run", ended_untrusted, NULL },
	{ EXIT_TIME_BUDGET, "time-budget", "the time budget of the run was used up", ended_by_time,
	  NULL },
	{ EXIT_SIGNAL_BASE, "interrupted", "the run was ended by a signal", ended_by_signal, NULL },
	{ EXIT_VERDICT_FAIL, "fail", "failed", NULL, is_failed },
	{ EXIT_ENVIRONMENT, "error", "the run ended without a word: p2pcert or the host died",
	  ended_without_a_word, NULL },
	{ EXIT_ENVIRONMENT, "error", "broke for a reason other than what was tested", NULL,
	  is_error },
	{ EXIT_ENVIRONMENT, "error", "never started", NULL, is_notrun },
	{ EXIT_ENVIRONMENT, "error", "changes to the machine were not undone", left_changes, NULL },
	{ EXIT_ENVIRONMENT, "error", "the kernel complained outside of any scenario",
	  kernel_complained, NULL },
	{ EXIT_INCONCLUSIVE, "inconclusive", "ran, but evidence is missing", NULL,
	  is_inconclusive },
	{ EXIT_INCONCLUSIVE, "inconclusive", "required, and skipped for want of something", NULL,
	  is_required_but_skipped },
	{ EXIT_INCONCLUSIVE, "inconclusive", "required, and not part of the run", NULL,
	  is_required_but_absent },
	{ EXIT_NOTHING_APPLICABLE, "nothing-applicable", "nothing was run that can pass or fail",
	  decided_nothing, NULL },
};

_Static_assert(ARRAY_LEN(rules) <= VERDICT_MAX_REASONS, "every rule may apply at once");

static bool any(const struct verdict_input *input, bool (*concerns)(const struct verdict_item *))
{
	for (size_t i = 0; i < input->nr_items; i++)
		if (concerns(&input->items[i]))
			return true;
	return false;
}

void verdict_settle(const struct verdict_input *input, struct verdict *verdict)
{
	*verdict = (struct verdict){ .exit_status = EXIT_VERDICT_PASS, .word = "pass" };

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct verdict_reason reason = {
			.exit_status = rules[i].exit_status,
			.text = rules[i].text,
			.concerns = rules[i].item,
		};

		if (!(rules[i].run ? rules[i].run(input) : any(input, rules[i].item)))
			continue;
		if (rules[i].exit_status == EXIT_SIGNAL_BASE)
			reason.exit_status += input->signal;
		if (!verdict->nr_reasons) {
			verdict->exit_status = reason.exit_status;
			verdict->word = rules[i].word;
		}
		verdict->reasons[verdict->nr_reasons++] = reason;
	}
}

static const char *const run_end_names[NR_RUN_ENDS] = {
	[RUN_COMPLETE] = "complete",
	[RUN_SIGNAL] = "signal",
	[RUN_HOST_UNTRUSTED] = "host-untrusted",
	[RUN_TIME_BUDGET] = "time-budget",
	[RUN_DIED] = "died",
};

const char *run_end_name(enum run_end end)
{
	return run_end_names[end];
}

int run_end_parse(const char *s, enum run_end *end)
{
	for (size_t i = 0; i < NR_RUN_ENDS; i++) {
		if (strcmp(run_end_names[i], s) == 0) {
			*end = (enum run_end)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* As the keys of an object: journals are from outside, and a search per result would be quadratic. */
static json_t *set_of(const json_t *strings)
{
	json_t *set = jx_object();
	const json_t *value;
	size_t i;

	json_array_foreach (strings, i, value)
		jx_set_bool(set, json_string_value(value), true);
	return set;
}

static struct verdict_item item_of_result(const json_t *result, const json_t *required,
					  const json_t *waived)
{
	struct verdict_item item = { .id = jx_get_str(result, "id") };
	const json_t *reason;
	size_t i;

	item.required = json_object_get(required, item.id);
	item.waived = json_object_get(waived, item.id);
	if (outcome_parse(jx_get_str(result, "outcome"), &item.outcome) < 0)
		BUG("outcome of '%s' was not checked", item.id);
	json_array_foreach (json_object_get(result, "skip"), i, reason) {
		enum skip_category category;

		if (skip_category_parse(jx_get_str(reason, "category"), &category) < 0)
			BUG("skip category of '%s' was not checked", item.id);
		item.skips |= 1u << category;
	}
	return item;
}

/* Results, then what is required and not among them; *nr of them, the caller frees. */
static struct verdict_item *items_of_report(const json_t *report, size_t *nr)
{
	const json_t *profile = json_object_get(report, "profile");
	const json_t *results = json_object_get(report, "results");
	autojson json_t *required = set_of(json_object_get(profile, "required"));
	autojson json_t *waived = report_waived(report);
	struct verdict_item *items;
	const json_t *result, *value;
	size_t i;

	items = xcalloc(json_array_size(results) + json_object_size(required) + 1, sizeof(*items));
	*nr = 0;
	json_array_foreach (results, i, result)
		items[(*nr)++] = item_of_result(result, required, waived);
	for (i = 0; i < json_array_size(results); i++)
		json_object_del(required, items[i].id);
	json_array_foreach (json_object_get(profile, "required"), i, value) {
		const char *id = json_string_value(value);

		if (json_object_del(required, id) == 0)
			items[(*nr)++] =
				(struct verdict_item){ .id = id, .required = true, .absent = true };
	}
	return items;
}

static json_t *reason_to_json(const struct verdict_reason *reason,
			      const struct verdict_input *input, const char *items)
{
	json_t *o = jx_object();
	json_t *ids = jx_array();

	jx_set_int(o, "exit_status", reason->exit_status);
	jx_set_str(o, "text", reason->text);
	jx_set(o, items, ids);
	for (size_t i = 0; reason->concerns && i < input->nr_items; i++)
		if (reason->concerns(&input->items[i]))
			jx_append_str(ids, input->items[i].id);
	return o;
}

json_t *verdict_to_json(const struct verdict_input *input, const char *items)
{
	struct verdict verdict;
	json_t *o = jx_object();
	json_t *reasons = jx_array();

	verdict_settle(input, &verdict);
	jx_set_str(o, "verdict", verdict.word);
	jx_set_int(o, "exit_status", verdict.exit_status);
	jx_set(o, "reasons", reasons);
	for (size_t i = 0; i < verdict.nr_reasons; i++)
		jx_append(reasons, reason_to_json(&verdict.reasons[i], input, items));
	return o;
}

/* Of what the kernel said outside of scenarios: the lines that are no mere notes. */
static size_t count_bad_lines(const json_t *kernel_log)
{
	const json_t *line;
	size_t i, n = 0;

	json_array_foreach (kernel_log, i, line)
		n += strcmp(jx_get_str(line, "severity"), "note") != 0;
	return n;
}

json_t *verdict_of_report(const json_t *report)
{
	const json_t *interrupted = json_object_get(report, "interrupted");
	struct verdict_input input = {
		.nr_not_undone = json_array_size(json_object_get(report, "not_undone")),
		.nr_bad_lines = count_bad_lines(json_object_get(report, "kernel_log")),
		.signal = (int)jx_get_int(interrupted, "signal", 0),
	};
	autofree struct verdict_item *items = items_of_report(report, &input.nr_items);

	input.items = items;
	if (interrupted && run_end_parse(jx_get_str(interrupted, "reason"), &input.end) < 0)
		BUG("reason of the interruption was not checked");
	return verdict_to_json(&input, "scenarios");
}

enum bisect_status verdict_bisect_status(const json_t *report)
{
	const json_t *reason;
	size_t i;

	json_array_foreach (json_object_get(report, "reasons"), i, reason)
		if (jx_get_int(reason, "exit_status", 0) == EXIT_VERDICT_FAIL)
			return BISECT_BAD;
	return jx_get_int(report, "exit_status", -1) == EXIT_VERDICT_PASS ? BISECT_GOOD
									  : BISECT_CANNOT_TELL;
}
