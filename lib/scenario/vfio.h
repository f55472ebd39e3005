/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PCI function that user space drives, through vfio-pci, its IOMMU group and a container of type 1
 * (linux/vfio.h, Documentation/driver-api/vfio.rst): its BARs, config space, and what the IOMMU lets it
 * reach. What is done with the function is up to the caller.
 *
 * Functions return 0 or a negative errno.
 */
#ifndef P2PCERT_SCENARIO_VFIO_H
#define P2PCERT_SCENARIO_VFIO_H

#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/pciaddr.h"
#include "scenario/scenario.h"

struct vfio_function {
	int container, group, device;
	off_t config; /* offset of config space in the device's file */
};

#define VFIO_FUNCTION_NONE ((struct vfio_function){ -1, -1, -1, 0 })

/*
 * Has the supervisor load vfio-pci and bind the function to it, until the scenario is over. *why is for the
 * user, who frees it.
 */
int vfio_bind(struct scenario_ctx *ctx, struct pci_addr addr, char **why) attr_must_check;

/*
 * Opens a function that vfio-pci has bound. -EBUSY: its IOMMU group is not all with VFIO, or somebody has
 * it. Whatever is returned, vfio_close() must follow.
 */
int vfio_open(struct vfio_function *v, const char *sysroot, struct pci_addr addr) attr_must_check;
void vfio_close(struct vfio_function *v);

int vfio_region(const struct vfio_function *v, unsigned int index,
		struct vfio_region_info *info) attr_must_check;
/* The largest BAR that can be mapped. -ENXIO: there is none. */
int vfio_largest_bar(const struct vfio_function *v, struct vfio_region_info *bar) attr_must_check;
/* Maps len bytes of a region from its beginning; munmap() gives them back. */
int vfio_map_region(const struct vfio_function *v, const struct vfio_region_info *info, size_t len,
		    unsigned char **map) attr_must_check;

/* Sets or clears bits of the command register, PCI_COMMAND_*. */
int vfio_command(const struct vfio_function *v, uint16_t bits, bool on) attr_must_check;

/*
 * Lets the function reach [addr, addr + len) of this process at iova, to read and to write; all are multiples
 * of the page size. And not any more: *len is then how much of it was mapped.
 */
int vfio_dma_map(const struct vfio_function *v, const void *addr, size_t len,
		 uint64_t iova) attr_must_check;
int vfio_dma_unmap(const struct vfio_function *v, uint64_t iova, size_t *len) attr_must_check;

#endif
