/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DMA engines with p2pcert_iova, one after the other: what is common to the dma family. See dma_rig.h. */
#include "scenario/dma_rig.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "scenario/pair.h"
#include "scenario/pattern.h"

/* --- saying ----------------------------------------------------------------------------------- */

static attr_printf(4, 0) void say(struct dma_rig *r, enum evidence_kind kind,
				  enum evidence_state state, const char *fmt, va_list ap)
{
	autofree char *text = xvasprintf(fmt, ap);

	scn_evidence(r->ctx, kind, state, "%s: %s", r->chan->name, text);
	if (state == EVIDENCE_REFUTED)
		scn_why(r->ctx, "%s: %s", r->chan->name, text);
}

void dma_refute(struct dma_rig *r, enum evidence_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, kind, EVIDENCE_REFUTED, fmt, ap);
	va_end(ap);
	r->refuted = true;
	r->used = true;
}

void dma_prove(struct dma_rig *r, enum evidence_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, kind, EVIDENCE_PROVEN, fmt, ap);
	va_end(ap);
	r->used = true;
}

void dma_missing(struct dma_rig *r, enum evidence_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, kind, EVIDENCE_MISSING, fmt, ap);
	va_end(ap);
	r->used = true;
}

void dma_not_here(struct dma_rig *r, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	free(r->no_use);
	r->no_use = xasprintf("%s: %s", r->chan->name, text);
}

uint64_t dma_seed(struct dma_rig *r)
{
	return pattern_seed(scn_env(r->ctx)->seed, ++r->patterns);
}

bool dma_is_lazy(const struct dma_rig *r)
{
	const char *type = r->engine ? r->engine->iommu_type : NULL;

	return type && strcmp(type, "DMA-FQ") == 0;
}

bool dma_one_cpu(struct dma_rig *r)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return true;
	scn_error(r->ctx, ERROR_SETUP, "cannot stay on one CPU: %s", strerror(errno));
	return false;
}

bool dma_area_ready(struct dma_rig *r, struct dma_area *a, size_t pages)
{
	int err = dma_area_begin(a, pages);

	if (err)
		scn_error(r->ctx, ERROR_SETUP, "no memory to map: %s", strerror(-err));
	return !err;
}

/* --- one engine ------------------------------------------------------------------------------- */

/* 0; -ENODEV: the channel is not to be had; another errno after scn_error(). */
static int attach(struct dma_rig *r)
{
	struct p2pcert_iova_attach a = { .result = 0 };
	struct p2pcert_bdf expected = pair_bdf(r->chan->addr);
	int err;

	memcpy(a.channel, r->chan->name, strnlen(r->chan->name, sizeof(a.channel) - 1));
	err = modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_ATTACH, &a);
	if (err) {
		scn_error(r->ctx, ERROR_SETUP, "'%s' does not take channel '%s': %s", DMA_MODULE,
			  r->chan->name, strerror(-err));
		return err;
	}
	if (a.result) {
		log_info("channel '%s' does not copy memory: %s", r->chan->name,
			 errno_text(a.result));
		return -ENODEV;
	}
	if (memcmp(&a.function, &expected, sizeof(expected)) != 0) {
		scn_error(r->ctx, ERROR_SETUP, "channel '%s' belongs to another function",
			  r->chan->name);
		return -EINVAL;
	}
	return 0;
}

/* False after an error. */
static bool run_engine(struct dma_rig *r, dma_body *body)
{
	autofree char *name = xasprintf("dma:%s", r->chan->name);
	struct p2pcert_held before;
	bool good;
	int err;

	if (modfd_held(r->ctx, DMA_MODULE, r->fd, &before) < 0)
		return false;
	err = attach(r);
	if (err)
		return err == -ENODEV;
	r->translated = pair_is_translated(r->engine);
	scn_device(r->ctx, r->engine->addr);
	scn_device_name(r->ctx, name);
	good = body(r);
	err = modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_DETACH, NULL);
	if (err)
		scn_error(r->ctx, ERROR_CLEANUP, "channel '%s' is not given back: %s",
			  r->chan->name, strerror(-err));
	else if (!modfd_judge_held(r->ctx, DMA_MODULE, r->fd, &before))
		r->refuted = true;
	return good && !err;
}

static bool run_engines(struct dma_rig *r, const struct dmachan *list, size_t n, dma_body *body)
{
	const struct platform *platform = scn_env(r->ctx)->platform;
	bool good = true;

	for (size_t i = 0; i < n && good; i++) {
		r->chan = &list[i];
		r->engine = platform_find(platform, list[i].addr);
		if (!list[i].in_use && r->engine)
			good = run_engine(r, body);
	}
	return good;
}

static enum outcome conclude(const struct dma_rig *r, bool good)
{
	if (!good)
		return OUTCOME_ERROR;
	if (r->used || r->refuted)
		return r->refuted ? OUTCOME_FAIL : OUTCOME_PASS;
	scn_skip(r->ctx, SKIP_HW_UNSUPPORTED, "%s",
		 r->no_use ? r->no_use : "no channel of a DMA engine is free and copies memory");
	return OUTCOME_SKIP;
}

enum outcome dma_run(struct scenario_ctx *ctx, dma_body *body)
{
	struct dma_rig r = { .ctx = ctx };
	autofree struct dmachan *list = NULL;
	enum outcome outcome;
	uint64_t refcnt;
	size_t n;
	int err = dmachan_list(scn_env(ctx)->sysroot, &list, &n);

	if (err) {
		scn_error(ctx, ERROR_SETUP, "cannot list the channels of DMA engines: %s",
			  strerror(-err));
		return OUTCOME_ERROR;
	}
	r.fd = modfd_open(ctx, DMA_MODULE, modfd_injected(ctx, DMA_FAULTS), &refcnt);
	if (r.fd < 0)
		return OUTCOME_ERROR;
	outcome = conclude(&r, run_engines(&r, list, n, body));
	close(r.fd);
	free(r.no_use);
	if (outcome != OUTCOME_ERROR && !modfd_judge_refcnt(ctx, DMA_MODULE, refcnt))
		outcome = OUTCOME_FAIL;
	return outcome;
}
