/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading, marking and classifying the kernel log. */
#include "runner/kmsg.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <regex.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/text.h"
#include "check/finding.h"

#define KMSG_PATH "/dev/kmsg"
#define KMSG_SCHEMA "p2pcert.kmsg/1"
#define KMSG_FILE_MAX (1u << 20) /* bytes */
#define KMSG_RECORD_MAX 16384 /* bytes; the kernel's PRINTKRB_RECORD_MAX fits */
#define FACILITY_SHIFT 3
#define LEVEL_DEBUG 7

static const char *const severity_names[NR_KMSG_SEVERITIES] = {
	[KMSG_NOTE] = "note",
	[KMSG_BAD] = "bad",
	[KMSG_FATAL] = "fatal",
};

struct kmsg_pattern {
	char *code;
	char *advice;
	char *reference;
	const struct finding *finding; /* NULL: none */
	enum kmsg_severity severity;
	unsigned int max_level;
	regex_t match;
};

struct kmsg_patterns {
	struct kmsg_pattern *items;
	size_t n;
};

struct kmsg {
	int fd;
	kmsg_mark_fn *mark;
	void *mark_arg;
	const struct kmsg_patterns *patterns;
	bool started; /* next_seq is known */
	uint64_t next_seq;
	bool lost;
};

const char *kmsg_severity_name(enum kmsg_severity severity)
{
	return severity_names[severity];
}

/* --- patterns ------------------------------------------------------------------------------------ */

void kmsg_patterns_free(struct kmsg_patterns *patterns)
{
	if (!patterns)
		return;
	for (size_t i = 0; i < patterns->n; i++) {
		free(patterns->items[i].code);
		free(patterns->items[i].advice);
		free(patterns->items[i].reference);
		regfree(&patterns->items[i].match);
	}
	free(patterns->items);
	free(patterns);
}

