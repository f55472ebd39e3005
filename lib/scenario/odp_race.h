/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transfers during which the address space changes under a region on demand. A round is one transfer of each
 * page; a thread makes the change in the middle of one of them, and takes it back in the middle of a later
 * one. A logical clock tells which transfers were over before, which began after, and which it met: of the
 * first and the second kind the outcome and every byte is known, of the third it is one of the two.
 *
 * Functions return as the rig's do.
 */
#ifndef P2PCERT_SCENARIO_ODP_RACE_H
#define P2PCERT_SCENARIO_ODP_RACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/odp_rig.h"

/* What becomes of the data that was there, and of what was written before the change. */
enum race_content {
	RACE_KEEPS,
	RACE_LOSES, /* there is other data from then on */
	RACE_MAY_LOSE, /* for each byte one or the other; what is written after the change stays */
};

/* What a change means for transfers. */
struct race_rules {
	enum race_content content;
	bool no_read, no_write; /* the device must not, until the change is taken back */
	bool may_refuse; /* the device need not be able to, until then */
	bool still; /* it takes memory that nobody writes into meanwhile */
	bool tail; /* it concerns the guard behind the pages as well */
	bool one; /* it concerns the page in the middle alone */
};

struct race_count {
	size_t rounds, changes; /* those that were made and those that were taken back */
	size_t met; /* transfers that were on their way meanwhile */
	struct rig_count transfers; /* of all */
};

struct race {
	struct rig *r; /* both buffers have memory and regions */
	const struct rig_end *end; /* whose memory changes */
	const char *name; /* of the change, for a person */
	struct race_rules rules;
	const struct rig_op *only; /* transfers of this kind; NULL: the end's both, in turn */
	const size_t *pages; /* that are transferred, in ascending order; NULL: all */
	size_t nr_pages;
	const unsigned char *after; /* the data then, as long as a buffer; NULL: zeros */
	/*
	 * All of arg: readies the memory for a round, which has all its rights then; makes the change;
	 * takes it back; and looks at what else there is, when all is quiet. Only apply must be. The two in
	 * the middle run in a thread of their own, and return 0 or a negative errno.
	 */
	int (*ready)(void *arg);
	int (*apply)(void *arg);
	int (*restore)(void *arg);
	int (*verify)(void *arg);
	void *arg;
	char **impossible; /* set when the change cannot be made: ends the rounds; NULL: it always can */

	/* for verify(), as long as a buffer: what the memory that was mapped first may hold; NULL: no matter */
	unsigned char *left[2];
	bool lost; /* all that is wrong is that nothing of what a device wrote is there */
};

/* Rounds until then, at least one of each kind of transfer. Adds to *count. */
int race_run(struct race *race, int64_t end_ns, struct race_count *count) attr_must_check;
/* For how long, at the level of the run. */
int64_t race_end_ns(const struct rig *r);

/* Was a transfer on its way when a change was made, and was one right? */
bool race_has_met(const struct race_count *count);

/* Says what met what, where all of it was right; name is the change's. */
void race_say(const struct rig *r, const char *name, const struct race_count *count);
/* The same as an object, which the caller owns; impossible: why it was not tried, or NULL. */
json_t *race_facts(const char *name, const struct race_count *count,
		   const char *impossible) attr_must_check;

#endif
