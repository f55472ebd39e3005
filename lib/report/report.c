/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a run down as a report, and reads a report back. Keys stand in the order they are set here,
 * so that the same run gives the same bytes.
 */
#include "report/report.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "report/errata.h"
#include "report/gather.h"
#include "report/pairs.h"
#include "report/replay.h"
#include "report/shape.h"

#define REPORT_MAX (512u << 20) /* bytes */

/* Steals nothing; a key whose value is not there is left out. */
static void set_from(json_t *to, const char *key, const json_t *from)
{
	json_t *value = json_object_get(from, key);

	if (value)
		jx_set(to, key, json_incref(value));
}

static void set_time(json_t *o, const char *key, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char text[sizeof("2026-01-31T12:00:00Z") + 16]; /* years have more digits some day */
	struct tm tm;

	if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		jx_set_str(o, key, text);
}

/* --- one result --------------------------------------------------------------------------------- */

static const char *first_detail(const struct run_attempt *attempt, enum evidence_state state)
{
	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++) {
		const struct run_evidence *e = &attempt->evidence[k];

		if (e->said && e->state == state)
			return json_string_value(json_array_get(e->details, 0));
	}
	return NULL;
}

static char *skip_text(const json_t *skip)
{
	autojson json_t *texts = jx_array();
	const json_t *reason;
	size_t i;

	json_array_foreach (skip, i, reason)
		jx_append(texts, jx_stringf("%s: %s", jx_get_str(reason, "category"),
					    jx_get_str(reason, "text")));
	return strings_join(texts, "; ");
}

/* The last words of the kernel's that nothing comes back from; NULL: there are none. */
static const char *fatal_line(const json_t *kernel_log)
{
	const char *text = NULL;
	const json_t *line;
	size_t i;

	json_array_foreach (kernel_log, i, line)
		if (strcmp(jx_get_str(line, "severity"), "fatal") == 0)
			text = jx_get_str(line, "text");
	return text;
}

static const json_t *last_error(const struct run_attempt *attempt)
{
	size_t n = json_array_size(attempt->errors);

	return n ? json_array_get(attempt->errors, n - 1) : NULL;
}

/* Of an attempt that was running when the journal ends, or a later process went on. */
static char *lost_text(const struct run_attempt *attempt)
{
	const char *said = attempt->over ? jx_get_str(last_error(attempt), "text")
					 : "was running when the journal ends";
	const char *fatal = fatal_line(attempt->kernel_log);

	return fatal ? xasprintf("%s; the kernel's log: %s", said, fatal) : xstrdup(said);
}

/* One line of why, as far as anything was said; NULL if not. The caller frees it. */
static char *why_text(const struct run_attempt *attempt)
{
	if (!attempt->end)
		return attempt->started ? lost_text(attempt) : xstrdup("was never started");
	/* what broke it is the supervisor's last word, and says more than the scenario knew */
	if (attempt->outcome == OUTCOME_ERROR && last_error(attempt))
		return xstrdup(jx_get_str(last_error(attempt), "text"));
	if (attempt->why)
		return xstrdup(attempt->why);
	if (attempt->outcome == OUTCOME_SKIP)
		return skip_text(attempt->skip);
	if (attempt->outcome == OUTCOME_FAIL)
		return xstrdup(first_detail(attempt, EVIDENCE_REFUTED));
	if (attempt->outcome == OUTCOME_INCONCLUSIVE)
		return xstrdup(first_detail(attempt, EVIDENCE_MISSING));
	return NULL;
}

/* Of a flaky one it also says how often; NULL if nothing was said. The caller frees it. */
static char *result_why(const struct run_result *result)
{
	const struct run_attempt *deciding = run_deciding(result);
	autofree char *why = why_text(deciding);
	size_t alike = 0, rounds = 0;

	if (!result->flaky)
		return take_ptr(why);
	for (size_t i = 0; i < result->nr_attempts; i++) {
		const struct run_attempt *attempt = &result->attempts[i];

		rounds += attempt->started;
		alike += attempt->started && attempt->outcome == deciding->outcome;
	}
	return xasprintf("in %zu of %zu rounds%s%s", alike, rounds, why ? ": " : "",
			 why ? why : "");
}

