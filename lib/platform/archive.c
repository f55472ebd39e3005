/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An archive of a captured machine, read into memory through libarchive: nothing is unpacked to a disk,
 * so paths and links of a hostile archive lead nowhere but into the tree. Compressed text that is no
 * archive is handed to the readers of text.
 */
#include <archive.h>
#include <archive_entry.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"
#include "platform/capture.h"
#include "platform/input.h"

#define BLOCK_BYTES (64u * 1024)
#define SHOWN_MAX 200 /* bytes of a path in a message */

/* Compressed bytes on their way to libarchive. */
struct feed {
	struct input *in;
	int error; /* negative errno of reading them */
	char block[BLOCK_BYTES];
};

static la_ssize_t feed_read(struct archive *a attr_unused, void *with, const void **block)
{
	struct feed *feed = with;
	ssize_t n = feed->in->read(feed->in, feed->block, sizeof(feed->block));

	*block = feed->block;
	/* between two entries there may be zeros without end, which nobody but libarchive sees */
	if (archive_filter_bytes(a, 0) > (la_int64_t)ARCHIVE_BYTES_MAX)
		n = -EFBIG;
	if (n >= 0)
		return n;
	feed->error = (int)n;
	return ARCHIVE_FATAL;
}

static void autoarchive_fn(struct archive **a)
{
	archive_read_free(*a);
}

/* The text in a compressed file, as an input. */
struct unpacked {
	struct input input;
	struct archive *archive;
	bool failed;
};

static ssize_t read_unpacked(struct input *in, void *buf, size_t size)
{
	struct unpacked *u = (struct unpacked *)in;
	la_ssize_t n = archive_read_data(u->archive, buf, size);

	u->failed |= n < 0;
	return n < 0 ? -EBADMSG : (ssize_t)n;
}

static struct platform *read_compressed_text(struct archive *a, const char *name, char **why)
{
	struct unpacked u = { { read_unpacked, name }, a, false };
	struct platform *p = text_read_platform(&u.input, why);

	if (u.failed) {
		int error = errno;

		free(*why);
		*why = xasprintf("cannot read '%s': %s", name, archive_error_string(a));
		errno = error;
	}
	return p;
}

