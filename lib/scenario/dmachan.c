/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DMA engine channels from sysfs. */
#include "scenario/dmachan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"

/*
 * The PCI function that is nearest above a device, in the sysfs path of the device: that of a bridge
 * stands before it.
 */
static int function_above(const char *path, struct pci_addr *addr)
{
	autofree char *real = realpath(path, NULL);
	char *rest = real, *part;
	int found = -ENODEV;

	if (!real)
		return -errno;
	while ((part = strsep(&rest, "/")))
		if (pci_addr_parse(part, addr) == 0)
			found = 0;
	return found;
}

static int by_function(const void *a, const void *b)
{
	const struct dmachan *x = a, *y = b;
	int order = pci_addr_cmp(x->addr, y->addr);

	return order ? order : strverscmp(x->name, y->name);
}

int dmachan_list(const char *sysroot, struct dmachan **list, size_t *n)
{
	autofree char *class = fs_under(sysroot, "/sys/class/dma");
	const struct dirent *e;
	DIR *dir = opendir(class);

	*list = NULL;
	*n = 0;
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir))) {
		autofree char *path = xasprintf("%s/%s", class, e->d_name);
		autofree char *in_use = xasprintf("%s/in_use", path);
		struct dmachan c = { 0 };
		uint64_t users = 0;

		if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof(c.name) ||
		    function_above(path, &c.addr) < 0)
			continue;
		strcpy(c.name, e->d_name);
		c.in_use = fs_read_u64(AT_FDCWD, in_use, &users) == 0 && users > 0;
		*list = xreallocarray(*list, *n + 1, sizeof(**list));
		(*list)[(*n)++] = c;
	}
	closedir(dir);
	if (*n)
		qsort(*list, *n, sizeof(**list), by_function);
	return 0;
}
