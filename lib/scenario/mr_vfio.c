/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of a function under vfio-pci, which exports ranges of a BAR as a dma-buf (linux/vfio.h,
 * VFIO_DEVICE_FEATURE_DMA_BUF). It takes them away from importers while the function does not
 * decode memory, and gives them back after.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>

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
	__u64 offset; /* of the only range */
	__u64 length;
};

struct mr_vfio {
	struct vfio_function function;
	unsigned int bar;
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

static int export_bar(const struct mr_vfio *v, struct mr_memory *m)
{
	struct dma_buf_request request = {
		.argsz = sizeof(request),
		.feature = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.region_index = v->bar,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = 1,
		.length = m->len,
	};

	m->fd = ioctl(v->function.device, VFIO_DEVICE_FEATURE, &request);
	return m->fd < 0 ? -errno : 0;
}

int mr_vfio_open(const char *sysroot, struct pci_addr addr, struct mr_memory *m)
{
	struct mr_vfio *v = xcalloc(1, sizeof(*v));
	struct vfio_region_info bar;
	int err;

	m->vfio = v;
	err = vfio_open(&v->function, sysroot, addr);
	err = err ?: vfio_largest_bar(&v->function, &bar);
	if (err)
		return err;
	v->bar = bar.index;
	if (bar.size < m->len)
		return -ENXIO;
	err = mr_vfio_decode(v, true);
	err = err ?: export_bar(v, m);
	return err ?: vfio_map_region(&v->function, &bar, m->len, &m->map);
}
