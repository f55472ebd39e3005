/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.p2p-alias-huge: another device uses parts of a huge page that is in a device, in place. The page
 * must stay there and stay huge, and what is used must be the part that was asked for; what is refused comes
 * back to memory. A huge page that goes, or is split, while parts of it are mapped takes the address
 * with it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/devpriv_alias.h"

static size_t huge_pages(void)
{
	return AREA_HUGE_BYTES / page_size();
}

/* --- a huge page in the device ------------------------------------------------------------------ */

/* Evidence path unless each page is in the device and a part of a huge one. */
static bool expect_huge(struct area *a, const char *when)
{
	autofree uint64_t *holds = xcalloc(a->pages, sizeof(*holds));
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)a->start,
		.length = a->pages * page_size(),
		.buffer = (uintptr_t)holds,
	};
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_HOLDS, &x);

	if (!err)
		err = x.result;
	if (err) {
		devmem_missing(a->dev, EVIDENCE_PATH, "%s: how it is held is not told: %s", a->name,
			       errno_text(err));
		return false;
	}
	for (size_t i = 0; i < a->pages; i++) {
		if (holds[i] && (size_t)1 << P2PCERT_HOLD_ORDER(holds[i]) == a->pages)
			continue;
		devmem_refute(a->dev, EVIDENCE_PATH, "%s, page %zu, %s: %s", a->name, i, when,
			      holds[i] ? "the huge page was split" : "it is not in the device");
		return false;
	}
	devmem_prove(a->dev, EVIDENCE_PATH, "%s: one huge page in the device %s", a->name, when);
	return true;
}

/*
 * A new huge page, filled, in the device. NULL with *ok if that is all there is to say: the machine has
 * none to give, or evidence of what went wrong.
 */
static struct area *send_huge(struct devmem *dev, const char *name, bool *ok)
{
	struct area *a = area_new(dev, AREA_HUGE, huge_pages(), name);
	struct p2pcert_devpriv_counters before = { 0 }, now = { 0 };

	*ok = a;
	if (!a)
		return NULL;
	area_fill(a, 0, a->pages);
	if (devmem_counted(dev, &before) && area_send(a, 0, a->pages) &&
	    devmem_counted(dev, &now) && now.huge_to_device != before.huge_to_device)
		return a;
	if (!dev->refuted) {
		devmem_skip(dev, SKIP_RESOURCE_BUSY,
			    "no huge page goes to the device as one: there was none to fill");
		*ok = false;
	}
	area_end(a);
	return NULL;
}

/* --- parts of it under each policy -------------------------------------------------------------- */

/* Of which none begins where the huge page does, but one. */
static const struct spot {
	enum { AT_START, AT_MIDDLE, AT_END } at;
	size_t nr;
} spots[] = { { AT_MIDDLE, 3 }, { AT_END, 2 }, { AT_START, 2 } };

static size_t first_of(const struct spot *s)
{
	switch (s->at) {
	case AT_START:
		return 0;
	case AT_MIDDLE:
		return huge_pages() / 2 - 1;
	case AT_END:
		return huge_pages() - s->nr;
	}
	return 0;
}

static size_t pages_of_spots(void)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(spots); i++)
		n += spots[i].nr;
	return n;
}

/* A huge page that the consumer uses parts of. */
struct part {
	struct consumer *c;
	uint32_t policy;
	bool write;
	const char *when;
};

/*
 * Each page was granted and copied in place, and a part of the huge page was mapped as one; or the first
 * part was refused page by page, and then all of it was in memory.
 */
static void judge_answers(const struct part *p, enum answer due)
{
	struct area *a = p->c->area;
	const bool granted = due == ANSWER_GRANTED;
	const uint64_t all = pages_of_spots();
	struct p2pcert_devpriv_consumer_counters since = { 0 };
	uint64_t refused;

	if (!consumer_counted(p->c, &since))
		return;
	refused = since.denied + since.unmapped + since.none;
	if (since.granted == (granted ? all : 0) && refused == (granted ? 0 : spots[0].nr) &&
	    since.fallbacks == refused && since.alias_copied == since.granted &&
	    since.memory_copied == all - since.granted &&
	    (!granted || since.mappings == ARRAY_LEN(spots)))
		devmem_prove(a->dev, EVIDENCE_COUNTERS,
			     "%s, %s: %" PRIu64 " pages in place, by %" PRIu64
			     " mappings, and %" PRIu64 " in memory",
			     a->name, p->when, (uint64_t)since.alias_copied,
			     (uint64_t)since.mappings, (uint64_t)since.memory_copied);
	else
		devmem_refute(a->dev, EVIDENCE_COUNTERS,
			      "%s, %s: %" PRIu64 " pages should be %s: %" PRIu64
			      " were granted and %" PRIu64 " refused, %" PRIu64
			      " copied in place and %" PRIu64 " in memory, by %" PRIu64 " mappings",
			      a->name, p->when, all, granted ? "used in place" : "in memory",
			      (uint64_t)since.granted, refused, (uint64_t)since.alias_copied,
			      (uint64_t)since.memory_copied, (uint64_t)since.mappings);
}

