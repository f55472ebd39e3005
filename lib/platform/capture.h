/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the sources: filling a tree from a directory or an archive, with no more of it than the
 * model needs, and reading the model from the tree.
 */
#ifndef P2PCERT_PLATFORM_CAPTURE_H
#define P2PCERT_PLATFORM_CAPTURE_H

#include "platform/platform.h"
#include "platform/tree.h"

#define CAPTURE_DEVICES "/sys/bus/pci/devices"

/* What was taken into a tree so far, against the limits. */
struct capture {
	struct tree *tree;
	uint64_t entries; /* seen, wanted or not */
	uint64_t bytes; /* kept */
};

/* Is the file with this path one that the model is read from? */
bool capture_wants_file(const char *path);

/* Counts one more entry; -EFBIG above the limit. */
int capture_count(struct capture *c) attr_must_check;

/*
 * Adds a file; takes data in any case. Zeros at the end of text are tar's and cut; empty files of /proc are
 * not there: tar sees no length in them and leaves them empty. 0 or a negative errno as tree_add_file().
 */
int capture_add_file(struct capture *c, const char *path, char *data, size_t len) attr_must_check;

/*
 * Makes the directory the top that holds sys/, if it is one of those at the top now: archives often
 * hold one directory with everything in it. -ENOENT if there is no PCI bus in either.
 */
int capture_find_top(struct tree *t) attr_must_check;

/* Fills the tree from the directory. No symbolic link is followed, and no file but plain ones opened. */
int capture_directory(struct capture *c, int dirfd) attr_must_check;

/*
 * Reads the model from a tree, or from the running machine; NULL with errno if there is no PCI bus.
 * What was read goes to the tree `record` as well, if that is not NULL, without what identifies the
 * machine: serial numbers, UUIDs and addresses of its kernel.
 */
struct platform *platform_read_tree(const struct tree *tree, const char *name,
				    struct tree *record) attr_must_check;
struct platform *live_read(struct tree *record) attr_must_check;

/* platform_read_from(), with a record if the source is a tree. */
struct platform *platform_read_recorded(const char *where, struct tree *record,
					char **why) attr_must_check;

#endif
