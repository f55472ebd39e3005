/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peer-to-peer memory that functions publish (NVMe controller memory and the like): who has it, how
 * much of it is free, and mapping a piece of it through sysfs p2pmem/allocate
 * (Documentation/ABI/testing/sysfs-bus-pci). What is mapped is device memory: it is only ever
 * accessed in aligned units, through p2pmem_write() and p2pmem_read().
 */
#ifndef P2PCERT_SCENARIO_P2PMEM_H
#define P2PCERT_SCENARIO_P2PMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "platform/platform.h"
#include "scenario/scenario.h"

/* Does the function publish memory that user space can map? */
bool p2pmem_is_provider(const struct function *f);

/*
 * Is the BAR memory, whose bytes may be changed and put back? Registers are not prefetchable, but the doorbells
 * of network controllers are, and behind the windows of a non-transparent bridge is another host's memory.
 */
bool p2pmem_bar_is_memory(const struct function *f, unsigned int bar);

/* Bytes free now, from sysfs. 0 or a negative errno. */
int p2pmem_available(const char *sysroot, struct pci_addr provider,
		     uint64_t *bytes) attr_must_check;

/* A mapped piece; all zero: none. */
struct p2pmem_map {
	unsigned char *addr;
	size_t len;
};

/*
 * Allocates and maps len bytes, a multiple of the page size. 0 or a negative errno: -ENOMEM if so
 * much is not free.
 */
int p2pmem_map(const char *sysroot, struct pci_addr provider, size_t len,
	       struct p2pmem_map *map) attr_must_check;
/* The same in the place of what is mapped there, which munmap() gives back. */
int p2pmem_map_at(const char *sysroot, struct pci_addr provider, void *at,
		  size_t len) attr_must_check;
/* Gives it back. */
void p2pmem_unmap(struct p2pmem_map *map);

#define autop2pmem __attribute__((cleanup(p2pmem_unmap)))

/*
 * Copies to and from device memory. The device side is 8-byte aligned and of a length that is a
 * multiple of 8. A read also sees to it that everything written before has arrived.
 */
void p2pmem_write(void *device, const void *src, size_t len);
void p2pmem_read(void *dst, const void *device, size_t len);

/*
 * Evidence EVIDENCE_LEAK: as much is free as before. Called after everything was given back; gives
 * the kernel a moment. False if it is not.
 */
bool p2pmem_judge_available(struct scenario_ctx *ctx, struct pci_addr provider, uint64_t before);

#endif
