/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often the kernel calls a function of its own, or of a module, or comes by a trace event: counted by
 * perf_event_open(2), without anything left behind when the count is closed or its owner dies.
 */
#ifndef P2PCERT_SCENARIO_CALLCOUNT_H
#define P2PCERT_SCENARIO_CALLCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct callcount {
	int *fds; /* of each CPU; NULL: none */
	size_t nr_fds;
};

/*
 * Starts to count, on every CPU. 0, or a negative errno: -ENOENT if there is no such function, or no kprobes; -EACCES or
 * -EPERM if we may not. Whatever is returned, callcount_close() must follow.
 */
int callcount_open(struct callcount *c, const char *function) attr_must_check;
/* The same, but only what is called for this thread. */
int callcount_open_own(struct callcount *c, const char *function) attr_must_check;
/* For this thread, a trace event, "swiotlb/swiotlb_bounced"; -ENOENT if there is none, or no tracefs. */
int callcount_open_event(struct callcount *c, const char *event) attr_must_check;
/* Calls since. 0, or a negative errno. */
int callcount_read(const struct callcount *c, uint64_t *calls) attr_must_check;
void callcount_close(struct callcount *c);

#endif
