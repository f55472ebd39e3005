/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the scenarios of the test build share. They do what scenarios should not, so that the runner
 * can be seen to notice, on the real command line and the real kernel. Those that could harm more
 * than their own process strike only where P2PCERT_SELFTEST=break says that the machine is there
 * for it, and skip elsewhere.
 */
#ifndef P2PCERT_SELFTEST_H
#define P2PCERT_SELFTEST_H

#include "base/attr.h"
#include "scenario/scenario.h"

/* One record; what follows are further members. */
#define SELFTEST(name_, id_, title_, run_, ...) \
	extern const struct scenario scenario_selftest_##name_; \
	const struct scenario scenario_selftest_##name_ = { \
		.id = "selftest." id_, \
		.title = (title_), \
		.run = (run_), \
		.evidence = EV(DATA), \
		__VA_ARGS__, \
	}

/* The evidence that a pass needs. */
void selftest_prove(struct scenario_ctx *ctx);

/* Proves it and passes: what remains to be said after something that must not count. */
enum outcome selftest_pass(struct scenario_ctx *ctx);

/* May the machine be broken? If not, says why the scenario skips. */
bool selftest_may_break(struct scenario_ctx *ctx) attr_must_check;

/* Sends bytes to the supervisor as they are. */
void selftest_say(struct scenario_ctx *ctx, const char *bytes, size_t len);

#endif
