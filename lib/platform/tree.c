/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file tree in memory: nodes in one array, found by their directory and name through a hash. */
#include "platform/tree.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define NODES_MAX 1000000u
#define LINKS_MAX 40 /* that one path may lead through, as in Linux */
#define STEPS_MAX 1024 /* names on one path and in the links that it leads through */
#define NOWHERE UINT32_MAX

struct node {
	char *name;
	char *data; /* of a file; of a link its target */
	size_t len;
	uint32_t parent;
	uint32_t next_in_hash;
	uint32_t first, last, next; /* of a directory its entries; the next of the same directory */
	enum tree_kind kind;
};

struct tree {
	struct node *nodes;
	uint32_t nr, room;
	uint32_t *hash;
	uint32_t hash_size; /* a power of two */
	uint32_t top;
};

static uint32_t bucket(const struct tree *t, uint32_t parent, const char *name, size_t len)
{
	return (uint32_t)((text_hash(name, len) ^ parent * 0x9e3779b97f4a7c15ull) >> 7) &
	       (t->hash_size - 1);
}

static void hash_in(struct tree *t, uint32_t i)
{
	struct node *n = &t->nodes[i];
	uint32_t b = bucket(t, n->parent, n->name, strlen(n->name));

	n->next_in_hash = t->hash[b];
	t->hash[b] = i;
}

static void grow(struct tree *t)
{
	t->room = t->room ? t->room * 2 : 256;
	t->nodes = xreallocarray(t->nodes, t->room, sizeof(*t->nodes));
	t->hash_size = t->room;
	t->hash = xreallocarray(t->hash, t->hash_size, sizeof(*t->hash));
	memset(t->hash, 0xff, t->hash_size * sizeof(*t->hash));
	for (uint32_t i = 0; i < t->nr; i++)
		hash_in(t, i);
}

static uint32_t add_node(struct tree *t, uint32_t parent, const char *name, size_t len)
{
	uint32_t i = t->nr;
	struct node *dir;

	if (t->nr == t->room)
		grow(t);
	t->nodes[i] = (struct node){
		.name = xstrndup(name, len),
		.parent = parent,
		.first = NOWHERE,
		.last = NOWHERE,
		.next = NOWHERE,
	};
	t->nr++;
	hash_in(t, i);
	if (i == parent) /* the top is its own parent and nobody's entry */
		return i;
	dir = &t->nodes[parent];
	if (dir->last == NOWHERE)
		dir->first = i;
	else
		t->nodes[dir->last].next = i;
	dir->last = i;
	return i;
}

struct tree *tree_new(void)
{
	struct tree *t = xcalloc(1, sizeof(*t));

	t->top = add_node(t, 0, "", 0);
	return t;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->nr; i++) {
		free(t->nodes[i].name);
		free(t->nodes[i].data);
	}
	free(t->nodes);
	free(t->hash);
	free(t);
}

static uint32_t child(const struct tree *t, uint32_t dir, const char *name, size_t len)
{
	uint32_t i = t->hash[bucket(t, dir, name, len)];

	while (i != NOWHERE && (i == 0 || t->nodes[i].parent != dir ||
				strncmp(t->nodes[i].name, name, len) != 0 || t->nodes[i].name[len]))
		i = t->nodes[i].next_in_hash;
	return i;
}

/* The next component of *path that is not ".", and its length; 0 at the end. */
static size_t next_component(const char **path, const char **name)
{
	for (;;) {
		size_t len;

		*path += strspn(*path, "/");
		*name = *path;
		len = strcspn(*path, "/");
		*path += len;
		if (len != 1 || **name != '.')
			return len;
	}
}

