// SPDX-License-Identifier: GPL-2.0-or-later
/* Patterns: that they depend on seed and position, and what is said of data that is not right. */
#include "../test.h"

#include "scenario/pattern.h"

#define LEN 16384u
#define PAGE 4096u

static unsigned char buf[LEN];

static void seeds_differ(void **state attr_unused)
{
	uint64_t seen[64];

	for (size_t n = 0; n < ARRAY_LEN(seen); n++) {
		seen[n] = pattern_seed(1, n);
		assert_int_not_equal(seen[n], 1);
		assert_int_not_equal(seen[n], pattern_seed(2, n));
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(seen[n], seen[i]);
	}
}

/* The pattern is one sequence of bytes, wherever and in whatever pieces it is written. */
static void pieces_make_the_whole(void **state attr_unused)
{
	unsigned char piece[40];

	pattern_fill(buf, LEN, 7, 0);
	for (uint64_t at = 0; at < 64; at++) {
		for (size_t len = 0; len < sizeof(piece); len++) {
			memset(piece, 0xee, sizeof(piece));
			pattern_fill(piece, len, 7, at);
			assert_memory_equal(piece, buf + at, len);
			assert_true(pattern_verify(piece, len, 7, at, NULL));
			if (len < sizeof(piece))
				assert_int_equal(piece[len], 0xee);
		}
	}
}

static void another_seed_is_wrong(void **state attr_unused)
{
	struct pattern_mismatch m;
	uint64_t position;

	pattern_fill(buf, LEN, 7, 0);
	assert_false(pattern_verify(buf, LEN, 8, 0, &m));
	/* By chance one byte of 256 is the same. */
	assert_in_range(m.wrong, LEN - LEN / 128, LEN);
	assert_false(m.displaced);
	assert_false(m.zero);
	assert_true(pattern_locate(buf, LEN, 7, LEN, &position));
	assert_int_equal(position, 0);
	assert_false(pattern_locate(buf, LEN, 8, LEN, &position));
}

static void every_bit_counts(void **state attr_unused)
{
	struct pattern_mismatch m;

	for (size_t len = 1; len < 40; len++) {
		pattern_fill(buf, len, 7, 3);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			buf[bit / 8] ^= (unsigned char)(1 << bit % 8);
			assert_false(pattern_verify(buf, len, 7, 3, &m));
			assert_int_equal(m.wrong, 1);
			assert_int_equal(m.first, bit / 8);
			assert_int_equal(m.last, bit / 8);
			assert_int_equal(m.shown, len - bit / 8 < 8 ? len - bit / 8 : 8);
			assert_int_equal(m.found[0], buf[bit / 8]);
			assert_int_equal(m.expected[0] ^ m.found[0], 1 << bit % 8);
			assert_false(m.displaced);
			buf[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
		assert_true(pattern_verify(buf, len, 7, 3, &m));
		assert_int_equal(m.wrong, 0);
	}
}

/* Data of another place, by any distance, is told from damaged data. */
static void displacement_is_measured(void **state attr_unused)
{
	static const unsigned int shifts[] = { 1, 3, 8, 100, PAGE, PAGE + 5 };
	struct pattern_mismatch m;

	for (size_t i = 0; i < ARRAY_LEN(shifts); i++) {
		pattern_fill(buf, LEN, 7, 0);
		pattern_fill(buf + PAGE, PAGE, 7, PAGE + shifts[i]);
		assert_false(pattern_verify(buf, LEN, 7, 0, &m));
		assert_in_range(m.first, PAGE, PAGE + 8);
		assert_in_range(m.last, 2 * PAGE - 8, 2 * PAGE - 1);
		assert_true(m.displaced);
		assert_int_equal(m.position, m.first + shifts[i]);
	}
}

static void texts(void **state attr_unused)
{
	struct pattern_mismatch m = {
		.len = 8192,
		.wrong = 3,
		.first = 0x1000,
		.last = 0x1fff,
		.shown = 2,
		.expected = { 0x01, 0xab },
		.found = { 0xff, 0x00 },
	};
	autofree char *plain = pattern_mismatch_text(&m);
	autofree char *displaced =
		(m.displaced = true, m.position = 0x20, pattern_mismatch_text(&m));
	autofree char *zero = (m.zero = true, pattern_mismatch_text(&m));
	autofree char *none = (m.wrong = 0, pattern_mismatch_text(&m));

	assert_string_equal(plain, "3 of 8192 bytes wrong, from offset 0x1000 to 0x1fff: "
				   "expected 01 ab, found ff 00");
	assert_string_equal(displaced,
			    "3 of 8192 bytes wrong, from offset 0x1000 to 0x1fff: expected "
			    "01 ab, found ff 00 (which belongs at position 0x20)");
	assert_string_equal(zero, "3 of 8192 bytes wrong, from offset 0x1000 to 0x1fff: "
				  "expected 01 ab, found ff 00 (zeros)");
	assert_string_equal(none, "all 8192 bytes as expected");
}

static void guards_leave_the_hole(void **state attr_unused)
{
	memset(buf, 0x5a, LEN);
	pattern_guard_fill(buf, LEN, PAGE, PAGE, 9);
	for (size_t i = PAGE; i < (size_t)2 * PAGE; i++)
		assert_int_equal(buf[i], 0x5a);
	memset(buf + PAGE, 0, PAGE);
	assert_true(pattern_guard_verify(buf, LEN, PAGE, PAGE, 9, NULL));
}

static void guards_see_one_byte(void **state attr_unused)
{
	static const size_t places[] = { 0, PAGE - 1, 2 * PAGE, LEN - 1 };
	struct pattern_mismatch m;

	pattern_guard_fill(buf, LEN, PAGE, PAGE, 9);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		buf[places[i]] ^= 0x80;
		assert_false(pattern_guard_verify(buf, LEN, PAGE, PAGE, 9, &m));
		assert_int_equal(m.wrong, 1);
		assert_int_equal(m.first, places[i]);
		assert_int_equal(m.last, places[i]);
		assert_int_equal(m.len, LEN - PAGE);
		buf[places[i]] ^= 0x80;
	}
	buf[PAGE - 1] ^= 1;
	buf[2 * PAGE] ^= 1;
	assert_false(pattern_guard_verify(buf, LEN, PAGE, PAGE, 9, &m));
	assert_int_equal(m.wrong, 2);
	assert_int_equal(m.first, PAGE - 1);
	assert_int_equal(m.last, 2 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_differ),
		cmocka_unit_test(pieces_make_the_whole),
		cmocka_unit_test(another_seed_is_wrong),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(displacement_is_measured),
		cmocka_unit_test(texts),
		cmocka_unit_test(guards_leave_the_hole),
		cmocka_unit_test(guards_see_one_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
