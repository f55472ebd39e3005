/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the sysfs source: one directory of the running machine, or of a captured tree, and its
 * attributes, which are read in the same way from either. What is read is also put into a tree, if one
 * is wanted, from which the same is read again. Functions return 0 or a negative errno.
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
	struct tree *record; /* where what is read is kept; NULL: nowhere */
};

int place_read(const struct place *at, const char *attr, size_t max, char **buf,
	       size_t *len) attr_must_check;
/* The same, of a file in sysfs. */
int place_read_sysfs(const struct place *at, const char *attr, size_t max, char **buf,
		     size_t *len) attr_must_check;
/* Without its last newline, valid UTF-8, at most 64 KiB; for sysfs. */
int place_read_attr(const struct place *at, const char *attr, char **value) attr_must_check;
int place_read_u64(const struct place *at, const char *attr, uint64_t *value) attr_must_check;
int place_read_s64(const struct place *at, const char *attr, int64_t *value) attr_must_check;
/* A link's target, which is not kept; NULL with errno. */
char *place_link(const struct place *at, const char *attr) attr_must_check;
/* The last component of a link's target. */
int place_read_link_name(const struct place *at, const char *attr, char **name) attr_must_check;
/* The names in a directory, but the hidden ones, in no order that means anything. */
int place_list(const struct place *at, const char *attr, void (*each)(void *with, const char *name),
	       void *with) attr_must_check;
/* The place's path that leads through no link; NULL with errno. */
char *place_canonical(const struct place *at, const char *attr) attr_must_check;
/* Keeps this as the content of a file, where what was read shall not be kept as it is. */
void place_record(const struct place *at, const char *attr, const void *data, size_t len);
void place_record_link(const struct place *at, const char *attr, const char *target);
bool place_has(const struct place *at, const char *attr);

#endif
