/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing and reading the journal: numbering and syncing its records, cutting off what could not be
 * written whole, and telling a line torn by a crash from damage.
 */
#include "base/journal.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"

#define JOURNAL_MAX (256u << 20) /* bytes; far above what the runner's caps let one run write */

struct journal {
	int fd;
	int64_t next_seq;
	off_t size; /* of whole records */
	uint32_t crc; /* of these bytes */
	int failed; /* negative errno of the first write that failed */
};

static uint32_t crc_of(uint32_t crc, const char *bytes, size_t len)
{
	return (uint32_t)crc32_z(crc, (const Bytef *)bytes, len);
}

static struct journal *journal_new(int fd, int64_t next_seq, off_t size, uint32_t crc)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->fd = fd;
	j->next_seq = next_seq;
	j->size = size;
	j->crc = crc;
	return j;
}

struct journal *journal_create(int dirfd)
{
	autoclose int fd =
		openat(dirfd, JOURNAL_NAME,
		       O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fsync(dirfd) < 0)
		return NULL;
	return journal_new(take_fd(fd), 0, 0, 0);
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	close(j->fd);
	free(j);
}

json_t *journal_record(const char *event)
{
	json_t *record = jx_object();

	jx_set_str(record, "event", event);
	return record;
}

static int64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* A scenario runs with our rights, and can go wrong in any way: not every change is ours. */
static int check_file(const struct journal *j)
{
	struct stat st;

	if (fstat(j->fd, &st) < 0)
		return -errno;
	return st.st_nlink == 0 || st.st_size != j->size ? -ESTALE : 0;
}

int journal_verify(const struct journal *j)
{
	char buf[65536];
	uint32_t crc = 0;
	off_t at = 0;
	ssize_t n;
	int r = check_file(j);

	while (r == 0 && (n = pread(j->fd, buf, sizeof(buf), at)) != 0) {
		if (n < 0)
			return -errno;
		crc = crc_of(crc, buf, (size_t)n);
		at += n;
	}
	return r == 0 && crc != j->crc ? -EBADMSG : r;
}

int journal_write(struct journal *j, json_t *record)
{
	autojson json_t *body = record;
	autojson json_t *whole = NULL;
	autofree char *line = NULL;
	const char *key;
	json_t *value;
	size_t len;
	int r;

	if (j->failed)
		return j->failed;

	whole = journal_record(jx_get_str(body, "event"));
	jx_set_int(whole, "seq", j->next_seq);
	jx_set_int(whole, "t_ns", realtime_ns());
	json_object_foreach (body, key, value)
		jx_set(whole, key, json_incref(value));
	line = jx_line(whole);
	len = strlen(line);
	line[len++] = '\n'; /* in place of the NUL: only len bytes are used from here on */

	r = check_file(j);
	if (r < 0) {
		j->failed = r;
		return r;
	}
	r = fs_write_all(j->fd, line, len);
	if (r == 0 && fdatasync(j->fd) < 0)
		r = -errno;
	if (r < 0) {
		/* If even this fails the torn line stays, and the reader drops it. */
		if (ftruncate(j->fd, j->size) < 0)
			log_debug("cannot cut '" JOURNAL_NAME "': %s", strerror(errno));
		j->failed = r;
		return r;
	}
	j->crc = crc_of(j->crc, line, len);
	j->size += (off_t)len;
	j->next_seq++;
	return 0;
}

int journal_error(const struct journal *j)
{
	return j->failed;
}

size_t journal_records(const struct journal *j)
{
	return (size_t)j->next_seq;
}

/* What is wrong with a line as the index-th record (NULL if nothing is); the caller frees it. */
static char *record_fault(const json_t *record, size_t index)
{
	if (!json_is_object(record))
		return xasprintf("line %zu is no JSON object", index + 1);
	if (!jx_get_str(record, "event") || !json_is_integer(json_object_get(record, "t_ns")))
		return xasprintf("line %zu has no 'event' or no 't_ns'", index + 1);
	if (jx_get_int(record, "seq", -1) != (int64_t)index)
		return xasprintf("line %zu does not have 'seq' %zu", index + 1, index);
	return NULL;
}

/* As journal_read(); *good is the length in bytes of the whole records, *crc their checksum. */
static int read_records(int dirfd, json_t **records, bool *torn, off_t *good, uint32_t *crc,
			char **why)
{
	autojson json_t *list = jx_array();
	autofree char *text = NULL;
	const char *pos, *end, *newline;
	size_t len;
	int r;

	*why = NULL;
	r = fs_read(dirfd, JOURNAL_NAME, JOURNAL_MAX, &text, &len);
	if (r < 0) {
		*why = xasprintf("cannot read '" JOURNAL_NAME "': %s", strerror(-r));
		return r;
	}

	end = text + len;
	*torn = false;
	for (pos = text; pos < end; pos = newline + 1) {
		autojson json_t *record = NULL;
		autofree char *fault = NULL;

		newline = memchr(pos, '\n', (size_t)(end - pos));
		if (newline)
			record = json_loadb(pos, (size_t)(newline - pos), JSON_REJECT_DUPLICATES,
					    NULL);
		if (!newline || (!record && newline + 1 == end)) {
			*torn = true;
			break;
		}
		fault = record_fault(record, json_array_size(list));
		if (fault) {
			*why = xasprintf("'" JOURNAL_NAME "' is damaged: %s", fault);
			return -EINVAL;
		}
		jx_append(list, take_ptr(record));
	}
	*good = pos - text;
	*crc = crc_of(0, text, (size_t)*good);
	*records = take_ptr(list);
	return 0;
}

int journal_read(int dirfd, json_t **records, bool *torn, char **why)
{
	uint32_t crc;
	off_t good;

	return read_records(dirfd, records, torn, &good, &crc, why);
}

struct journal *journal_append(int dirfd)
{
	autojson json_t *records = NULL;
	autofree char *why = NULL;
	autoclose int fd = -1;
	uint32_t crc;
	off_t good;
	bool torn;
	int r;

	r = read_records(dirfd, &records, &torn, &good, &crc, &why);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	fd = openat(dirfd, JOURNAL_NAME, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (torn && ftruncate(fd, good) < 0))
		return NULL;
	return journal_new(take_fd(fd), (int64_t)json_array_size(records), good, crc);
}
