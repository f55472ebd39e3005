/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report for a person: a table of the scenarios, the findings, and the verdict with its reasons. */
#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/columns.h"
#include "base/jx.h"
#include "base/outcome.h"
#include "report/replay.h"
#include "report/shape.h"

#define GAP 2 /* columns between two columns */
#define WHY_MIN 12 /* columns; a narrower terminal gets wrapped lines */
#define DEVICES_SHOWN 2
#define INDENT 4

#define RESET "\033[0m"

static const char *const outcome_colors[NR_OUTCOMES] = {
	[OUTCOME_SKIP] = "\033[2m", /* faint */
	[OUTCOME_INFO] = "\033[36m",         [OUTCOME_PASS] = "\033[32m",
	[OUTCOME_INCONCLUSIVE] = "\033[33m", [OUTCOME_NOTRUN] = "\033[33m",
	[OUTCOME_ERROR] = "\033[35m",        [OUTCOME_FAIL] = "\033[1;31m",
};

struct row {
	const char *id;
	enum outcome outcome;
	char *outcome_text;
	char *devices;
	char *why;
};

static char *devices_text(const json_t *devices)
{
	autojson json_t *shown = jx_array();
	autofree char *text = NULL;
	const json_t *device;
	size_t i;

	json_array_foreach (devices, i, device)
		if (i < DEVICES_SHOWN)
			jx_append_str(shown, json_string_value(device));
	if (i > DEVICES_SHOWN)
		jx_append(shown, jx_stringf("+%zu", i - DEVICES_SHOWN));
	text = strings_join(shown, " ");
	return columns_one_line(text);
}

static struct row row_of(const json_t *result)
{
	struct row row = { .id = jx_get_str(result, "id") };
	const char *kind = jx_get_str(result, "kind");

	if (outcome_parse(jx_get_str(result, "outcome"), &row.outcome) < 0)
		row.outcome = OUTCOME_ERROR;
	row.outcome_text =
		xasprintf("%s%s%s%s", outcome_name(row.outcome), kind ? "/" : "", kind ? kind : "",
			  jx_get_bool(result, "flaky", false) ? ", flaky" : "");
	row.devices = devices_text(json_object_get(result, "devices"));
	row.why = columns_one_line(jx_get_str(result, "why"));
	return row;
}

static size_t wider(size_t width, const char *s)
{
	size_t n = columns_of(s);

	return n > width ? n : width;
}

static void print_results(const json_t *results, FILE *f, bool color, size_t width)
{
	size_t n = json_array_size(results);
	struct row *rows = xcalloc(n + 1, sizeof(*rows));
	size_t id = wider(0, "SCENARIO"), outcome = wider(0, "OUTCOME");
	size_t devices = wider(0, "DEVICES"), left;

	for (size_t i = 0; i < n; i++) {
		rows[i] = row_of(json_array_get(results, i));
		id = wider(id, rows[i].id);
		outcome = wider(outcome, rows[i].outcome_text);
		devices = wider(devices, rows[i].devices);
	}
	left = id + outcome + devices + (size_t)3 * GAP;

	columns_print_padded(f, "SCENARIO", id + GAP);
	columns_print_padded(f, "OUTCOME", outcome + GAP);
	columns_print_padded(f, "DEVICES", devices + GAP);
	fputs("WHY\n", f);
	for (size_t i = 0; i < n; i++) {
		struct row *row = &rows[i];
		bool more = *row->devices || *row->why;

		if (width >= left + WHY_MIN)
			columns_cut(row->why, width - left);
		columns_print_padded(f, row->id, id + GAP);
		fputs(color ? outcome_colors[row->outcome] : "", f);
		columns_print_padded(f, row->outcome_text, more ? outcome : 0);
		fputs(color ? RESET : "", f);
		/* no blanks at the end of a line */
		if (more)
			fprintf(f, "%*s", GAP, "");
		columns_print_padded(f, row->devices, *row->why ? devices + GAP : 0);
		fprintf(f, "%s\n", row->why);
		free(row->outcome_text);
		free(row->devices);
		free(row->why);
	}
	free(rows);
}

static void print_finding(const json_t *finding, FILE *f, bool color, size_t width)
{
	autofree char *functions = devices_text(json_object_get(finding, "functions"));
	autofree char *code = columns_one_line(jx_get_str(finding, "code"));
	autofree char *severity = columns_one_line(jx_get_str(finding, "severity"));

	fprintf(f, "%s%s%s (%s)%s%s\n", color ? "\033[1m" : "", code, color ? RESET : "", severity,
		*functions ? ": " : "", functions);
	columns_print_wrapped(f, INDENT, "", jx_get_str(finding, "title"), width);
	columns_print_wrapped(f, INDENT, "seen: ", jx_get_str(finding, "text"), width);
	columns_print_wrapped(f, INDENT, "next: ", jx_get_str(finding, "next"), width);
	columns_print_wrapped(f, INDENT, "see:  ", jx_get_str(finding, "reference"), width);
}

/* What is known of what was found. */
static void print_erratum(const json_t *erratum, FILE *f, bool color, size_t width)
{
	autofree char *id = columns_one_line(jx_get_str(erratum, "id"));
	autofree char *scenarios = strings_join(json_object_get(erratum, "scenarios"), ", ");

	fprintf(f, "%s%s%s%s%s\n", color ? "\033[1m" : "", id, color ? RESET : "",
		*scenarios ? ": " : "", scenarios);
	columns_print_wrapped(f, INDENT, "", jx_get_str(erratum, "title"), width);
	columns_print_wrapped(f, INDENT, "means: ", jx_get_str(erratum, "consequence"), width);
	columns_print_wrapped(f, INDENT, "workaround: ", jx_get_str(erratum, "workaround"), width);
	columns_print_wrapped(f, INDENT, "see: ", jx_get_str(erratum, "reference"), width);
}

