/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Test data that tells where it came from. Every byte depends on a seed and on its position in the
 * pattern, so that data of another transfer, of another place, or of nobody is seen as such; a run of
 * eight bytes of a pattern can be turned back into its position, so that a mismatch says what was
 * found instead. Used for the data under test and, with another seed, for the guard bytes around
 * it. Pure functions over memory.
 */
#ifndef P2PCERT_SCENARIO_PATTERN_H
#define P2PCERT_SCENARIO_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* The seed of the n-th pattern of a run: all differ for one seed, and none equals it. */
uint64_t pattern_seed(uint64_t seed, uint64_t n);

/* Writes the len bytes of the pattern that start at position. */
void pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t position);

/* What pattern_verify() saw; offsets count from the start of the buffer. */
struct pattern_mismatch {
	size_t len; /* of the buffer */
	size_t wrong; /* bytes that differ, 0: none */
	size_t first, last; /* offsets of the first and the last of them */
	size_t shown; /* bytes in expected[] and found[], which start at first */
	unsigned char expected[8], found[8];
	bool zero; /* found[] is all zero */
	bool displaced; /* found[] is the same pattern, but of another position ... */
	uint64_t position; /* ... this one */
};

/* Do the len bytes at buf hold the pattern from position on? m may be NULL. */
bool pattern_verify(const void *buf, size_t len, uint64_t seed, uint64_t position,
		    struct pattern_mismatch *m);

/*
 * Where in the pattern of seed, below limit, the bytes at buf come from. False if they are not of
 * that pattern, or fewer than pattern_locate() needs (8; 15 if their position is no multiple of 8).
 */
bool pattern_locate(const void *buf, size_t len, uint64_t seed, uint64_t limit, uint64_t *position);

/* One line for a person; the caller frees it. */
char *pattern_mismatch_text(const struct pattern_mismatch *m) attr_must_check;

/*
 * Fills an area but for the hole of hole_len bytes at hole_at, and checks that it is still as it was
 * filled. Offsets of a mismatch count from the start of the area.
 */
void pattern_guard_fill(void *area, size_t area_len, size_t hole_at, size_t hole_len,
			uint64_t seed);
bool pattern_guard_verify(const void *area, size_t area_len, size_t hole_at, size_t hole_len,
			  uint64_t seed, struct pattern_mismatch *m);

#endif
