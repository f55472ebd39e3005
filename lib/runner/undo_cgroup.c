/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups made and removed. All of ours have a name that says so: undoing kills what is in
 * them, and must never kill anything else, whatever the journal says.
 */
#include "runner/undo_cgroup.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/text.h"
#include "runner/cgroup.h"
#include "runner/undo_kind.h"

#define PREFIX "p2pcert-"
#define CONTROL "cgroup.subtree_control"
#define POLL_MS 20
#define NR_OPEN_DIRS 8

struct group {
	const char *name;
	int64_t memory_max; /* bytes; 0: not asked for */
	char *parent; /* below sysroot; the next two are known once it has been looked at */
	char *path;
	bool memory; /* was the parent's children's memory controlled before? */
};

static void group_release(struct group *g)
{
	free(g->parent);
	free(g->path);
}

#define autogroup __attribute__((cleanup(group_release)))

static bool parse_name(const json_t *args, struct group *g)
{
	const json_t *memory_max = json_object_get(args, "memory_max");

	*g = (struct group){ .name = jx_get_str(args, "name") };
	g->memory_max = jx_get_int(args, "memory_max", 0);
	return undo_is_name(g->name, NAME_MAX) && text_starts_with(g->name, PREFIX) &&
	       (!memory_max || g->memory_max > 0);
}

static bool parse_group(const struct undo_env *env, const json_t *args, struct group *g)
{
	const json_t *before = json_object_get(args, "before");
	const char *parent = jx_get_str(before, "parent");

	if (!parse_name(args, g) || !parent || !cgroup_is_group(env->sysroot, parent))
		return false;
	g->parent = fs_under(env->sysroot, "%s", parent);
	g->path = xasprintf("%s/%s", g->parent, g->name);
	g->memory = jx_get_bool(before, "memory", true);
	return true;
}

static int write_attr(const char *group, const char *attr, const char *value)
{
	autofree char *path = xasprintf("%s/%s", group, attr);

	return undo_value_write(path, value);
}

/* --- making -------------------------------------------------------------------------------------- */

/* There is never one already: what is in a group of that name would not be ours to kill. */
int undo_cgroup_look(const struct undo_env *env, json_t *args, bool *there attr_unused,
		     struct unmet *why)
{
	autofree char *root = cgroup_root(env->sysroot);
	autofree char *path = NULL;
	struct group g;
	json_t *before;

	if (!parse_name(args, &g))
		return undo_deny_args(why, "cgroup");
	if (!root)
		return undo_deny(why, SKIP_PERMISSION, -EACCES,
				 "there is no control group (version 2) to make another one in");
	path = xasprintf("%s/%s", root, g.name);
	if (fs_exists(AT_FDCWD, path))
		return undo_deny(why, SKIP_RESOURCE_BUSY, -EEXIST,
				 "there is a control group '%s' already", path);
	before = jx_object();
	jx_set_str(before, "parent", root + strlen(env->sysroot ? env->sysroot : ""));
	jx_set_bool(before, "memory", cgroup_has(root, CONTROL, "memory"));
	jx_set(args, "before", before);
	return 0;
}

/* 0 if its memory is now limited, or a negative errno: it is a group without limit then. */
static int limit_memory(const struct group *g)
{
	autofree char *value = xasprintf("%" PRId64, g->memory_max);
	int r = g->memory ? 0 : write_attr(g->parent, CONTROL, "+memory");

	return r < 0 ? r : write_attr(g->path, "memory.max", value);
}

int undo_cgroup_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		      struct unmet *why)
{
	autogroup struct group g = { 0 };

	if (!parse_group(env, args, &g))
		return undo_deny_args(why, "cgroup");
	if (mkdir(g.path, 0755) < 0)
		return undo_deny(why, undo_category(-errno), -errno,
				 "cannot make the control group '%s': %s", g.path, strerror(errno));
	*facts = jx_object();
	jx_set_str(*facts, "path", g.path);
	if (g.memory_max && limit_memory(&g) == 0)
		jx_set_int(*facts, "memory_max", g.memory_max);
	return 0;
}

/* --- undoing ------------------------------------------------------------------------------------- */

/* One of the groups below it, or the group itself: a scenario may have made some. */
static int remove_one(const char *path, const struct stat *st attr_unused, int flag,
		      struct FTW *ftw attr_unused)
{
	if (flag != FTW_DP || rmdir(path) == 0)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return errno;
	cgroup_kill(path);
	return 0;
}

/* The kernel lets go of a group once the last of its processes has ended. */
static int remove_group(const struct undo_env *env, const struct group *g)
{
	const int64_t deadline = clock_ns() + env->timeout_ns;
	int r;

	if (!fs_exists(AT_FDCWD, g->path))
		return -ENOENT;
	while ((r = nftw(g->path, remove_one, NR_OPEN_DIRS, FTW_DEPTH | FTW_PHYS)) == 0 &&
	       fs_exists(AT_FDCWD, g->path)) {
		if (clock_ns() >= deadline)
			return -EBUSY;
		poll(NULL, 0, POLL_MS);
	}
	return r > 0 ? -r : 0;
}

/* That others rely on it by now (EBUSY) is no failure. */
static int release_memory(const struct group *g)
{
	int r;

	if (g->memory || !g->memory_max || !cgroup_has(g->parent, CONTROL, "memory"))
		return 0;
	r = write_attr(g->parent, CONTROL, "-memory");
	return r == -EBUSY ? 0 : r;
}

static enum undo_result fail_remove(const struct group *g, int r, char **why)
{
	autofree char *left = cgroup_processes(g->path);

	for (char *s = left; s && *s; s++)
		*s = *s == '\n' ? ' ' : *s;
	if (left && *left)
		return undo_fail(why,
				 "cannot remove the control group '%s': processes that were killed "
				 "do not end: %s",
				 g->path, left);
	return undo_fail(why, "cannot remove the control group '%s': %s", g->path, strerror(-r));
}

enum undo_result undo_cgroup_revert(const struct undo_env *env, const json_t *args, char **why)
{
	autogroup struct group g = { 0 };
	int removed, released;

	if (!parse_group(env, args, &g))
		return undo_fail_args(why, "cgroup");
	removed = remove_group(env, &g);
	if (removed < 0 && removed != -ENOENT)
		return fail_remove(&g, removed, why);
	released = release_memory(&g);
	if (released < 0)
		return undo_fail(why, "cannot set '%s/" CONTROL "' back: %s", g.parent,
				 strerror(-released));
	return removed == 0 ? UNDO_UNDONE : UNDO_GONE;
}
