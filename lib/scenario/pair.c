/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Predictions, the kernel's rulings, and mapped addresses held against one another. */
#include "scenario/pair.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "scenario/modfd.h"

const char *pair_state_name(enum pair_state state)
{
	static const char *const names[] = {
		[PAIR_AGREES] = "agrees",
		[PAIR_DIFFERS] = "differs",
		[PAIR_UNPREDICTED] = "unpredicted",
		[PAIR_UNRULED] = "unruled",
	};

	return names[state];
}

enum p2p_verdict pair_ruled_verdict(const struct pair_ruling *r)
{
	if (r->mapped && !r->map_errno)
		return r->bus_address ? VERDICT_BUS_ADDRESS : VERDICT_HOST_BRIDGE;
	if (r->mapped && r->map_errno == -EREMOTEIO)
		return VERDICT_NOT_SUPPORTED;
	if (r->measured && r->distance < 0)
		return VERDICT_NOT_SUPPORTED;
	return VERDICT_UNKNOWN;
}

bool pair_ruled_supported(const struct pair_ruling *r)
{
	enum p2p_verdict v = pair_ruled_verdict(r);

	return v == VERDICT_UNKNOWN ? r->measured : v != VERDICT_NOT_SUPPORTED;
}

/* The two ways to ask must give one answer. */
static bool contradicts_itself(const struct pair_ruling *r)
{
	if (!r->measured || !r->mapped || (r->map_errno && r->map_errno != -EREMOTEIO))
		return false;
	return (r->distance < 0) != (r->map_errno == -EREMOTEIO);
}

enum pair_state pair_judge(const struct p2p_pair *predicted, const struct pair_ruling *ruled)
{
	enum p2p_verdict verdict = pair_ruled_verdict(ruled);
	bool supported = pair_ruled_supported(ruled);

	if (contradicts_itself(ruled))
		return PAIR_DIFFERS;
	if (!ruled->measured && verdict == VERDICT_UNKNOWN)
		return PAIR_UNRULED;
	if (predicted->verdict == VERDICT_UNKNOWN)
		return PAIR_UNPREDICTED;
	if (supported != (predicted->verdict != VERDICT_NOT_SUPPORTED))
		return PAIR_DIFFERS;
	if (supported && ruled->measured && ruled->distance != predicted->distance)
		return PAIR_DIFFERS;
	if (verdict != VERDICT_UNKNOWN && verdict != predicted->verdict)
		return PAIR_DIFFERS;
	/*
	 * Through the host bridge a device's DMA mask can be in the way, which is no question of
	 * peer-to-peer. A bus address is not held against it.
	 */
	if (ruled->mapped && verdict == VERDICT_UNKNOWN &&
	    predicted->verdict == VERDICT_BUS_ADDRESS)
		return PAIR_UNRULED;
	return PAIR_AGREES;
}

char *pair_ruling_text(const struct pair_ruling *r)
{
	enum p2p_verdict verdict = pair_ruled_verdict(r);
	const char *word = verdict == VERDICT_UNKNOWN ? "supported" : p2p_verdict_name(verdict);
	autofree char *distance = NULL, *mapping = NULL;

	if (!r->measured && verdict == VERDICT_UNKNOWN && !r->mapped)
		return xasprintf("no answer (%s)", errno_text(r->distance_errno));
	if (r->measured && r->distance >= 0)
		distance = xasprintf(" at distance %d", r->distance);
	if (r->mapped && r->map_errno)
		mapping = xasprintf(", mapping refused with %s", errno_text(r->map_errno));
	else if (r->mapped && r->measured && r->distance < 0)
		mapping = xstrdup(", though the distance says not-supported");
	return xasprintf("%s%s%s", word, distance ? distance : "", mapping ? mapping : "");
}

char *pair_prediction_text(const struct p2p_pair *p)
{
	if (p->verdict == VERDICT_UNKNOWN || p->verdict == VERDICT_NOT_SUPPORTED)
		return xstrdup(p2p_verdict_name(p->verdict));
	return xasprintf("%s at distance %d", p2p_verdict_name(p->verdict), p->distance);
}

