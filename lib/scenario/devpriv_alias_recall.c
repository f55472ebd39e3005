/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.p2p-alias: the owner changes its mind. What a consumer has in use and may have no more it must
 * have ceased to use when the owner's call returns, while no page moves; what it may still do it goes on
 * doing in place, and for the rest a page comes back to memory, as of one that never might.
 */
#include "scenario/devpriv_alias.h"

#include <inttypes.h>

#define PAGES 2

/* What is in use in place, what the owner then says, and what is right after that. */
struct recall {
	const char *name;
	bool written; /* in use for writing, else for reading */
	uint32_t policy;
	bool ends; /* what is in use */
};

static const struct recall recalls[] = {
	{ "read, and then forbidden", false, P2PCERT_POLICY_DENY, true },
	{ "written, and then forbidden", true, P2PCERT_POLICY_DENY, true },
	{ "written, and then to be read only", true, P2PCERT_POLICY_READ_ONLY, true },
	{ "read, and then to be read only", false, P2PCERT_POLICY_READ_ONLY, false },
	{ "written, and then allowed once more", true, P2PCERT_POLICY_ALLOW, false },
};

/* Puts the pages into the device and uses all of them in place. False after evidence. */
static bool use_in_place(struct consumer *c, bool write)
{
	struct area *a = c->area;

	area_fill(a, 0, a->pages);
	return area_send(a, 0, a->pages) &&
	       (write ? consumer_write(c, 0, a->pages)
		      : consumer_check(c, 0, a->pages, "allowed")) &&
	       consumer_look(c, 0, a->pages, USE_ALIAS, "allowed");
}

static void judge_recalled(struct consumer *c, const struct recall *r)
{
	struct area *a = c->area;
	const uint64_t due = r->ends ? a->pages : 0;
	struct p2pcert_devpriv_consumer_counters since = { 0 };

	consumer_look(c, 0, a->pages, r->ends ? USE_NONE : USE_ALIAS, r->name);
	area_look(a, 0, a->pages, AREA_AWAY, r->name);
	if (!consumer_counted(c, &since))
		return;
	if (since.recalled != due || since.invalidated)
		devmem_refute(a->dev, EVIDENCE_COUNTERS,
			      "%s, %s: %" PRIu64 " mappings of %s should end by the owner: %" PRIu64
			      " did, and %" PRIu64 " by the kernel",
			      a->name, r->name, due, c->name, (uint64_t)since.recalled,
			      (uint64_t)since.invalidated);
	else
		devmem_prove(a->dev, EVIDENCE_COUNTERS,
			     "%s: the owner ended %" PRIu64 " mappings of %s", r->name, due,
			     c->name);
}

/* The consumer reads or writes once more, in place or, where it may not, in memory. */
static void use_again(struct consumer *c, const struct recall *r, bool write)
{
	struct area *a = c->area;
	const bool granted = consumer_due(c, r->policy, write) == ANSWER_GRANTED;
	struct p2pcert_devpriv_consumer_counters since = { 0 };

	if (write)
		consumer_write(c, 0, a->pages);
	else
		consumer_check(c, 0, a->pages, r->name);
	area_look(a, 0, a->pages, granted ? AREA_AWAY : AREA_IN_RAM, r->name);
	consumer_look(c, 0, a->pages, granted ? USE_ALIAS : USE_MEMORY, r->name);
	if (consumer_counted(c, &since) &&
	    (granted ? since.alias_copied : since.memory_copied) != a->pages)
		devmem_refute(a->dev, EVIDENCE_COUNTERS,
			      "%s, %s: %s copied %" PRIu64 " pages in place and %" PRIu64
			      " in memory",
			      a->name, r->name, c->name, (uint64_t)since.alias_copied,
			      (uint64_t)since.memory_copied);
}

/* Another consumer, if there is one, is not concerned. False after scn_error(). */
static bool recall(struct consumer *c, struct consumer *other, const struct recall *r)
{
	struct area *a = c->area;
	struct p2pcert_devpriv_consumer_counters since;

	if (!consumer_allow(c, P2PCERT_POLICY_ALLOW))
		return false;
	if (!use_in_place(c, r->written) || !consumer_counted(c, &since))
		return true;
	if (other)
		consumer_check(other, 0, a->pages, "allowed to another");
	if (!consumer_allow(c, r->policy))
		return false;
	judge_recalled(c, r);
	if (other)
		consumer_look(other, 0, a->pages, USE_ALIAS, r->name);
	use_again(c, r, false);
	if (r->written)
		use_again(c, r, true);
	area_check(a, 0, a->pages, r->name);
	return true;
}

/* The next one from *i on that reaches the memory; *c is NULL if none does. False after scn_error(). */
static bool next_in_reach(struct area *a, const struct consumers *found, size_t *i,
			  struct consumer **c)
{
	for (*c = NULL; *i < found->n; (*i)++) {
		*c = consumer_open(a, &found->list[*i], 0);
		if (!*c)
			return false;
		if (consumer_due(*c, P2PCERT_POLICY_ALLOW, true) == ANSWER_GRANTED) {
			(*i)++;
			return true;
		}
		consumer_close(*c);
		*c = NULL;
	}
	return true;
}

/* The first that reaches the memory stands for all, beside a second one that keeps what it has. */
bool alias_recalled(struct devmem *dev, const struct consumers *found)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, "pages that the owner recalls");
	struct consumer *c = NULL, *other = NULL;
	size_t i = 0;
	bool ok = a && next_in_reach(a, found, &i, &c) && next_in_reach(a, found, &i, &other);

	if (ok && other)
		ok = consumer_allow(other, P2PCERT_POLICY_ALLOW);
	for (size_t k = 0; k < ARRAY_LEN(recalls) && c && ok && !dev->refuted; k++)
		ok = recall(c, other, &recalls[k]);
	consumer_close(other);
	consumer_close(c);
	area_end(a);
	return ok;
}
