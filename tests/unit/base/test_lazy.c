/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of libraries that are loaded late: found and called, or the end of the process. */
#include "../test.h"

#include <sys/wait.h>

#include "base/exit.h"
#include "base/lazy.h"

/* Declared here as a library's header would. */
const char *zlibVersion(void);

LAZY("libz.so.1", const char *, zlibVersion, (void), ())

static void test_called(void **state attr_unused)
{
	const char *version = zlibVersion();

	assert_true(version[0] >= '1' && version[0] <= '9');
	assert_string_equal(zlibVersion(), version);
}

static void test_found(void **state attr_unused)
{
	assert_non_null(lazy_symbol("libz.so.1", "inflate"));
}

/* The status of a process that wants this symbol; what it says on standard error is in text. */
static int status_of(const char *soname, const char *name, char *text, size_t size)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		lazy_symbol(soname, name);
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_missing(void **state attr_unused)
{
	char text[512];

	assert_int_equal(status_of("libz.so.1", "inflate", text, sizeof(text)), 0);
	assert_int_equal(status_of("libnothing.so.7", "inflate", text, sizeof(text)),
			 EXIT_ENVIRONMENT);
	assert_non_null(strstr(text, "cannot load 'libnothing.so.7'"));
	assert_int_equal(status_of("libz.so.1", "no_such_function", text, sizeof(text)),
			 EXIT_ENVIRONMENT);
	assert_non_null(strstr(text, "no_such_function"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_called),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests_name("base/lazy", tests, NULL, NULL);
}
