/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as text, two lower-case hexadecimal digits each. */
#ifndef P2PCERT_BASE_HEX_H
#define P2PCERT_BASE_HEX_H

#include <stddef.h>

#include "base/attr.h"

/* The caller frees it. */
char *hex_text(const void *bytes, size_t n) attr_must_check;

/* n bytes, which the caller frees; NULL if the text, which may be NULL, is not that of so many. */
unsigned char *hex_bytes(const char *text, size_t n) attr_must_check;

#endif
