/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole scenario in this process, over the device of fake_verbs.h, and what it has said. */
#ifndef P2PCERT_TEST_RAN_H
#define P2PCERT_TEST_RAN_H

#include <jansson.h>
#include <stddef.h>

/* The last of each that was said; NULL: none. */
struct ran {
	json_t *records; /* all of it */
	const char *outcome, *why, *error, *finding, *skip, *category;
	size_t errors;
};

/* inject: a fault, or NULL. Whatever comes of it, the device must have got back all that it gave. */
struct ran ran(const char *id, const char *inject);
void ran_release(struct ran *r);

/* It came to this, and says so: in its error, in why, or in why it skipped. */
void ran_says(const struct ran *r, const char *id, const char *outcome, const char *text);

#endif
