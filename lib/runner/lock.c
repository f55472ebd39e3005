/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A locked file; it stays when the run is over, because removing it would race with the next. It
 * holds "PID\nDIRECTORY\n" while a run has it, nothing when that run has ended, and "untrusted" behind it
 * all when the host could not be trusted any more.
 */
#include "runner/lock.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

#define CONTENT_MAX (PATH_MAX + 64)
/* With its NUL, which no directory's name can hold. */
static const char untrusted[] = "untrusted";

/* What the file says: printable, pid before its first newline, directory behind it. */
struct holder {
	char *pid;
	char *results;
	bool untrusted;
};

static void holder_release(struct holder *h)
{
	free(h->pid);
	free(h->results);
}

static struct holder read_holder(int fd)
{
	char buf[CONTENT_MAX];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	size_t len = n > 0 ? (size_t)n : 0;
	struct holder h = { 0 };
	const char *newline;

	if (len >= sizeof(untrusted) &&
	    memcmp(buf + len - sizeof(untrusted), untrusted, sizeof(untrusted)) == 0) {
		h.untrusted = true;
		len -= sizeof(untrusted);
	}
	newline = memchr(buf, '\n', len);
	if (!newline)
		return h;
	len -= (size_t)(newline + 1 - buf);
	h.pid = text_sanitize(buf, (size_t)(newline - buf));
	if (len > 1) /* but its newline */
		h.results = text_sanitize(newline + 1, len - 1);
	return h;
}

static char *busy_text(int fd)
{
	struct holder h = read_holder(fd);
	char *text;

	if (h.results)
		text = xasprintf("another run is in progress on this machine: process '%s', with "
				 "its results in '%s'",
				 h.pid, h.results);
	else
		text = xstrdup("another run is in progress on this machine");
	holder_release(&h);
	return text;
}

/* It need not exist, so that realpath() is of no use. */
static char *absolute(const char *path)
{
	autofree char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);

	return cwd ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
}

static int write_holder(int fd, const char *results)
{
	autofree char *dir = absolute(results);
	autofree char *text = xasprintf("%d\n%s\n", (int)getpid(), dir);

	if (ftruncate(fd, 0) < 0)
		return -errno;
	return fs_write_all(fd, text, strlen(text));
}

/* From whoever had it before. */
static int take_over(int fd, const char *results, char **died)
{
	struct holder last = read_holder(fd);
	int r = last.untrusted ? -EHOSTDOWN : write_holder(fd, results);

	if (r == 0 || r == -EHOSTDOWN)
		*died = take_ptr(last.results);
	holder_release(&last);
	return r;
}

int lock_take(const char *path, const char *results, char **died, char **why)
{
	autoclose int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : 0;

	*died = NULL;
	if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == -EWOULDBLOCK) {
		*why = busy_text(fd);
		return -EBUSY;
	}
	if (r == 0)
		r = take_over(fd, results, died);
	if (r == 0)
		return take_fd(fd);
	if (r == -EHOSTDOWN)
		*why = xasprintf("the run in '%s' ended because the kernel could no longer be "
				 "trusted: reboot first",
				 *died ? *died : "");
	else
		*why = xasprintf("cannot lock '%s': %s", path, strerror(-r));
	return r;
}

void lock_distrust(int fd)
{
	if (lseek(fd, 0, SEEK_END) < 0 || fs_write_all(fd, untrusted, sizeof(untrusted)) < 0)
		log_warn(
			"cannot keep the next run from a kernel that is not to be trusted: reboot");
}

void lock_release(int fd)
{
	/* cannot fail on a file that could be written; if it did, the next run would warn in vain */
	if (ftruncate(fd, 0) < 0)
		log_debug("cannot empty the lock: %s", strerror(errno));
}
