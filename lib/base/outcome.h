/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of a result: outcomes, kinds of error, skip categories, evidence, and their order.
 * These texts are public interface.
 */
#ifndef P2PCERT_BASE_OUTCOME_H
#define P2PCERT_BASE_OUTCOME_H

#include "base/attr.h"

/* Best first, so that the worst of several is the largest; skip counts least of all. */
enum outcome {
	OUTCOME_SKIP,
	OUTCOME_INFO,
	OUTCOME_PASS,
	OUTCOME_INCONCLUSIVE,
	OUTCOME_NOTRUN,
	OUTCOME_ERROR,
	OUTCOME_FAIL,
	NR_OUTCOMES,
};

enum error_kind {
	ERROR_NONE,
	ERROR_TIMEOUT,
	ERROR_CRASH,
	ERROR_SETUP,
	ERROR_CLEANUP,
	ERROR_INCOMPLETE,
	NR_ERROR_KINDS,
};

enum skip_category {
	SKIP_HW_ABSENT,
	SKIP_HW_UNSUPPORTED,
	SKIP_NOT_DECLARED,
	SKIP_FW_CONFIG,
	SKIP_KERNEL_CONFIG,
	SKIP_KERNEL_VERSION,
	SKIP_MODULE_MISSING,
	SKIP_MODULE_REJECTED,
	SKIP_PERMISSION,
	SKIP_RESOURCE_BUSY,
	SKIP_UNSAFE_NOT_ENABLED,
	SKIP_DEPENDENCY,
	SKIP_USER_EXCLUDED,
	NR_SKIP_CATEGORIES,
};

enum evidence_kind {
	EVIDENCE_DATA, /* D: verified both ways, guards untouched */
	EVIDENCE_PATH, /* P: proven to have gone that way */
	EVIDENCE_KERNEL_LOG, /* K: clean over the slice; added by the supervisor */
	EVIDENCE_COUNTERS, /* C: moved as they must */
	EVIDENCE_ERRNO, /* E: exact errno */
	EVIDENCE_LEAK, /* N: nothing moved or leaked */
	NR_EVIDENCE_KINDS,
};

enum evidence_state { EVIDENCE_MISSING, EVIDENCE_PROVEN, EVIDENCE_REFUTED, NR_EVIDENCE_STATES };

#define EV(kind) (1u << EVIDENCE_##kind)

const char *outcome_name(enum outcome o);
const char *error_kind_name(enum error_kind k); /* NULL for ERROR_NONE */
const char *skip_category_name(enum skip_category c);
const char *evidence_kind_name(enum evidence_kind k);
const char *evidence_state_name(enum evidence_state s);

/* 0, or -EINVAL if the word is none of them. */
int outcome_parse(const char *s, enum outcome *o) attr_must_check;
int error_kind_parse(const char *s, enum error_kind *k) attr_must_check;
int skip_category_parse(const char *s, enum skip_category *c) attr_must_check;
int evidence_kind_parse(const char *s, enum evidence_kind *k) attr_must_check;
int evidence_state_parse(const char *s, enum evidence_state *st) attr_must_check;

/*
 * The outcome that stands, given what the scenario claims and the evidence there is: anything refuted
 * is fail; a claimed pass with required evidence not proven is inconclusive.
 */
enum outcome outcome_settle(enum outcome claimed, unsigned int required,
			    const enum evidence_state states[NR_EVIDENCE_KINDS]);

#endif
