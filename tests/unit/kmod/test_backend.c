/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/kmod/backend.c: what can be asked of libkmod and a device without privilege and modules. */
#include <fcntl.h>

#include "../test.h"
#include "base/fs.h"
#include "kmod/backend.h"

/* This program has what a module says of itself, so that a copy of it passes for one. */
#define MODINFO(name, text) \
	static const char modinfo_##name[] __attribute__((section(".modinfo"), used)) = \
		#name "=" text
MODINFO(version, "1.2.3");
MODINFO(srcversion, "ABCDEF");
MODINFO(vermagic, "6.66 SMP ");

static void copy_self(const char *path)
{
	autofree char *self = NULL;
	size_t len;

	assert_int_equal(fs_read(AT_FDCWD, "/proc/self/exe", 64u << 20, &self, &len), 0);
	assert_int_equal(fs_publish(AT_FDCWD, path, self, len, 0644), 0);
}

static void file_info(void **state)
{
	autofree char *path = fs_under(*state, "/p2pcert_p2p.ko");
	struct kmod_file_info info;

	copy_self(path);
	assert_int_equal(kmod_backend_kernel.file_info(path, &info), 0);
	assert_string_equal(info.version, "1.2.3");
	assert_string_equal(info.srcversion, "ABCDEF");
	assert_string_equal(info.vermagic, "6.66 SMP ");
	kmod_file_info_release(&info);
}

static void file_info_of_rubbish(void **state)
{
	autofree char *path = fs_under(*state, "/p2pcert_p2p.ko");
	struct kmod_file_info info;

	assert_true(kmod_backend_kernel.file_info(path, &info) < 0);
	assert_int_equal(fs_publish(AT_FDCWD, path, "rubbish", 7, 0644), 0);
	assert_true(kmod_backend_kernel.file_info(path, &info) < 0);
	assert_null(info.version);
}

static void ask(void **state)
{
	autofree char *absent = fs_under(*state, "/absent");
	struct p2pcert_version v;

	assert_int_equal(kmod_backend_kernel.ask(absent, &v), -ENOENT);
	assert_int_equal(kmod_backend_kernel.ask("/dev/null", &v), -ENOTTY);
}

static void insert_nothing(void **state)
{
	autofree char *absent = fs_under(*state, "/p2pcert_p2p.ko");

	assert_int_equal(kmod_backend_kernel.insert(absent, NULL), -ENOENT);
	assert_true(kmod_backend_kernel.insert_stock("p2pcert_no_such_module") < 0);
	assert_true(kmod_backend_kernel.remove("p2pcert_no_such_module") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(file_info),
		test_in_dir(file_info_of_rubbish),
		test_in_dir(ask),
		test_in_dir(insert_nothing),
	};

	return cmocka_run_group_tests_name("kmod/backend", tests, NULL, NULL);
}
