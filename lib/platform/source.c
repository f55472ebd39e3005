/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A captured machine, whatever its kind: recognised by its first bytes and handed to its reader. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "platform/capture.h"
#include "platform/input.h"
#include "platform/platform.h"

#define HEAD_BYTES 512 /* the mark of tar is at 257 */

/* A file or pipe whose first bytes have been looked at, or bytes in memory. */
struct source {
	struct input input;
	int fd; /* -1: all there is is in head */
	const char *head;
	size_t len, used;
	char buffer[HEAD_BYTES];
};

static ssize_t read_some(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t read_source(struct input *in, void *buf, size_t size)
{
	struct source *s = (struct source *)in;
	size_t n = s->len - s->used;

	if (!n)
		return s->fd < 0 ? 0 : read_some(s->fd, buf, size);
	if (n > size)
		n = size;
	memcpy(buf, s->head + s->used, n);
	s->used += n;
	return (ssize_t)n;
}

static int read_head(struct source *s)
{
	while (s->len < sizeof(s->buffer)) {
		ssize_t n = read_some(s->fd, s->buffer + s->len, sizeof(s->buffer) - s->len);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		s->len += (size_t)n;
	}
	return 0;
}

/* The marks of tar, cpio and of what they are compressed with. */
static bool is_packed(const struct source *s)
{
	static const struct {
		size_t at, len;
		const char *bytes;
	} marks[] = {
		{ 0, 2, "\x1f\x8b" }, /* gzip */
		{ 0, 3, "BZh" },
		{ 0, 6,
		  "\xfd"
		  "7zXZ\0" },
		{ 0, 4, "\x28\xb5\x2f\xfd" }, /* zstd */
		{ 0, 4, "\x04\x22\x4d\x18" }, /* lz4 */
		{ 257, 5, "ustar" },
		{ 0, 5, "07070" }, /* cpio */
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (s->len >= marks[i].at + marks[i].len &&
		    memcmp(s->head + marks[i].at, marks[i].bytes, marks[i].len) == 0)
			return true;
	return false;
}

static struct platform *read_text(struct input *in, char **why)
{
	struct platform *p = platform_new("lspci", in->name);
	int r = lspci_read(in, p, why);

	if (r == 0) {
		platform_finish(p);
		return p;
	}
	platform_free(p);
	errno = -r;
	return NULL;
}

static struct platform *read_any(struct source *s, char **why)
{
	if (is_packed(s))
		return archive_read_platform(&s->input, why);
	if (memchr(s->head, '\0', s->len < HEAD_BYTES ? s->len : HEAD_BYTES)) {
		*why = xasprintf("'%s' is nothing that can be read: neither text, nor tar or cpio",
				 s->input.name);
		errno = EINVAL;
		return NULL;
	}
	return read_text(&s->input, why);
}

struct platform *platform_read_memory(const char *name, const void *data, size_t len, char **why)
{
	struct source s = {
		.input = { read_source, name },
		.fd = -1,
		.head = data,
		.len = len,
	};

	*why = NULL;
	return read_any(&s, why);
}

static struct platform *read_directory(int fd, const char *name, char **why)
{
	autotree struct tree *tree = tree_new();
	struct capture c = { .tree = tree };
	int r = capture_directory(&c, fd);
	struct platform *p = NULL;

	if (r == 0) {
		p = platform_read_tree(tree, name);
		r = p ? 0 : -errno;
	}
	if (p)
		return p;
	if (r == -EFBIG)
		*why = xasprintf(
			"'%s' is larger than any machine: the limits are %d entries and %llu "
			"MiB of attributes",
			name, ARCHIVE_ENTRIES_MAX, CAPTURE_BYTES_MAX >> 20);
	else
		*why = xasprintf("cannot read PCI functions from '%s" CAPTURE_DEVICES "': %s", name,
				 strerror(-r));
	errno = -r;
	return NULL;
}

static struct platform *read_file(int fd, const char *name, char **why)
{
	struct source s = { .input = { read_source, name }, .fd = fd };
	int r = read_head(&s);

	s.head = s.buffer;
	if (r == 0)
		return read_any(&s, why);
	*why = xasprintf("cannot read '%s': %s", name, strerror(-r));
	errno = -r;
	return NULL;
}

struct platform *platform_read_from(const char *where, char **why)
{
	bool standard_input = strcmp(where, "-") == 0;
	const char *name = standard_input ? "standard input" : where;
	autoclose int fd = -1;
	struct stat st;

	*why = NULL;
	if (standard_input)
		return read_file(STDIN_FILENO, name, why);
	fd = open(where, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		*why = xasprintf("cannot open '%s': %s", where, strerror(errno));
		return NULL;
	}
	return S_ISDIR(st.st_mode) ? read_directory(fd, name, why) : read_file(fd, name, why);
}
