/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: memory that one thread throws away (MADV_DONTNEED) while another brings it back
 * from the device. The page that is being moved must stay until its mover has let go of it; the
 * process then has zero pages.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "scenario/devmem.h"

#define ROUNDS 20
#define MEETINGS 3

/* Copying the first pages takes so much longer that there is time to throw them away. */
static const struct p2pcert_faults slow = { .mask = P2PCERT_FAULT_DELAY, .times = 16 };

struct mover {
	struct area *area;
	atomic_bool done;
	uint64_t moved;
	int err;
};

static void *bring_back(void *arg)
{
	struct mover *m = arg;
	struct p2pcert_devpriv_range range = {
		.addr = (uintptr_t)m->area->start,
		.length = m->area->pages * page_size(),
	};

	m->err = modfd_ioctl(m->area->dev->fd, P2PCERT_IOC_DEVPRIV_TO_RAM, &range);
	if (!m->err)
		m->err = range.result;
	m->moved = range.pages;
	atomic_store(&m->done, true);
	return NULL;
}

static uint64_t copied(struct devmem *dev)
{
	struct p2pcert_devpriv_counters c;

	return modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &c) ? 0 : c.cpu_copied;
}

/* Waits until the mover has copied a page, and so has all of them in its hands. */
static void wait_for(struct mover *m, uint64_t before)
{
	const struct timespec moment = { .tv_nsec = 1000 * 1000 };

	while (!atomic_load(&m->done) && copied(m->area->dev) == before)
		nanosleep(&moment, NULL);
}

/*
 * Did the mover have pages in its hands when they were thrown away? False also after evidence, or if it
 * lost them.
 */
static bool meet(struct area *a)
{
	struct mover m = { .area = a };
	pthread_t thread;
	bool met = false;
	uint64_t before;
	int err;

	area_fill(a, 0, a->pages);
	if (!area_send(a, 0, a->pages) || !devmem_set_faults(a->dev, slow))
		return false;
	before = copied(a->dev);
	err = pthread_create(&thread, NULL, bring_back, &m);
	if (err) {
		devmem_missing(a->dev, EVIDENCE_DATA, "no thread: %s", strerror(err));
		return false;
	}
	wait_for(&m, before);
	if (madvise(a->start, a->pages * page_size(), MADV_DONTNEED) < 0)
		devmem_missing(a->dev, EVIDENCE_DATA, "MADV_DONTNEED fails: %s", strerror(errno));
	else
		met = !atomic_load(&m.done);
	pthread_join(thread, NULL);
	if (m.err)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: bringing pages back fails: %s", a->name,
			      errno_text(m.err));
	area_expect(a, 0, a->pages, 0);
	area_check(a, 0, a->pages, "after they were thrown away");
	return met && m.moved;
}

/* The mover's references, which nobody else may drop, are all there. Evidence if not. */
static bool keeps_references(struct area *a)
{
	struct p2pcert_devpriv_counters c;

	if (!devmem_counted(a->dev, &c))
		return false;
	if (!c.references_lost)
		return true;
	devmem_refute(a->dev, EVIDENCE_COUNTERS,
		      "%s: a reference of a page that was being brought back was dropped when it "
		      "was thrown away",
		      a->name);
	scn_finding(a->dev->ctx, "HMM-ZAP-MOVING-HUGE", NULL, 0,
		    "%s: %s that is thrown away while it is brought back loses a reference of who "
		    "brings it back, and may be freed while it is copied",
		    a->dev->name, a->name);
	return false;
}

static void judge(struct area *a, unsigned int meetings)
{
	if (!meetings)
		devmem_missing(a->dev, EVIDENCE_COUNTERS,
			       "%s: in %d rounds they were never thrown away in time", a->name,
			       ROUNDS);
	else
		devmem_prove(a->dev, EVIDENCE_COUNTERS,
			     "%s: thrown away %u times while they were brought back, no "
			     "reference was lost",
			     a->name, meetings);
}

static bool run_kind(struct devmem *dev, enum area_kind kind, const char *name)
{
	struct area *a = area_new(dev, kind, AREA_HUGE_BYTES / page_size(), name);
	unsigned int meetings = 0;
	bool right = true;

	if (!a)
		return false;
	for (unsigned int i = 0; i < ROUNDS && meetings < MEETINGS && right && !dev->refuted; i++) {
		meetings += meet(a);
		right = keeps_references(a);
	}
	if (right && !dev->refuted)
		judge(a, meetings);
	area_end(a);
	return true;
}

static bool body_zap(struct devmem *dev)
{
	return run_kind(dev, AREA_PRIVATE, "pages") &&
	       (dev->refuted || run_kind(dev, AREA_HUGE, "a huge page"));
}

DEVMEM_SCENARIO(zap, "zap-moving",
		"memory that is thrown away while it is brought back stays until its mover lets go",
		60);
