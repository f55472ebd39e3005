/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.engine-copy: a DMA engine writes ordinary memory into the published memory of a function,
 * and reads it back into ordinary memory, through the kernel's dmaengine. The CPU checks either
 * end. That the engine copies at all is seen first, between two places of ordinary memory.
 * p2pdma.mixed-sgl: the same with memory of which every second page is the function's.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/log.h"
#include "scenario/dmachan.h"
#include "scenario/modfd.h"
#include "scenario/p2pdma.h"
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
/* Data begins and ends within a page, so that an engine that rounds to pages hits guards. */
#define INSET 256u

static const struct direction {
	const char *name;
	bool to_peer;
} directions[] = {
	{ "memory-to-bar", true },
	{ "bar-to-memory", false },
};

struct engine {
	struct exam *exam;
	bool mixed; /* the peer's memory has ordinary pages in it */
	const struct dmachan *chan;
	const struct function *function;
	size_t len; /* of an area, at most */
	unsigned char *ram; /* that many bytes */
	uint64_t memory_bytes, memory_ns; /* copied within ordinary memory, in this time */
	uint64_t bytes[ARRAY_LEN(directions)], ns[ARRAY_LEN(directions)]; /* and with peers */
};

static struct span new_span(struct exam *x, size_t len)
{
	return (struct span){ INSET, len, exam_seed(x), exam_seed(x) };
}

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

/* --- one transfer ----------------------------------------------------------------------------- */

/* What the kernel has mapped, and the engine cannot drive: the module has not let it loose. */
static void say_beyond_mask(struct peer *p, const struct direction *d, const struct p2pcert_copy *c)
{
	const struct p2pcert_seg *seg = d->to_peer ? &c->dst_seg : &c->src_seg;
	const struct pci_addr addrs[] = { p->initiator->addr, p->target->addr };
	autofree char *where = pair_seg_text(seg, p->target);

	exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED,
		 "%s, %s: the kernel maps %s, which the engine cannot drive", p->name, d->name,
		 where);
	if (!d->to_peer)
		return; /* once for the pair */
	scn_finding(p->exam->ctx, "P2P-BEYOND-DMA-MASK", addrs, ARRAY_LEN(addrs),
		    "%s: the kernel maps %s for an engine whose DMA mask ends below it", p->name,
		    where);
}

static bool judge_refusal(struct peer *p, const struct direction *d, const struct p2pcert_copy *c)
{
	bool known = c->result == -EREMOTEIO;

	if (p->supported && c->result == -EOVERFLOW)
		say_beyond_mask(p, d, c);
	else if (p->supported)
		exam_say(p->exam, known ? EVIDENCE_PATH : EVIDENCE_DATA, EVIDENCE_REFUTED,
			 "%s, %s: the kernel supports this pair, and the copy fails with %s",
			 p->name, d->name, errno_text(c->result));
	else
		exam_say(p->exam, EVIDENCE_ERRNO, known ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
			 "%s, %s: refused with %s", p->name, d->name, errno_text(c->result));
	return !p->supported && known;
}

/* Which way the copy went: the engine's function, and the addresses that it was given. */
static bool judge_path(struct peer *p, const struct direction *d, const struct p2pcert_copy *c)
{
	const struct p2pcert_seg *seg = d->to_peer ? &c->dst_seg : &c->src_seg;
	const struct p2pcert_seg *other = d->to_peer ? &c->src_seg : &c->dst_seg;
	const struct p2pcert_bdf engine = pair_bdf(p->initiator->addr);
	autofree char *wrong = NULL, *where = NULL;

	if (!p->supported)
		wrong = xstrdup("the kernel refuses this pair, and the copy succeeds");
	else if (memcmp(&engine, &c->engine, sizeof(engine)) != 0)
		wrong = xstrdup("another function's engine did the copy");
	else if (other->flags & P2PCERT_SEG_P2P_PAGE)
		wrong = xstrdup("ordinary memory was taken for peer-to-peer memory");
	else
		wrong = pair_refuse_seg(seg, p->initiator, p->target, p->bus_offset,
					pair_ruled_verdict(&p->ruled));
	if (wrong) {
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED, "%s, %s: %s", p->name, d->name,
			 wrong);
		return false;
	}
	where = pair_seg_text(seg, p->target);
	exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_PROVEN, "%s, %s: %s", p->name, d->name, where);
	return true;
}

