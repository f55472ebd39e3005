/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.p2p-alias: another device reads and writes memory that is in a device, in place. What the
 * owner lets it do it must be able to do without a page moving; what it is refused must come back to
 * memory, that page alone, and be right there. devpriv.p2p-kernel-api: the same where the kernel asks
 * the owner.
 */
#include "scenario/devpriv_alias.h"

#include <inttypes.h>
#include <sys/mman.h>

#include "base/alloc.h"

#define PAGES 3

/* --- what is asked, and what comes of it -------------------------------------------------------- */

/* One access to pages that are all in the device. */
struct step {
	struct consumer *c;
	bool write;
	enum answer due;
	const char *when;
};

static const struct {
	const char *name;
	size_t counter; /* of the consumer's counters */
} answers[] = {
	[ANSWER_GRANTED] = { "granted",
			     offsetof(struct p2pcert_devpriv_consumer_counters, granted) },
	[ANSWER_DENIED] = { "denied", offsetof(struct p2pcert_devpriv_consumer_counters, denied) },
	[ANSWER_UNMAPPED] = { "not mapped",
			      offsetof(struct p2pcert_devpriv_consumer_counters, unmapped) },
	[ANSWER_NONE] = { "without alias",
			  offsetof(struct p2pcert_devpriv_consumer_counters, none) },
};

static uint64_t counter_of(const struct p2pcert_devpriv_consumer_counters *since, size_t which)
{
	return *(const uint64_t *)((const char *)since + answers[which].counter);
}

/*
 * Each page was asked for once, got the answer that was due, and was copied where it then was. What the
 * kernel asks for itself and is refused it brings back at once, and the consumer does not hear of it.
 */
static bool are_answered(const struct step *s,
			 const struct p2pcert_devpriv_consumer_counters *since, uint64_t pages)
{
	const bool granted = s->due == ANSWER_GRANTED;
	const bool told = !s->c->by_kernel || granted || s->due == ANSWER_UNMAPPED;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (counter_of(since, i) != (told && i == (size_t)s->due ? pages : 0))
			return false;
	return since->fallbacks == (granted || !told ? 0 : pages) &&
	       since->alias_copied == (granted ? pages : 0) &&
	       since->memory_copied == (granted ? 0 : pages);
}

static void judge_answers(const struct step *s, uint64_t pages)
{
	struct devmem *dev = s->c->area->dev;
	struct p2pcert_devpriv_consumer_counters since = { 0 };

	if (!consumer_counted(s->c, &since))
		return;
	if (are_answered(s, &since, pages))
		devmem_prove(dev, EVIDENCE_COUNTERS, "%s: of %s %" PRIu64 " pages were %s",
			     s->c->area->name, s->c->name, pages, answers[s->due].name);
	else
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "%s, %s: of %s %" PRIu64 " pages should be %s: %" PRIu64
			      " were granted, %" PRIu64 " denied, %" PRIu64 " not mapped, %" PRIu64
			      " without alias; %" PRIu64 " came back, %" PRIu64
			      " were copied in place, %" PRIu64 " in memory",
			      s->c->area->name, s->when, s->c->name, pages, answers[s->due].name,
			      (uint64_t)since.granted, (uint64_t)since.denied,
			      (uint64_t)since.unmapped, (uint64_t)since.none,
			      (uint64_t)since.fallbacks, (uint64_t)since.alias_copied,
			      (uint64_t)since.memory_copied);
}

/* The owner moved what had to come back, and nothing else. */
static void judge_owner(const struct step *s, const struct p2pcert_devpriv_counters *before,
			uint64_t pages)
{
	struct devmem *dev = s->c->area->dev;
	const uint64_t due = s->due == ANSWER_GRANTED ? 0 : pages;
	struct p2pcert_devpriv_counters now;

	if (!devmem_counted(dev, &now))
		return;
	if (now.pages_to_ram - before->pages_to_ram != due ||
	    now.cpu_faults - before->cpu_faults != due ||
	    now.pages_evicted != before->pages_evicted)
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "%s, %s: %" PRIu64 " pages should have come back: %" PRIu64
			      " did, after %" PRIu64 " faults",
			      s->c->area->name, s->when, due,
			      (uint64_t)(now.pages_to_ram - before->pages_to_ram),
			      (uint64_t)(now.cpu_faults - before->cpu_faults));
	else
		devmem_prove(dev, EVIDENCE_COUNTERS, "%s: %" PRIu64 " pages came back, %s by %s",
			     s->c->area->name, due, s->when, s->c->name);
}

