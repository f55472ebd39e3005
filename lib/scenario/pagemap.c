// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Page table state from /proc/self/pagemap: one 64-bit word for each page, at the page's number.
 */
#include "scenario/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/text.h"

#define STATUS_MAX (64 * 1024)

size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int pagemap_open(const char *path)
{
	int fd = open(path ? path : "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

int pagemap_read(int fd, const void *addr, size_t n, uint64_t *entries)
{
	off_t at = (off_t)((uintptr_t)addr / page_size() * sizeof(*entries));
	size_t len = n * sizeof(*entries);

	for (size_t done = 0; done < len;) {
		ssize_t got = pread(fd, (char *)entries + done, len - done, at + (off_t)done);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			return -ENODATA;
		if (got > 0)
			done += (size_t)got;
	}
	return 0;
}

int pagemap_count(int fd, const void *addr, size_t len, struct pagemap_count *c)
{
	uintptr_t start = (uintptr_t)addr / page_size();
	uintptr_t end = len ? ((uintptr_t)addr + len - 1) / page_size() + 1 : start;
	uint64_t entries[512] = { 0 };

	*c = (struct pagemap_count){ .pages = end - start };
	while (start < end) {
		size_t n = end - start < ARRAY_LEN(entries) ? end - start : ARRAY_LEN(entries);
		int err = pagemap_read(fd, (const void *)(start * page_size()), n, entries);

		if (err)
			return err;
		for (size_t i = 0; i < n; i++) {
			if (entries[i] & PAGEMAP_PRESENT)
				c->present++;
			else if (entries[i] & PAGEMAP_SWAP)
				c->swap++;
			else
				c->none++;
		}
		start += n;
	}
	return 0;
}

int proc_status_bytes(const char *path, const char *field, uint64_t *bytes)
{
	autofree char *text = NULL;
	size_t field_len = strlen(field);
	int err = fs_read(AT_FDCWD, path, STATUS_MAX, &text, NULL);
	char *next = text;

	if (err)
		return err;
	for (char *line; (line = strsep(&next, "\n"));) {
		uint64_t kib;
		char *unit;

		if (strncmp(line, field, field_len) != 0 || line[field_len] != ':')
			continue;
		line = text_trim(line + field_len + 1);
		unit = strstr(line, " kB");
		if (!unit || unit[strlen(" kB")] != '\0')
			return -EINVAL;
		*unit = '\0';
		err = text_to_u64(line, 10, UINT64_MAX / 1024, &kib);
		if (err)
			return err;
		*bytes = kib * 1024;
		return 0;
	}
	return -ENOENT;
}
