/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How slow this machine is, for deadlines. */
#ifndef P2PCERT_RUNNER_SLOWNESS_H
#define P2PCERT_RUNNER_SLOWNESS_H

#include <jansson.h>

#include "base/attr.h"

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
struct slowness slowness_measure(void) attr_must_check;

/* By how much deadlines meant for real hardware must be stretched, from 1 to 100. */
double slowness_factor(const struct slowness *s) attr_must_check;

/* {compute, kernel} */
json_t *slowness_to_json(const struct slowness *s) attr_must_check;

#endif
