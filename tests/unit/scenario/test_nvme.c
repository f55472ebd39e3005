// SPDX-License-Identifier: GPL-2.0-or-later
/* Block devices to functions, with and without multipath, and data that tells a wrong transfer. */
#include "sysroot.h"

#include "scenario/nvme.h"
#include "scenario/pattern.h"

#define UNIT NVME_REFERENCE_UNIT

static void disks_of_paths(attr_unused void **state)
{
	static const struct {
		const char *path, *disk;
	} rows[] = {
		{ "nvme0n1", "nvme0n1" },   { "nvme12n34", "nvme12n34" },
		{ "nvme2c5n1", "nvme2n1" }, { "nvme10c11n12", "nvme10n12" },
		{ "nvme0", NULL },          { "nvme0n1p1", NULL },
		{ "nvmen1", NULL },         { "nvme0cn1", NULL },
		{ "nvme0c1", NULL },        { "nvme0c1n", NULL },
		{ "nvme-subsys0", NULL },   { "hwmon3", NULL },
		{ "ng0n1", NULL },          { "", NULL },
		{ "nvme0n1 ", NULL },       { "nvme0c1c2n1", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *disk = nvme_disk_of_path(rows[i].path);

		if (rows[i].disk)
			assert_string_equal(disk, rows[i].disk);
		else
			assert_null(disk);
	}
}

static void put_block(const char *root, const char *name, const char *sectors, const char *unit)
{
	autofree char *size = xasprintf("/sys/class/block/%s/size", name);
	autofree char *block = xasprintf("/sys/class/block/%s/queue/logical_block_size", name);

	put(root, size, sectors);
	put(root, block, unit);
}

static void controllers(void **state)
{
	struct nvme_ns *list;
	size_t n;

	assert_int_equal(nvme_list(*state, &list, &n), 0);
	assert_int_equal(n, 0);

	/* One as most are; its character devices and partitions are no namespaces. */
	put(*state, "/sys/class/nvme/nvme3/address", "0000:81:00.0\n");
	put(*state, "/sys/class/nvme/nvme3/serial", "lab-nvme-3          \n");
	put_dir(*state, "/sys/class/nvme/nvme3/nvme3n1/nvme3n1p1");
	put_dir(*state, "/sys/class/nvme/nvme3/nvme3n2");
	put_dir(*state, "/sys/class/nvme/nvme3/ng3n1");
	put_block(*state, "nvme3n1", "131072\n", "512\n");
	put_block(*state, "nvme3n2", "8\n", "4096\n");
	/* In a subsystem, with one path. */
	put(*state, "/sys/class/nvme/nvme1/address", "0000:03:00.0\n");
	put_dir(*state, "/sys/class/nvme/nvme1/nvme0c1n1");
	put_block(*state, "nvme0n1", "2048\n", "512\n");
	/* In a subsystem, with two. */
	put(*state, "/sys/class/nvme/nvme5/address", "0001:03:00.0\n");
	put(*state, "/sys/class/nvme/nvme6/address", "0001:04:00.0\n");
	put_dir(*state, "/sys/class/nvme/nvme5/nvme5c5n1");
	put_dir(*state, "/sys/class/nvme/nvme6/nvme5c6n1");
	put_block(*state, "nvme5n1", "2048\n", "512\n");
	/* Over a network; without capacity; without block device. */
	put(*state, "/sys/class/nvme/nvme7/address", "traddr=192.0.2.1,trsvcid=4420\n");
	put_dir(*state, "/sys/class/nvme/nvme7/nvme7n1");
	put_block(*state, "nvme7n1", "2048\n", "512\n");
	put(*state, "/sys/class/nvme/nvme8/address", "0000:05:00.0\n");
	put_dir(*state, "/sys/class/nvme/nvme8/nvme8n1");
	put_block(*state, "nvme8n1", "0\n", "512\n");
	put_dir(*state, "/sys/class/nvme/nvme8/nvme8n2");
	/* Nonsense. */
	put_dir(*state, "/sys/class/nvme/nvme8/nvme8n3");
	put_block(*state, "nvme8n3", "36028797018963968\n", "512\n");
	put_dir(*state, "/sys/class/nvme/nvme8/nvme8n4");
	put_block(*state, "nvme8n4", "8\n", "0\n");

	assert_int_equal(nvme_list(*state, &list, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(list[0].name, "nvme0n1");
	assert_true(pci_addr_eq(list[0].addr, (struct pci_addr){ 0, 3, 0, 0 }));
	assert_null(list[0].serial);
	assert_false(list[0].shared);
	assert_string_equal(list[1].name, "nvme3n1");
	assert_string_equal(list[1].serial, "lab-nvme-3");
	assert_int_equal(list[1].size, 131072 * 512);
	assert_int_equal(list[1].block_size, 512);
	assert_string_equal(list[2].name, "nvme3n2");
	assert_int_equal(list[2].block_size, 4096);
	assert_string_equal(list[3].name, "nvme5n1");
	assert_true(list[3].shared);
	nvme_free(list, n);
}

static void distinct(attr_unused void **state)
{
	unsigned char buf[8 * UNIT];

	pattern_fill(buf, sizeof(buf), 1, 0);
	assert_int_equal(nvme_distinct_prefix(buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(nvme_distinct_prefix(buf, 0), 0);

	/* A block that is there twice, whether next to itself or not. */
	memcpy(buf + 6 * UNIT, buf + 2 * UNIT, UNIT);
	assert_int_equal(nvme_distinct_prefix(buf, sizeof(buf)), 6 * UNIT);
	buf[7 * UNIT - 1] ^= 1;
	assert_int_equal(nvme_distinct_prefix(buf, sizeof(buf)), sizeof(buf));

	/* Blocks as of a drive that was never written. */
	memset(buf + 3 * UNIT, 0, UNIT);
	assert_int_equal(nvme_distinct_prefix(buf, sizeof(buf)), 3 * UNIT);
	buf[4 * UNIT - 1] = 1;
	assert_int_equal(nvme_distinct_prefix(buf, sizeof(buf)), sizeof(buf));
	memset(buf, 0xff, UNIT);
	assert_int_equal(nvme_distinct_prefix(buf, sizeof(buf)), 0);
}

/* A drive as a file: empty but for len bytes at offset. */
static int drive(const char *root, uint64_t size, uint64_t offset, size_t len)
{
	autofree char *path = xasprintf("%s/drive", root);
	autofree unsigned char *data = xcalloc(1, len + 1);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	pattern_fill(data, len, 7, offset);
	assert_int_equal(pwrite(fd, data, len, (off_t)offset), len);
	return fd;
}

static void references(void **state)
{
	const uint64_t mib = 1 << 20;
	const size_t len = 64 * UNIT, unit = 8 * UNIT;
	autofree unsigned char *buf = xcalloc(1, len);
	struct nvme_reference ref;
	int fd;

	/* Behind 5 MiB of nothing. */
	fd = drive(*state, 16 * mib, 5 * mib, 1 * mib);
	assert_int_equal(nvme_find_reference(fd, 16 * mib, buf, len, unit, &ref), 0);
	assert_int_equal(ref.offset, 5 * mib);
	assert_int_equal(ref.len, len);
	assert_true(pattern_verify(buf, len, 7, ref.offset, NULL));
	close(fd);

	/* Less than asked for, and no whole units: what is used lies in front of the rest again. */
	fd = drive(*state, 16 * mib, 2 * mib, 3 * unit + 2 * UNIT);
	assert_int_equal(nvme_find_reference(fd, 16 * mib, buf, len, unit, &ref), 0);
	assert_int_equal(ref.offset, 2 * mib);
	assert_int_equal(ref.len, 3 * unit);
	assert_true(pattern_verify(buf, ref.len, 7, ref.offset, NULL));
	close(fd);

	/* Far out on a large drive, which is searched as well. */
	fd = drive(*state, 4096 * mib, 2048 * mib, 256 * mib / 4);
	assert_int_equal(nvme_find_reference(fd, 4096 * mib, buf, len, unit, &ref), 0);
	assert_true(ref.offset >= 2048 * mib && ref.offset < 2112 * mib);
	close(fd);

	/* Too little to be of use, nothing at all, and a drive that is smaller than what is read. */
	fd = drive(*state, 16 * mib, 2 * mib, unit - UNIT);
	assert_int_equal(nvme_find_reference(fd, 16 * mib, buf, len, unit, &ref), -ENODATA);
	close(fd);
	fd = drive(*state, 16 * mib, 0, 0);
	assert_int_equal(nvme_find_reference(fd, 16 * mib, buf, len, unit, &ref), -ENODATA);
	assert_int_equal(nvme_find_reference(fd, len - 1, buf, len, unit, &ref), -ENODATA);
	/* One that claims to be larger than it is. */
	assert_int_equal(nvme_read(fd, buf, len, 16 * mib - UNIT), -ENODATA);
	close(fd);
	assert_int_equal(nvme_find_reference(-1, 16 * mib, buf, len, unit, &ref), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disks_of_paths),
		test_in_dir(controllers),
		cmocka_unit_test(distinct),
		test_in_dir(references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
