/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/cgroup.c and undo_cgroup.c: where a group is made, and how it is removed, on a directory
 * that stands for the hierarchy.
 */
#include "test_undo_kind.h"

#include <signal.h>
#include <sys/wait.h>

#include "runner/cgroup.h"

#define MOUNT "24 1 0:21 / /sys rw - sysfs sysfs rw\n"
#define GROUPS "/sys/fs/cgroup"
#define NAME "p2pcert-7-odp"
#define ARGS "{\"name\":\"" NAME "\",\"memory_max\":1048576}"

/* A machine on which this process is in that group, whose hierarchy is mounted from that one on. */
static void put_hierarchy(const char *root, const char *mounted, const char *own)
{
	autofree char *mountinfo = xasprintf(MOUNT "31 24 0:27 %s " GROUPS
						   " rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
					     mounted);
	autofree char *group = xasprintf("3:cpu:/x\n0::%s\n", own);

	put(root, "/proc/self/mountinfo", mountinfo);
	put(root, "/proc/self/cgroup", group);
}

/* controllers NULL: that file is not there, nor the group. */
static void put_group(const char *root, const char *path, const char *controllers,
		      const char *control)
{
	autofree char *first = xasprintf(GROUPS "%s/cgroup.controllers", path);
	autofree char *second = xasprintf(GROUPS "%s/cgroup.subtree_control", path);
	autofree char *events = xasprintf(GROUPS "%s/cgroup.events", path);

	put(root, first, controllers);
	put(root, second, control);
	if (*path)
		put(root, events, "populated 1\n");
}

static void assert_root(const char *root, const char *expected)
{
	autofree char *found = cgroup_root(root);

	if (!expected) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_true(strncmp(found, root, strlen(root)) == 0);
	assert_string_equal(found + strlen(root), expected);
}

/* --- where --------------------------------------------------------------------------------------- */

static void at_the_top(void **state)
{
	put_hierarchy(*state, "/", "/");
	put_group(*state, "", "cpu memory\n", "\n");
	assert_root(*state, GROUPS);
}

/* A session of systemd: its scope has processes, the slice above controls memory already. */
static void in_a_scope(void **state)
{
	put_hierarchy(*state, "/", "/user.slice/session-3.scope");
	put_group(*state, "", "cpu memory\n", "cpu memory\n");
	put_group(*state, "/user.slice", "memory\n", "memory pids\n");
	put_group(*state, "/user.slice/session-3.scope", "memory\n", "\n");
	assert_root(*state, GROUPS "/user.slice");
	/* not by the part of a word */
	put_group(*state, "/user.slice", "memory\n", "memoryless\n");
	assert_root(*state, GROUPS);
	/* nowhere without changing what holds for others */
	put_group(*state, "", "cpu\n", "cpu\n");
	assert_root(*state, GROUPS "/user.slice/session-3.scope");
}

/* A container sees its own group as the top, but it is not: it has events. */
static void in_a_container(void **state)
{
	put_hierarchy(*state, "/", "/");
	put_group(*state, "", "memory\n", "\n");
	put(*state, GROUPS "/cgroup.events", "populated 1\n");
	put_group(*state, "/inner", "\n", "memory\n");
	assert_root(*state, GROUPS);
	put_hierarchy(*state, "/box/1", "/box/1/inner");
	assert_root(*state, GROUPS "/inner");
	/* without a view of its own: our group is not in what is mounted */
	put_hierarchy(*state, "/box/1", "/box/11");
	assert_root(*state, NULL);
	put_hierarchy(*state, "/", "/../other");
	assert_root(*state, NULL);
}

static void nowhere(void **state)
{
	assert_root(*state, NULL);
	put(*state, "/proc/self/cgroup", "3:memory:/x\n");
	put(*state, "/proc/self/mountinfo", MOUNT);
	assert_root(*state, NULL);
	put(*state, "/proc/self/cgroup", "0::/\n");
	assert_root(*state, NULL);
	put(*state, "/proc/self/mountinfo", "torn - cgroup2 cgroup2\n");
	assert_root(*state, NULL);
	/* mounted, they say */
	put_hierarchy(*state, "/", "/");
	assert_root(*state, NULL);
}

/* --- making and removing ------------------------------------------------------------------------- */

