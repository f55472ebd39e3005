/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shape of JSON objects as data: which keys, of which type, needed or not. Records of a journal
 * and reports from a file are held against one before anything is read from them, so that what
 * follows need not look at types again. Private to lib/report.
 */
#ifndef P2PCERT_REPORT_SHAPE_H
#define P2PCERT_REPORT_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"

enum value_type {
	TYPE_END, /* ends a list of fields */
	TYPE_STRING,
	TYPE_ID, /* of a scenario */
	TYPE_HEX, /* "0x..." */
	TYPE_TIME, /* ISO 8601, UTC */
	TYPE_DATE, /* "2027-03-31" */
	TYPE_ADDRESS, /* of a PCI function, in any form that pci_addr_parse() takes */
	TYPE_COUNT, /* integer, not negative */
	TYPE_ROUND, /* integer from 1 */
	TYPE_NUMBER,
	TYPE_BOOL,
	TYPE_ANY,
	TYPE_OBJECT,
	TYPE_LEVEL, /* how thorough a run is */
	TYPE_OUTCOME,
	TYPE_ERROR_KIND,
	TYPE_SKIP_CATEGORY,
	TYPE_EVIDENCE_KIND,
	TYPE_EVIDENCE_STATE,
	TYPE_FINDING_CODE,
	TYPE_RUN_END,
	TYPE_SIGNAL,
	TYPE_UNDO_RESULT,
	TYPE_DEADLINE,
	TYPE_LOG_SEVERITY, /* of a line of the kernel log */
	NR_VALUE_TYPES,
};

enum field_flag {
	FIELD_OPTIONAL = 1,
	FIELD_ARRAY = 2, /* of values of that type */
};

struct field {
	const char *key;
	enum value_type type;
	unsigned int flags; /* enum field_flag */
	const struct field *of; /* TYPE_OBJECT: its fields; NULL: any */
};

/*
 * Holds object against fields; keys that are not listed are not looked at. 0, or -EINVAL with
 * *why = "'key.subkey' is no string", which the caller frees.
 */
int shape_check(const json_t *object, const struct field *fields, char **why) attr_must_check;

/* A new object with the listed keys of one that fits, in the order of the list, and no others. */
json_t *shape_copy(const json_t *object, const struct field *fields) attr_must_check;

/* The strings of an array, with separator between them; the caller frees it. */
char *strings_join(const json_t *strings, const char *separator) attr_must_check;

#endif
