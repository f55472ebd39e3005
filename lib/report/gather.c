/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a journal: every record is held against the shape of its event, then taken in by the event's
 * function. A record that does not fit, or that contradicts an earlier one, is damage and refused;
 * a journal that just ends is not.
 */
#include "report/gather.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/pciaddr.h"
#include "check/finding.h"
#include "report/shape.h"

#define PLATFORM_NAME "platform.json"
#define PLATFORM_SCHEMA "p2pcert.platform/1"
#define PLATFORM_MAX (256u << 20) /* bytes */

/* --- what the records hold: see base/journal.h ---------------------------------------------------- */

#define END \
	{ \
		NULL, TYPE_END, 0, NULL \
	}
#define OPT FIELD_OPTIONAL
#define ARR FIELD_ARRAY

static const struct field fields_taint[] = {
	{ "value", TYPE_COUNT, 0, NULL },
	{ "names", TYPE_STRING, ARR, NULL },
	END,
};

static const struct field fields_profile[] = {
	{ "name", TYPE_STRING, 0, NULL },   { "title", TYPE_STRING, 0, NULL },
	{ "required", TYPE_ID, ARR, NULL }, { "recommended", TYPE_ID, ARR, NULL },
	{ "excluded", TYPE_ID, ARR, NULL }, END,
};

