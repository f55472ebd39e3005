/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libkmod and the modules' own devices. */
#include "kmod/backend.h"

#include <fcntl.h>
#include <libkmod.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/text.h"

static void auto_ctx(struct kmod_ctx **ctx)
{
	kmod_unref(*ctx);
}

static void auto_module(struct kmod_module **module)
{
	kmod_module_unref(*module);
}

static void auto_modules(struct kmod_list **list)
{
	kmod_module_unref_list(*list);
}

#define autoctx __attribute__((cleanup(auto_ctx)))
#define automodule __attribute__((cleanup(auto_module)))
#define automodules __attribute__((cleanup(auto_modules)))

/* p2pcert explains errors itself, in its own words. */
static void keep_quiet(attr_unused void *data, attr_unused int priority,
		       attr_unused const char *file, attr_unused int line,
		       attr_unused const char *fn, attr_unused const char *format,
		       attr_unused va_list args)
{
}

static struct kmod_ctx *new_ctx(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (ctx)
		kmod_set_log_fn(ctx, keep_quiet, NULL);
	return ctx;
}

static int insert(const char *path, const char *parameters)
{
	autoctx struct kmod_ctx *ctx = new_ctx();
	automodule struct kmod_module *module = NULL;
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_path(ctx, path, &module);
	if (r < 0)
		return r;
	return kmod_module_insert_module(module, 0, parameters ? parameters : "");
}

static int look_up(struct kmod_ctx *ctx, const char *name, struct kmod_list **list)
{
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_lookup(ctx, name, list);
	return r < 0 || *list ? r : -ENOENT;
}

static int insert_stock(const char *name)
{
	autoctx struct kmod_ctx *ctx = new_ctx();
	automodules struct kmod_list *list = NULL;
	struct kmod_list *entry;
	int r = look_up(ctx, name, &list);

	if (r < 0)
		return r;
	kmod_list_foreach(entry, list)
	{
		automodule struct kmod_module *module = kmod_module_get_module(entry);

		r = kmod_module_probe_insert_module(module, 0, NULL, NULL, NULL, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int remove_module(const char *name)
{
	autoctx struct kmod_ctx *ctx = new_ctx();
	automodule struct kmod_module *module = NULL;
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_name(ctx, name, &module);
	if (r < 0)
		return r;
	return kmod_module_remove_module(module, KMOD_REMOVE_NOLOG);
}

static int dependencies(const char *name, json_t *names)
{
	autoctx struct kmod_ctx *ctx = new_ctx();
	automodules struct kmod_list *list = NULL;
	struct kmod_list *entry, *inner;
	int r = look_up(ctx, name, &list);

	if (r < 0)
		return r;
	kmod_list_foreach(entry, list)
	{
		automodule struct kmod_module *module = kmod_module_get_module(entry);
		automodules struct kmod_list *needed = kmod_module_get_dependencies(module);

		kmod_list_foreach(inner, needed)
		{
			automodule struct kmod_module *one = kmod_module_get_module(inner);

			jx_append_str(names, kmod_module_get_name(one));
		}
	}
	return 0;
}

static void keep_info(struct kmod_file_info *info, const char *key, const char *value)
{
	char **field = strcmp(key, "version") == 0      ? &info->version
		       : strcmp(key, "srcversion") == 0 ? &info->srcversion
		       : strcmp(key, "vermagic") == 0   ? &info->vermagic
							: NULL;

	/* the first counts, as for the kernel */
	if (field && !*field)
		*field = text_sanitize(value, strlen(value));
}

static int file_info(const char *path, struct kmod_file_info *info)
{
	autoctx struct kmod_ctx *ctx = new_ctx();
	automodule struct kmod_module *module = NULL;
	struct kmod_list *list = NULL, *entry;
	int r;

	*info = (struct kmod_file_info){ 0 };
	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_path(ctx, path, &module);
	if (r >= 0)
		r = kmod_module_get_info(module, &list);
	if (r < 0)
		return r;
	kmod_list_foreach(entry, list)
		keep_info(info, kmod_module_info_get_key(entry), kmod_module_info_get_value(entry));
	kmod_module_info_free_list(list);
	return 0;
}

static int ask(const char *node, struct p2pcert_version *version)
{
	autoclose int fd = open(node, O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || ioctl(fd, P2PCERT_IOC_VERSION, version) < 0)
		return -errno;
	return 0;
}

const struct kmod_backend kmod_backend_kernel = {
	.insert = insert,
	.insert_stock = insert_stock,
	.remove = remove_module,
	.dependencies = dependencies,
	.file_info = file_info,
	.ask = ask,
};

void kmod_file_info_release(struct kmod_file_info *info)
{
	free(info->version);
	free(info->srcversion);
	free(info->vermagic);
	*info = (struct kmod_file_info){ 0 };
}
