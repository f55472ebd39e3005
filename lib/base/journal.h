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
 *		(hex string), options {repeat, [duration_ns], until_fail, shuffle, level, [budget_ns],
 *		[module_dir], [rdma_device], allow_unsafe, devices[], named (the selection was named,
 *		and is not the profile's)}: with the profile, the selection and the seed all that is
 *		needed to go on or to do it again; profile {name, title,
 *		required[], recommended[], excluded[], soft_rdma[] {name, netdev}, [waivers[] {erratum,
 *		reason, granted, until}]}, selected[] (ids in
 *		the table's order), host {hostname, machine, [vendor, product, bios_vendor,
 *		bios_version, bios_date], cpu, memory_bytes}, kernel {release, version, cmdline,
 *		[config_digest]}, boot_id, taint {value, names[]}, taint_modules[] {name, taint "OE"},
 *		expected_taint, deadline_factor, slowness {compute, kernel}, [inject[]],
 *		[workarounds[]]
 * resume	a later process goes on: tool, argv, time, boot_id (another one: the machine was
 *		rebooted), taint, taint_modules[], deadline_factor, slowness, torn (the last line
 *		before this one was, and has been cut off), restore_only (changes are undone, nothing
 *		is run). A scenario that was running before it is over.
 * platform	file "platform.json" (the platform document, published before this record)
 * features	features[] (features_to_json())
 * errata	errata[]: those of errata.json that concern this kernel
 * undo-add	undo (number, unique in the run), kind (one of undo_kinds[]), args {...}: written before
 *		the change is made, and holds what the machine was like before
 * undo-done	undo, result "undone" | "gone" (there was nothing to undo, or the change was never made) |
 *		"failed" (a later one can follow), [text]
 * module	name, file, version, srcversion, verified (bool), [parameters]
 * scenario-start	scenario, round (from 1), seed (of this round, hex string), dir
 *		("003-odp.write"), requires[] (kinds of evidence, for a pass), taint (what is new in it
 *		came between scenarios). A scenario is started at most once in a round.
 * device	address | name
 * evidence	kind, state, text
 * measurement	name, unit, value (number)
 * why		text
 * skip		category, text (each reason one record; a scenario that could not start has these and
 *		a scenario-end but no scenario-start, whatever the number of rounds)
 * error	kind, text
 * finding	code, functions[] (addresses), text
 * facts	name, value (anything)
 * file		name (in the scenario's folder), text (what is in it)
 * outcome	outcome: what the scenario claims
 * taint-set	names[] (bits that are new), modules[] (loaded ones that set such a bit); in a scenario
 *		or between two
 * kernel-log	class (pattern's code), severity "note" | "bad" | "fatal", text (the line), [advice],
 *		[reference]; without a scenario: said between two, while setting up or undoing
 * scenario-end	scenario, outcome (settled), [kind], child {exited: status | signal: n | started:
 *		false | stuck: true (SIGKILL did not end it)}, [deadline "soft"|"hard"], duration_ns,
 *		taint {value, names[]}
 * run-end	reason "complete" | "signal" | "host-untrusted" | "time-budget", [signal], taint
 *
 * A scenario with a start and no end was running when the host or the supervisor died: it is
 * error/incomplete, or fail if evidence was refuted already, and that round of it is never run again. A journal without run-end, or with a
 * resume that is not restore_only behind it, is incomplete.
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
/* The negative errno of the first write that failed, or 0. */
int journal_error(const struct journal *j);
/*
 * Is the file still what was written to it? 0; -ESTALE if it was removed or has another length (which
 * journal_write() sees as well), or -EBADMSG if it was changed in place. Reads all of it.
 */
int journal_verify(const struct journal *j) attr_must_check;
/* How many records are in it. */
size_t journal_records(const struct journal *j);

/* A new record {"event": event}. */
json_t *journal_record(const char *event) attr_must_check;

/*
 * Reads the whole journal of a results directory into an array of records. A last line that is torn
 * (no newline, or not JSON) is dropped and *torn set; damage anywhere else is -EINVAL, with *why
 * for the user, freed by the caller.
 */
int journal_read(int dirfd, json_t **records, bool *torn, char **why) attr_must_check;

#endif
