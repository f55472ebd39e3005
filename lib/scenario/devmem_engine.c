/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A DMA engine that copies the pages of a device as they migrate: finding one, seeing how fast it is
 * and which way it reaches a BAR, and proof that it did the work. See devmem.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "scenario/devmem.h"
#include "scenario/dmachan.h"
#include "scenario/pair.h"

/* Of one page; emulated engines take 200 ms. */
#define TIMEOUT_MS 20000
/* What a slow engine's part may take, in which its copies are counted. */
#define BUDGET_NS (8 * UINT64_C(1000000000))

int devmem_engine_set(int fd, const char *channel, unsigned int every,
		      struct p2pcert_devpriv_engine *e)
{
	int err;

	*e = (struct p2pcert_devpriv_engine){ .timeout_ms = TIMEOUT_MS, .every = every };
	memcpy(e->channel, channel, strnlen(channel, sizeof(e->channel) - 1));
	err = modfd_ioctl(fd, P2PCERT_IOC_DEVPRIV_ENGINE, e);
	return err ? err : e->result;
}

int devmem_engine_find(int fd, const char *sysroot, struct p2pcert_devpriv_engine *e)
{
	autofree struct dmachan *list = NULL;
	size_t n;
	int err = dmachan_list(sysroot, &list, &n);
	int found = err ? err : -ENODEV;

	*e = (struct p2pcert_devpriv_engine){ 0 };
	for (size_t i = 0; i < n && found; i++) {
		if (list[i].in_use)
			continue;
		err = devmem_engine_set(fd, list[i].name, 1, e);
		if (err != -ENODEV)
			found = err;
		if (err)
			log_info("channel '%s' does not copy for the device: %s", list[i].name,
				 errno_text(err));
	}
	return found;
}

/* --- which way ---------------------------------------------------------------------------------- */

enum p2p_verdict devmem_predict(struct devmem *dev, struct pci_addr addr)
{
	const struct scenario_env *env = scn_env(dev->ctx);
	const struct function *first = env->platform->functions;
	const struct function *engine = platform_find(env->platform, addr);
	const struct function *target = platform_find(env->platform, dev->addr);
	enum p2p_verdict verdict;
	struct p2p_pair pair;

	if (!engine || !target)
		return VERDICT_UNKNOWN;
	p2p_pair_predict(env->platform, env->rules, (int)(engine - first), (int)(target - first),
			 &pair);
	verdict = pair.verdict;
	p2p_pair_release(&pair);
	return verdict;
}

/* What is mapped itself, if the model says nothing. */
static enum p2p_verdict due(struct devmem *dev, struct pci_addr engine,
			    const struct p2pcert_seg *seg)
{
	enum p2p_verdict verdict = devmem_predict(dev, engine);

	if (verdict != VERDICT_UNKNOWN)
		return verdict;
	return seg->flags & P2PCERT_SEG_BUS_ADDRESS ? VERDICT_BUS_ADDRESS : VERDICT_HOST_BRIDGE;
}

/* The kernel must have mapped the BAR for the engine as it has to be mapped for this pair. */
bool devmem_judge_seg(struct devmem *dev, struct pci_addr addr, const struct p2pcert_seg *seg,
		      bool say)
{
	const struct scenario_env *env = scn_env(dev->ctx);
	const struct function *engine = platform_find(env->platform, addr);
	const struct function *target = platform_find(env->platform, dev->addr);
	autofree char *wrong = NULL, *where = NULL;
	int64_t offset;

	if (!engine || !target) {
		devmem_missing(dev, EVIDENCE_PATH, "%s or the engine is not in the platform",
			       pci_addr_str(dev->addr));
		return true;
	}
	offset = pair_bus_offset(env->sysroot, target,
				 pair_bar_holding(target, seg->phys_addr, seg->length));
	wrong = pair_refuse_seg(seg, engine, target, offset, due(dev, addr, seg));
	if (wrong) {
		devmem_refute(dev, EVIDENCE_PATH, "mapped for the engine: %s", wrong);
		return false;
	}
	if (!say)
		return true;
	where = pair_seg_text(seg, target);
	devmem_prove(dev, EVIDENCE_PATH, "the engine of %s is given %s", pci_addr_str(addr), where);
	return true;
}

