/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which facts the BTF of the kernel and of its modules shows, in one look at each. */
#ifndef P2PCERT_SCENARIO_FACT_BTF_H
#define P2PCERT_SCENARIO_FACT_BTF_H

#include "scenario/fact.h"

struct fact_btf;

struct fact_btf *fact_btf_new(const struct fact_set *set) attr_must_check;
void fact_btf_free(struct fact_btf *b);

/*
 * BTF of the kernel proper, which is a file, and then of modules, which builds on it and may be missing.
 * 0 or a negative errno.
 */
int fact_btf_read_kernel(struct fact_btf *b, const char *path) attr_must_check;
void fact_btf_read_module(struct fact_btf *b, const char *module, const char *path);

/*
 * Does the kernel proper show it, or one of these modules (blank-separated, NULL: none)? A function that
 * BTF does not list may be there all the same: those that the compiler changed, and those whose name is
 * not unique, are left out. The rest is all there.
 */
enum feature_state fact_btf_ask(const struct fact_btf *b, const struct fact *fact,
				const char *modules);

#endif
