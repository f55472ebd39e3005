/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is called of libkmod, which is loaded when it is. */
#include <libkmod.h>

#include "base/lazy.h"
#include "sonames.h"

#define KMOD(type, name, parameters, arguments) LAZY(SONAME_kmod, type, name, parameters, arguments)

KMOD(struct kmod_ctx *, kmod_new, (const char *dirname, const char *const *config_paths),
     (dirname, config_paths))
KMOD(struct kmod_ctx *, kmod_unref, (struct kmod_ctx * ctx), (ctx))
KMOD(void, kmod_set_log_fn,
     (struct kmod_ctx * ctx,
      void (*log_fn)(void *log_data, int priority, const char *file, int line, const char *fn,
		     const char *format, va_list args),
      const void *data),
     (ctx, log_fn, data))
KMOD(struct kmod_list *, kmod_list_next,
     (const struct kmod_list *list, const struct kmod_list *curr), (list, curr))
KMOD(int, kmod_module_new_from_lookup,
     (struct kmod_ctx * ctx, const char *given_alias, struct kmod_list **list),
     (ctx, given_alias, list))
KMOD(int, kmod_module_new_from_name,
     (struct kmod_ctx * ctx, const char *name, struct kmod_module **mod), (ctx, name, mod))
KMOD(int, kmod_module_new_from_path,
     (struct kmod_ctx * ctx, const char *path, struct kmod_module **mod), (ctx, path, mod))
KMOD(struct kmod_module *, kmod_module_unref, (struct kmod_module * mod), (mod))
KMOD(int, kmod_module_unref_list, (struct kmod_list * list), (list))
KMOD(struct kmod_module *, kmod_module_get_module, (const struct kmod_list *entry), (entry))
KMOD(const char *, kmod_module_get_name, (const struct kmod_module *mod), (mod))
KMOD(struct kmod_list *, kmod_module_get_dependencies, (const struct kmod_module *mod), (mod))
KMOD(int, kmod_module_insert_module,
     (struct kmod_module * mod, unsigned int flags, const char *options), (mod, flags, options))
KMOD(int, kmod_module_probe_insert_module,
     (struct kmod_module * mod, unsigned int flags, const char *extra_options,
      int (*run_install)(struct kmod_module *m, const char *cmdline, void *data), const void *data,
      void (*print_action)(struct kmod_module *m, bool install, const char *options)),
     (mod, flags, extra_options, run_install, data, print_action))
KMOD(int, kmod_module_remove_module, (struct kmod_module * mod, unsigned int flags), (mod, flags))
KMOD(int, kmod_module_get_info, (const struct kmod_module *mod, struct kmod_list **list),
     (mod, list))
KMOD(const char *, kmod_module_info_get_key, (const struct kmod_list *entry), (entry))
KMOD(const char *, kmod_module_info_get_value, (const struct kmod_list *entry), (entry))
KMOD(void, kmod_module_info_free_list, (struct kmod_list * list), (list))
