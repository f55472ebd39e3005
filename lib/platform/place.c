/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of sysfs, from the kernel or from a captured tree. */
#include "platform/place.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
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

int place_read(const struct place *at, const char *attr, size_t max, char **buf, size_t *len)
{
	const char *data;

	if (!at->tree)
		return fs_read(at->fd, attr, max, buf, len);
	data = captured(at, attr, max, len);
	if (!data)
		return -errno;
	*buf = xcalloc(*len + 1, 1);
	memcpy(*buf, data, *len);
	return 0;
}

int place_read_attr(const struct place *at, const char *attr, char **value)
{
	const char *data;
	size_t len;

	if (!at->tree)
		return fs_read_attr(at->fd, attr, value);
	data = captured(at, attr, ATTR_MAX, &len);
	if (!data)
		return -errno;
	*value = text_sanitize(data, len && data[len - 1] == '\n' ? len - 1 : len);
	return 0;
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

int place_read_link_name(const struct place *at, const char *attr, char **name)
{
	autofree char *path = NULL;
	const char *target, *slash;

	if (!at->tree)
		return fs_read_link_name(at->fd, attr, name);
	path = path_of(at, attr);
	target = tree_link(at->tree, path);
	if (!target)
		return -errno;
	slash = strrchr(target, '/');
	target = slash ? slash + 1 : target;
	*name = text_sanitize(target, strlen(target));
	return 0;
}

bool place_has(const struct place *at, const char *attr)
{
	autofree char *path = NULL;

	if (!at->tree)
		return fs_exists(at->fd, attr);
	path = path_of(at, attr);
	return tree_exists(at->tree, path);
}