/* Nothing was moved or split, or all of it came back as one. */
static void judge_owner(const struct part *p, const struct p2pcert_devpriv_counters *before,
			bool granted)
{
	struct area *a = p->c->area;
	const uint64_t due = granted ? 0 : a->pages;
	struct p2pcert_devpriv_counters now;

	if (!devmem_counted(a->dev, &now))
		return;
	if (now.pages_to_ram - before->pages_to_ram != due ||
	    now.huge_to_ram - before->huge_to_ram != !granted || now.splits != before->splits)
		devmem_refute(a->dev, EVIDENCE_COUNTERS,
			      "%s, %s: %" PRIu64 " pages should have come back: %" PRIu64
			      " did, %" PRIu64 " huge ones whole, and %" PRIu64 " were split",
			      a->name, p->when, due,
			      (uint64_t)(now.pages_to_ram - before->pages_to_ram),
			      (uint64_t)(now.huge_to_ram - before->huge_to_ram),
			      (uint64_t)(now.splits - before->splits));
}

static bool use_spot(const struct part *p, const struct spot *s)
{
	return p->write ? consumer_write(p->c, first_of(s), s->nr)
			: consumer_check(p->c, first_of(s), s->nr, p->when);
}

static void use_parts(const struct part *p)
{
	struct area *a = p->c->area;
	const enum answer due = consumer_due(p->c, p->policy, p->write);
	const bool granted = due == ANSWER_GRANTED;
	struct p2pcert_devpriv_consumer_counters since;
	struct p2pcert_devpriv_counters before;

	if (!devmem_counted(a->dev, &before) || !consumer_counted(p->c, &since))
		return;
	for (size_t i = 0; i < ARRAY_LEN(spots); i++)
		if (!use_spot(p, &spots[i]))
			return;
	for (size_t i = 0; i < ARRAY_LEN(spots); i++)
		consumer_look(p->c, first_of(&spots[i]), spots[i].nr,
			      granted ? USE_ALIAS : USE_MEMORY, p->when);
	area_look(a, 0, a->pages, granted ? AREA_AWAY : AREA_IN_RAM, p->when);
	judge_answers(p, due);
	judge_owner(p, &before, granted);
	if (granted && expect_huge(a, p->when))
		area_check_device(a, 0, a->pages, p->when);
	area_check(a, 0, a->pages, "used by another device");
	consumer_not_stale(p->c, "when the CPU has it");
	area_fill(a, first_of(&spots[0]), 1);
	consumer_check(p->c, first_of(&spots[0]), 1, "written by the CPU when it has it");
}

static const struct {
	const char *name;
	uint32_t policy;
	bool write;
} ways[] = {
	{ "read, when it may read and write", P2PCERT_POLICY_ALLOW, false },
	{ "written, when it may read and write", P2PCERT_POLICY_ALLOW, true },
	{ "read, when it may read", P2PCERT_POLICY_READ_ONLY, false },
	{ "written, when it may read", P2PCERT_POLICY_READ_ONLY, true },
	{ "read, when it may do nothing", P2PCERT_POLICY_DENY, false },
};

/* False after scn_error() or devmem_skip(). */
static bool run_way(struct devmem *dev, const struct dmachan *chan, size_t i)
{
	autofree char *name = xasprintf("a huge page of %s", chan->name);
	struct part p = { .policy = ways[i].policy, .write = ways[i].write, .when = ways[i].name };
	bool ok;
	struct area *a = send_huge(dev, name, &ok);

	if (!a)
		return ok;
	p.c = consumer_open(a, chan, 0);
	ok = p.c && consumer_allow(p.c, p.policy);
	if (ok)
		use_parts(&p);
	consumer_close(p.c);
	area_end(a);
	return ok;
}

/* --- what happens to it while parts are mapped -------------------------------------------------- */

#define USED 3 /* pages, in the middle */

static size_t first_used(void)
{
	return huge_pages() / 2;
}

static void write_one(struct area *a)
{
	area_fill(a, first_used() + 1, 1);
}

