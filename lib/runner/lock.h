/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run at a time on one machine: two would disturb each other's modules, devices and log. */
#ifndef P2PCERT_RUNNER_LOCK_H
#define P2PCERT_RUNNER_LOCK_H

#include "base/attr.h"

/*
 * Takes the lock, which lasts until the descriptor is closed, and writes our process id into it. A
 * descriptor or a negative errno; *why is then the text for the user, which the caller frees.
 */
int lock_take(const char *path, char **why) attr_must_check;

#endif
