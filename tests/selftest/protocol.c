/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenarios that do not tell the supervisor what they should, or not as they should. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "selftest.h"

#define SAY(ctx, literal) selftest_say((ctx), (literal), sizeof(literal) - 1)

static enum outcome run_silent(struct scenario_ctx *ctx)
{
	selftest_prove(ctx);
	_exit(0);
}

static enum outcome run_twice(struct scenario_ctx *ctx)
{
	SAY(ctx, "{\"event\":\"outcome\",\"outcome\":\"fail\"}\n");
	return selftest_pass(ctx);
}

static enum outcome run_garbage(struct scenario_ctx *ctx)
{
	SAY(ctx, "\0\1\2 this is no JSON\n");
	return selftest_pass(ctx);
}

static enum outcome run_bad_utf8(struct scenario_ctx *ctx)
{
	SAY(ctx, "{\"event\":\"why\",\"text\":\"\xff\xfe\"}\n");
	return selftest_pass(ctx);
}

/* An end and a start that only the supervisor may write. */
static enum outcome run_forged(struct scenario_ctx *ctx)
{
	SAY(ctx, "{\"event\":\"scenario-end\",\"outcome\":\"pass\"}\n");
	return selftest_pass(ctx);
}

static enum outcome run_cut_off(struct scenario_ctx *ctx)
{
	selftest_prove(ctx);
	SAY(ctx, "{\"event\":\"outcome\",\"outcome\":\"pass\"}");
	_exit(0);
}

static enum outcome run_flood_channel(struct scenario_ctx *ctx)
{
	signal(SIGTERM, SIG_IGN);
	for (;;)
		selftest_prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_flood_output(struct scenario_ctx *ctx)
{
	for (int i = 0; i < 200000; i++)
		printf("line %d of very many that nobody will ever read\n", i);
	return selftest_pass(ctx);
}

/* What a hostile device could have for a name. */
static enum outcome run_hostile_text(struct scenario_ctx *ctx)
{
	scn_why(ctx, "model '%s'", "\xff\x1b[2J\n{\"event\":\"outcome\",\"outcome\":\"fail\"}");
	printf("\xff\x1b[2J\n");
	return selftest_pass(ctx);
}

SELFTEST(silent, "silent", "reports nothing", run_silent, .seconds = 60);
SELFTEST(twice, "twice", "reports two outcomes", run_twice, .seconds = 60);
SELFTEST(garbage, "garbage", "reports no JSON", run_garbage, .seconds = 60);
SELFTEST(bad_utf8, "bad-utf8", "reports invalid UTF-8", run_bad_utf8, .seconds = 60);
SELFTEST(forged, "forged", "reports what the supervisor would", run_forged, .seconds = 60);
SELFTEST(cut_off, "cut-off", "ends in the middle of a record", run_cut_off, .seconds = 60);
SELFTEST(flood_channel, "flood-channel", "reports without an end", run_flood_channel,
	 .seconds = 60);
SELFTEST(flood_output, "flood-output", "prints far too much", run_flood_output, .seconds = 60);
SELFTEST(hostile_text, "hostile-text", "repeats what a hostile device says", run_hostile_text,
	 .seconds = 60);
