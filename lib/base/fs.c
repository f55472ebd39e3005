/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small files read whole, files published whole, directories made. */
#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/text.h"

#define ATTR_MAX (64u * 1024)

/* How much is still to come of a file that is longer than a page; 0: it does not tell. */
static size_t rest_of(int fd, size_t have)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size > (off_t)have ? (size_t)st.st_size - have : 0;
}

int fs_read(int dirfd, const char *path, size_t max, char **buf, size_t *len)
{
	autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	autofree char *data = NULL;
	size_t have = 0, room = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		/* sysfs and proc do not tell their size: grow, and read one byte past max */
		if (have == room) {
			size_t rest = have == 4096 ? rest_of(fd, have) : 0;

			/* one byte more, so that its end is seen without another round */
			room = rest ? have + rest + 1 : have ? have * 2 : 4096;
			if (room > max + 1)
				room = max + 1;
			data = xreallocarray(data, room + 1, 1);
		}
		n = read(fd, data + have, room - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
		if (have > max)
			return -EFBIG;
	}
	data[have] = '\0';
	*buf = take_ptr(data);
	if (len)
		*len = have;
	return 0;
}

int fs_read_sysfs(int dirfd, const char *path, size_t max, char **buf, size_t *len)
{
	autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char page[4096 + 1];
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, page, sizeof(page));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == sizeof(page))
		return fs_read(dirfd, path, max, buf, len);
	if ((size_t)n > max)
		return -EFBIG;
	*buf = xcalloc((size_t)n + 1, 1);
	memcpy(*buf, page, (size_t)n);
	if (len)
		*len = (size_t)n;
	return 0;
}

int fs_read_attr(int dirfd, const char *path, char **value)
{
	autofree char *raw = NULL;
	size_t len = 0;
	int r = fs_read(dirfd, path, ATTR_MAX, &raw, &len);

	if (r < 0)
		return r;
	if (len && raw[len - 1] == '\n')
		len--;
	*value = text_sanitize(raw, len);
	return 0;
}

int fs_read_u64(int dirfd, const char *path, uint64_t *value)
{
	autofree char *text = NULL;
	int r = fs_read_attr(dirfd, path, &text);

	if (r < 0)
		return r;
	return text_to_u64(text_trim(text), text_starts_with(text, "0x") ? 16 : 10, UINT64_MAX,
			   value);
}

int fs_read_link_name(int dirfd, const char *path, char **name)
{
	char target[4096];
	const char *slash;
	ssize_t n = readlinkat(dirfd, path, target, sizeof(target));

	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target))
		return -ENAMETOOLONG;
	target[n] = '\0';
	slash = strrchr(target, '/');
	slash = slash ? slash + 1 : target;
	*name = text_sanitize(slash, strlen(slash));
	return 0;
}

int fs_write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_write_attr(int dirfd, const char *path, const char *text)
{
	autoclose int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	/* one write: the kernel takes each write to an attribute as a whole value */
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

/* The directory part of path, "." if there is none; the caller frees it. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* Of the names of temporary files, which end in a random number. */
#define TEMPORARY_PREFIX ".p2pcert-"

static int write_synced(int fd, const void *buf, size_t len, mode_t mode)
{
	int r = fs_write_all(fd, buf, len);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int fs_publish(int dirfd, const char *path, const void *buf, size_t len, mode_t mode)
{
	autofree char *dir = dir_of(path);
	autofree char *tmp = NULL;
	autoclose int parent = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int fd = -1;
	uint64_t name;
	int r;

	if (parent < 0)
		return -errno;
	if (getrandom(&name, sizeof(name), 0) != sizeof(name))
		return -EIO;
	tmp = xasprintf("%s/" TEMPORARY_PREFIX "%016" PRIx64, dir, name);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_synced(fd, buf, len, mode);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	return fsync(parent) < 0 ? -errno : 0;
}

void fs_sweep(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
			unlinkat(dirfd, e->d_name, 0);
	if (dir)
		closedir(dir);
}

int fs_write_output(const char *path, const void *buf, size_t len)
{
	autoclose int fd = -1;
	struct stat st;

	/* renaming over a device node would replace it */
	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return fs_publish(AT_FDCWD, path, buf, len, 0644);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fs_write_all(fd, buf, len);
}

int fs_mkdir_p(const char *path, mode_t mode)
{
	autofree char *copy = xstrdup(path);

	for (char *p = copy + 1; *copy; p++) {
		char end = *p;
		struct stat st;

		if (end && end != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -errno;
		if (stat(copy, &st) < 0)
			return -errno;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
		*p = end;
		if (!end)
			return 0;
	}
	return -ENOENT;
}

bool fs_exists(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, AT_EACCESS) == 0;
}

char *fs_under(const char *root, const char *fmt, ...)
{
	autofree char *rest = NULL;
	va_list ap;

	va_start(ap, fmt);
	rest = xvasprintf(fmt, ap);
	va_end(ap);
	return xasprintf("%s%s", root ? root : "", rest);
}
