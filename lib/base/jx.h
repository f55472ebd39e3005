/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jansson with every set checked: values are stolen, strings are made valid UTF-8, and a failure
 * (memory, which is the only way left) ends the process with EXIT_ENVIRONMENT. Keys with no value
 * are left out, never null.
 */
#ifndef P2PCERT_BASE_JX_H
#define P2PCERT_BASE_JX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"

/*
 * Called once, before anything else of this file or of jansson: memory that is out then ends the process
 * inside jansson as well, where a parser would take it for invalid JSON.
 */
void jx_init(void);

json_t *jx_object(void) attr_must_check;
json_t *jx_array(void) attr_must_check;
json_t *jx_string(const char *s) attr_must_check;
json_t *jx_stringf(const char *fmt, ...) attr_printf(1, 2) attr_must_check;

/* Steal value. Keys are words of ours, or text that jansson has read: nothing else is sure to be UTF-8. */
void jx_set(json_t *object, const char *key, json_t *value);
void jx_append(json_t *array, json_t *value);

/* NULL s: the key is left out. */
void jx_set_str(json_t *object, const char *key, const char *s);
void jx_set_strf(json_t *object, const char *key, const char *fmt, ...) attr_printf(3, 4);
void jx_set_int(json_t *object, const char *key, int64_t value);
void jx_set_bool(json_t *object, const char *key, bool value);
/* As "0x..." with at least digits digits: addresses, ids and what may pass 2^53. */
void jx_set_hex(json_t *object, const char *key, uint64_t value, int digits);
void jx_append_str(json_t *array, const char *s);

/* Borrowed; NULL or the default when absent or of another type. */
const char *jx_get_str(const json_t *object, const char *key);
int64_t jx_get_int(const json_t *object, const char *key, int64_t otherwise);
bool jx_get_bool(const json_t *object, const char *key, bool otherwise);

/*
 * Reads a file that holds one JSON document of at most max bytes, duplicate keys refused. 0 or a
 * negative errno (-EINVAL: not JSON); *why then holds a text for the user that names place and
 * cause, which the caller frees.
 */
int jx_load(const char *path, size_t max, json_t **doc, char **why) attr_must_check;

/* Compact, keys in the order they were set, without newline; the caller frees it. */
char *jx_line(const json_t *doc) attr_must_check;
/* Indented, with last newline; the caller frees it. */
char *jx_pretty(const json_t *doc) attr_must_check;

/* Prints jx_pretty() to f and flushes. 0 or a negative errno: a full disk is an error. */
int jx_print(const json_t *doc, FILE *f) attr_must_check;

#endif
