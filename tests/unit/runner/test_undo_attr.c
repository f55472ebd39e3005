/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/undo_attr.c: sysctl, huge pages and types of IOMMU groups, on files. /dev/null is a file
 * that takes every value and keeps none.
 */
#include "test_undo_kind.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"

static void sysctl_set_and_back(void **state)
{
	autojson json_t *args = parse_args("{\"name\":\"vm.swappiness\",\"value\":\"100\"}");
	bool there;

	put(*state, SWAPPINESS, "60\n");
	assert_int_equal(try_look(*state, "sysctl", args, &there, NULL), 0);
	assert_false(there);
	/* never made */
	assert_int_equal(try_revert(*state, "sysctl", args, NULL), UNDO_GONE);
	assert_int_equal(try_apply(*state, "sysctl", args, NULL, NULL), 0);
	assert_text(*state, SWAPPINESS, "100\n");
	assert_int_equal(try_revert(*state, "sysctl", args, NULL), UNDO_UNDONE);
	assert_text(*state, SWAPPINESS, "60\n");
	assert_int_equal(try_revert(*state, "sysctl", args, NULL), UNDO_GONE);
	take_away(*state, SWAPPINESS);
	assert_int_equal(try_revert(*state, "sysctl", args, "no longer there"), UNDO_GONE);
}