static void drop_one(struct area *a)
{
	(void)madvise(area_page(a, first_used() + 1), page_size(), MADV_DONTNEED);
	area_expect(a, first_used() + 1, 1, 0);
}

static void protect_one(struct area *a)
{
	if (mprotect(area_page(a, first_used() + 1), page_size(), PROT_READ) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: mprotect() fails: %s", a->name,
			      strerror(errno));
}

/* And where what is used is found after it. */
static const struct happening {
	const char *name;
	void (*happen)(struct area *a);
	enum use use[USED];
} happenings[] = {
	{ "after the CPU wrote one page", write_one, { USE_MEMORY, USE_MEMORY, USE_MEMORY } },
	{ "after eviction", alias_evict, { USE_MEMORY, USE_MEMORY, USE_MEMORY } },
	{ "after MADV_DONTNEED of one page", drop_one, { USE_ALIAS, USE_MEMORY, USE_ALIAS } },
	{ "after mprotect() of one page", protect_one, { USE_ALIAS, USE_ALIAS, USE_ALIAS } },
};

static void run_happening(struct consumer *c, const struct happening *h)
{
	struct area *a = c->area;
	const size_t first = first_used();
	struct p2pcert_devpriv_consumer_counters since = { 0 };

	if (!consumer_write(c, first, USED) ||
	    !consumer_look(c, first, USED, USE_ALIAS, "written in place") ||
	    !consumer_counted(c, &since))
		return;
	h->happen(a);
	consumer_look(c, first, USED, USE_NONE, h->name);
	consumer_not_stale(c, h->name);
	consumer_check(c, first, USED, h->name);
	for (size_t i = 0; i < USED; i++)
		consumer_look(c, first + i, 1, h->use[i], h->name);
	if (consumer_counted(c, &since) && since.invalidated < USED)
		devmem_refute(a->dev, EVIDENCE_COUNTERS, "%s, %s: %" PRIu64 " uses ended, not %d",
			      a->name, h->name, (uint64_t)since.invalidated, USED);
	area_check(a, 0, a->pages, h->name);
	consumer_not_stale(c, "when the CPU has it");
}

/* By the first that reaches the memory. False after scn_error() or devmem_skip(). */
static bool run_happenings(struct devmem *dev, const struct dmachan *chan, bool *reaches)
{
	bool ok = true;

	*reaches = true;
	for (size_t i = 0; i < ARRAY_LEN(happenings) && ok && *reaches && !dev->refuted; i++) {
		struct area *a = send_huge(dev, "a huge page that changes", &ok);
		struct consumer *c = a ? consumer_open(a, chan, 0) : NULL;

		ok &= !a || (c && consumer_allow(c, P2PCERT_POLICY_ALLOW));
		*reaches = !c || consumer_due(c, P2PCERT_POLICY_ALLOW, true) == ANSWER_GRANTED;
		if (ok && c && *reaches)
			run_happening(c, &happenings[i]);
		consumer_close(c);
		area_end(a);
	}
	return ok;
}

/* --- the scenario ------------------------------------------------------------------------------- */

static bool body_p2p_alias_huge(struct devmem *dev)
{
	struct consumers found;
	bool ok = consumers_find(dev, 0, &found);
	bool reaches = false;
	/* memory has no alias for anybody */
	const size_t nr_ways = dev->is_bar ? ARRAY_LEN(ways) : 1;

	for (size_t i = 0; i < found.n; i++)
		for (size_t k = 0; k < nr_ways && ok && !dev->refuted; k++)
			ok = run_way(dev, &found.list[i], k);
	if (!dev->is_bar)
		return ok;
	for (size_t i = 0; i < found.n && ok && !reaches && !dev->refuted; i++)
		ok = run_happenings(dev, &found.list[i], &reaches);
	return ok && (dev->refuted || alias_during(dev, &found, AREA_HUGE));
}

static enum outcome run_p2p_alias_huge(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_p2p_alias_huge);
}

const struct scenario scenario_devpriv_p2p_alias_huge = {
	.id = "devpriv.p2p-alias-huge",
	.title = "another device uses parts of a huge page in device memory in place",
	.NEEDS(DEVMEM_NEEDS, CONSUMER_NEEDS, { NEED_FEATURE, "device_private_thp" }),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_STANDARD,
	.seconds = 120,
	.FAULTS(DEVMEM_FAULT_NAMES, "map-fails", "stale-address", "policy-ignored",
		"revoke-ignored"),
	.run = run_p2p_alias_huge,
};
