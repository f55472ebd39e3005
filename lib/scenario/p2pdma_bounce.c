/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.no-cpu-sync: the CPU does not touch peer-to-peer memory for a device. It is not copied through a
 * bounce buffer, even where all other memory is (swiotlb=force): it is mapped at its own address, or not at
 * all. And no cache is maintained for it. What would be noticed is seen to be noticed, with ordinary memory
 * of the same process, mapped for the same device in the same way.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/callcount.h"
#include "scenario/modfd.h"
#include "scenario/pair.h"
#include "scenario/peer.h"
#include "scenario/provider.h"

#define BOUNCE_FAULTS (P2PCERT_FAULT_LEAK | P2PCERT_FAULTS_ENTER)

#define PAGES 2

/* Of DMA that is not coherent; no kernel for x86 has it. */
#define CACHE_MAINTENANCE "arch_sync_dma_for_device"

struct looker {
	struct provider *p;
	struct callcount bounces, syncs; /* of this thread */
	bool has_syncs;
	unsigned char *ordinary;
	struct p2pmem_map peer;
};

/* One mapping, and what the kernel did for it. */
struct mapping {
	struct pair_ruling ruled;
	struct p2pcert_map map;
	uint64_t bounces, syncs;
};

static int count(const struct looker *l, uint64_t *bounces, uint64_t *syncs)
{
	int err = callcount_read(&l->bounces, bounces);

	*syncs = 0;
	return err ?: l->has_syncs ? callcount_read(&l->syncs, syncs) : 0;
}

static int map(const struct looker *l, const struct function *f, const void *addr,
	       struct mapping *m)
{
	uint64_t bounces, syncs;
	int err = count(l, &bounces, &syncs);

	*m = (struct mapping){ 0 };
	err = err ?: pair_ask_map(l->p->fd, f->addr, addr, PAGES * page_size(), &m->ruled, &m->map);
	err = err ?: count(l, &m->bounces, &m->syncs);
	m->bounces -= bounces;
	m->syncs -= syncs;
	return err;
}

/* Is ordinary memory copied for the device, and is that seen? */
static bool is_bounced(const struct mapping *m)
{
	const struct p2pcert_seg *seg = &m->map.segs[0];

	return !m->ruled.map_errno && m->map.nr_segs && m->bounces &&
	       seg->dma_addr != seg->phys_addr;
}

/* What is wrong with how the peer's memory was mapped; NULL if nothing. */
static char *refuse(const struct looker *l, const struct function *f, const struct mapping *m)
{
	const struct function *target = l->p->function;
	int64_t offset;

	if (m->bounces)
		return xasprintf("copied through a bounce buffer, %" PRIu64 " times", m->bounces);
	if (m->syncs)
		return xasprintf("caches were maintained for it, %" PRIu64 " times", m->syncs);
	/* No address of its own that the device may be given: EIO is dma_map_sgtable()'s word. */
	if (m->ruled.map_errno == -EREMOTEIO || m->ruled.map_errno == -EIO)
		return NULL;
	if (m->ruled.map_errno)
		return xasprintf("refused with %s", errno_text(m->ruled.map_errno));
	offset = pair_bus_offset(scn_env(l->p->ctx)->sysroot, target,
				 pair_bar_holding(target, m->map.segs[0].phys_addr, 1));
	for (uint32_t i = 0; i < m->map.nr_segs && i < P2PCERT_MAX_SEGS; i++) {
		char *wrong = pair_refuse_seg(&m->map.segs[i], f, target, offset,
					      pair_ruled_verdict(&m->ruled));

		if (wrong)
			return wrong;
	}
	return NULL;
}

