/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths of the kernel's device tree: a function is below its bridge, or below "pciDOMAIN:BUS". */
#include "platform/device_path.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static bool is_root_bus(const char *name)
{
	return text_starts_with(name, "pci") && strchr(name, ':');
}

void device_path_read(struct function *f, const char *path)
{
	autofree char *copy = xstrdup(path);
	const char *name, *last = NULL, *above = NULL;
	char *rest = copy;

	while ((name = strsep(&rest, "/"))) {
		if (!*name)
			continue;
		if (is_root_bus(name))
			f->has_host_owner = last && pci_addr_parse(last, &f->host_owner) == 0;
		above = last;
		last = name;
	}
	if (!above)
		return;
	if (pci_addr_parse(above, &f->parent) == 0)
		f->parent_kind = PARENT_BRIDGE;
	else if (is_root_bus(above))
		f->parent_kind = PARENT_ROOT_BUS;
}
