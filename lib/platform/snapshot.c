/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing a snapshot: put together in memory through libarchive, then published. */
#include "platform/snapshot.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "platform/capture.h"

#define TOP "p2pcert-snapshot" /* the directory that everything is in */

static const struct packing {
	const char *suffix;
	int (*add_filter)(struct archive *a);
} packings[] = {
	{ ".tar", archive_write_add_filter_none },     { ".tar.gz", archive_write_add_filter_gzip },
	{ ".tgz", archive_write_add_filter_gzip },     { ".tar.xz", archive_write_add_filter_xz },
	{ ".tar.zst", archive_write_add_filter_zstd },
};

static const struct packing *packing_of(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
		size_t n = strlen(packings[i].suffix);

		if (len > n && strcmp(path + len - n, packings[i].suffix) == 0)
			return &packings[i];
	}
	return NULL;
}

bool snapshot_knows(const char *path)
{
	return packing_of(path);
}

struct platform *snapshot_read(const char *where, struct tree *files, char **why)
{
	*why = NULL;
	return where ? platform_read_recorded(where, files, why) : live_read(files);
}

/* --- the archive --------------------------------------------------------------------------------- */

struct writer {
	struct archive *archive;
	time_t when;
	char *buf; /* what is packed so far */
	size_t len, room;
};

static la_ssize_t take_packed(struct archive *a attr_unused, void *with, const void *bytes,
			      size_t len)
{
	struct writer *w = with;

	while (w->room - w->len < len) {
		w->room = w->room ? w->room * 2 : 1u << 20;
		w->buf = xreallocarray(w->buf, w->room, 1);
	}
	memcpy(w->buf + w->len, bytes, len);
	w->len += len;
	return (la_ssize_t)len;
}

/* Returns what libarchive does: ARCHIVE_OK, or less. */
static int open_archive(struct writer *w, const struct packing *packing)
{
	int r = archive_write_set_format_pax_restricted(w->archive);

	if (r == ARCHIVE_OK)
		r = packing->add_filter(w->archive);
	/* or its bytes would differ from second to second */
	if (r == ARCHIVE_OK && packing->add_filter == archive_write_add_filter_gzip)
		r = archive_write_set_filter_option(w->archive, "gzip", "timestamp", NULL);
	if (r == ARCHIVE_OK)
		r = archive_write_set_bytes_in_last_block(w->archive, 1);
	return r == ARCHIVE_OK ? archive_write_open(w->archive, w, NULL, take_packed, NULL) : r;
}

static int write_item(struct writer *w, const struct tree_item *item)
{
	static const struct {
		unsigned int type;
		mode_t mode;
	} kinds[] = {
		[TREE_DIRECTORY] = { AE_IFDIR, 0755 },
		[TREE_LINK] = { AE_IFLNK, 0777 },
		[TREE_FILE] = { AE_IFREG, 0644 },
	};
	autofree char *path = xasprintf(TOP "%s", item->path);
	struct archive_entry *entry = archive_entry_new();
	int r = ARCHIVE_FATAL;

	if (!entry)
		return r;
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, kinds[item->kind].type);
	archive_entry_set_perm(entry, kinds[item->kind].mode);
	archive_entry_set_mtime(entry, w->when, 0);
	if (item->kind == TREE_LINK)
		archive_entry_set_symlink(entry, item->data);
	if (item->kind == TREE_FILE)
		archive_entry_set_size(entry, (la_int64_t)item->len);
	r = archive_write_header(w->archive, entry);
	if (r == ARCHIVE_OK && item->kind == TREE_FILE && item->len &&
	    archive_write_data(w->archive, item->data, item->len) != (la_ssize_t)item->len)
		r = ARCHIVE_FATAL;
	archive_entry_free(entry);
	return r;
}

static int write_text(struct writer *w, const char *path, const char *text)
{
	return write_item(w, &(struct tree_item){ .path = (char *)path,
						  .kind = TREE_FILE,
						  .data = text,
						  .len = strlen(text) });
}

static int write_manifest(struct writer *w, const json_t *document, size_t nr)
{
	const json_t *source = json_object_get(document, "source");
	autofree char *text = NULL;
	char when[sizeof("9999-12-31T23:59:59Z")];
	struct tm tm;

	if (!gmtime_r(&w->when, &tm) || !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return ARCHIVE_FATAL;
	text = xasprintf("format: p2pcert.snapshot/1\nversion: %s\ncommit: %s\ntime: %s\n"
			 "source: %s\nentries: %zu\n",
			 p2pcert_version(), p2pcert_commit(), when, jx_get_str(source, "kind"), nr);
	return write_text(w, "/MANIFEST", text);
}

static int write_all(struct writer *w, const struct tree *files, const json_t *document)
{
	autofree char *text = jx_pretty(document);
	struct tree_item *items;
	size_t nr = tree_items(files, &items);
	int r = write_item(w, &(struct tree_item){ .path = (char *)"", .kind = TREE_DIRECTORY });

	if (r == ARCHIVE_OK)
		r = write_manifest(w, document, nr);
	if (r == ARCHIVE_OK)
		r = write_text(w, "/platform.json", text);
	for (size_t i = 0; r == ARCHIVE_OK && i < nr; i++)
		r = write_item(w, &items[i]);
	tree_items_free(items, nr);
	return r == ARCHIVE_OK ? archive_write_close(w->archive) : r;
}

/* $SOURCE_DATE_EPOCH, the convention of reproducible builds, or now. */
static int time_to_state(time_t *when, char **why)
{
	const uint64_t last = 253402300799; /* of the year 9999 */
	const char *set = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds;

	*when = time(NULL);
	if (!set || !*set)
		return 0;
	if (text_to_u64(set, 10, last, &seconds) < 0) {
		*why = xasprintf("the time in SOURCE_DATE_EPOCH, '%s', is no number of seconds",
				 set);
		return -EINVAL;
	}
	*when = (time_t)seconds;
	return 0;
}

int snapshot_write(const char *path, const struct tree *files, const json_t *document, char **why)
{
	const struct packing *packing = packing_of(path);
	struct writer w = { .archive = archive_write_new() };
	int r;

	*why = NULL;
	if (!packing)
		BUG("snapshot_write() to a name that snapshot_knows() does not");
	r = time_to_state(&w.when, why);
	if (r == 0 && (!w.archive || open_archive(&w, packing) != ARCHIVE_OK ||
		       write_all(&w, files, document) != ARCHIVE_OK)) {
		r = -EIO;
		*why = xasprintf("cannot make '%s': %s", path,
				 w.archive && archive_error_string(w.archive)
					 ? archive_error_string(w.archive)
					 : strerror(ENOMEM));
	}
	if (r == 0) {
		r = fs_write_output(path, w.buf, w.len);
		if (r < 0)
			*why = xasprintf("cannot write '%s': %s", path, strerror(-r));
	}
	archive_write_free(w.archive);
	free(w.buf);
	return r;
}