/* What the engine says that it completed: all, or nothing where the mapping was refused. */
static bool judge_count(struct peer *p, const struct direction *d, const struct p2pcert_copy *c)
{
	uint64_t must = c->result ? 0 : c->length;

	if (c->bytes_done == must)
		return true;
	exam_say(p->exam, EVIDENCE_COUNTERS, EVIDENCE_REFUTED,
		 "%s, %s: the engine completed %llu bytes, not %llu", p->name, d->name,
		 (unsigned long long)c->bytes_done, (unsigned long long)must);
	return false;
}

/*
 * What is wrong with one end: filled as the span says, and if `from` is given, then overwritten with
 * the data of that. NULL if nothing; the caller frees it.
 */
static char *refuse_end(const void *area, size_t len, const struct span *s, const struct span *from)
{
	autofree char *unchanged = from ? span_refuse(s, area, len) : NULL;
	struct span now = *s;

	if (!from)
		return span_refuse(s, area, len);
	if (!unchanged)
		return xasprintf("nothing arrived: all %zu bytes are as before", s->len);
	now.data = from->data;
	return span_refuse(&now, area, len);
}

static void judge_rate(struct engine *e, struct peer *p, const struct direction *d,
		       const struct p2pcert_copy *c)
{
	/* The fault: it has taken long. */
	uint64_t ns = c->duration_ns * (scn_injected(p->exam->ctx, "slow") ? 100 : 1);
	autofree char *text = NULL;

	if (c->result || !peer_is_slow(c->bytes_done, ns, e->memory_bytes, e->memory_ns))
		return;
	text = xasprintf("%s: %llu bytes in %llu us, while memory takes %llu us for %llu bytes",
			 d->name, (unsigned long long)c->bytes_done, (unsigned long long)ns / 1000,
			 (unsigned long long)e->memory_ns / 1000,
			 (unsigned long long)e->memory_bytes);
	peer_say_slow(p, text);
}

/*
 * Copies one way and checks both ends. Source and destination are filled with different data before;
 * afterwards the destination must hold the source's data within its own guards, and the source must
 * be as it was. A copy that was refused must have changed neither.
 */
static bool transfer(struct engine *e, struct peer *p, const struct direction *d, size_t len)
{
	const struct span peer_span = new_span(p->exam, len), ram_span = new_span(p->exam, len);
	const size_t area = p->map.len;
	unsigned char *peer_at = p->map.addr + INSET, *ram_at = e->ram + INSET;
	autofree char *peer_wrong = NULL, *ram_wrong = NULL;
	struct p2pcert_copy c;
	bool good = true;
	int err;

	span_fill(&ram_span, e->ram, area);
	if (!peer_fill(p, &peer_span))
		return false;
	err = d->to_peer ? copy(p->exam->fd, e->chan->name, ram_at, peer_at, ram_span.len, &c)
			 : copy(p->exam->fd, e->chan->name, peer_at, ram_at, ram_span.len, &c);
	if (err) {
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "%s, %s: the module does not copy: %s", p->name, d->name, strerror(-err));
		return false;
	}
	peer_look(p);
	peer_wrong =
		refuse_end(p->image, area, &peer_span, d->to_peer && !c.result ? &ram_span : NULL);
	ram_wrong =
		refuse_end(e->ram, area, &ram_span, !d->to_peer && !c.result ? &peer_span : NULL);
	if (peer_wrong)
		peer_data_wrong(p,
				d->to_peer ? "the copy into the peer's memory"
					   : "the copy's source, in the peer's memory",
				peer_wrong);
	if (ram_wrong)
		peer_data_wrong(
			p, d->to_peer ? "the copy's source" : "the copy out of the peer's memory",
			ram_wrong);
	if (p->supported && c.result == -EINVAL && len % INSET)
		log_info("channel '%s' does not copy %zu bytes", e->chan->name, len);
	else
		good = c.result ? judge_refusal(p, d, &c) : judge_path(p, d, &c);
	good &= judge_count(p, d, &c);
	if (len + 2 * INSET == area)
		judge_rate(e, p, d, &c);
	e->bytes[d - directions] += c.bytes_done;
	e->ns[d - directions] += c.duration_ns;
	return good && !peer_wrong && !ram_wrong;
}