static int severity_parse(const char *s, enum kmsg_severity *severity)
{
	for (size_t i = 0; i < NR_KMSG_SEVERITIES; i++) {
		if (s && strcmp(severity_names[i], s) == 0) {
			*severity = (enum kmsg_severity)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Appends the pattern; what is wrong with it, or NULL. */
static char *add_pattern(struct kmsg_patterns *patterns, const json_t *doc)
{
	const char *code = jx_get_str(doc, "code"), *match = jx_get_str(doc, "match");
	const char *finding = jx_get_str(doc, "finding");
	int64_t max_level = jx_get_int(doc, "max_level", LEVEL_DEBUG);
	struct kmsg_pattern p = { 0 };
	char cause[256];
	int r;

	if (!code || !match || !jx_get_str(doc, "advice") || !jx_get_str(doc, "reference"))
		return xasprintf("lacks 'code', 'match', 'advice' or 'reference'");
	if (severity_parse(jx_get_str(doc, "severity"), &p.severity) < 0)
		return xasprintf("'%s' has no severity of 'note', 'bad', 'fatal'", code);
	if (max_level < 0 || max_level > LEVEL_DEBUG)
		return xasprintf("'%s' has a 'max_level' outside of 0 to 7", code);
	if (finding) {
		p.finding = finding_find(finding);
		if (!p.finding)
			return xasprintf("'%s': there is no finding '%s'", code, finding);
	}
	r = regcomp(&p.match, match, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, &p.match, cause, sizeof(cause));
		return xasprintf("'%s': '%s': %s", code, match, cause);
	}
	p.max_level = (unsigned int)max_level;
	p.code = xstrdup(code);
	p.advice = xstrdup(jx_get_str(doc, "advice"));
	p.reference = xstrdup(jx_get_str(doc, "reference"));
	patterns->items = xreallocarray(patterns->items, patterns->n + 1, sizeof(*patterns->items));
	patterns->items[patterns->n++] = p;
	return NULL;
}

int kmsg_patterns_load(const char *path, struct kmsg_patterns **patterns, char **why)
{
	autojson json_t *doc = NULL;
	struct kmsg_patterns *list;
	const char *schema;
	const json_t *item;
	size_t i;
	int r;

	r = jx_load(path, KMSG_FILE_MAX, &doc, why);
	if (r < 0)
		return r;
	schema = jx_get_str(doc, "schema");
	if (!schema || strcmp(schema, KMSG_SCHEMA) != 0) {
		*why = xasprintf("'%s': 'schema' is not '" KMSG_SCHEMA "'", path);
		return -EINVAL;
	}
	list = xcalloc(1, sizeof(*list));
	json_array_foreach (json_object_get(doc, "patterns"), i, item) {
		autofree char *fault = add_pattern(list, item);

		if (fault) {
			*why = xasprintf("'%s': pattern %zu: %s", path, i, fault);
			kmsg_patterns_free(list);
			return -EINVAL;
		}
	}
	*patterns = list;
	return 0;
}

const struct kmsg_pattern *kmsg_classify(const struct kmsg_patterns *patterns,
					 const struct kmsg_record *record)
{
	if (record->facility != 0)
		return NULL;
	for (size_t i = 0; i < patterns->n; i++) {
		const struct kmsg_pattern *p = &patterns->items[i];

		if (record->level <= p->max_level &&
		    regexec(&p->match, record->text, 0, NULL, 0) == 0)
			return p;
	}
	return NULL;
}

const char *kmsg_pattern_code(const struct kmsg_pattern *p)
{
	return p->code;
}

const char *kmsg_pattern_advice(const struct kmsg_pattern *p)
{
	return p->advice;
}

const char *kmsg_pattern_reference(const struct kmsg_pattern *p)
{
	return p->reference;
}

const char *kmsg_pattern_finding(const struct kmsg_pattern *p)
{
	return p->finding ? p->finding->code : NULL;
}

enum kmsg_severity kmsg_pattern_severity(const struct kmsg_pattern *p)
{
	return p->severity;
}

/* --- records ------------------------------------------------------------------------------------- */

/* "prefix,sequence,microseconds,flags[,...];text\n", then lines " KEY=value\n". */
int kmsg_parse(char *buf, struct kmsg_record *record)
{
	char *head = buf, *text = strchr(buf, ';'), *fields[3];
	uint64_t prefix;

	if (!text)
		return -EINVAL;
	*text++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		fields[i] = strsep(&head, ",");
		if (!head)
			return -EINVAL;
	}
	if (text_to_u64(fields[0], 10, UINT32_MAX, &prefix) < 0 ||
	    text_to_u64(fields[1], 10, UINT64_MAX, &record->seq) < 0 ||
	    text_to_u64(fields[2], 10, UINT64_MAX, &record->time_us) < 0)
		return -EINVAL;
	record->level = (unsigned int)prefix & ((1u << FACILITY_SHIFT) - 1);
	record->facility = (unsigned int)prefix >> FACILITY_SHIFT;
	text[strcspn(text, "\n")] = '\0';
	record->text = text;
	return 0;
}

/* Reads the next record into buf. 1, 0 if there is none now, or a negative errno. */
static int read_record(struct kmsg *k, char buf[KMSG_RECORD_MAX], struct kmsg_record *record)
{
	ssize_t n;

	for (;;) {
		n = read(k->fd, buf, KMSG_RECORD_MAX - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) {
			k->lost = true; /* overwritten; the next read is of the oldest left */
			continue;
		}
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return 0;
		buf[n] = '\0';
		if (kmsg_parse(buf, record) < 0) {
			k->lost = true; /* what it was can no longer be known */
			continue;
		}
		if (k->started && record->seq != k->next_seq)
			k->lost = true;
		k->started = true;
		k->next_seq = record->seq + 1;
		return 1;
	}
}

/* Hands on records until there is none, or up to the marker. 1 if that was seen, 0, or an errno. */
static int hand_on(struct kmsg *k, const char *marker, kmsg_sink *sink, void *arg)
{
	char buf[KMSG_RECORD_MAX];
	struct kmsg_record record = { 0 };
	int r;

	while ((r = read_record(k, buf, &record)) > 0) {
		if (marker && record.facility != 0 && strcmp(record.text, marker) == 0)
			return 1;
		sink(arg, &record, kmsg_classify(k->patterns, &record));
	}
	return r;
}

/*
 * A marker is written through a file of its own: the kernel limits the rate of each open /dev/kmsg
 * (sysctl printk_devkmsg) and drops what is above it without an error.
 */
static int mark_dev_kmsg(void *arg attr_unused, const char *text)
{
	autoclose int fd = open(KMSG_PATH, O_WRONLY | O_CLOEXEC);
	autofree char *line = xasprintf("%s\n", text);

	/* without its newline a record may still be continued, and nobody can read it until then */
	return fd < 0 ? -errno : fs_write_all(fd, line, strlen(line));
}

struct kmsg *kmsg_new(int fd, kmsg_mark_fn *mark, void *mark_arg,
		      const struct kmsg_patterns *patterns)
{
	struct kmsg *k = xcalloc(1, sizeof(*k));

	k->fd = fd;
	k->mark = mark;
	k->mark_arg = mark_arg;
	k->patterns = patterns;
	return k;
}

struct kmsg *kmsg_open(const struct kmsg_patterns *patterns)
{
	autoclose int fd = open(KMSG_PATH, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		return NULL;
	return kmsg_new(take_fd(fd), mark_dev_kmsg, NULL, patterns);
}

void kmsg_free(struct kmsg *k)
{
	if (!k)
		return;
	close(k->fd);
	free(k);
}

int kmsg_fd(const struct kmsg *k)
{
	return k->fd;
}

int kmsg_drain(struct kmsg *k, kmsg_sink *sink, void *arg)
{
	return hand_on(k, NULL, sink, arg);
}

int kmsg_mark(struct kmsg *k, const char *marker, int64_t timeout_ns, kmsg_sink *sink, void *arg)
{
	int64_t deadline = clock_ns() + timeout_ns;
	int r = k->mark(k->mark_arg, marker);

	if (r < 0)
		return r;
	for (;;) {
		struct pollfd pfd = { .fd = k->fd, .events = POLLIN };
		int64_t left = deadline - clock_ns();

		r = hand_on(k, marker, sink, arg);
		if (r)
			return r < 0 ? r : 0;
		if (left <= 0)
			return -ETIMEDOUT;
		poll(&pfd, 1, clock_poll_ms(left));
	}
}

bool kmsg_lost(struct kmsg *k)
{
	bool lost = k->lost;

	k->lost = false;
	return lost;
}