static int take_file(struct capture *c, struct archive *a, struct archive_entry *entry,
		     const char *path)
{
	int64_t said = archive_entry_size(entry);
	size_t len = said > 0 ? (size_t)said : 0, have = 0;
	char *data;

	/* as with a file that cannot be read: the model says what is missing */
	if (said > CAPTURE_FILE_MAX)
		return 0;
	data = xcalloc(len + 1, 1);
	while (have < len) {
		la_ssize_t n = archive_read_data(a, data + have, len - have);

		if (n < 0) {
			free(data);
			return -EBADMSG;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	data[have] = '\0';
	return capture_add_file(c, path, data, have);
}

/* The second name of a file that came before; of one that nobody wanted there is no content. */
static int take_hardlink(struct capture *c, const char *path, const char *target)
{
	size_t len;
	const char *data = tree_file(c->tree, target, &len);
	char *copy;

	if (!data)
		return 0;
	copy = xcalloc(len + 1, 1);
	memcpy(copy, data, len);
	return capture_add_file(c, path, copy, len);
}

static int take_entry(struct capture *c, struct archive *a, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	const char *target = archive_entry_symlink(entry);
	const char *hardlink = archive_entry_hardlink(entry);

	if (!path)
		return 0; /* a name in no character set */
	if (strlen(path) >= PATH_MAX || (target && strlen(target) >= PATH_MAX))
		return -ENAMETOOLONG;
	if (target)
		return tree_add_link(c->tree, path, target);
	if (hardlink && archive_entry_size(entry) <= 0)
		return capture_wants_file(path) ? take_hardlink(c, path, hardlink) : 0;
	switch (archive_entry_filetype(entry)) {
	case AE_IFDIR:
		return tree_add_dir(c->tree, path);
	case AE_IFREG:
		return capture_wants_file(path) ? take_file(c, a, entry, path) : 0;
	default:
		return 0; /* devices and pipes have nothing to read */
	}
}

/* What went wrong, for a person; error is a negative errno. */
static char *explain(struct archive *a, const struct feed *feed, const char *path, int error)
{
	const char *name = feed->in->name;

	switch (-error) {
	case EFBIG:
		return xasprintf("'%s' is larger than any machine: the limits are %d entries, %d "
				 "functions, %llu GiB unpacked and %llu MiB of attributes",
				 name, ARCHIVE_ENTRIES_MAX, FUNCTIONS_MAX, ARCHIVE_BYTES_MAX >> 30,
				 CAPTURE_BYTES_MAX >> 20);
	case EINVAL:
	case ENAMETOOLONG:
		return xasprintf("'%s' holds the path '%.*s', which no capture of a machine has",
				 name, SHOWN_MAX, path ? path : "");
	case EEXIST:
		return xasprintf("'%s' holds '%.*s' more than once, and not the same", name,
				 SHOWN_MAX, path ? path : "");
	case ENOENT:
	case ENOTDIR:
		return xasprintf(
			"'%s' holds no copy of a machine: there is no sys/bus/pci/devices in it",
			name);
	default:
		return xasprintf("cannot read '%s': %s", name,
				 feed->error               ? strerror(-feed->error)
				 : archive_error_string(a) ? archive_error_string(a)
							   : strerror(-error));
	}
}

/* Kinds that libarchive would start a program for are not among them. */
static void open_archive(struct archive *a, struct feed *feed)
{
	static int (*const supports[])(struct archive *) = {
		archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
		archive_read_support_filter_xz,   archive_read_support_filter_zstd,
		archive_read_support_filter_lz4,  archive_read_support_format_tar,
		archive_read_support_format_cpio, archive_read_support_format_raw,
	};

	for (size_t i = 0; i < ARRAY_LEN(supports); i++)
		if (supports[i](a) != ARCHIVE_OK)
			log_debug("libarchive cannot do all: %s", archive_error_string(a));
	if (archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1") !=
	    ARCHIVE_OK)
		log_debug("libarchive reads only the first of several archives: %s",
			  archive_error_string(a));
	/* a failure is found again by who reads the first header */
	if (archive_read_open(a, feed, NULL, feed_read, NULL) != ARCHIVE_OK)
		log_debug("'%s': %s", feed->in->name, archive_error_string(a));
}

/* Content that nobody wants is unpacked too, on the way to the next entry. */
static int check_size(struct archive *a, struct archive_entry *entry)
{
	int64_t so_far = archive_filter_bytes(a, 0), size = archive_entry_size(entry);

	return so_far < 0 || size < 0 || (uint64_t)so_far + (uint64_t)size > ARCHIVE_BYTES_MAX
		       ? -EFBIG
		       : 0;
}

/* An archive that was cut between two entries differs from a whole one in the zeros at its end. */
static bool lacks_end(struct archive *a)
{
	return (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR &&
	       archive_filter_bytes(a, 0) == archive_read_header_position(a);
}

#define IS_TEXT 1

/*
 * Takes all entries. 0, IS_TEXT if it is a compressed file and no archive, or a negative errno with
 * *path that of the entry at hand, if there was one.
 */
static int take_entries(struct capture *c, struct archive *a, const struct feed *feed, char **path)
{
	struct archive_entry *entry;
	int r = 0, got;

	while ((got = archive_read_next_header(a, &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
		if (archive_format(a) == ARCHIVE_FORMAT_RAW)
			return IS_TEXT;
		r = capture_count(c);
		if (r == 0)
			r = check_size(a, entry);
		if (r == 0)
			r = take_entry(c, a, entry);
		if (r < 0) {
			*path = xstrdup(archive_entry_pathname(entry));
			break;
		}
	}
	if (feed->error == -EFBIG)
		return -EFBIG;
	if (r == 0 && got == ARCHIVE_EOF && lacks_end(a)) {
		archive_set_error(a, EINVAL, "the end of the archive is missing");
		return -EBADMSG;
	}
	return r < 0 || got == ARCHIVE_EOF ? r : -EBADMSG;
}

static struct platform *read_entries(struct archive *a, const struct feed *feed,
				     struct tree *record, char **why)
{
	const char *name = feed->in->name;
	autotree struct tree *tree = tree_new();
	struct capture c = { .tree = tree };
	autofree char *path = NULL;
	struct platform *p;
	int r = take_entries(&c, a, feed, &path);

	if (r == IS_TEXT)
		return read_compressed_text(a, name, why);
	if (r == 0)
		r = capture_find_top(tree);
	if (r == 0) {
		p = platform_read_tree(tree, name, record);
		if (p)
			return p;
		r = -errno;
	}
	*why = explain(a, feed, path, r);
	errno = feed->error ? -feed->error : -r;
	return NULL;
}

struct platform *archive_read_platform(struct input *in, struct tree *record, char **why)
{
	autofree struct feed *feed = xcalloc(1, sizeof(*feed));
	__attribute__((cleanup(autoarchive_fn))) struct archive *a = NULL;

	feed->in = in;
	a = archive_read_new();
	if (!a) {
		*why = xasprintf("cannot read '%s': %s", in->name, strerror(ENOMEM));
		errno = ENOMEM;
		return NULL;
	}
	open_archive(a, feed);
	return read_entries(a, feed, record, why);
}