static void made_without_limit(void **state)
{
	autojson json_t *args = parse_args(ARGS);
	autojson json_t *facts = NULL;
	autofree char *path = xasprintf("%s" GROUPS "/" NAME, (char *)*state);
	bool there;

	put_hierarchy(*state, "/", "/");
	put_group(*state, "", "cpu memory\n", "\n");
	assert_int_equal(try_look(*state, "cgroup", args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_revert(*state, "cgroup", args, NULL), UNDO_GONE);
	/* there is no memory.max in a directory that is no group */
	assert_int_equal(try_apply(*state, "cgroup", args, &facts, NULL), 0);
	assert_string_equal(jx_get_str(facts, "path"), path);
	assert_null(json_object_get(facts, "memory_max"));
	assert_text(*state, GROUPS "/cgroup.subtree_control", "+memory\n");
	assert_true(fs_exists(AT_FDCWD, path));

	/* the kernel would show it so */
	put(*state, GROUPS "/cgroup.subtree_control", "memory\n");
	assert_int_equal(try_revert(*state, "cgroup", args, NULL), UNDO_UNDONE);
	assert_text(*state, GROUPS "/cgroup.subtree_control", "-memory\n");
	assert_false(fs_exists(AT_FDCWD, path));
	assert_int_equal(try_revert(*state, "cgroup", args, NULL), UNDO_GONE);
}

/* What others had switched on stays on. */
static void control_of_others_stays(void **state)
{
	autojson json_t *args = parse_args(ARGS);
	bool there;

	put_hierarchy(*state, "/", "/");
	put_group(*state, "", "cpu memory\n", "cpu memory\n");
	assert_int_equal(try_look(*state, "cgroup", args, &there, NULL), 0);
	assert_int_equal(try_apply(*state, "cgroup", args, NULL, NULL), 0);
	assert_int_equal(try_apply(*state, "cgroup", args, NULL, "File exists"), -EEXIST);
	assert_int_equal(try_look(*state, "cgroup", args, &there, "already"), -EEXIST);
	assert_int_equal(try_revert(*state, "cgroup", args, NULL), UNDO_UNDONE);
	assert_text(*state, GROUPS "/cgroup.subtree_control", "cpu memory\n");
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	while (pid == 0)
		pause();
	return pid;
}

/* On a kernel without cgroup.kill each process is killed; on one with it that is written to. */
static void processes_are_killed(void **state)
{
	autojson json_t *args = parse_args("{\"name\":\"" NAME "\"}");
	pid_t pid = start_sleeper();
	autofree char *procs = xasprintf("0\n%d\n", (int)pid);
	autofree char *text = xasprintf("do not end: 0 %d", (int)pid);
	int status;
	bool there;

	put_hierarchy(*state, "/", "/");
	put_group(*state, "", "\n", "\n");
	assert_int_equal(try_look(*state, "cgroup", args, &there, NULL), 0);
	assert_int_equal(try_apply(*state, "cgroup", args, NULL, NULL), 0);
	put(*state, GROUPS "/" NAME "/cgroup.procs", procs);
	assert_int_equal(revert_within(NO_PATIENCE, *state, "cgroup", args, text), UNDO_FAILED);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	put(*state, GROUPS "/" NAME "/cgroup.procs", "");
	put(*state, GROUPS "/" NAME "/cgroup.kill", "");
	assert_int_equal(revert_within(NO_PATIENCE, *state, "cgroup", args, "resource busy"),
			 UNDO_FAILED);
	assert_text(*state, GROUPS "/" NAME "/cgroup.kill", "1");
	take_away(*state, GROUPS "/" NAME "/cgroup.procs");
	take_away(*state, GROUPS "/" NAME "/cgroup.kill");
	put(*state, GROUPS "/" NAME "/inner/most/x", "");
	take_away(*state, GROUPS "/" NAME "/inner/most/x");
	assert_int_equal(try_revert(*state, "cgroup", args, NULL), UNDO_UNDONE);
}

static void hostile(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"name\":7}",
		"{\"name\":\"\"}",
		"{\"name\":\"system.slice\"}",
		"{\"name\":\"p2pcert-/../system.slice\"}",
		"{\"name\":\"p2pcert-\\n\"}",
		"{\"name\":\"" NAME "\",\"memory_max\":0}",
		"{\"name\":\"" NAME "\",\"memory_max\":-1}",
		"{\"name\":\"" NAME "\",\"memory_max\":\"max\"}",
	};
	static const char *const parents[] = {
		"",   "/", "/tmp", "/sys/fs", "/sys/fs/cgroupx", GROUPS "/../../..", GROUPS "/none",
		NULL,
	};

	put_hierarchy(*state, "/", "/");
	put_group(*state, "", "\n", "\n");
	put(*state, "/tmp/" NAME "/x", "");
	put(*state, "/sys/fs/cgroupx/" NAME "/x", "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(*state, "cgroup", rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(parents); i++) {
		autojson json_t *args = parse_args("{\"name\":\"" NAME "\",\"before\":{}}");

		jx_set_str(json_object_get(args, "before"), "parent", parents[i]);
		assert_int_equal(try_revert(*state, "cgroup", args, "no change of kind"),
				 UNDO_FAILED);
		assert_int_equal(try_apply(*state, "cgroup", args, NULL, "no change of kind"),
				 -EINVAL);
	}
}

static void no_hierarchy(void **state)
{
	autojson json_t *args = parse_args(ARGS);
	bool there;

	assert_int_equal(try_look(*state, "cgroup", args, &there, "no control group"), -EACCES);
}

static void looking_at_one(void **state)
{
	autofree char *group = xasprintf("%s/group", (char *)*state);
	uint64_t kills = 0;

	assert_int_equal(cgroup_enter(group), -ENOENT);
	assert_int_equal(cgroup_oom_kills(group, &kills), -ENOENT);
	put(*state, "/group/cgroup.procs", "");
	put(*state, "/group/memory.events",
	    "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n"
	    "oom_group_kill 5\n");
	assert_int_equal(cgroup_enter(group), 0);
	assert_text(*state, "/group/cgroup.procs", "0");
	assert_int_equal(cgroup_oom_kills(group, &kills), 0);
	assert_int_equal(kills, 2);
	put(*state, "/group/memory.events", "low 0\nhigh 0\n");
	assert_int_equal(cgroup_oom_kills(group, &kills), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(at_the_top),           test_in_dir(in_a_scope),
		test_in_dir(in_a_container),       test_in_dir(nowhere),
		test_in_dir(made_without_limit),   test_in_dir(control_of_others_stays),
		test_in_dir(processes_are_killed), test_in_dir(hostile),
		test_in_dir(no_hierarchy),         test_in_dir(looking_at_one),
	};

	return cmocka_run_group_tests_name("runner/undo_cgroup", tests, NULL, NULL);
}
