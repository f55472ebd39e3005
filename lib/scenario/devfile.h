/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files without a name that a scenario of the devpriv family maps, or does input and output with. */
#ifndef P2PCERT_SCENARIO_DEVFILE_H
#define P2PCERT_SCENARIO_DEVFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/scenario.h"

/*
 * A new file, empty, on something that is not memory; if there is none and memory_too, on a file system
 * in memory. A descriptor, or a negative errno.
 */
int devfile_open(bool memory_too) attr_must_check;
/* The file's first len bytes become the pattern of seed. False after scn_error(). */
bool devfile_fill(struct scenario_ctx *ctx, int fd, size_t len, uint64_t seed) attr_must_check;
/* All of the file's first len bytes. False after scn_error(). */
bool devfile_read(struct scenario_ctx *ctx, int fd, void *buffer, size_t len) attr_must_check;

#endif
