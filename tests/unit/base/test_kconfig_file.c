/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding a kernel's configuration, compressed, plain and damaged. */
#include "../test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/kconfig_file.h"

#define RELEASE "6.1.0-9-amd64"

static void put(const char *t, const char *dir, const char *name, const void *data, size_t len)
{
	autofree char *full = xasprintf("%s%s", t, dir);
	autofree char *path = xasprintf("%s/%s", full, name);

	assert_int_equal(fs_mkdir_p(full, 0755), 0);
	assert_int_equal(fs_publish(AT_FDCWD, path, data, len, 0644), 0);
}

static void put_packed(const char *t, const char *text)
{
	autofree char *dir = xasprintf("%s/proc", t);
	autofree char *path = xasprintf("%s/config.gz", dir);
	gzFile gz;

	assert_int_equal(fs_mkdir_p(dir, 0755), 0);
	gz = gzopen(path, "w");
	assert_true(gzputs(gz, text) > 0);
	assert_int_equal(gzclose(gz), Z_OK);
}

static void assert_reads(const char *t, const char *release, const char *text)
{
	autofree char *found = kconfig_read(t, release);

	if (!text) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, text);
}

static void order(void **state)
{
	const char *t = *state;

	assert_reads(t, RELEASE, NULL);
	put(t, "/lib/modules/" RELEASE, "config", "CONFIG_A=m\n", 11);
	assert_reads(t, RELEASE, "CONFIG_A=m\n");
	assert_reads(t, "6.1.0-10-amd64", NULL);
	put(t, "/boot", "config-" RELEASE, "CONFIG_B=m\n", 11);
	assert_reads(t, RELEASE, "CONFIG_B=m\n");
	assert_reads(t, NULL, NULL);
	put_packed(t, "CONFIG_C=m\n");
	assert_reads(t, RELEASE, "CONFIG_C=m\n");
	assert_reads(t, NULL, "CONFIG_C=m\n");
}

/* What is damaged is none, and the next place counts. */
static void damaged(void **state)
{
	const char *t = *state;
	autofree char *path = xasprintf("%s/proc/config.gz", t);
	struct stat st;

	put(t, "/boot", "config-" RELEASE, "CONFIG_B=m\n", 11);
	put_packed(t, "CONFIG_C=m\nCONFIG_D=m\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 9), 0);
	assert_reads(t, RELEASE, "CONFIG_B=m\n");
	assert_int_equal(truncate(path, 0), 0);
	assert_reads(t, RELEASE, "CONFIG_B=m\n");
}

static void assert_refused(const char *bytes, size_t len, int why)
{
	char *data = xcalloc(len + 1, 1);

	memcpy(data, bytes, len);
	errno = 0;
	assert_null(kconfig_unpack(data, len));
	assert_int_equal(errno, why);
}

static void unpack(void **state attr_unused)
{
	autofree char *large = xcalloc(KCONFIG_MAX + 2, 1);
	uLongf packed_len = compressBound(KCONFIG_MAX + 2);
	autofree char *packed = xcalloc(packed_len, 1);
	z_stream z = { .next_in = (Bytef *)large, .avail_in = KCONFIG_MAX + 2 };

	assert_refused("", 0, EINVAL);
	assert_refused("\x1f\x8b\x08", 3, EINVAL);
	assert_refused(large, KCONFIG_MAX + 1, EFBIG);
	/* much from little */
	z.next_out = (Bytef *)packed;
	z.avail_out = (uInt)packed_len;
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_refused(packed, z.total_out, EFBIG);
	deflateEnd(&z);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_dir_setup, test_dir_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(order),
		TEST(damaged),
		cmocka_unit_test(unpack),
	};

	return cmocka_run_group_tests_name("base/kconfig_file", tests, NULL, NULL);
}