/* Every one, also what has expired: nobody may take what it covered for right. */
static void print_waiver(const json_t *waiver, FILE *f, size_t width)
{
	autofree char *erratum = columns_one_line(jx_get_str(waiver, "erratum"));
	autofree char *scenarios = strings_join(json_object_get(waiver, "scenarios"), ", ");
	autofree char *label =
		xasprintf("waiver of %s until %s (%s)%s%s: ", erratum, jx_get_str(waiver, "until"),
			  jx_get_str(waiver, "state"), *scenarios ? " for " : "", scenarios);

	columns_print_wrapped(f, INDENT, label, jx_get_str(waiver, "reason"), width);
}

/* One line each, whatever the width: they are made to be copied. */
static void print_replays(const json_t *results, FILE *f)
{
	const char *head = "\nREPLAY\n";
	const json_t *result;
	size_t i;

	json_array_foreach (results, i, result) {
		const json_t *replay = json_object_get(result, "replay");
		autofree char *line = replay_line(replay);

		if (!json_array_size(replay))
			continue;
		fprintf(f, "%s%*s%s\n", head, INDENT, "", line);
		head = "";
	}
}

static void print_change(const json_t *change, FILE *f, size_t width)
{
	autofree char *args = jx_line(json_object_get(change, "args"));
	const char *why = jx_get_str(change, "text");
	autofree char *text = xasprintf("%s %s%s%s", jx_get_str(change, "kind"), args,
					why ? ": " : "", why ? why : "");

	columns_print_wrapped(f, INDENT, "", text, width);
}

/* When a later process went on with the run. */
static void print_resumed(const json_t *resumed, FILE *f, size_t width)
{
	autojson json_t *texts = jx_array();
	autofree char *text = NULL;
	const json_t *entry;
	size_t i;

	json_array_foreach (resumed, i, entry)
		jx_append(texts,
			  jx_stringf("%s%s%s", jx_get_str(entry, "time"),
				     jx_get_bool(entry, "rebooted", false) ? " after a reboot" : "",
				     jx_get_bool(entry, "restore_only", false)
					     ? " to undo changes only"
					     : ""));
	text = strings_join(texts, ", ");
	if (*text)
		columns_print_wrapped(f, INDENT, "resumed: ", text, width);
}

static void print_reason(const json_t *reason, FILE *f, size_t width)
{
	const json_t *scenarios = json_object_get(reason, "scenarios");
	autofree char *label = xasprintf("%s%s", jx_get_str(reason, "text"),
					 json_array_size(scenarios) ? ": " : "");
	autofree char *list = strings_join(scenarios, ", ");

	columns_print_wrapped(f, INDENT, label, list, width);
}

void report_print_columns(const json_t *report, FILE *f, bool color, size_t width)
{
	const json_t *findings = json_object_get(report, "findings");
	const json_t *changes = json_object_get(report, "not_undone");
	const json_t *inject = json_object_get(report, "inject");
	const json_t *workarounds = json_object_get(report, "workarounds");
	const json_t *errata = json_object_get(report, "errata");
	autofree char *faults = strings_join(inject, ", ");
	autofree char *worked_around = strings_join(workarounds, ", ");
	const json_t *item;
	enum outcome outcome;
	const char *verdict = jx_get_str(report, "verdict");
	const char *verdict_color = outcome_colors[OUTCOME_ERROR];
	autofree char *profile =
		columns_one_line(jx_get_str(json_object_get(report, "profile"), "name"));
	size_t i;

	print_results(json_object_get(report, "results"), f, color, width);
	if (json_array_size(findings))
		fputs("\nFINDINGS\n", f);
	json_array_foreach (findings, i, item)
		print_finding(item, f, color, width);
	if (json_array_size(errata))
		fputs("\nKNOWN DEFECTS OF THE KERNEL\n", f);
	json_array_foreach (errata, i, item)
		print_erratum(item, f, color, width);

	print_replays(json_object_get(report, "results"), f);
	if (json_array_size(changes))
		fputs("\nNOT UNDONE\n", f);
	json_array_foreach (changes, i, item)
		print_change(item, f, width);

	/* verdicts that are no outcome's name say that the run broke */
	if (outcome_parse(verdict, &outcome) == 0)
		verdict_color = outcome_colors[outcome];
	fprintf(f, "\nverdict: %s%s%s (profile '%s', exit status %" PRId64 ")\n",
		color ? verdict_color : "", verdict, color ? RESET : "", profile,
		jx_get_int(report, "exit_status", 0));
	json_array_foreach (json_object_get(report, "reasons"), i, item)
		print_reason(item, f, width);
	json_array_foreach (json_object_get(report, "waivers"), i, item)
		print_waiver(item, f, width);
	print_resumed(json_object_get(report, "resumed"), f, width);
	if (json_array_size(workarounds))
		columns_print_wrapped(f, INDENT, "with the workarounds of: ", worked_around, width);
	if (json_array_size(inject))
		columns_print_wrapped(f, INDENT,
				      "certifies nothing, faults were injected: ", faults, width);
}

void report_print_table(const json_t *report, FILE *f, bool color)
{
	report_print_columns(report, f, color, columns_of_terminal(f));
}