json_t *pair_to_json(const struct platform *platform, const struct p2p_pair *predicted,
		     const struct pair_ruling *ruled, enum pair_state state)
{
	json_t *pair = p2p_pair_to_json(platform, predicted);
	enum p2p_verdict verdict = pair_ruled_verdict(ruled);
	json_t *r = jx_object();

	if (ruled->measured || ruled->mapped)
		jx_set_bool(r, "supported", pair_ruled_supported(ruled));
	if (verdict != VERDICT_UNKNOWN)
		jx_set_str(r, "verdict", p2p_verdict_name(verdict));
	if (ruled->measured)
		jx_set_int(r, "distance", ruled->distance);
	if (ruled->distance_errno)
		jx_set_str(r, "distance_errno", errno_text(ruled->distance_errno));
	if (ruled->mapped && ruled->map_errno)
		jx_set_str(r, "map_errno", errno_text(ruled->map_errno));
	jx_set(pair, "ruled", r);
	jx_set_str(pair, "state", pair_state_name(state));
	return pair;
}

/* --- where the kernel would send the bytes ------------------------------------------------------ */

int pair_bar_holding(const struct function *f, uint64_t phys, uint64_t length)
{
	for (int i = 0; i < PCI_BARS; i++) {
		const struct bar *b = &f->bars[i];

		if ((b->kind == BAR_MEM32 || b->kind == BAR_MEM64) && length <= b->size &&
		    phys >= b->start && phys - b->start <= b->size - length)
			return i;
	}
	return -1;
}

/* Documentation/ABI/testing/sysfs-kernel-iommu_groups: DMA, DMA-FQ. */
bool pair_is_translated(const struct function *f)
{
	return f->iommu_type && strncmp(f->iommu_type, "DMA", 3) == 0;
}

/* Is DMA of the function given physical addresses, as far as the kernel tells? */
static bool untranslated(const struct function *f)
{
	return f->iommu_type && strcmp(f->iommu_type, "identity") == 0;
}

char *pair_refuse_seg(const struct p2pcert_seg *seg, const struct function *initiator,
		      const struct function *target, int64_t bus_offset, enum p2p_verdict verdict)
{
	bool bus = seg->flags & P2PCERT_SEG_BUS_ADDRESS;

	if (!(seg->flags & P2PCERT_SEG_P2P_PAGE))
		return xasprintf("0x%" PRIx64 " is no peer-to-peer page", (uint64_t)seg->phys_addr);
	if (pair_bar_holding(target, seg->phys_addr, seg->length) < 0)
		return xasprintf("0x%" PRIx64 " to 0x%" PRIx64 " lies in no BAR of %s",
				 (uint64_t)seg->phys_addr,
				 (uint64_t)(seg->phys_addr + seg->length - 1),
				 pci_addr_str(target->addr));
	if (bus != (verdict == VERDICT_BUS_ADDRESS))
		return xasprintf("mapped %s, where %s was ruled",
				 bus ? "as a bus address" : "through the host bridge",
				 p2p_verdict_name(verdict));
	if (bus && seg->dma_addr != seg->phys_addr + (uint64_t)bus_offset)
		return xasprintf("bus address 0x%" PRIx64 " is not that of 0x%" PRIx64 " in %s",
				 (uint64_t)seg->dma_addr, (uint64_t)seg->phys_addr,
				 pci_addr_str(target->addr));
	if (!bus && untranslated(initiator) && seg->dma_addr != seg->phys_addr)
		return xasprintf("0x%" PRIx64 " is mapped as 0x%" PRIx64
				 ", though %s is given physical addresses: a bounce buffer",
				 (uint64_t)seg->phys_addr, (uint64_t)seg->dma_addr,
				 pci_addr_str(initiator->addr));
	return NULL;
}

