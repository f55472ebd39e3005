/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.p2p-alias, also -huge: memory that goes elsewhere, or is forbidden, while a consumer copies it in place. The
 * kernel, or the owner, waits until the consumer has let go of it; what the consumer then still has to do
 * it does where the memory is, and never by an address that it had.
 */
#include "scenario/devpriv_alias.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/pattern.h"

#define SLOW_PAGE_NS (5 * NS_PER_MS)
#define PAGES_SLOW 3
#define PAGES_FAST 256
#define ROUNDS_SLOW 4
#define ROUNDS_FAST 200

/* Each returns false after scn_error(). */

static bool touch(struct consumer *c)
{
	struct area *a = c->area;

	for (size_t i = a->pages; i-- > 0;)
		(void)*(volatile unsigned char *)area_page(a, i);
	return true;
}

/* What is being moved or used just then may stay. */
static bool evict(struct consumer *c)
{
	struct area *a = c->area;
	struct p2pcert_devpriv_evict e = { .pages = a->pages };
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_EVICT, &e);

	if (err)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: eviction fails: %s", a->name,
			      errno_text(err));
	return true;
}

/* Nothing goes anywhere, but the consumer may have it in memory only. */
static bool forbid(struct consumer *c)
{
	if (!consumer_allow(c, P2PCERT_POLICY_DENY))
		return false;
	consumer_not_in_place(c, "when the owner has just forbidden it");
	return true;
}

static const struct disturbance {
	const char *name;
	bool (*disturb)(struct consumer *c);
	bool write;
} disturbances[] = {
	{ "touched by the CPU while it is read", touch, false },
	{ "touched by the CPU while it is written", touch, true },
	{ "evicted while it is read", evict, false },
	{ "evicted while it is written", evict, true },
	{ "forbidden while it is read", forbid, false },
	{ "forbidden while it is written", forbid, true },
};

struct transfer {
	struct consumer *c;
	const struct disturbance *d;
	unsigned char *buffer;
	size_t first, nr; /* pages of the area */
	uint64_t page_ns;
	int err;
};

static void *copy(void *with)
{
	struct transfer *t = with;

	t->err = consumer_access(t->c, t->d->write, t->first, t->nr, t->buffer);
	return NULL;
}

static void judge_data(struct transfer *t, uint64_t seed)
{
	struct area *a = t->c->area;

	if (t->err) {
		devmem_refute(a->dev, EVIDENCE_DATA, "%s, %s: %s cannot copy it: %s", a->name,
			      t->d->name, t->c->name, errno_text(t->err));
		return;
	}
	if (t->d->write)
		area_expect(a, t->first, t->nr, seed);
	else
		area_check_copy(a, t->buffer, t->first, t->nr, t->d->name);
	consumer_not_stale(t->c, t->d->name);
	area_check(a, 0, a->pages, t->d->name);
}

/* Begins to copy, and a moment later the memory goes. False after scn_error(). */
static bool copy_meanwhile(struct transfer *t, unsigned int round)
{
	struct area *a = t->c->area;
	const uint64_t seed = area_seed(a);
	const struct timespec moment = {
		.tv_nsec = (long)((t->page_ns / 4 * (1 + round % 4)) % NS_PER_S),
	};
	pthread_t thread;
	bool ok;
	int err;

	if (!consumer_allow(t->c, P2PCERT_POLICY_ALLOW))
		return false;
	area_fill(a, 0, a->pages);
	pattern_fill(t->buffer, t->nr * page_size(), seed, t->first * page_size());
	if (!area_send(a, 0, a->pages))
		return true;
	err = pthread_create(&thread, NULL, copy, t);
	if (err) {
		scn_error(a->dev->ctx, ERROR_SETUP, "no thread: %s", strerror(err));
		return false;
	}
	nanosleep(&moment, NULL);
	ok = t->d->disturb(t->c);
	pthread_join(thread, NULL);
	judge_data(t, seed);
	return ok;
}

static bool run_disturbance(struct transfer *t)
{
	struct devmem *dev = t->c->area->dev;
	const unsigned int rounds = t->page_ns > SLOW_PAGE_NS ? ROUNDS_SLOW : ROUNDS_FAST;
	struct p2pcert_devpriv_consumer_counters since = { 0 };
	bool ok = consumer_counted(t->c, &since);

	since.waited = 0;
	for (unsigned int i = 0; ok && i < rounds && !dev->refuted && !since.waited; i++) {
		if (!copy_meanwhile(t, i))
			return false;
		ok = consumer_counted(t->c, &since);
	}
	if (!ok || dev->refuted)
		return true;
	if (since.waited)
		devmem_prove(dev, EVIDENCE_COUNTERS,
			     "%s: it waited for %" PRIu64 " transfers of %s to end, and %" PRIu64
			     " pages were then copied in memory",
			     t->d->name, (uint64_t)since.waited, t->c->name,
			     (uint64_t)since.memory_copied);
	else
		devmem_missing(dev, EVIDENCE_COUNTERS, "%s: that never met a transfer of %s",
			       t->d->name, t->c->name);
	return true;
}

/* The first that may use the memory in place stands for all: what ends the use is the module's. */
bool alias_during(struct devmem *dev, const struct consumers *found, enum area_kind kind)
{
	const size_t nr = found->page_ns > SLOW_PAGE_NS ? PAGES_SLOW : PAGES_FAST;
	const bool huge = kind == AREA_HUGE;
	const size_t pages = huge ? AREA_HUGE_BYTES / page_size() : nr;
	struct area *a =
		area_new(dev, kind, pages,
			 huge ? "a huge page that goes elsewhere" : "pages that go elsewhere");
	autofree unsigned char *buffer = xcalloc(nr, page_size());
	struct transfer t = {
		.buffer = buffer,
		.first = (pages - nr) / 2,
		.nr = nr,
		.page_ns = found->page_ns,
	};
	bool ok = a, used = false;

	for (size_t i = 0; i < found->n && ok && !used; i++) {
		t.c = consumer_open(a, &found->list[i], 0);
		ok = t.c && consumer_allow(t.c, P2PCERT_POLICY_ALLOW);
		used = ok && consumer_due(t.c, P2PCERT_POLICY_ALLOW, true) == ANSWER_GRANTED;
		for (size_t k = 0; k < ARRAY_LEN(disturbances) && used && ok && !dev->refuted;
		     k++) {
			t.d = &disturbances[k];
			ok = run_disturbance(&t);
		}
		consumer_close(t.c);
	}
	area_end(a);
	return ok;
}