static json_t *evidence_to_json(const struct run_attempt *attempt)
{
	json_t *o = jx_object();

	for (unsigned int k = 0; k < NR_EVIDENCE_KINDS; k++) {
		const struct run_evidence *evidence = &attempt->evidence[k];
		json_t *one = jx_object();

		jx_set_bool(one, "required", evidence->required);
		jx_set_str(one, "state", evidence_state_name(evidence->state));
		jx_set(one, "details", json_incref(evidence->details));
		jx_set(o, evidence_kind_name((enum evidence_kind)k), one);
	}
	return o;
}

/* What tells one attempt from another. */
static json_t *round_to_json(const struct run_attempt *attempt)
{
	autofree char *why = why_text(attempt);
	json_t *o = jx_object();

	jx_set_int(o, "round", attempt->round);
	jx_set_str(o, "seed", attempt->seed);
	jx_set_str(o, "outcome", outcome_name(attempt->outcome));
	jx_set_str(o, "kind", attempt->kind);
	jx_set_str(o, "why", why);
	jx_set_str(o, "dir", attempt->dir);
	set_from(o, "duration_ns", attempt->end);
	return o;
}

static json_t *rounds_to_json(const struct run *run, const struct run_result *result)
{
	json_t *rounds = jx_array();

	for (size_t i = 0; run_has_rounds(run) && i < result->nr_attempts; i++)
		if (result->attempts[i].started)
			jx_append(rounds, round_to_json(&result->attempts[i]));
	return rounds;
}

