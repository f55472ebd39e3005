// SPDX-License-Identifier: GPL-2.0-or-later
/* Page table state, over a file made for it and over our own memory; fields of a status file. */
#include "../test.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/pagemap.h"

static char *write_file(const char *dir, const char *name, const void *data, size_t len)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_publish(AT_FDCWD, path, data, len, 0600), 0);
	return path;
}

/* n pages from page number `page` on, as an address that is only looked up. */
static const void *address(size_t page, size_t offset)
{
	return (const void *)(page * page_size() + offset);
}

static void counts_by_state(void **state)
{
	const uint64_t entries[] = {
		0,
		PAGEMAP_PRESENT | 0x1234,
		PAGEMAP_PRESENT | PAGEMAP_FILE,
		PAGEMAP_SWAP | 7,
		/* soft-dirty alone: not mapped */
		1ull << 55,
		PAGEMAP_FILE,
		PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE,
	};
	autofree char *path = write_file(*state, "pagemap", entries, sizeof(entries));
	autoclose int fd = pagemap_open(path);
	struct pagemap_count c;
	uint64_t read[2];

	assert_true(fd >= 0);
	assert_int_equal(pagemap_count(fd, address(0, 0), 7 * page_size(), &c), 0);
	assert_int_equal(c.pages, 7);
	assert_int_equal(c.present, 3);
	assert_int_equal(c.swap, 1);
	assert_int_equal(c.none, 3);

	/* Two bytes over a page boundary touch two pages. */
	assert_int_equal(pagemap_count(fd, address(3, page_size() - 1), 2, &c), 0);
	assert_int_equal(c.pages, 2);
	assert_int_equal(c.swap, 1);
	assert_int_equal(c.none, 1);

	assert_int_equal(pagemap_count(fd, address(3, 5), 0, &c), 0);
	assert_int_equal(c.pages, 0);

	assert_int_equal(pagemap_read(fd, address(1, 17), 2, read), 0);
	assert_int_equal(read[0], entries[1]);
	assert_int_equal(read[1], entries[2]);
}

/* More pages than one read takes. */
static void counts_many(void **state)
{
	autofree uint64_t *entries = xcalloc(1500, sizeof(*entries));
	autofree char *path = NULL;
	autoclose int fd = -1;
	struct pagemap_count c;

	for (size_t i = 0; i < 1500; i += 3)
		entries[i] = PAGEMAP_PRESENT;
	path = write_file(*state, "pagemap", entries, 1500 * sizeof(*entries));
	fd = pagemap_open(path);
	assert_int_equal(pagemap_count(fd, address(0, 0), 1500 * page_size(), &c), 0);
	assert_int_equal(c.pages, 1500);
	assert_int_equal(c.present, 500);
	assert_int_equal(c.none, 1000);
}

static void short_file(void **state)
{
	const uint64_t entries[3] = { PAGEMAP_PRESENT, PAGEMAP_PRESENT, PAGEMAP_PRESENT };
	autofree char *path = write_file(*state, "pagemap", entries, sizeof(entries) - 1);
	autoclose int fd = pagemap_open(path);
	struct pagemap_count c;

	assert_int_equal(pagemap_count(fd, address(0, 0), 2 * page_size(), &c), 0);
	assert_int_equal(pagemap_count(fd, address(0, 0), 3 * page_size(), &c), -ENODATA);
	assert_int_equal(pagemap_count(fd, address(99, 0), page_size(), &c), -ENODATA);
}

static void no_file(void **state)
{
	autofree char *path = xasprintf("%s/none", (char *)*state);

	assert_int_equal(pagemap_open(path), -ENOENT);
}

/* Looking maps nothing; touching does, and MADV_DONTNEED undoes it. */
static void own_memory(void **state attr_unused)
{
	size_t len = 4 * page_size();
	autoclose int fd = pagemap_open(NULL);
	struct pagemap_count c;
	char *p;

	if (fd < 0)
		skip();
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	madvise(p, len, MADV_NOHUGEPAGE);
	for (int look = 0; look < 2; look++) {
		assert_int_equal(pagemap_count(fd, p, len, &c), 0);
		assert_int_equal(c.pages, 4);
		assert_int_equal(c.present, 0);
	}
	p[0] = 1;
	p[2 * page_size()] = 1;
	assert_int_equal(pagemap_count(fd, p, len, &c), 0);
	assert_int_equal(c.present, 2);
	assert_int_equal(madvise(p, page_size(), MADV_DONTNEED), 0);
	assert_int_equal(pagemap_count(fd, p, len, &c), 0);
	assert_int_equal(c.present, 1);
	munmap(p, len);
}

static void status_fields(void **state)
{
	static const char text[] = "Name:\tx VmPin:\t9 kB\n"
				   "VmPinned:\t  8 kB\n"
				   "VmLck:\t       3 kB\n"
				   "VmPin:\t      12 kB\n"
				   "Threads:\t1\n"
				   "VmHuge:\t18446744073709551615 kB\n"
				   "VmBad:\t-1 kB\n"
				   "VmEnd:\t1 kB";
	autofree char *path = write_file(*state, "status", text, sizeof(text) - 1);
	uint64_t n = 0;

	assert_int_equal(proc_status_bytes(path, "VmPin", &n), 0);
	assert_int_equal(n, 12 * 1024);
	assert_int_equal(proc_status_bytes(path, "VmLck", &n), 0);
	assert_int_equal(n, 3 * 1024);
	assert_int_equal(proc_status_bytes(path, "VmEnd", &n), 0);
	assert_int_equal(n, 1024);
	assert_int_equal(proc_status_bytes(path, "VmNone", &n), -ENOENT);
	assert_int_equal(proc_status_bytes(path, "Threads", &n), -EINVAL);
	assert_int_equal(proc_status_bytes(path, "VmBad", &n), -EINVAL);
	assert_int_equal(proc_status_bytes(path, "VmHuge", &n), -ERANGE);
	assert_int_equal(proc_status_bytes("/proc/self/status", "VmPin", &n), 0);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(counts_by_state), test_in_dir(counts_many),
		test_in_dir(short_file),      test_in_dir(no_file),
		cmocka_unit_test(own_memory), test_in_dir(status_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
