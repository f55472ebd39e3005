/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scenarios of the test build share. */
#include "selftest.h"

#include <string.h>

#include "base/fs.h"
#include "scenario/ctx.h"

void selftest_prove(struct scenario_ctx *ctx)
{
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN, "nothing was moved, all of it arrived");
}

enum outcome selftest_pass(struct scenario_ctx *ctx)
{
	selftest_prove(ctx);
	return OUTCOME_PASS;
}

bool selftest_may_break(struct scenario_ctx *ctx)
{
	const char *value = getenv("P2PCERT_SELFTEST");

	if (value && strcmp(value, "break") == 0)
		return true;
	scn_skip(ctx, SKIP_UNSAFE_NOT_ENABLED,
		 "could break this machine, which P2PCERT_SELFTEST=break does not allow");
	return false;
}

void selftest_say(struct scenario_ctx *ctx, const char *bytes, size_t len)
{
	if (fs_write_all(ctx->channel, bytes, len) < 0)
		_exit(1);
}
