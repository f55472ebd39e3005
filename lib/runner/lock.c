/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A locked file; it stays when the run is over, because removing it would race with the next. */
#include "runner/lock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/alloc.h"
#include "base/fs.h"

int lock_take(const char *path, char **why)
{
	autoclose int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	autofree char *text = NULL;
	int r;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		autofree char *holder = NULL;

		if (fs_read_attr(AT_FDCWD, path, &holder) < 0 || !*holder)
			*why = xstrdup("another run is in progress on this machine");
		else
			*why = xasprintf("another run is in progress on this machine: process '%s'",
					 holder);
		return -EBUSY;
	}
	text = xasprintf("%d\n", (int)getpid());
	if (fd >= 0 && ftruncate(fd, 0) == 0) {
		r = fs_write_all(fd, text, strlen(text));
		if (r == 0)
			return take_fd(fd);
		errno = -r;
	}
	r = -errno;
	*why = xasprintf("cannot lock '%s': %s", path, strerror(errno));
	return r;
}
