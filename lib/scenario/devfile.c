/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files without a name, for scenarios that need pages of a file. See devfile.h. */
#include "scenario/devfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/pattern.h"

static bool in_memory(const char *folder)
{
	struct statfs fs;

	return statfs(folder, &fs) < 0 || (uint32_t)fs.f_type == TMPFS_MAGIC ||
	       (uint32_t)fs.f_type == RAMFS_MAGIC;
}

static int open_in(const char *folder)
{
	autofree char *path = xasprintf("%s/p2pcert-XXXXXX", folder);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int open_where(bool memory)
{
	static const char *const folders[] = { "/var/tmp", "/tmp", "/srv", "." };
	int fd = -ENODEV;

	for (size_t i = 0; i < ARRAY_LEN(folders) && fd < 0; i++)
		if (in_memory(folders[i]) == memory)
			fd = open_in(folders[i]);
	return fd;
}

int devfile_open(bool memory_too)
{
	int fd = open_where(false);

	return fd < 0 && memory_too ? open_where(true) : fd;
}

static bool whole(struct scenario_ctx *ctx, ssize_t done, size_t len, const char *what)
{
	if (done == (ssize_t)len)
		return true;
	scn_error(ctx, ERROR_SETUP, "cannot %s a file: %s", what,
		  done < 0 ? strerror(errno) : "not all of it");
	return false;
}

bool devfile_fill(struct scenario_ctx *ctx, int fd, size_t len, uint64_t seed)
{
	autofree unsigned char *buffer = xcalloc(1, len);

	pattern_fill(buffer, len, seed, 0);
	return whole(ctx, pwrite(fd, buffer, len, 0), len, "write");
}

bool devfile_read(struct scenario_ctx *ctx, int fd, void *buffer, size_t len)
{
	return whole(ctx, pread(fd, buffer, len, 0), len, "read");
}
