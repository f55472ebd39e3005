/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ways in which the kernel holds on to pages of a process without any hardware: as long as they are
 * held, nothing may move them.
 */
#ifndef P2PCERT_SCENARIO_DEVPIN_H
#define P2PCERT_SCENARIO_DEVPIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* What holds pages; release with devpin_release(). */
struct devpin {
	int fd; /* whose closing releases them */
	int other; /* -1, or the end of a pipe to write to */
};

struct devpin_kind {
	const char *name;
	/* Holds [addr, addr + len), at most 16 pages. 0, or a negative errno: not on this kernel. */
	int (*take)(struct devpin *pin, void *addr, size_t len);
};

extern const struct devpin_kind devpin_kinds[];
extern const size_t devpin_kinds_len;

void devpin_release(struct devpin *pin);

#endif
