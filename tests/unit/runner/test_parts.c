/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The small parts of lib/runner: taint.c, slowness.c, lock.c, results.c, plan.c, host.c and channel.c
 * where test_run.c does not reach.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "runner/channel.h"
#include "runner/host.h"
#include "runner/lock.h"
#include "runner/plan.h"
#include "runner/results.h"
#include "runner/slowness.h"
#include "runner/taint.h"

static void taint(void **state)
{
	autofree char *path = xasprintf("%s/tainted", (char *)*state);
	autofree char *text = taint_text(1 << 9 | UINT64_C(1) << 40);
	autofree char *none = taint_text(0);
	autojson json_t *doc = taint_to_json(0x3000);
	autofree char *line = jx_line(doc);
	uint64_t value;

	assert_string_equal(text, "W (warning), bit 40");
	assert_string_equal(none, "");
	assert_string_equal(line, "{\"value\":12288,\"names\":[\"O (out-of-tree module)\","
				  "\"E (unsigned module)\"]}");
	assert_int_equal(taint_expected(), 0x3000);
	assert_int_equal(taint_fatal(), 1 << 4 | 1 << 5 | 1 << 7); /* M B D */
	assert_int_equal(taint_read(path, &value), -ENOENT);
	assert_int_equal(fs_publish(AT_FDCWD, path, "12416\n", 6, 0600), 0);
	assert_int_equal(taint_read(path, &value), 0);
	assert_int_equal(value, 12416);
}

static void add_module(const char *root, const char *name, const char *taint)
{
	autofree char *dir = xasprintf("%s/sys/module/%s", root, name);
	autofree char *path = xasprintf("%s/taint", dir);

	assert_int_equal(fs_mkdir_p(dir, 0755), 0);
	if (taint)
		assert_int_equal(fs_publish(AT_FDCWD, path, taint, strlen(taint), 0600), 0);
}

static void tainting_modules(void **state)
{
	autojson json_t *none = taint_modules(*state);
	autojson json_t *modules = NULL;
	autofree char *line = NULL;

	assert_int_equal(json_array_size(none), 0);
	add_module(*state, "p2pcert_p2p", "OE\n");
	add_module(*state, "nvme", "\n");
	add_module(*state, "kernel", NULL); /* built in: there is a folder for its parameters */
	add_module(*state, "i915", "C\n");
	modules = taint_modules(*state);
	line = jx_line(modules);
	assert_string_equal(line, "[{\"name\":\"i915\",\"taint\":\"C\"},"
				  "{\"name\":\"p2pcert_p2p\",\"taint\":\"OE\"}]");
}

