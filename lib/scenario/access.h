/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How an access to memory ends that may not be there: tried by a process of its own. */
#ifndef P2PCERT_SCENARIO_ACCESS_H
#define P2PCERT_SCENARIO_ACCESS_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * Reads 8 bytes at an address, or writes them back as they were read. 0, the signal that the access ends
 * with, or -1 and errno if no process could be started. at is 8-byte aligned.
 */
int access_fate(void *at, bool write) attr_must_check;

#endif
