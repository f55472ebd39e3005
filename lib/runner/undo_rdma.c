/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Soft RoCE devices, made and removed with iproute2's rdma. */
#include "runner/undo_rdma.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "runner/clock.h"
#include "runner/tool.h"

#define CLASS "/sys/class/infiniband/"
#define NO_GID "0000:0000:0000:0000:0000:0000:0000:0000"
#define POLL_MS 50

static bool device_exists(const struct undo_env *env, const char *name)
{
	autofree char *path = fs_under(env->sysroot, CLASS "%s", name);

	return fs_exists(AT_FDCWD, path);
}

static bool device_is_on(const struct undo_env *env, const char *name, const char *netdev)
{
	autofree char *path = fs_under(env->sysroot, CLASS "%s/parent", name);
	autofree char *parent = NULL;

	return fs_read_attr(AT_FDCWD, path, &parent) == 0 && strcmp(parent, netdev) == 0;
}

/* Entries without an address read as zeroes or, before the address is there, not at all. */
static bool has_gid(const struct undo_env *env, const char *name)
{
	autofree char *path = fs_under(env->sysroot, CLASS "%s/ports/1/gids", name);
	const struct dirent *e;
	bool found = false;
	DIR *dir = opendir(path);

	while (dir && !found && (e = readdir(dir))) {
		autofree char *gid = NULL;

		found = e->d_name[0] != '.' && fs_read_attr(dirfd(dir), e->d_name, &gid) == 0 &&
			strcmp(gid, NO_GID) != 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int wait_for_gid(const struct undo_env *env, const char *name)
{
	int64_t deadline = clock_ns() + env->timeout_ns;

	while (!has_gid(env, name)) {
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		poll(NULL, 0, POLL_MS);
	}
	return 0;
}

int undo_rdma_apply(const struct undo_env *env, const json_t *args, bool *changed,
		    json_t **facts attr_unused, struct unmet *why)
{
	const char *name = jx_get_str(args, "name"), *netdev = jx_get_str(args, "netdev");
	const char *const add[] = { "rdma", "link",   "add",  name, "type",
				    "rxe",  "netdev", netdev, NULL };
	int r;

	why->category = SKIP_DEPENDENCY;
	if (device_exists(env, name)) {
		if (device_is_on(env, name, netdev))
			return 0;
		why->text = xasprintf("there is an RDMA device '%s' already, not on '%s'", name,
				      netdev);
		return -EEXIST;
	}
	r = tool_run(add, env->timeout_ns, &why->text);
	*changed = r == 0 || device_exists(env, name);
	if (r < 0)
		return r;
	r = wait_for_gid(env, name);
	if (r < 0)
		why->text =
			xasprintf("soft RDMA device '%s' has no GID: is '%s' up, with an address?",
				  name, netdev);
	return r;
}

enum undo_result undo_rdma_revert(const struct undo_env *env, const json_t *args, char **why)
{
	const char *name = jx_get_str(args, "name");
	const char *const del[] = { "rdma", "link", "del", name, NULL };

	if (!device_exists(env, name))
		return UNDO_GONE;
	return tool_run(del, env->timeout_ns, why) < 0 ? UNDO_FAILED : UNDO_UNDONE;
}