static void taint_set(void **state attr_unused)
{
	static const struct {
		uint64_t bits;
		const char *before, *now, *record;
	} cases[] = {
		/* nobody: the kernel set it itself */
		{ 1 << 9, "[]", "[{\"name\":\"a\",\"taint\":\"OE\"}]",
		  "\"names\":[\"W (warning)\"],\"modules\":[]}" },
		/* the one that came, and not the one that was there */
		{ 1 << 12, "[{\"name\":\"a\",\"taint\":\"O\"}]",
		  "[{\"name\":\"a\",\"taint\":\"O\"},{\"name\":\"b\",\"taint\":\"OE\"}]",
		  "\"names\":[\"O (out-of-tree module)\"],\"modules\":[\"b\"]}" },
		/* one that was there and has a flag more */
		{ 1 << 0 | 1 << 9, "[{\"name\":\"a\",\"taint\":\"O\"}]",
		  "[{\"name\":\"a\",\"taint\":\"PO\"}]",
		  "\"names\":[\"P (proprietary module)\",\"W (warning)\"],\"modules\":[\"a\"]}" },
		/* of a kernel newer than the table */
		{ UINT64_C(1) << 40, "[]", "[{\"name\":\"a\",\"taint\":\"Q\"}]",
		  "\"names\":[\"bit 40\"],\"modules\":[]}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autojson json_t *before = json_loads(cases[i].before, 0, NULL);
		autojson json_t *now = json_loads(cases[i].now, 0, NULL);
		autojson json_t *record = taint_set_record(cases[i].bits, before, now);
		autofree char *line = jx_line(record);
		autofree char *expected = xasprintf("{\"event\":\"taint-set\",%s", cases[i].record);

		assert_string_equal(line, expected);
	}
}

static void slowness(void **state attr_unused)
{
	static const struct {
		struct slowness s;
		double factor;
	} cases[] = {
		{ { 0.5, 0.7 }, 1.0 },
		{ { 1.5, 12.0 }, 12.0 },
		{ { 25.0, 8.0 }, 25.0 },
		{ { 1e6, 1e6 }, 100.0 },
	};
	int64_t start = clock_ns();
	struct slowness here = slowness_measure();
	autojson json_t *doc = slowness_to_json(&here);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(slowness_factor(&cases[i].s) == cases[i].factor);
	/* both were measured, and within what the header promises, on a machine that is busy too */
	assert_true(here.compute > 0.01 && here.kernel > 0.01);
	assert_true(clock_ns() - start < 5 * NS_PER_S);
	assert_true(json_number_value(json_object_get(doc, "compute")) == here.compute);
	assert_true(json_number_value(json_object_get(doc, "kernel")) == here.kernel);
}

static int take_lock(const char *path, const char *results, char **died)
{
	autofree char *why = NULL;
	int fd = lock_take(path, results, died, &why);

	if (fd < 0)
		fail_msg("%s", why);
	return fd;
}

static void locked(void **state)
{
	autofree char *path = xasprintf("%s/lock", (char *)*state);
	autofree char *link = xasprintf("%s/link", (char *)*state);
	autofree char *mine = xasprintf("process '%d', with its results in '/r/1'", (int)getpid());
	autofree char *died = NULL;
	autofree char *why = NULL;
	int fd = take_lock(path, "/r/1", &died);

	assert_null(died);
	assert_int_equal(lock_take(path, "/r/2", &died, &why), -EBUSY);
	if (!strstr(why, mine))
		fail_msg("'%s' does not say '%s'", why, mine);
	free(take_ptr(why));
	assert_null(died);
	lock_release(fd);
	close(fd);
	/* where somebody else put a link, nothing is written through it */
	assert_int_equal(symlink("/dev/null", link), 0);
	assert_int_equal(lock_take(link, "/r/1", &died, &why), -ELOOP);
}

/* Only a run that did not come to its end has died; its directory is told as seen from anywhere. */
static void died(void **state)
{
	autofree char *path = xasprintf("%s/lock", (char *)*state);
	autofree char *cwd = getcwd(NULL, 0);
	autofree char *expected = xasprintf("%s/results/2", cwd);
	autofree char *dead = NULL;

	close(take_lock(path, "/r/a\nb\x01", &dead));
	assert_null(dead);
	close(take_lock(path, "results/2", &dead));
	assert_string_equal(dead, "/r/a\nb\\x01");
	free(take_ptr(dead));
	for (int i = 0; i < 2; i++) {
		int fd = take_lock(path, "/r/3", &dead);

		if (i == 0)
			assert_string_equal(dead, expected);
		else
			assert_null(dead);
		free(take_ptr(dead));
		lock_release(fd);
		close(fd);
	}
}

/* Where the kernel is not to be trusted nobody gets the lock, however often he asks. */
static void distrusted(void **state)
{
	autofree char *path = xasprintf("%s/lock", (char *)*state);
	autofree char *dead = NULL;
	int fd = take_lock(path, "/r/1", &dead);

	lock_distrust(fd);
	close(fd);
	for (int i = 0; i < 2; i++) {
		autofree char *why = NULL;

		free(take_ptr(dead));
		assert_int_equal(lock_take(path, "/r/2", &dead, &why), -EHOSTDOWN);
		assert_non_null(strstr(why, "'/r/1' ended because the kernel"));
		assert_string_equal(dead, "/r/1");
	}
}

/* What an older version, or somebody else, has left there. */
static void strange_locks(void **state)
{
	static const struct {
		const char *content, *died;
	} cases[] = {
		{ "", NULL },        { "\n", NULL },        { "812", NULL },    { "812\n", NULL },
		{ "812\n\n", NULL }, { "812\n/r\n", "/r" }, { "\n/r\n", "/r" },
	};
	autofree char *path = xasprintf("%s/lock", (char *)*state);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *dead = NULL;
		const char *c = cases[i].content;

		assert_int_equal(fs_publish(AT_FDCWD, path, c, strlen(c), 0600), 0);
		close(take_lock(path, "/x", &dead));
		if (cases[i].died)
			assert_string_equal(dead, cases[i].died);
		else
			assert_null(dead);
	}
}

