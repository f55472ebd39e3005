/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The supervisor's end of the channel from a running scenario (scenario/ctx.h). The other end is a
 * process that is there to go wrong: every line is checked to be a record that a scenario may
 * write, and how many and how large they may be is limited.
 */
#ifndef P2PCERT_RUNNER_CHANNEL_H
#define P2PCERT_RUNNER_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/outcome.h"

#define CHANNEL_MAX_LINE (4u << 20) /* bytes; a list of pairs of a large machine fits */
#define CHANNEL_MAX_TOTAL (32u << 20) /* bytes of one scenario */
#define CHANNEL_MAX_RECORDS 4096u

struct channel {
	char *partial; /* a line not yet whole */
	size_t partial_len;
	size_t total; /* bytes so far */
	unsigned int nr_records;
	char *fault; /* what is wrong with what was read, for the user; NULL: nothing */
	/* what was said so far */
	unsigned int nr_outcomes;
	enum outcome claimed; /* the last */
	unsigned int nr_skips;
	unsigned int nr_errors;
	enum error_kind error_kind; /* of the last error */
	bool said[NR_EVIDENCE_KINDS];
	enum evidence_state states[NR_EVIDENCE_KINDS]; /* the worst of each kind */
	char *why; /* the last; NULL: none */
};

/* Takes each record, and each wish for a change (stolen). 0, or a negative errno, which ends the reading. */
typedef int channel_sink(void *arg, json_t *record);

/*
 * Takes in what was read. 0; -EPROTO if it is nothing a scenario may say, from where on all is
 * refused; or what the sink returned.
 */
int channel_feed(struct channel *c, const char *data, size_t len, channel_sink *sink,
		 void *arg) attr_must_check;
/* The other end is closed: half a line is a fault. 0 or -EPROTO. */
int channel_end(struct channel *c) attr_must_check;
void channel_release(struct channel *c);

#endif
