/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.p2p-alias: several devices use the same pages of a device at once, and each gets an answer of
 * its own. One that has to have a page in memory takes it from the others, which must find that; what it
 * does not use stays where it is.
 */
#include "scenario/devpriv_alias.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"

#define PAGES 2

struct party {
	struct area *area;
	struct consumer *all[CONSUMERS_MAX]; /* those that reach the memory come first */
	size_t n;
	size_t reach; /* so many do */
	const char *when;
};

/* --- reading at once ---------------------------------------------------------------------------- */

struct reader {
	struct consumer *c;
	unsigned char *buffer;
	pthread_t thread;
	int err;
};

static void *read_all(void *with)
{
	struct reader *r = with;

	r->err = consumer_access(r->c, false, 0, r->c->area->pages, r->buffer);
	return NULL;
}

/* The first nr do at the same time; the data is right. False after scn_error(). */
static bool read_together(struct party *p, size_t nr)
{
	struct reader readers[CONSUMERS_MAX] = { 0 };
	struct area *a = p->area;
	size_t started = 0;
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		readers[i].c = p->all[i];
		readers[i].buffer = xcalloc(a->pages, page_size());
		err = pthread_create(&readers[i].thread, NULL, read_all, &readers[i]);
		started += !err;
	}
	for (size_t i = 0; i < started; i++)
		pthread_join(readers[i].thread, NULL);
	for (size_t i = 0; i < started && !err; i++) {
		if (readers[i].err)
			devmem_refute(a->dev, EVIDENCE_DATA, "%s: %s cannot read %s: %s", a->name,
				      readers[i].c->name, p->when, errno_text(readers[i].err));
		else
			area_check_copy(a, readers[i].buffer, 0, a->pages, p->when);
	}
	for (size_t i = 0; i < nr; i++)
		free(readers[i].buffer);
	if (err)
		scn_error(a->dev->ctx, ERROR_SETUP, "no thread: %s", strerror(err));
	return !err;
}

/* --- what each of them has ---------------------------------------------------------------------- */

static void look_at_all(struct party *p, size_t nr, size_t page, enum use use)
{
	for (size_t i = 0; i < nr; i++)
		consumer_look(p->all[i], page, 1, use, p->when);
}

/* How many of those that reach the memory get to hear yes: but for the last, if there are others. */
static size_t nr_readers(const struct party *p)
{
	return p->reach > 1 ? p->reach - 1 : p->reach;
}

/* The first may do all, the last nothing, and those between may read. */
static bool rule(struct party *p)
{
	const size_t readers = nr_readers(p);

	for (size_t i = 0; i < p->reach; i++) {
		uint32_t policy = P2PCERT_POLICY_READ_ONLY;

		if (i == 0)
			policy = P2PCERT_POLICY_ALLOW;
		else if (i >= readers)
			policy = P2PCERT_POLICY_DENY;
		if (!consumer_allow(p->all[i], policy))
			return false;
	}
	for (size_t i = p->reach; i < p->n; i++)
		if (!consumer_allow(p->all[i], P2PCERT_POLICY_ALLOW))
			return false;
	return true;
}

/* One of those behind reads one page, which comes back, and is taken from all others. */
static void take_page(struct party *p, size_t who, size_t page, const char *when)
{
	const size_t readers = nr_readers(p);

	p->when = when;
	consumer_check(p->all[who], page, 1, when);
	consumer_look(p->all[who], page, 1, USE_MEMORY, when);
	area_look(p->area, page, 1, AREA_IN_RAM, when);
	look_at_all(p, readers, page, USE_NONE);
	for (size_t i = page + 1; i < PAGES; i++) {
		area_look(p->area, i, 1, AREA_AWAY, when);
		look_at_all(p, readers, i, USE_ALIAS);
	}
}

/* False after scn_error(). */
static bool meet(struct party *p)
{
	const size_t readers = nr_readers(p);
	struct area *a = p->area;
	size_t page = 0;

	area_fill(a, 0, PAGES);
	if (!area_send(a, 0, PAGES))
		return true;
	p->when = "read by several devices in place";
	if (!read_together(p, readers))
		return false;
	for (size_t i = 0; i < PAGES; i++)
		look_at_all(p, readers, i, USE_ALIAS);
	area_look(a, 0, PAGES, AREA_AWAY, p->when);
	/* what one writes in place all others find */
	p->when = "after the first of them wrote";
	consumer_write(p->all[0], 0, PAGES);
	area_check_device(a, 0, PAGES, p->when);
	if (!read_together(p, readers))
		return false;
	if (readers < p->reach && !a->dev->refuted)
		take_page(p, p->reach - 1, page++, "read by one that may do nothing");
	if (p->reach < p->n && !a->dev->refuted)
		take_page(p, p->reach, page++, "read by one that cannot reach it");
	p->when = "when some of it is in memory";
	if (page && !a->dev->refuted && !read_together(p, p->n))
		return false;
	area_check(a, 0, PAGES, "used by several devices");
	return true;
}

/* --- who takes part ----------------------------------------------------------------------------- */

/* Those that reach the memory before the others. False after scn_error(). */
static bool invite(struct party *p, const struct consumers *found)
{
	struct consumer *far[CONSUMERS_MAX];
	size_t nr_far = 0;

	for (size_t i = 0; i < found->n; i++) {
		struct consumer *c = consumer_open(p->area, &found->list[i], 0);

		if (!c)
			break;
		if (consumer_due(c, P2PCERT_POLICY_ALLOW, true) == ANSWER_GRANTED)
			p->all[p->reach++] = c;
		else
			far[nr_far++] = c;
	}
	memcpy(p->all + p->reach, far, nr_far * sizeof(struct consumer *));
	p->n = p->reach + nr_far;
	return p->n == found->n;
}

/* With one engine alone there is nobody to disagree with. */
bool alias_at_once(struct devmem *dev, const struct consumers *found)
{
	struct party p = { .when = "" };
	bool ok = true;

	if (found->n < 2)
		return true;
	p.area = area_new(dev, AREA_PRIVATE, PAGES, "pages of several devices");
	if (!p.area)
		return false;
	ok = invite(&p, found);
	if (ok && p.reach)
		ok = rule(&p) && meet(&p);
	if (ok && p.reach && !dev->refuted)
		devmem_prove(dev, EVIDENCE_PATH,
			     "%zu devices at once, of which %zu reach it, each had its own answer",
			     p.n, p.reach);
	for (size_t i = 0; i < p.n; i++)
		consumer_close(p.all[i]);
	area_end(p.area);
	return ok;
}
