/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report for a person: a table of the scenarios, the findings, and the verdict with its reasons. */
#include "report/report.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/outcome.h"
#include "base/text.h"
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

/* Columns that s takes: its code points, as all that is printed is sanitized UTF-8. */
static size_t text_columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* One line, safe for a terminal: text in reports comes from devices and logs. The caller frees it. */
static char *one_line(const char *s)
{
	char *line = text_sanitize(s ? s : "", s ? strlen(s) : 0);

	for (char *c = line; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	return line;
}

/* Cuts s in place to at most max columns, with "..." at the end if anything was cut. */
static void cut(char *s, size_t max)
{
	size_t n = 0;

	if (text_columns(s) <= max || max < 3)
		return;
	for (; *s; s++) {
		if (((unsigned char)*s & 0xc0) != 0x80 && n++ == max - 3)
			break;
	}
	/* there is room: at least four code points were left, as there were more than max */
	memcpy(s, "...", 4);
}

static void print_padded(FILE *f, const char *s, size_t width)
{
	size_t n = text_columns(s);

	fprintf(f, "%s%*s", s, n < width ? (int)(width - n) : 0, "");
}

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
	return one_line(text);
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
	row.why = one_line(jx_get_str(result, "why"));
	return row;
}

static size_t wider(size_t width, const char *s)
{
	size_t n = text_columns(s);

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

	print_padded(f, "SCENARIO", id + GAP);
	print_padded(f, "OUTCOME", outcome + GAP);
	print_padded(f, "DEVICES", devices + GAP);
	fputs("WHY\n", f);
	for (size_t i = 0; i < n; i++) {
		struct row *row = &rows[i];
		bool more = *row->devices || *row->why;

		if (width >= left + WHY_MIN)
			cut(row->why, width - left);
		print_padded(f, row->id, id + GAP);
		fputs(color ? outcome_colors[row->outcome] : "", f);
		print_padded(f, row->outcome_text, more ? outcome : 0);
		fputs(color ? RESET : "", f);
		/* no blanks at the end of a line */
		if (more)
			fprintf(f, "%*s", GAP, "");
		print_padded(f, row->devices, *row->why ? devices + GAP : 0);
		fprintf(f, "%s\n", row->why);
		free(row->outcome_text);
		free(row->devices);
		free(row->why);
	}
	free(rows);
}

/* Prints s after label, broken between words so that it ends before width (0: never). */
static void print_wrapped(FILE *f, const char *label, const char *s, size_t width)
{
	autofree char *line = one_line(s);
	size_t at = INDENT + strlen(label);
	bool first = true;
	char *rest = line, *word;

	fprintf(f, "%*s%s", INDENT, "", label);
	while ((word = strsep(&rest, " "))) {
		size_t n = text_columns(word);

		if (!n)
			continue;
		if (!first && width && at + 1 + n > width) {
			fprintf(f, "\n%*s", (int)(INDENT + strlen(label)), "");
			at = INDENT + strlen(label);
			first = true;
		}
		fprintf(f, "%s%s", first ? "" : " ", word);
		at += n + !first;
		first = false;
	}
	fputc('\n', f);
}

static void print_finding(const json_t *finding, FILE *f, bool color, size_t width)
{
	autofree char *functions = devices_text(json_object_get(finding, "functions"));
	autofree char *code = one_line(jx_get_str(finding, "code"));
	autofree char *severity = one_line(jx_get_str(finding, "severity"));

	fprintf(f, "%s%s%s (%s)%s%s\n", color ? "\033[1m" : "", code, color ? RESET : "", severity,
		*functions ? ": " : "", functions);
	print_wrapped(f, "", jx_get_str(finding, "title"), width);
	print_wrapped(f, "seen: ", jx_get_str(finding, "text"), width);
	print_wrapped(f, "next: ", jx_get_str(finding, "next"), width);
	print_wrapped(f, "see:  ", jx_get_str(finding, "reference"), width);
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

	print_wrapped(f, "", text, width);
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
		print_wrapped(f, "resumed: ", text, width);
}

static void print_reason(const json_t *reason, FILE *f, size_t width)
{
	const json_t *scenarios = json_object_get(reason, "scenarios");
	autofree char *label = xasprintf("%s%s", jx_get_str(reason, "text"),
					 json_array_size(scenarios) ? ": " : "");
	autofree char *list = strings_join(scenarios, ", ");

	print_wrapped(f, label, list, width);
}

void report_print_columns(const json_t *report, FILE *f, bool color, size_t width)
{
	const json_t *findings = json_object_get(report, "findings");
	const json_t *changes = json_object_get(report, "not_undone");
	const json_t *inject = json_object_get(report, "inject");
	autofree char *faults = strings_join(inject, ", ");
	const json_t *item;
	enum outcome outcome;
	const char *verdict = jx_get_str(report, "verdict");
	const char *verdict_color = outcome_colors[OUTCOME_ERROR];
	autofree char *profile = one_line(jx_get_str(json_object_get(report, "profile"), "name"));
	size_t i;

	print_results(json_object_get(report, "results"), f, color, width);
	if (json_array_size(findings))
		fputs("\nFINDINGS\n", f);
	json_array_foreach (findings, i, item)
		print_finding(item, f, color, width);

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
	print_resumed(json_object_get(report, "resumed"), f, width);
	if (json_array_size(inject))
		print_wrapped(f, "certifies nothing, faults were injected: ", faults, width);
}

void report_print_table(const json_t *report, FILE *f, bool color)
{
	struct winsize size;
	bool terminal = isatty(fileno(f)) && ioctl(fileno(f), TIOCGWINSZ, &size) == 0;

	report_print_columns(report, f, color, terminal ? size.ws_col : 0);
}