static void results(void **state)
{
	autofree char *path = xasprintf("%s/r", (char *)*state);
	autofree char *file = xasprintf("%s/f", (char *)*state);
	autofree char *deep = xasprintf("%s/no/such", (char *)*state);
	autofree char *name = results_default_name();
	autofree char *folder_name = results_folder_name(7, "odp.read");
	autofree char *why = NULL;
	struct stat st;
	int fd, folder;

	assert_int_equal(strlen(name), strlen("p2pcert-results-20260102T030405Z"));
	assert_string_equal(folder_name, "007-odp.read");
	/* an empty one is taken, and closed to others */
	assert_int_equal(mkdir(path, 0755), 0);
	fd = results_create(path, &why);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	folder = results_folder_create(fd, folder_name);
	assert_true(folder >= 0);
	assert_int_equal(results_folder_create(fd, folder_name), -EEXIST);
	close(folder);
	close(fd);

	assert_int_equal(results_create(path, &why), -ENOTEMPTY);
	assert_non_null(strstr(why, "is not empty"));
	free(take_ptr(why));
	assert_int_equal(results_create(deep, &why), -ENOENT);
	free(take_ptr(why));
	assert_int_equal(fs_publish(AT_FDCWD, file, "", 0, 0600), 0);
	assert_int_equal(results_create(file, &why), -ENOTDIR);
}

/* --- plan ---------------------------------------------------------------------------------------- */

static const struct scenario a = { .id = "t.a", .NEEDS({ NEED_MODULE, "m" }) };
static const struct scenario b = { .id = "t.b",
				   .NEEDS({ NEED_MODULE, "m" }, { NEED_ROLE, "rdma" }) };
static const struct scenario c = { .id = "t.c" };
static const struct scenario *const abc[] = { &a, &b, &c };

static void planned(void **state attr_unused)
{
	char *required[] = { (char *)"t.c" }, *excluded[] = { (char *)"t.b" };
	char *ids[] = { (char *)"t.b", (char *)"t.a", (char *)"t.b" }, *bad[] = { (char *)"t.x" };
	const struct profile p = { .name = (char *)"p",
				   .required = { required, 1 },
				   .excluded = { excluded, 1 } };
	const char *unknown;
	struct plan plan;

	assert_int_equal(plan_select(&plan, abc, 3, &p, NULL, 0, &unknown), 0);
	assert_int_equal(plan.n, 2);
	assert_string_equal(plan.items[0].scenario->id, "t.b");
	assert_int_equal(plan.items[0].nr_unmet, 1);
	assert_int_equal(plan.items[0].unmet[0].category, SKIP_USER_EXCLUDED);
	assert_string_equal(plan.items[1].scenario->id, "t.c");
	assert_false(plan_needs(&plan, NEED_MODULE, "m")); /* it cannot start anyway */
	plan_release(&plan);

	/* named: once each, in the table's order, excluded or not */
	assert_int_equal(plan_select(&plan, abc, 3, &p, ids, 3, &unknown), 0);
	assert_int_equal(plan.n, 2);
	assert_string_equal(plan.items[0].scenario->id, "t.a");
	assert_string_equal(plan.items[1].scenario->id, "t.b");
	assert_int_equal(plan.items[1].nr_unmet, 0);
	assert_true(plan_needs(&plan, NEED_MODULE, "m"));
	plan_deny(&plan, NEED_ROLE, "rdma", SKIP_DEPENDENCY, "no");
	assert_int_equal(plan.items[0].nr_unmet, 0);
	assert_int_equal(plan.items[1].nr_unmet, 1);
	plan_release(&plan);

	assert_int_equal(plan_select(&plan, abc, 3, &p, bad, 1, &unknown), -EINVAL);
	assert_string_equal(unknown, "t.x");
	plan_release(&plan);
}

/* --- channel ------------------------------------------------------------------------------------- */

static int keep(void *arg, json_t *record)
{
	jx_append(arg, record);
	return 0;
}