char *pair_seg_text(const struct p2pcert_seg *seg, const struct function *target)
{
	const char *kind = "IO virtual address";

	if (seg->flags & P2PCERT_SEG_BUS_ADDRESS)
		kind = "bus address";
	else if (seg->dma_addr == seg->phys_addr)
		kind = "physical address";
	return xasprintf("%s 0x%" PRIx64 " for 0x%" PRIx64 " in BAR %d of %s", kind,
			 (uint64_t)seg->dma_addr, (uint64_t)seg->phys_addr,
			 pair_bar_holding(target, seg->phys_addr, seg->length),
			 pci_addr_str(target->addr));
}

int64_t pair_bus_offset(const char *sysroot, const struct function *f, int bar)
{
	autofree char *path =
		fs_under(sysroot, "/sys/bus/pci/devices/%s/config", pci_addr_str(f->addr));
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t regs[2] = { 0 };
	uint64_t address;

	if (bar < 0 || f->is_virtual || fd < 0 ||
	    pread(fd, regs, sizeof(regs), PCI_BASE_ADDRESS_0 + 4 * bar) != sizeof(regs))
		return 0;
	address = le32toh(regs[0]) & PCI_BASE_ADDRESS_MEM_MASK & UINT32_MAX;
	if (f->bars[bar].kind == BAR_MEM64)
		address |= (uint64_t)le32toh(regs[1]) << 32;
	return (int64_t)(address - f->bars[bar].start);
}

/* --- asking the kernel ------------------------------------------------------------------------ */

struct p2pcert_bdf pair_bdf(struct pci_addr a)
{
	return (struct p2pcert_bdf){ .domain = a.domain,
				     .bus = a.bus,
				     .devfn = (uint8_t)(a.dev << 3 | a.fn) };
}

/*
 * The kernel lists the ports that redirect, of either function's way up, in 128 bytes, "DDDDD:BB:DD.F;"
 * at most each, and ends a list that is too long behind them (calc_map_type_and_dist() in drivers/pci/p2pdma.c).
 */
#define MAX_NAMED (127 / (int)sizeof("DDDDD:BB:DD.F"))

/* Those that could be listed: the function itself and the bridges above it, where they have ACS. */
static int count_acs(const struct platform *p, int i)
{
	int n = 0;

	for (; i >= 0; i = p->functions[i].upstream)
		n += p->functions[i].acs.known != KNOWN_ABSENT;
	return n;
}

int pair_ask_why(int fd, const struct platform *p, int initiator, int target)
{
	struct p2pcert_distance d = {
		.provider = pair_bdf(p->functions[target].addr),
		.client = pair_bdf(p->functions[initiator].addr),
	};

	if (count_acs(p, initiator) + count_acs(p, target) > MAX_NAMED)
		return -E2BIG;
	return modfd_ioctl(fd, P2PCERT_IOC_DISTANCE_WHY, &d);
}

int pair_ask_distance(int fd, struct pci_addr initiator, struct pci_addr target,
		      struct pair_ruling *r)
{
	struct p2pcert_distance d = { .provider = pair_bdf(target), .client = pair_bdf(initiator) };
	int err = modfd_ioctl(fd, P2PCERT_IOC_DISTANCE, &d);

	if (err)
		return err;
	r->measured = d.result == 0;
	r->distance = d.distance;
	r->distance_errno = d.result;
	return 0;
}

int pair_ask_map(int fd, struct pci_addr initiator, const void *addr, size_t len,
		 struct pair_ruling *r, struct p2pcert_map *map)
{
	struct p2pcert_map m = {
		.client = pair_bdf(initiator),
		.addr = (uintptr_t)addr,
		.length = len,
	};
	int err = modfd_ioctl(fd, P2PCERT_IOC_MAP, &m);

	if (err)
		return err;
	r->mapped = true;
	r->map_errno = m.result;
	r->bus_address =
		m.result == 0 && m.nr_segs > 0 && (m.segs[0].flags & P2PCERT_SEG_BUS_ADDRESS);
	if (map)
		*map = m;
	return 0;
}
