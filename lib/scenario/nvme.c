/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NVMe namespaces from sysfs, and the search for data that tells a wrong transfer. */
#include "scenario/nvme.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/text.h"

#define SECTOR 512u

struct ns_list {
	struct nvme_ns *items;
	size_t n;
};

/* Reads a decimal number, and moves behind it. */
static bool skip_number(const char **s)
{
	size_t digits = strspn(*s, "0123456789");

	*s += digits;
	return digits > 0;
}

char *nvme_disk_of_path(const char *name)
{
	const char *s = name, *namespace;
	size_t subsystem;

	if (!text_starts_with(s, "nvme"))
		return NULL;
	s += strlen("nvme");
	if (!skip_number(&s))
		return NULL;
	subsystem = (size_t)(s - name);
	if (*s == 'c') {
		s++;
		if (!skip_number(&s))
			return NULL;
	}
	if (*s != 'n')
		return NULL;
	namespace = s++;
	if (!skip_number(&s) || *s != '\0')
		return NULL;
	return xasprintf("%.*s%s", (int)subsystem, name, namespace);
}

static struct nvme_ns *find_ns(const struct ns_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

/* Adds the block device of a controller's namespace, or finds that it has one more path. */
static void add_ns(const char *sysroot, struct ns_list *list, const char *entry,
		   struct pci_addr addr, const char *serial)
{
	autofree char *name = nvme_disk_of_path(entry);
	autofree char *block = fs_under(sysroot, "/sys/class/block/%s", name ? name : "");
	autofree char *size_path = xasprintf("%s/size", block);
	autofree char *unit_path = xasprintf("%s/queue/logical_block_size", block);
	struct nvme_ns *ns = name ? find_ns(list, name) : NULL;
	uint64_t sectors, unit;

	if (!name)
		return;
	if (ns) {
		ns->shared = true;
		return;
	}
	if (fs_read_u64(AT_FDCWD, size_path, &sectors) < 0 || sectors == 0 ||
	    sectors > UINT64_MAX / SECTOR || fs_read_u64(AT_FDCWD, unit_path, &unit) < 0 ||
	    unit < SECTOR || unit > UINT32_MAX)
		return;
	list->items = xreallocarray(list->items, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = (struct nvme_ns){
		.name = take_ptr(name),
		.serial = xstrdup(serial),
		.addr = addr,
		.size = sectors * SECTOR,
		.block_size = (uint32_t)unit,
	};
}

static void add_controller(const char *sysroot, struct ns_list *list, const char *controller)
{
	autofree char *dir_path = fs_under(sysroot, "/sys/class/nvme/%s", controller);
	autofree char *address_path = xasprintf("%s/address", dir_path);
	autofree char *serial_path = xasprintf("%s/serial", dir_path);
	autofree char *address = NULL, *serial = NULL;
	struct pci_addr addr;
	const struct dirent *e;
	DIR *dir;

	/* Of a fabrics controller this is a network address. */
	if (fs_read_attr(AT_FDCWD, address_path, &address) < 0 ||
	    pci_addr_parse(address, &addr) < 0)
		return;
	if (fs_read_attr(AT_FDCWD, serial_path, &serial) < 0)
		serial = NULL;
	dir = opendir(dir_path);
	while (dir && (e = readdir(dir)))
		add_ns(sysroot, list, e->d_name, addr, serial ? text_trim(serial) : NULL);
	if (dir)
		closedir(dir);
}

static int by_function(const void *a, const void *b)
{
	const struct nvme_ns *x = a, *y = b;
	int order = pci_addr_cmp(x->addr, y->addr);

	return order ? order : strverscmp(x->name, y->name);
}

int nvme_list(const char *sysroot, struct nvme_ns **out, size_t *n)
{
	autofree char *path = fs_under(sysroot, "/sys/class/nvme");
	struct ns_list list = { 0 };
	const struct dirent *e;
	DIR *dir = opendir(path);

	if (!dir && errno != ENOENT)
		return -errno;
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			add_controller(sysroot, &list, e->d_name);
	if (dir)
		closedir(dir);
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), by_function);
	*out = list.items;
	*n = list.n;
	return 0;
}

void nvme_free(struct nvme_ns *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].name);
		free(list[i].serial);
	}
	free(list);
}

/* --- reference data --------------------------------------------------------------------------- */

static bool is_one_byte_repeated(const unsigned char *p, size_t len)
{
	return memcmp(p, p + 1, len - 1) == 0;
}

size_t nvme_distinct_prefix(const void *buf, size_t len)
{
	const unsigned char *p = buf;
	size_t at;

	for (at = 0; at + NVME_REFERENCE_UNIT <= len; at += NVME_REFERENCE_UNIT) {
		if (is_one_byte_repeated(p + at, NVME_REFERENCE_UNIT))
			break;
		for (size_t before = 0; before < at; before += NVME_REFERENCE_UNIT)
			if (memcmp(p + before, p + at, NVME_REFERENCE_UNIT) == 0)
				return at;
	}
	return at;
}

int nvme_read(int fd, void *buf, size_t len, uint64_t offset)
{
	ssize_t n;

	do
		n = pread(fd, buf, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -ENODATA;
}

/* Place i of a drive: first close together, where file systems begin, then evenly spread. */
static uint64_t place(uint64_t room, unsigned int i)
{
	const uint64_t step = 1u << 20;
	const unsigned int half = NVME_REFERENCE_PLACES / 2;
	uint64_t offset = i < half ? i * step : room / half * (i - half);

	return offset / step * step;
}

int nvme_find_reference_by(const struct nvme_reader *r, uint64_t size, void *buf, size_t len,
			   size_t unit, struct nvme_reference *ref)
{
	struct nvme_reference best = { 0 };

	if (size < len)
		return -ENODATA;
	for (unsigned int i = 0; i < NVME_REFERENCE_PLACES && best.len < len; i++) {
		uint64_t offset = place(size - len, i);
		size_t good;
		int err;

		if (offset > size - len)
			continue;
		err = r->read(r->from, buf, len, offset);
		if (err)
			return err;
		good = nvme_distinct_prefix(buf, len);
		if (good > best.len)
			best = (struct nvme_reference){ offset, good };
	}
	best.len -= best.len % unit;
	if (best.len == 0)
		return -ENODATA;
	*ref = best;
	return r->read(r->from, buf, best.len, best.offset);
}

static int read_fd(void *from, void *buf, size_t len, uint64_t offset)
{
	return nvme_read(*(const int *)from, buf, len, offset);
}

int nvme_find_reference(int fd, uint64_t size, void *buf, size_t len, size_t unit,
			struct nvme_reference *ref)
{
	const struct nvme_reader reader = { read_fd, &fd };

	return nvme_find_reference_by(&reader, size, buf, len, unit, ref);
}
