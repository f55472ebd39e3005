/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holding a change against the devices that were named. */
#include "runner/permit.h"

#include "base/alloc.h"
#include "base/jx.h"
#include "base/pciaddr.h"

/* The function itself, or a bridge that leads to it. */
static bool is_on_path(const struct platform *p, const struct function *f, struct pci_addr addr)
{
	for (; f; f = platform_upstream(p, f))
		if (pci_addr_eq(f->addr, addr))
			return true;
	return false;
}

static bool concerns(const struct scenario_env *env, const char *device, const json_t *args)
{
	const char *address = jx_get_str(args, "address");
	int64_t group = jx_get_int(args, "group", -1);
	const struct function *f = NULL;
	struct pci_addr named, changed;

	if (pci_addr_parse(device, &named) == 0)
		f = platform_find(env->platform, named);
	if (!f)
		return false;
	if (address)
		return pci_addr_parse(address, &changed) == 0 &&
		       is_on_path(env->platform, f, changed);
	return group >= 0 && f->iommu_group == group;
}

int permit_change(const struct scenario *s, const struct scenario_env *env,
		  const struct undo_kind *kind, const json_t *args, char **why)
{
	if (!kind->unsafe)
		return 0;
	if (s->safety == SAFETY_SAFE || !env->allow_unsafe) {
		*why = xasprintf("a change of kind '%s' is for unsafe scenarios only", kind->name);
		return -EPERM;
	}
	for (const char *const *d = env->devices; d && *d; d++)
		if (concerns(env, *d, args))
			return 0;
	*why = xasprintf("a change of kind '%s' is for devices named with --device only",
			 kind->name);
	return -EPERM;
}
