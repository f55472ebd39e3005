/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the sysfs source: one directory of the running machine, or of a captured tree, and its
 * attributes, which are read in the same way from either. Functions return 0 or a negative errno.
 */
#ifndef P2PCERT_PLATFORM_PLACE_H
#define P2PCERT_PLATFORM_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "platform/tree.h"

struct place {
	const struct tree *tree; /* NULL: the running machine */
	const char *path; /* of the directory; "" is the top */
	int fd; /* of the directory on the running machine, or AT_FDCWD */
};

int place_read(const struct place *at, const char *attr, size_t max, char **buf,
	       size_t *len) attr_must_check;
/* Without its last newline, valid UTF-8, at most 64 KiB. */
int place_read_attr(const struct place *at, const char *attr, char **value) attr_must_check;
int place_read_u64(const struct place *at, const char *attr, uint64_t *value) attr_must_check;
int place_read_s64(const struct place *at, const char *attr, int64_t *value) attr_must_check;
/* The last component of a link's target. */
int place_read_link_name(const struct place *at, const char *attr, char **name) attr_must_check;
bool place_has(const struct place *at, const char *attr);

#endif