/* Of the engine's length, what the target has free, in one piece. */
static size_t length_for(const struct engine *e, const struct function *target)
{
	const char *sysroot = scn_env(e->exam->ctx)->sysroot;
	struct p2pmem_map map = { 0 };
	size_t len = e->len;

	while (len >= 2 * page_size() && p2pmem_map(sysroot, target->addr, len, &map) == -ENOMEM)
		len = len / 2 / page_size() * page_size();
	p2pmem_unmap(&map);
	return len;
}

static void examine(struct engine *e, const struct function *target)
{
	/* all but the guards; and one byte over the end of a page */
	const size_t area = length_for(e, target),
		     lengths[] = { area - 2 * INSET, page_size() - INSET + 1 };
	struct exam *x = e->exam;
	bool good = true;
	struct peer p;

	if (!peer_begin(&p, x, e->function, target, e->chan->name, area))
		return;
	if (e->mixed)
		good = peer_mix(&p);
	for (size_t k = 0; k < ARRAY_LEN(lengths); k++)
		for (size_t i = 0; i < ARRAY_LEN(directions); i++)
			good &= transfer(e, &p, &directions[i], lengths[k]);
	if (p.supported)
		x->exercised++;
	if (good && p.supported)
		exam_say(x, EVIDENCE_DATA, EVIDENCE_PROVEN,
			 "%s: %zu and %zu bytes right in both directions, guards untouched", p.name,
			 lengths[0], lengths[1]);
	jx_set_str(p.fact, "channel", e->chan->name);
	jx_set_int(p.fact, "bytes", (json_int_t)lengths[0]);
	peer_conclude(&p, good);
	exam_device(x, target);
	peer_end(&p);
}

/* --- one engine ------------------------------------------------------------------------------- */

/*
 * Copies a page between two places of ordinary memory, without faults. 0 and how long it took, or a
 * negative errno: -ENODEV if the channel is not there for copying, -EIO if it copies wrongly.
 */
static int try_channel(struct exam *x, const char *channel, uint64_t *duration_ns)
{
	size_t page = page_size();
	const size_t len = page - 2 * INSET;
	const struct span from = new_span(x, len), blank = new_span(x, len);
	struct span to = blank;
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
	err = copy(fd, channel, src + INSET, dst + INSET, from.len, &c);
	if (err || c.result)
		return err ? err : c.result;
	to.data = from.data;
	wrong = span_refuse(&to, dst, page);
	*duration_ns = c.duration_ns;
	return wrong ? -EIO : 0;
}

/* Of a full run: to the whole of the largest target, if the engine is fast enough for that. */
static size_t full_length(struct exam *x, uint64_t page_ns)
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

/* Is the channel one to exercise? Says why not, if that is no matter of course. */
static bool engine_begin(struct engine *e, struct exam *x, const struct dmachan *chan, bool mixed)
{
	uint64_t page_ns;
	int err;

	*e = (struct engine){ .exam = x, .mixed = mixed, .chan = chan };
	e->function = platform_find(scn_env(x->ctx)->platform, chan->addr);
	err = e->function ? try_channel(x, chan->name, &page_ns) : -ENODEV;
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
	e->len = page_ns > SLOW_PAGE_NS ? BYTES_SLOW : BYTES_FAST;
	e->memory_bytes = page_size() - 2 * INSET;
	e->memory_ns = page_ns;
	if (scn_env(x->ctx)->level >= LEVEL_FULL)
		e->len = mixed ? FULL_MIXED : full_length(x, page_ns);
	if (e->len < 2 * page_size())
		e->len = 2 * page_size();
	e->ram = pages_alloc(e->len);
	return true;
}

