/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registry of finding codes. A finding is a problem that p2pcert can name: what it is called,
 * how much it matters, what to do next and where to read about it are the same wherever it is
 * found, and stand here; which functions it concerns and what was seen is said by whoever finds it.
 *
 * A code is public interface: once released it is never changed, reused or taken away. Adding one
 * is one record at the end of finding_list.def.
 */
#ifndef P2PCERT_CHECK_FINDING_H
#define P2PCERT_CHECK_FINDING_H

#include <jansson.h>
#include <stddef.h>

#include "base/attr.h"

enum severity {
	SEVERITY_BLOCKER, /* must not be used for peer-to-peer as it is: data is lost or wrong */
	SEVERITY_MAJOR, /* what this machine promises does not hold */
	SEVERITY_MINOR, /* works, but not as it should or not as it says */
	SEVERITY_INFO, /* worth knowing, nothing to mend */
	NR_SEVERITIES,
};

struct finding {
	const char *code; /* "P2P-PREDICTION-DIFFERS": subject, then what is wrong with it */
	enum severity severity;
	const char *title; /* one line, for any machine */
	const char *next; /* what the reader should do */
	const char *reference; /* where the rule or the behaviour is written down */
};

extern const struct finding finding_registry[];
extern const size_t finding_registry_len;

/* The record of a code from outside; NULL if there is none. */
const struct finding *finding_find(const char *code) attr_must_check;
/* The record of a code from our own source: one that is not there is a BUG(). */
const struct finding *finding_get(const char *code) attr_must_check;

const char *severity_name(enum severity severity);

/* {code, severity, title, next, reference}. */
json_t *finding_to_json(const struct finding *finding) attr_must_check;

#endif
