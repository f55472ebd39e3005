/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Buffers of files: on a disk, and in persistent memory. */
#include "scenario/odp_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "base/alloc.h"

#define DISK "/var/tmp" /* file-hierarchy(7): on a disk, and large */

/* A file that has no name, on a disk. */
int rig_map_disk(struct rig *r, struct rig_buffer *b, char **why)
{
	int fd = open(DISK, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct statfs fs;

	if (fd < 0) {
		*why = xasprintf("no file can be made in '" DISK "': %s", strerror(errno));
		return -ENODEV;
	}
	b->fd = fd;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC) {
		*why = xstrdup("'" DISK "' is in memory, not on a disk");
		return -ENODEV;
	}
	return rig_map(r, b, fd);
}

/* A file of a mount whose mappings are of the memory itself; MAP_SYNC is refused of any other. */
static int map_on(struct rig *r, struct rig_buffer *b, const char *mount)
{
	int fd = open(mount, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return -errno;
	b->fd = fd;
	err = -posix_fallocate(fd, 0, (off_t)r->len);
	return err ?: rig_map_shared(r, b, fd, MAP_SHARED_VALIDATE | MAP_SYNC);
}

int rig_map_dax(struct rig *r, struct rig_buffer *b, char **why)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m = NULL;
	int err = -ENODEV;

	if (!mounts)
		return -errno;
	while ((m = getmntent(mounts)) && !hasmntopt(m, "dax"))
		;
	if (m)
		err = map_on(r, b, m->mnt_dir);
	else
		*why = xstrdup("no file system is mounted with 'dax'");
	endmntent(mounts);
	return err;
}
