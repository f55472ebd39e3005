/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading and unloading modules through lib/kmod, as changes that can be undone. */
#include "runner/undo_kmod.h"

#include "base/jx.h"
#include "kmod/kmod.h"

static struct kmod_env kmod_env_of(const struct undo_env *env)
{
	return (struct kmod_env){ .sysroot = env->sysroot, .dir = env->module_dir };
}

static void take_why(struct kmod_why *from, struct unmet *to)
{
	if (skip_category_parse(kmod_reason_name(from->reason), &to->category) < 0)
		to->category = SKIP_MODULE_REJECTED;
	to->text = take_ptr(from->text);
	kmod_why_release(from);
}

int undo_module_apply(const struct undo_env *env, const json_t *args, bool *changed, json_t **facts,
		      struct unmet *why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	const char *name = jx_get_str(args, "name");
	struct kmod_state state = { 0 };
	struct kmod_why kmod_why = { 0 };
	int r;

	r = kmod_load(&kmod, name, NULL, changed, &kmod_why);
	if (r == 0)
		r = kmod_verify(&kmod, name, &state, &kmod_why);
	if (r == 0) {
		*facts = jx_object();
		jx_set_str(*facts, "name", name);
		jx_set_str(*facts, "file", state.file);
		jx_set_str(*facts, "version", state.version);
		jx_set_str(*facts, "srcversion", state.srcversion);
		jx_set_bool(*facts, "verified", state.verified);
	} else {
		take_why(&kmod_why, why);
	}
	kmod_state_release(&state);
	return r;
}

int undo_stock_module_apply(const struct undo_env *env, const json_t *args, bool *changed,
			    json_t **facts attr_unused, struct unmet *why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	struct kmod_why kmod_why = { 0 };
	int r = kmod_load_stock(&kmod, jx_get_str(args, "name"), changed, &kmod_why);

	if (r < 0)
		take_why(&kmod_why, why);
	return r;
}

enum undo_result undo_kmod_revert(const struct undo_env *env, const json_t *args, char **why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	struct kmod_why kmod_why = { 0 };
	bool changed = false;

	if (kmod_unload(&kmod, jx_get_str(args, "name"), &changed, &kmod_why) < 0) {
		*why = take_ptr(kmod_why.text);
		kmod_why_release(&kmod_why);
		return UNDO_FAILED;
	}
	return changed ? UNDO_UNDONE : UNDO_GONE;
}
