/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report of a run, schema "p2pcert.report/1" (configs/schema/report-1.schema.json,
 * p2pcert-formats(5)): made from a results directory and from nothing else, so that the same directory
 * always gives the same bytes, and a run that was killed gives a report as true as one that ended.
 */
#ifndef P2PCERT_REPORT_REPORT_H
#define P2PCERT_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"

#define REPORT_SCHEMA "p2pcert.report/1"
#define REPORT_NAME "report.json"

/*
 * Builds the report of the results directory dirfd. 0 or a negative errno, -EINVAL if the journal is
 * damaged or contradicts itself; *why then holds a text for the user, which the caller frees.
 */
int report_build(int dirfd, json_t **report, char **why) attr_must_check;

/* Publishes it as report.json in the results directory, synced. 0 or a negative errno. */
int report_publish(int dirfd, const json_t *report) attr_must_check;

/*
 * Reads a report from a file. As report_build(); -EINVAL also for a report that lacks what the
 * verdict and the table depend on, or whose verdict is not the one its results give.
 */
int report_load(const char *path, json_t **report, char **why) attr_must_check;

/*
 * The report for a person: scenarios, findings, verdict. Lines are cut to the width of the terminal
 * if f is one. Write errors are left in ferror(f).
 */
void report_print_table(const json_t *report, FILE *f, bool color);
/* As above, lines cut to width columns; 0: not cut. */
void report_print_columns(const json_t *report, FILE *f, bool color, size_t width);

#endif
