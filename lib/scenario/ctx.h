/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The child's end of a running scenario: the scn_*() functions of scenario.h write to the channel
 * one JSON object per line, which are journal records (base/journal.h) still without "seq", "t_ns"
 * and "scenario". The supervisor reads and checks them; it trusts nothing that it finds there. To
 * {"event": "change", "kind", "args"} and {"event": "undo"} it answers {"errno": 0 or positive, ["text"]} in
 * a line.
 */
#ifndef P2PCERT_SCENARIO_CTX_H
#define P2PCERT_SCENARIO_CTX_H

#include "scenario/scenario.h"

struct scenario_ctx {
	const struct scenario_env *env;
	int channel; /* stream to the supervisor, and back */
};

/* Runs the scenario, then reports the outcome that it returned. */
void ctx_run(struct scenario_ctx *ctx, const struct scenario *s);

#endif
