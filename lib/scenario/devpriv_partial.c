/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: one range in which every page has another reason to go to the device or to
 * stay. What can go goes, what cannot stays as it was, and neither disturbs the other, whether the
 * memory is this process's alone or shared with a child after fork().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devfile.h"
#include "scenario/devmem.h"
#include "scenario/devpin.h"

#define EACH 4 /* pages of each part */

/* What the parts are made with, until the end. */
struct parts {
	struct area *area;
	struct devmem *other;
	int shm;
	struct devpin pins[2];
	size_t nr_pins;
};

/* One part of the range, from page `first` on. False if it cannot be made here. */
struct part {
	const char *name;
	bool (*make)(struct parts *p, size_t first);
	enum area_place place; /* after migration */
	bool stayed; /* it was there before, and is not moved now, nor back by this device */
	bool closed; /* to be opened by mprotect() before the CPU may look */
};

static bool make_written(struct parts *p, size_t first)
{
	area_fill(p->area, first, EACH);
	return true;
}

static bool make_untouched(struct parts *p attr_unused, size_t first attr_unused)
{
	return true;
}

static bool make_zero(struct parts *p, size_t first)
{
	return area_check(p->area, first, EACH, "before migration");
}

static bool make_hole(struct parts *p, size_t first)
{
	return munmap(area_page(p->area, first), EACH * page_size()) == 0;
}

static bool protect(struct parts *p, size_t first, int prot)
{
	return mprotect(area_page(p->area, first), EACH * page_size(), prot) == 0;
}

static bool make_closed(struct parts *p, size_t first)
{
	area_fill(p->area, first, EACH);
	return protect(p, first, PROT_NONE);
}

static bool make_closed_empty(struct parts *p, size_t first)
{
	return protect(p, first, PROT_NONE);
}

static bool make_read_only(struct parts *p, size_t first)
{
	area_fill(p->area, first, EACH);
	return protect(p, first, PROT_READ);
}

static bool make_away(struct parts *p, size_t first)
{
	area_fill(p->area, first, EACH);
	return area_send(p->area, first, EACH);
}

static bool make_foreign(struct parts *p, size_t first)
{
	struct area other = *p->area;

	area_fill(p->area, first, EACH);
	other.dev = p->other;
	return area_to_device(&other, first, EACH) == EACH;
}

static bool make_held(struct parts *p, size_t first, const struct devpin_kind *kind)
{
	struct devpin *pin = &p->pins[p->nr_pins];

	area_fill(p->area, first, EACH);
	if (kind->take(pin, area_page(p->area, first), EACH * page_size()) < 0)
		return false;
	p->nr_pins++;
	return true;
}

static bool make_piped(struct parts *p, size_t first)
{
	return make_held(p, first, &devpin_kinds[0]);
}

static bool make_pinned(struct parts *p, size_t first)
{
	return make_held(p, first, &devpin_kinds[1]);
}

static bool make_shared(struct parts *p, size_t first)
{
	if (!area_map(p->area, first, EACH, MAP_SHARED | MAP_ANONYMOUS, -1))
		return false;
	area_fill(p->area, first, EACH);
	return true;
}

/* A private mapping of the shared memory, not written yet. */
static bool make_private_read(struct parts *p, size_t first)
{
	return area_map(p->area, first, EACH, MAP_PRIVATE, p->shm) &&
	       area_check(p->area, first, EACH, "before migration");
}

static bool make_private_written(struct parts *p, size_t first)
{
	if (!make_private_read(p, first))
		return false;
	area_fill(p->area, first, EACH);
	return true;
}

static bool make_locked(struct parts *p, size_t first)
{
	area_fill(p->area, first, EACH);
	return mlock(area_page(p->area, first), EACH * page_size()) == 0;
}

static const struct part parts[] = {
	{ "written", make_written, AREA_AWAY, false, false },
	{ "a hole", make_hole, AREA_NOWHERE, true, false },
	{ "never touched", make_untouched, AREA_AWAY, false, false },
	{ "held by a pipe", make_piped, AREA_IN_RAM, true, false },
	{ "the zero page", make_zero, AREA_AWAY, false, false },
	{ "PROT_NONE", make_closed, AREA_AWAY, false, true },
	{ "pinned by io_uring", make_pinned, AREA_IN_RAM, true, false },
	{ "PROT_NONE and never touched", make_closed_empty, AREA_AWAY, false, true },
	{ "read-only", make_read_only, AREA_AWAY, false, false },
	{ "in another device", make_foreign, AREA_AWAY, true, false },
	{ "shared", make_shared, AREA_IN_RAM, true, false },
	{ "in the device already", make_away, AREA_AWAY, false, false },
	{ "of a private mapping, read", make_private_read, AREA_IN_RAM, true, false },
	{ "of a private mapping, written", make_private_written, AREA_AWAY, false, false },
	{ "locked", make_locked, AREA_AWAY, false, false },
};

