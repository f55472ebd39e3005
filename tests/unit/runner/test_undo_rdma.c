/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/undo_rdma.c and tool.c: soft RDMA devices made and removed by a program that stands in
 * for iproute2's rdma, in a directory that stands in for sysfs.
 */
#include "runner/undo_rdma.h"

#include <fcntl.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "runner/clock.h"
#include "runner/tool.h"

/* $GID decides what the device's first GID reads as; an interface called "absent" is refused. */
static const char rdma[] =
	"#!/bin/sh\n"
	"here=${0%/*}\n"
	"echo \"$@\" >> $here/calls\n"
	"class=$here/sys/class/infiniband\n"
	"case \"$2 $7\" in\n"
	"'add absent') echo 'error: No such device' >&2; exit 1;;\n"
	"add*) mkdir -p $class/$3/ports/1/gids; echo $7 > $class/$3/parent\n"
	"      echo 0000:0000:0000:0000:0000:0000:0000:0000 > $class/$3/ports/1/gids/1\n"
	"      echo $GID > $class/$3/ports/1/gids/0;;\n"
	"del*) [ -z \"$BUSY\" ] || { echo busy >&2; exit 1; }; rm -r $class/$3;;\n"
	"esac\n";

#define GID "fe80:0000:0000:0000:0000:00ff:fe00:0001"
#define NO_GID "0000:0000:0000:0000:0000:0000:0000:0000"

static void install(const char *dir, const char *name, const char *text)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	autofree char *search = xasprintf("%s:/usr/bin:/bin", dir);

	assert_int_equal(fs_publish(AT_FDCWD, path, text, strlen(text), 0700), 0);
	assert_int_equal(setenv("PATH", search, 1), 0);
}

static json_t *link_args(const char *name, const char *netdev)
{
	json_t *args = jx_object();

	jx_set_str(args, "name", name);
	jx_set_str(args, "netdev", netdev);
	return args;
}

static void made_and_removed(void **state)
{
	const struct undo_env env = { .sysroot = *state, .timeout_ns = 20 * NS_PER_S };
	autofree char *calls = xasprintf("%s/calls", (char *)*state);
	autojson json_t *args = link_args("soft0", "veth0");
	autofree char *why = NULL;
	autofree char *text = NULL;
	struct unmet unmet = { 0 };
	json_t *facts = NULL;
	bool changed = false;

	install(*state, "rdma", rdma);
	setenv("GID", GID, 1);
	assert_int_equal(undo_rdma_apply(&env, args, &changed, &facts, &unmet), 0);
	assert_true(changed);
	/* again: it is there, and was not made by this */
	changed = false;
	assert_int_equal(undo_rdma_apply(&env, args, &changed, &facts, &unmet), 0);
	assert_false(changed);
	assert_int_equal(undo_rdma_revert(&env, args, &why), UNDO_UNDONE);
	assert_int_equal(undo_rdma_revert(&env, args, &why), UNDO_GONE);
	assert_int_equal(fs_read(AT_FDCWD, calls, 4096, &text, NULL), 0);
	assert_string_equal(text, "link add soft0 type rxe netdev veth0\nlink del soft0\n");
}

static void not_made(void **state)
{
	const struct undo_env env = { .sysroot = *state, .timeout_ns = 20 * NS_PER_S };
	const struct undo_env hasty = { .sysroot = *state, .timeout_ns = 1 };
	autojson json_t *absent = link_args("soft0", "absent");
	autojson json_t *first = link_args("soft0", "veth0");
	autojson json_t *second = link_args("soft0", "veth1");
	autofree char *why = NULL;
	struct unmet unmet = { 0 };
	json_t *facts = NULL;
	bool changed = false;

	install(*state, "rdma", rdma);
	setenv("GID", GID, 1);
	assert_int_equal(undo_rdma_apply(&env, absent, &changed, &facts, &unmet), -EIO);
	assert_false(changed);
	assert_int_equal(unmet.category, SKIP_DEPENDENCY);
	assert_non_null(strstr(unmet.text, "failed: error: No such device"));
	free(unmet.text);

	/* the name is taken by a device on something else */
	assert_int_equal(undo_rdma_apply(&env, first, &changed, &facts, &unmet), 0);
	changed = false;
	assert_int_equal(undo_rdma_apply(&env, second, &changed, &facts, &unmet), -EEXIST);
	assert_false(changed);
	free(unmet.text);

	setenv("BUSY", "1", 1);
	assert_int_equal(undo_rdma_revert(&env, first, &why), UNDO_FAILED);
	assert_non_null(strstr(why, "busy"));
	free(take_ptr(why));
	unsetenv("BUSY");
	assert_int_equal(undo_rdma_revert(&env, first, &why), UNDO_UNDONE);

	/* a program that does not end is ended */
	install(*state, "rdma", "#!/bin/sh\nexec sleep 1000\n");
	assert_int_equal(undo_rdma_apply(&hasty, first, &changed, &facts, &unmet), -ETIMEDOUT);
	assert_false(changed);
	assert_non_null(strstr(unmet.text, "did not end in time"));
	free(unmet.text);
}

/* Made, but of no use: whoever made it must remove it. */
static void without_gid(void **state)
{
	const struct undo_env env = { .sysroot = *state, .timeout_ns = 2 * NS_PER_S };
	autojson json_t *args = link_args("soft0", "veth0");
	autofree char *why = NULL;
	struct unmet unmet = { 0 };
	json_t *facts = NULL;
	bool changed = false;

	install(*state, "rdma", rdma);
	setenv("GID", NO_GID, 1);
	assert_int_equal(undo_rdma_apply(&env, args, &changed, &facts, &unmet), -ETIMEDOUT);
	assert_true(changed);
	assert_non_null(strstr(unmet.text, "has no GID"));
	free(unmet.text);
	assert_int_equal(undo_rdma_revert(&env, args, &why), UNDO_UNDONE);
}

static void tools(void **state)
{
	static const char *const absent[] = { "p2pcert-no-such", NULL };
	static const char *const broken[] = { "broken", NULL };
	static const char *const loud[] = { "loud", "a b", "$(c)", NULL };
	autofree char *why = NULL;

	install(*state, "broken", "no program");
	install(*state, "loud",
		"#!/bin/sh\n[ \"$#,$1,$2\" = '2,a b,$(c)' ] || exit 1\n"
		"i=0; while [ $i -lt 2000 ]; do echo 0123456789 >&2; i=$((i + 1)); done\n");
	assert_int_equal(tool_run(absent, NS_PER_S, &why), -ENOENT);
	free(take_ptr(why));
	/* -ENOEXEC; under valgrind an exit with status 127 */
	assert_true(tool_run(broken, 20 * NS_PER_S, &why) < 0);
	assert_non_null(strstr(why, "/broken'"));
	free(take_ptr(why));
	assert_int_equal(tool_run(loud, 20 * NS_PER_S, &why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(made_and_removed),
		test_in_dir(not_made),
		test_in_dir(without_gid),
		test_in_dir(tools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