/* The consumer reads or writes all pages of its area, which are all in the device. */
static void take_step(const struct step *s)
{
	struct area *a = s->c->area;
	const bool granted = s->due == ANSWER_GRANTED;
	struct p2pcert_devpriv_consumer_counters since;
	struct p2pcert_devpriv_counters before;

	if (!devmem_counted(a->dev, &before) || !consumer_counted(s->c, &since))
		return;
	if (s->write ? !consumer_write(s->c, 0, a->pages)
		     : !consumer_check(s->c, 0, a->pages, s->when))
		return;
	area_look(a, 0, a->pages, granted ? AREA_AWAY : AREA_IN_RAM, s->when);
	consumer_look(s->c, 0, a->pages, granted ? USE_ALIAS : USE_MEMORY, s->when);
	judge_answers(s, a->pages);
	judge_owner(s, &before, a->pages);
	/* the owner sees what its memory holds now */
	if (granted && s->write)
		area_check_device(a, 0, a->pages, s->when);
}

/* --- one consumer under each policy ------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t policy;
} policies[] = {
	{ "it may read and write", P2PCERT_POLICY_ALLOW },
	{ "it may read", P2PCERT_POLICY_READ_ONLY },
	{ "it may do nothing", P2PCERT_POLICY_DENY },
};

/* Reads, and then writes, both times what is in the device. False after scn_error(). */
static bool use_area(struct consumer *c, uint32_t policy)
{
	struct step reads = { .c = c, .due = consumer_due(c, policy, false), .when = "read" };
	struct step writes = { .c = c, .write = true, .when = "written" };
	struct area *a = c->area;

	writes.due = consumer_due(c, policy, true);
	if (!consumer_allow(c, policy))
		return false;
	area_fill(a, 0, a->pages);
	if (!area_send(a, 0, a->pages))
		return true;
	take_step(&reads);
	if (reads.due != ANSWER_GRANTED && !area_send(a, 0, a->pages))
		return true;
	if (!a->dev->refuted)
		take_step(&writes);
	/* and the CPU has it from wherever it is, and with it the page, which another device then finds */
	area_check(a, 0, a->pages, "used by another device");
	consumer_not_stale(c, "when the CPU has it");
	area_fill(a, 0, 1);
	consumer_check(c, 0, 1, "written by the CPU when it has it");
	return true;
}

static bool run_policy(struct devmem *dev, const struct dmachan *chan, size_t i, uint32_t flags)
{
	autofree char *name = xasprintf("%s under '%s'", chan->name, policies[i].name);
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, name);
	struct consumer *c = a ? consumer_open(a, chan, flags) : NULL;
	bool ok = c && use_area(c, policies[i].policy);

	consumer_close(c);
	area_end(a);
	return ok;
}

/* --- a range of which some is granted ----------------------------------------------------------- */

/* What becomes of each page; with every second mapping of an alias failing. */
enum { MIX_MEMORY, MIX_FIRST, MIX_OTHER_DEVICE, MIX_SECOND, MIX_UNTOUCHED, MIX_THIRD, MIX_PAGES };