static void tell(struct looker *l, const struct function *f, const struct mapping *m,
		 const char *wrong)
{
	const struct pci_addr addrs[] = { f->addr, l->p->function->addr };

	if (m->bounces)
		scn_finding(l->p->ctx, "P2P-BOUNCED", addrs, ARRAY_LEN(addrs),
			    "memory of %s for %s: %s", l->p->name, pci_addr_str(f->addr), wrong);
	provider_say(l->p, m->bounces || m->syncs ? EVIDENCE_COUNTERS : EVIDENCE_PATH,
		     EVIDENCE_REFUTED, "for %s: %s", pci_addr_str(f->addr), wrong);
}

static void examine(struct looker *l, const struct function *f)
{
	/* The fault: what is mapped is ordinary memory, which is bounced. */
	const void *peer = scn_injected(l->p->ctx, "bounced") ? l->ordinary : l->peer.addr;
	autofree char *wrong = NULL, *where = NULL;
	struct mapping ordinary, m;
	int err = map(l, f, l->ordinary, &ordinary);

	if (!err && !is_bounced(&ordinary))
		return;
	err = err ?: map(l, f, peer, &m);
	if (err) {
		provider_say(l->p, EVIDENCE_COUNTERS, EVIDENCE_MISSING, "for %s: %s",
			     pci_addr_str(f->addr), strerror(-err));
		return;
	}
	scn_device(l->p->ctx, f->addr);
	l->p->exercised++;
	wrong = refuse(l, f, &m);
	if (wrong) {
		tell(l, f, &m, wrong);
		return;
	}
	where = m.ruled.map_errno ? xasprintf("refused with %s", errno_text(m.ruled.map_errno))
				  : pair_seg_text(&m.map.segs[0], l->p->function);
	provider_say(l->p, EVIDENCE_PATH, EVIDENCE_PROVEN, "for %s: %s", pci_addr_str(f->addr),
		     where);
	provider_say(l->p, EVIDENCE_COUNTERS, EVIDENCE_PROVEN,
		     "for %s: not bounced, while ordinary memory is, %" PRIu64 " times",
		     pci_addr_str(f->addr), ordinary.bounces);
}

static bool looker_open(struct looker *l)
{
	int err = callcount_open_event(&l->bounces, "swiotlb/swiotlb_bounced");

	if (err) {
		provider_say(l->p, EVIDENCE_COUNTERS, EVIDENCE_MISSING,
			     "the kernel's trace event 'swiotlb_bounced' cannot be counted: %s",
			     strerror(-err));
		return false;
	}
	l->has_syncs = callcount_open_own(&l->syncs, CACHE_MAINTENANCE) == 0;
	l->ordinary = pages_alloc(PAGES * page_size());
	memset(l->ordinary, 0, PAGES * page_size());
	return provider_map(l->p, PAGES, &l->peer);
}

static void body(struct provider *p)
{
	const struct platform *platform = scn_env(p->ctx)->platform;
	struct looker l = { .p = p };

	if (looker_open(&l))
		for (size_t i = 0; i < platform->nr_functions; i++) {
			const struct function *f = &platform->functions[i];

			if (f != p->function && p2p_can_initiate(f))
				examine(&l, f);
		}
	callcount_close(&l.bounces);
	callcount_close(&l.syncs);
	p2pmem_unmap(&l.peer);
	free(l.ordinary);
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return provider_each(ctx, BOUNCE_FAULTS, body, SKIP_HW_UNSUPPORTED,
			     "no device's memory is copied through a bounce buffer here, and so "
			     "nothing shows that peer-to-peer memory is not: boot with "
			     "swiotlb=force");
}

const struct scenario scenario_p2pdma_no_cpu_sync = {
	.id = "p2pdma.no-cpu-sync",
	.title = "published memory is not copied through a bounce buffer, where all else is",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_SWIOTLB && CONFIG_PERF_EVENTS && "
			       "CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "p2pmem-provider" }),
	.evidence = EV(PATH) | EV(COUNTERS) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 60,
	.FAULTS("bounced", "leak", MODFD_FAULTS_ENTER),
	.run = run,
};
