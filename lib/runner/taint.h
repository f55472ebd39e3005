/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's taint: /proc/sys/kernel/tainted, what its bits mean for a run, and who set them. */
#ifndef P2PCERT_RUNNER_TAINT_H
#define P2PCERT_RUNNER_TAINT_H

#include <jansson.h>
#include <stdint.h>

#include "base/attr.h"

/* Bits that our own test modules set: out of tree, unsigned. */
uint64_t taint_expected(void);
/* Bits after which the kernel's answers mean nothing: it died, a machine check, a bad page. */
uint64_t taint_fatal(void);

/* 0 or a negative errno. */
int taint_read(const char *path, uint64_t *value) attr_must_check;

/* {value, names[]}: "W (warning)". */
json_t *taint_to_json(uint64_t value) attr_must_check;
/* "W (warning), L (soft lockup)"; the caller frees it. */
char *taint_text(uint64_t value) attr_must_check;

/*
 * The loaded modules that taint the kernel: [{name, taint "OE"}], by name. sysroot stands before
 * /sys; NULL: the machine's own. Empty if none does or it cannot be read.
 */
json_t *taint_modules(const char *sysroot) attr_must_check;

/*
 * The journal's taint-set record for bits that are new since before: their names, and the modules
 * of now that set such a bit, and did not before (both as of taint_modules(), borrowed). A module
 * that is gone again is not named.
 */
json_t *taint_set_record(uint64_t new_bits, const json_t *before,
			 const json_t *now) attr_must_check;

#endif
