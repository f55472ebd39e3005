/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files: reading the small text files of sysfs and proc, publishing a file so that it is there
 * whole or not at all, making directories. Everything is opened O_CLOEXEC.
 *
 * Unless said otherwise functions return 0 or a negative errno. dirfd may be AT_FDCWD.
 */
#ifndef P2PCERT_BASE_FS_H
#define P2PCERT_BASE_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

/*
 * Reads at most max bytes into a new buffer (NUL behind the last byte, the NUL not counted in len),
 * which the caller frees. A longer file gives -EFBIG. len may be NULL. A pipe is not waited for.
 */
int fs_read(int dirfd, const char *path, size_t max, char **buf, size_t *len) attr_must_check;

/*
 * The same, for files of which the kernel gives all, up to a page, to the first read: an attribute of
 * sysfs, a file in /proc that is not a list.
 */
int fs_read_sysfs(int dirfd, const char *path, size_t max, char **buf, size_t *len) attr_must_check;

/* As fs_read(), for a sysfs attribute: at most 64 KiB, last newline cut, made valid UTF-8. */
int fs_read_attr(int dirfd, const char *path, char **value) attr_must_check;
/* A sysfs attribute that is one number, decimal or 0x hexadecimal; -EINVAL if it is not. */
int fs_read_u64(int dirfd, const char *path, uint64_t *value) attr_must_check;

/* The last component of a symbolic link's target, which the caller frees. */
int fs_read_link_name(int dirfd, const char *path, char **name) attr_must_check;

/* Writes all of it or fails; short writes and EINTR are dealt with. */
int fs_write_all(int fd, const void *buf, size_t len) attr_must_check;

/* Opens the existing path and writes text to it: for sysfs and proc. */
int fs_write_attr(int dirfd, const char *path, const char *text) attr_must_check;

/*
 * Publishes path with this content: written to a temporary beside it, synced, renamed. On failure
 * nothing is left behind and what was there stays.
 */
int fs_publish(int dirfd, const char *path, const void *buf, size_t len,
	       mode_t mode) attr_must_check;

/* Removes the temporaries of fs_publish() that a process which was killed has left in dirfd. */
void fs_sweep(int dirfd);

/*
 * Writes the file that a user named for output: a regular file is published, mode 0644; a device or
 * a pipe is written to as it is.
 */
int fs_write_output(const char *path, const void *buf, size_t len) attr_must_check;

/* mkdir -p; directories that are there keep their mode. */
int fs_mkdir_p(const char *path, mode_t mode) attr_must_check;

bool fs_exists(int dirfd, const char *path);

/* path under root, where root NULL or "" is the machine's own; the caller frees it. */
char *fs_under(const char *root, const char *fmt, ...) attr_printf(2, 3) attr_must_check;

#endif
