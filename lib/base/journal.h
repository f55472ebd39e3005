/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal: journal.jsonl in a results directory, one JSON object per line and event, each synced
 * (fdatasync) before the next step is taken. It is the only truth about a run: the report is a pure
 * function of it, and what it does not say did not happen. Written by lib/runner, read by
 * lib/report and by resume.
 *
 * Every record has "event", "seq" (from 0, no gaps), "t_ns" (CLOCK_REALTIME) and, inside a
 * scenario, "scenario" (its id). The events, with their keys (those in [] may be left out):
 *
 * run-start	schema "p2pcert.journal/1", tool {version, commit}, argv[], time (ISO 8601 UTC), seed
 *		(hex string), profile {name, title, required[], recommended[], excluded[]},
 *		selected[] (ids in order), host {hostname, machine, [vendor, product, bios_vendor,
 *		bios_version, bios_date], cpu, memory_bytes}, kernel {release, version, cmdline,
 *		[config_digest]}, taint {value, names[]}, expected_taint, deadline_factor, [inject[]]
 * platform	file "platform.json" (the platform document, published before this record)
 * features	features[] (features_to_json())
 * undo-add	undo (number, unique in the run), kind ("module", "stock-module", "rdma-link"), args
 *		{...}: written before the change is made
 * undo-done	undo, result "undone" | "gone" (there was nothing to undo, or the change was never made) |
 *		"failed", [text]
 * module	name, file, version, srcversion, verified (bool), [parameters]
 * scenario-start	scenario, dir ("003-odp.write"), requires[] (kinds of evidence, for a pass),
 *		taint (what is new in it came between scenarios)
 * device	address | name
 * evidence	kind, state, text
 * measurement	name, unit, value (number)
 * why		text
 * skip		category, text (each reason one record; a scenario that could not start has these and
 *		a scenario-end but no scenario-start)
 * error	kind, text
 * finding	code, functions[] (addresses), text
 * facts	name, value (anything)
 * outcome	outcome: what the scenario claims
 * kernel-log	class (pattern's code), severity "note" | "bad" | "fatal", text (the line), [advice];
 *		without a scenario: said between two, while setting up or undoing
 * scenario-end	scenario, outcome (settled), [kind], child {exited: status | signal: n | started:
 *		false | stuck: true (SIGKILL did not end it)}, [deadline "soft"|"hard"], duration_ns,
 *		taint {value, names[]}
 * run-end	reason "complete" | "signal" | "host-untrusted" | "time-budget", [signal], taint
 *
 * A scenario with a start and no end was running when the host or the supervisor died: it is
 * error/incomplete and never run again. A journal without run-end is incomplete.
 */
#ifndef P2PCERT_BASE_JOURNAL_H
#define P2PCERT_BASE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define JOURNAL_NAME "journal.jsonl"
#define JOURNAL_SCHEMA "p2pcert.journal/1"

struct journal; /* open for writing */

/*
 * Creates journal.jsonl in the directory dirfd (-EEXIST if there is one), or opens it to go on. The
 * directory is synced too. NULL with errno.
 */
struct journal *journal_create(int dirfd) attr_must_check;
struct journal *journal_append(int dirfd) attr_must_check;
void journal_close(struct journal *j);

/*
 * Adds seq and t_ns to the record (stolen), writes its line, syncs. 0 or a negative errno (disk
 * full, ...); a record that could not be written whole is cut off again so that the file stays
 * valid, and every later write fails with the same errno.
 */
int journal_write(struct journal *j, json_t *record) attr_must_check;

/* A new record {"event": event}. */
json_t *journal_record(const char *event) attr_must_check;

/*
 * Reads the whole journal of a results directory into an array of records. A last line that is torn
 * (no newline, or not JSON) is dropped and *torn set; damage anywhere else is -EINVAL, with *why
 * for the user, freed by the caller.
 */
int journal_read(int dirfd, json_t **records, bool *torn, char **why) attr_must_check;

#endif