static const struct field fields_tool[] = {
	{ "version", TYPE_STRING, 0, NULL },
	{ "commit", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_host[] = {
	{ "hostname", TYPE_STRING, 0, NULL },      { "machine", TYPE_STRING, 0, NULL },
	{ "vendor", TYPE_STRING, OPT, NULL },      { "product", TYPE_STRING, OPT, NULL },
	{ "bios_vendor", TYPE_STRING, OPT, NULL }, { "bios_version", TYPE_STRING, OPT, NULL },
	{ "bios_date", TYPE_STRING, OPT, NULL },   { "cpu", TYPE_STRING, OPT, NULL },
	{ "memory_bytes", TYPE_COUNT, OPT, NULL }, END,
};

static const struct field fields_kernel[] = {
	{ "release", TYPE_STRING, 0, NULL },
	{ "version", TYPE_STRING, 0, NULL },
	{ "cmdline", TYPE_STRING, OPT, NULL },
	{ "config_digest", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_run_start[] = {
	{ "schema", TYPE_STRING, 0, NULL },
	{ "tool", TYPE_OBJECT, 0, fields_tool },
	{ "argv", TYPE_STRING, ARR, NULL },
	{ "time", TYPE_TIME, 0, NULL },
	{ "seed", TYPE_HEX, 0, NULL },
	{ "profile", TYPE_OBJECT, 0, fields_profile },
	{ "selected", TYPE_ID, ARR, NULL },
	{ "host", TYPE_OBJECT, 0, fields_host },
	{ "kernel", TYPE_OBJECT, 0, fields_kernel },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	{ "expected_taint", TYPE_COUNT, 0, NULL },
	{ "deadline_factor", TYPE_NUMBER, 0, NULL },
	{ "inject", TYPE_STRING, OPT | ARR, NULL },
	END,
};

static const struct field fields_platform[] = {
	{ "file", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_found_by[] = {
	{ "way", TYPE_STRING, 0, NULL },
	{ "answer", TYPE_STRING, 0, NULL },
	{ "detail", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_feature[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "present", TYPE_BOOL, OPT, NULL },
	{ "found_by", TYPE_OBJECT, ARR, fields_found_by },
	{ "disagreement", TYPE_BOOL, 0, NULL },
	END,
};

static const struct field fields_features[] = {
	{ "features", TYPE_OBJECT, ARR, fields_feature },
	END,
};

static const struct field fields_undo_add[] = {
	{ "undo", TYPE_COUNT, 0, NULL },
	{ "kind", TYPE_STRING, 0, NULL },
	{ "args", TYPE_OBJECT, 0, NULL },
	END,
};

static const struct field fields_undo_done[] = {
	{ "undo", TYPE_COUNT, 0, NULL },
	{ "result", TYPE_UNDO_RESULT, 0, NULL },
	{ "text", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_module[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "file", TYPE_STRING, OPT, NULL },
	{ "version", TYPE_STRING, OPT, NULL },
	{ "srcversion", TYPE_STRING, OPT, NULL },
	{ "verified", TYPE_BOOL, 0, NULL },
	{ "parameters", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_scenario_start[] = {
	{ "dir", TYPE_STRING, 0, NULL },
	{ "requires", TYPE_EVIDENCE_KIND, ARR | OPT, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	END,
};

/* One of the two; report.c sees to it. */
static const struct field fields_device[] = {
	{ "address", TYPE_ADDRESS, OPT, NULL },
	{ "name", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_evidence[] = {
	{ "kind", TYPE_EVIDENCE_KIND, 0, NULL },
	{ "state", TYPE_EVIDENCE_STATE, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_measurement[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "unit", TYPE_STRING, 0, NULL },
	{ "value", TYPE_NUMBER, 0, NULL },
	END,
};

static const struct field fields_why[] = {
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_skip[] = {
	{ "category", TYPE_SKIP_CATEGORY, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_error[] = {
	{ "kind", TYPE_ERROR_KIND, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_finding[] = {
	{ "code", TYPE_FINDING_CODE, 0, NULL },
	{ "functions", TYPE_ADDRESS, ARR, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_facts[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "value", TYPE_ANY, 0, NULL },
	END,
};

static const struct field fields_outcome[] = {
	{ "outcome", TYPE_OUTCOME, 0, NULL },
	END,
};

static const struct field fields_kernel_log[] = {
	{ "class", TYPE_STRING, 0, NULL },
	{ "severity", TYPE_LOG_SEVERITY, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	{ "advice", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_child[] = {
	{ "exited", TYPE_COUNT, OPT, NULL },
	{ "signal", TYPE_SIGNAL, OPT, NULL },
	{ "started", TYPE_BOOL, OPT, NULL },
	{ "stuck", TYPE_BOOL, OPT, NULL },
	END,
};

static const struct field fields_scenario_end[] = {
	{ "outcome", TYPE_OUTCOME, 0, NULL },
	{ "kind", TYPE_ERROR_KIND, OPT, NULL },
	{ "child", TYPE_OBJECT, 0, fields_child },
	{ "deadline", TYPE_DEADLINE, OPT, NULL },
	{ "duration_ns", TYPE_COUNT, 0, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	END,
};

static const struct field fields_run_end[] = {
	{ "reason", TYPE_RUN_END, 0, NULL },
	{ "signal", TYPE_SIGNAL, OPT, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	END,
};

#undef END
#undef OPT
#undef ARR

/* --- what they mean ------------------------------------------------------------------------------- */

/* The text of a refusal, which read_records() puts behind the record's place. */
static int refuse(char **why, const char *fmt, ...) attr_printf(2, 3);
static int refuse(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*why = xvasprintf(fmt, ap);
	va_end(ap);
	return -EINVAL;
}

struct taking {
	int dirfd;
	struct run *run;
	struct run_result *result; /* NULL: the record is the run's */
	json_t *record; /* reduced to what is known of its event */
	char **why;
};

static int add_result(struct run *run, const char *id, char **why)
{
	struct run_result *result = &run->results[run->nr_results];

	if (json_object_get(run->index, id))
		return refuse(why, "scenario '%s' is selected twice", id);
	jx_set_int(run->index, id, (int64_t)run->nr_results);
	run->nr_results++;
	result->id = id;
	result->skip = jx_array();
	result->devices = jx_array();
	result->measurements = jx_array();
	result->errors = jx_array();
	result->kernel_log = jx_array();
	result->facts = jx_object();
	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		result->evidence[k].details = jx_array();
	return 0;
}

/* Notes the taint, and which of it is new: by whom, or NULL for between scenarios. */
static void take_taint(struct taking *t, const struct run_result *by)
{
	json_t *taint = json_object_get(t->record, "taint");
	struct run *run = t->run;
	autojson json_t *added = jx_array();
	json_t *name, *entry;
	size_t i;

	run->last_taint = taint;
	json_array_foreach (json_object_get(taint, "names"), i, name) {
		const char *s = json_string_value(name);

		if (json_object_get(run->tainted, s))
			continue;
		jx_set_bool(run->tainted, s, true);
		jx_append(added, json_incref(name));
	}
	if (!json_array_size(added))
		return;
	entry = jx_object();
	if (by)
		jx_set_str(entry, "scenario", by->id);
	jx_set(entry, "names", json_incref(added));
	jx_append(run->taint_set_by, entry);
}

static int take_run_start(struct taking *t)
{
	struct run *run = t->run;
	const json_t *selected = json_object_get(t->record, "selected");
	const char *schema = jx_get_str(t->record, "schema");
	const json_t *id;
	size_t i;

	if (run->start)
		return refuse(t->why, "the run has started before");
	if (strcmp(schema, JOURNAL_SCHEMA) != 0)
		return refuse(t->why, "schema is '%s', not '" JOURNAL_SCHEMA "'", schema);
	run->start = t->record;
	take_taint(t, NULL);
	json_array_clear(run->taint_set_by); /* what was there before is nobody's */
	run->last_taint = NULL;
	run->results = xcalloc(json_array_size(selected) + 1, sizeof(*run->results));
	json_array_foreach (selected, i, id) {
		int r = add_result(run, json_string_value(id), t->why);

		if (r < 0)
			return r;
	}
	return 0;
}

static int take_platform(struct taking *t)
{
	const char *file = jx_get_str(t->record, "file");
	autofree char *text = NULL;
	json_error_t error;
	const char *schema;
	size_t len;
	int r;

	if (strcmp(file, PLATFORM_NAME) != 0)
		return refuse(t->why, "'file' is not '" PLATFORM_NAME "'");
	if (t->run->platform)
		return refuse(t->why, "the platform was read before");
	r = fs_read(t->dirfd, PLATFORM_NAME, PLATFORM_MAX, &text, &len);
	if (r < 0) {
		refuse(t->why, "cannot read '" PLATFORM_NAME "': %s", strerror(-r));
		return r;
	}
	t->run->platform = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!t->run->platform)
		return refuse(t->why, "'" PLATFORM_NAME "' line %d column %d: %s", error.line,
			      error.column, error.text);
	schema = jx_get_str(t->run->platform, "schema");
	if (!schema || strcmp(schema, PLATFORM_SCHEMA) != 0)
		return refuse(t->why, "'" PLATFORM_NAME "' is no document of schema '%s'",
			      PLATFORM_SCHEMA);
	return 0;
}

static int take_features(struct taking *t)
{
	t->run->features = json_object_get(t->record, "features");
	return 0;
}

static json_t *undo_key(const json_t *record)
{
	return jx_stringf("%lld", (long long)jx_get_int(record, "undo", 0));
}

static int take_undo_add(struct taking *t)
{
	autojson json_t *key = undo_key(t->record);

	if (json_object_get(t->run->not_undone, json_string_value(key)))
		return refuse(t->why, "change %s was made before", json_string_value(key));
	jx_set(t->run->not_undone, json_string_value(key), json_incref(t->record));
	return 0;
}

static int take_undo_done(struct taking *t)
{
	autojson json_t *key = undo_key(t->record);
	json_t *change = json_object_get(t->run->not_undone, json_string_value(key));

	if (!change)
		return refuse(t->why, "change %s was never made", json_string_value(key));
	if (strcmp(jx_get_str(t->record, "result"), "failed") == 0)
		jx_set_str(change, "text", jx_get_str(t->record, "text"));
	else
		json_object_del(t->run->not_undone, json_string_value(key));
	return 0;
}

static int take_module(struct taking *t)
{
	jx_append(t->run->modules, json_incref(t->record));
	return 0;
}

static int take_scenario_start(struct taking *t)
{
	const json_t *required;
	size_t i;

	if (t->result->started)
		return refuse(t->why, "scenario '%s' was started before", t->result->id);
	t->result->started = true;
	t->result->dir = jx_get_str(t->record, "dir");
	json_array_foreach (json_object_get(t->record, "requires"), i, required) {
		enum evidence_kind kind;

		if (evidence_kind_parse(json_string_value(required), &kind) < 0)
			BUG("required evidence was not checked");
		t->result->evidence[kind].required = true;
	}
	/* what came up between two scenarios is not the doing of this one */
	take_taint(t, NULL);
	/* gone on with after it had ended, as after a signal */
	t->run->end_record = NULL;
	t->run->end = RUN_DIED;
	return 0;
}

/* In the one form that p2pcert writes. */
static json_t *address_to_json(const char *s)
{
	struct pci_addr addr;

	if (pci_addr_parse(s, &addr) < 0)
		BUG("address '%s' was not checked", s);
	return jx_string(pci_addr_str(addr));
}

static int take_device(struct taking *t)
{
	const char *address = jx_get_str(t->record, "address");
	const char *name = jx_get_str(t->record, "name");

	if (!address == !name)
		return refuse(t->why, "one of 'address' and 'name' is wanted");
	jx_append(t->result->devices, address ? address_to_json(address) : jx_string(name));
	return 0;
}

/* What is said to be missing outweighs what is proven: all of it has to be. */
static bool is_worse(enum evidence_state a, enum evidence_state b)
{
	static const int weight[NR_EVIDENCE_STATES] = {
		[EVIDENCE_PROVEN] = 0,
		[EVIDENCE_MISSING] = 1,
		[EVIDENCE_REFUTED] = 2,
	};

	return weight[a] > weight[b];
}

static int take_evidence(struct taking *t)
{
	struct run_evidence *evidence;
	enum evidence_kind kind;
	enum evidence_state state;

	if (evidence_kind_parse(jx_get_str(t->record, "kind"), &kind) < 0 ||
	    evidence_state_parse(jx_get_str(t->record, "state"), &state) < 0)
		BUG("evidence was not checked");
	evidence = &t->result->evidence[kind];
	if (!evidence->said || is_worse(state, evidence->state))
		evidence->state = state;
	evidence->said = true;
	jx_append_str(evidence->details, jx_get_str(t->record, "text"));
	return 0;
}

static int take_measurement(struct taking *t)
{
	jx_append(t->result->measurements, json_incref(t->record));
	return 0;
}

static int take_why(struct taking *t)
{
	t->result->why = jx_get_str(t->record, "text");
	return 0;
}

static int take_skip(struct taking *t)
{
	jx_append(t->result->skip, json_incref(t->record));
	return 0;
}

static int take_error(struct taking *t)
{
	jx_append(t->result->errors, json_incref(t->record));
	return 0;
}

static int take_finding(struct taking *t)
{
	const struct finding *known = finding_find(jx_get_str(t->record, "code"));
	const json_t *address;
	json_t *finding, *functions;
	size_t i;

	if (!known)
		BUG("finding code was not checked");
	finding = finding_to_json(known);
	if (t->result)
		jx_set_str(finding, "scenario", t->result->id);
	functions = jx_array();
	json_array_foreach (json_object_get(t->record, "functions"), i, address)
		jx_append(functions, address_to_json(json_string_value(address)));
	jx_set(finding, "functions", functions);
	jx_set_str(finding, "text", jx_get_str(t->record, "text"));
	jx_append(t->run->findings, finding);
	return 0;
}

static int take_facts(struct taking *t)
{
	jx_set(t->result->facts, jx_get_str(t->record, "name"),
	       json_incref(json_object_get(t->record, "value")));
	return 0;
}

/* What the scenario claims: only what was settled from it and from the evidence counts. */
static int take_outcome(attr_unused struct taking *t)
{
	return 0;
}

static int take_kernel_log(struct taking *t)
{
	jx_append(t->result ? t->result->kernel_log : t->run->kernel_log, json_incref(t->record));
	return 0;
}

static int take_scenario_end(struct taking *t)
{
	const char *outcome = jx_get_str(t->record, "outcome");
	struct run_result *result = t->result;

	if (outcome_parse(outcome, &result->outcome) < 0)
		BUG("outcome was not checked");
	if (!result->started && result->outcome != OUTCOME_SKIP &&
	    result->outcome != OUTCOME_ERROR && result->outcome != OUTCOME_NOTRUN)
		return refuse(t->why, "scenario '%s' was never started, and has outcome '%s'",
			      result->id, outcome);
	result->end = t->record;
	take_taint(t, result);
	return 0;
}

static int take_run_end(struct taking *t)
{
	if (run_end_parse(jx_get_str(t->record, "reason"), &t->run->end) < 0)
		BUG("end of the run was not checked");
	if (t->run->end == RUN_DIED)
		return refuse(t->why, "'reason' of a run that said how it ended is 'died'");
	if (t->run->end == RUN_SIGNAL && !json_object_get(t->record, "signal"))
		return refuse(t->why, "'signal' is missing");
	t->run->end_record = t->record;
	take_taint(t, NULL);
	return 0;
}

enum record_place {
	RECORD_OF_RUN, /* has no "scenario" */
	RECORD_OF_SCENARIO, /* until its end */
	RECORD_OF_EITHER, /* with "scenario" while or after one ran */
};

static const struct event {
	const char *name;
	enum record_place place;
	const struct field *fields;
	int (*take)(struct taking *t);
} events[] = {
	{ "run-start", RECORD_OF_RUN, fields_run_start, take_run_start },
	{ "platform", RECORD_OF_RUN, fields_platform, take_platform },
	{ "features", RECORD_OF_RUN, fields_features, take_features },
	{ "undo-add", RECORD_OF_EITHER, fields_undo_add, take_undo_add },
	{ "undo-done", RECORD_OF_EITHER, fields_undo_done, take_undo_done },
	{ "module", RECORD_OF_EITHER, fields_module, take_module },
	{ "scenario-start", RECORD_OF_SCENARIO, fields_scenario_start, take_scenario_start },
	{ "device", RECORD_OF_SCENARIO, fields_device, take_device },
	{ "evidence", RECORD_OF_SCENARIO, fields_evidence, take_evidence },
	{ "measurement", RECORD_OF_SCENARIO, fields_measurement, take_measurement },
	{ "why", RECORD_OF_SCENARIO, fields_why, take_why },
	{ "skip", RECORD_OF_SCENARIO, fields_skip, take_skip },
	{ "error", RECORD_OF_SCENARIO, fields_error, take_error },
	{ "finding", RECORD_OF_EITHER, fields_finding, take_finding },
	{ "facts", RECORD_OF_SCENARIO, fields_facts, take_facts },
	{ "outcome", RECORD_OF_SCENARIO, fields_outcome, take_outcome },
	{ "kernel-log", RECORD_OF_EITHER, fields_kernel_log, take_kernel_log },
	{ "scenario-end", RECORD_OF_SCENARIO, fields_scenario_end, take_scenario_end },
	{ "run-end", RECORD_OF_RUN, fields_run_end, take_run_end },
};

static const struct event *find_event(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (strcmp(events[i].name, name) == 0)
			return &events[i];
	return NULL;
}

/* Whose the record is: t->result, NULL for the run's. */
static int find_result(struct taking *t, const struct event *event, const json_t *scenario)
{
	const char *id = json_string_value(scenario);
	const json_t *index;

	if (!scenario && event->place != RECORD_OF_SCENARIO)
		return 0;
	if (!id)
		return refuse(t->why, "'scenario' is %s", scenario ? "no string" : "missing");
	if (event->place == RECORD_OF_RUN)
		return refuse(t->why, "'scenario' in a record of the run");
	index = json_object_get(t->run->index, id);
	if (!index)
		return refuse(t->why, "scenario '%s' was not selected", id);
	t->result = &t->run->results[json_integer_value(index)];
	if (t->result->end && event->place == RECORD_OF_SCENARIO)
		return refuse(t->why, "scenario '%s' has ended before", id);
	return 0;
}

static int take_record(struct taking *t, const json_t *raw)
{
	const struct event *event = find_event(jx_get_str(raw, "event"));
	int r;

	if (!event)
		return refuse(t->why, "the event is not known to this version");
	if (!t->run->start && event->take != take_run_start)
		return refuse(t->why, "the run has not started yet");
	r = shape_check(raw, event->fields, t->why);
	if (r == 0)
		r = find_result(t, event, json_object_get(raw, "scenario"));
	if (r < 0)
		return r;
	t->record = shape_copy(raw, event->fields);
	t->run->last_ns = jx_get_int(raw, "t_ns", 0);
	jx_append(t->run->records, t->record);
	return event->take(t);
}

/* The outcome that stands, for what ended and for what did not. */
static void settle(struct run_result *result)
{
	enum evidence_state states[NR_EVIDENCE_KINDS];

	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		states[k] = result->evidence[k].state;
	if (!result->end)
		result->outcome = result->started ? OUTCOME_ERROR : OUTCOME_NOTRUN;
	/* a claim of the journal's own never outweighs evidence that refutes it */
	result->outcome = outcome_settle(result->outcome, 0, states);
	if (result->outcome == OUTCOME_ERROR) {
		result->kind = jx_get_str(result->end, "kind");
		if (!result->kind)
			result->kind = error_kind_name(ERROR_INCOMPLETE);
	}
}

int run_read(int dirfd, struct run *run, char **why)
{
	autojson json_t *records = NULL;
	const json_t *record;
	size_t i;
	int r;

	*run = (struct run){
		.end = RUN_DIED,
		.records = jx_array(),
		.taint_set_by = jx_array(),
		.modules = jx_array(),
		.findings = jx_array(),
		.kernel_log = jx_array(),
		.not_undone = jx_object(),
		.index = jx_object(),
		.tainted = jx_object(),
	};
	r = journal_read(dirfd, &records, &run->torn, why);
	if (r < 0)
		return r;
	json_array_foreach (records, i, record) {
		autofree char *text = NULL;
		struct taking t = { .dirfd = dirfd, .run = run, .why = &text };

		r = take_record(&t, record);
		if (r < 0) {
			*why = xasprintf("'" JOURNAL_NAME "' line %zu, '%s': %s", i + 1,
					 jx_get_str(record, "event"), text);
			return r;
		}
	}
	if (!run->start) {
		*why = xstrdup("'" JOURNAL_NAME "' is empty: the run never started");
		return -EINVAL;
	}
	for (i = 0; i < run->nr_results; i++)
		settle(&run->results[i]);
	return 0;
}

static void result_release(struct run_result *result)
{
	json_decref(result->skip);
	json_decref(result->devices);
	json_decref(result->measurements);
	json_decref(result->errors);
	json_decref(result->kernel_log);
	json_decref(result->facts);
	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		json_decref(result->evidence[k].details);
}

void run_release(struct run *run)
{
	for (size_t i = 0; i < run->nr_results; i++)
		result_release(&run->results[i]);
	free(run->results);
	json_decref(run->records);
	json_decref(run->platform);
	json_decref(run->taint_set_by);
	json_decref(run->modules);
	json_decref(run->findings);
	json_decref(run->kernel_log);
	json_decref(run->not_undone);
	json_decref(run->index);
	json_decref(run->tainted);
}
