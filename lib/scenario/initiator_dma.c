/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channels of DMA engines, which the module lets copy between ordinary memory and a peer's, through the
 * kernel's dmaengine. That a channel copies at all is seen first, between two places of ordinary memory.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "scenario/dmachan.h"
#include "scenario/initiator.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"

#define TIMEOUT_MS 30000

/* Emulated engines take 200 ms a page: what a page takes decides how much is copied. */
#define SLOW_PAGE_NS (5 * 1000 * 1000)
#define BYTES_SLOW (16u * 1024)
#define BYTES_FAST (64u * 1024)
/* Of a full run: as much of the target as can be copied in this time. */
#define FULL_NS (4ull * 1000 * 1000 * 1000)
#define FULL_MIXED (256u * 1024) /* where each page is a mapping of its own */
#define FULL_MAX (256u * 1024 * 1024) /* of memory that this machine needs for it, twice */

static int find(struct exam *x, void **list, size_t *n)
{
	struct dmachan *channels;
	int err = dmachan_list(scn_env(x->ctx)->sysroot, &channels, n);

	if (!err)
		*list = channels;
	return err;
}

static void forget(void *list, size_t n attr_unused)
{
	free(list);
}

static size_t unit(const struct initiator *i attr_unused)
{
	return 1;
}

/* --- one copy ------------------------------------------------------------------------------------- */

static int copy(int fd, const char *channel, const unsigned char *src, unsigned char *dst,
		size_t len, struct p2pcert_copy *c)
{
	*c = (struct p2pcert_copy){
		.src = (uintptr_t)src,
		.dst = (uintptr_t)dst,
		.length = len,
		.timeout_ms = TIMEOUT_MS,
	};
	memcpy(c->channel, channel, strlen(channel));
	return modfd_ioctl(fd, P2PCERT_IOC_COPY, c);
}

static int move(const struct move *m, struct moved *r)
{
	const struct initiator *i = m->initiator;
	unsigned char *peer = m->peer->map.addr + m->at.peer_at, *own = i->own + m->at.own_at;
	int fd = i->exam->fd, err;

	err = m->way == MOVE_TO_PEER ? copy(fd, i->name, own, peer, m->at.len, &r->copy)
				     : copy(fd, i->name, peer, own, m->at.len, &r->copy);
	r->result = r->copy.result;
	r->bytes = r->copy.bytes_done;
	r->ns = r->copy.duration_ns;
	/* An engine that copies whole words only. */
	if (!err && m->peer->supported && r->result == -EINVAL && m->at.len % MEMORY_INSET)
		return -ENOTSUP;
	return err;
}

static const struct p2pcert_seg *seg_of(const struct move *m, const struct moved *r, bool peers)
{
	return (m->way == MOVE_TO_PEER) == peers ? &r->copy.dst_seg : &r->copy.src_seg;
}

/* Which way the copy went: the engine's function, and the addresses that it was given. */
static char *refuse_path(const struct move *m, const struct moved *r, char **way)
{
	const struct p2pcert_bdf engine = pair_bdf(m->peer->initiator->addr);
	const struct p2pcert_seg *seg = seg_of(m, r, true);
	const struct peer *p = m->peer;
	char *wrong;

	if (memcmp(&engine, &r->copy.engine, sizeof(engine)) != 0)
		return xstrdup("another function's engine did the copy");
	if (seg_of(m, r, false)->flags & P2PCERT_SEG_P2P_PAGE)
		return xstrdup("ordinary memory was taken for peer-to-peer memory");
	wrong = pair_refuse_seg(seg, p->initiator, p->target, p->bus_offset,
				pair_ruled_verdict(&p->ruled));
	if (!wrong)
		*way = pair_seg_text(seg, p->target);
	return wrong;
}

/* What the kernel has mapped, and the engine cannot drive: the module has not let it loose. */
static bool explain(const struct move *m, const struct moved *r)
{
	const struct pci_addr addrs[] = { m->peer->initiator->addr, m->peer->target->addr };
	autofree char *where = NULL;
	struct peer *p = m->peer;

	if (r->result != -EOVERFLOW)
		return false;
	where = pair_seg_text(seg_of(m, r, true), p->target);
	exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED,
		 "%s, %s: the kernel maps %s, which the engine cannot drive", p->name,
		 m->initiator->kind->ways[m->way], where);
	if (m->way == MOVE_TO_PEER) /* once for the pair */
		scn_finding(p->exam->ctx, "P2P-BEYOND-DMA-MASK", addrs, ARRAY_LEN(addrs),
			    "%s: the kernel maps %s for an engine whose DMA mask ends below it",
			    p->name, where);
	return true;
}

