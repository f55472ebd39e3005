/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text at the boundary: whatever comes from a device, sysfs or a file is made valid, printable UTF-8
 * before it reaches the model, the report or a terminal; numbers are parsed whole or refused.
 */
#ifndef P2PCERT_BASE_TEXT_H
#define P2PCERT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * A new string of the len bytes at s: invalid UTF-8 becomes U+FFFD, control characters but tab and
 * newline become '\xNN'. The caller frees it.
 */
char *text_sanitize(const char *s, size_t len) attr_must_check;

/* Is it printable ASCII, blanks and newlines, as nearly all text is? Then that changes nothing. */
bool text_is_plain(const char *s, size_t len);

/* The whole string is one number of the base (0: by prefix), at most max. 0 or -EINVAL, -ERANGE. */
int text_to_u64(const char *s, int base, uint64_t max, uint64_t *value) attr_must_check;

bool text_starts_with(const char *s, const char *prefix);

/* Is word one of these, of which NULL is the end? NULL words: of none. */
bool text_is_among(const char *const *words, const char *word);

/* Has it this form, in which each 'd' stands for a digit: "dddd-dd-dd"? NULL s: no. */
bool text_has_form(const char *s, const char *form);

/* Cuts white space at both ends, in place; returns the new start. */
char *text_trim(char *s);

/* FNV-1a over bytes: for stable ids and digests that need no secrecy. */
uint64_t text_hash(const void *data, size_t len);

#endif
