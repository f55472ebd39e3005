/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine on which everything is seen and nothing is wrong, for tests that spoil one thing of it:
 *
 * 00:00.0 host bridge device
 * 00:01.0 root port -- 01:00.0 upstream -- 02:00.0 downstream -- 03:00.0 GPU
 *                                       -- 02:01.0 downstream -- 04:00.0 GPU
 *                                       -- 02:02.0 downstream -- 05:00.0 NIC with VF 05:00.1
 * 00:02.0 root port -- 06:00.0 NVMe
 * 80:00.0 host bridge device
 * 80:01.0 root port -- 81:00.0 GPU                                   (the second host bridge)
 *
 * All GPUs and the NIC exchange data by likelihood, the NVMe drive reads and writes GPUs.
 */
#ifndef P2PCERT_TEST_RIG_H
#define P2PCERT_TEST_RIG_H

#include "checked.h"

struct platform *rig_new(void);
/* To spoil it. */
struct function *rig_at(struct platform *p, const char *address);

/* Sets bits of a register that is seen, clears them, or makes them unseen. */
void rig_set(struct reg *r, uint32_t bits);
void rig_clear(struct reg *r, uint32_t bits);
void rig_hide(struct reg *r, uint32_t bits);
/* Replaces a string of the model. */
void rig_string(char **s, const char *value);

/* Checks of an untouched machine: this one passes, and has looked at something. */
void rig_passes(const char *id);

/* The check over p, with 03:00.0 and 04:00.0 declared if so; what it reports of one code. */
void rig_found(const struct platform *p, const char *id, const char *code, enum severity severity,
	       const char *functions);
/* As rig_found(), by likelihood alone. */
void rig_found_likely(const struct platform *p, const char *id, const char *code,
		      enum severity severity, const char *functions);
void rig_not_found(const struct platform *p, const char *id, const char *code);
/* Unseen of this function (NULL: of the machine), and so not a pass. */
void rig_unseen(const struct platform *p, const char *id, const char *address);
/* What the one finding of the code says has this in its text or next step. */
void rig_says(const struct platform *p, const char *id, const char *code, const char *words);

#endif