/* --- beginning and end -------------------------------------------------------------------------- */

struct pci_addr devmem_addr(const struct p2pcert_bdf *bdf)
{
	return (struct pci_addr){
		.domain = bdf->domain,
		.bus = bdf->bus,
		.dev = bdf->devfn >> 3,
		.fn = bdf->devfn & 7,
	};
}

/* What copying a page takes, from one that goes out and comes back; 0 if the engine copied none. */
static uint64_t page_ns(struct devmem *dev)
{
	struct p2pcert_devpriv_counters since = { 0 };
	struct area *a = area_new(dev, AREA_PRIVATE, 1, "the engine's first page");

	if (!a)
		return 0;
	area_fill(a, 0, 1);
	if (area_send(a, 0, 1))
		area_check(a, 0, 1, "brought back");
	area_end(a);
	if (!devmem_counted(dev, &since) || !since.engine_copied)
		return 0;
	return since.engine_ns / since.engine_copied + 1;
}

static void begin_counting(struct devmem *dev)
{
	if (modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &dev->before) < 0)
		devmem_missing(dev, EVIDENCE_COUNTERS, "the module does not tell its counters");
}

bool devmem_engine_begin(struct devmem *dev, size_t copies)
{
	autofree char *old = NULL, *name = NULL;
	struct p2pcert_devpriv_engine e;
	uint64_t ns;

	if (devmem_engine_find(dev->fd, scn_env(dev->ctx)->sysroot, &e) < 0)
		return false;
	dev->engine = (struct devmem_engine){ .every = 1, .addr = devmem_addr(&e.engine) };
	memcpy(dev->engine.channel, e.channel, sizeof(e.channel));
	old = dev->name;
	dev->name = xasprintf("%s, by %s", old, e.channel);
	name = xasprintf("dma:%s", e.channel);
	scn_device(dev->ctx, dev->engine.addr);
	scn_device_name(dev->ctx, name);
	if (dev->is_bar)
		devmem_judge_seg(dev, dev->engine.addr, &e.seg, true);
	begin_counting(dev);
	ns = page_ns(dev);
	if (!ns)
		devmem_refute(dev, EVIDENCE_PATH, "the engine has not copied the first page");
	dev->engine.page_ns = ns;
	if (copies * ns > BUDGET_NS)
		dev->engine.every = (unsigned int)(copies * ns / BUDGET_NS + 1);
	if (devmem_engine_set(dev->fd, dev->engine.channel, dev->engine.every, &e) < 0)
		devmem_refute(dev, EVIDENCE_PATH, "the engine is not to be had a second time");
	begin_counting(dev);
	return true;
}

void devmem_engine_judge(struct devmem *dev)
{
	struct p2pcert_devpriv_counters since;
	uint64_t all, due;

	if (!devmem_counted(dev, &since))
		return;
	all = since.engine_copied + since.cpu_copied;
	due = (all + dev->engine.every - 1) / dev->engine.every;
	if (!since.engine_copied || since.engine_copied + since.engine_failed != due ||
	    (since.engine_failed && !dev->engine.may_fail))
		devmem_refute(dev, EVIDENCE_PATH,
			      "the engine was to copy %" PRIu64 " of %" PRIu64
			      " pages, and copied %" PRIu64 "; %" PRIu64 " failed",
			      due, all, (uint64_t)since.engine_copied,
			      (uint64_t)since.engine_failed);
	else
		devmem_prove(dev, EVIDENCE_PATH,
			     "the engine of %s copied %" PRIu64 " of %" PRIu64
			     " pages, as it was to, in %" PRIu64 " us each",
			     pci_addr_str(dev->engine.addr), (uint64_t)since.engine_copied, all,
			     (uint64_t)(since.engine_ns / since.engine_copied / 1000));
}