static json_t *result_to_json(const struct run *run, const struct run_result *result)
{
	const struct run_attempt *attempt = run_deciding(result);
	autofree char *why = result_why(result);
	json_t *o = jx_object();

	jx_set_str(o, "id", result->id);
	jx_set_str(o, "outcome", outcome_name(attempt->outcome));
	jx_set_str(o, "kind", attempt->kind);
	jx_set_str(o, "why", why);
	jx_set_bool(o, "flaky", result->flaky);
	jx_set(o, "rounds", rounds_to_json(run, result));
	jx_set(o, "replay", replay_of_attempt(run, result->id, attempt));
	jx_set(o, "skip", json_incref(attempt->skip));
	jx_set(o, "devices", json_incref(attempt->devices));
	jx_set(o, "evidence", evidence_to_json(attempt));
	jx_set(o, "measurements", json_incref(attempt->measurements));
	jx_set(o, "errors", json_incref(attempt->errors));
	jx_set(o, "kernel_log", json_incref(attempt->kernel_log));
	jx_set(o, "facts", json_incref(attempt->facts));
	jx_set(o, "files", json_incref(attempt->files));
	if (attempt->started) {
		jx_set_int(o, "round", attempt->round);
		jx_set_str(o, "seed", attempt->seed);
	}
	jx_set_str(o, "dir", attempt->dir);
	set_from(o, "child", attempt->end);
	set_from(o, "deadline", attempt->end);
	set_from(o, "duration_ns", attempt->end);
	set_from(o, "taint", attempt->end);
	return o;
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* How and, as far as is known, during what a run ended that is not complete. */
static json_t *interrupted_to_json(const struct run *run)
{
	json_t *o = jx_object();
	json_t *running = jx_array();

	jx_set_str(o, "reason", run_end_name(run->end));
	set_from(o, "signal", run->end_record);
	set_time(o, "last_record", run->last_ns);
	jx_set(o, "running", running);
	if (run->running)
		jx_append_str(running, run->running);
	return o;
}

static json_t *taint_to_json(const struct run *run)
{
	json_t *o = jx_object();

	jx_set(o, "before", json_incref(json_object_get(run->start, "taint")));
	if (run->last_taint)
		jx_set(o, "after", json_incref(run->last_taint));
	jx_set(o, "expected", json_incref(json_object_get(run->start, "expected_taint")));
	jx_set(o, "modules", json_incref(json_object_get(run->start, "taint_modules")));
	jx_set(o, "who", json_incref(run->taint_set_by));
	return o;
}

/* How many results there are of each outcome. */
static json_t *counts_to_json(const struct run *run)
{
	json_t *o = jx_object();
	int64_t counts[NR_OUTCOMES] = { 0 };

	for (size_t i = 0; i < run->nr_results; i++)
		counts[run_deciding(&run->results[i])->outcome]++;
	for (unsigned int k = NR_OUTCOMES; k > 0; k--)
		jx_set_int(o, outcome_name((enum outcome)(k - 1)), counts[k - 1]);
	return o;
}

static json_t *journal_to_json(const struct run *run)
{
	json_t *o = jx_object();

	jx_set_int(o, "records", (int64_t)json_array_size(run->records));
	jx_set_bool(o, "torn", run->torn);
	return o;
}

static json_t *run_to_json(const struct run *run)
{
	json_t *inject = json_object_get(run->start, "inject");
	json_t *workarounds = json_object_get(run->start, "workarounds");
	json_t *not_undone = jx_array();
	json_t *results = jx_array();
	autojson json_t *verdict = NULL;
	json_t *report = jx_object();
	const char *key;
	json_t *change;

	for (size_t i = 0; i < run->nr_results; i++)
		jx_append(results, result_to_json(run, &run->results[i]));
	json_object_foreach (run->not_undone, key, change)
		jx_append(not_undone, json_incref(change));

	jx_set_str(report, "schema", REPORT_SCHEMA);
	/* what the reader looks for first stands first; set again below */
	jx_set_str(report, "verdict", "");
	jx_set_int(report, "exit_status", 0);
	jx_set(report, "reasons", jx_array());
	jx_set_bool(report, "complete", run->end == RUN_COMPLETE);
	if (run->end != RUN_COMPLETE)
		jx_set(report, "interrupted", interrupted_to_json(run));
	jx_set(report, "counts", counts_to_json(run));
	set_from(report, "profile", run->start);
	set_from(report, "tool", run->start);
	jx_set(report, "command_line", json_incref(json_object_get(run->start, "argv")));
	jx_set(report, "started", json_incref(json_object_get(run->start, "time")));
	if (run->end_record)
		set_time(report, "ended", run->last_ns);
	jx_set(report, "resumed", json_incref(run->resumed));
	set_from(report, "seed", run->start);
	set_from(report, "options", run->start);
	jx_set(report, "replay", replay_of_run(run));
	set_from(report, "deadline_factor", run->start);
	set_from(report, "slowness", run->start);
	jx_set(report, "inject", inject ? json_incref(inject) : jx_array());
	jx_set(report, "workarounds", workarounds ? json_incref(workarounds) : jx_array());
	jx_set(report, "results", results);
	jx_set(report, "pairs", report_pairs(results));
	jx_set(report, "findings", json_incref(run->findings));
	jx_set(report, "errata", report_errata(run->errata, run->findings));
	jx_set(report, "waivers", report_waivers(report));
	jx_set(report, "not_undone", not_undone);
	jx_set(report, "kernel_log", json_incref(run->kernel_log));
	jx_set(report, "taint", taint_to_json(run));
	jx_set(report, "modules", json_incref(run->modules));
	jx_set(report, "features", run->features ? json_incref(run->features) : jx_array());
	set_from(report, "host", run->start);
	set_from(report, "kernel", run->start);
	set_from(report, "boot_id", run->start);
	jx_set(report, "journal", journal_to_json(run));
	if (run->platform)
		jx_set(report, "platform", json_incref(run->platform));

	verdict = verdict_of_report(report);
	if (json_object_update_existing(report, verdict) < 0)
		BUG("the verdict cannot be set");
	return report;
}

int report_build(int dirfd, json_t **report, char **why)
{
	struct run run autorun = { 0 };
	int r = run_read(dirfd, &run, why);

	if (r < 0)
		return r;
	*report = run_to_json(&run);
	return 0;
}

int report_publish(int dirfd, const json_t *report)
{
	autofree char *text = jx_pretty(report);

	return fs_publish(dirfd, REPORT_NAME, text, strlen(text), 0644);
}

/* --- reports from a file ------------------------------------------------------------------------ */

/* What the verdict and the table read; the schema says more. Optional is also what came later. */
static const struct field fields_granted[] = {
	{ "erratum", TYPE_STRING, 0, NULL },
	{ "granted", TYPE_DATE, 0, NULL },
	{ "until", TYPE_DATE, 0, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_profile[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "required", TYPE_ID, FIELD_ARRAY, NULL },
	{ "waivers", TYPE_OBJECT, FIELD_OPTIONAL | FIELD_ARRAY, fields_granted },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_interrupted[] = {
	{ "reason", TYPE_RUN_END, 0, NULL },
	{ "signal", TYPE_SIGNAL, FIELD_OPTIONAL, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_skip[] = {
	{ "category", TYPE_SKIP_CATEGORY, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_result[] = {
	{ "id", TYPE_ID, 0, NULL },
	{ "outcome", TYPE_OUTCOME, 0, NULL },
	{ "kind", TYPE_ERROR_KIND, FIELD_OPTIONAL, NULL },
	{ "why", TYPE_STRING, FIELD_OPTIONAL, NULL },
	{ "flaky", TYPE_BOOL, FIELD_OPTIONAL, NULL },
	{ "replay", TYPE_STRING, FIELD_OPTIONAL | FIELD_ARRAY, NULL },
	{ "skip", TYPE_OBJECT, FIELD_ARRAY, fields_skip },
	{ "devices", TYPE_STRING, FIELD_ARRAY, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_finding[] = {
	{ "code", TYPE_STRING, 0, NULL },      { "severity", TYPE_STRING, 0, NULL },
	{ "title", TYPE_STRING, 0, NULL },     { "functions", TYPE_ADDRESS, FIELD_ARRAY, NULL },
	{ "text", TYPE_STRING, 0, NULL },      { "next", TYPE_STRING, 0, NULL },
	{ "reference", TYPE_STRING, 0, NULL }, { "scenario", TYPE_ID, FIELD_OPTIONAL, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_erratum[] = {
	{ "id", TYPE_STRING, 0, NULL },
	{ "title", TYPE_STRING, 0, NULL },
	{ "findings", TYPE_STRING, FIELD_ARRAY, NULL },
	{ "consequence", TYPE_STRING, 0, NULL },
	{ "workaround", TYPE_STRING, 0, NULL },
	{ "reference", TYPE_STRING, 0, NULL },
	{ "scenarios", TYPE_ID, FIELD_ARRAY, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_waiver[] = {
	{ "erratum", TYPE_STRING, 0, NULL },
	{ "reason", TYPE_STRING, 0, NULL },
	{ "until", TYPE_DATE, 0, NULL },
	{ "state", TYPE_STRING, 0, NULL },
	{ "scenarios", TYPE_ID, FIELD_ARRAY, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_change[] = {
	{ "kind", TYPE_STRING, 0, NULL },
	{ "args", TYPE_OBJECT, 0, NULL },
	{ "text", TYPE_STRING, FIELD_OPTIONAL, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_resumed[] = {
	{ "time", TYPE_TIME, 0, NULL },
	{ "rebooted", TYPE_BOOL, 0, NULL },
	{ "restore_only", TYPE_BOOL, 0, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_kernel_log[] = {
	{ "severity", TYPE_LOG_SEVERITY, 0, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields_report[] = {
	{ "schema", TYPE_STRING, 0, NULL },
	{ "verdict", TYPE_STRING, 0, NULL },
	{ "exit_status", TYPE_COUNT, 0, NULL },
	{ "complete", TYPE_BOOL, 0, NULL },
	{ "started", TYPE_TIME, 0, NULL },
	{ "interrupted", TYPE_OBJECT, FIELD_OPTIONAL, fields_interrupted },
	{ "profile", TYPE_OBJECT, 0, fields_profile },
	{ "resumed", TYPE_OBJECT, FIELD_OPTIONAL | FIELD_ARRAY, fields_resumed },
	{ "results", TYPE_OBJECT, FIELD_ARRAY, fields_result },
	{ "findings", TYPE_OBJECT, FIELD_ARRAY, fields_finding },
	{ "not_undone", TYPE_OBJECT, FIELD_ARRAY, fields_change },
	{ "kernel_log", TYPE_OBJECT, FIELD_ARRAY, fields_kernel_log },
	{ "inject", TYPE_STRING, FIELD_ARRAY, NULL },
	{ "workarounds", TYPE_STRING, FIELD_OPTIONAL | FIELD_ARRAY, NULL },
	{ "errata", TYPE_OBJECT, FIELD_OPTIONAL | FIELD_ARRAY, fields_erratum },
	{ "waivers", TYPE_OBJECT, FIELD_OPTIONAL | FIELD_ARRAY, fields_waiver },
	{ NULL, TYPE_END, 0, NULL },
};

static int check_interrupted(const json_t *report, char **why)
{
	const json_t *interrupted = json_object_get(report, "interrupted");
	const char *reason = jx_get_str(interrupted, "reason");

	if (jx_get_bool(report, "complete", false) == !!interrupted ||
	    (reason && strcmp(reason, run_end_name(RUN_COMPLETE)) == 0) ||
	    (reason && strcmp(reason, run_end_name(RUN_SIGNAL)) == 0) !=
		    !!json_object_get(interrupted, "signal")) {
		*why = xstrdup("'complete' and 'interrupted' contradict each other");
		return -EINVAL;
	}
	return 0;
}

/* Waivers that the profile does not grant, or not for this, would make a verdict of anything. */
static int check_waivers(const json_t *report, char **why)
{
	autojson json_t *granted = report_waivers(report);
	const json_t *waivers = json_object_get(report, "waivers");

	if (waivers ? json_equal(waivers, granted) : !json_array_size(granted))
		return 0;
	*why = xstrdup("'waivers' are not what profile, findings and results give");
	return -EINVAL;
}

/* The table of pairs is the results' once more, and worth nothing if it says something else. */
static int check_pairs(const json_t *report, char **why)
{
	autojson json_t *pairs = report_pairs(json_object_get(report, "results"));
	const json_t *own = json_object_get(report, "pairs");

	if (!own || json_equal(own, pairs))
		return 0;
	*why = xstrdup("'pairs' are not what the results give");
	return -EINVAL;
}

/* A verdict is worth what its results are: one that was edited, or cut, is found out. */
static int check_verdict(const json_t *report, char **why)
{
	autojson json_t *verdict = verdict_of_report(report);
	const char *key;
	json_t *value;

	json_object_foreach (verdict, key, value) {
		if (!json_equal(json_object_get(report, key), value)) {
			*why = xasprintf("'%s' is not what the results give", key);
			return -EINVAL;
		}
	}
	return 0;
}

static int check_report(const json_t *report, char **why)
{
	const char *schema = jx_get_str(report, "schema");
	int r;

	if (!schema || strcmp(schema, REPORT_SCHEMA) != 0) {
		*why = xstrdup("is no document of schema '" REPORT_SCHEMA "'");
		return -EINVAL;
	}
	r = shape_check(report, fields_report, why);
	if (r == 0)
		r = check_interrupted(report, why);
	if (r == 0)
		r = check_waivers(report, why);
	if (r == 0)
		r = check_pairs(report, why);
	return r < 0 ? r : check_verdict(report, why);
}

int report_load(const char *path, json_t **report, char **why)
{
	autojson json_t *doc = NULL;
	autofree char *text = NULL;
	int r;

	r = jx_load(path, REPORT_MAX, &doc, why);
	if (r < 0)
		return r;
	r = check_report(doc, &text);
	if (r < 0) {
		*why = xasprintf("report '%s': %s", path, text);
		return r;
	}
	*report = take_ptr(doc);
	return 0;
}
