/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where in the text of a JSON document a value stands, for messages about what it holds. */
#ifndef P2PCERT_BASE_JXPLACE_H
#define P2PCERT_BASE_JXPLACE_H

#include <stddef.h>

#include "base/attr.h"

/* One step down: into an object by key, or, with key NULL, into an array by index. */
struct jx_step {
	const char *key;
	size_t index;
};

struct jx_place {
	size_t line, column; /* from 1; column in bytes */
};

/*
 * The place of the value to which the steps lead in text, which is valid JSON; where they lead
 * nowhere, of the last value that they lead to.
 */
struct jx_place jx_find_place(const char *text, const struct jx_step *steps, size_t nr);

#endif