static void judge_mix(struct consumer *c)
{
	static const bool away[MIX_PAGES] = { [MIX_FIRST] = true, [MIX_THIRD] = true };
	struct devmem *dev = c->area->dev;
	struct p2pcert_devpriv_consumer_counters since = { 0 };

	for (size_t i = 0; i < MIX_PAGES; i++) {
		area_look(c->area, i, 1, away[i] ? AREA_AWAY : AREA_IN_RAM, "after all were used");
		consumer_look(c, i, 1, away[i] ? USE_ALIAS : USE_MEMORY, "after all were used");
	}
	if (!consumer_counted(c, &since))
		return;
	if (since.granted != 2 || since.unmapped != 1 || since.fallbacks != 1)
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "%s: of three aliases one should not be mapped: %" PRIu64
			      " were, %" PRIu64 " not, and %" PRIu64 " pages came back for it",
			      c->area->name, (uint64_t)since.granted, (uint64_t)since.unmapped,
			      (uint64_t)since.fallbacks);
	else
		devmem_prove(dev, EVIDENCE_COUNTERS,
			     "%s: two of three aliases were mapped, and one page came back",
			     c->area->name);
}

static bool use_mix(struct consumer *c, struct area *by_other)
{
	const struct p2pcert_faults half = { .mask = P2PCERT_FAULT_MAP_FAILS, .every = 2 };
	struct area *a = c->area;
	struct p2pcert_devpriv_consumer_counters since;
	bool right;

	area_fill(a, 0, MIX_UNTOUCHED);
	area_fill(a, MIX_THIRD, 1);
	if (!area_send(a, MIX_FIRST, 1) || !area_send(a, MIX_SECOND, 1) ||
	    !area_send(a, MIX_THIRD, 1) || !area_send(by_other, MIX_OTHER_DEVICE, 1))
		return true;
	if (!consumer_allow(c, P2PCERT_POLICY_ALLOW) || !consumer_set_faults(c, half))
		return false;
	if (!consumer_counted(c, &since))
		return true;
	right = consumer_write(c, 0, MIX_PAGES);
	if (!consumer_set_faults(c, (struct p2pcert_faults){ 0 }))
		return false;
	if (right)
		judge_mix(c);
	area_check(a, 0, MIX_PAGES, "written by another device");
	return true;
}

/* Only the page whose alias cannot be mapped comes back, beside others of all kinds. */
static bool run_mix(struct devmem *dev, const struct dmachan *chan)
{
	struct devmem *other = devmem_open_ram(dev->ctx, 1);
	struct area *a = other ? area_new(dev, AREA_PRIVATE, MIX_PAGES, "mixed pages") : NULL;
	struct consumer *c = a ? consumer_open(a, chan, 0) : NULL;
	struct area by_other;
	bool ok = true;

	if (c && consumer_due(c, P2PCERT_POLICY_ALLOW, true) == ANSWER_GRANTED) {
		by_other = *a;
		by_other.dev = other;
		ok = use_mix(c, &by_other);
		dev->refuted |= other->refuted;
	}
	ok &= c != NULL;
	consumer_close(c);
	area_end(a);
	devmem_close(other);
	return ok;
}

/* --- what the CPU and the owner do between two uses --------------------------------------------- */

static void by_cpu(struct area *a)
{
	area_fill(a, 0, a->pages);
}

void alias_evict(struct area *a)
{
	struct p2pcert_devpriv_evict e = { .pages = a->pages };
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_EVICT, &e);

	if (err || e.evicted != a->pages)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: %" PRIu64 " of %zu pages were evicted",
			      a->name, (uint64_t)e.evicted, a->pages);
}

static void by_dontneed(struct area *a)
{
	(void)madvise(a->start, a->pages * page_size(), MADV_DONTNEED);
	area_expect(a, 0, a->pages, 0);
}

static const struct {
	const char *name;
	void (*change)(struct area *a);
} changes[] = {
	{ "after the CPU wrote", by_cpu },
	{ "after eviction", alias_evict },
	{ "after MADV_DONTNEED", by_dontneed },
};

