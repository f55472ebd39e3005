/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a journal: every record is held against the shape of its event, then taken in by the
 * event's function. A record that does not fit, or that contradicts an earlier one, is damage and
 * refused; a journal that just ends is not. Nothing here looks at more than one scenario for a
 * record: journals can be long, and are not trusted.
 */
#include "report/gather.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/pciaddr.h"
#include "check/finding.h"
#include "report/records.h"
#include "report/shape.h"

#define PLATFORM_NAME "platform.json"
#define PLATFORM_SCHEMA "p2pcert.platform/1"
#define PLATFORM_MAX (256u << 20) /* bytes */

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
	struct run_attempt *attempt; /* of result; NULL: none yet */
	json_t *record; /* reduced to what is known of its event */
	char **why;
};

/* --- attempts --------------------------------------------------------------------------------- */

/* The last attempt; NULL: there is none. */
static struct run_attempt *last_attempt(const struct run_result *result)
{
	return result->nr_attempts ? &result->attempts[result->nr_attempts - 1] : NULL;
}

static struct run_attempt *add_attempt(struct run_result *result)
{
	struct run_attempt *attempt;

	if (!result->attempts || result->nr_attempts == result->room) {
		result->room = result->room ? result->room * 2 : 1;
		result->attempts =
			xreallocarray(result->attempts, result->room, sizeof(*result->attempts));
	}
	attempt = &result->attempts[result->nr_attempts++];
	*attempt = (struct run_attempt){
		.skip = jx_array(),
		.devices = jx_array(),
		.measurements = jx_array(),
		.errors = jx_array(),
		.kernel_log = jx_array(),
		.facts = jx_object(),
		.files = jx_array(),
	};
	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		attempt->evidence[k].details = jx_array();
	return attempt;
}

static void attempt_release(struct run_attempt *attempt)
{
	json_decref(attempt->skip);
	json_decref(attempt->devices);
	json_decref(attempt->measurements);
	json_decref(attempt->errors);
	json_decref(attempt->kernel_log);
	json_decref(attempt->facts);
	json_decref(attempt->files);
	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		json_decref(attempt->evidence[k].details);
}

static void drop_last_attempt(struct run_result *result)
{
	attempt_release(last_attempt(result));
	result->nr_attempts--;
}

/* A new attempt, to which the records go from now on. */
static void open_attempt(struct taking *t)
{
	t->attempt = add_attempt(t->result);
	t->run->open = t->result;
}

/*
 * A later process has gone on: what ran is over. Reasons why something could not be started are
 * forgotten, as the later process says them anew.
 */
static void close_attempt(struct run *run, bool rebooted)
{
	struct run_attempt *attempt = run->open ? last_attempt(run->open) : NULL;
	json_t *error;

	if (attempt && !attempt->started)
		drop_last_attempt(run->open);
	run->open = NULL;
	if (!attempt || !attempt->started)
		return;
	attempt->over = true;
	error = jx_object();
	jx_set_str(error, "kind", error_kind_name(ERROR_INCOMPLETE));
	jx_set_str(error, "text",
		   rebooted ? "the run died while it ran, and the machine was rebooted since"
			    : "the run died while it ran");
	jx_append(attempt->errors, error);
}

/* Why a record of the scenario cannot be: there is no attempt that it could belong to. */
static int refuse_stray(const struct taking *t)
{
	const struct run_attempt *last = last_attempt(t->result);

	if (t->run->open && t->run->open != t->result)
		return refuse(t->why, "scenario '%s' has not ended yet", t->run->open->id);
	if (!last)
		return refuse(t->why, "scenario '%s' was not started", t->result->id);
	return refuse(t->why, "scenario '%s' %s", t->result->id,
		      last->over ? "was over when the run was gone on with" : "has ended before");
}

/* The scenario that is running, or was when a process began that only undid things; NULL: none. */
static const char *running_id(const struct run *run)
{
	const struct run_attempt *attempt = run->open ? last_attempt(run->open) : NULL;

	return attempt && attempt->started ? run->open->id : run->running;
}

/* --- what records mean ------------------------------------------------------------------------ */

