/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a running function's config space, no more of it than is looked at: each word is asked of the
 * device, which takes a microsecond, and extended config space has a thousand of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "platform/config.h"

/* The entries of the extended list behind the first, which has been read. 0 or a negative errno. */
static int read_entries(int fd, uint8_t config[EXTENDED_BYTES])
{
	bool visited[EXTENDED_BYTES / 4] = { [STANDARD_BYTES / 4] = true };
	size_t at = STANDARD_BYTES;

	while (le32(config + at) != 0xffffffff) {
		size_t left;
		ssize_t n;

		at = extended_next(config + at);
		if (at < STANDARD_BYTES || visited[at / 4])
			return 0;
		visited[at / 4] = true;
		left = EXTENDED_BYTES - at;
		n = pread(fd, config + at, left < ENTRY_BYTES ? left : ENTRY_BYTES, (off_t)at);
		if (n < 4)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

ssize_t config_read_needed(int dirfd, const char *path, uint8_t config[EXTENDED_BYTES])
{
	const size_t first = STANDARD_BYTES + ENTRY_BYTES;
	autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, config, first, 0);
	int r;

	if (n < 0)
		return -errno;
	if ((size_t)n < first)
		return n;
	r = read_entries(fd, config);
	return r < 0 ? r : EXTENDED_BYTES;
}
