// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters of memory, from files made for it and from our own memory. */
#include "../test.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/memstat.h"
#include "scenario/pagemap.h"

static char *write_file(const char *dir, const char *name, const void *data, size_t len)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_publish(AT_FDCWD, path, data, len, 0600), 0);
	return path;
}

static char *write_text(const char *dir, const char *name, const char *text)
{
	return write_file(dir, name, text, strlen(text));
}

static void told(void **state)
{
	autofree char *path = write_text(*state, "vmstat",
					 "numa_hint_faults 17\nnuma_hint_faults_local 3\n"
					 "odd\nlarge 18446744073709551616\nsigned -1\n");

	assert_int_equal(memstat_told(path, "numa_hint_faults"), 17);
	assert_int_equal(memstat_told(path, "numa_hint_faults_local"), 3);
	assert_int_equal(memstat_told(path, "numa_hint"), 0);
	assert_int_equal(memstat_told(path, "odd"), 0);
	assert_int_equal(memstat_told(path, "large"), 0);
	assert_int_equal(memstat_told(path, "signed"), 0);
	assert_int_equal(memstat_told("/no/such/file", "odd"), 0);
}

static void kmalloc(void **state)
{
	autofree char *good =
		write_text(*state, "slabinfo",
			   "slabinfo - version: 2.1\n"
			   "# name            <active_objs> <num_objs> <objsize> : tunables\n"
			   "kmalloc-rnd-01-32     100    128     32  128    1 : tunables 0\n"
			   "kmem_cache            700    700    256   16    1 : tunables 0\n"
			   "kmalloc-4k              3      8   4096    8    8 : tunables 0\n");
	autofree char *none = write_text(*state, "none", "slabinfo - version: 2.1\n");
	autofree char *cut = write_text(*state, "cut", "kmalloc-32 100 128\n");
	autofree char *odd = write_text(*state, "odd", "kmalloc-32 100 many 32 128\n");
	uint64_t bytes = 0;

	assert_int_equal(memstat_kmalloc(good, &bytes), 0);
	assert_int_equal(bytes, 100 * 32 + 3 * 4096);
	assert_int_equal(memstat_kmalloc(none, &bytes), -ENODATA);
	assert_int_equal(memstat_kmalloc(cut, &bytes), -EPROTO);
	assert_int_equal(memstat_kmalloc(odd, &bytes), -EPROTO);
	assert_int_equal(memstat_kmalloc("/no/such/file", &bytes), -ENOENT);
}

static const char two_mappings[] = "1000-3000 rw-p 00000000 00:00 0 \n"
				   "Size:                  8 kB\n"
				   "Rss:                   8 kB\n"
				   "Pss:                   6 kB\n"
				   "Pss_Dirty:             6 kB\n"
				   "Shared_Clean:          4 kB\n"
				   "Shared_Dirty:          0 kB\n"
				   "Private_Clean:         0 kB\n"
				   "Private_Dirty:         4 kB\n"
				   "Anonymous:             8 kB\n"
				   "Swap:                  4 kB\n"
				   "SwapPss:               4 kB\n"
				   "VmFlags: rd wr mr mw me dd \n"
				   "3000-4000 rw-p 00000000 00:00 0    [anon: fade-cafe]\n"
				   "Rss:                   4 kB\n"
				   "Pss:                   4 kB\n"
				   "Private_Clean:         4 kB\n";

static void smaps(void **state)
{
	autofree char *path = write_text(*state, "smaps", two_mappings);
	struct smaps s;

	assert_int_equal(memstat_smaps(path, (void *)0x1000, 0x2000, &s), 0);
	assert_int_equal(s.rss, 8 << 10);
	assert_int_equal(s.pss, 6 << 10);
	assert_int_equal(s.shared, 4 << 10);
	assert_int_equal(s.private, 4 << 10);
	assert_int_equal(s.swap, 4 << 10);

	/* both, and none that is only touched */
	assert_int_equal(memstat_smaps(path, (void *)0x1000, 0x3000, &s), 0);
	assert_int_equal(s.rss, 12 << 10);
	assert_int_equal(s.pss, 10 << 10);
	assert_int_equal(s.private, 8 << 10);
	assert_int_equal(memstat_smaps(path, (void *)0x2000, 0x2000, &s), 0);
	assert_int_equal(s.rss, 4 << 10);
	assert_int_equal(memstat_smaps(path, (void *)0x2000, 0x1000, &s), -ENODATA);
	assert_int_equal(memstat_smaps("/no/such/file", (void *)0x2000, 0x1000, &s), -ENOENT);
}

static void smaps_that_are_odd(void **state)
{
	autofree char *path = write_text(*state, "odd", "1000-2000 rw-p\nRss: many kB\n");
	struct smaps s;

	assert_int_equal(memstat_smaps(path, (void *)0x1000, 0x1000, &s), -EPROTO);
}

/* Of a mapping of our own the kernel tells what was touched. */
static void smaps_of_ours(void **state attr_unused)
{
	const size_t pages = 8, len = pages * page_size();
	unsigned char *at = mmap(NULL, 3 * len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smaps s;

	assert_true(at != MAP_FAILED);
	assert_int_equal(mprotect(at + len, len, PROT_READ | PROT_WRITE), 0);
	(void)madvise(at + len, len, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages / 2; i++)
		at[len + i * page_size()] = 1;
	assert_int_equal(memstat_smaps(NULL, at + len, len, &s), 0);
	assert_int_equal(s.rss, len / 2);
	munmap(at, 3 * len);
}

static void page(void **state)
{
	const uint64_t counts[] = { 0, 1, 2 };
	autofree char *path = write_file(*state, "kpagecount", counts, sizeof(counts));
	uint64_t value;

	assert_int_equal(memstat_page(path, 2, &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(memstat_page(path, 3, &value), -ENODATA);
	assert_int_equal(memstat_page("/no/such/file", 0, &value), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(told),
		test_in_dir(kmalloc),
		test_in_dir(smaps),
		test_in_dir(smaps_that_are_odd),
		cmocka_unit_test(smaps_of_ours),
		test_in_dir(page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
