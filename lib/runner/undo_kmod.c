/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading and unloading modules through lib/kmod, as changes that can be undone. */
#include "runner/undo_kmod.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "kmod/kmod.h"
#include "runner/undo_kind.h"

#define NAME_MAX_BYTES 55 /* MODULE_NAME_LEN of the kernel */

static struct kmod_env kmod_env_of(const struct undo_env *env)
{
	return (struct kmod_env){ .sysroot = env->sysroot, .dir = env->module_dir };
}

static int take_why(int err, struct kmod_why *from, struct unmet *to)
{
	if (skip_category_parse(kmod_reason_name(from->reason), &to->category) < 0)
		to->category = SKIP_MODULE_REJECTED;
	to->text = take_ptr(from->text);
	kmod_why_release(from);
	return err;
}

static enum undo_result unload(const struct undo_env *env, const char *name, char **why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	struct kmod_why kmod_why = { 0 };
	bool changed = false;

	if (kmod_unload(&kmod, name, &changed, &kmod_why) < 0) {
		*why = take_ptr(kmod_why.text);
		kmod_why_release(&kmod_why);
		return UNDO_FAILED;
	}
	return changed ? UNDO_UNDONE : UNDO_GONE;
}

/* --- a test module ------------------------------------------------------------------------------- */

static const char *test_module(const json_t *args)
{
	const char *name = jx_get_str(args, "name");

	return name && kmod_find(name) ? name : NULL;
}

int undo_module_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	const char *name = test_module(args);

	if (!name)
		return undo_deny_args(why, "module");
	*there = kmod_is_loaded(&kmod, name);
	return 0;
}

int undo_module_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		      struct unmet *why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	const char *name = test_module(args);
	struct kmod_state state = { 0 };
	struct kmod_why kmod_why = { 0 };
	bool changed;
	int r;

	if (!name)
		return undo_deny_args(why, "module");
	r = kmod_load(&kmod, name, NULL, &changed, &kmod_why);
	if (r == 0)
		r = kmod_verify(&kmod, name, &state, &kmod_why);
	if (r < 0) {
		kmod_state_release(&state);
		return take_why(r, &kmod_why, why);
	}
	*facts = jx_object();
	jx_set_str(*facts, "name", name);
	jx_set_str(*facts, "file", state.file);
	jx_set_str(*facts, "version", state.version);
	jx_set_str(*facts, "srcversion", state.srcversion);
	jx_set_bool(*facts, "verified", state.verified);
	kmod_state_release(&state);
	return 0;
}

enum undo_result undo_module_revert(const struct undo_env *env, const json_t *args, char **why)
{
	const char *name = test_module(args);

	return name ? unload(env, name, why) : undo_fail_args(why, "module");
}

/* --- one of the distribution --------------------------------------------------------------------- */

static bool is_module_name(const char *s)
{
	if (!undo_is_name(s, NAME_MAX_BYTES))
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return *s == '\0';
}

/* The test modules are not: they have to be verified. */
static const char *stock_module(const json_t *args)
{
	const char *name = jx_get_str(args, "name");

	return is_module_name(name) && !kmod_find(name) ? name : NULL;
}

int undo_stock_module_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	const char *name = stock_module(args);
	struct kmod_why kmod_why = { 0 };
	json_t *absent = NULL, *before;
	int r;

	if (!name)
		return undo_deny_args(why, "stock-module");
	*there = kmod_is_loaded(&kmod, name);
	if (*there)
		return 0;
	r = kmod_stock_absent(&kmod, name, &absent, &kmod_why);
	if (r < 0)
		return take_why(r, &kmod_why, why);
	before = jx_object();
	jx_set(before, "absent", absent);
	jx_set(args, "before", before);
	return 0;
}

int undo_stock_module_apply(const struct undo_env *env, const json_t *args,
			    json_t **facts attr_unused, struct unmet *why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	const char *name = stock_module(args);
	struct kmod_why kmod_why = { 0 };
	bool changed;
	int r;

	if (!name)
		return undo_deny_args(why, "stock-module");
	r = kmod_load_stock(&kmod, name, &changed, &kmod_why);
	return r < 0 ? take_why(r, &kmod_why, why) : 0;
}

/* NULL unless all of them are names. */
static const json_t *absent_before(const json_t *args)
{
	const json_t *absent = json_object_get(json_object_get(args, "before"), "absent");
	const json_t *name;
	size_t i;

	json_array_foreach (absent, i, name)
		if (!is_module_name(json_string_value(name)))
			return NULL;
	return json_is_array(absent) ? absent : NULL;
}

enum undo_result undo_stock_module_revert(const struct undo_env *env, const json_t *args,
					  char **why)
{
	const struct kmod_env kmod = kmod_env_of(env);
	const char *name = stock_module(args);
	const json_t *absent = absent_before(args);
	autofree char *left = NULL;
	enum undo_result result;
	bool changed;

	if (!name || !absent)
		return undo_fail_args(why, "stock-module");
	result = unload(env, name, why);
	if (result == UNDO_FAILED)
		return result;
	kmod_unload_stock(&kmod, absent, &changed, &left);
	if (left)
		*why = xasprintf("what is in use stays loaded: %s", left);
	return changed ? UNDO_UNDONE : result;
}
