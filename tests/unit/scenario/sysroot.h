/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sysfs made for a test, in a directory of its own, and what a scenario sends to its supervisor.
 */
#ifndef P2PCERT_TEST_SYSROOT_H
#define P2PCERT_TEST_SYSROOT_H

#include "../test.h"

#include <fcntl.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "scenario/ctx.h"

/* Makes the file path under root with this text, and the directories on the way. */
static inline void put(const char *root, const char *path, const char *text)
{
	autofree char *full = fs_under(root, "%s", path);
	autofree char *dir = xstrdup(full);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdir_p(dir, 0700), 0);
	assert_int_equal(fs_publish(AT_FDCWD, full, text, strlen(text), 0600), 0);
}

static inline void put_dir(const char *root, const char *path)
{
	autofree char *full = fs_under(root, "%s", path);

	assert_int_equal(fs_mkdir_p(full, 0700), 0);
}

static inline void put_link(const char *root, const char *path, const char *target)
{
	autofree char *full = fs_under(root, "%s", path);
	autofree char *dir = xstrdup(full);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdir_p(dir, 0700), 0);
	assert_int_equal(symlink(target, full), 0);
}

/* A scenario's context whose records can be read back. */
struct heard {
	struct scenario_env env;
	struct scenario_ctx ctx;
	FILE *file;
};

static inline void heard_begin(struct heard *h, const char *sysroot,
			       const struct platform *platform)
{
	*h = (struct heard){ .env = { .sysroot = sysroot, .platform = platform, .seed = 5 } };
	h->file = tmpfile();
	assert_non_null(h->file);
	h->ctx = (struct scenario_ctx){ .env = &h->env, .channel = fileno(h->file) };
}

/* How many records have this event, and, unless it is NULL, this value of key. */
static inline size_t heard_count(const struct heard *h, const char *event, const char *key,
				 const char *value)
{
	char *line = NULL;
	size_t room = 0, n = 0;

	rewind(h->file);
	while (getline(&line, &room, h->file) > 0) {
		autojson json_t *record = json_loads(line, 0, NULL);
		const char *found;

		assert_non_null(record);
		if (strcmp(jx_get_str(record, "event"), event) != 0)
			continue;
		found = key ? jx_get_str(record, key) : NULL;
		n += !key || (found && strcmp(found, value) == 0);
	}
	free(line);
	return n;
}

static inline void heard_end(struct heard *h)
{
	fclose(h->file);
}

#endif
