/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* posix_spawn(), its messages collected, its end waited for. */
#include "base/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#define MESSAGES_MAX 4096 /* bytes */

char *tool_path(const char *name)
{
	const char *env = getenv("PATH");
	autofree char *dirs = xasprintf("%s:/usr/sbin:/usr/bin:/sbin:/bin", env ? env : "");
	char *save, *dir;

	for (dir = strtok_r(dirs, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		autofree char *path = xasprintf("%s/%s", dir, name);
		struct stat st;

		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
			return take_ptr(path);
	}
	return NULL;
}

/* A run blocks and ignores signals that a program must have as usual. */
static pid_t spawn(const char *path, const char *const argv[], int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	pid_t pid;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	r = posix_spawn(&pid, path, &actions, &attributes, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r ? -r : pid;
}

/* Reads until all writers are gone; -ETIMEDOUT. What does not fit into messages is dropped. */
static int collect(int fd, int64_t deadline, char messages[MESSAGES_MAX])
{
	size_t have = 0;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		char buf[512];
		ssize_t n;

		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, clock_poll_ms(deadline - clock_ns())) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if ((size_t)n > MESSAGES_MAX - 1 - have)
			n = (ssize_t)(MESSAGES_MAX - 1 - have);
		memcpy(messages + have, buf, (size_t)n);
		have += (size_t)n;
	}
	messages[have] = '\0';
	return 0;
}

int tool_run(const char *const argv[], int64_t timeout_ns, char **why)
{
	autofree char *path = tool_path(argv[0]);
	char messages[MESSAGES_MAX] = "";
	autoclose int output = -1;
	int fds[2], status, r;
	pid_t pid;

	if (!path) {
		*why = xasprintf("program '%s' is not installed", argv[0]);
		return -ENOENT;
	}
	pid = pipe2(fds, O_CLOEXEC) < 0 ? -errno : 0;
	if (pid == 0) {
		output = fds[0];
		pid = spawn(path, argv, fds[1]);
		close(fds[1]);
	}
	if (pid < 0) {
		*why = xasprintf("cannot run '%s': %s", path, strerror(-pid));
		return pid;
	}

	r = collect(output, clock_ns() + timeout_ns, messages);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0) {
		*why = xasprintf("'%s' did not end in time", path);
		return r;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	*why = xasprintf("'%s' failed: %s", path, text_trim(messages));
	return -EIO;
}
