/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/clock.c */
#include "../test.h"

#include <time.h>

#include "base/clock.h"

static void time_passes(void **state attr_unused)
{
	const struct timespec moment = { .tv_nsec = 2 * NS_PER_MS };
	int64_t start = clock_ns();

	nanosleep(&moment, NULL);
	assert_in_range(clock_ns() - start, 2 * NS_PER_MS, 60 * NS_PER_S);
}

static void time_for_poll(void **state attr_unused)
{
	assert_int_equal(clock_poll_ms(-1), 0);
	assert_int_equal(clock_poll_ms(1), 1); /* not 0: that would be a busy loop */
	assert_int_equal(clock_poll_ms(NS_PER_MS), 1);
	assert_int_equal(clock_poll_ms(NS_PER_MS + 1), 2);
	assert_int_equal(clock_poll_ms(INT64_MAX), 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_passes),
		cmocka_unit_test(time_for_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
