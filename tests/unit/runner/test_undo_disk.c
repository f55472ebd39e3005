/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/undo_disk.c: a range of a drive, on files. What it held is back, to the byte, under whatever name
 * the drive has by then; and drives that are none of the named function, or have partitions, are refused.
 */
#include "test_undo_kind.h"

#define ARGS "{\"address\":\"0000:04:00.0\",\"disk\":\"nvme0n1\",\"offset\":4,\"bytes\":8}"

static void put_drive(const char *root, const char *controller, const char *disk, const char *id)
{
	autofree char *address = xasprintf("/sys/class/nvme/%s/address", controller);
	autofree char *entry = xasprintf("/sys/class/nvme/%s/%s/size", controller, disk);
	autofree char *size = xasprintf("/sys/class/block/%s/size", disk);
	autofree char *unit = xasprintf("/sys/class/block/%s/queue/logical_block_size", disk);
	autofree char *wwid = xasprintf("/sys/class/block/%s/wwid", disk);

	put(root, address, "0000:04:00.0\n");
	put(root, entry, "8\n");
	put(root, size, "8\n");
	put(root, unit, "512\n");
	put(root, wwid, id);
}

static void kept_and_put_back(void **state)
{
	autojson json_t *args = parse_args(ARGS);
	bool there;

	put_drive(*state, "nvme0", "nvme0n1", "eui.1\n");
	put(*state, "/dev/nvme0n1", "0123456789abcdef");
	assert_int_equal(try_look(*state, "disk-range", args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_apply(*state, "disk-range", args, NULL, NULL), 0);
	assert_int_equal(try_revert(*state, "disk-range", args, NULL), UNDO_GONE);
	put(*state, "/dev/nvme0n1", "0123????????cdef");
	assert_int_equal(try_revert(*state, "disk-range", args, NULL), UNDO_UNDONE);
	assert_text(*state, "/dev/nvme0n1", "0123456789abcdef");
}

/* Another drive has its name by now. */
static void found_again(void **state)
{
	autojson json_t *args = parse_args(ARGS);
	bool there;

	put_drive(*state, "nvme0", "nvme0n1", "eui.1\n");
	put(*state, "/dev/nvme0n1", "0123456789abcdef");
	assert_int_equal(try_look(*state, "disk-range", args, &there, NULL), 0);
	put_drive(*state, "nvme0", "nvme0n1", "eui.2\n");
	assert_int_equal(try_revert(*state, "disk-range", args, "no drive 'eui.1'"), UNDO_FAILED);
	put_drive(*state, "nvme1", "nvme1n1", "eui.1\n");
	put(*state, "/dev/nvme0n1", "................");
	put(*state, "/dev/nvme1n1", "0123????????cdef");
	assert_int_equal(try_revert(*state, "disk-range", args, NULL), UNDO_UNDONE);
	assert_text(*state, "/dev/nvme0n1", "................");
	assert_text(*state, "/dev/nvme1n1", "0123456789abcdef");
}

static void refused(void **state)
{
	static const struct {
		const char *args;
		int err;
	} rows[] = {
		{ "{}", -EINVAL },
		{ "{\"address\":\"0000:04:00.0\",\"disk\":\"../null\",\"offset\":0,\"bytes\":8}",
		  -EINVAL },
		{ "{\"address\":\"0000:04:00.0\",\"disk\":\"nvme0n1\",\"offset\":-8,\"bytes\":8}",
		  -EINVAL },
		{ "{\"address\":\"0000:04:00.0\",\"disk\":\"nvme0n1\",\"offset\":0,\"bytes\":"
		  "999999}",
		  -EINVAL },
		/* of another function, another drive, beyond the end */
		{ "{\"address\":\"0000:05:00.0\",\"disk\":\"nvme0n1\",\"offset\":0,\"bytes\":8}",
		  -ENODEV },
		{ "{\"address\":\"0000:04:00.0\",\"disk\":\"sda\",\"offset\":0,\"bytes\":8}",
		  -ENODEV },
		{ "{\"address\":\"0000:04:00.0\",\"disk\":\"nvme0n1\",\"offset\":4090,\"bytes\":8}",
		  -ENODEV },
	};
	autojson json_t *good = parse_args(ARGS);
	bool there;

	put_drive(*state, "nvme0", "nvme0n1", "eui.1\n");
	put(*state, "/dev/nvme0n1", "0123456789abcdef");
	put(*state, "/dev/sda", "0123456789abcdef");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autojson json_t *args = parse_args(rows[i].args);

		assert_int_equal(try_look(*state, "disk-range", args, &there, ""), rows[i].err);
	}
	put(*state, "/sys/class/block/nvme0n1/wwid", "");
	assert_int_equal(try_look(*state, "disk-range", good, &there, "no id"), -ENODATA);
	put(*state, "/sys/class/block/nvme0n1/wwid", "eui.1\n");
	put(*state, "/sys/class/block/nvme0n1/nvme0n1p1/partition", "1\n");
	assert_int_equal(try_look(*state, "disk-range", good, &there, "has partitions"), -EBUSY);
	assert_text(*state, "/dev/nvme0n1", "0123456789abcdef");
}

/* The journal is a file: what was kept may be cut, or no longer be what it was. */
static void bad_journal(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"id\":\"eui.1\"}",
		"{\"id\":\"eui.1\",\"bytes\":\"0123\"}",
		"{\"id\":\"eui.1\",\"bytes\":\"012345678901234z\"}",
		"{\"bytes\":\"0123456789012345\"}",
	};

	put_drive(*state, "nvme0", "nvme0n1", "eui.1\n");
	put(*state, "/dev/nvme0n1", "0123456789abcdef");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		autojson json_t *args = parse_args(ARGS);

		jx_set(args, "before", parse_args(texts[i]));
		assert_int_equal(try_revert(*state, "disk-range", args, ""), UNDO_FAILED);
	}
	assert_text(*state, "/dev/nvme0n1", "0123456789abcdef");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test_in_dir(kept_and_put_back),
		test_in_dir(found_again),
		test_in_dir(refused),
		test_in_dir(bad_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
