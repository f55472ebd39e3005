/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time for deadlines: the monotonic clock, and how slow this machine is. */
#ifndef P2PCERT_RUNNER_CLOCK_H
#define P2PCERT_RUNNER_CLOCK_H

#include <jansson.h>
#include <stdint.h>

#include "base/attr.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_ns(void);

/* A time in nanoseconds as poll() wants it: in milliseconds, rounded up, at most a minute. */
int clock_poll_ms(int64_t ns);

/*
 * How many times longer than on ordinary hardware a fixed amount of work takes here; below 1 where
 * it is faster. Two kinds of work, because they slow down apart: an emulated processor computes
 * slowly, a kernel with lockdep or KASAN is slow at system calls and page faults.
 */
struct slowness {
	double compute;
	double kernel;
};

/* Measures it: a few milliseconds on real hardware, and never more than half a second. */
struct slowness clock_slowness(void) attr_must_check;

/* By how much deadlines meant for real hardware must be stretched, from 1 to 100. */
double slowness_factor(const struct slowness *s) attr_must_check;

/* {compute, kernel} */
json_t *slowness_to_json(const struct slowness *s) attr_must_check;

#endif
