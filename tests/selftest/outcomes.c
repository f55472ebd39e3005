/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenarios that behave: one for each outcome, level and class of safety, and some to pass the time. */
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "selftest.h"

static enum outcome run_fail(struct scenario_ctx *ctx)
{
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_REFUTED, "byte 0 is 0x00, not 0x5a");
	return OUTCOME_FAIL;
}

static enum outcome run_unproven(struct scenario_ctx *ctx attr_unused)
{
	return OUTCOME_PASS;
}

static enum outcome run_info(struct scenario_ctx *ctx)
{
	scn_measure(ctx, "answers", "count", 42);
	return OUTCOME_INFO;
}

static enum outcome run_skip(struct scenario_ctx *ctx)
{
	scn_skip(ctx, SKIP_HW_UNSUPPORTED, "no device can do it");
	return OUTCOME_SKIP;
}

static enum outcome run_error(struct scenario_ctx *ctx)
{
	scn_error(ctx, ERROR_SETUP, "cannot map: %s", "Cannot allocate memory");
	return OUTCOME_ERROR;
}

/* Fails for about half of all seeds, always the same. */
static enum outcome run_flaky(struct scenario_ctx *ctx)
{
	uint64_t x = scn_env(ctx)->seed;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	scn_why(ctx, "the seed wants it so");
	return x >> 63 ? run_fail(ctx) : selftest_pass(ctx);
}

/* $P2PCERT_SELFTEST_SECONDS, or one. */
static enum outcome run_sleep(struct scenario_ctx *ctx)
{
	const char *text = getenv("P2PCERT_SELFTEST_SECONDS");
	struct timespec left = { .tv_sec = 1 };
	uint64_t seconds;

	if (text && text_to_u64(text, 10, 100000, &seconds) == 0)
		left.tv_sec = (time_t)seconds;
	while (nanosleep(&left, &left) < 0)
		;
	return selftest_pass(ctx);
}

SELFTEST(pass, "pass", "passes", selftest_pass, .seconds = 60);
SELFTEST(fail, "fail", "fails", run_fail, .seconds = 60);
SELFTEST(inconclusive, "inconclusive", "passes without evidence", run_unproven, .seconds = 60);
SELFTEST(info, "info", "only measures", run_info, .seconds = 60);
SELFTEST(skip, "skip", "does not apply", run_skip, .seconds = 60);
SELFTEST(error, "error", "cannot be set up", run_error, .seconds = 60);
SELFTEST(flaky, "flaky", "fails for some seeds", run_flaky, .seconds = 60);
SELFTEST(sleep, "sleep", "takes its time", run_sleep, .seconds = 100000);
SELFTEST(absent, "absent", "needs what no machine has", selftest_pass, .seconds = 60,
	 .NEEDS({ NEED_TOOL, "p2pcert-no-such-tool" }, { NEED_KCONFIG, "CONFIG_P2PCERT_NO_SUCH" }));
SELFTEST(unsafe, "unsafe", "could disturb a device", selftest_pass, .seconds = 60,
	 .safety = SAFETY_UNSAFE);
SELFTEST(standard, "standard", "is part of level standard", selftest_pass, .seconds = 60,
	 .level = LEVEL_STANDARD);
SELFTEST(full, "full", "is part of level full", selftest_pass, .seconds = 60, .level = LEVEL_FULL);
SELFTEST(soak, "soak", "is part of level soak", selftest_pass, .seconds = 60, .level = LEVEL_SOAK);
