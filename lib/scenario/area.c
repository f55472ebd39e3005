/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An area of memory with a model of what every byte of it must be: filling, migrating, looking, and
 * comparing, with evidence for what is found. See devmem.h.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "scenario/devmem.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define HUGE_BYTES (2u << 20)
#define BUFFER_PAGES 512 /* what passes between us and the device at a time: a huge page, whole */
/* A page that somebody else holds for a moment is migrated by a later try. */
#define MIGRATE_TRIES 20

static size_t bytes(size_t pages)
{
	return pages * page_size();
}

uint64_t area_seed(struct area *a)
{
	uint64_t seed = pattern_seed(scn_env(a->dev->ctx)->seed, a->dev->patterns++);

	return seed ? seed : area_seed(a);
}

struct area *area_new(struct devmem *dev, enum area_kind kind, size_t pages, const char *name)
{
	struct area *a = xcalloc(1, sizeof(*a));
	int flags = (kind == AREA_SHARED ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS;
	uintptr_t start;

	a->dev = dev;
	a->name = xstrdup(name);
	a->pages = pages;
	a->seeds = xcalloc(pages, sizeof(*a->seeds));
	a->mapping_len = bytes(pages + 2) + 2 * HUGE_BYTES;
	a->mapping = mmap(NULL, a->mapping_len, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (a->mapping == MAP_FAILED) {
		scn_error(dev->ctx, ERROR_SETUP, "cannot map %zu bytes: %s", a->mapping_len,
			  strerror(errno));
		a->mapping = NULL;
		area_end(a);
		return NULL;
	}
	/* a kernel without huge pages refuses, which is as good; AREA_HUGE finds out by itself */
	(void)madvise(a->mapping, a->mapping_len,
		      kind == AREA_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	start = ((uintptr_t)a->mapping + page_size() + HUGE_BYTES - 1) &
		~(uintptr_t)(HUGE_BYTES - 1);
	a->start = (unsigned char *)start;
	a->guard = area_seed(a);
	pattern_fill(area_page(a, 0) - page_size(), page_size(), a->guard, 0);
	pattern_fill(area_page(a, pages), page_size(), a->guard, page_size());
	return a;
}

bool area_map(struct area *a, size_t first, size_t nr, int flags, int fd)
{
	off_t at = fd < 0 ? 0 : (off_t)bytes(first);

	if (mmap(area_page(a, first), bytes(nr), PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
		 at) != MAP_FAILED)
		return true;
	scn_error(a->dev->ctx, ERROR_SETUP, "%s: cannot map %zu bytes: %s", a->name, bytes(nr),
		  strerror(errno));
	return false;
}

static void check_guard(struct area *a, const unsigned char *page, uint64_t position)
{
	struct pattern_mismatch m;

	if (!pattern_verify(page, page_size(), a->guard, position, &m)) {
		autofree char *text = pattern_mismatch_text(&m);

		devmem_refute(a->dev, EVIDENCE_DATA, "%s: memory %s it changed: %s", a->name,
			      position ? "behind" : "before", text);
	}
}

void area_end(struct area *a)
{
	if (!a)
		return;
	if (a->mapping) {
		check_guard(a, area_page(a, 0) - page_size(), 0);
		check_guard(a, area_page(a, a->pages), page_size());
		munmap(a->mapping, a->mapping_len);
	}
	free(a->seeds);
	free(a->name);
	free(a);
}

/* --- data ------------------------------------------------------------------------------------- */

void area_expect(struct area *a, size_t first, size_t nr, uint64_t seed)
{
	for (size_t i = first; i < first + nr; i++)
		a->seeds[i] = seed;
}

/* The pattern's position is the page's place in the area, so that a page that is another's shows. */
void area_fill(struct area *a, size_t first, size_t nr)
{
	uint64_t seed = area_seed(a);

	pattern_fill(area_page(a, first), bytes(nr), seed, bytes(first));
	area_expect(a, first, nr, seed);
}

static bool is_zero(const unsigned char *p, size_t len)
{
	return !p[0] && memcmp(p, p + 1, len - 1) == 0;
}

static bool check_page(struct area *a, const unsigned char *at, size_t i, const char *when)
{
	struct pattern_mismatch m;
	autofree char *text = NULL;

	if (!a->seeds[i]) {
		if (is_zero(at, page_size()))
			return true;
		devmem_refute(a->dev, EVIDENCE_DATA, "%s, page %zu, %s: not zero", a->name, i,
			      when);
		return false;
	}
	if (pattern_verify(at, page_size(), a->seeds[i], bytes(i), &m))
		return true;
	text = pattern_mismatch_text(&m);
	devmem_refute(a->dev, EVIDENCE_DATA, "%s, page %zu, %s: %s", a->name, i, when, text);
	return false;
}

bool area_check_copy(struct area *a, const unsigned char *at, size_t first, size_t nr,
		     const char *when)
{
	for (size_t i = 0; i < nr; i++)
		if (!check_page(a, at + bytes(i), first + i, when))
			return false;
	devmem_prove(a->dev, EVIDENCE_DATA, "%s: %zu pages are right %s", a->name, nr, when);
	return true;
}

bool area_check(struct area *a, size_t first, size_t nr, const char *when)
{
	return area_check_copy(a, area_page(a, first), first, nr, when);
}

/* --- place ------------------------------------------------------------------------------------ */

/* Migrates; *pages is how many the module says it moved. */
static int migrate_once(struct area *a, unsigned long request, size_t first, size_t nr,
			uint64_t *pages)
{
	struct p2pcert_devpriv_range range = {
		.addr = (uintptr_t)area_page(a, first),
		.length = bytes(nr),
	};
	int err = modfd_ioctl(a->dev->fd, request, &range);

	*pages += range.pages;
	return err ? err : range.result;
}

static long migrate(struct area *a, unsigned long request, size_t first, size_t nr)
{
	const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };
	uint64_t pages = 0;
	int err = 0;

	for (int i = 0; i < MIGRATE_TRIES && !err && pages < nr; i++) {
		if (i)
			nanosleep(&moment, NULL);
		err = migrate_once(a, request, first, nr, &pages);
	}
	return err ? err : (long)pages;
}

long area_to_device(struct area *a, size_t first, size_t nr)
{
	return migrate(a, P2PCERT_IOC_DEVPRIV_TO_DEVICE, first, nr);
}

long area_to_ram(struct area *a, size_t first, size_t nr)
{
	return migrate(a, P2PCERT_IOC_DEVPRIV_TO_RAM, first, nr);
}

bool area_send(struct area *a, size_t first, size_t nr)
{
	long moved = area_to_device(a, first, nr);

	if (moved == (long)nr)
		return area_look(a, first, nr, AREA_AWAY, "migrated");
	if (moved < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: migration of %zu pages fails: %s",
			      a->name, nr, errno_text((int)moved));
	else
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: %ld of %zu pages migrated", a->name,
			      moved, nr);
	return false;
}

bool area_look(struct area *a, size_t first, size_t nr, enum area_place place, const char *when)
{
	static const char *const places[] = { "in memory", "away", "nowhere" };
	struct pagemap_count c;
	int err = pagemap_count(a->dev->pagemap, area_page(a, first), bytes(nr), &c);
	const size_t found[] = { c.present, c.swap, c.none };

	if (err) {
		devmem_missing(a->dev, EVIDENCE_PATH, "%s: the page table cannot be read: %s",
			       a->name, strerror(-err));
		return false;
	}
	if (found[place] == nr) {
		devmem_prove(a->dev, EVIDENCE_PATH, "%s: %zu pages are %s %s", a->name, nr,
			     places[place], when);
		return true;
	}
	devmem_refute(
		a->dev, EVIDENCE_PATH,
		"%s: %zu pages from page %zu on should be %s %s: %zu are in memory, %zu away, "
		"%zu nowhere",
		a->name, nr, first, places[place], when, c.present, c.swap, c.none);
	return false;
}

/* --- the device ------------------------------------------------------------------------------- */

/* The device reads or writes nr pages; all of them must be in it. */
static bool access_device(struct area *a, unsigned long request, size_t first, size_t nr,
			  unsigned char *buffer, const char *what)
{
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)area_page(a, first),
		.length = bytes(nr),
		.buffer = (uintptr_t)buffer,
	};
	int err = modfd_ioctl(a->dev->fd, request, &x);

	if (!err)
		err = x.result;
	if (!err && x.pages == nr)
		return true;
	devmem_refute(a->dev, EVIDENCE_DATA,
		      "%s: the device %s %" PRIu64 " of %zu pages from page %zu on (%s)", a->name,
		      what, (uint64_t)x.pages, nr, first, err ? errno_text(err) : "no error");
	return false;
}

