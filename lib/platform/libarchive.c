/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is called of libarchive, which is loaded when it is. */
#include <archive.h>
#include <archive_entry.h>

#include "base/alloc.h"
#include "base/lazy.h"
#include "sonames.h"

#define ARCHIVE(type, name, parameters, arguments) \
	LAZY(SONAME_archive, type, name, parameters, arguments)

ARCHIVE(const char *, archive_error_string, (struct archive * a), (a))
ARCHIVE(la_int64_t, archive_filter_bytes, (struct archive * a, int n), (a, n))
ARCHIVE(int, archive_format, (struct archive * a), (a))
/* What takes a list of arguments hands on what comes of it. */
void archive_set_error(struct archive *a, int number, const char *fmt, ...)
{
	static __typeof__(archive_set_error) *function;
	autofree char *text = NULL;
	va_list ap;

	if (!function)
		*(void **)&function = lazy_symbol(SONAME_archive, "archive_set_error");
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	function(a, number, "%s", text);
}

ARCHIVE(int, archive_read_set_format_option,
	(struct archive * a, const char *module, const char *option, const char *value),
	(a, module, option, value))
ARCHIVE(la_int64_t, archive_read_header_position, (struct archive * a), (a))
ARCHIVE(struct archive *, archive_read_new, (void), ())
ARCHIVE(int, archive_read_free, (struct archive * a), (a))
ARCHIVE(int, archive_read_open,
	(struct archive * a, void *with, archive_open_callback *open, archive_read_callback *read,
	 archive_close_callback *close),
	(a, with, open, read, close))
ARCHIVE(int, archive_read_next_header, (struct archive * a, struct archive_entry **entry),
	(a, entry))
ARCHIVE(la_ssize_t, archive_read_data, (struct archive * a, void *buf, size_t size), (a, buf, size))
ARCHIVE(int, archive_read_support_filter_gzip, (struct archive * a), (a))
ARCHIVE(int, archive_read_support_filter_bzip2, (struct archive * a), (a))
ARCHIVE(int, archive_read_support_filter_xz, (struct archive * a), (a))
ARCHIVE(int, archive_read_support_filter_zstd, (struct archive * a), (a))
ARCHIVE(int, archive_read_support_filter_lz4, (struct archive * a), (a))
ARCHIVE(int, archive_read_support_format_tar, (struct archive * a), (a))
ARCHIVE(int, archive_read_support_format_cpio, (struct archive * a), (a))
ARCHIVE(int, archive_read_support_format_raw, (struct archive * a), (a))
ARCHIVE(__LA_MODE_T, archive_entry_filetype, (struct archive_entry * entry), (entry))
ARCHIVE(const char *, archive_entry_hardlink, (struct archive_entry * entry), (entry))
ARCHIVE(const char *, archive_entry_pathname, (struct archive_entry * entry), (entry))
ARCHIVE(const char *, archive_entry_symlink, (struct archive_entry * entry), (entry))
ARCHIVE(la_int64_t, archive_entry_size, (struct archive_entry * entry), (entry))
ARCHIVE(struct archive_entry *, archive_entry_new, (void), ())
ARCHIVE(void, archive_entry_free, (struct archive_entry * entry), (entry))
ARCHIVE(void, archive_entry_set_filetype, (struct archive_entry * entry, unsigned int type),
	(entry, type))
ARCHIVE(void, archive_entry_set_mtime, (struct archive_entry * entry, time_t t, long ns),
	(entry, t, ns))
ARCHIVE(void, archive_entry_set_pathname, (struct archive_entry * entry, const char *path),
	(entry, path))
ARCHIVE(void, archive_entry_set_perm, (struct archive_entry * entry, __LA_MODE_T perm),
	(entry, perm))
ARCHIVE(void, archive_entry_set_size, (struct archive_entry * entry, la_int64_t size),
	(entry, size))
ARCHIVE(void, archive_entry_set_symlink, (struct archive_entry * entry, const char *target),
	(entry, target))
ARCHIVE(struct archive *, archive_write_new, (void), ())
ARCHIVE(int, archive_write_free, (struct archive * a), (a))
ARCHIVE(int, archive_write_open,
	(struct archive * a, void *with, archive_open_callback *open, archive_write_callback *write,
	 archive_close_callback *close),
	(a, with, open, write, close))
ARCHIVE(int, archive_write_close, (struct archive * a), (a))
ARCHIVE(int, archive_write_header, (struct archive * a, struct archive_entry *entry), (a, entry))
ARCHIVE(la_ssize_t, archive_write_data, (struct archive * a, const void *data, size_t len),
	(a, data, len))
ARCHIVE(int, archive_write_set_bytes_in_last_block, (struct archive * a, int bytes), (a, bytes))
ARCHIVE(int, archive_write_set_filter_option,
	(struct archive * a, const char *filter, const char *option, const char *value),
	(a, filter, option, value))
ARCHIVE(int, archive_write_set_format_pax_restricted, (struct archive * a), (a))
ARCHIVE(int, archive_write_add_filter_none, (struct archive * a), (a))
ARCHIVE(int, archive_write_add_filter_gzip, (struct archive * a), (a))
ARCHIVE(int, archive_write_add_filter_xz, (struct archive * a), (a))
ARCHIVE(int, archive_write_add_filter_zstd, (struct archive * a), (a))
