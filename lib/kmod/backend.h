/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lib/kmod asks of libkmod and of the kernel: the only part that needs either. Tests put their
 * own in struct kmod_env. Functions return 0 or a negative errno, as libkmod does.
 */
#ifndef P2PCERT_KMOD_BACKEND_H
#define P2PCERT_KMOD_BACKEND_H

#include "kmod/kmod.h"
#include "uapi/p2pcert.h"

/* From a module file's .modinfo; the caller frees the strings, NULL where there is none. */
struct kmod_file_info {
	char *version;
	char *srcversion;
	char *vermagic;
};

struct kmod_backend {
	int (*insert)(const char *path, const char *parameters);
	int (*insert_stock)(const char *name);
	int (*remove)(const char *name);
	/* The names of all that a stock module depends on are added to the array. */
	int (*dependencies)(const char *name, json_t *names);
	int (*file_info)(const char *path, struct kmod_file_info *info);
	/* Opens a device node and asks P2PCERT_IOC_VERSION. */
	int (*ask)(const char *node, struct p2pcert_version *version);
};

extern const struct kmod_backend kmod_backend_kernel;

void kmod_file_info_release(struct kmod_file_info *info);

static inline const struct kmod_backend *kmod_backend(const struct kmod_env *env)
{
	return env->backend ? env->backend : &kmod_backend_kernel;
}

/* env->release or the running kernel's; the caller frees it. */
char *kmod_release(const struct kmod_env *env) attr_must_check;

/* "7.2.12-amd64 SMP preempt mod_unload" starts with the release. */
bool kmod_built_for(const char *vermagic, const char *release);

/* Sets *why (releasing nothing) and returns err, so that it ends a function. */
int kmod_fail(struct kmod_why *why, int err, enum kmod_reason reason, const char *fmt, ...)
	attr_printf(4, 5) attr_must_check;

/*
 * What the errno of an insertion means, and what to do: a table, with a look at the system where one
 * errno has several causes. Returns err.
 */
int kmod_explain_insert(const struct kmod_env *env, const char *name, const char *file, int err,
			struct kmod_why *why) attr_must_check;
int kmod_explain_remove(const struct kmod_env *env, const char *name, int err,
			struct kmod_why *why) attr_must_check;

#endif
