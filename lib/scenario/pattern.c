// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Position-dependent test patterns. Word n of a pattern is a bijection of seed + n * step, so it can
 * be undone: from the words found, the positions they belong to.
 */
#include "scenario/pattern.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* SplitMix64 (Steele, Lea, Flood, 2014): a Weyl sequence and an invertible finalizer. */
#define STEP 0x9e3779b97f4a7c15u
#define STEP_INVERSE 0xf1de83e19937733du /* STEP * STEP_INVERSE == 1 modulo 2^64 */
#define MUL_A 0xbf58476d1ce4e5b9u
#define MUL_A_INVERSE 0x96de1b173f119089u
#define MUL_B 0x94d049bb133111ebu
#define MUL_B_INVERSE 0x319642b2d24d8ec3u

/* How far from its place data is looked for: wider would call noise data. */
#define LOCATE_LIMIT (1ull << 40)

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * MUL_A;
	x = (x ^ (x >> 27)) * MUL_B;
	return x ^ (x >> 31);
}

static uint64_t unshift(uint64_t x, int shift)
{
	return x ^ (x >> shift) ^ (2 * shift < 64 ? x >> (2 * shift) : 0);
}

static uint64_t unmix(uint64_t x)
{
	x = unshift(x, 31) * MUL_B_INVERSE;
	x = unshift(x, 27) * MUL_A_INVERSE;
	return unshift(x, 30);
}

uint64_t pattern_seed(uint64_t seed, uint64_t n)
{
	/* Mixed twice, so that seeds are not neighbours in one another's sequence. */
	return mix(mix(seed) + (n + 1) * STEP);
}

/* The eight bytes of the pattern at position, which need not be aligned. */
static void pattern_bytes(unsigned char out[8], uint64_t seed, uint64_t position)
{
	uint64_t index = position / 8;
	uint64_t words[2] = { htole64(mix(seed + index * STEP)),
			      htole64(mix(seed + (index + 1) * STEP)) };

	memcpy(out, (unsigned char *)words + position % 8, 8);
}

void pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t position)
{
	unsigned char *p = buf;
	unsigned char bytes[8];

	for (size_t at = 0; at < len; at += sizeof(bytes)) {
		size_t n = len - at < sizeof(bytes) ? len - at : sizeof(bytes);

		pattern_bytes(bytes, seed, position + at);
		memcpy(p + at, bytes, n);
	}
}

bool pattern_locate(const void *buf, size_t len, uint64_t seed, uint64_t limit, uint64_t *position)
{
	const unsigned char *p = buf;

	/* Where a word starts in what was found is unknown: each of the eight places may be it. */
	for (size_t shift = 0; shift < 8 && shift + 8 <= len; shift++) {
		uint64_t word, index;

		memcpy(&word, p + shift, sizeof(word));
		index = (unmix(le64toh(word)) - seed) * STEP_INVERSE;
		if (index < limit / 8 && index * 8 >= shift) {
			*position = index * 8 - shift;
			return true;
		}
	}
	return false;
}

static void describe(struct pattern_mismatch *m, const unsigned char *p, uint64_t seed,
		     uint64_t position)
{
	static const unsigned char zeros[sizeof(m->found)];
	size_t left = m->len - m->first;

	m->shown = left < sizeof(m->found) ? left : sizeof(m->found);
	pattern_bytes(m->expected, seed, position);
	memcpy(m->found, p + m->first, m->shown);
	m->zero = memcmp(m->found, zeros, m->shown) == 0;

	/* A byte that was merely damaged is looked past: what follows it is where it belongs. */
	m->displaced = pattern_locate(p + m->first, left, seed, LOCATE_LIMIT, &m->position) &&
		       m->position != position;
}

bool pattern_verify(const void *buf, size_t len, uint64_t seed, uint64_t position,
		    struct pattern_mismatch *m)
{
	const unsigned char *p = buf;
	struct pattern_mismatch seen = { .len = len };
	unsigned char want[8];

	for (size_t at = 0; at < len; at += sizeof(want)) {
		size_t n = len - at < sizeof(want) ? len - at : sizeof(want);

		pattern_bytes(want, seed, position + at);
		if (memcmp(p + at, want, n) == 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (p[at + i] == want[i])
				continue;
			if (seen.wrong++ == 0)
				seen.first = at + i;
			seen.last = at + i;
		}
	}
	if (seen.wrong > 0)
		describe(&seen, p, seed, position + seen.first);
	if (m)
		*m = seen;
	return seen.wrong == 0;
}

static void text_hex(char out[3 * sizeof(uint64_t)], const unsigned char *bytes, size_t n)
{
	char *p = out;

	*p = '\0';
	for (size_t i = 0; i < n; i++)
		p += sprintf(p, i ? " %02x" : "%02x", bytes[i]);
}

char *pattern_mismatch_text(const struct pattern_mismatch *m)
{
	char expected[3 * sizeof(m->expected)], found[3 * sizeof(m->found)];
	autofree char *origin = NULL;

	if (m->wrong == 0)
		return xasprintf("all %zu bytes as expected", m->len);
	text_hex(expected, m->expected, m->shown);
	text_hex(found, m->found, m->shown);
	if (m->zero)
		origin = xstrdup(" (zeros)");
	else if (m->displaced)
		origin = xasprintf(" (which belongs at position 0x%llx)",
				   (unsigned long long)m->position);
	return xasprintf("%zu of %zu bytes wrong, from offset 0x%zx to 0x%zx: expected %s, found "
			 "%s%s",
			 m->wrong, m->len, m->first, m->last, expected, found,
			 origin ? origin : "");
}

void pattern_guard_fill(void *area, size_t area_len, size_t hole_at, size_t hole_len, uint64_t seed)
{
	size_t behind = hole_at + hole_len;

	pattern_fill(area, hole_at, seed, 0);
	pattern_fill((unsigned char *)area + behind, area_len - behind, seed, behind);
}

bool pattern_guard_verify(const void *area, size_t area_len, size_t hole_at, size_t hole_len,
			  uint64_t seed, struct pattern_mismatch *m)
{
	size_t behind = hole_at + hole_len;
	struct pattern_mismatch after;
	struct pattern_mismatch seen;

	pattern_verify(area, hole_at, seed, 0, &seen);
	pattern_verify((const unsigned char *)area + behind, area_len - behind, seed, behind,
		       &after);
	after.first += behind;
	after.last += behind;
	if (seen.wrong == 0) {
		seen = after;
	} else if (after.wrong > 0) {
		seen.wrong += after.wrong;
		seen.last = after.last;
	}
	seen.len = area_len - hole_len;
	if (m)
		*m = seen;
	return seen.wrong == 0;
}
