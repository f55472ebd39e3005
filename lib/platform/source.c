/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any machine: the one that runs, or a captured one, recognised by its first bytes and handed to its reader. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "platform/capture.h"
#include "platform/input.h"
#include "platform/peeked.h"
#include "platform/platform.h"

/* A file or pipe. */
struct file_input {
	struct input input;
	int fd;
};

static ssize_t read_file_input(struct input *in, void *buf, size_t size)
{
	const struct file_input *f = (struct file_input *)in;
	ssize_t n;

	do
		n = read(f->fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

struct memory_input {
	struct input input;
	const char *data;
	size_t len;
};

static ssize_t read_memory_input(struct input *in, void *buf, size_t size)
{
	struct memory_input *m = (struct memory_input *)in;

	if (size > m->len)
		size = m->len;
	memcpy(buf, m->data, size);
	m->data += size;
	m->len -= size;
	return (ssize_t)size;
}

/* The marks of tar, cpio and of what they are compressed with. */
static bool is_packed(const struct peeked *s)
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

static struct platform *read_any(struct input *in, struct tree *record, char **why)
{
	struct peeked s;
	int r = peek(&s, in, why);

	if (r == 0 && is_packed(&s))
		return archive_read_platform(&s.input, record, why);
	if (r == 0 && !memchr(s.head, '\0', s.len))
		return text_read_platform(&s.input, why);
	if (r == 0) {
		*why = xasprintf("'%s' is nothing that can be read: neither text, nor tar or cpio",
				 in->name);
		r = -EINVAL;
	}
	errno = -r;
	return NULL;
}

struct platform *platform_read_memory(const char *name, const void *data, size_t len, char **why)
{
	struct memory_input m = { { read_memory_input, name }, data, len };

	*why = NULL;
	return read_any(&m.input, NULL, why);
}

static struct platform *read_directory(int fd, const char *name, struct tree *record, char **why)
{
	autotree struct tree *tree = tree_new();
	struct capture c = { .tree = tree };
	int r = capture_directory(&c, fd);
	struct platform *p = NULL;

	if (r == 0) {
		p = platform_read_tree(tree, name, record);
		r = p ? 0 : -errno;
	}
	if (p)
		return p;
	if (r == -EFBIG)
		*why = xasprintf("'%s' is larger than any machine: the limits are %d entries, %d "
				 "functions and %llu MiB of attributes",
				 name, ARCHIVE_ENTRIES_MAX, FUNCTIONS_MAX, CAPTURE_BYTES_MAX >> 20);
	else
		*why = xasprintf("cannot read PCI functions from '%s" CAPTURE_DEVICES "': %s", name,
				 strerror(-r));
	errno = -r;
	return NULL;
}

static struct platform *read_file(int fd, const char *name, struct tree *record, char **why)
{
	struct file_input f = { { read_file_input, name }, fd };

	return read_any(&f.input, record, why);
}

struct platform *platform_read_recorded(const char *where, struct tree *record, char **why)
{
	bool standard_input = strcmp(where, "-") == 0;
	const char *name = standard_input ? "standard input" : where;
	autoclose int fd = -1;
	struct stat st;

	*why = NULL;
	if (standard_input)
		return read_file(STDIN_FILENO, name, record, why);
	fd = open(where, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		*why = xasprintf("cannot open '%s': %s", where, strerror(errno));
		return NULL;
	}
	return S_ISDIR(st.st_mode) ? read_directory(fd, name, record, why)
				   : read_file(fd, name, record, why);
}

struct platform *platform_read_from(const char *where, char **why)
{
	return platform_read_recorded(where, NULL, why);
}

struct platform *platform_read_live(const char *sysroot)
{
	autofree char *why = NULL;

	return sysroot && *sysroot ? platform_read_from(sysroot, &why) : live_read(NULL);
}
