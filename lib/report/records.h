/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the records of a journal hold, as base/journal.h says it: one list of fields for each event.
 * Private to lib/report.
 */
#ifndef P2PCERT_REPORT_RECORDS_H
#define P2PCERT_REPORT_RECORDS_H

#include "report/shape.h"

/* Of its records, beside "event", "seq", "t_ns" and "scenario"; NULL: there is no such event. */
const struct field *record_fields(const char *event);

#endif
