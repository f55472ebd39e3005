/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Importers of the module p2pcert_dmabuf: a file each, with an engine or without. */
#include <string.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"

static struct pci_addr addr_of(const struct p2pcert_bdf *bdf)
{
	return (struct pci_addr){
		.domain = bdf->domain,
		.bus = bdf->bus,
		.dev = bdf->devfn >> 3,
		.fn = bdf->devfn & 7,
	};
}

/*
 * The n-th function, from 0, that has an engine which is free and which the module can have: one channel is as good
 * as another.
 */
static int find_engine(struct scenario_ctx *ctx, size_t nth, struct mr_importer *im)
{
	autofree struct dmachan *list = NULL;
	struct mr_memory m;
	size_t n;
	int err = dmachan_list(scn_env(ctx)->sysroot, &list, &n);
	int found = err ? err : -ENODEV;

	err = mr_memory_module(ctx, &m);
	for (size_t i = 0; i < n && !err && found; i++) {
		if (list[i].in_use || (im->is_function && pci_addr_eq(list[i].addr, im->addr)))
			continue;
		memcpy(im->channel, list[i].name, sizeof(im->channel));
		found = mr_attach(im, m.fd);
		if (!found)
			found = mr_detach(im) ?: nth-- ? -ENODEV : 0;
	}
	mr_memory_close(&m);
	return err ? err : found;
}

static char *importer_name(const struct mr_importer *im)
{
	const char *how = mr_is_told(im)                   ? "told of moves"
			  : im->flags & P2PCERT_ATTACH_PIN ? "pinned"
							   : "without moves";

	if (mr_has_engine(im))
		return xasprintf("the engine of %s, %s", pci_addr_str(im->addr), how);
	return xasprintf("a device of the module, %s", how);
}

static int open_file(struct scenario_ctx *ctx, uint32_t flags, struct mr_importer *im)
{
	*im = (struct mr_importer){ .flags = flags };
	im->fd = modfd_open(ctx, MR_MODULE, modfd_injected(ctx, MR_FAULTS), NULL);
	return im->fd < 0 ? -ENXIO : 0;
}

int mr_importer_open(struct scenario_ctx *ctx, uint32_t flags, struct mr_importer *im)
{
	int err = open_file(ctx, flags, im);

	if (!err)
		im->name = importer_name(im);
	return err;
}

int mr_importer_engine(struct scenario_ctx *ctx, size_t nth, uint32_t flags, struct mr_importer *im)
{
	int err = open_file(ctx, flags, im);

	if (err)
		return err;
	err = find_engine(ctx, nth, im);
	if (err)
		mr_importer_close(im);
	else
		im->name = importer_name(im);
	return err;
}

int mr_importer_verbs(struct scenario_ctx *ctx, const char *name, struct mr_importer *im,
		      char **why)
{
	*im = (struct mr_importer){
		.name = xasprintf("RDMA device %s", name),
		.fd = -1,
		.flags = P2PCERT_ATTACH_WRITE | P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PEER,
	};
	return mr_verbs_open(scn_env(ctx)->sysroot, name, im, why);
}

void mr_importer_close(struct mr_importer *im)
{
	mr_verbs_close(im->verbs);
	if (im->fd >= 0)
		close(im->fd);
	free(im->name);
	*im = (struct mr_importer){ .fd = -1 };
}

int mr_attach(struct mr_importer *im, int dmabuf)
{
	struct p2pcert_dmabuf_attach a = { .fd = dmabuf, .flags = im->flags };
	int err;

	if (im->verbs)
		return mr_verbs_register(im->verbs, dmabuf);
	memcpy(a.channel, im->channel, sizeof(a.channel));
	err = modfd_ioctl(im->fd, P2PCERT_IOC_DMABUF_ATTACH, &a);
	if (!err && !a.result && mr_has_engine(im)) {
		im->addr = addr_of(&a.function);
		im->is_function = true;
	}
	return err ? err : a.result;
}

int mr_map(struct mr_importer *im, struct p2pcert_dmabuf_map *map)
{
	int err = modfd_ioctl(im->fd, P2PCERT_IOC_DMABUF_MAP, map);

	return err ? err : map->result;
}

int mr_unmap(struct mr_importer *im)
{
	return modfd_ioctl(im->fd, P2PCERT_IOC_DMABUF_UNMAP, NULL);
}

int mr_detach(struct mr_importer *im)
{
	return im->verbs ? mr_verbs_deregister(im->verbs)
			 : modfd_ioctl(im->fd, P2PCERT_IOC_DMABUF_DETACH, NULL);
}

int mr_access(struct mr_importer *im, size_t offset, void *data, size_t len, bool write)
{
	struct p2pcert_dmabuf_access a = {
		.offset = offset,
		.length = len,
		.buffer = (uintptr_t)data,
		.timeout_ms = MR_TIMEOUT_MS,
		.fd = -1,
	};
	int err;

	if (im->verbs)
		return mr_verbs_access(im->verbs, offset, data, len, write);
	err = modfd_ioctl(im->fd, write ? P2PCERT_IOC_DMABUF_WRITE : P2PCERT_IOC_DMABUF_READ, &a);
	return err ? err : a.result;
}

int mr_count(struct mr_importer *im, struct p2pcert_dmabuf_counters *c)
{
	return modfd_ioctl(im->fd, P2PCERT_IOC_DMABUF_COUNTERS, c);
}
