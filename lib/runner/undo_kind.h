/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds of change share: saying why not, and the values in files of proc and sysfs. */
#ifndef P2PCERT_RUNNER_UNDO_KIND_H
#define P2PCERT_RUNNER_UNDO_KIND_H

#include "runner/undo.h"

/* The category of what the kernel refuses with this negative errno. */
enum skip_category undo_category(int err) attr_must_check;

/* Sets *why and returns err, so that it ends a function. */
int undo_deny(struct unmet *why, enum skip_category category, int err, const char *fmt, ...)
	attr_printf(4, 5) attr_must_check;
/* -EINVAL: the args are not those of that kind. */
int undo_deny_args(struct unmet *why, const char *kind) attr_must_check;

/* The same for a revert: UNDO_FAILED. */
enum undo_result undo_fail(char **why, const char *fmt, ...) attr_printf(2, 3) attr_must_check;
enum undo_result undo_fail_args(char **why, const char *kind) attr_must_check;

/*
 * Can it be one component of a path, and no option of a program? At most max bytes, printable, not
 * empty, no '/', neither "." nor "..", no '-' in front. NULL is no name.
 */
bool undo_is_name(const char *s, size_t max) attr_must_check;

/* The file's text without white space at its ends, which the caller frees. 0 or a negative errno. */
int undo_value_read(const char *path, char **value) attr_must_check;
/* Do they differ in white space only? */
bool undo_value_same(const char *a, const char *b) attr_must_check;
/* Writes it, as a line. 0 or a negative errno. */
int undo_value_write(const char *path, const char *value) attr_must_check;
/*
 * The same where the kernel may keep the writer for as long as it likes, in a process of its own:
 * -ETIMEDOUT, and what it was asked may still come to pass.
 */
int undo_value_write_within(const char *path, const char *value,
			    int64_t timeout_ns) attr_must_check;
/* Writes it unless it reads so: then 0, else 1, -EIO if it still reads otherwise, or a negative errno. */
int undo_value_set(const char *path, const char *value) attr_must_check;

#endif
