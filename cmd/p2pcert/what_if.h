/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `p2pcert topo --what-if`: what other words on the kernel's command line change. */
#ifndef P2PCERT_WHAT_IF_H
#define P2PCERT_WHAT_IF_H

#include "source.h"

/* More words, behind those that were given before; NULL: none were. */
void what_if_add(char **words, const char *more);

/* Writes the answer to f, as JSON or as text. */
void what_if_show(const struct source_options *source, const struct platform *p, const char *words,
		  bool json, FILE *f);

#endif
