/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is what is loaded as a test module the file that was built for this kernel? */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/version.h"
#include "kmod/backend.h"

static void read_file(const struct kmod_env *env, struct kmod_state *s)
{
	autofree char *dir = kmod_dir(env);
	struct kmod_file_info info = { 0 };

	if (dir)
		s->file = kmod_file(dir, s->info->name);
	if (!s->file)
		return;
	if (kmod_backend(env)->file_info(s->file, &info) == 0) {
		s->file_version = take_ptr(info.version);
		s->file_srcversion = take_ptr(info.srcversion);
		s->file_vermagic = take_ptr(info.vermagic);
	}
	kmod_file_info_release(&info);
}

/* --- what is loaded ------------------------------------------------------------------------------ */

static char *read_sysfs(const struct kmod_env *env, const char *name, const char *attr)
{
	autofree char *path = fs_under(env->sysroot, "/sys/module/%s/%s", name, attr);
	char *value = NULL;

	return fs_read_attr(AT_FDCWD, path, &value) == 0 ? value : NULL;
}

static void read_loaded(const struct kmod_env *env, struct kmod_state *s)
{
	const char *name = s->info->name;
	autofree char *refcnt = fs_under(env->sysroot, "/sys/module/%s/refcnt", name);

	/* a module that is built in has a directory, too, but no use count */
	s->loaded = fs_read_u64(AT_FDCWD, refcnt, &s->use_count) == 0;
	if (!s->loaded)
		return;
	s->version = read_sysfs(env, name, "version");
	s->srcversion = read_sysfs(env, name, "srcversion");
	s->taint = read_sysfs(env, name, "taint");
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static const char *shown(const char *s)
{
	return s ? s : "unknown";
}

/* The device answers for the module; the strings come from a driver that may not be ours. */
static char *doubt_answer(const struct kmod_env *env, const struct kmod_info *info)
{
	autofree char *node = fs_under(env->sysroot, "/dev/%s", info->device);
	struct p2pcert_version v = { 0 };
	int r = kmod_backend(env)->ask(node, &v);

	if (r < 0)
		return xasprintf("'%s' does not answer: %s", node, strerror(-r));
	if (v.abi != P2PCERT_ABI_VERSION)
		return xasprintf("'%s' speaks interface version %u, this p2pcert %d", node, v.abi,
				 P2PCERT_ABI_VERSION);
	if (strncmp(v.module, info->name, sizeof(v.module)) != 0)
		return xasprintf("'%s' belongs to another module", node);
	if (strncmp(v.version, p2pcert_version(), sizeof(v.version)) != 0)
		return xasprintf("'%s' answers with another version than '%s'", node,
				 p2pcert_version());
	return NULL;
}

/* A link out of the directory would be a module that was not built there. */
static bool lies_in(const char *file, const char *dir)
{
	autofree char *real_file = realpath(file, NULL);
	autofree char *real_dir = realpath(dir, NULL);
	size_t len = real_dir ? strlen(real_dir) : 0;

	return real_file && real_dir && strncmp(real_file, real_dir, len) == 0 &&
	       real_file[len] == '/';
}

/* Why the file cannot be what this p2pcert needs; *reason tells absent from refused. */
static char *doubt_file(const struct kmod_env *env, const struct kmod_state *s,
			enum kmod_reason *reason)
{
	autofree char *release = kmod_release(env);
	autofree char *dir = kmod_dir(env);

	*reason = KMOD_MISSING;
	if (!s->file)
		return xasprintf("no '%s.ko' is built for this kernel: 'p2pcert kmod build' builds "
				 "it",
				 s->info->name);
	if (s->file_vermagic && !kmod_built_for(s->file_vermagic, release))
		return xasprintf("'%s' was built for '%s', this kernel is '%s': build it again",
				 s->file, s->file_vermagic, release);
	*reason = KMOD_REJECTED;
	if (!lies_in(s->file, dir))
		return xasprintf("'%s' is a link to outside of '%s'", s->file, dir);
	if (!s->file_version || !s->file_vermagic)
		return xasprintf("'%s' is not a module with a version", s->file);
	if (!same(s->file_version, p2pcert_version()))
		return xasprintf("'%s' has version '%s', this p2pcert '%s': build it again",
				 s->file, s->file_version, p2pcert_version());
	return NULL;
}

static char *doubt_loaded(const struct kmod_env *env, const struct kmod_state *s)
{
	if (!s->taint || !strchr(s->taint, 'O'))
		return xasprintf("what is loaded as '%s' did not come from outside the kernel's "
				 "own modules",
				 s->info->name);
	if (!same(s->version, s->file_version))
		return xasprintf("'%s' is loaded in version '%s', the file has '%s'", s->info->name,
				 shown(s->version), s->file_version);
	if (!same(s->srcversion, s->file_srcversion))
		return xasprintf("'%s' is loaded with srcversion '%s', the file '%s' has '%s'",
				 s->info->name, shown(s->srcversion), s->file,
				 shown(s->file_srcversion));
	return s->info->device ? doubt_answer(env, s->info) : NULL;
}

int kmod_state_read(const struct kmod_env *env, const char *name, struct kmod_state *state)
{
	*state = (struct kmod_state){ .info = kmod_find(name) };
	if (!state->info)
		return -ENOENT;
	read_file(env, state);
	read_loaded(env, state);
	state->problem = doubt_file(env, state, &state->reason);
	if (!state->problem && state->loaded)
		state->problem = doubt_loaded(env, state);
	/* whatever the file is: what is loaded is not it */
	if (state->loaded)
		state->reason = KMOD_REJECTED;
	state->verified = state->loaded && !state->problem;
	return 0;
}

void kmod_state_release(struct kmod_state *state)
{
	free(state->file);
	free(state->file_version);
	free(state->file_srcversion);
	free(state->file_vermagic);
	free(state->version);
	free(state->srcversion);
	free(state->taint);
	free(state->problem);
	*state = (struct kmod_state){ 0 };
}

int kmod_verify(const struct kmod_env *env, const char *name, struct kmod_state *state,
		struct kmod_why *why)
{
	struct kmod_state s;
	int r = kmod_state_read(env, name, &s);

	if (r < 0)
		return kmod_fail(why, r, KMOD_FAILED, "'%s' is not a module of p2pcert", name);
	if (!s.loaded)
		r = kmod_fail(why, -ENOENT, KMOD_MISSING, "'%s' is not loaded", name);
	else if (!s.verified)
		r = kmod_fail(why, -EPERM, KMOD_REJECTED, "%s", s.problem);
	if (r == 0 && state)
		*state = s;
	else
		kmod_state_release(&s);
	return r;
}
