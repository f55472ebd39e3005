/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A captured file tree in memory, as sources and snapshots have it. Symbolic links lead only from one place of it
 * to another: an absolute one starts at its top, and ".." ends there, as after chroot(2).
 */
#ifndef P2PCERT_PLATFORM_TREE_H
#define P2PCERT_PLATFORM_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct tree;

struct tree *tree_new(void) attr_must_check;
void tree_free(struct tree *t);

static inline void autotree_fn(struct tree **t)
{
	tree_free(*t);
}
#define autotree __attribute__((cleanup(autotree_fn)))

/*
 * Adds a file, link or directory, and the directories above it. Paths may begin with "/" or "./".
 * 0, also for what is there already and the same; -EEXIST if it is not the same; -EINVAL for a path
 * with "..", or below something that is no directory; -ENAMETOOLONG; -EFBIG above the limits of the tree.
 */
int tree_add_dir(struct tree *t, const char *path) attr_must_check;
int tree_add_link(struct tree *t, const char *path, const char *target) attr_must_check;
/* Takes data, which is from malloc(), in any case. */
int tree_add_file(struct tree *t, const char *path, char *data, size_t len) attr_must_check;

/*
 * Looking at it, symbolic links followed but at the end of tree_link()'s path. NULL with errno ENOENT,
 * ENOTDIR, ELOOP, EISDIR or EINVAL, as from the kernel; what is returned belongs to the tree. Files
 * end with a NUL behind their last byte.
 */
const char *tree_file(const struct tree *t, const char *path, size_t *len);
const char *tree_link(const struct tree *t, const char *path);
bool tree_exists(const struct tree *t, const char *path);

/* The path from the top that leads to the same place through no link, "/..."; NULL with errno. */
char *tree_canonical(const struct tree *t, const char *path) attr_must_check;

/* The names in a directory, in the order in which they were added. 0 or a negative errno. */
int tree_list(const struct tree *t, const char *path, void (*each)(void *with, const char *name),
	      void *with) attr_must_check;

enum tree_kind { TREE_DIRECTORY, TREE_LINK, TREE_FILE };

struct tree_item {
	char *path; /* from the top, "/sys/..." */
	enum tree_kind kind;
	const char *data; /* of a file, of a link its target; belongs to the tree */
	size_t len;
};

/* All that is below the top, in order of the paths; returns how many there are. */
size_t tree_items(const struct tree *t, struct tree_item **items) attr_must_check;
void tree_items_free(struct tree_item *items, size_t nr);

/* Makes this directory the top, where names of links are looked up from then on. */
int tree_set_top(struct tree *t, const char *path) attr_must_check;

#endif
