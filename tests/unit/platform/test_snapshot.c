/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees as they are walked, and snapshots of them: packings, order, the same bytes, what fails. */
#include "../test.h"

#include <fcntl.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "platform/capture.h"
#include "platform/snapshot.h"

#define FUNCTION "/sys/devices/pci0000:00/0000:00:1f.0"

static void add(struct tree *t, const char *path, const char *text)
{
	assert_int_equal(tree_add_file(t, path, xstrdup(text), strlen(text)), 0);
}

static struct tree *make_machine(void)
{
	struct tree *t = tree_new();

	add(t, FUNCTION "/vendor", "0x8086\n");
	add(t, FUNCTION "/device", "0x1234\n");
	add(t, FUNCTION "/serial", "S3CR3T\n");
	assert_int_equal(tree_add_link(t, CAPTURE_DEVICES "/0000:00:1f.0",
				       "../../../devices/pci0000:00/0000:00:1f.0"),
			 0);
	assert_int_equal(tree_add_dir(t, "/sys/kernel/iommu_groups"), 0);
	add(t, "/proc/cpuinfo", "vendor_id : GenuineIntel\n\nvendor_id : other\n");
	return t;
}

static void items_in_order(void **state attr_unused)
{
	static const char *const paths[] = { "/a", "/a/b", "/a-b", "/c" };
	autotree struct tree *t = tree_new();
	struct tree_item *items;
	size_t nr;

	add(t, "c", "text");
	assert_int_equal(tree_add_link(t, "a-b", "a"), 0);
	assert_int_equal(tree_add_dir(t, "a/b"), 0);
	nr = tree_items(t, &items);
	assert_int_equal(nr, 4);
	for (size_t i = 0; i < nr; i++) {
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(paths); k++)
			found |= strcmp(items[i].path, paths[k]) == 0;
		assert_true(found);
		assert_true(i == 0 || strcmp(items[i - 1].path, items[i].path) < 0);
	}
	assert_int_equal(items[nr - 1].kind, TREE_FILE);
	assert_int_equal(items[nr - 1].len, 4);
	tree_items_free(items, nr);
	/* below a top that was moved there is less */
	assert_int_equal(tree_set_top(t, "a"), 0);
	assert_int_equal(tree_items(t, &items), 1);
	assert_string_equal(items[0].path, "/b");
	tree_items_free(items, 1);
}

static void assert_canonical(const struct tree *t, const char *path, const char *expected)
{
	autofree char *found = tree_canonical(t, path);

	if (!expected) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, expected);
}

static void canonical(void **state attr_unused)
{
	autotree struct tree *t = make_machine();

	assert_canonical(t, CAPTURE_DEVICES "/0000:00:1f.0", FUNCTION);
	assert_canonical(t, "sys/bus/../devices//./pci0000:00", "/sys/devices/pci0000:00");
	assert_canonical(t, "/", "");
	assert_canonical(t, "/nothing", NULL);
	assert_int_equal(tree_add_link(t, "loop", "loop"), 0);
	assert_canonical(t, "/loop", NULL);
}

/* What is read from a tree is all that is kept, and the same is read from that. */
static void record(void **state attr_unused)
{
	autotree struct tree *machine = make_machine(), *kept = tree_new(), *again = tree_new();
	autoplatform struct platform *p = platform_read_tree(machine, "x", kept), *q = NULL;
	autojson json_t *of_p = NULL, *of_q = NULL;
	struct tree_item *items;
	const char *text;
	size_t nr, len;

	assert_non_null(p);
	q = platform_read_tree(kept, "x", again);
	assert_non_null(q);
	of_p = platform_to_json(p);
	of_q = platform_to_json(q);
	assert_true(json_equal(of_p, of_q));
	assert_int_equal(json_array_size(json_object_get(of_q, "functions")), 1);
	assert_int_equal(q->iommu_groups, KNOWN_ABSENT);
	assert_false(tree_exists(kept, FUNCTION "/serial"));
	text = tree_file(kept, "/proc/cpuinfo", &len);
	assert_string_equal(text, "vendor_id : GenuineIntel\n");
	/* and every file of it is one that a source takes */
	nr = tree_items(kept, &items);
	assert_in_range(nr, 10, 20);
	for (size_t i = 0; i < nr; i++)
		if (items[i].kind == TREE_FILE && !capture_wants_file(items[i].path))
			fail_msg("'%s' is read and not taken from captures", items[i].path);
	tree_items_free(items, nr);
}

