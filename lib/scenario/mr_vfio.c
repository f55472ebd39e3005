/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of a function under vfio-pci, which exports ranges of a BAR as a dma-buf (linux/vfio.h,
 * VFIO_DEVICE_FEATURE_DMA_BUF). It takes them away from importers while the function does not
 * decode memory, and gives them back after.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"
#include "scenario/vfio.h"

/* Headers of older kernels do not have it. */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11
#endif

struct dma_buf_request {
	__u32 argsz; /* the head of struct vfio_device_feature */
	__u32 feature;
	__u32 region_index;
	__u32 open_flags;
	__u32 flags;
	__u32 nr_ranges;
	struct {
		__u64 offset, length;
	} ranges[MR_PAGES];
};

struct mr_vfio {
	struct vfio_function function;
	struct vfio_region_info bar;
	uint64_t start; /* of the BAR, as the CPU sees it; 0: not known */
};

void mr_vfio_close(struct mr_vfio *v)
{
	if (!v)
		return;
	vfio_close(&v->function);
	free(v);
}

int mr_vfio_decode(const struct mr_vfio *v, bool decode)
{
	return vfio_command(&v->function, PCI_COMMAND_MEMORY, decode);
}

/* Piece i of so many, between which there are gaps of the same size. */
static uint64_t piece_offset(uint64_t offset, size_t length, unsigned int i)
{
	return offset + 2 * i * length;
}

static int export_pieces(const struct mr_vfio *v, uint64_t offset, unsigned int pieces,
			 struct mr_memory *m)
{
	size_t length = m->len / pieces;
	struct dma_buf_request request = {
		.argsz = sizeof(request),
		.feature = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.region_index = v->bar.index,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = pieces,
	};

	for (unsigned int i = 0; i < pieces; i++) {
		request.ranges[i].offset = piece_offset(offset, length, i);
		request.ranges[i].length = length;
	}
	m->fd = ioctl(v->function.device, VFIO_DEVICE_FEATURE, &request);
	return m->fd < 0 ? -errno : 0;
}

/* One view of all of them, for the CPU. */
static int map_pieces(const struct mr_vfio *v, uint64_t offset, unsigned int pieces,
		      struct mr_memory *m)
{
	const int both = PROT_READ | PROT_WRITE;
	size_t length = m->len / pieces;
	unsigned char *view =
		mmap(NULL, m->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (view == MAP_FAILED)
		return -errno;
	m->map = view;
	for (unsigned int i = 0; i < pieces; i++) {
		uint64_t at = v->bar.offset + piece_offset(offset, length, i);

		if (mmap(view + i * length, length, both, MAP_SHARED | MAP_FIXED,
			 v->function.device, (off_t)at) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

/* The model shows where the BAR is: so it is known what an importer must be given. */
static void place_pieces(const struct mr_vfio *v, uint64_t offset, unsigned int pieces,
			 struct mr_memory *m)
{
	size_t length = m->len / pieces;

	if (!v->start)
		return;
	m->place = xcalloc(1, sizeof(*m->place));
	m->place->place = P2PCERT_PLACE_BAR;
	m->place->nr_segs = pieces;
	for (unsigned int i = 0; i < pieces; i++) {
		m->place->segs[i].phys_addr = v->start + piece_offset(offset, length, i);
		m->place->segs[i].length = length;
	}
}

int mr_vfio_export(const struct mr_vfio *v, uint64_t offset, unsigned int pieces,
		   struct mr_memory *m)
{
	size_t length = m->len / pieces;
	int err;

	if (v->bar.size < piece_offset(offset, length, pieces - 1) + length)
		return -ENXIO;
	err = export_pieces(v, offset, pieces, m) ?: map_pieces(v, offset, pieces, m);
	if (!err)
		place_pieces(v, offset, pieces, m);
	return err;
}

int mr_vfio_open(const struct scenario_env *env, struct pci_addr addr, struct mr_vfio **vfio)
{
	const struct function *f = platform_find(env->platform, addr);
	struct mr_vfio *v = xcalloc(1, sizeof(*v));
	int err;

	*vfio = v;
	err = vfio_open(&v->function, env->sysroot, addr);
	err = err ?: vfio_largest_bar(&v->function, &v->bar);
	if (err)
		return err;
	if (f)
		v->start = f->bars[v->bar.index].start;
	return mr_vfio_decode(v, true);
}
