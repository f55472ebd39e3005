/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/fs.c: reading, publishing, making directories, and what happens when they cannot. */
#include "base/alloc.h"
#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../test.h"

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2; /* . and .. */
}

static void publish_and_read(void **state)
{
	autoclose int dir = open_dir(*state);
	autofree char *text = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(fs_publish(dir, "f", "one", 3, 0640), 0);
	assert_int_equal(fs_publish(dir, "f", "two\0x", 5, 0640), 0);
	assert_int_equal(fs_read(dir, "f", 5, &text, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(text, "two\0x", 6);
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(count_entries(*state), 1);
}

/* Around a page, at which it asks for the length; and what has a length, and does not tell it. */
static void read_long(void **state)
{
	static const size_t lengths[] = { 4095, 4096, 4097, 100000 };
	autoclose int dir = open_dir(*state);
	autofree char *bytes = xcalloc(100000, 1);
	autofree char *maps = NULL;

	for (size_t i = 0; i < 100000; i++)
		bytes[i] = (char)(i * 7);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		autofree char *read = NULL;
		size_t len;

		assert_int_equal(fs_publish(dir, "f", bytes, lengths[i], 0600), 0);
		assert_int_equal(fs_read(dir, "f", lengths[i], &read, &len), 0);
		assert_int_equal(len, lengths[i]);
		assert_memory_equal(read, bytes, len);
		assert_int_equal(read[len], 0);
		assert_int_equal(fs_read(dir, "f", lengths[i] - 1, &maps, NULL), -EFBIG);
	}
	assert_int_equal(fs_read(AT_FDCWD, "/proc/self/smaps", 64u << 20, &maps, NULL), 0);
	assert_true(strlen(maps) > 4096);
}

static void read_limits(void **state)
{
	autoclose int dir = open_dir(*state);
	char *text = NULL;

	assert_int_equal(fs_read(dir, "absent", 10, &text, NULL), -ENOENT);
	assert_int_equal(fs_publish(dir, "f", "12345", 5, 0600), 0);
	assert_int_equal(fs_read(dir, "f", 4, &text, NULL), -EFBIG);
	assert_int_equal(fs_read(dir, ".", 4, &text, NULL), -EISDIR);
	assert_null(text);
}

static void read_longer_than_a_block(void **state)
{
	autoclose int dir = open_dir(*state);
	static char big[100000];
	autofree char *text = NULL;
	size_t len;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i % 26);
	assert_int_equal(fs_publish(dir, "f", big, sizeof(big), 0600), 0);
	assert_int_equal(fs_read(dir, "f", sizeof(big), &text, &len), 0);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(text, big, sizeof(big));
}

static void attributes(void **state)
{
	autoclose int dir = open_dir(*state);
	autofree char *text = NULL;
	uint64_t u = 0;

	assert_int_equal(fs_publish(dir, "a", "0x10de\n", 7, 0600), 0);
	assert_int_equal(fs_publish(dir, "b", "-1\n", 3, 0600), 0);
	assert_int_equal(fs_publish(dir, "c", "x\xff\n", 3, 0600), 0);
	assert_int_equal(fs_read_u64(dir, "a", &u), 0);
	assert_int_equal(u, 0x10de);
	assert_int_equal(fs_read_u64(dir, "b", &u), -EINVAL);
	assert_int_equal(fs_read_u64(dir, "c", &u), -EINVAL);
	assert_int_equal(fs_read_attr(dir, "c", &text), 0);
	assert_string_equal(text, "x\xef\xbf\xbd");
	assert_int_equal(fs_write_attr(dir, "a", "7"), 0);
	assert_int_equal(fs_write_attr(dir, "absent", "7"), -ENOENT);
	assert_false(fs_exists(dir, "absent"));
	assert_true(fs_exists(dir, "a"));
}

static void links(void **state)
{
	autoclose int dir = open_dir(*state);
	autofree char *name = NULL;

	assert_int_equal(symlinkat("../../drivers/nvme", dir, "driver"), 0);
	assert_int_equal(fs_read_link_name(dir, "driver", &name), 0);
	assert_string_equal(name, "nvme");
	assert_int_equal(fs_read_link_name(dir, "absent", &name), -ENOENT);
}

/* A publish that cannot be written leaves the old file and no temporary. */
static void publish_on_full_disk(void **state)
{
	autoclose int dir = open_dir(*state);
	autofree char *text = NULL;
	int status;
	pid_t pid;

	assert_int_equal(fs_publish(dir, "f", "old", 3, 0600), 0);
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { 4096, 4096 };
		static char big[8192];

		/* the closest an unprivileged test comes to a full disk: EFBIG instead of ENOSPC */
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(fs_publish(dir, "f", big, sizeof(big), 0600) == -EFBIG ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(count_entries(*state), 1);
	assert_int_equal(fs_read(dir, "f", 10, &text, NULL), 0);
	assert_string_equal(text, "old");
	assert_int_equal(fs_publish(dir, "absent/f", "x", 1, 0600), -ENOENT);
}

/* Output to a device or a pipe goes there; a pipe that nobody writes to is not waited for. */
static void devices_and_pipes(void **state)
{
	autofree char *file = fs_under(*state, "/out");
	autofree char *fifo = fs_under(*state, "/fifo");
	autofree char *text = NULL;
	char got[4] = "";
	struct stat st;
	int r;

	assert_int_equal(fs_write_output(file, "abc", 3), 0);
	assert_int_equal(fs_read(AT_FDCWD, file, 3, &text, NULL), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(fs_write_output("/dev/full", "abc", 3), -ENOSPC);
	assert_int_equal(stat("/dev/full", &st), 0);
	assert_true(S_ISCHR(st.st_mode));

	assert_int_equal(mkfifo(fifo, 0600), 0);
	free(take_ptr(text));
	assert_int_equal(fs_read(AT_FDCWD, fifo, 10, &text, NULL), 0);
	assert_string_equal(text, "");
	r = open(fifo, O_RDWR | O_CLOEXEC);
	assert_true(r >= 0);
	assert_int_equal(fs_write_output(fifo, "abc", 3), 0);
	assert_int_equal(read(r, got, 3), 3);
	assert_string_equal(got, "abc");
	close(r);
}

static void directories(void **state)
{
	autofree char *deep = fs_under(*state, "/a/b/c");
	autofree char *file = fs_under(*state, "/f");
	autofree char *below = fs_under(*state, "/f/g");
	autofree char *slash = fs_under(*state, "/a/b/");
	autoclose int dir = open_dir(*state);

	assert_int_equal(fs_mkdir_p(deep, 0700), 0);
	assert_int_equal(fs_mkdir_p(deep, 0700), 0);
	assert_int_equal(fs_mkdir_p(slash, 0700), 0);
	assert_int_equal(fs_publish(dir, "f", "", 0, 0600), 0);
	assert_int_equal(fs_mkdir_p(file, 0700), -ENOTDIR);
	assert_int_equal(fs_mkdir_p(below, 0700), -ENOTDIR);
	assert_int_equal(fs_mkdir_p("", 0700), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(publish_and_read),     test_in_dir(read_long),
		test_in_dir(read_limits),          test_in_dir(read_longer_than_a_block),
		test_in_dir(attributes),           test_in_dir(links),
		test_in_dir(publish_on_full_disk), test_in_dir(directories),
		test_in_dir(devices_and_pipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
