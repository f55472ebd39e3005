/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of the defects that a run has met: which errata explain its findings, and which failures
 * the profile waives for them. Both only add to a report; what failed has failed. Private to
 * lib/report.
 */
#ifndef P2PCERT_REPORT_ERRATA_H
#define P2PCERT_REPORT_ERRATA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"

/*
 * The errata, of those of the journal (NULL: none), that findings have shown, each with scenarios[].
 * Of several with the same code the first explains the finding.
 */
json_t *report_errata(const json_t *errata, const json_t *findings) attr_must_check;

/*
 * The waivers of the report's profile, each with its state at the time that the run was started, and
 * scenarios[]: those that failed, and all of whose findings (but for notes) are of errata that are
 * waived. The report has its profile, started, results, findings and errata.
 */
json_t *report_waivers(const json_t *report) attr_must_check;

/* The ids of the scenarios whose failure is waived, as the keys of an object. */
json_t *report_waived(const json_t *report) attr_must_check;

#endif
