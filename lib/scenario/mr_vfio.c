/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of a function under vfio-pci, which exports ranges of a BAR as a dma-buf (linux/vfio.h,
 * VFIO_DEVICE_FEATURE_DMA_BUF). It takes them away from importers while the function does not
 * decode memory, and gives them back after.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/mr_rig.h"

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
	int container, group, device;
	unsigned int bar;
	off_t config; /* offset of config space in the device's file */
};

void mr_vfio_close(struct mr_vfio *v)
{
	if (!v)
		return;
	if (v->device >= 0)
		close(v->device);
	if (v->group >= 0)
		close(v->group);
	if (v->container >= 0)
		close(v->container);
	free(v);
}

static int group_open(const char *sysroot, struct pci_addr addr)
{
	autofree char *link =
		fs_under(sysroot, "/sys/bus/pci/devices/%s/iommu_group", pci_addr_str(addr));
	autofree char *group = NULL, *path = NULL;
	int err = fs_read_link_name(AT_FDCWD, link, &group);
	int fd;

	if (err < 0)
		return err;
	path = xasprintf("/dev/vfio/%s", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int device_open(struct mr_vfio *v, const char *sysroot, struct pci_addr addr)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return -errno;
	v->group = group_open(sysroot, addr);
	if (v->group < 0)
		return v->group;
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status) < 0)
		return -errno;
	/* Another function of the group has a driver of its own. */
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return -EBUSY;
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) < 0 ||
	    ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return -errno;
	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, pci_addr_str(addr));
	return v->device < 0 ? -errno : 0;
}

static int region(const struct mr_vfio *v, unsigned int index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, info) < 0 ? -errno : 0;
}

/* The largest BAR that can be mapped. */
static int find_bar(struct mr_vfio *v, struct vfio_region_info *bar)
{
	struct vfio_region_info info;

	*bar = (struct vfio_region_info){ 0 };
	for (unsigned int i = VFIO_PCI_BAR0_REGION_INDEX; i <= VFIO_PCI_BAR5_REGION_INDEX; i++)
		if (region(v, i, &info) == 0 && info.flags & VFIO_REGION_INFO_FLAG_MMAP &&
		    info.size > bar->size)
			*bar = info;
	v->bar = bar->index;
	return bar->size ? 0 : -ENXIO;
}

int mr_vfio_decode(const struct mr_vfio *v, bool decode)
{
	uint16_t command;

	if (pread(v->device, &command, sizeof(command), v->config + PCI_COMMAND) != sizeof(command))
		return -EIO;
	command = (uint16_t)(decode ? command | PCI_COMMAND_MEMORY : command & ~PCI_COMMAND_MEMORY);
	if (pwrite(v->device, &command, sizeof(command), v->config + PCI_COMMAND) !=
	    sizeof(command))
		return -EIO;
	return 0;
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

	m->fd = ioctl(v->device, VFIO_DEVICE_FEATURE, &request);
	return m->fd < 0 ? -errno : 0;
}

int mr_vfio_open(const char *sysroot, struct pci_addr addr, struct mr_memory *m)
{
	struct mr_vfio *v = xcalloc(1, sizeof(*v));
	struct vfio_region_info bar, config;
	void *map;
	int err;

	*v = (struct mr_vfio){ .container = -1, .group = -1, .device = -1 };
	m->vfio = v;
	err = device_open(v, sysroot, addr);
	err = err ?: find_bar(v, &bar);
	err = err ?: region(v, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	if (err)
		return err;
	v->config = (off_t)config.offset;
	if (bar.size < m->len)
		return -ENXIO;
	err = mr_vfio_decode(v, true);
	err = err ?: export_bar(v, m);
	if (err)
		return err;
	map = mmap(NULL, m->len, PROT_READ | PROT_WRITE, MAP_SHARED, v->device, (off_t)bar.offset);
	if (map == MAP_FAILED)
		return -errno;
	m->map = map;
	return 0;
}
