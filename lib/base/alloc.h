/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocation that cannot fail: when memory is out, the process says so and exits
 * EXIT_ENVIRONMENT. What was journalled until then stays good, so nothing is lost but the run.
 */
#ifndef P2PCERT_BASE_ALLOC_H
#define P2PCERT_BASE_ALLOC_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"

void *xcalloc(size_t n, size_t size) attr_must_check;
void *xreallocarray(void *p, size_t n, size_t size) attr_must_check;
char *xstrdup(const char *s) attr_must_check; /* NULL gives NULL */
char *xstrndup(const char *s, size_t n) attr_must_check;
char *xasprintf(const char *fmt, ...) attr_printf(1, 2) attr_must_check;
char *xvasprintf(const char *fmt, va_list ap) attr_printf(1, 0) attr_must_check;

#endif