static size_t at_a_time(size_t nr)
{
	return nr < BUFFER_PAGES ? nr : BUFFER_PAGES;
}

bool area_check_device(struct area *a, size_t first, size_t nr, const char *when)
{
	/* no larger than it must be: there are scenarios in which memory is scarce */
	autofree unsigned char *buffer = xcalloc(at_a_time(nr), page_size());

	for (size_t done = 0, n; done < nr; done += n) {
		n = at_a_time(nr - done);
		/* something else than what is expected, and than zero */
		memset(buffer, 0x5a, bytes(n));
		if (!access_device(a, P2PCERT_IOC_DEVPRIV_READ, first + done, n, buffer, "reads"))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!check_page(a, buffer + bytes(i), first + done + i, when))
				return false;
	}
	devmem_prove(a->dev, EVIDENCE_DATA, "%s: the device holds %zu pages as they must be %s",
		     a->name, nr, when);
	return true;
}

bool area_write_device(struct area *a, size_t first, size_t nr)
{
	autofree unsigned char *buffer = xcalloc(at_a_time(nr), page_size());
	uint64_t seed = area_seed(a);

	for (size_t done = 0, n; done < nr; done += n) {
		n = at_a_time(nr - done);
		pattern_fill(buffer, bytes(n), seed, bytes(first + done));
		if (!access_device(a, P2PCERT_IOC_DEVPRIV_WRITE, first + done, n, buffer, "writes"))
			return false;
		area_expect(a, first + done, n, seed);
	}
	return true;
}
