/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds of change share. */
#include "runner/undo_kind.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"

enum skip_category undo_category(int err)
{
	switch (-err) {
	case EPERM:
	case EACCES:
	case EROFS:
		return SKIP_PERMISSION;
	case EBUSY:
	case EAGAIN:
	case ENOMEM:
		return SKIP_RESOURCE_BUSY;
	default:
		return SKIP_DEPENDENCY;
	}
}

int undo_deny(struct unmet *why, enum skip_category category, int err, const char *fmt, ...)
{
	va_list ap;

	why->category = category;
	va_start(ap, fmt);
	why->text = xvasprintf(fmt, ap);
	va_end(ap);
	return err;
}

int undo_deny_args(struct unmet *why, const char *kind)
{
	return undo_deny(why, SKIP_DEPENDENCY, -EINVAL,
			 "what is asked for is no change of kind '%s'", kind);
}

enum undo_result undo_fail(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*why = xvasprintf(fmt, ap);
	va_end(ap);
	return UNDO_FAILED;
}

enum undo_result undo_fail_args(char **why, const char *kind)
{
	return undo_fail(why, "what was noted of it is no change of kind '%s'", kind);
}

bool undo_is_name(const char *s, size_t max)
{
	size_t len = s ? strlen(s) : 0;

	if (len == 0 || len > max || *s == '-' || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '/' || !isprint((unsigned char)s[i]))
			return false;
	return true;
}

int undo_value_read(const char *path, char **value)
{
	autofree char *text = NULL;
	int r = fs_read_attr(AT_FDCWD, path, &text);

	if (r == 0)
		*value = xstrdup(text_trim(text));
	return r;
}

bool undo_value_same(const char *a, const char *b)
{
	static const char space[] = " \t\n";

	for (;;) {
		size_t len;

		a += strspn(a, space);
		b += strspn(b, space);
		len = strcspn(a, space);
		if (len != strcspn(b, space) || memcmp(a, b, len) != 0)
			return false;
		if (len == 0)
			return true;
		a += len;
		b += len;
	}
}

/* O_TRUNC, as a shell does it: it means nothing to the kernel's files, and much to those of a test. */
static int write_line(const char *path, const char *line)
{
	autoclose int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return fs_write_all(fd, line, strlen(line));
}

int undo_value_write(const char *path, const char *value)
{
	autofree char *line = xasprintf("%s\n", value);

	return write_line(path, line);
}

/* Keeps nothing of ours open, such as the lock, for it may stay for ever. */
static attr_noreturn void write_and_tell(const char *path, const char *line, int answer)
{
	int r;

	if (dup2(answer, STDIN_FILENO) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	r = write_line(path, line);
	_exit(write(STDIN_FILENO, &r, sizeof(r)) != sizeof(r));
}

int undo_value_write_within(const char *path, const char *value, int64_t timeout_ns)
{
	autofree char *line = xasprintf("%s\n", value);
	int64_t deadline = clock_ns() + timeout_ns;
	autoclose int answer = -1;
	struct pollfd pfd;
	int fds[2], r = -ETIMEDOUT;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	answer = fds[0];
	pid = fork();
	if (pid == 0)
		write_and_tell(path, line, fds[1]);
	close(fds[1]);
	if (pid < 0)
		return -errno;

	pfd = (struct pollfd){ .fd = answer, .events = POLLIN };
	while (clock_ns() < deadline)
		if (poll(&pfd, 1, clock_poll_ms(deadline - clock_ns())) > 0)
			break;
	if (pfd.revents && read(answer, &r, sizeof(r)) != sizeof(r))
		r = -EIO;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, pfd.revents ? 0 : WNOHANG);
	return r;
}

/* 1 if the file reads as value, 0, or a negative errno. */
static int reads_as(const char *path, const char *value)
{
	autofree char *now = NULL;
	int r = undo_value_read(path, &now);

	return r < 0 ? r : now && undo_value_same(now, value);
}

int undo_value_set(const char *path, const char *value)
{
	int r = reads_as(path, value);

	if (r != 0)
		return r < 0 ? r : 0;
	r = undo_value_write(path, value);
	if (r == 0)
		r = reads_as(path, value);
	return r == 0 ? -EIO : r;
}
