/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process does to its address space under a region on demand: one row each, of what is done, what it
 * means to the device, and how it is taken back.
 */
#ifndef P2PCERT_SCENARIO_ODP_CHANGE_H
#define P2PCERT_SCENARIO_ODP_CHANGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "scenario/odp_race.h"

#define CHANGE_PAGES 16 /* at most, under test */

/* What is under test while it runs. */
struct trial {
	struct rig r;
	struct rig_buffer *b; /* whose memory changes */
	const struct change *change;
	/* what was in the buffer then, byte by byte one of the two */
	const unsigned char *before[2];
	void *away; /* where mremap() has moved the pages to */
	pid_t child; /* of fork() */
	int leash; /* closed, it ends the child; -1: there is none */
	int told; /* by the child, that it is ready, and then how it found its memory; likewise */
	unsigned char *keep; /* as long as a buffer: what it held, or the child was born with */
	unsigned char *twin; /* the same data as the pages have, merged with them */
	char *impossible; /* why the change cannot be made here; NULL: it can */
	struct race_count count;
};

struct change {
	const char *name; /* for a person */
	bool file; /* the memory is of a file, not anonymous */
	struct race_rules rules;
	int (*apply)(struct trial *t);
	/* makes all of the buffer accessible again, as it was mapped; NULL: it is */
	int (*restore)(struct trial *t);
	/* looks at what else there is, when all is quiet; returns as the rig's functions; NULL: nothing */
	int (*verify)(struct trial *t);
	/* readies the memory for the change to be made once more; NULL: it is ready */
	int (*again)(struct trial *t);
};

extern const struct change change_munmap, change_replace, change_dontneed, change_mremap,
	change_read_only, change_no_access, change_fork, change_punch, change_truncate,
	change_move_pages, change_merge;

/*
 * New memory for both ends, and regions: on demand at this end, which changes, pinned at the other; and
 * back. As the rig's functions return.
 */
int change_set_up(struct trial *t, const struct rig_end *end) attr_must_check;
int change_tear_down(struct trial *t, const struct rig_end *end) attr_must_check;

/* Makes the change during transfers until then; adds to *count. */
int change_race(struct trial *t, const struct rig_end *end, int64_t end_ns,
		struct race_count *count) attr_must_check;

/* Ends what a change has left behind. */
void change_end(struct trial *t);

#endif
