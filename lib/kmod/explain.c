/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What it means that the kernel did not take a module, or did not let go of one. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "kmod/backend.h"

/* The errnos of an insertion that have one cause. */
static const struct {
	int err;
	enum kmod_reason reason;
	const char *text;
} insert_errors[] = {
	{ EKEYREJECTED, KMOD_REJECTED,
	  "its signature is not accepted: sign it with a key that this machine has enrolled "
	  "(kmodsign, mokutil --import), or turn Secure Boot off" },
	{ ENOKEY, KMOD_REJECTED,
	  "it is signed with a key that this machine does not know: enrol the key "
	  "(mokutil --import), or turn Secure Boot off" },
	{ EBADMSG, KMOD_REJECTED, "its signature is damaged: build and sign it again" },
	{ EOPNOTSUPP, KMOD_UNSUPPORTED,
	  "this kernel was built without what it needs; the kernel log says what" },
	{ ENOENT, KMOD_REJECTED,
	  "it needs symbols that this kernel does not export: build it again; the kernel log names "
	  "them" },
	{ EINVAL, KMOD_REJECTED,
	  "the kernel finds it or its parameters invalid; the kernel log says why" },
	{ EEXIST, KMOD_REJECTED, "another module of that name is loaded: unload it" },
	{ EBUSY, KMOD_BUSY, "it is being loaded or unloaded at this moment" },
	{ ENOSYS, KMOD_UNSUPPORTED, "this kernel cannot load modules" },
};

/* EPERM is the answer to at least three different things. */
static int explain_permission(const struct kmod_env *env, const char *name, int err,
			      struct kmod_why *why)
{
	autofree char *disabled_path = fs_under(env->sysroot, "/proc/sys/kernel/modules_disabled");
	autofree char *lockdown_path = fs_under(env->sysroot, "/sys/kernel/security/lockdown");
	autofree char *lockdown = NULL;
	uint64_t disabled = 0;

	if (fs_read_u64(AT_FDCWD, disabled_path, &disabled) == 0 && disabled)
		return kmod_fail(why, err, KMOD_REJECTED,
				 "cannot load '%s': loading modules was turned off until the next "
				 "boot (kernel.modules_disabled)",
				 name);
	/* "[none] integrity confidentiality": the one in brackets is in force */
	if (fs_read_attr(AT_FDCWD, lockdown_path, &lockdown) == 0 && !strstr(lockdown, "[none]"))
		return kmod_fail(
			why, err, KMOD_REJECTED,
			"cannot load '%s': the kernel is locked down (%s) and takes signed "
			"modules only: sign it with an enrolled key, or turn Secure Boot "
			"off",
			name, lockdown);
	return kmod_fail(why, err, KMOD_PERMISSION,
			 "cannot load '%s': %s; loading modules needs CAP_SYS_MODULE", name,
			 strerror(-err));
}

static int explain_format(const struct kmod_env *env, const char *name, const char *file, int err,
			  struct kmod_why *why)
{
	autofree char *release = kmod_release(env);
	struct kmod_file_info info;
	int r = kmod_backend(env)->file_info(file, &info);

	if (r == 0 && info.vermagic && kmod_built_for(info.vermagic, release))
		r = kmod_fail(why, err, KMOD_REJECTED,
			      "cannot load '%s': built for this release, but '%s' is not how this "
			      "kernel is configured, as the kernel log says: build it again with "
			      "its own headers",
			      name, info.vermagic);
	else if (r == 0 && info.vermagic)
		r = kmod_fail(why, err, KMOD_MISSING,
			      "cannot load '%s': it was built for '%s', this kernel is '%s': build "
			      "it again with 'p2pcert kmod build'",
			      name, info.vermagic, release);
	else
		r = kmod_fail(why, err, KMOD_REJECTED, "cannot load '%s': '%s' is not a module",
			      name, file);
	kmod_file_info_release(&info);
	return r;
}

int kmod_explain_insert(const struct kmod_env *env, const char *name, const char *file, int err,
			struct kmod_why *why)
{
	if (err == -EPERM || err == -EACCES)
		return explain_permission(env, name, err, why);
	if (err == -ENOEXEC)
		return explain_format(env, name, file, err, why);
	for (size_t i = 0; i < ARRAY_LEN(insert_errors); i++)
		if (insert_errors[i].err == -err)
			return kmod_fail(why, err, insert_errors[i].reason,
					 "cannot load '%s': %s (%s)", name, insert_errors[i].text,
					 strerror(-err));
	return kmod_fail(why, err, KMOD_FAILED, "cannot load '%s': %s", name, strerror(-err));
}

int kmod_explain_remove(const struct kmod_env *env, const char *name, int err, struct kmod_why *why)
{
	autofree char *path = fs_under(env->sysroot, "/sys/module/%s/refcnt", name);
	uint64_t users = 0;

	switch (-err) {
	case EAGAIN:
	case EBUSY:
		if (fs_read_u64(AT_FDCWD, path, &users) == 0 && users)
			return kmod_fail(why, err, KMOD_BUSY,
					 "cannot unload '%s': it is in use, use count %llu", name,
					 (unsigned long long)users);
		return kmod_fail(why, err, KMOD_BUSY, "cannot unload '%s': it is in use", name);
	case EPERM:
	case EACCES:
		return kmod_fail(why, err, KMOD_PERMISSION,
				 "cannot unload '%s': %s; unloading modules needs CAP_SYS_MODULE",
				 name, strerror(-err));
	default:
		return kmod_fail(why, err, KMOD_FAILED, "cannot unload '%s': %s", name,
				 strerror(-err));
	}
}
