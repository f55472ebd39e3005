/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pair table of a run: for every ordered pair of functions that a scenario looked at, what was
 * predicted, what the kernel ruled and what became of bytes that were to be moved, side by side. Made
 * from the facts of the results ("pairs" and "transfers") and from nothing else.
 */
#ifndef P2PCERT_REPORT_PAIRS_H
#define P2PCERT_REPORT_PAIRS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/pciaddr.h"

/*
 * The report's pairs[], by initiator and target: initiator, target, route, predicted {verdict, distance,
 * blocked_by[], reason}, ruled {supported, verdict, distance, distance_errno, map_errno}, moved[]
 * {scenario, outcome, by}, differs[]: "predicted-ruled", "ruled-moved". Facts that are none are left out.
 */
json_t *report_pairs(const json_t *results) attr_must_check;

/* The matrix for a person, and below it each pair of which two layers differ, with reasons. */
void report_print_pairs(const json_t *report, FILE *f, bool color);
/* All that is known of one pair; false if nothing is. */
bool report_print_pair(const json_t *report, struct pci_addr initiator, struct pci_addr target,
		       FILE *f, bool color) attr_must_check;

#endif
