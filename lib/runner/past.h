/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the journal of an earlier process says that a later one needs to go on: what was asked for, what
 * was started, what ended, what was changed and not undone. Pure: nothing is read but the results
 * directory.
 */
#ifndef P2PCERT_RUNNER_PAST_H
#define P2PCERT_RUNNER_PAST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/outcome.h"
#include "runner/run.h"

struct past; /* read once, then only looked at */

/*
 * Reads the journal of the results directory. 0 or a negative errno with *why, which the caller frees:
 * -EINVAL for a journal that is damaged or does not begin with a run, -EPERM for one that somebody else
 * could have written: what it says is carried out as root.
 */
int past_read(int dirfd, const struct scenario *const *table, size_t table_len, struct past **past,
	      char **why) attr_must_check;
void past_free(struct past *past);

static inline void autopast_fn(struct past **p)
{
	past_free(*p);
}
#define autopast __attribute__((cleanup(autopast_fn)))

/*
 * What the run was asked: sets profile, ids, rounds, and of env seed, level, inject, workarounds,
 * devices, allow_unsafe, module_dir and rdma_device. Borrowed from past.
 */
void past_options(const struct past *past, struct run_options *options);

/* "complete", "signal", "host-untrusted", "time-budget"; NULL: it died. */
const char *past_end(const struct past *past);
/* The last line of the journal was torn. */
bool past_torn(const struct past *past);
/* The version of p2pcert that began it. */
const char *past_version(const struct past *past);
/* The boot in which something was run last; one that only undid changes has not made any. */
const char *past_boot_id(const struct past *past);
/* {release, version, ...} and {hostname, machine, ...} of its start. */
const json_t *past_kernel(const struct past *past);
const json_t *past_host(const struct past *past);
/* All of its undo-add and undo-done records, for undo_adopt(). */
const json_t *past_changes(const struct past *past);
/* How many of these changes are not undone. */
size_t past_nr_changes(const struct past *past);

/* How many records there are. */
size_t past_records(const struct past *past);
/* Has it come to the platform, to the features, to the errata? */
bool past_has_platform(const struct past *past);
bool past_has_features(const struct past *past);
bool past_has_errata(const struct past *past);

/* Was it started in that round, or could it not be at all? */
bool past_has(const struct past *past, const char *id, unsigned int round);
/* The rounds from the first on without a gap that it was started in; UINT_MAX: it could not be at all. */
unsigned int past_rounds(const struct past *past, const char *id);
/* Did anything fail or break, so that --until-fail ends there? */
bool past_failed(const struct past *past);
/* The number of the last folder of a scenario; 0: none. */
unsigned int past_folders(const struct past *past);
/* How long its processes ran, for --duration: from its first to its last record, without the gaps. */
int64_t past_duration_ns(const struct past *past);

#endif
