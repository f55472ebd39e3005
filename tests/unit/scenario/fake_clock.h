/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For one file of a program: time passes as fast as it is asked for, so that what waits for ten seconds is over
 * soon.
 */
#ifndef P2PCERT_TEST_FAKE_CLOCK_H
#define P2PCERT_TEST_FAKE_CLOCK_H

#include <time.h>

#include "base/clock.h"

static int64_t fake_now_ns;

int64_t clock_ns(void)
{
	return fake_now_ns += 50 * NS_PER_MS;
}

int clock_poll_ms(int64_t ns)
{
	return (int)(ns / NS_PER_MS);
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)left;
	fake_now_ns += wanted->tv_sec * 1000 * NS_PER_MS + wanted->tv_nsec;
	return 0;
}

#endif
