/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drivers in user space, of functions that can be told to move bytes from one place of what they reach to
 * another: just enough for that, through VFIO. Addresses are those that the function puts on the bus, IOVAs.
 */
#ifndef P2PCERT_SCENARIO_USERDRV_H
#define P2PCERT_SCENARIO_USERDRV_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "platform/platform.h"
#include "scenario/vfio.h"

struct userdrv {
	const char *name;
	uint16_t vendor, device;
	unsigned int address_bits; /* that it drives */
	/*
	 * Makes the function ready, which decodes memory and masters the bus; *state is the driver's, and
	 * close() is called after whatever is returned. 0, -ENODEV if it is another function than it said, or
	 * another negative errno.
	 */
	int (*open)(const struct vfio_function *v, void **state);
	void (*close)(void *state);
	/* Any alignment. 0, -ETIMEDOUT, or another negative errno; *done bytes were moved. */
	int (*copy)(void *state, uint64_t from, uint64_t to, size_t len, uint64_t *done);
};

/* The driver of a function; NULL: there is none. */
const struct userdrv *userdrv_find(const struct function *f);

extern const struct userdrv userdrv_edu;

#endif
