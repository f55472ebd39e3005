/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making the directories and files of a run. */
#include "runner/results.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fs.h"

char *results_default_name(void)
{
	char stamp[sizeof("20260102T030405Z")];
	time_t now = time(NULL);
	struct tm utc;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	return xasprintf("p2pcert-results-%s", stamp);
}

/* 1, 0, or a negative errno. */
static int is_empty(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int empty = 1;

	if (!dir)
		return -errno;
	while (empty && (e = readdir(dir)))
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

int results_create(const char *path, char **why)
{
	autoclose int fd = -1;
	int r = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : is_empty(fd);
	}
	if (r == 0) {
		*why = xasprintf("results directory '%s' is not empty; name another with --results",
				 path);
		return -ENOTEMPTY;
	}
	if (r > 0)
		r = fchmod(fd, 0700) < 0 ? -errno : 0;
	if (r < 0) {
		*why = xasprintf("cannot make results directory '%s': %s", path, strerror(-r));
		return r;
	}
	return take_fd(fd);
}

char *results_folder_name(unsigned int index, const char *id)
{
	return xasprintf("%03u-%s", index, id);
}

int results_folder_create(int dirfd, const char *name)
{
	int fd;

	if (mkdirat(dirfd, name, 0700) < 0)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Only what is made before a scenario starts: nothing else can be in it. */
static void remove_folder(int dirfd, const char *name)
{
	static const char *const files[] = { RESULTS_OUTPUT, RESULTS_KERNEL_LOG };
	autoclose int folder = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (size_t i = 0; folder >= 0 && i < ARRAY_LEN(files); i++)
		unlinkat(folder, files[i], 0);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

void results_sweep(int dirfd, unsigned int last)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	unsigned int number;

	while (dir && (e = readdir(dir)))
		if (sscanf(e->d_name, "%9u-", &number) == 1 && number > last)
			remove_folder(dirfd, e->d_name);
	if (dir)
		closedir(dir);
	fs_sweep(dirfd);
}

int results_file_create(int folder, const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}
