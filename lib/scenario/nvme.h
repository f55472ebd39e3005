/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NVMe namespaces as block devices, and the PCI function that their data goes through; finding data
 * on a drive that a transfer can be checked against. Drives are only ever read.
 */
#ifndef P2PCERT_SCENARIO_NVME_H
#define P2PCERT_SCENARIO_NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pciaddr.h"

struct nvme_ns {
	char *name; /* of the block device, "nvme0n1"; moves from boot to boot */
	char *serial; /* of the controller; NULL if it has none */
	struct pci_addr addr; /* the function that its data goes through ... */
	bool shared; /* ... or one of several (multipath), and which is not for us to say */
	uint64_t size; /* bytes */
	uint32_t block_size; /* logical block, bytes */
};

/*
 * All namespaces of NVMe controllers that are PCI functions, ordered by function, then name.
 * Namespaces without capacity or block device are left out. 0 or a negative errno; free with
 * nvme_free(). sysroot as in scenario_env.
 */
int nvme_list(const char *sysroot, struct nvme_ns **list, size_t *n) attr_must_check;
void nvme_free(struct nvme_ns *list, size_t n);

/*
 * The block device that a namespace's path belongs to: "nvme2c5n1" is path 5 of "nvme2n1", other names
 * are their own. NULL if it is not the name of a namespace. The caller frees it.
 */
char *nvme_disk_of_path(const char *name) attr_must_check;

#define NVME_REFERENCE_UNIT 512u

/*
 * How many bytes from the start of buf on can tell a wrong transfer: made of NVME_REFERENCE_UNIT blocks
 * that all differ and are not of one repeated byte (an erased or never written drive is full of
 * these). len is a multiple of the unit.
 */
size_t nvme_distinct_prefix(const void *buf, size_t len);

/* Data at a place of a drive that a transfer can be checked against. */
struct nvme_reference {
	uint64_t offset; /* bytes */
	size_t len;
};

/*
 * Looks for len bytes that nvme_distinct_prefix() accepts, at up to NVME_REFERENCE_PLACES places of
 * the drive, and leaves them in buf, which must be aligned for O_DIRECT (fd has it). Where nowhere
 * all of it will do, the place with the most is taken, cut to a multiple of unit. 0, -ENODATA if
 * there is none, or a negative errno of reading.
 */
#define NVME_REFERENCE_PLACES 128u
int nvme_find_reference(int fd, uint64_t size, void *buf, size_t len, size_t unit,
			struct nvme_reference *ref) attr_must_check;
/* The same of a drive that is read in another way; read() returns as nvme_read() does. */
struct nvme_reader {
	int (*read)(void *from, void *buf, size_t len, uint64_t offset);
	void *from;
};
int nvme_find_reference_by(const struct nvme_reader *reader, uint64_t size, void *buf, size_t len,
			   size_t unit, struct nvme_reference *ref) attr_must_check;

/* pread() of all of it, or a negative errno; -ENODATA if the device ends before. */
int nvme_read(int fd, void *buf, size_t len, uint64_t offset) attr_must_check;

#endif
