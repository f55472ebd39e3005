/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel's configuration in its usual places. */
#include "base/kconfig_file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fs.h"

char *kconfig_path(size_t i, const char *release)
{
	switch (i) {
	case 0:
		return xstrdup("/proc/config.gz");
	case 1:
		return release ? xasprintf("/boot/config-%s", release) : NULL;
	case 2:
		return release ? xasprintf("/lib/modules/%s/config", release) : NULL;
	default:
		return NULL;
	}
}

/* Into a buffer of KCONFIG_MAX + 1 bytes. */
static int inflate_all(const void *data, size_t len, char *text, size_t *text_len)
{
	enum { ANY_WINDOW_GZIP = 16 + MAX_WBITS };
	z_stream z = {
		.next_in = (Bytef *)data,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)text,
		.avail_out = KCONFIG_MAX,
	};
	int r;

	if (inflateInit2(&z, ANY_WINDOW_GZIP) != Z_OK)
		return -ENOMEM;
	r = inflate(&z, Z_FINISH);
	*text_len = z.total_out;
	inflateEnd(&z);
	if (r == Z_STREAM_END)
		return 0;
	return z.avail_out ? -EINVAL : -EFBIG;
}

char *kconfig_unpack(char *data, size_t len)
{
	bool compressed = len >= 2 && memcmp(data, "\x1f\x8b", 2) == 0;
	autofree char *taken = data;
	autofree char *text = NULL;
	size_t text_len = len;
	int r = 0;

	if (len > KCONFIG_MAX)
		r = -EFBIG;
	else if (compressed) {
		text = xcalloc(KCONFIG_MAX + 1, 1);
		r = inflate_all(data, len, text, &text_len);
	}
	if (r == 0 && !text_len)
		r = -EINVAL;
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	return compressed ? xstrndup(text, text_len) : take_ptr(taken);
}

char *kconfig_read(const char *sysroot, const char *release)
{
	char *text = NULL, *path;

	for (size_t i = 0; !text && (path = kconfig_path(i, release)); i++) {
		autofree char *full = fs_under(sysroot, "%s", path);
		char *data;
		size_t len;

		free(path);
		if (fs_read(AT_FDCWD, full, KCONFIG_MAX, &data, &len) == 0)
			text = kconfig_unpack(data, len);
	}
	return text;
}
