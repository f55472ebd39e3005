/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of the kinds of change: one kind by its name, on a directory that stands for the
 * machine, and files in it.
 */
#ifndef P2PCERT_TEST_UNDO_KIND_H
#define P2PCERT_TEST_UNDO_KIND_H

#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "runner/undo.h"

/* Writes a file below root, with the directories above it; it keeps its inode. */
static inline void put(const char *root, const char *path, const char *text)
{
	autofree char *file = xasprintf("%s%s", root, path);
	autofree char *copy = xstrdup(file);
	autoclose int fd = -1;

	assert_int_equal(fs_mkdir_p(dirname(copy), 0755), 0);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static inline void put_link(const char *root, const char *path, const char *target)
{
	autofree char *file = xasprintf("%s%s", root, path);
	autofree char *copy = xstrdup(file);

	assert_int_equal(fs_mkdir_p(dirname(copy), 0755), 0);
	remove(file);
	assert_int_equal(symlink(target, file), 0);
}

static inline void take_away(const char *root, const char *path)
{
	autofree char *file = xasprintf("%s%s", root, path);

	assert_int_equal(remove(file), 0);
}

static inline void assert_text(const char *root, const char *path, const char *text)
{
	autofree char *file = xasprintf("%s%s", root, path);
	autofree char *now = NULL;

	assert_int_equal(fs_read(AT_FDCWD, file, 1 << 20, &now, NULL), 0);
	assert_string_equal(now, text);
}

static inline const struct undo_kind *kind_named(const char *name)
{
	for (size_t i = 0; i < undo_kinds_len; i++)
		if (strcmp(undo_kinds[i].name, name) == 0)
			return &undo_kinds[i];
	fail_msg("no kind '%s'", name);
	return NULL;
}

static inline json_t *parse_args(const char *text)
{
	json_t *args = json_loads(text, 0, NULL);

	assert_non_null(args);
	return args;
}

/* The errno of looking; text, if not NULL, must be part of the reason. */
static inline int try_look(const char *root, const char *kind, json_t *args, bool *there,
			   const char *text)
{
	const struct undo_env env = { .sysroot = root };
	struct unmet why = { 0 };
	int r;

	*there = false;
	r = kind_named(kind)->look(&env, args, there, &why);
	assert_int_equal(r < 0, why.text != NULL);
	if (text)
		assert_non_null(strstr(why.text, text));
	free(why.text);
	return r;
}

/* For what happens in time on the slowest of machines, and for what never happens. */
#define PATIENCE (20 * NS_PER_S)
#define NO_PATIENCE (NS_PER_S / 5)

static inline int apply_within(int64_t timeout_ns, const char *root, const char *kind,
			       const json_t *args, json_t **facts, const char *text)
{
	const struct undo_env env = { .sysroot = root, .timeout_ns = timeout_ns };
	autojson json_t *dropped = NULL;
	struct unmet why = { 0 };
	int r = kind_named(kind)->apply(&env, args, facts ? facts : &dropped, &why);

	assert_int_equal(r < 0, why.text != NULL);
	if (text)
		assert_non_null(strstr(why.text, text));
	free(why.text);
	return r;
}

static inline int try_apply(const char *root, const char *kind, const json_t *args, json_t **facts,
			    const char *text)
{
	return apply_within(PATIENCE, root, kind, args, facts, text);
}

static inline enum undo_result revert_within(int64_t timeout_ns, const char *root, const char *kind,
					     const json_t *args, const char *text)
{
	const struct undo_env env = { .sysroot = root, .timeout_ns = timeout_ns };
	autofree char *why = NULL;
	enum undo_result result = kind_named(kind)->revert(&env, args, &why);

	if (result == UNDO_FAILED)
		assert_non_null(why);
	if (text) {
		assert_non_null(why);
		assert_non_null(strstr(why, text));
	}
	return result;
}

static inline enum undo_result try_revert(const char *root, const char *kind, const json_t *args,
					  const char *text)
{
	return revert_within(PATIENCE, root, kind, args, text);
}

/* All three functions refuse these args, and touch nothing. */
static inline void assert_refused(const char *root, const char *kind, const char *text)
{
	autojson json_t *args = parse_args(text);
	bool there;

	assert_int_equal(try_look(root, kind, args, &there, "no change of kind"), -EINVAL);
	assert_int_equal(try_apply(root, kind, args, NULL, "no change of kind"), -EINVAL);
	assert_int_equal(try_revert(root, kind, args, "no change of kind"), UNDO_FAILED);
}

#endif
