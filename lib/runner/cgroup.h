/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups, version 2: where ours can be made, and what a supervisor asks of one. They are made
 * and removed by the change "cgroup" (undo.h). Kernel documentation: admin-guide/cgroup-v2.rst.
 */
#ifndef P2PCERT_RUNNER_CGROUP_H
#define P2PCERT_RUNNER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * The path of the group below which ours are made: the nearest from that of this process upwards in
 * which the memory of a new group can be limited without moving a process or changing what is in
 * force for a group of somebody else; where there is none, that of this process. NULL: there is no
 * hierarchy of version 2, or we may not write to it. The caller frees it.
 */
char *cgroup_root(const char *sysroot) attr_must_check;

/* Is path, below sysroot, that of a group in the mounted hierarchy of version 2? */
bool cgroup_is_group(const char *sysroot, const char *path) attr_must_check;

/* Does this attribute of the group (a list, such as "cgroup.controllers") have that word? */
bool cgroup_has(const char *path, const char *attr, const char *word) attr_must_check;

/* Moves this process. 0 or a negative errno. */
int cgroup_enter(const char *path) attr_must_check;

/* The processes in it, a line each, "0" for one that we cannot see; or NULL. The caller frees it. */
char *cgroup_processes(const char *path) attr_must_check;

/* Kills all of them; they end soon after, if nothing in the kernel holds them. */
void cgroup_kill(const char *path);

/*
 * How often the kernel killed a process of the group for want of memory. 0 or a negative errno: -ENOENT
 * if its memory is not controlled.
 */
int cgroup_oom_kills(const char *path, uint64_t *kills) attr_must_check;

#endif
