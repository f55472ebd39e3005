/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel said during one part of a run (a scenario, or what is between two): its log kept
 * in a file, lines of a known class in the journal, and from both and the taint the kernel_log
 * evidence.
 */
#ifndef P2PCERT_RUNNER_SLICE_H
#define P2PCERT_RUNNER_SLICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/outcome.h"
#include "runner/channel.h"
#include "runner/kmsg.h"

#define SLICE_MAX_BYTES (4u << 20) /* of the file */
#define SLICE_MAX_LINES 200u /* in the journal */

struct slice {
	/* set by the owner; record and arg as of the channel */
	int file; /* -1: none is kept */
	channel_sink *record;
	void *arg;
	/* filled */
	size_t nr_records;
	size_t nr_bad; /* fatal ones too */
	bool fatal;
	bool unread; /* some of it could not be read */
	size_t bytes;
	size_t nr_journalled;
	json_t *bad; /* the lines, the first of them */
	json_t *findings; /* by code: {text, lines, functions{address: true}} */
	int err; /* negative errno of the file or of record() */
};

/* A kmsg_sink whose arg is a struct slice. */
void slice_take(void *arg, const struct kmsg_record *record, const struct kmsg_pattern *pattern);

/*
 * Settles the evidence: refuted by bad lines and by taint that is new and not expected, missing if
 * the log could not be read whole (has_log: at all). Its details, and the findings that lines and
 * taint are, go through record().
 */
enum evidence_state slice_settle(struct slice *s, bool has_log, uint64_t new_taint);
void slice_release(struct slice *s);

#endif
