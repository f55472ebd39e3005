/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time that passes, which nobody sets: the monotonic clock. */
#ifndef P2PCERT_BASE_CLOCK_H
#define P2PCERT_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_ns(void);

/* A time in nanoseconds as poll() wants it: in milliseconds, rounded up, at most a minute. */
int clock_poll_ms(int64_t ns);

#endif
