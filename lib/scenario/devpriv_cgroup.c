/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: memory that is limited by a control group. What is in the device counts as if it
 * were in memory (Documentation/mm/hmm.rst), so that bringing it back needs no more of the limit, and a
 * process that goes beyond is killed with all that it has in the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "scenario/devmem.h"
#include "scenario/memstat.h"

#define PAGES 768 /* of each of two areas: 3 MiB, which also a small device can take */
#define SOME 16 /* of them, looked at without much memory */
#define LIMIT (8 << 20) /* both and what a process needs besides, but not one of them twice */
#define GROUP "p2pcert-pressure"

/* A new group with that limit; NULL after scn_error() or devmem_skip(). */
static char *new_group(struct devmem *dev)
{
	json_t *args = jx_object();
	autojson json_t *facts = NULL;
	autofree char *name = xasprintf(GROUP "-%d-%s", (int)getpid(), dev->is_bar ? "bar" : "ram");
	autofree char *why = NULL;
	const char *path;

	jx_set_str(args, "name", name);
	jx_set_int(args, "memory_max", LIMIT);
	if (scn_change(dev->ctx, "cgroup", args, &facts, &why) < 0) {
		devmem_skip(dev, SKIP_PERMISSION, "%s", why);
		return NULL;
	}
	path = jx_get_str(facts, "path");
	if (!path || jx_get_int(facts, "memory_max", 0) != LIMIT) {
		devmem_skip(dev, SKIP_KERNEL_CONFIG, "memory cannot be limited by a control group");
		return NULL;
	}
	return xstrdup(path);
}

static uint64_t group_value(const char *group, const char *name)
{
	autofree char *path = xasprintf("%s/%s", group, name);
	uint64_t value = 0;

	return fs_read_u64(AT_FDCWD, path, &value) < 0 ? 0 : value;
}

static uint64_t group_event(const char *group, const char *name)
{
	autofree char *path = xasprintf("%s/memory.events", group);

	return memstat_told(path, name);
}

/* --- in the group ----------------------------------------------------------------------------- */

/* This process, new, with nothing in swap: what is over the limit cannot be hidden there. */
static bool enter(const char *group)
{
	autofree char *procs = xasprintf("%s/cgroup.procs", group);
	autofree char *swap = xasprintf("%s/memory.swap.max", group);
	int err = fs_write_attr(AT_FDCWD, swap, "0");

	if (err < 0 && err != -ENOENT)
		return false;
	return fs_write_attr(AT_FDCWD, procs, "0") == 0;
}

/* The area is full and all of it in the device; NULL if it is not. */
static struct area *away(struct devmem *dev, const char *group)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, "limited, in the device");
	uint64_t counted;

	if (!a)
		return NULL;
	area_fill(a, 0, PAGES);
	if (!area_send(a, 0, PAGES))
		return NULL;
	counted = group_value(group, "memory.current");
	if (counted < PAGES * page_size())
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "%" PRIu64 " bytes are put down to a control group that has %zu in "
			      "the device",
			      counted, PAGES * page_size());
	return a;
}

/* As much again fits beside what is in the device, and then this can come back. */
static bool stay_within(struct devmem *dev, const char *group)
{
	struct area *a = away(dev, group);
	struct area *b = a ? area_new(dev, AREA_PRIVATE, PAGES, "limited, in memory") : NULL;

	if (!b)
		return false;
	area_fill(b, 0, PAGES);
	area_check_device(a, 0, SOME, "while its group has no room");
	area_check(a, 0, PAGES / 2, "back by being touched, where there is no room");
	if (area_to_ram(a, PAGES / 2, PAGES - PAGES / 2) != PAGES - PAGES / 2)
		devmem_refute(dev, EVIDENCE_PATH, "%s: not all pages come back", a->name);
	area_check(a, 0, PAGES, "back where there is no room");
	area_check(b, 0, PAGES, "beside what came back");
	area_end(b);
	area_end(a);
	return !dev->refuted;
}

/* More and more, until the kernel ends it. */
static bool go_beyond(struct devmem *dev, const char *group)
{
	struct area *a = away(dev, group);
	struct area *b = a ? area_new(dev, AREA_PRIVATE, 3 * PAGES, "beyond the limit") : NULL;

	if (b)
		area_fill(b, 0, b->pages);
	return false;
}

/* --- from outside ----------------------------------------------------------------------------- */

/* How a process ended that runs body in the group: the status of waitpid(2), -1 without one. */
static int run_in_group(struct devmem *dev, const char *group,
			bool (*body)(struct devmem *dev, const char *group))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (!enter(group))
			_exit(2);
		devmem_in_child(dev);
		_exit(!body(dev, group));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return status;
}

static void judge_within(struct devmem *dev, const char *group, int status)
{
	uint64_t kills = group_event(group, "oom_kill");

	if (status == 0 && kills == 0)
		devmem_prove(dev, EVIDENCE_DATA,
			     "%d pages come back in a control group that has no room for them "
			     "beside themselves",
			     PAGES);
	else
		devmem_refute(dev, EVIDENCE_DATA,
			      "a process within the limit of its control group does not get its "
			      "pages back: status 0x%x, %" PRIu64 " killed",
			      (unsigned int)status, kills);
}

static void judge_beyond(struct devmem *dev, const char *group, int status)
{
	uint64_t kills = group_event(group, "oom_kill"), max = group_event(group, "max");

	if (status > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && kills && max)
		devmem_prove(dev, EVIDENCE_PATH,
			     "a process beyond the limit of its control group is killed: %" PRIu64
			     " times at the limit, %" PRIu64 " killed",
			     max, kills);
	else
		devmem_refute(dev, EVIDENCE_PATH,
			      "a process beyond the limit of its control group is not killed: "
			      "status 0x%x, %" PRIu64 " times at the limit, %" PRIu64 " killed",
			      (unsigned int)status, max, kills);
}

static bool body_cgroup(struct devmem *dev)
{
	autofree char *group = new_group(dev);
	int status;

	if (!group)
		return false;
	status = run_in_group(dev, group, stay_within);
	if (status > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		devmem_skip(dev, SKIP_PERMISSION, "'%s' takes no process", group);
		return false;
	}
	judge_within(dev, group, status);
	judge_beyond(dev, group, run_in_group(dev, group, go_beyond));
	return true;
}

DEVMEM_SCENARIO(cgroup, "pressure-cgroup",
		"what is in the device counts for a memory limit, and comes back within it", 30);
