/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deadlines and the measure that stretches them. */
#include "runner/clock.h"

#include <time.h>

#include "base/text.h"

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

/*
 * The work is a chain of dependent multiplications, so that it depends on the processor and little
 * else; the best of several rounds is taken, because others run here too.
 */
#define WORK_BYTES 65536u
#define WORK_ROUNDS 5
#define WORK_NS_REFERENCE (INT64_C(4) * WORK_BYTES / 3) /* 4 cycles a byte at 3 GHz */
#define FACTOR_MAX 100.0

double clock_deadline_factor(void)
{
	static const unsigned char bytes[WORK_BYTES];
	int64_t best = INT64_MAX;
	volatile uint64_t keep; /* so that the work is done at all */
	double factor;

	for (int i = 0; i < WORK_ROUNDS; i++) {
		int64_t start = clock_ns(), taken;

		keep = text_hash(bytes, sizeof(bytes));
		taken = clock_ns() - start;
		if (taken < best)
			best = taken;
	}
	(void)keep;
	factor = (double)best / (double)WORK_NS_REFERENCE;
	if (factor < 1.0)
		return 1.0;
	return factor < FACTOR_MAX ? factor : FACTOR_MAX;
}
