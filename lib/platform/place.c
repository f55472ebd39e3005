/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of sysfs, from the kernel or from a captured tree. */
#include "platform/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

#define ATTR_MAX (64u * 1024)

static char *path_of(const struct place *at, const char *attr)
{
	return xasprintf("%s/%s", at->path, attr);
}

/* What the tree has of the file; NULL with errno. */
static const char *captured(const struct place *at, const char *attr, size_t max, size_t *len)
{
	autofree char *path = path_of(at, attr);
	const char *data = tree_file(at->tree, path, len);

	if (data && *len > max) {
		errno = EFBIG;
		return NULL;
	}
	return data;
}

void place_record(const struct place *at, const char *attr, const void *data, size_t len)
{
	autofree char *path = at->record ? path_of(at, attr) : NULL;
	char *copy;

	if (!path)
		return;
	copy = xcalloc(len + 1, 1);
	memcpy(copy, data, len);
	if (tree_add_file(at->record, path, copy, len) < 0)
		log_debug("'%s' cannot be kept", path);
}

void place_record_link(const struct place *at, const char *attr, const char *target)
{
	autofree char *path = at->record ? path_of(at, attr) : NULL;

	if (path && tree_add_link(at->record, path, target) < 0)
		log_debug("'%s' cannot be kept", path);
}

static void record_dir(const struct place *at, const char *attr)
{
	autofree char *path = at->record ? path_of(at, attr) : NULL;

	if (path && tree_add_dir(at->record, path) < 0)
		log_debug("'%s' cannot be kept", path);
}

typedef int (*read_fn)(int dirfd, const char *path, size_t max, char **buf, size_t *len);

static int read_file(const struct place *at, const char *attr, size_t max, char **buf, size_t *len,
		     read_fn read_live)
{
	const char *data;
	int r;

	if (at->tree) {
		data = captured(at, attr, max, len);
		if (!data)
			return -errno;
		*buf = xcalloc(*len + 1, 1);
		memcpy(*buf, data, *len);
	} else {
		r = read_live(at->fd, attr, max, buf, len);
		if (r < 0)
			return r;
	}
	place_record(at, attr, *buf, *len);
	return 0;
}

int place_read(const struct place *at, const char *attr, size_t max, char **buf, size_t *len)
{
	return read_file(at, attr, max, buf, len, fs_read);
}

int place_read_sysfs(const struct place *at, const char *attr, size_t max, char **buf, size_t *len)
{
	return read_file(at, attr, max, buf, len, fs_read_sysfs);
}

int place_read_attr(const struct place *at, const char *attr, char **value)
{
	autofree char *data = NULL;
	size_t len = 0;
	int r = place_read_sysfs(at, attr, ATTR_MAX, &data, &len);

	if (data)
		*value = text_sanitize(data, len && data[len - 1] == '\n' ? len - 1 : len);
	return r;
}

int place_read_u64(const struct place *at, const char *attr, uint64_t *value)
{
	autofree char *text = NULL;
	int r = place_read_attr(at, attr, &text);

	if (r < 0)
		return r;
	return text_to_u64(text_trim(text), text_starts_with(text, "0x") ? 16 : 10, UINT64_MAX,
			   value);
}

int place_read_s64(const struct place *at, const char *attr, int64_t *value)
{
	autofree char *text = NULL;
	uint64_t magnitude;
	const char *digits;
	bool negative;
	int r = place_read_attr(at, attr, &text);

	if (r < 0)
		return r;
	digits = text_trim(text);
	negative = *digits == '-';
	r = text_to_u64(digits + negative, 10, INT64_MAX, &magnitude);
	if (r < 0)
		return r;
	*value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return 0;
}

char *place_link(const struct place *at, const char *attr)
{
	char target[PATH_MAX];
	ssize_t n;

	if (at->tree) {
		autofree char *path = path_of(at, attr);

		return xstrdup(tree_link(at->tree, path));
	}
	n = readlinkat(at->fd, attr, target, sizeof(target) - 1);
	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

int place_read_link_name(const struct place *at, const char *attr, char **name)
{
	autofree char *target = place_link(at, attr);
	const char *last;

	if (!target)
		return -errno;
	place_record_link(at, attr, target);
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	*name = text_sanitize(last, strlen(last));
	return 0;
}

char *place_canonical(const struct place *at, const char *attr)
{
	autofree char *path = path_of(at, attr);
	char resolved[PATH_MAX];

	if (at->tree)
		return tree_canonical(at->tree, path);
	return realpath(path, resolved) ? xstrdup(resolved) : NULL;
}

bool place_has(const struct place *at, const char *attr)
{
	autofree char *path = path_of(at, attr);
	bool has = at->tree ? tree_exists(at->tree, path) : fs_exists(at->fd, attr);

	if (has)
		place_record(at, attr, "", 0);
	return has;
}

/* The entries of a directory on the way to who wants them. */
struct listing {
	const struct place *at;
	const char *attr;
	void (*each)(void *with, const char *name);
	void *with;
};

static void pass_over(void *with attr_unused, const char *name attr_unused)
{
}

static bool is_dir(const struct place *at, const char *attr)
{
	autofree char *path = path_of(at, attr);
	struct stat st;

	if (at->tree)
		return tree_list(at->tree, path, pass_over, NULL) == 0;
	return fstatat(at->fd, attr, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* Links and directories are kept; files are when they are read. */
static void list_entry(void *with, const char *name)
{
	const struct listing *l = with;
	autofree char *path = xasprintf("%s/%s", l->attr, name);
	autofree char *target = NULL;

	if (*name == '.')
		return;
	target = l->at->record ? place_link(l->at, path) : NULL;
	if (target)
		place_record_link(l->at, path, target);
	else if (l->at->record && is_dir(l->at, path))
		record_dir(l->at, path);
	l->each(l->with, name);
}

static int list_live(const struct listing *l)
{
	int fd = openat(l->at->fd, l->attr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		int r = -errno;

		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((entry = readdir(d)))
		list_entry((void *)l, entry->d_name);
	closedir(d);
	return 0;
}

int place_list(const struct place *at, const char *attr, void (*each)(void *with, const char *name),
	       void *with)
{
	struct listing l = { at, attr, each, with };
	autofree char *path = path_of(at, attr);

	if (at->record && is_dir(at, attr))
		record_dir(at, attr);
	return at->tree ? tree_list(at->tree, path, list_entry, &l) : list_live(&l);
}
