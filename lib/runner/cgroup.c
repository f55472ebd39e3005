/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hierarchy of control groups, and our place in it. */
#include "runner/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/text.h"

#define MOUNTINFO_MAX (4u << 20) /* bytes: container hosts have thousands of mounts */

static char *read_proc(const char *sysroot, const char *name)
{
	autofree char *path = fs_under(sysroot, "/proc/%s", name);
	char *text;

	return fs_read(AT_FDCWD, path, MOUNTINFO_MAX, &text, NULL) < 0 ? NULL : text;
}

/* --- where it is mounted ------------------------------------------------------------------------- */

struct mount {
	char *root; /* the group that is mounted */
	char *point;
};

static void mount_release(struct mount *m)
{
	free(m->root);
	free(m->point);
}

/* proc_pid_mountinfo(5): id, parent, device, root, mount point, options, ..., "-", type, ... */
static bool parse_mount(char *line, struct mount *m)
{
	char *type = strstr(line, " - ");
	char *field[5];

	if (!type || !text_starts_with(type, " - cgroup2 "))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(field); i++) {
		field[i] = strsep(&line, " ");
		if (!field[i])
			return false;
	}
	*m = (struct mount){ .root = xstrdup(field[3]), .point = xstrdup(field[4]) };
	return true;
}

static bool find_mount(const char *sysroot, struct mount *m)
{
	autofree char *text = read_proc(sysroot, "self/mountinfo");
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (parse_mount(line, m))
			return true;
	return false;
}

/* What follows dir in path, "" or "/..."; NULL if path is not below it. */
static const char *below(const char *path, const char *dir)
{
	size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	if (strncmp(path, dir, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return strcmp(path + len, "/") == 0 ? "" : path + len;
}

/* The "0::" line of /proc/self/cgroup; NULL: none, or outside of what this process can see. */
static char *own_group(const char *sysroot)
{
	autofree char *text = read_proc(sysroot, "self/cgroup");
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (text_starts_with(line, "0::/") && !strstr(line, "/.."))
			return xstrdup(line + strlen("0::"));
	return NULL;
}

/* --- choosing a group ---------------------------------------------------------------------------- */

bool cgroup_has(const char *path, const char *attr, const char *word)
{
	autofree char *file = xasprintf("%s/%s", path, attr);
	autofree char *text = NULL;
	char *rest, *each;

	if (fs_read_attr(AT_FDCWD, file, &text) < 0)
		return false;
	rest = text;
	while ((each = strsep(&rest, " \n")))
		if (strcmp(each, word) == 0)
			return true;
	return false;
}

static bool is_writable(const char *path)
{
	return access(path, W_OK | X_OK) == 0;
}

/*
 * Only the group at the very top may have processes and control its children; it is also the only one
 * without events.
 */
static bool is_top(const char *path)
{
	autofree char *events = xasprintf("%s/cgroup.events", path);

	return !fs_exists(AT_FDCWD, events);
}

static bool can_limit_memory(const char *path)
{
	if (!is_writable(path))
		return false;
	return cgroup_has(path, "cgroup.subtree_control", "memory") ||
	       (is_top(path) && cgroup_has(path, "cgroup.controllers", "memory"));
}

/* From own, which is point or below it, upwards. */
static char *choose(const char *point, const char *own)
{
	autofree char *path = xstrdup(own);

	for (;;) {
		if (can_limit_memory(path))
			return take_ptr(path);
		if (strcmp(path, point) == 0)
			break;
		*strrchr(path, '/') = '\0';
	}
	return is_writable(own) ? xstrdup(own) : NULL;
}

char *cgroup_root(const char *sysroot)
{
	autofree char *group = own_group(sysroot);
	autofree char *point = NULL;
	autofree char *own = NULL;
	const char *rest;
	struct mount m;

	if (!group || !find_mount(sysroot, &m))
		return NULL;
	rest = below(group, m.root);
	point = fs_under(sysroot, "%s", m.point);
	own = rest ? xasprintf("%s%s", point, rest) : NULL;
	mount_release(&m);
	return own && fs_exists(AT_FDCWD, own) ? choose(point, own) : NULL;
}

bool cgroup_is_group(const char *sysroot, const char *path)
{
	autofree char *full = fs_under(sysroot, "%s", path);
	struct mount m;
	bool is;

	if (strstr(path, "/..") || !find_mount(sysroot, &m))
		return false;
	is = below(path, m.point) != NULL;
	mount_release(&m);
	return is && fs_exists(AT_FDCWD, full);
}

/* --- one group ----------------------------------------------------------------------------------- */

/* The number behind a name at the start of a line. */
static bool find_number(const char *text, const char *name, uint64_t *value)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) != 0)
			continue;
		return sscanf(line + len, "%" SCNu64, value) == 1;
	}
	return false;
}

int cgroup_enter(const char *path)
{
	autofree char *procs = xasprintf("%s/cgroup.procs", path);

	return fs_write_attr(AT_FDCWD, procs, "0");
}

char *cgroup_processes(const char *path)
{
	autofree char *procs = xasprintf("%s/cgroup.procs", path);
	char *text;

	return fs_read_attr(AT_FDCWD, procs, &text) < 0 ? NULL : text;
}

static void kill_each(const char *path)
{
	autofree char *text = cgroup_processes(path);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		uint64_t pid;

		if (text_to_u64(line, 10, INT_MAX, &pid) == 0 && pid > 0)
			kill((pid_t)pid, SIGKILL);
	}
}

/* cgroup.kill is there since Linux 5.14. */
void cgroup_kill(const char *path)
{
	autofree char *all = xasprintf("%s/cgroup.kill", path);

	if (fs_write_attr(AT_FDCWD, all, "1") < 0)
		kill_each(path);
}

int cgroup_oom_kills(const char *path, uint64_t *kills)
{
	autofree char *events = xasprintf("%s/memory.events", path);
	autofree char *text = NULL;
	int r = fs_read_attr(AT_FDCWD, events, &text);

	if (r < 0)
		return r;
	return find_number(text, "oom_kill ", kills) ? 0 : -EINVAL;
}
