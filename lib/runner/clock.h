/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time for deadlines: the monotonic clock, and how slow this machine is. */
#ifndef P2PCERT_RUNNER_CLOCK_H
#define P2PCERT_RUNNER_CLOCK_H

#include <stdint.h>

#include "base/attr.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_ns(void);

/* A time in nanoseconds as poll() wants it: in milliseconds, rounded up, at most a minute. */
int clock_poll_ms(int64_t ns);

/*
 * By how much deadlines meant for real hardware must be stretched here, from 1 to 100: measured with
 * a fixed amount of computation, under a millisecond of it on real hardware. An emulated processor
 * comes out at 20 and more.
 */
double clock_deadline_factor(void) attr_must_check;

#endif