#define PAGES (ARRAY_LEN(parts) * EACH)

/* --- the range -------------------------------------------------------------------------------- */

/* A part that cannot be made is a hole: there is nothing to expect of it. */
static void make_parts(struct parts *p, bool *made)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		made[i] = parts[i].make(p, i * EACH);
		if (!made[i])
			(void)make_hole(p, i * EACH);
	}
}

static bool has_data(size_t i, const bool *made)
{
	return made[i] && parts[i].place != AREA_NOWHERE;
}

static bool is_ours(size_t i, const bool *made)
{
	return made[i] && parts[i].place == AREA_AWAY && !parts[i].stayed;
}

static void check_places(struct parts *p, const bool *made)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (made[i])
			area_look(p->area, i * EACH, EACH, parts[i].place, parts[i].name);
		if (is_ours(i, made) && !parts[i].closed)
			area_check_device(p->area, i * EACH, EACH, parts[i].name);
	}
}

static bool check_data(struct parts *p, const bool *made, const char *when)
{
	bool right = true;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].closed)
			(void)protect(p, i * EACH, PROT_READ | PROT_WRITE);
		if (has_data(i, made))
			right &= area_check(p->area, i * EACH, EACH, when);
	}
	return right;
}

/* A child that looks at all of the memory when the pipe ends, and says by its status how it was. */
static pid_t start_child(struct parts *p, const bool *made, int ready[2])
{
	pid_t pid = fork();
	char byte;

	if (pid)
		return pid;
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 0)
		_exit(1);
	_exit(!check_data(p, made, "in the child"));
}

static void end_child(struct devmem *dev, pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		devmem_refute(dev, EVIDENCE_DATA, "no child: %s", strerror(errno));
	else if (status)
		devmem_refute(dev, EVIDENCE_DATA, "the child finds other data, or dies: status %d",
			      status);
}

static void migrate_all(struct parts *p, const bool *made)
{
	long moved = 0, there = 0, expected = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		expected += is_ours(i, made) ? EACH : 0;
		there += is_ours(i, made) && parts[i].make == make_away ? EACH : 0;
	}
	moved = area_to_device(p->area, 0, PAGES);
	if (moved != expected - there)
		devmem_refute(p->area->dev, EVIDENCE_PATH, "%s: %ld pages migrated, not %ld",
			      p->area->name, moved, expected - there);
	check_places(p, made);
	moved = area_to_ram(p->area, 0, PAGES);
	if (moved != expected)
		devmem_refute(p->area->dev, EVIDENCE_PATH, "%s: %ld pages brought back, not %ld",
			      p->area->name, moved, expected);
}

static void with_child(struct parts *p, const bool *made)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0) {
		devmem_missing(p->area->dev, EVIDENCE_DATA, "no pipe: %s", strerror(errno));
		return;
	}
	pid = start_child(p, made, ready);
	close(ready[0]);
	migrate_all(p, made);
	close(ready[1]);
	end_child(p->area->dev, pid);
	check_data(p, made, "at the end, in the parent");
}

static void alone(struct parts *p, const bool *made)
{
	migrate_all(p, made);
	check_data(p, made, "at the end");
}

static void say_what_was_made(struct devmem *dev, const bool *made)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!made[i])
			devmem_prove(dev, EVIDENCE_PATH, "not made here: pages that are %s",
				     parts[i].name);
}

static bool run_range(struct devmem *dev, struct devmem *other, bool child)
{
	struct parts p = { .other = other, .shm = memfd_create("p2pcert", MFD_CLOEXEC) };
	bool made[ARRAY_LEN(parts)], ok;

	p.area = area_new(dev, AREA_PRIVATE, PAGES, child ? "with a child" : "alone");
	ok = p.area && p.shm >= 0 && ftruncate(p.shm, (off_t)(PAGES * page_size())) == 0;
	if (ok) {
		make_parts(&p, made);
		say_what_was_made(dev, made);
		if (child)
			with_child(&p, made);
		else
			alone(&p, made);
	} else {
		scn_error(dev->ctx, ERROR_SETUP, "no memory for the range: %s", strerror(errno));
	}
	while (p.nr_pins)
		devpin_release(&p.pins[--p.nr_pins]);
	area_end(p.area);
	if (p.shm >= 0)
		close(p.shm);
	return ok;
}

static bool body_partial(struct devmem *dev)
{
	struct devmem *other = devmem_open_ram(dev->ctx, 1);
	bool ok = other && run_range(dev, other, false) && run_range(dev, other, true);

	devmem_close(other);
	return ok;
}

DEVMEM_SCENARIO(partial, "partial",
		"of a mixed range what can go to the device goes, and the rest stays as it was",
		20);
