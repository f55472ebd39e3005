/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's monotonic clock, and times as its calls want them. */
#include "base/clock.h"

#include <time.h>

int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int clock_poll_ms(int64_t ns)
{
	const int64_t minute = 60 * NS_PER_S;

	if (ns <= 0)
		return 0;
	return (int)(((ns < minute ? ns : minute) + NS_PER_MS - 1) / NS_PER_MS);
}
