/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters of memory from files of the kernel. See memstat.h. */
#include "scenario/memstat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/text.h"

#define COUNTERS_MAX (256 * 1024)
#define SMAPS_MAX (16 * 1024 * 1024)

uint64_t memstat_told(const char *path, const char *name)
{
	autofree char *text = NULL;
	uint64_t value = 0;
	char *next;

	if (fs_read(AT_FDCWD, path, COUNTERS_MAX, &text, NULL) < 0)
		return 0;
	next = text;
	for (char *line; (line = strsep(&next, "\n"));) {
		char *key = strsep(&line, " ");

		if (line && strcmp(key, name) == 0 && text_to_u64(line, 10, UINT64_MAX, &value) < 0)
			return 0;
	}
	return value;
}

/* "kmalloc-32  active_objs num_objs objsize ...", and kmalloc-rnd-05-32, kmalloc-cg-32; false: cannot be read. */
static bool add_cache(char *line, uint64_t *bytes)
{
	enum { NAME, ACTIVE, TOTAL, SIZE, FIELDS };
	uint64_t values[FIELDS] = { 0 };
	size_t field = NAME;

	if (!text_starts_with(line, "kmalloc-"))
		return true;
	for (char *word; field < FIELDS && (word = strsep(&line, " "));) {
		if (!*word)
			continue;
		if (field != NAME && text_to_u64(word, 10, UINT64_MAX, &values[field]) < 0)
			return false;
		field++;
	}
	*bytes += values[ACTIVE] * values[SIZE];
	return field == FIELDS;
}

int memstat_kmalloc(const char *path, uint64_t *bytes)
{
	autofree char *text = NULL;
	char *next;
	int err = fs_read(AT_FDCWD, path ? path : "/proc/slabinfo", COUNTERS_MAX, &text, NULL);

	if (err < 0)
		return err;
	*bytes = 0;
	next = text;
	for (char *line; (line = strsep(&next, "\n"));)
		if (!add_cache(line, bytes))
			return -EPROTO;
	return *bytes ? 0 : -ENODATA;
}

/* --- smaps ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	size_t at; /* what it adds to in struct smaps */
} fields[] = {
	{ "Rss:", offsetof(struct smaps, rss) },
	{ "Pss:", offsetof(struct smaps, pss) },
	{ "Shared_Clean:", offsetof(struct smaps, shared) },
	{ "Shared_Dirty:", offsetof(struct smaps, shared) },
	{ "Private_Clean:", offsetof(struct smaps, private) },
	{ "Private_Dirty:", offsetof(struct smaps, private) },
	{ "Swap:", offsetof(struct smaps, swap) },
};

/* "Rss:   12 kB"; other lines are none of ours. */
static int add_field(const char *line, struct smaps *s)
{
	uint64_t kib;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!text_starts_with(line, fields[i].name))
			continue;
		if (sscanf(line + strlen(fields[i].name), " %" SCNu64 " kB", &kib) != 1)
			return -EPROTO;
		*(uint64_t *)((char *)s + fields[i].at) += kib * 1024;
	}
	return 0;
}

/* The first line of a mapping: "7f12-7f34 rw-p ..." */
static bool parse_mapping(const char *line, uint64_t *start, uint64_t *end)
{
	return sscanf(line, "%" SCNx64 "-%" SCNx64 " ", start, end) == 2;
}

int memstat_smaps(const char *path, const void *addr, size_t len, struct smaps *s)
{
	autofree char *text = NULL;
	const uint64_t first = (uintptr_t)addr;
	uint64_t start, end;
	bool ours = false, any = false;
	char *next;
	int r = fs_read(AT_FDCWD, path ? path : "/proc/self/smaps", SMAPS_MAX, &text, NULL);

	*s = (struct smaps){ 0 };
	next = text;
	for (char *line; r >= 0 && (line = strsep(&next, "\n"));) {
		if (parse_mapping(line, &start, &end)) {
			ours = start >= first && end <= first + len;
			any |= ours;
		} else if (ours) {
			r = add_field(line, s);
		}
	}
	if (r < 0)
		return r;
	return any ? 0 : -ENODATA;
}

/* --- pages ------------------------------------------------------------------------------------ */

int memstat_page(const char *path, uint64_t pfn, uint64_t *value)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, value, sizeof(*value), (off_t)(pfn * sizeof(*value)));
	if (n < 0)
		return -errno;
	return n == sizeof(*value) ? 0 : -ENODATA;
}
