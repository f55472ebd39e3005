/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Soft RoCE devices, made and removed with iproute2's rdma. */
#include "runner/undo_rdma.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/tool.h"
#include "runner/undo_kind.h"

#define CLASS "/sys/class/infiniband/"
#define NO_GID "0000:0000:0000:0000:0000:0000:0000:0000"
#define DEVICE_NAME_MAX 63 /* IB_DEVICE_NAME_MAX of the kernel, less the NUL */
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

struct rdma_link {
	const char *name, *netdev;
};

static bool parse(const json_t *args, struct rdma_link *link)
{
	link->name = jx_get_str(args, "name");
	link->netdev = jx_get_str(args, "netdev");
	return undo_is_name(link->name, DEVICE_NAME_MAX) &&
	       undo_is_name(link->netdev, IF_NAMESIZE - 1);
}

int undo_rdma_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	struct rdma_link link;

	if (!parse(args, &link))
		return undo_deny_args(why, "rdma-link");
	*there = device_is_on(env, link.name, link.netdev);
	if (!*there && device_exists(env, link.name))
		return undo_deny(why, SKIP_DEPENDENCY, -EEXIST,
				 "there is an RDMA device '%s' already, not on '%s'", link.name,
				 link.netdev);
	return 0;
}

int undo_rdma_apply(const struct undo_env *env, const json_t *args, json_t **facts attr_unused,
		    struct unmet *why)
{
	struct rdma_link link;
	int r = 0;

	if (!parse(args, &link))
		return undo_deny_args(why, "rdma-link");
	if (!device_is_on(env, link.name, link.netdev)) {
		const char *const add[] = { "rdma", "link",   "add",       link.name, "type",
					    "rxe",  "netdev", link.netdev, NULL };

		why->category = SKIP_DEPENDENCY;
		r = tool_run(add, env->timeout_ns, &why->text);
	}
	if (r < 0)
		return r;
	r = wait_for_gid(env, link.name);
	if (r < 0)
		return undo_deny(why, SKIP_DEPENDENCY, r,
				 "soft RDMA device '%s' has no GID: is '%s' up, with an address?",
				 link.name, link.netdev);
	return 0;
}

/* A device of that name on something else is not the one that was made. */
enum undo_result undo_rdma_revert(const struct undo_env *env, const json_t *args, char **why)
{
	struct rdma_link link;

	if (!parse(args, &link))
		return undo_fail_args(why, "rdma-link");
	if (device_is_on(env, link.name, link.netdev)) {
		const char *const del[] = { "rdma", "link", "del", link.name, NULL };

		return tool_run(del, env->timeout_ns, why) < 0 ? UNDO_FAILED : UNDO_UNDONE;
	}
	return UNDO_GONE;
}