static void written(void **state)
{
	static const char *const names[] = { "x.tar", "x.tar.gz", "x.tgz", "x.tar.xz",
					     "x.tar.zst" };
	autotree struct tree *machine = make_machine();
	autojson json_t *doc = json_pack("{s:{s:s}}", "source", "kind", "live");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *path = xasprintf("%s/%s", (const char *)*state, names[i]);
		autotree struct tree *files = tree_new();
		autoplatform struct platform *p = NULL;
		autofree char *why = NULL;

		assert_true(snapshot_knows(path));
		assert_int_equal(snapshot_write(path, machine, doc, &why), 0);
		assert_null(why);
		p = snapshot_read(path, files, &why);
		assert_non_null(p);
		assert_int_equal(p->nr_functions, 1);
		assert_int_equal(p->functions[0].device, 0x1234);
		assert_true(tree_exists(files, FUNCTION "/device"));
	}
}

static void reproducible(void **state)
{
	static const char *const names[] = { "x.tar", "x.tar.gz", "x.tar.xz", "x.tar.zst" };
	autotree struct tree *machine = make_machine(), *other = tree_new();
	autojson json_t *doc = json_pack("{s:{s:s}}", "source", "kind", "live");
	struct tree_item *items;
	size_t nr = tree_items(machine, &items);

	/* the same, put together in another order */
	for (size_t i = nr; i--;) {
		const struct tree_item *item = &items[i];

		if (item->kind == TREE_FILE)
			add(other, item->path, item->data);
		else if (item->kind == TREE_LINK)
			assert_int_equal(tree_add_link(other, item->path, item->data), 0);
		else
			assert_int_equal(tree_add_dir(other, item->path), 0);
	}
	tree_items_free(items, nr);
	assert_int_equal(setenv("SOURCE_DATE_EPOCH", "1700000000", 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *path = xasprintf("%s/%s", (const char *)*state, names[i]);
		autofree char *first = NULL, *second = NULL, *why = NULL;
		size_t first_len, second_len;

		assert_int_equal(snapshot_write(path, machine, doc, &why), 0);
		assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &first, &first_len), 0);
		assert_int_equal(snapshot_write(path, other, doc, &why), 0);
		assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &second, &second_len), 0);
		assert_int_equal(first_len, second_len);
		assert_memory_equal(first, second, first_len);
	}
	assert_int_equal(unsetenv("SOURCE_DATE_EPOCH"), 0);
}

static void refused(void **state)
{
	static const char *const times[] = { "-1", "1e9", "253402300800" };
	autotree struct tree *machine = make_machine();
	autojson json_t *doc = json_pack("{s:{s:s}}", "source", "kind", "live");
	autofree char *path = xasprintf("%s/x.tar", (const char *)*state);
	autofree char *nowhere = xasprintf("%s/no/x.tar", (const char *)*state);
	char *why;

	assert_false(snapshot_knows(".tar"));
	assert_false(snapshot_knows("x.tar.bz2"));
	assert_false(snapshot_knows("x"));
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		assert_int_equal(setenv("SOURCE_DATE_EPOCH", times[i], 1), 0);
		assert_int_equal(snapshot_write(path, machine, doc, &why), -EINVAL);
		assert_non_null(strstr(why, times[i]));
		free(why);
	}
	assert_int_equal(unsetenv("SOURCE_DATE_EPOCH"), 0);
	assert_false(fs_exists(AT_FDCWD, path));
	assert_int_equal(snapshot_write(nowhere, machine, doc, &why), -ENOENT);
	assert_non_null(strstr(why, nowhere));
	free(why);
	assert_null(snapshot_read(nowhere, NULL, &why));
	assert_non_null(why);
	free(why);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_dir_setup, test_dir_teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_in_order),
		cmocka_unit_test(canonical),
		cmocka_unit_test(record),
		TEST(written),
		TEST(reproducible),
		TEST(refused),
	};

	return cmocka_run_group_tests_name("platform/snapshot", tests, NULL, NULL);
}