static int add_result(struct run *run, const char *id, char **why)
{
	if (json_object_get(run->index, id))
		return refuse(why, "scenario '%s' is selected twice", id);
	jx_set_int(run->index, id, (int64_t)run->nr_results);
	run->results[run->nr_results++].id = id;
	return 0;
}

/* Steals value; what several rounds or processes say in the same words is listed once. */
static void append_once(struct run *run, json_t *array, json_t *value)
{
	autofree char *line = jx_line(value);

	if (json_object_get(run->listed, line)) {
		json_decref(value);
		return;
	}
	jx_set_bool(run->listed, line, true);
	jx_append(array, value);
}

static void take_taint(struct taking *t)
{
	t->run->last_taint = json_object_get(t->record, "taint");
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
	run->boot_id = jx_get_str(t->record, "boot_id");
	run->results = xcalloc(json_array_size(selected) + 1, sizeof(*run->results));
	json_array_foreach (selected, i, id) {
		int r = add_result(run, json_string_value(id), t->why);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Keys of the resume record that the report has as they are. */
static const char *const resumed_keys[] = { "restore_only", "torn", "tool", "deadline_factor" };

static int take_resume(struct taking *t)
{
	struct run *run = t->run;
	const char *boot_id = jx_get_str(t->record, "boot_id");
	bool rebooted = strcmp(boot_id, run->boot_id) != 0;
	bool restores = jx_get_bool(t->record, "restore_only", false);
	json_t *entry = jx_object();

	jx_set(entry, "time", json_incref(json_object_get(t->record, "time")));
	jx_set_bool(entry, "rebooted", rebooted);
	for (size_t i = 0; i < ARRAY_LEN(resumed_keys); i++)
		jx_set(entry, resumed_keys[i],
		       json_incref(json_object_get(t->record, resumed_keys[i])));
	jx_set(entry, "command_line", json_incref(json_object_get(t->record, "argv")));
	jx_append(run->resumed, entry);

	run->running = restores ? running_id(run) : NULL;
	close_attempt(run, rebooted);
	take_taint(t);
	run->boot_id = boot_id;
	run->phase = restores ? RUN_RESTORING : RUN_GOING;
	if (!restores) {
		run->end = RUN_DIED;
		run->end_record = NULL;
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

static int take_errata(struct taking *t)
{
	t->run->errata = json_object_get(t->record, "errata");
	return 0;
}

static json_t *undo_key(const json_t *record)
{
	return jx_stringf("%" PRId64, jx_get_int(record, "undo", 0));
}

static int take_undo_add(struct taking *t)
{
	autojson json_t *key = undo_key(t->record);

	if (json_object_get(t->run->changes, json_string_value(key)))
		return refuse(t->why, "change %s was made before", json_string_value(key));
	jx_set_bool(t->run->changes, json_string_value(key), true);
	jx_set(t->run->not_undone, json_string_value(key), json_incref(t->record));
	return 0;
}

static int take_undo_done(struct taking *t)
{
	autojson json_t *key = undo_key(t->record);
	json_t *change = json_object_get(t->run->not_undone, json_string_value(key));

	if (!change)
		return refuse(t->why, "change %s was %s", json_string_value(key),
			      json_object_get(t->run->changes, json_string_value(key))
				      ? "undone before"
				      : "never made");
	if (strcmp(jx_get_str(t->record, "result"), "failed") == 0)
		jx_set_str(change, "text", jx_get_str(t->record, "text"));
	else
		json_object_del(t->run->not_undone, json_string_value(key));
	return 0;
}

static int take_module(struct taking *t)
{
	append_once(t->run, t->run->modules, json_incref(t->record));
	return 0;
}

static int take_scenario_start(struct taking *t)
{
	const struct run_attempt *before = last_attempt(t->result);
	int64_t round = jx_get_int(t->record, "round", 0);
	const json_t *required;
	size_t i;

	if (t->run->open || (before && !before->started))
		return refuse_stray(t);
	if (round <= t->result->last_round)
		return refuse(t->why, "scenario '%s' was started in round %" PRId64 " before",
			      t->result->id, t->result->last_round);
	t->result->last_round = round;
	open_attempt(t);
	t->attempt->started = true;
	t->attempt->round = round;
	t->attempt->seed = jx_get_str(t->record, "seed");
	t->attempt->dir = jx_get_str(t->record, "dir");
	json_array_foreach (json_object_get(t->record, "requires"), i, required) {
		enum evidence_kind kind;

		if (evidence_kind_parse(json_string_value(required), &kind) < 0)
			BUG("required evidence was not checked");
		t->attempt->evidence[kind].required = true;
	}
	take_taint(t);
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
	jx_append(t->attempt->devices, address ? address_to_json(address) : jx_string(name));
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
	evidence = &t->attempt->evidence[kind];
	if (!evidence->said || is_worse(state, evidence->state))
		evidence->state = state;
	evidence->said = true;
	jx_append_str(evidence->details, jx_get_str(t->record, "text"));
	return 0;
}

static int take_measurement(struct taking *t)
{
	jx_append(t->attempt->measurements, json_incref(t->record));
	return 0;
}

static int take_why(struct taking *t)
{
	t->attempt->why = jx_get_str(t->record, "text");
	return 0;
}

static int take_skip(struct taking *t)
{
	jx_append(t->attempt->skip, json_incref(t->record));
	return 0;
}

static int take_error(struct taking *t)
{
	jx_append(t->attempt->errors, json_incref(t->record));
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
	append_once(t->run, t->run->findings, finding);
	return 0;
}

static int take_facts(struct taking *t)
{
	jx_set(t->attempt->facts, jx_get_str(t->record, "name"),
	       json_incref(json_object_get(t->record, "value")));
	return 0;
}

static int take_file(struct taking *t)
{
	jx_append(t->attempt->files, json_incref(t->record));
	return 0;
}

/* What the scenario claims: only what was settled from it and from the evidence counts. */
static int take_outcome(attr_unused struct taking *t)
{
	return 0;
}

static int take_kernel_log(struct taking *t)
{
	jx_append(t->attempt ? t->attempt->kernel_log : t->run->kernel_log, json_incref(t->record));
	return 0;
}

static int take_taint_set(struct taking *t)
{
	json_t *entry = jx_object();

	if (t->result)
		jx_set_str(entry, "scenario", t->result->id);
	jx_set(entry, "names", json_incref(json_object_get(t->record, "names")));
	jx_set(entry, "modules", json_incref(json_object_get(t->record, "modules")));
	jx_append(t->run->taint_set_by, entry);
	return 0;
}

static int take_scenario_end(struct taking *t)
{
	const char *outcome = jx_get_str(t->record, "outcome");
	struct run_attempt *attempt = t->attempt;

	if (outcome_parse(outcome, &attempt->outcome) < 0)
		BUG("outcome was not checked");
	if (!attempt->started && attempt->outcome != OUTCOME_SKIP &&
	    attempt->outcome != OUTCOME_ERROR && attempt->outcome != OUTCOME_NOTRUN)
		return refuse(t->why, "scenario '%s' was never started, and has outcome '%s'",
			      t->result->id, outcome);
	attempt->end = t->record;
	t->run->open = NULL;
	take_taint(t);
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
	t->run->phase = RUN_ENDED;
	take_taint(t);
	return 0;
}

enum record_place {
	RECORD_OF_RUN, /* has no "scenario" */
	RECORD_OF_START, /* of a scenario that is not running yet */
	RECORD_OF_ATTEMPT, /* of the scenario that is running */
	RECORD_OF_SKIP, /* likewise, or of one that cannot be started */
	RECORD_OF_EITHER, /* the run's; with "scenario" while or after that ran */
};

static const struct event {
	const char *name;
	enum record_place place;
	unsigned int phases; /* enum run_phase, of those that it can be in */
	int (*take)(struct taking *t);
} events[] = {
	{ "run-start", RECORD_OF_RUN, RUN_GOING, take_run_start },
	{ "resume", RECORD_OF_RUN, RUN_GOING | RUN_ENDED | RUN_RESTORING, take_resume },
	{ "platform", RECORD_OF_RUN, RUN_GOING, take_platform },
	{ "features", RECORD_OF_RUN, RUN_GOING, take_features },
	{ "errata", RECORD_OF_RUN, RUN_GOING, take_errata },
	{ "undo-add", RECORD_OF_EITHER, RUN_GOING, take_undo_add },
	{ "undo-done", RECORD_OF_EITHER, RUN_GOING | RUN_RESTORING, take_undo_done },
	{ "module", RECORD_OF_EITHER, RUN_GOING, take_module },
	{ "scenario-start", RECORD_OF_START, RUN_GOING, take_scenario_start },
	{ "device", RECORD_OF_ATTEMPT, RUN_GOING, take_device },
	{ "evidence", RECORD_OF_ATTEMPT, RUN_GOING, take_evidence },
	{ "measurement", RECORD_OF_ATTEMPT, RUN_GOING, take_measurement },
	{ "why", RECORD_OF_ATTEMPT, RUN_GOING, take_why },
	{ "skip", RECORD_OF_SKIP, RUN_GOING, take_skip },
	{ "error", RECORD_OF_SKIP, RUN_GOING, take_error },
	{ "finding", RECORD_OF_EITHER, RUN_GOING | RUN_RESTORING, take_finding },
	{ "facts", RECORD_OF_ATTEMPT, RUN_GOING, take_facts },
	{ "file", RECORD_OF_ATTEMPT, RUN_GOING, take_file },
	{ "outcome", RECORD_OF_ATTEMPT, RUN_GOING, take_outcome },
	{ "taint-set", RECORD_OF_EITHER, RUN_GOING | RUN_RESTORING, take_taint_set },
	{ "kernel-log", RECORD_OF_EITHER, RUN_GOING | RUN_RESTORING, take_kernel_log },
	{ "scenario-end", RECORD_OF_SKIP, RUN_GOING, take_scenario_end },
	{ "run-end", RECORD_OF_RUN, RUN_GOING, take_run_end },
};

static const struct event *find_event(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (strcmp(events[i].name, name) == 0)
			return &events[i];
	return NULL;
}

/* The attempt that the record belongs to, or begins: t->attempt. */
static int find_attempt(struct taking *t, const struct event *event)
{
	struct run_attempt *last = last_attempt(t->result);
	bool open = t->run->open == t->result;

	switch (event->place) {
	case RECORD_OF_SKIP:
		if (!t->run->open && !last)
			open_attempt(t);
		else if (!open)
			return refuse_stray(t);
		break;
	case RECORD_OF_ATTEMPT:
		if (!open || !last->started)
			return refuse_stray(t);
		break;
	default:
		break;
	}
	t->attempt = last_attempt(t->result);
	return 0;
}

/* Whose the record is: t->result and t->attempt, NULL for the run's. */
static int find_result(struct taking *t, const struct event *event, const json_t *scenario)
{
	const char *id = json_string_value(scenario);
	const json_t *index;

	if (!scenario && (event->place == RECORD_OF_RUN || event->place == RECORD_OF_EITHER))
		return 0;
	if (!id)
		return refuse(t->why, "'scenario' is %s", scenario ? "no string" : "missing");
	if (event->place == RECORD_OF_RUN)
		return refuse(t->why, "'scenario' in a record of the run");
	index = json_object_get(t->run->index, id);
	if (!index)
		return refuse(t->why, "scenario '%s' was not selected", id);
	t->result = &t->run->results[json_integer_value(index)];
	return find_attempt(t, event);
}

/* May the event stand where the journal has come to? */
static int check_phase(const struct taking *t, const struct event *event)
{
	if (!t->run->start && event->take != take_run_start)
		return refuse(t->why, "the run has not started yet");
	if (event->phases & t->run->phase)
		return 0;
	return refuse(t->why, "%s",
		      t->run->phase == RUN_ENDED
			      ? "the run has ended before, and was not gone on with"
			      : "the run was gone on with to undo changes only");
}

static int take_record(struct taking *t, const json_t *raw)
{
	const char *name = jx_get_str(raw, "event");
	const struct event *event = find_event(name);
	const struct field *fields = record_fields(name);
	int r;

	if (!event || !fields)
		return refuse(t->why, "the event is not known to this version");
	r = check_phase(t, event);
	if (r == 0)
		r = shape_check(raw, fields, t->why);
	if (r == 0)
		r = find_result(t, event, json_object_get(raw, "scenario"));
	if (r < 0)
		return r;
	t->record = shape_copy(raw, fields);
	jx_append(t->run->records, t->record);
	r = event->take(t);
	if (t->run->phase != RUN_RESTORING)
		t->run->last_ns = jx_get_int(raw, "t_ns", 0);
	return r;
}

/* --- what stands at the end ------------------------------------------------------------------- */

/* The outcome that stands, for what ended and for what did not. */
static void settle_attempt(struct run_attempt *attempt)
{
	enum evidence_state states[NR_EVIDENCE_KINDS];

	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		states[k] = attempt->evidence[k].state;
	if (!attempt->end)
		attempt->outcome = attempt->started ? OUTCOME_ERROR : OUTCOME_NOTRUN;
	/* a claim of the journal's own never outweighs evidence that refutes it */
	attempt->outcome = outcome_settle(attempt->outcome, 0, states);
	if (attempt->outcome == OUTCOME_ERROR) {
		attempt->kind = jx_get_str(attempt->end, "kind");
		if (!attempt->kind)
			attempt->kind = error_kind_name(ERROR_INCOMPLETE);
	}
}

/* Did it come to an outcome of its own, so that another one of another round means something? */
static bool came_to_an_outcome(const struct run_attempt *attempt)
{
	return attempt->started && attempt->outcome != OUTCOME_NOTRUN &&
	       (attempt->outcome != OUTCOME_ERROR ||
		strcmp(attempt->kind, error_kind_name(ERROR_INCOMPLETE)) != 0);
}

static void settle_result(struct run_result *result)
{
	const struct run_attempt *first = NULL;

	if (!result->nr_attempts)
		(void)add_attempt(result);
	for (size_t i = 0; i < result->nr_attempts; i++) {
		struct run_attempt *attempt = &result->attempts[i];

		settle_attempt(attempt);
		if (attempt->outcome > result->attempts[result->deciding].outcome)
			result->deciding = i;
		if (!came_to_an_outcome(attempt))
			continue;
		if (!first)
			first = attempt;
		result->flaky |= attempt->outcome != first->outcome;
	}
}

const struct run_attempt *run_deciding(const struct run_result *result)
{
	return &result->attempts[result->deciding];
}

bool run_has_rounds(const struct run *run)
{
	const json_t *options = json_object_get(run->start, "options");

	return jx_get_int(options, "repeat", 1) > 1 || jx_get_int(options, "duration_ns", 0) > 0;
}

int run_read(int dirfd, struct run *run, char **why)
{
	autojson json_t *records = NULL;
	const json_t *record;
	size_t i;
	int r;

	*run = (struct run){
		.end = RUN_DIED,
		.phase = RUN_GOING,
		.records = jx_array(),
		.resumed = jx_array(),
		.taint_set_by = jx_array(),
		.modules = jx_array(),
		.findings = jx_array(),
		.kernel_log = jx_array(),
		.changes = jx_object(),
		.not_undone = jx_object(),
		.index = jx_object(),
		.listed = jx_object(),
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
		/* it is taken in: a long journal is not held in memory twice */
		(void)json_array_set_new(records, i, json_null());
	}
	if (!run->start) {
		*why = xstrdup("'" JOURNAL_NAME "' is empty: the run never started");
		return -EINVAL;
	}
	run->running = running_id(run);
	for (i = 0; i < run->nr_results; i++)
		settle_result(&run->results[i]);
	return 0;
}

static void result_release(struct run_result *result)
{
	for (size_t i = 0; i < result->nr_attempts; i++)
		attempt_release(&result->attempts[i]);
	free(result->attempts);
}

void run_release(struct run *run)
{
	for (size_t i = 0; i < run->nr_results; i++)
		result_release(&run->results[i]);
	free(run->results);
	json_decref(run->records);
	json_decref(run->resumed);
	json_decref(run->platform);
	json_decref(run->taint_set_by);
	json_decref(run->modules);
	json_decref(run->findings);
	json_decref(run->kernel_log);
	json_decref(run->changes);
	json_decref(run->not_undone);
	json_decref(run->index);
	json_decref(run->listed);
}
