/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that is handed out as a dma-buf: by the module p2pcert_dmabuf, and by the kernel's udmabuf. */
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"
#include "scenario/p2pmem.h"
#include "scenario/pair.h"
#include "scenario/pattern.h"

static void memory_init(struct mr_memory *m, char *name)
{
	*m = (struct mr_memory){
		.name = name,
		.fd = -1,
		.owner = -1,
		.len = MR_PAGES * page_size(),
	};
	m->known = xcalloc(1, m->len);
}

void mr_memory_close(struct mr_memory *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->owner >= 0)
		close(m->owner);
	if (m->map)
		munmap(m->map, m->len);
	mr_vfio_close(m->vfio);
	free(m->place);
	free(m->name);
	free(m->known);
	*m = (struct mr_memory){ .fd = -1, .owner = -1 };
}

static int export_memory(struct scenario_ctx *ctx, struct mr_memory *m,
			 struct p2pcert_dmabuf_export *e)
{
	int err;

	e->length = m->len;
	m->owner = modfd_open(ctx, MR_MODULE, modfd_injected(ctx, MR_FAULTS), NULL);
	if (m->owner < 0)
		return -ENXIO;
	err = modfd_ioctl(m->owner, P2PCERT_IOC_DMABUF_EXPORT, e);
	if (!err)
		m->fd = e->fd;
	return err;
}

int mr_memory_module(struct scenario_ctx *ctx, struct mr_memory *m)
{
	struct p2pcert_dmabuf_export e = { .nr_ranges = 1 };

	memory_init(m, xstrdup("pages of the module"));
	return export_memory(ctx, m, &e);
}

int mr_memory_bar(struct scenario_ctx *ctx, struct pci_addr bar, uint64_t offset,
		  unsigned int ranges, struct mr_memory *m)
{
	struct p2pcert_dmabuf_export e = {
		.bar = pair_bdf(bar),
		.bar_offset = offset,
		.nr_ranges = ranges,
		.place = P2PCERT_PLACE_BAR,
	};

	memory_init(m, xasprintf("BAR of %s", pci_addr_str(bar)));
	m->bar = bar;
	m->has_bar = true;
	return export_memory(ctx, m, &e);
}

int mr_memory_udmabuf(struct mr_memory *m)
{
	autoclose int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	autoclose int memfd = memfd_create("p2pcert", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct udmabuf_create create = { .memfd = (__u32)memfd, .flags = UDMABUF_FLAGS_CLOEXEC };
	void *map;

	memory_init(m, xstrdup("udmabuf"));
	create.size = m->len;
	if (device < 0 || memfd < 0)
		return device < 0 ? -ENODEV : -errno;
	if (ftruncate(memfd, (off_t)m->len) < 0 || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		return -errno;
	map = mmap(NULL, m->len, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (map == MAP_FAILED)
		return -errno;
	m->map = map;
	m->fd = ioctl(device, UDMABUF_CREATE, &create);
	return m->fd < 0 ? -errno : 0;
}

int mr_memory_vfio(struct scenario_ctx *ctx, struct pci_addr addr, struct mr_memory *m)
{
	int err;

	memory_init(m, xasprintf("BAR of %s under VFIO", pci_addr_str(addr)));
	m->bar = addr;
	err = mr_vfio_open(scn_env(ctx), addr, &m->vfio);
	return err ?: mr_vfio_export(m->vfio, 0, 1, m);
}

int mr_memory_pieces(struct scenario_ctx *ctx, const struct mr_memory *whole, uint64_t offset,
		     unsigned int ranges, struct mr_memory *m)
{
	if (!whole->vfio)
		return mr_memory_bar(ctx, whole->bar, offset, ranges, m);
	memory_init(m, xstrdup(whole->name));
	m->bar = whole->bar;
	return mr_vfio_export(whole->vfio, offset, ranges, m);
}

/* --- what is in it ----------------------------------------------------------------------------- */

static int owner_access(const struct mr_memory *m, void *data, bool write)
{
	struct p2pcert_dmabuf_access a = {
		.length = m->len,
		.buffer = (uintptr_t)data,
		.fd = m->fd,
	};
	int err = modfd_ioctl(m->owner, write ? P2PCERT_IOC_DMABUF_WRITE : P2PCERT_IOC_DMABUF_READ,
			      &a);

	return err ? err : a.result;
}

int mr_memory_fill(struct mr_memory *m, uint64_t seed)
{
	pattern_fill(m->known, m->len, seed, 0);
	if (!m->map)
		return owner_access(m, m->known, true);
	p2pmem_write(m->map, m->known, m->len);
	return 0;
}

char *mr_memory_refuse(const struct mr_memory *m)
{
	autofree unsigned char *data = xcalloc(1, m->len);
	int err = 0;

	if (m->map)
		p2pmem_read(data, m->map, m->len);
	else
		err = owner_access(m, data, false);
	if (err)
		return xasprintf("the exporter cannot look at it: %s", strerror(-err));
	for (size_t i = 0; i < m->len; i++)
		if (data[i] != m->known[i])
			return xasprintf("byte %zu of %zu is 0x%02x, must be 0x%02x", i, m->len,
					 data[i], m->known[i]);
	return NULL;
}

/* --- what its owner does with it ---------------------------------------------------------------- */

int mr_memory_look(const struct mr_memory *m, struct p2pcert_dmabuf_place *place)
{
	*place = m->place ? *m->place : (struct p2pcert_dmabuf_place){ .fd = m->fd };
	if (m->place)
		return 0;
	return modfd_ioctl(m->owner, P2PCERT_IOC_DMABUF_PLACE, place);
}

static int owner_moves(const struct mr_memory *m, unsigned long request, uint32_t place)
{
	struct p2pcert_dmabuf_move move = { .fd = m->fd, .place = place };
	int err = modfd_ioctl(m->owner, request, &move);

	return err ? err : move.result;
}

int mr_memory_move(const struct mr_memory *m, uint32_t place)
{
	return owner_moves(m, P2PCERT_IOC_DMABUF_MOVE, place);
}

int mr_memory_revoke(const struct mr_memory *m)
{
	if (m->vfio)
		return mr_vfio_decode(m->vfio, false);
	return owner_moves(m, P2PCERT_IOC_DMABUF_REVOKE, 0);
}

int mr_memory_restore(const struct mr_memory *m)
{
	return mr_vfio_decode(m->vfio, true);
}

int mr_memory_policy(const struct mr_memory *m, const struct pci_addr *addr, uint32_t policy)
{
	struct p2pcert_dmabuf_policy p = { .fd = m->fd, .policy = policy };

	if (addr)
		p.function = pair_bdf(*addr);
	return modfd_ioctl(m->owner, P2PCERT_IOC_DMABUF_POLICY, &p);
}