static void sysctl_names(void **state)
{
	static const struct {
		const char *name, *path;
	} rows[] = {
		{ "net.ipv4.conf.eth0/1.forwarding", "/proc/sys/net/ipv4/conf/eth0.1/forwarding" },
		{ "net/ipv4/conf/eth0.1/forwarding", "/proc/sys/net/ipv4/conf/eth0.1/forwarding" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autojson json_t *args = parse_args("{\"value\":\"1\"}");
		bool there;

		jx_set_str(args, "name", rows[i].name);
		put(*state, rows[i].path, "0\n");
		assert_int_equal(try_look(*state, "sysctl", args, &there, NULL), 0);
		assert_int_equal(try_apply(*state, "sysctl", args, NULL, NULL), 0);
		assert_text(*state, rows[i].path, "1\n");
	}
}

/* White space is the kernel's to choose. */
static void sysctl_there(void **state)
{
	autojson json_t *args =
		parse_args("{\"name\":\"net/ipv4/tcp_rmem\",\"value\":\"4096 131072 6291456\"}");
	autojson json_t *other =
		parse_args("{\"name\":\"net/ipv4/tcp_rmem\",\"value\":\"4096 131072\"}");
	bool there;

	put(*state, "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
	assert_int_equal(try_look(*state, "sysctl", args, &there, NULL), 0);
	assert_true(there);
	assert_null(json_object_get(args, "before"));
	assert_int_equal(try_apply(*state, "sysctl", args, NULL, NULL), 0);
	assert_text(*state, "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
	assert_int_equal(try_look(*state, "sysctl", other, &there, NULL), 0);
	assert_false(there);
}

static void sysctl_not_possible(void **state)
{
	autojson json_t *absent = parse_args("{\"name\":\"vm.no_such\",\"value\":\"1\"}");
	autojson json_t *folder = parse_args("{\"name\":\"net.ipv4\",\"value\":\"1\"}");
	autojson json_t *lines = parse_args("{\"name\":\"dev.lines\",\"value\":\"1\"}");
	autojson json_t *one_way =
		parse_args("{\"name\":\"kernel/modules_disabled\",\"value\":\"1\"}");
	autojson json_t *args = parse_args("{\"name\":\"vm.swappiness\",\"value\":\"100\"}");
	bool there;

	put(*state, SWAPPINESS, "60\n");
	put(*state, "/proc/sys/net/ipv4/x", "");
	put(*state, "/proc/sys/dev/lines", "1\n2\n");
	put(*state, "/proc/sys/kernel/modules_disabled", "0\n");
	assert_int_equal(try_look(*state, "sysctl", absent, &there, "no sysctl 'vm.no_such'"),
			 -ENOENT);
	assert_int_equal(try_look(*state, "sysctl", folder, &there, "cannot be read"), -EISDIR);
	assert_int_equal(try_look(*state, "sysctl", lines, &there, "more than one line"), -EINVAL);
	assert_int_equal(try_look(*state, "sysctl", one_way, &there, "before the next boot"),
			 -EINVAL);

	assert_int_equal(try_look(*state, "sysctl", args, &there, NULL), 0);
	put_link(*state, SWAPPINESS, "/dev/null");
	assert_int_equal(try_apply(*state, "sysctl", args, NULL, "does not take it"), -EIO);
	assert_int_equal(try_revert(*state, "sysctl", args, "to '60'"), UNDO_FAILED);
	take_away(*state, SWAPPINESS);
	assert_int_equal(try_apply(*state, "sysctl", args, NULL, "No such file"), -ENOENT);
}

static void sysctl_hostile(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"name\":\"vm.swappiness\"}",
		"{\"value\":\"1\"}",
		"{\"name\":7,\"value\":\"1\"}",
		"{\"name\":\"vm.swappiness\",\"value\":1}",
		"{\"name\":\"\",\"value\":\"1\"}",
		"{\"name\":\"swappiness\",\"value\":\"1\"}",
		"{\"name\":\"/vm/swappiness\",\"value\":\"1\"}",
		"{\"name\":\".vm.swappiness\",\"value\":\"1\"}",
		"{\"name\":\"vm..swappiness\",\"value\":\"1\"}",
		"{\"name\":\"vm/../swappiness\",\"value\":\"1\"}",
		"{\"name\":\"vm.//.swappiness\",\"value\":\"1\"}",
		"{\"name\":\"vm/../../../etc/passwd\",\"value\":\"1\"}",
		"{\"name\":\"vm/./swappiness\",\"value\":\"1\"}",
		"{\"name\":\"vm/swappiness/\",\"value\":\"1\"}",
		"{\"name\":\"vm.swap\\npiness\",\"value\":\"1\"}",
		"{\"name\":\"vm.swappiness\",\"value\":\"1\\n2\"}",
	};
	autojson json_t *no_before = parse_args("{\"name\":\"vm.swappiness\",\"value\":\"1\"}");
	autojson json_t *lines = parse_args("{\"name\":\"vm.swappiness\",\"value\":\"1\","
					    "\"before\":{\"value\":\"1\\n2\"}}");

	put(*state, SWAPPINESS, "60\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(*state, "sysctl", rows[i]);
	assert_int_equal(try_revert(*state, "sysctl", no_before, "no change of kind"), UNDO_FAILED);
	assert_int_equal(try_revert(*state, "sysctl", lines, "no change of kind"), UNDO_FAILED);
	assert_text(*state, SWAPPINESS, "60\n");
}

/* --- huge pages ---------------------------------------------------------------------------------- */

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

/* All are free: as many as there are. */
static void put_pool(const char *root, const char *nr)
{
	put(root, POOL "nr_hugepages", nr);
	put(root, POOL "resv_hugepages", "1\n");
	put_link(root, POOL "free_hugepages", "nr_hugepages");
}

static void huge_pages(void **state)
{
	autojson json_t *args = parse_args("{\"bytes\":2097152,\"count\":8}");
	bool there;

	put_pool(*state, "3\n");
	assert_int_equal(try_look(*state, "huge-pages", args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_revert(*state, "huge-pages", args, NULL), UNDO_GONE);
	assert_int_equal(try_apply(*state, "huge-pages", args, NULL, NULL), 0);
	/* one is promised to somebody */
	assert_text(*state, POOL "nr_hugepages", "9\n");
	assert_int_equal(try_revert(*state, "huge-pages", args, NULL), UNDO_UNDONE);
	assert_text(*state, POOL "nr_hugepages", "3\n");
	assert_int_equal(try_revert(*state, "huge-pages", args, NULL), UNDO_GONE);

	put_pool(*state, "9\n");
	assert_int_equal(try_look(*state, "huge-pages", args, &there, NULL), 0);
	assert_true(there);
	assert_int_equal(try_apply(*state, "huge-pages", args, NULL, NULL), 0);
	assert_text(*state, POOL "nr_hugepages", "9\n");
}

static void huge_pages_not_possible(void **state)
{
	autojson json_t *args = parse_args("{\"bytes\":2097152,\"count\":8}");
	bool there;

	assert_int_equal(try_look(*state, "huge-pages", args, &there, "no huge pages of 2048 kB"),
			 -ENOENT);
	put_pool(*state, "3\n");
	assert_int_equal(try_look(*state, "huge-pages", args, &there, NULL), 0);

	/* a kernel that gives none of those asked for */
	take_away(*state, POOL "free_hugepages");
	put(*state, POOL "free_hugepages", "3\n");
	assert_int_equal(
		try_apply(*state, "huge-pages", args, NULL, "of 8 huge pages of 2048 kB only 2"),
		-ENOMEM);
	assert_int_equal(try_revert(*state, "huge-pages", args, NULL), UNDO_UNDONE);
	assert_text(*state, POOL "nr_hugepages", "3\n");

	/* one that does not free them */
	put_link(*state, POOL "nr_hugepages", "free_hugepages");
	put(*state, POOL "free_hugepages", "5\n");
	put_link(*state, POOL "nr_hugepages", "/dev/null");
	assert_int_equal(try_revert(*state, "huge-pages", args, "cannot set the number"),
			 UNDO_FAILED);
	take_away(*state, POOL "resv_hugepages");
	assert_int_equal(try_apply(*state, "huge-pages", args, NULL, NULL), -EINVAL);
}

static void huge_pages_hostile(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"bytes\":2097152}",
		"{\"bytes\":2097152,\"count\":0}",
		"{\"bytes\":2097152,\"count\":-1}",
		"{\"bytes\":2097152,\"count\":9223372036854775807}",
		"{\"bytes\":0,\"count\":1}",
		"{\"bytes\":-2097152,\"count\":1}",
		"{\"bytes\":2097153,\"count\":1}",
		"{\"bytes\":\"2097152/../x\",\"count\":1}",
	};
	autojson json_t *no_before = parse_args("{\"bytes\":2097152,\"count\":8}");
	autojson json_t *negative =
		parse_args("{\"bytes\":2097152,\"count\":8,\"before\":{\"nr\":-2}}");

	put_pool(*state, "3\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(*state, "huge-pages", rows[i]);
	assert_int_equal(try_revert(*state, "huge-pages", no_before, "no change of kind"),
			 UNDO_FAILED);
	assert_int_equal(try_revert(*state, "huge-pages", negative, "no change of kind"),
			 UNDO_FAILED);
	assert_text(*state, POOL "nr_hugepages", "3\n");
}

/* --- IOMMU groups -------------------------------------------------------------------------------- */

#define TYPE "/sys/kernel/iommu_groups/7/type"

static void iommu_group_type(void **state)
{
	autojson json_t *args = parse_args("{\"group\":7,\"type\":\"DMA\"}");
	autojson json_t *same = parse_args("{\"group\":7,\"type\":\"identity\"}");
	bool there;

	put(*state, TYPE, "identity\n");
	assert_int_equal(try_look(*state, "iommu-group-type", same, &there, NULL), 0);
	assert_true(there);
	assert_int_equal(try_look(*state, "iommu-group-type", args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_apply(*state, "iommu-group-type", args, NULL, NULL), 0);
	assert_text(*state, TYPE, "DMA\n");
	assert_int_equal(try_revert(*state, "iommu-group-type", args, NULL), UNDO_UNDONE);
	assert_text(*state, TYPE, "identity\n");
	assert_int_equal(try_revert(*state, "iommu-group-type", args, NULL), UNDO_GONE);
}

static void iommu_group_type_not_possible(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"group\":7}",
		"{\"type\":\"DMA\"}",
		"{\"group\":-1,\"type\":\"DMA\"}",
		"{\"group\":2147483648,\"type\":\"DMA\"}",
		"{\"group\":\"7\",\"type\":\"DMA\"}",
		"{\"group\":7,\"type\":\"auto\"}",
		"{\"group\":7,\"type\":\"dma\"}",
		"{\"group\":7,\"type\":7}",
	};
	autojson json_t *args = parse_args("{\"group\":7,\"type\":\"DMA\"}");
	autojson json_t *bad =
		parse_args("{\"group\":7,\"type\":\"DMA\",\"before\":{\"value\":\"unmanaged\"}}");
	bool there;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(*state, "iommu-group-type", rows[i]);
	assert_int_equal(try_look(*state, "iommu-group-type", args, &there, "no such group"),
			 -ENOENT);
	put(*state, TYPE, "blocked\n");
	assert_int_equal(
		try_look(*state, "iommu-group-type", args, &there, "could not be set again"),
		-EBUSY);
	assert_int_equal(try_revert(*state, "iommu-group-type", bad, "no change of kind"),
			 UNDO_FAILED);
	put(*state, TYPE, "DMA-FQ\n");
	assert_int_equal(try_look(*state, "iommu-group-type", args, &there, NULL), 0);
	put_link(*state, TYPE, "/dev/null");
	assert_int_equal(try_apply(*state, "iommu-group-type", args, NULL, "IOMMU group 7"), -EIO);
	assert_int_equal(try_revert(*state, "iommu-group-type", args, "to 'DMA-FQ'"), UNDO_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(sysctl_set_and_back),
		test_in_dir(sysctl_names),
		test_in_dir(sysctl_there),
		test_in_dir(sysctl_not_possible),
		test_in_dir(sysctl_hostile),
		test_in_dir(huge_pages),
		test_in_dir(huge_pages_not_possible),
		test_in_dir(huge_pages_hostile),
		test_in_dir(iommu_group_type),
		test_in_dir(iommu_group_type_not_possible),
	};

	return cmocka_run_group_tests_name("runner/undo_attr", tests, NULL, NULL);
}
