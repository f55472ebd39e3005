/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collecting a slice of the kernel log, and what it proves. */
#include "runner/slice.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "runner/taint.h"

#define MAX_BAD_LINES 20u /* told as evidence */

static void keep_error(struct slice *s, int r)
{
	if (r < 0 && s->err == 0)
		s->err = r;
}

static void keep_line(struct slice *s, const struct kmsg_record *record)
{
	autofree char *line =
		xasprintf("<%u>[%5" PRIu64 ".%06" PRIu64 "] %s\n", record->level,
			  record->time_us / 1000000, record->time_us % 1000000, record->text);
	size_t len = strlen(line);

	if (s->file < 0 || s->bytes + len > SLICE_MAX_BYTES)
		return;
	s->bytes += len;
	keep_error(s, fs_write_all(s->file, line, len));
}

static void journal_line(struct slice *s, const struct kmsg_record *line,
			 const struct kmsg_pattern *pattern)
{
	json_t *record;

	if (s->nr_journalled >= SLICE_MAX_LINES)
		return;
	s->nr_journalled++;
	record = journal_record("kernel-log");
	jx_set_str(record, "class", kmsg_pattern_code(pattern));
	jx_set_str(record, "severity", kmsg_severity_name(kmsg_pattern_severity(pattern)));
	jx_set_str(record, "text", line->text);
	jx_set_str(record, "advice", kmsg_pattern_advice(pattern));
	jx_set_str(record, "reference", kmsg_pattern_reference(pattern));
	keep_error(s, s->record(s->arg, record));
}

/* The functions that a line names by address. */
static void add_functions(json_t *functions, const char *line)
{
	for (const char *at = line; *at;) {
		size_t len = strspn(at, "0123456789abcdef:.");
		bool colon = len && at[len - 1] == ':'; /* "nvme 0000:03:00.0: ..." */
		autofree char *word = xstrndup(at, len - colon);
		struct pci_addr addr;

		/* with its domain: "1f:00.0" alone could be anything */
		if (len >= strlen("0000:00:00.0") && pci_addr_parse(word, &addr) == 0)
			jx_set_bool(functions, pci_addr_str(addr), true);
		at += len ? len : 1;
	}
}

/*
 * One finding of a code, however many lines of it there are; the first that names a function is
 * quoted.
 */
static void note_finding(struct slice *s, const char *code, const char *text)
{
	json_t *finding, *functions;
	bool named;

	if (!s->findings)
		s->findings = jx_object();
	finding = json_object_get(s->findings, code);
	if (!finding) {
		finding = jx_object();
		jx_set_str(finding, "text", text);
		jx_set(finding, "functions", jx_object());
		jx_set(s->findings, code, finding);
	}
	functions = json_object_get(finding, "functions");
	named = json_object_size(functions) > 0;
	add_functions(functions, text);
	if (!named && json_object_size(functions) > 0)
		jx_set_str(finding, "text", text);
	jx_set_int(finding, "lines", jx_get_int(finding, "lines", 0) + 1);
}

static void say_findings(struct slice *s)
{
	const char *code, *address;
	json_t *finding, *unused;

	json_object_foreach (s->findings, code, finding) {
		json_t *record = journal_record("finding");
		json_t *functions = jx_array();
		int64_t more = jx_get_int(finding, "lines", 1) - 1;

		json_object_foreach (json_object_get(finding, "functions"), address, unused)
			jx_append_str(functions, address);
		jx_set_str(record, "code", code);
		jx_set(record, "functions", functions);
		if (more)
			jx_set_strf(record, "text", "%s (and %" PRId64 " more)",
				    jx_get_str(finding, "text"), more);
		else
			jx_set_str(record, "text", jx_get_str(finding, "text"));
		keep_error(s, s->record(s->arg, record));
	}
}

void slice_take(void *arg, const struct kmsg_record *record, const struct kmsg_pattern *pattern)
{
	struct slice *s = arg;

	s->nr_records++;
	keep_line(s, record);
	if (!pattern)
		return;
	journal_line(s, record, pattern);
	if (kmsg_pattern_severity(pattern) == KMSG_FATAL)
		s->fatal = true;
	if (kmsg_pattern_severity(pattern) < KMSG_BAD)
		return;
	s->nr_bad++;
	if (kmsg_pattern_finding(pattern))
		note_finding(s, kmsg_pattern_finding(pattern), record->text);
	if (!s->bad)
		s->bad = jx_array();
	if (json_array_size(s->bad) < MAX_BAD_LINES)
		jx_append(s->bad, jx_stringf("%s: %s", kmsg_pattern_code(pattern), record->text));
}

static void say(struct slice *s, enum evidence_state state, const char *text)
{
	json_t *record = journal_record("evidence");

	jx_set_str(record, "kind", evidence_kind_name(EVIDENCE_KERNEL_LOG));
	jx_set_str(record, "state", evidence_state_name(state));
	jx_set_str(record, "text", text);
	keep_error(s, s->record(s->arg, record));
}

enum evidence_state slice_settle(struct slice *s, bool has_log, uint64_t new_taint)
{
	uint64_t unexpected = new_taint & ~taint_expected();
	autofree char *text = NULL;
	const json_t *line;
	size_t i;

	json_array_foreach (s->bad, i, line)
		say(s, EVIDENCE_REFUTED, json_string_value(line));
	if (s->nr_bad > json_array_size(s->bad)) {
		text = xasprintf("and %zu more lines", s->nr_bad - json_array_size(s->bad));
		say(s, EVIDENCE_REFUTED, text);
	}
	if (unexpected) {
		autofree char *names = taint_text(unexpected);
		autofree char *taint = xasprintf("the kernel became tainted: %s", names);

		say(s, EVIDENCE_REFUTED, taint);
		note_finding(s, "KERNEL-TAINT", taint);
	}
	say_findings(s);
	if (s->nr_bad || unexpected)
		return EVIDENCE_REFUTED;

	if (!has_log) {
		say(s, EVIDENCE_MISSING, "no access to the kernel log");
		return EVIDENCE_MISSING;
	}
	if (s->unread) {
		say(s, EVIDENCE_MISSING, "some of the kernel log was lost before it could be read");
		return EVIDENCE_MISSING;
	}
	text = xasprintf("%zu records, none of them bad", s->nr_records);
	say(s, EVIDENCE_PROVEN, text);
	return EVIDENCE_PROVEN;
}

void slice_release(struct slice *s)
{
	json_decref(s->bad);
	json_decref(s->findings);
	s->bad = NULL;
	s->findings = NULL;
}
