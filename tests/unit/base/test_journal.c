/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/base/journal.c: numbering, a last line torn at any byte, damage anywhere else, a full disk. */
#include "base/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static json_t *why_record(const char *text)
{
	json_t *record = journal_record("why");

	jx_set_str(record, "text", text);
	return record;
}

static void write_three(int dir)
{
	struct journal *j = journal_create(dir);

	assert_non_null(j);
	assert_int_equal(journal_write(j, why_record("one")), 0);
	assert_int_equal(journal_write(j, why_record("two")), 0);
	assert_int_equal(journal_write(j, why_record("three: \xc3\xa9, \x01\"")), 0);
	journal_close(j);
}

static void replace(int dir, const char *text, size_t len)
{
	autoclose int fd =
		openat(dir, JOURNAL_NAME, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, len), 0);
}

static size_t read_size(int dir, bool torn_wanted)
{
	autojson json_t *records = NULL;
	autofree char *why = NULL;
	bool torn;
	int r = journal_read(dir, &records, &torn, &why);

	if (r < 0)
		fail_msg("%s", why);
	assert_int_equal(torn, torn_wanted);
	return json_array_size(records);
}

static void written_and_read(void **state)
{
	autoclose int dir = open_dir(*state);
	autojson json_t *records = NULL;
	autofree char *why = NULL;
	const json_t *record;
	struct stat st;
	bool torn;
	size_t i;

	write_three(dir);
	assert_int_equal(journal_read(dir, &records, &torn, &why), 0);
	assert_false(torn);
	assert_int_equal(json_array_size(records), 3);
	json_array_foreach (records, i, record) {
		assert_int_equal(jx_get_int(record, "seq", -1), i);
		assert_true(jx_get_int(record, "t_ns", 0) > 0);
		assert_string_equal(jx_get_str(record, "event"), "why");
	}
	assert_string_equal(jx_get_str(json_array_get(records, 2), "text"),
			    "three: \xc3\xa9, \\x01\"");
	assert_int_equal(fstatat(dir, JOURNAL_NAME, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* there is one already */
	assert_null(journal_create(dir));
	assert_int_equal(errno, EEXIST);
}

/* Cut at any byte of its last line, the journal is as good as without that line; then it goes on. */
static void torn_anywhere(void **state)
{
	autoclose int dir = open_dir(*state);
	autofree char *text = NULL;
	size_t len, last;

	write_three(dir);
	assert_int_equal(fs_read(dir, JOURNAL_NAME, 1 << 20, &text, &len), 0);
	for (last = len - 1; text[last - 1] != '\n'; last--)
		;
	for (size_t cut = last; cut <= len; cut++) {
		struct journal *j;

		replace(dir, text, cut);
		assert_int_equal(read_size(dir, cut != last && cut != len), cut == len ? 3 : 2);
		j = journal_append(dir);
		assert_non_null(j);
		assert_int_equal(journal_write(j, why_record("on")), 0);
		journal_close(j);
		assert_int_equal(read_size(dir, false), cut == len ? 4 : 3);
	}
}

/* A crash can leave a last line whose length is on disk but not its bytes. */
static void torn_to_zeroes(void **state)
{
	autoclose int dir = open_dir(*state);
	autofree char *text = NULL;
	size_t len;

	write_three(dir);
	assert_int_equal(fs_read(dir, JOURNAL_NAME, 1 << 20, &text, &len), 0);
	for (size_t i = len - 2; text[i] != '\n'; i--)
		text[i] = '\0';
	replace(dir, text, len);
	assert_int_equal(read_size(dir, true), 2);
}

static void damaged(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "x\n{\"event\":\"a\",\"seq\":1,\"t_ns\":1}\n", "line 1 is no JSON object" },
		{ "[]\n", "line 1 is no JSON object" },
		{ "{\"seq\":0,\"t_ns\":1}\n", "line 1 has no 'event'" },
		{ "{\"event\":\"a\",\"seq\":0}\n", "line 1 has no 'event' or no 't_ns'" },
		{ "{\"event\":\"a\",\"seq\":1,\"t_ns\":1}\n", "does not have 'seq' 0" },
		{ "{\"event\":\"a\",\"seq\":0,\"t_ns\":1}\n{\"event\":\"a\",\"seq\":2,\"t_ns\":1}"
		  "\n",
		  "line 2 does not have 'seq' 1" },
		{ "{\"event\":\"a\",\"event\":\"b\",\"seq\":0,\"t_ns\":1}\n\n", "line 1" },
	};
	autoclose int dir = open_dir(*state);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autojson json_t *records = NULL;
		autofree char *why = NULL;
		bool torn;

		replace(dir, cases[i].text, strlen(cases[i].text));
		assert_int_equal(journal_read(dir, &records, &torn, &why), -EINVAL);
		if (!strstr(why, cases[i].why))
			fail_msg("'%s' does not say '%s'", why, cases[i].why);
		assert_null(journal_append(dir));
		assert_int_equal(errno, EINVAL);
	}
}