/* However the bytes come in, the records are the same. */
static void pieces(void **state attr_unused)
{
	static const char text[] =
		"{\"event\":\"why\",\"text\":\"a\"}\n"
		"{\"event\":\"evidence\",\"kind\":\"data\",\"state\":\"refuted\","
		"\"text\":\"x\"}\n"
		"{\"event\":\"outcome\",\"outcome\":\"pass\"}\n";

	for (size_t size = 1; size < sizeof(text); size++) {
		autojson json_t *records = jx_array();
		struct channel ch = { 0 };

		for (size_t at = 0; at < sizeof(text) - 1; at += size) {
			size_t left = sizeof(text) - 1 - at;

			assert_int_equal(channel_feed(&ch, text + at, left < size ? left : size,
						      keep, records),
					 0);
		}
		assert_int_equal(channel_end(&ch), 0);
		assert_int_equal(json_array_size(records), 3);
		assert_int_equal(ch.nr_outcomes, 1);
		assert_int_equal(ch.claimed, OUTCOME_PASS);
		assert_int_equal(ch.states[EVIDENCE_DATA], EVIDENCE_REFUTED);
		assert_string_equal(ch.why, "a");
		channel_release(&ch);
	}
}

/* Everything that is not exactly a record that a scenario may write. */
static void not_said(void **state attr_unused)
{
	/* clang-format off */
	static const char *const lines[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"event\":1}",
		"{\"event\":\"run-end\",\"reason\":\"complete\"}",
		"{\"event\":\"undo-done\",\"undo\":0,\"result\":\"undone\"}",
		"{\"event\":\"why\"}",
		"{\"event\":\"why\",\"text\":1}",
		"{\"event\":\"why\",\"text\":\"a\",\"scenario\":\"other\"}",
		"{\"event\":\"why\",\"text\":\"a\",\"text\":\"b\"}",
		"{\"event\":\"outcome\",\"outcome\":\"notrun\"}",
		"{\"event\":\"outcome\",\"outcome\":\"passed\"}",
		"{\"event\":\"evidence\",\"kind\":\"luck\",\"state\":\"proven\",\"text\":\"\"}",
		"{\"event\":\"evidence\",\"kind\":\"kernel_log\",\"state\":\"proven\",\"text\":\"\"}",
		"{\"event\":\"evidence\",\"kind\":\"data\",\"state\":\"sure\",\"text\":\"\"}",
		"{\"event\":\"skip\",\"category\":\"lazy\",\"text\":\"\"}",
		"{\"event\":\"error\",\"kind\":\"none\",\"text\":\"\"}",
		"{\"event\":\"device\",\"address\":\"3b:00\"}",
		"{\"event\":\"device\",\"other\":\"x\"}",
		"{\"event\":\"measurement\",\"name\":\"a\",\"unit\":\"b\",\"value\":\"c\"}",
		"{\"event\":\"finding\",\"code\":\"NO-SUCH\",\"functions\":[],\"text\":\"\"}",
		"{\"event\":\"facts\",\"name\":\"a\",\"worth\":1}",
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		autofree char *line = xasprintf("%s\n", lines[i]);
		autojson json_t *records = jx_array();
		struct channel ch = { 0 };

		if (channel_feed(&ch, line, strlen(line), keep, records) != -EPROTO || !ch.fault)
			fail_msg("'%s' is taken", lines[i]);
		assert_int_equal(json_array_size(records), 0);
		assert_int_equal(channel_feed(&ch, "x", 1, keep, records), -EPROTO);
		channel_release(&ch);
	}
}

static void host(void **state)
{
	autojson json_t *nothing = host_to_json(*state);
	autojson json_t *kernel = host_kernel_to_json(*state);

	assert_non_null(jx_get_str(nothing, "hostname"));
	assert_null(json_object_get(nothing, "cpu"));
	assert_null(json_object_get(nothing, "memory_bytes"));
	assert_null(json_object_get(nothing, "vendor"));
	assert_non_null(jx_get_str(kernel, "release"));
	assert_null(json_object_get(kernel, "cmdline"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(taint),          test_in_dir(tainting_modules),
		cmocka_unit_test(taint_set), cmocka_unit_test(slowness),
		test_in_dir(locked),         test_in_dir(died),
		test_in_dir(distrusted),     test_in_dir(strange_locks),
		test_in_dir(results),        cmocka_unit_test(planned),
		cmocka_unit_test(pieces),    cmocka_unit_test(not_said),
		test_in_dir(host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
