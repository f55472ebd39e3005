/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading and unloading: what is there is left alone, what is not ours is not used. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "kmod/backend.h"

bool kmod_is_loaded(const struct kmod_env *env, const char *name)
{
	autofree char *path = fs_under(env->sysroot, "/sys/module/%s", name);

	return fs_exists(AT_FDCWD, path);
}

static int verify(const struct kmod_env *env, const char *name, struct kmod_why *why)
{
	return kmod_verify(env, name, NULL, why);
}

static int insert(const struct kmod_env *env, const char *name, const char *file,
		  const char *parameters, bool *changed, struct kmod_why *why)
{
	int r = kmod_backend(env)->insert(file, parameters);

	/* somebody was faster: then it is theirs to unload, and ours to verify */
	if (r == -EEXIST && kmod_is_loaded(env, name))
		return verify(env, name, why);
	if (r < 0)
		return kmod_explain_insert(env, name, file, r, why);
	*changed = true;
	r = verify(env, name, why);
	if (r < 0 && kmod_backend(env)->remove(name) == 0)
		*changed = false;
	return r;
}

int kmod_load(const struct kmod_env *env, const char *name, const char *parameters, bool *changed,
	      struct kmod_why *why)
{
	struct kmod_state s;
	int r = kmod_state_read(env, name, &s);

	*changed = false;
	if (r < 0)
		return kmod_fail(why, r, KMOD_FAILED, "'%s' is not a module of p2pcert", name);
	if (s.verified)
		r = 0;
	else if (s.problem)
		r = kmod_fail(why, s.loaded ? -EEXIST : -ENOENT, s.reason, "%s", s.problem);
	else
		r = insert(env, name, s.file, parameters, changed, why);
	kmod_state_release(&s);
	return r;
}

int kmod_unload(const struct kmod_env *env, const char *name, bool *changed, struct kmod_why *why)
{
	int r;

	*changed = false;
	if (!kmod_is_loaded(env, name))
		return 0;
	r = kmod_backend(env)->remove(name);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return kmod_explain_remove(env, name, r, why);
	*changed = true;
	return 0;
}

int kmod_load_stock(const struct kmod_env *env, const char *name, bool *changed,
		    struct kmod_why *why)
{
	int r;

	*changed = false;
	if (kmod_is_loaded(env, name))
		return 0;
	r = kmod_backend(env)->insert_stock(name);
	if (r == -ENOENT)
		return kmod_fail(why, r, KMOD_MISSING, "this kernel has no module '%s'", name);
	if (r < 0)
		return kmod_explain_insert(env, name, name, r, why);
	*changed = kmod_is_loaded(env, name);
	return 0;
}
