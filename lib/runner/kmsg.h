/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel log: its records read from /dev/kmsg as they come, markers written to it so that a
 * slice of it belongs to one scenario for certain, and its lines classified by the patterns of
 * kmsg.json.
 */
#ifndef P2PCERT_RUNNER_KMSG_H
#define P2PCERT_RUNNER_KMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum kmsg_severity {
	KMSG_NOTE, /* worth reading; refutes nothing */
	KMSG_BAD, /* a scenario during which it appears has failed */
	KMSG_FATAL, /* as bad, and the kernel's answers mean nothing from here on */
	NR_KMSG_SEVERITIES,
};

const char *kmsg_severity_name(enum kmsg_severity severity);

/* One record (the kernel's Documentation/ABI/testing/dev-kmsg). */
struct kmsg_record {
	unsigned int level; /* 0 emergency ... 7 debug */
	unsigned int facility; /* 0 the kernel; user space cannot claim that */
	uint64_t seq;
	uint64_t time_us;
	const char *text; /* NUL-terminated, inside the buffer that was parsed */
};

/* Parses a record in place. 0 or -EINVAL. */
int kmsg_parse(char *buf, struct kmsg_record *record) attr_must_check;

/* --- patterns ------------------------------------------------------------------------------------ */

/*
 * The file: schema "p2pcert.kmsg/1", patterns[] {code, severity "note"|"bad"|"fatal", match (POSIX
 * extended regular expression), [max_level] (only records at this level or more urgent), advice,
 * reference (a file of the kernel's tree, documentation or source), [finding] (the code of the
 * finding that such a line is)}. The first pattern that matches a line is the line's class.
 */
struct kmsg_pattern;
struct kmsg_patterns;

/* 0 or a negative errno; *why is then the text for the user, which the caller frees. */
int kmsg_patterns_load(const char *path, struct kmsg_patterns **patterns,
		       char **why) attr_must_check;
void kmsg_patterns_free(struct kmsg_patterns *patterns);

/* NULL for a line of no class. Only what the kernel itself said is classified. */
const struct kmsg_pattern *kmsg_classify(const struct kmsg_patterns *patterns,
					 const struct kmsg_record *record);
const char *kmsg_pattern_code(const struct kmsg_pattern *p);
const char *kmsg_pattern_advice(const struct kmsg_pattern *p);
const char *kmsg_pattern_reference(const struct kmsg_pattern *p);
const char *kmsg_pattern_finding(const struct kmsg_pattern *p); /* NULL: none */
enum kmsg_severity kmsg_pattern_severity(const struct kmsg_pattern *p);

/* --- reading ------------------------------------------------------------------------------------- */

struct kmsg;

/* Writes a line to the log. 0 or a negative errno. */
typedef int kmsg_mark_fn(void *arg, const char *text);

/*
 * Reads from fd (taken), which is non-blocking and gives one record per read, and classifies by the
 * patterns (borrowed).
 */
struct kmsg *kmsg_new(int fd, kmsg_mark_fn *mark, void *mark_arg,
		      const struct kmsg_patterns *patterns) attr_must_check;
/* Opens /dev/kmsg at its end. NULL with errno. */
struct kmsg *kmsg_open(const struct kmsg_patterns *patterns) attr_must_check;
void kmsg_free(struct kmsg *k);

int kmsg_fd(const struct kmsg *k); /* to poll for reading */

/* Given every record that is read, but the markers; pattern is NULL for a line of no class. */
typedef void kmsg_sink(void *arg, const struct kmsg_record *record,
		       const struct kmsg_pattern *pattern);

/* Hands on what there is now. 0 or a negative errno. */
int kmsg_drain(struct kmsg *k, kmsg_sink *sink, void *arg) attr_must_check;

/*
 * Writes the marker, which must be unique, and hands on all that comes before it. 0, or a negative
 * errno; -ETIMEDOUT if it is not back after timeout_ns.
 */
int kmsg_mark(struct kmsg *k, const char *marker, int64_t timeout_ns, kmsg_sink *sink,
	      void *arg) attr_must_check;

/* Were records overwritten before they could be read, since the last call? */
bool kmsg_lost(struct kmsg *k);

#endif