/* What the consumer has mapped in place goes elsewhere, and it must find that. */
static void change(struct consumer *c, size_t i)
{
	struct area *a = c->area;
	struct p2pcert_devpriv_consumer_counters since = { 0 };

	area_fill(a, 0, a->pages);
	if (!area_send(a, 0, a->pages) || !consumer_write(c, 0, a->pages) ||
	    !consumer_look(c, 0, a->pages, USE_ALIAS, "written in place") ||
	    !consumer_counted(c, &since))
		return;
	changes[i].change(a);
	consumer_look(c, 0, a->pages, USE_NONE, changes[i].name);
	consumer_check(c, 0, a->pages, changes[i].name);
	if (consumer_counted(c, &since) && since.invalidated < a->pages)
		devmem_refute(a->dev, EVIDENCE_COUNTERS,
			      "%s, %s: %" PRIu64 " mappings ended, not %zu", a->name,
			      changes[i].name, (uint64_t)since.invalidated, a->pages);
}

static bool run_changes(struct devmem *dev, const struct dmachan *chan)
{
	struct area *a = area_new(dev, AREA_PRIVATE, 2, "pages that are changed");
	struct consumer *c = a ? consumer_open(a, chan, 0) : NULL;
	bool ok = c && consumer_allow(c, P2PCERT_POLICY_ALLOW);

	if (ok && consumer_due(c, P2PCERT_POLICY_ALLOW, true) == ANSWER_GRANTED)
		for (size_t i = 0; i < ARRAY_LEN(changes) && !dev->refuted; i++)
			change(c, i);
	consumer_close(c);
	area_end(a);
	return ok;
}

/* --- the scenarios ------------------------------------------------------------------------------ */

static bool body_p2p_alias(struct devmem *dev)
{
	struct consumers found;
	bool ok = consumers_find(dev, 0, &found);
	/* memory has no alias for anybody */
	const size_t nr_policies = dev->is_bar ? ARRAY_LEN(policies) : 1;

	for (size_t i = 0; i < found.n; i++)
		for (size_t k = 0; k < nr_policies && ok && !dev->refuted; k++)
			ok = run_policy(dev, &found.list[i], k, 0);
	if (!dev->is_bar)
		return ok;
	for (size_t i = 0; i < found.n && ok && !dev->refuted; i++)
		ok = run_mix(dev, &found.list[i]) && run_changes(dev, &found.list[i]);
	if (ok && !dev->refuted)
		ok = alias_recalled(dev, &found);
	if (ok && !dev->refuted)
		ok = alias_during(dev, &found, AREA_PRIVATE);
	if (ok && !dev->refuted)
		ok = alias_at_once(dev, &found);
	if (ok && !dev->refuted)
		ok = alias_gone(dev, &found);
	return ok;
}

static enum outcome run_p2p_alias(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_p2p_alias);
}

const struct scenario scenario_devpriv_p2p_alias = {
	.id = "devpriv.p2p-alias",
	.title = "another device uses device memory in place where it may, and else in memory",
	.NEEDS(DEVMEM_NEEDS, CONSUMER_NEEDS),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_STANDARD,
	.seconds = 120,
	.FAULTS(DEVMEM_FAULT_NAMES, CONSUMER_FAULT_NAMES),
	.run = run_p2p_alias,
};

/* What the kernel asks does not say for whom: there is no answer for one function alone. */
static bool body_p2p_kernel_api(struct devmem *dev)
{
	struct consumers found;
	bool ok = consumers_find(dev, P2PCERT_CONSUMER_KERNEL, &found);

	for (size_t i = 0; i < found.n && ok && !dev->refuted; i++)
		ok = run_policy(dev, &found.list[i], 0, P2PCERT_CONSUMER_KERNEL);
	return ok;
}

static enum outcome run_p2p_kernel_api(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_p2p_kernel_api);
}

const struct scenario scenario_devpriv_p2p_kernel_api = {
	.id = "devpriv.p2p-kernel-api",
	.title = "the kernel lets another device use device memory in place",
	.NEEDS(DEVMEM_NEEDS, CONSUMER_NEEDS, { NEED_FEATURE, "device_private_p2p" }),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_STANDARD,
	.seconds = 60,
	.FAULTS(DEVMEM_FAULT_NAMES, CONSUMER_FAULT_NAMES),
	.run = run_p2p_kernel_api,
};
