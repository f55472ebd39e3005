/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mapping and accessing published peer-to-peer memory. */
#include "scenario/p2pmem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/fs.h"

bool p2pmem_is_provider(const struct function *f)
{
	return f->p2pmem.present && f->p2pmem.published && f->p2pmem.allocate;
}

bool p2pmem_bar_is_memory(const struct function *f, unsigned int bar)
{
	enum { NETWORK = 0x02, BRIDGE = 0x06 };
	uint32_t class = f->class >> 16;

	return f->bars[bar].prefetchable && !f->is_bridge && f->class_known && class != NETWORK &&
	       class != BRIDGE;
}

int p2pmem_available(const char *sysroot, struct pci_addr provider, uint64_t *bytes)
{
	autofree char *path = fs_under(sysroot, "/sys/bus/pci/devices/%s/p2pmem/available",
				       pci_addr_str(provider));

	return fs_read_u64(AT_FDCWD, path, bytes);
}

/* At that place, or anywhere if it is NULL. */
static int allocate(const char *sysroot, struct pci_addr provider, void *at, size_t len,
		    unsigned char **got)
{
	autofree char *path = fs_under(sysroot, "/sys/bus/pci/devices/%s/p2pmem/allocate",
				       pci_addr_str(provider));
	autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
	void *addr;

	if (fd < 0)
		return -errno;
	addr = mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0);
	if (addr == MAP_FAILED)
		return -errno;
	*got = addr;
	return 0;
}

int p2pmem_map(const char *sysroot, struct pci_addr provider, size_t len, struct p2pmem_map *map)
{
	int err = allocate(sysroot, provider, NULL, len, &map->addr);

	if (!err)
		map->len = len;
	return err;
}

int p2pmem_map_at(const char *sysroot, struct pci_addr provider, void *at, size_t len)
{
	unsigned char *got;

	return allocate(sysroot, provider, at, len, &got);
}

void p2pmem_unmap(struct p2pmem_map *map)
{
	if (map->addr)
		munmap(map->addr, map->len);
	*map = (struct p2pmem_map){ 0 };
}

void p2pmem_write(void *device, const void *src, size_t len)
{
	volatile uint64_t *to = device;
	const unsigned char *from = src;

	for (size_t i = 0; i < len / sizeof(*to); i++) {
		uint64_t word;

		memcpy(&word, from + i * sizeof(word), sizeof(word));
		to[i] = word;
	}
}

void p2pmem_read(void *dst, const void *device, size_t len)
{
	const volatile uint64_t *from = device;
	unsigned char *to = dst;

	for (size_t i = 0; i < len / sizeof(*from); i++) {
		uint64_t word = from[i];

		memcpy(to + i * sizeof(word), &word, sizeof(word));
	}
}

bool p2pmem_judge_available(struct scenario_ctx *ctx, struct pci_addr provider, uint64_t before)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	const int tries = 50;
	uint64_t now = 0;
	int err = 0;

	for (int i = 0; i < tries; i++) {
		err = p2pmem_available(scn_env(ctx)->sysroot, provider, &now);
		if (err || now == before)
			break;
		nanosleep(&moment, NULL);
	}
	if (err)
		scn_evidence(ctx, EVIDENCE_LEAK, EVIDENCE_MISSING,
			     "the free memory of %s cannot be read: %s", pci_addr_str(provider),
			     strerror(-err));
	else
		scn_evidence(ctx, EVIDENCE_LEAK, now == before ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
			     "free peer-to-peer memory of %s: %llu bytes before, %llu after",
			     pci_addr_str(provider), (unsigned long long)before,
			     (unsigned long long)now);
	return err || now == before;
}
