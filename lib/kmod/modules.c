/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test modules, which kernel they are for, and where their files are. */
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "kmod/backend.h"

const struct kmod_info kmod_modules[] = {
	{ "p2pcert_p2p", P2PCERT_DEV_P2P, "peer-to-peer verdicts, mappings and transfers" },
	{ "p2pcert_devpriv", P2PCERT_DEV_DEVPRIV, "device-private memory" },
	{ "p2pcert_dmabuf", P2PCERT_DEV_DMABUF, "exporter and importer of dma-bufs" },
	{ "p2pcert_iova", P2PCERT_DEV_IOVA, "memory mapped for DMA in each way" },
	{ "p2pcert_edu", NULL, "QEMU's edu device as a DMA engine" },
};
const size_t kmod_modules_len = ARRAY_LEN(kmod_modules);

const struct kmod_info *kmod_find(const char *name)
{
	for (size_t i = 0; i < kmod_modules_len; i++)
		if (strcmp(kmod_modules[i].name, name) == 0)
			return &kmod_modules[i];
	return NULL;
}

/* --- the kernel ---------------------------------------------------------------------------------- */

char *kmod_release(const struct kmod_env *env)
{
	struct utsname uts;

	if (env->release)
		return xstrdup(env->release);
	uname(&uts);
	return xstrdup(uts.release);
}

bool kmod_built_for(const char *vermagic, const char *release)
{
	size_t len = strlen(release);

	return strncmp(vermagic, release, len) == 0 && (!vermagic[len] || vermagic[len] == ' ');
}

/* --- files --------------------------------------------------------------------------------------- */

char *kmod_build_dir(const struct kmod_env *env)
{
	autofree char *release = kmod_release(env);
	const char *given = getenv("P2PCERT_KMODS_BUILD");

	return given && *given ? xstrdup(given)
			       : fs_under(env->sysroot, "/var/cache/p2pcert/kmods/%s", release);
}

char *kmod_file(const char *dir, const char *name)
{
	static const char *const suffixes[] = { "", ".zst", ".xz", ".gz" };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		autofree char *path = xasprintf("%s/%s.ko%s", dir, name, suffixes[i]);

		if (fs_exists(AT_FDCWD, path))
			return take_ptr(path);
	}
	return NULL;
}

static bool holds_modules(const char *dir)
{
	for (size_t i = 0; i < kmod_modules_len; i++) {
		autofree char *file = kmod_file(dir, kmod_modules[i].name);

		if (file)
			return true;
	}
	return false;
}

char *kmod_dir(const struct kmod_env *env)
{
	autofree char *release = kmod_release(env);
	autofree char *installed =
		fs_under(env->sysroot, "/lib/modules/%s/updates/p2pcert", release);
	autofree char *built = kmod_build_dir(env);

	if (env->dir)
		return xstrdup(env->dir);
	if (holds_modules(installed))
		return take_ptr(installed);
	return holds_modules(built) ? take_ptr(built) : NULL;
}