/* --- one engine ----------------------------------------------------------------------------------- */

static struct span page_span(struct exam *x)
{
	return (struct span){ MEMORY_INSET, page_size() - 2 * MEMORY_INSET, exam_seed(x),
			      exam_seed(x) };
}

/*
 * Copies a page between two places of ordinary memory, without faults. 0 and how long it took, or a
 * negative errno: -ENODEV if the channel is not there for copying, -EIO if it copies wrongly.
 */
static int try_channel(struct exam *x, const char *channel, uint64_t *duration_ns)
{
	size_t page = page_size();
	const struct span from = page_span(x), blank = page_span(x);
	const struct content came = { .seed = from.data };
	autofree unsigned char *src = pages_alloc(page);
	autofree unsigned char *dst = pages_alloc(page);
	autofree char *wrong = NULL;
	autoclose int fd = modfd_open(x->ctx, P2PCERT_DEV_P2P, 0, NULL);
	struct p2pcert_copy c;
	int err;

	if (fd < 0)
		return -EBADF;
	span_fill(&from, src, page);
	span_fill(&blank, dst, page);
	err = copy(fd, channel, src + MEMORY_INSET, dst + MEMORY_INSET, from.len, &c);
	if (err || c.result)
		return err ? err : c.result;
	wrong = content_refuse(dst, page, &blank, &came);
	*duration_ns = c.duration_ns;
	return wrong ? -EIO : 0;
}

/* Of a full run: to the whole of the largest target, if the engine is fast enough for that. */
static size_t full_area(struct exam *x, uint64_t page_ns)
{
	const struct platform *platform = scn_env(x->ctx)->platform;
	uint64_t largest = 0, pages = FULL_NS / (page_ns ? page_ns : 1);

	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];
		uint64_t available;

		if (p2pmem_is_provider(f) &&
		    p2pmem_available(scn_env(x->ctx)->sysroot, f->addr, &available) == 0 &&
		    available > largest)
			largest = available;
	}
	if (largest > FULL_MAX)
		largest = FULL_MAX;
	if (pages > largest / page_size())
		pages = largest / page_size();
	return (size_t)pages * page_size();
}

static bool open_channel(struct initiator *i, void *list, size_t k)
{
	const struct dmachan *chan = (const struct dmachan *)list + k;
	autofree char *device = xasprintf("dma:%s", chan->name);
	struct exam *x = i->exam;
	uint64_t page_ns;
	int err;

	i->name = chan->name;
	i->function = platform_find(scn_env(x->ctx)->platform, chan->addr);
	err = i->function ? try_channel(x, chan->name, &page_ns) : -ENODEV;
	if (err == -ENODEV) {
		log_info("channel '%s' is in use, or not for copying memory", chan->name);
		return false;
	}
	if (err) {
		exam_say(x, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "channel '%s' does not copy between two places of ordinary memory: %s",
			 chan->name, errno_text(err));
		return false;
	}
	i->memory_bytes = page_size() - 2 * MEMORY_INSET;
	i->memory_ns = page_ns;
	i->area = page_ns > SLOW_PAGE_NS ? BYTES_SLOW : BYTES_FAST;
	if (scn_env(x->ctx)->level >= LEVEL_FULL)
		i->area = x->mixed ? FULL_MIXED : full_area(x, page_ns);
	if (i->area < 2 * page_size())
		i->area = 2 * page_size();
	i->own = pages_alloc(i->area);
	exam_device(x, i->function);
	scn_device_name(x->ctx, device);
	return true;
}

static void close_channel(struct initiator *i)
{
	free(i->own);
}

const struct initiator_kind initiator_dma = {
	.name = "dmaengine",
	.by = "channel",
	.ways = { "memory-to-bar", "bar-to-memory" },
	.refusals = { -EREMOTEIO },
	.commits = true,
	.unit = unit,
	.find = find,
	.forget = forget,
	.open = open_channel,
	.close = close_channel,
	.cases = initiator_memory_cases,
	.move = move,
	.refuse_path = refuse_path,
	.explain = explain,
};
