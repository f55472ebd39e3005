/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exit statuses of p2pcert: public interface, stated in p2pcert(1). A status is never changed
 * or reused; a run ended by signal n exits with EXIT_SIGNAL_BASE + n.
 */
#ifndef P2PCERT_BASE_EXIT_H
#define P2PCERT_BASE_EXIT_H

enum exit_status {
	EXIT_VERDICT_PASS = 0, /* verdict pass; also plain success of commands without a verdict */
	EXIT_VERDICT_FAIL = 1,
	EXIT_USAGE = 2, /* usage, configuration, malformed input, unknown id */
	EXIT_ENVIRONMENT = 3, /* harness or environment, output that could not be written */
	EXIT_NOTHING_APPLICABLE = 4, /* everything skipped */
	EXIT_INCONCLUSIVE = 5,
	EXIT_HOST_UNTRUSTED = 6, /* fatal taint, reboot needed */
	EXIT_TIME_BUDGET = 124,
	EXIT_SIGNAL_BASE = 128,
};

#endif
