/* SPDX-License-Identifier: GPL-2.0-only */
/* How a probe asks its question; see ../Makefile for who asks. */
#ifndef P2PCERT_PROBE_H
#define P2PCERT_PROBE_H

#include <linux/build_bug.h>
#include <linux/types.h>

/* The expression has exactly this type: a declaration that only looks alike does not pass. */
#define PROBE_TYPE(expression, type...)                                                            \
	static_assert(__builtin_types_compatible_p(typeof(expression), type))

/* The function has exactly this type. */
#define PROBE_FUNCTION(function, type...) PROBE_TYPE(&(function), type)

/* The function is declared, whatever it takes. */
#define PROBE_DECLARED(function) static_assert(sizeof(typeof(function) *) != 0)

#endif /* P2PCERT_PROBE_H */
