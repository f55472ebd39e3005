/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes with a module of the distribution, and must go with it. */
#include <dirent.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "kmod/backend.h"

#define DEPTH_MAX 16 /* of modules that depend on each other; the kernel has five at most */

int kmod_stock_absent(const struct kmod_env *env, const char *name, json_t **absent,
		      struct kmod_why *why)
{
	autojson json_t *names = jx_array();
	const json_t *entry;
	size_t i;
	int r = kmod_backend(env)->dependencies(name, names);

	if (r == -ENOENT)
		return kmod_fail(why, r, KMOD_MISSING, "this kernel has no module '%s'", name);
	if (r < 0)
		return kmod_explain_insert(env, name, name, r, why);
	*absent = jx_array();
	json_array_foreach (names, i, entry)
		if (!kmod_is_loaded(env, json_string_value(entry)))
			jx_append(*absent, json_incref((json_t *)entry));
	return 0;
}

/* The names in a directory of a module's; an array, empty if there is none. */
static json_t *entries(const struct kmod_env *env, const char *module, const char *sub)
{
	autofree char *path = fs_under(env->sysroot, "/sys/module/%s/%s", module, sub);
	json_t *names = jx_array();
	const struct dirent *e;
	DIR *dir = opendir(path);

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			jx_append_str(names, e->d_name);
	if (dir)
		closedir(dir);
	return names;
}

static bool is_idle(const struct kmod_env *env, const char *name)
{
	autofree char *refcnt = fs_under(env->sysroot, "/sys/module/%s/refcnt", name);
	autojson json_t *drivers = entries(env, name, "drivers");
	uint64_t users;

	return json_array_size(drivers) == 0 && fs_read_u64(AT_FDCWD, refcnt, &users) == 0 &&
	       users == 0;
}

/* What depends on a module that was not loaded was not loaded itself. */
static void unload_with_holders(const struct kmod_env *env, const char *name, int depth,
				bool *changed)
{
	autojson json_t *holders = entries(env, name, "holders");
	const json_t *holder;
	size_t i;

	json_array_foreach (holders, i, holder)
		if (depth < DEPTH_MAX)
			unload_with_holders(env, json_string_value(holder), depth + 1, changed);
	if (is_idle(env, name) && kmod_backend(env)->remove(name) == 0)
		*changed = true;
}

void kmod_unload_stock(const struct kmod_env *env, const json_t *absent, bool *changed, char **left)
{
	const json_t *entry;
	size_t i;

	*changed = false;
	*left = NULL;
	json_array_foreach (absent, i, entry)
		unload_with_holders(env, json_string_value(entry), 0, changed);
	json_array_foreach (absent, i, entry) {
		const char *name = json_string_value(entry);
		autofree char *before = take_ptr(*left);

		if (kmod_is_loaded(env, name))
			*left = before ? xasprintf("%s, %s", before, name) : xstrdup(name);
		else
			*left = take_ptr(before);
	}
}
