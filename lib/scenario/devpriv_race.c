/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.fault-race: threads that touch the same page at almost the same time, of a huge page that is
 * in the device and mapped in small ones. Whoever is first has the kernel split it, and must be the only
 * one who brings the page back: a page that two bring back is freed twice, and may by then be somebody
 * else's.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/devmem.h"
#include "scenario/pattern.h"

#define TOUCHERS 3
/* The kernel lets go of the pages one after the other, of this one early. */
#define TOUCHED 1

static const unsigned int trials[NR_LEVELS] = {
	[LEVEL_QUICK] = 100,
	[LEVEL_STANDARD] = 600,
	[LEVEL_FULL] = 2000,
	[LEVEL_SOAK] = 10000,
};

struct race {
	struct area *area;
	pthread_barrier_t begin, end; /* of a trial */
	bool over;
	atomic_int_least64_t took; /* the first one to touch it, ns, at the last trial */
};

struct toucher {
	struct race *race;
	pthread_t thread;
	unsigned int number; /* 0 begins */
	uint64_t drawn;
	unsigned char seen; /* the page's first byte */
};

/* --- the threads ------------------------------------------------------------------------------ */

/* The others come at any time while the first one is at it. */
static void touch(struct toucher *t)
{
	const volatile unsigned char *byte = area_page(t->race->area, TOUCHED);
	int64_t start = clock_ns();
	int64_t delay = 0;

	if (t->number)
		delay = (int64_t)(pattern_seed(t->number, t->drawn++) %
				  (uint64_t)(t->race->took + 1));
	while (clock_ns() - start < delay)
		;
	t->seen = *byte;
	if (!t->number)
		t->race->took = clock_ns() - start;
}

static void *touch_on(void *arg)
{
	struct toucher *t = arg;

	for (;;) {
		pthread_barrier_wait(&t->race->begin);
		if (t->race->over)
			return NULL;
		touch(t);
		pthread_barrier_wait(&t->race->end);
	}
}

/* --- trials ----------------------------------------------------------------------------------- */

/*
 * A new huge page with that in it is in the device, and mapped in small ones. A new mapping: page
 * tables of the one before would be in the way of huge pages. False after evidence or scn_error().
 */
static bool lay_out(struct area *a, unsigned char byte)
{
	size_t len = a->pages * page_size();
	long moved;

	if (!area_map(a, 0, a->pages, MAP_PRIVATE | MAP_ANONYMOUS, -1))
		return false;
	(void)madvise(a->start, len, MADV_HUGEPAGE);
	*area_page(a, TOUCHED) = byte;
	moved = area_to_device(a, 0, a->pages);
	if (moved == (long)a->pages && mprotect(a->start, page_size(), PROT_READ) == 0)
		return true;
	devmem_refute(a->dev, EVIDENCE_PATH, "%ld of %zu pages went to the device", moved,
		      a->pages);
	return false;
}

/* Every thread has seen what was there. */
static void judge(struct devmem *dev, const struct toucher *t, unsigned char written)
{
	for (unsigned int i = 0; i < TOUCHERS && !dev->refuted; i++)
		if (t[i].seen != written)
			devmem_refute(dev, EVIDENCE_DATA,
				      "a thread reads 0x%x, and 0x%x was written", t[i].seen,
				      written);
}

/* False when there is nothing more to see. */
static bool run_trial(struct race *r, const struct toucher *t, unsigned char byte,
		      struct p2pcert_devpriv_counters *since)
{
	if (!lay_out(r->area, byte))
		return false;
	pthread_barrier_wait(&r->begin);
	pthread_barrier_wait(&r->end);
	judge(r->area->dev, t, byte);
	return devmem_counted(r->area->dev, since) && !since->freed_twice && !r->area->dev->refuted;
}

static void run_trials(struct race *r, const struct toucher *t)
{
	struct devmem *dev = r->area->dev;
	struct p2pcert_devpriv_counters since = { 0 };
	unsigned int n = trials[scn_env(dev->ctx)->level], i = 0;

	while (i < n && run_trial(r, t, (unsigned char)~i, &since))
		i++;
	if (dev->refuted)
		return;
	if (i)
		devmem_prove(dev, EVIDENCE_DATA, "%u threads have read what was written, %u times",
			     TOUCHERS, i);
	/* what was freed twice is for devmem_run() to say, which looks at it after every scenario */
	if (since.splits)
		devmem_prove(dev, EVIDENCE_PATH, "%" PRIu64 " huge pages were split in the device",
			     (uint64_t)since.splits);
	else
		devmem_missing(dev, EVIDENCE_PATH, "no huge page was split in the device");
}

/* --- the scenario ----------------------------------------------------------------------------- */

/* How many threads have started; all, but for scn_error(). */
static unsigned int start(struct race *r, struct toucher t[TOUCHERS])
{
	int err;

	for (unsigned int i = 0; i < TOUCHERS; i++) {
		t[i] = (struct toucher){ .race = r, .number = i };
		err = pthread_create(&t[i].thread, NULL, touch_on, &t[i]);
		if (!err)
			continue;
		scn_error(r->area->dev->ctx, ERROR_SETUP, "no thread: %s", strerror(err));
		return i;
	}
	return TOUCHERS;
}

/* Threads that wait for others which never came end with the process. */
static bool race(struct race *r)
{
	struct toucher t[TOUCHERS];

	pthread_barrier_init(&r->begin, NULL, TOUCHERS + 1);
	pthread_barrier_init(&r->end, NULL, TOUCHERS + 1);
	if (start(r, t) < TOUCHERS)
		return false;
	run_trials(r, t);
	r->over = true;
	pthread_barrier_wait(&r->begin);
	for (unsigned int i = 0; i < TOUCHERS; i++)
		pthread_join(t[i].thread, NULL);
	pthread_barrier_destroy(&r->begin);
	pthread_barrier_destroy(&r->end);
	return true;
}

static bool body_race(struct devmem *dev)
{
	static const size_t len = AREA_HUGE_BYTES;
	struct race r = { .area = area_new(dev, AREA_HUGE, len / page_size(), "touched") };
	bool ok = r.area && race(&r);

	area_end(r.area);
	return ok;
}

DEVMEM_SCENARIO(race, "fault-race",
		"a page of a huge one that threads touch together comes back once", 60);
