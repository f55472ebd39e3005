/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions that one finding is about, gathered one by one, and the weight of the weightiest. */
#ifndef P2PCERT_CHECK_SET_H
#define P2PCERT_CHECK_SET_H

#include "check/check.h"

struct check_set {
	int *items; /* in the order in which they were added, each once */
	size_t nr;
	bool *has; /* of each function of the model */
};

struct check_set check_set_new(const struct check_input *in) attr_must_check;
void check_set_add(struct check_set *set, int function);
void check_set_release(struct check_set *set);

/* The severity of a path of this weight: see check_severity(). */
enum severity check_severity_of(enum path_weight weight, enum severity severity);

/* "0000:01:00.0;0000:02:00.0"; the caller frees it. */
char *check_set_text(const struct check_input *in, const struct check_set *set,
		     const char *separator) attr_must_check;

#endif