static bool examine_channel(struct exam *x, const struct dmachan *chan, bool mixed)
{
	const struct platform *platform = scn_env(x->ctx)->platform;
	autofree char *name = xasprintf("dma:%s", chan->name);
	struct engine e;

	if (!engine_begin(&e, x, chan, mixed))
		return false;
	exam_device(x, e.function);
	scn_device_name(x->ctx, name);
	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];

		if (p2pmem_is_provider(f) && f != e.function)
			examine(&e, f);
	}
	for (size_t i = 0; i < ARRAY_LEN(directions); i++) {
		autofree char *rate = xasprintf("%s.%s", chan->name, directions[i].name);

		if (e.ns[i])
			scn_measure(x->ctx, rate, "bytes/s",
				    (double)e.bytes[i] * 1e9 / (double)e.ns[i]);
	}
	free(e.ram);
	return true;
}

int p2pdma_by_engines(struct exam *x, bool mixed, size_t *channels, size_t *usable)
{
	autofree struct dmachan *list = NULL;
	int err = dmachan_list(scn_env(x->ctx)->sysroot, &list, channels);

	*usable = 0;
	if (err) {
		scn_error(x->ctx, ERROR_SETUP, "cannot list the channels of DMA engines: %s",
			  strerror(-err));
		return err;
	}
	for (size_t i = 0; i < *channels; i++)
		*usable += examine_channel(x, &list[i], mixed);
	return 0;
}

static enum outcome run(struct scenario_ctx *ctx, bool mixed)
{
	size_t n, usable;
	struct exam x;

	if (exam_begin(&x, ctx, EXAM_DATA, P2PDMA_COPY_FAULTS) < 0)
		return OUTCOME_ERROR;
	if (p2pdma_by_engines(&x, mixed, &n, &usable) < 0) {
		exam_abandon(&x);
		return OUTCOME_ERROR;
	}
	if (!usable && !x.said[EVIDENCE_DATA][EVIDENCE_MISSING]) {
		scn_skip(ctx, SKIP_HW_UNSUPPORTED,
			 "none of the %zu channels of DMA engines is free and copies memory", n);
		exam_abandon(&x);
		return OUTCOME_SKIP;
	}
	return exam_end(&x);
}

static enum outcome run_engine_copy(struct scenario_ctx *ctx)
{
	return run(ctx, false);
}

static enum outcome run_mixed_sgl(struct scenario_ctx *ctx)
{
	return run(ctx, true);
}

/* What is common to both. */
#define COPY_SCENARIO \
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_DMA_ENGINE && CONFIG_MODULE_UNLOAD" }, \
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P }, \
	       { NEED_MODULE, "p2pcert_edu" }, { NEED_ROLE, "p2pmem-provider" }, \
	       { NEED_ROLE, "dma-engine" }), \
		.evidence = EV(DATA) | EV(PATH) | EV(LEAK), .safety = SAFETY_SAFE, \
		.level = LEVEL_QUICK, .seconds = 180, \
		.FAULTS("skip-copy", "corrupt-copy", "short-copy", "wrong-verdict", "leak", \
			"slow", MODFD_FAULTS_ENTER)

const struct scenario scenario_p2pdma_engine_copy = {
	.id = "p2pdma.engine-copy",
	.title = "a DMA engine copies into and out of the published memory of another function",
	COPY_SCENARIO,
	.run = run_engine_copy,
};

const struct scenario scenario_p2pdma_mixed_sgl = {
	.id = "p2pdma.mixed-sgl",
	.title = "a DMA engine copies to and from pages of another function and of memory in one "
		 "range",
	COPY_SCENARIO,
	.run = run_mixed_sgl,
};