static void absent(void **state)
{
	autoclose int dir = open_dir(*state);
	autojson json_t *records = NULL;
	autofree char *why = NULL;
	bool torn;

	assert_int_equal(journal_read(dir, &records, &torn, &why), -ENOENT);
	assert_non_null(strstr(why, "cannot read 'journal.jsonl'"));
	assert_null(journal_append(dir));
	assert_int_equal(errno, ENOENT);
}

/* What does not fit is cut off again, and the failure stands. */
static void disk_full(void **state)
{
	autoclose int dir = open_dir(*state);
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit limit = { 200, 200 };
		struct journal *j = journal_create(dir);

		signal(SIGXFSZ, SIG_IGN);
		if (!j || setrlimit(RLIMIT_FSIZE, &limit) < 0 ||
		    journal_write(j, why_record("fits")) != 0 ||
		    journal_write(j, why_record("fits")) != 0 ||
		    journal_write(j, why_record("does not fit, because it is too long for what is "
						"left of the room that there is")) != -EFBIG ||
		    journal_write(j, why_record("")) != -EFBIG)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(read_size(dir, false), 2);
}

/* A process that has the journal open must notice when somebody else lays hands on it. */
static void changed_by_others(void **state)
{
	static const struct {
		const char *what;
		int written, verified; /* what the next write and the verification give */
	} changes[] = {
		{ "nothing", 0, 0 },
		{ "appended", -ESTALE, -ESTALE },
		{ "truncated", -ESTALE, -ESTALE },
		{ "removed", -ESTALE, -ESTALE },
		{ "in place", 0, -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		autofree char *path = xasprintf("%s/%zu", (char *)*state, i);
		autoclose int dir = -1;
		autoclose int fd = -1;
		struct journal *j;

		assert_int_equal(mkdir(path, 0700), 0);
		dir = open_dir(path);
		j = journal_create(dir);
		assert_non_null(j);
		assert_int_equal(journal_write(j, why_record("one")), 0);
		assert_int_equal(journal_verify(j), 0);
		fd = openat(dir, JOURNAL_NAME, O_WRONLY | O_CLOEXEC);
		if (strcmp(changes[i].what, "appended") == 0)
			assert_int_equal(pwrite(fd, "{}\n", 3, lseek(fd, 0, SEEK_END)), 3);
		else if (strcmp(changes[i].what, "truncated") == 0)
			assert_int_equal(ftruncate(fd, 5), 0);
		else if (strcmp(changes[i].what, "removed") == 0)
			assert_int_equal(unlinkat(dir, JOURNAL_NAME, 0), 0);
		else if (strcmp(changes[i].what, "in place") == 0)
			assert_int_equal(pwrite(fd, "E", 1, 3), 1);
		assert_int_equal(journal_write(j, why_record("two")), changes[i].written);
		assert_int_equal(journal_error(j), changes[i].written);
		assert_int_equal(journal_verify(j), changes[i].verified);
		journal_close(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(written_and_read),
		test_in_dir(torn_anywhere),
		test_in_dir(torn_to_zeroes),
		test_in_dir(damaged),
		test_in_dir(absent),
		test_in_dir(disk_full),
		test_in_dir(changed_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
