/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the sources: what an input begins with, before it is read. */
#ifndef P2PCERT_PLATFORM_PEEKED_H
#define P2PCERT_PLATFORM_PEEKED_H

#include "base/attr.h"
#include "platform/input.h"

#define HEAD_BYTES 512 /* the mark of tar is at 257 */

/* An input whose first bytes have been looked at. */
struct peeked {
	struct input input;
	struct input *from;
	size_t len, used; /* of head */
	char head[HEAD_BYTES];
};

/* Borrows from, and reads what is in its head. 0 or a negative errno, with *why set. */
int peek(struct peeked *p, struct input *from, char **why) attr_must_check;

#endif
