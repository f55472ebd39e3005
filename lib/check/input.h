/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making what the checks are given: the paths that matter on this machine, their weight, and what
 * is predicted, once for all of them.
 */
#ifndef P2PCERT_CHECK_INPUT_H
#define P2PCERT_CHECK_INPUT_H

#include "check/check.h"

/* What it is made of has to outlive it; claims may be NULL. Free with check_input_free(). */
struct check_input *check_input_new(const struct platform *platform, const struct p2p_rules *rules,
				    const struct check_claims *claims) attr_must_check;
void check_input_free(struct check_input *in);

static inline void autocheckinput_fn(struct check_input **in)
{
	check_input_free(*in);
}
#define autocheckinput __attribute__((cleanup(autocheckinput_fn)))

#endif
