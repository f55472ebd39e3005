/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/undo_rdma.c and tool.c: soft RDMA devices made and removed by a program that stands in
 * for iproute2's rdma, in a directory that stands in for sysfs.
 */
#include "base/clock.h"
#include "base/tool.h"
#include "test_undo_kind.h"

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

#define LINK "{\"name\":\"soft0\",\"netdev\":\"veth0\"}"

static void made_and_removed(void **state)
{
	autofree char *calls = xasprintf("%s/calls", (char *)*state);
	autojson json_t *args = parse_args(LINK);
	autofree char *text = NULL;
	bool there;

	install(*state, "rdma", rdma);
	setenv("GID", GID, 1);
	assert_int_equal(try_look(*state, "rdma-link", args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_revert(*state, "rdma-link", args, NULL), UNDO_GONE);
	assert_int_equal(try_apply(*state, "rdma-link", args, NULL, NULL), 0);
	assert_int_equal(try_look(*state, "rdma-link", args, &there, NULL), 0);
	assert_true(there);
	assert_int_equal(try_apply(*state, "rdma-link", args, NULL, NULL), 0);
	assert_int_equal(try_revert(*state, "rdma-link", args, NULL), UNDO_UNDONE);
	assert_int_equal(try_revert(*state, "rdma-link", args, NULL), UNDO_GONE);
	assert_int_equal(fs_read(AT_FDCWD, calls, 4096, &text, NULL), 0);
	assert_string_equal(text, "link add soft0 type rxe netdev veth0\nlink del soft0\n");
}

static void not_made(void **state)
{
	const struct undo_env hasty = { .sysroot = *state, .timeout_ns = 1 };
	autojson json_t *absent = parse_args("{\"name\":\"soft0\",\"netdev\":\"absent\"}");
	autojson json_t *first = parse_args(LINK);
	autojson json_t *second = parse_args("{\"name\":\"soft0\",\"netdev\":\"veth1\"}");
	struct unmet unmet = { 0 };
	json_t *facts = NULL;
	bool there;

	install(*state, "rdma", rdma);
	setenv("GID", GID, 1);
	assert_int_equal(
		try_apply(*state, "rdma-link", absent, NULL, "failed: error: No such device"),
		-EIO);

	/* the name is taken by a device on something else, which is not removed either */
	assert_int_equal(try_apply(*state, "rdma-link", first, NULL, NULL), 0);
	assert_int_equal(try_look(*state, "rdma-link", second, &there, "not on 'veth1'"), -EEXIST);
	assert_int_equal(try_revert(*state, "rdma-link", second, NULL), UNDO_GONE);
	assert_text(*state, "/sys/class/infiniband/soft0/parent", "veth0\n");

	setenv("BUSY", "1", 1);
	assert_int_equal(try_revert(*state, "rdma-link", first, "busy"), UNDO_FAILED);
	unsetenv("BUSY");
	assert_int_equal(try_revert(*state, "rdma-link", first, NULL), UNDO_UNDONE);

	/* a program that does not end is ended */
	install(*state, "rdma", "#!/bin/sh\nexec sleep 1000\n");
	assert_int_equal(kind_named("rdma-link")->apply(&hasty, first, &facts, &unmet), -ETIMEDOUT);
	assert_non_null(strstr(unmet.text, "did not end in time"));
	free(unmet.text);
}

/* Made, but of no use: it is removed again. */
static void without_gid(void **state)
{
	autojson json_t *args = parse_args(LINK);

	install(*state, "rdma", rdma);
	setenv("GID", NO_GID, 1);
	assert_int_equal(apply_within(NS_PER_S, *state, "rdma-link", args, NULL, "has no GID"),
			 -ETIMEDOUT);
	assert_int_equal(try_revert(*state, "rdma-link", args, NULL), UNDO_UNDONE);
}

/* Nothing of this may reach the program. */
static void hostile(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"name\":\"soft0\"}",
		"{\"netdev\":\"veth0\"}",
		"{\"name\":7,\"netdev\":\"veth0\"}",
		"{\"name\":\"\",\"netdev\":\"veth0\"}",
		"{\"name\":\"../soft0\",\"netdev\":\"veth0\"}",
		"{\"name\":\"-d\",\"netdev\":\"veth0\"}",
		"{\"name\":\"soft0\",\"netdev\":\"-h\"}",
		"{\"name\":\"soft0\",\"netdev\":\"sixteen-letters0\"}",
	};
	autofree char *calls = xasprintf("%s/calls", (char *)*state);

	install(*state, "rdma", rdma);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(*state, "rdma-link", rows[i]);
	assert_false(fs_exists(AT_FDCWD, calls));
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
		test_in_dir(made_and_removed), test_in_dir(not_made), test_in_dir(without_gid),
		test_in_dir(hostile),          test_in_dir(tools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
