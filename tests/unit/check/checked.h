/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One check run over a made-up machine, and what it must and must not have found there. */
#ifndef P2PCERT_TEST_CHECKED_H
#define P2PCERT_TEST_CHECKED_H

#include "check/input.h"
#include "check/run.h"

struct checked {
	const struct platform *platform;
	struct check_claims claims;
	struct check_input *in;
	struct check_results results;
	const struct check_result *result; /* of the one check */
};

/*
 * Runs the check of this id by the rules of Linux 6.12. claims: the pairs that are declared, "01:00.0>02:00.0
 * 02:00.0>01:00.0", with "!" behind those that have to be direct; NULL: none. checked_with() takes
 * them as they are, and releases them. Fails the test if there is no such check. The platform has to outlive
 * it.
 */
struct checked checked(const struct platform *platform, const char *id, const char *claims);
struct checked checked_by(const char *release, const struct platform *platform, const char *id,
			  const char *claims);
struct checked checked_with(const char *release, const struct platform *platform, const char *id,
			    struct check_claims claims);
void checked_release(struct checked *c);

/* The first finding of the code, NULL if there is none. */
const struct check_finding *checked_find(const struct checked *c, const char *code);

/* It was found, once, of these functions in any order: "01:00.0 02:00.0". Returns it. */
const struct check_finding *assert_found(const struct checked *c, const char *code,
					 enum severity severity, const char *functions);
void assert_not_found(const struct checked *c, const char *code);
/* The check could not see something, and said so of this function; NULL: of the machine. */
void assert_unseen(const struct checked *c, const char *address);
void assert_outcome(const struct checked *c, enum outcome outcome);

#endif