static bool is_dot_dot(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

/* The node at path, made with the directories above it if it is not there; NULL with errno. */
static struct node *make(struct tree *t, const char *path, enum tree_kind kind)
{
	uint32_t at = t->top;
	const char *name;
	size_t len = next_component(&path, &name);

	while (len) {
		uint32_t next;

		if (is_dot_dot(name, len) || t->nodes[at].kind != TREE_DIRECTORY) {
			errno = EINVAL;
			return NULL;
		}
		if (len > 255) {
			errno = ENAMETOOLONG;
			return NULL;
		}
		next = child(t, at, name, len);
		if (next == NOWHERE && t->nr == NODES_MAX) {
			errno = EFBIG;
			return NULL;
		}
		if (next == NOWHERE) {
			next = add_node(t, at, name, len);
			len = next_component(&path, &name);
			t->nodes[next].kind = len ? TREE_DIRECTORY : kind;
		} else {
			len = next_component(&path, &name);
		}
		at = next;
	}
	return &t->nodes[at];
}

int tree_add_dir(struct tree *t, const char *path)
{
	const struct node *n = make(t, path, TREE_DIRECTORY);

	if (!n)
		return -errno;
	return n->kind == TREE_DIRECTORY ? 0 : -EEXIST;
}

int tree_add_link(struct tree *t, const char *path, const char *target)
{
	struct node *n = make(t, path, TREE_LINK);

	if (!n)
		return -errno;
	if (n->kind != TREE_LINK || (n->data && strcmp(n->data, target) != 0))
		return -EEXIST;
	if (!n->data)
		n->data = xstrdup(target);
	return 0;
}

int tree_add_file(struct tree *t, const char *path, char *data, size_t len)
{
	autofree char *content = data;
	struct node *n = make(t, path, TREE_FILE);

	if (!n)
		return -errno;
	if (n->kind != TREE_FILE ||
	    (n->data && (n->len != len || memcmp(n->data, content, len) != 0)))
		return -EEXIST;
	if (!n->data) {
		n->data = take_ptr(content);
		n->len = len;
	}
	return 0;
}

/* --- looking at it ------------------------------------------------------------------------------- */

/* What is left of one path's limits. */
struct allowance {
	int links, steps;
};

/*
 * From directory at along path. A link as the last component is followed if wanted. NOWHERE with errno.
 */
static uint32_t walk(const struct tree *t, uint32_t at, const char *path, bool follow_last,
		     struct allowance *left)
{
	const char *name;
	size_t len;

	if (*path == '/')
		at = t->top;
	len = next_component(&path, &name);
	while (len) {
		const char *last = path + strspn(path, "/");
		uint32_t next;

		if (t->nodes[at].kind != TREE_DIRECTORY) {
			errno = ENOTDIR;
			return NOWHERE;
		}
		if (--left->steps < 0) {
			errno = ELOOP;
			return NOWHERE;
		}
		if (is_dot_dot(name, len))
			next = at == t->top ? at : t->nodes[at].parent;
		else
			next = child(t, at, name, len);
		if (next == NOWHERE) {
			errno = ENOENT;
			return NOWHERE;
		}
		if (t->nodes[next].kind == TREE_LINK && (*last || follow_last)) {
			if (--left->links < 0) {
				errno = ELOOP;
				return NOWHERE;
			}
			next = walk(t, at, t->nodes[next].data, true, left);
			if (next == NOWHERE)
				return NOWHERE;
		}
		at = next;
		len = next_component(&path, &name);
	}
	return at;
}

static const struct node *find(const struct tree *t, const char *path, bool follow_last)
{
	struct allowance left = { LINKS_MAX, STEPS_MAX };
	uint32_t i = walk(t, t->top, path, follow_last, &left);

	return i == NOWHERE ? NULL : &t->nodes[i];
}

const char *tree_file(const struct tree *t, const char *path, size_t *len)
{
	const struct node *n = find(t, path, true);

	if (n && n->kind != TREE_FILE) {
		errno = EISDIR;
		return NULL;
	}
	if (!n)
		return NULL;
	*len = n->len;
	return n->data;
}

const char *tree_link(const struct tree *t, const char *path)
{
	const struct node *n = find(t, path, false);

	if (n && n->kind != TREE_LINK)
		errno = EINVAL;
	return n && n->kind == TREE_LINK ? n->data : NULL;
}

bool tree_exists(const struct tree *t, const char *path)
{
	return find(t, path, true);
}

/* From the top, "" for the top itself. */
static char *path_of(const struct tree *t, const struct node *n)
{
	char *path = xstrdup("");

	while (n != &t->nodes[t->top]) {
		char *longer = xasprintf("/%s%s", n->name, path);

		free(path);
		path = longer;
		n = &t->nodes[n->parent];
	}
	return path;
}

char *tree_canonical(const struct tree *t, const char *path)
{
	const struct node *n = find(t, path, true);

	return n ? path_of(t, n) : NULL;
}

int tree_list(const struct tree *t, const char *path, void (*each)(void *with, const char *name),
	      void *with)
{
	const struct node *n = find(t, path, true);

	if (!n)
		return -errno;
	if (n->kind != TREE_DIRECTORY)
		return -ENOTDIR;
	for (uint32_t i = n->first; i != NOWHERE; i = t->nodes[i].next)
		each(with, t->nodes[i].name);
	return 0;
}

int tree_set_top(struct tree *t, const char *path)
{
	const struct node *n = find(t, path, true);

	if (!n)
		return -errno;
	if (n->kind != TREE_DIRECTORY)
		return -ENOTDIR;
	t->top = (uint32_t)(n - t->nodes);
	return 0;
}

static bool is_below_top(const struct tree *t, uint32_t i)
{
	while (i != t->top && i != t->nodes[i].parent)
		i = t->nodes[i].parent;
	return i == t->top;
}

static int compare_items(const void *a, const void *b)
{
	const struct tree_item *x = a, *y = b;

	return strcmp(x->path, y->path);
}

size_t tree_items(const struct tree *t, struct tree_item **items)
{
	size_t nr = 0;

	*items = xcalloc(t->nr, sizeof(**items));
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct node *n = &t->nodes[i];

		if (i != t->top && is_below_top(t, i))
			(*items)[nr++] = (struct tree_item){ .path = path_of(t, n),
							     .kind = n->kind,
							     .data = n->data,
							     .len = n->len };
	}
	qsort(*items, nr, sizeof(**items), compare_items);
	return nr;
}

void tree_items_free(struct tree_item *items, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(items[i].path);
	free(items);
}
