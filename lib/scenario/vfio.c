/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions that user space drives through VFIO. */
#include "scenario/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"

static int load_module(struct scenario_ctx *ctx, const char *name, char **why)
{
	json_t *args = jx_object();

	jx_set_str(args, "name", name);
	return scn_change(ctx, "stock-module", args, NULL, why);
}

int vfio_bind(struct scenario_ctx *ctx, struct pci_addr addr, char **why)
{
	int err = load_module(ctx, "vfio_iommu_type1", why);
	json_t *args;

	err = err ?: load_module(ctx, "vfio_pci", why);
	if (err)
		return err;
	args = jx_object();
	jx_set_str(args, "address", pci_addr_str(addr));
	jx_set_str(args, "driver", "vfio-pci");
	return scn_change(ctx, "driver-override", args, NULL, why);
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

int vfio_open(struct vfio_function *v, const char *sysroot, struct pci_addr addr)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_region_info config;
	int err;

	*v = VFIO_FUNCTION_NONE;
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
	if (v->device < 0)
		return -errno;
	err = vfio_region(v, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	v->config = err ? 0 : (off_t)config.offset;
	return err;
}

void vfio_close(struct vfio_function *v)
{
	if (v->device >= 0)
		close(v->device);
	if (v->group >= 0)
		close(v->group);
	if (v->container >= 0)
		close(v->container);
	*v = VFIO_FUNCTION_NONE;
}

int vfio_region(const struct vfio_function *v, unsigned int index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, info) < 0 ? -errno : 0;
}

int vfio_largest_bar(const struct vfio_function *v, struct vfio_region_info *bar)
{
	struct vfio_region_info info;

	*bar = (struct vfio_region_info){ 0 };
	for (unsigned int i = VFIO_PCI_BAR0_REGION_INDEX; i <= VFIO_PCI_BAR5_REGION_INDEX; i++)
		if (vfio_region(v, i, &info) == 0 && info.flags & VFIO_REGION_INFO_FLAG_MMAP &&
		    info.size > bar->size)
			*bar = info;
	return bar->size ? 0 : -ENXIO;
}

int vfio_map_region(const struct vfio_function *v, const struct vfio_region_info *info, size_t len,
		    unsigned char **map)
{
	void *at;

	if (info->size < len)
		return -ENXIO;
	at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, v->device, (off_t)info->offset);
	if (at == MAP_FAILED)
		return -errno;
	*map = at;
	return 0;
}

int vfio_command(const struct vfio_function *v, uint16_t bits, bool on)
{
	uint16_t command;

	if (pread(v->device, &command, sizeof(command), v->config + PCI_COMMAND) != sizeof(command))
		return -EIO;
	command = (uint16_t)(on ? command | bits : command & ~bits);
	if (pwrite(v->device, &command, sizeof(command), v->config + PCI_COMMAND) !=
	    sizeof(command))
		return -EIO;
	return 0;
}

int vfio_dma_map(const struct vfio_function *v, const void *addr, size_t len, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = len,
	};

	return ioctl(v->container, VFIO_IOMMU_MAP_DMA, &map) < 0 ? -errno : 0;
}

int vfio_dma_unmap(const struct vfio_function *v, uint64_t iova, size_t *len)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = *len,
	};

	if (ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0)
		return -errno;
	*len = unmap.size;
	return 0;
}
