/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets the kernel say in its log why it redirects or refuses pairs, for tests that hold its words
 * against what is predicted.
 */
#include <string.h>
#include <unistd.h>

#include "scenario/modfd.h"
#include "scenario/pair.h"
#include "selftest.h"

static int ask_all(int fd, const struct platform *p)
{
	int n = (int)p->nr_functions, err = 0;

	for (int i = 0; i < n; i++)
		for (int t = 0; t < n && !err; t++)
			if (i != t && p2p_can_initiate(&p->functions[i]) &&
			    p2p_can_be_target(&p->functions[t]))
				err = pair_ask_why(fd, p, i, t);
	return err;
}

static enum outcome run_why(struct scenario_ctx *ctx)
{
	autoclose int fd = modfd_open(ctx, P2PCERT_DEV_P2P, 0, NULL);
	int err;

	if (fd < 0)
		return OUTCOME_ERROR;
	err = ask_all(fd, scn_env(ctx)->platform);
	if (err) {
		scn_error(ctx, ERROR_SETUP, "the module gives no answer: %s", strerror(-err));
		return OUTCOME_ERROR;
	}
	return selftest_pass(ctx);
}

SELFTEST(why, "why", "lets the kernel say why it redirects or refuses pairs", run_why,
	 .seconds = 60, .NEEDS({ NEED_ROOT, NULL }, { NEED_MODULE, P2PCERT_DEV_P2P }));
