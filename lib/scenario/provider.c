/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Providers of peer-to-peer memory, one after the other. */
#include "scenario/provider.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "scenario/modfd.h"
#include "scenario/pattern.h"

#define MODULE P2PCERT_DEV_P2P

static void one(struct provider *p, const struct function *f, void (*body)(struct provider *p))
{
	int err;

	p->function = f;
	p->name = pci_addr_str(f->addr);
	err = p2pmem_available(scn_env(p->ctx)->sysroot, f->addr, &p->available);
	if (err) {
		provider_say(p, EVIDENCE_LEAK, EVIDENCE_MISSING,
			     "the free peer-to-peer memory cannot be read: %s", strerror(-err));
		return;
	}
	scn_device(p->ctx, f->addr);
	body(p);
	p->good &= p2pmem_judge_available(p->ctx, f->addr, p->available);
}

enum outcome provider_each(struct scenario_ctx *ctx, uint32_t faults,
			   void (*body)(struct provider *p), enum skip_category category,
			   const char *nothing)
{
	const struct platform *platform = scn_env(ctx)->platform;
	struct provider p = { .ctx = ctx, .good = true };
	struct p2pcert_held held;
	uint64_t refcnt;

	p.fd = modfd_open(ctx, MODULE, modfd_injected(ctx, faults), &refcnt);
	if (p.fd < 0)
		return OUTCOME_ERROR;
	if (modfd_held(ctx, MODULE, p.fd, &held) < 0) {
		close(p.fd);
		return OUTCOME_ERROR;
	}
	for (size_t i = 0; i < platform->nr_functions; i++)
		if (p2pmem_is_provider(&platform->functions[i]))
			one(&p, &platform->functions[i], body);
	p.good &= modfd_judge_held(ctx, MODULE, p.fd, &held);
	close(p.fd);
	p.good &= modfd_judge_refcnt(ctx, MODULE, refcnt);
	if (p.good && !p.exercised) {
		scn_skip(ctx, category, "%s", nothing);
		return OUTCOME_SKIP;
	}
	if (p.good)
		scn_why(ctx, "peer-to-peer memory is as it must be, %zu times looked at",
			p.exercised);
	return OUTCOME_PASS;
}

void provider_say(struct provider *p, enum evidence_kind kind, enum evidence_state state,
		  const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	scn_evidence(p->ctx, kind, state, "%s: %s", p->name, text);
	if (state != EVIDENCE_PROVEN)
		p->good = false;
}

bool provider_map(struct provider *p, size_t pages, struct p2pmem_map *map)
{
	int err = p2pmem_map(scn_env(p->ctx)->sysroot, p->function->addr, pages * page_size(), map);

	if (err)
		provider_say(p, EVIDENCE_LEAK, EVIDENCE_MISSING,
			     "%zu pages of peer-to-peer memory cannot be mapped: %s", pages,
			     strerror(-err));
	return !err;
}

uint64_t provider_seed(struct provider *p)
{
	return pattern_seed(scn_env(p->ctx)->seed, p->nr_patterns++);
}

bool provider_taken(struct provider *p, const char *when, uint64_t bytes)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	const int tries = 50;
	uint64_t now = 0;
	int err = 0;

	for (int i = 0; i < tries; i++) {
		err = p2pmem_available(scn_env(p->ctx)->sysroot, p->function->addr, &now);
		if (err || p->available - now == bytes)
			break;
		nanosleep(&moment, NULL);
	}
	if (err)
		provider_say(p, EVIDENCE_COUNTERS, EVIDENCE_MISSING,
			     "%s: the free peer-to-peer memory cannot be read: %s", when,
			     strerror(-err));
	else if (p->available - now != bytes)
		provider_say(p, EVIDENCE_COUNTERS, EVIDENCE_REFUTED,
			     "%s: %lld bytes of peer-to-peer memory are taken, not %llu", when,
			     (long long)(p->available - now), (unsigned long long)bytes);
	return !err && p->available - now == bytes;
}

int provider_pin(const struct provider *p, const void *addr, size_t len, uint32_t flags,
		 struct p2pcert_pin *pin)
{
	*pin = (struct p2pcert_pin){
		.addr = (uintptr_t)addr,
		.length = len,
		.flags = flags,
	};
	return modfd_ioctl(p->fd, P2PCERT_IOC_PIN, pin);
}
