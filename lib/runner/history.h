/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long each scenario took when it last ran on this machine: for the time that is left, nothing
 * else. A history that is missing or damaged is an empty one, and one that cannot be written fails
 * no run.
 */
#ifndef P2PCERT_RUNNER_HISTORY_H
#define P2PCERT_RUNNER_HISTORY_H

#include <stdint.h>

#include "base/attr.h"

struct history;

/* "durations.json" in $P2PCERT_STATE_DIR or /var/lib/p2pcert; the caller frees it. */
char *history_path(void) attr_must_check;

/* Never NULL; what cannot be understood is left out. */
struct history *history_load(const char *path) attr_must_check;
void history_free(struct history *h);

/* Remembers that the scenario took that long on a machine of that deadline factor. */
void history_note(struct history *h, const char *id, int64_t duration_ns, double factor);

/* How long it may take at that deadline factor, or -1: not known. */
int64_t history_estimate_ns(const struct history *h, const char *id, double factor);

/* Publishes the file, making its directory if need be. 0 or a negative errno. */
int history_save(const struct history *h, const char *path) attr_must_check;

#endif
