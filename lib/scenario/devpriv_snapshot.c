/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.snapshot: what the kernel says of each page when nothing is faulted in must be true: where
 * it is, what may be done with it, and how large the mapping is that it is a part of.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/log.h"
#include "scenario/devmem.h"

#define WORKAROUND "hmm-huge-offset"

static size_t huge_pages(void)
{
	return AREA_HUGE_BYTES / page_size();
}

/* --- states ----------------------------------------------------------------------------------- */

/* What a page is made to be, and what a snapshot must say of it; bits not in mask may be either. */
struct state_case {
	const char *name;
	uint64_t mask, state;
};

enum {
	PAGE_UNTOUCHED,
	PAGE_ZERO_READ,
	PAGE_WRITTEN,
	PAGE_READ_ONLY,
	PAGE_IN_DEVICE,
	PAGE_IN_OTHER,
	PAGE_UNMAPPED,
	NR_PAGE_STATES,
};

#define FLAGS ((1ull << P2PCERT_PAGE_NUMBER_SHIFT) - 1)
static const struct state_case states[NR_PAGE_STATES] = {
	[PAGE_UNTOUCHED] = { "never touched", FLAGS, 0 },
	[PAGE_ZERO_READ] = { "the zero page", FLAGS, P2PCERT_PAGE_VALID | P2PCERT_PAGE_ZERO },
	[PAGE_WRITTEN] = { "written", FLAGS, P2PCERT_PAGE_VALID | P2PCERT_PAGE_WRITE },
	[PAGE_READ_ONLY] = { "read-only", FLAGS, P2PCERT_PAGE_VALID },
	[PAGE_IN_DEVICE] = { "in the device", FLAGS,
			     P2PCERT_PAGE_VALID | P2PCERT_PAGE_WRITE | P2PCERT_PAGE_DEVICE },
	[PAGE_IN_OTHER] = { "in another device", FLAGS, 0 },
	[PAGE_UNMAPPED] = { "not mapped", FLAGS, P2PCERT_PAGE_ERROR },
};

/* Page i is what states[i] says. */
static bool make_states(struct area *a, struct devmem *other)
{
	struct area on_other = *a;

	(void)*(volatile unsigned char *)area_page(a, PAGE_ZERO_READ);
	area_fill(a, PAGE_WRITTEN, 1);
	area_fill(a, PAGE_READ_ONLY, 1);
	area_fill(a, PAGE_IN_DEVICE, 1);
	area_fill(a, PAGE_IN_OTHER, 1);
	on_other.dev = other;
	return mprotect(area_page(a, PAGE_READ_ONLY), page_size(), PROT_READ) == 0 &&
	       munmap(area_page(a, PAGE_UNMAPPED), page_size()) == 0 &&
	       area_to_device(a, PAGE_IN_DEVICE, 1) == 1 &&
	       area_to_device(&on_other, PAGE_IN_OTHER, 1) == 1;
}

static void check_states(struct area *a)
{
	uint64_t seen[NR_PAGE_STATES];
	int err;

	/* the snapshot ends at the first page that is not mapped, so that one is looked at alone */
	err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, 0, PAGE_UNMAPPED, seen);
	if (err)
		devmem_refute(a->dev, EVIDENCE_DATA, "the snapshot fails: %s", errno_text(err));
	for (size_t i = 0; !err && i < PAGE_UNMAPPED; i++)
		if ((seen[i] & states[i].mask) != states[i].state)
			devmem_refute(a->dev, EVIDENCE_DATA,
				      "a page that is %s: the snapshot says 0x%" PRIx64
				      ", and it should be 0x%" PRIx64,
				      states[i].name, seen[i], states[i].state);
	err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, PAGE_UNMAPPED, 1, seen);
	if (err != -EFAULT && (err || seen[0] != states[PAGE_UNMAPPED].state))
		devmem_refute(a->dev, EVIDENCE_DATA,
			      "a page that is not mapped: the snapshot says 0x%" PRIx64 " (%s)",
			      seen[0], err ? errno_text(err) : "no error");
	if (!a->dev->refuted)
		devmem_prove(a->dev, EVIDENCE_DATA, "the snapshot is right in %d states",
			     NR_PAGE_STATES);
	area_look(a, PAGE_IN_DEVICE, 2, AREA_AWAY, "after the snapshot");
}

static bool snapshot_states(struct devmem *dev)
{
	struct devmem *other = devmem_open_ram(dev->ctx, 1);
	struct area *a = other ? area_new(dev, AREA_PRIVATE, NR_PAGE_STATES, "states") : NULL;
	bool ok = a && area_mirror(a);

	if (ok && make_states(a, other))
		check_states(a);
	else if (ok)
		devmem_refute(dev, EVIDENCE_PATH, "pages cannot be brought into their states");
	area_end(a);
	devmem_unmirror(dev);
	devmem_close(other);
	return ok;
}

/* --- parts of a huge page ---------------------------------------------------------------------- */

/*
 * The device's pages behind a huge page lie in a row, so a snapshot that starts anywhere in it must
 * show the numbers that one from its beginning shows.
 */
static void snapshot_inside(struct area *a, const uint64_t *whole, size_t first)
{
	const size_t nr = 8;
	uint64_t part[8];
	int err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, first, nr, part);

	if (err) {
		devmem_refute(a->dev, EVIDENCE_DATA, "the snapshot fails: %s", errno_text(err));
		return;
	}
	if (memcmp(part, whole + first, sizeof(part)) == 0) {
		devmem_prove(a->dev, EVIDENCE_DATA,
			     "a snapshot from page %zu of a huge page on shows the right pages",
			     first);
		return;
	}
	devmem_refute(a->dev, EVIDENCE_DATA,
		      "a snapshot from page %zu of a huge page on shows device page %" PRIu64
		      ", and it is page %" PRIu64,
		      first, part[0] >> P2PCERT_PAGE_NUMBER_SHIFT,
		      whole[first] >> P2PCERT_PAGE_NUMBER_SHIFT);
	scn_finding(
		a->dev->ctx, "HMM-WRONG-DEVICE-PAGE", NULL, 0,
		"%s: hmm_range_fault() from page %zu of a huge page on gives device page %" PRIu64
		" instead of %" PRIu64,
		a->dev->name, first, part[0] >> P2PCERT_PAGE_NUMBER_SHIFT,
		whole[first] >> P2PCERT_PAGE_NUMBER_SHIFT);
}

/* With the workaround none is huge: it advises MADV_NOHUGEPAGE. */
static bool snapshot_huge(struct devmem *dev)
{
	bool small = scn_works_around(dev->ctx, WORKAROUND);
	size_t pages = huge_pages();
	struct area *a = area_new(dev, small ? AREA_PRIVATE : AREA_HUGE, pages,
				  small ? "as large as a huge page" : "huge page");
	autofree uint64_t *whole = xcalloc(pages, sizeof(*whole));
	bool ok = a && area_mirror(a);

	if (ok) {
		area_fill(a, 0, pages);
		if (area_send(a, 0, pages) &&
		    area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, 0, pages, whole) == 0) {
			snapshot_inside(a, whole, 0);
			snapshot_inside(a, whole, pages / 2);
			snapshot_inside(a, whole, pages - 8);
		}
		area_check(a, 0, pages, "after the snapshots");
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

/* --- sizes of mappings -------------------------------------------------------------------------- */

#define ORDER_BITS (P2PCERT_PAGE_ORDER_MASK << P2PCERT_PAGE_ORDER_SHIFT)
#define ORDER(n) ((uint64_t)(n) << P2PCERT_PAGE_ORDER_SHIFT)

static unsigned int huge_order(void)
{
	return (unsigned int)__builtin_ctzl(huge_pages());
}

/* All pages are of mappings of one size, and for the device the same. */
static void expect_order(struct area *a, size_t first, size_t nr, uint64_t state, const char *when)
{
	const uint64_t mask = ORDER_BITS | P2PCERT_PAGE_VALID | P2PCERT_PAGE_WRITE |
			      P2PCERT_PAGE_ERROR | P2PCERT_PAGE_DEVICE | P2PCERT_PAGE_FOREIGN;
	autofree uint64_t *seen = xcalloc(nr, sizeof(*seen));
	int err = area_access(a, P2PCERT_IOC_DEVPRIV_SNAPSHOT, first, nr, seen);

	if (err) {
		devmem_refute(a->dev, EVIDENCE_DATA, "%s, %s: the snapshot fails: %s", a->name,
			      when, errno_text(err));
		return;
	}
	for (size_t i = 0; i < nr; i++)
		if ((seen[i] & mask) != state) {
			devmem_refute(a->dev, EVIDENCE_DATA,
				      "%s, %s: the snapshot says 0x%" PRIx64
				      " of page %zu, and it should be 0x%" PRIx64,
				      a->name, when, seen[i] & mask, first + i, state);
			return;
		}
	devmem_prove(a->dev, EVIDENCE_DATA, "%s, %s: %zu pages are mapped as they should be",
		     a->name, when, nr);
}

/* That the kernel had a huge page to give is seen from how it went to the device, not from a snapshot. */
static bool went_huge(struct area *a)
{
	struct p2pcert_devpriv_counters before, after;

	area_fill(a, 0, a->pages);
	if (!devmem_counted(a->dev, &before) || !area_send(a, 0, a->pages) ||
	    !devmem_counted(a->dev, &after))
		return false;
	if (after.huge_to_device != before.huge_to_device)
		return true;
	log_info("no huge page went to the device as one: sizes are not looked at");
	return false;
}

static bool order_thp(struct devmem *dev)
{
	const uint64_t huge = ORDER(huge_order()) | P2PCERT_PAGE_VALID;
	size_t half = huge_pages() / 2;
	struct area *a = area_new(dev, AREA_HUGE, huge_pages(), "a huge page");
	bool ok = a && area_mirror(a);

	if (ok && went_huge(a)) {
		expect_order(a, 0, a->pages, huge | P2PCERT_PAGE_WRITE | P2PCERT_PAGE_DEVICE,
			     "in the device");
		area_check(a, 0, a->pages, "brought back");
		expect_order(a, 0, a->pages, huge | P2PCERT_PAGE_WRITE, "brought back");
		if (mprotect(a->start, half * page_size(), PROT_READ) < 0)
			devmem_refute(dev, EVIDENCE_PATH, "mprotect() of a half fails: %s",
				      strerror(errno));
		expect_order(a, 0, half, P2PCERT_PAGE_VALID, "the half that is read-only");
		expect_order(a, half, half, P2PCERT_PAGE_VALID | P2PCERT_PAGE_WRITE,
			     "the other half");
	}
	area_end(a);
	devmem_unmirror(dev);
	return ok;
}

static bool order_hugetlb(struct devmem *dev)
{
	const uint64_t huge = ORDER(huge_order()) | P2PCERT_PAGE_VALID;
	autofree char *why = NULL;
	struct area *a;
	bool ok;

	if (!devmem_get_huge_page(dev, &why)) {
		log_info("pages of hugetlbfs are not looked at: %s", why);
		return true;
	}
	a = area_new(dev, AREA_PRIVATE, huge_pages(), "a page of hugetlbfs");
	ok = a && area_map(a, 0, a->pages, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1) &&
	     area_mirror(a);
	if (ok) {
		area_fill(a, 0, a->pages);
		expect_order(a, 0, a->pages, huge | P2PCERT_PAGE_WRITE, "written");
		if (mprotect(a->start, AREA_HUGE_BYTES, PROT_READ) < 0)
			devmem_refute(dev, EVIDENCE_PATH, "mprotect() fails: %s", strerror(errno));
		expect_order(a, 0, a->pages, huge, "read-only");
		devmem_unmirror(dev);
	}
	area_end(a);
	return ok;
}

/* --- a driver's own page ------------------------------------------------------------------------ */

/* A page that the module maps is no file's and not anonymous, and still one that the device can use. */
static bool snapshot_mixed(struct devmem *dev, int flags)
{
	bool shared = flags == MAP_SHARED;
	struct area *a = area_new(dev, AREA_PRIVATE, 1,
				  shared ? "the module's page" : "the module's page, private");
	bool ok = a && area_map(a, 0, 1, flags, dev->fd) && area_mirror(a);

	if (ok) {
		area_check(a, 0, 1, "as the module made it");
		if (!shared)
			expect_order(a, 0, 1, P2PCERT_PAGE_VALID, "before it is written");
		area_check_mirror(a, 0, 1, "as the module made it");
		area_fill(a, 0, 1);
		expect_order(a, 0, 1, P2PCERT_PAGE_VALID | P2PCERT_PAGE_WRITE, "written");
		area_check_mirror(a, 0, 1, "as the CPU wrote it");
		area_write_mirror(a, 0, 1);
		area_check(a, 0, 1, "as the device wrote it");
		devmem_unmirror(dev);
	}
	area_end(a);
	return ok;
}

static bool body_snapshot(struct devmem *dev)
{
	return snapshot_states(dev) && order_thp(dev) && order_hugetlb(dev) &&
	       snapshot_mixed(dev, MAP_SHARED) && snapshot_mixed(dev, MAP_PRIVATE) &&
	       snapshot_huge(dev);
}

static enum outcome run_snapshot(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_snapshot);
}

const struct scenario scenario_devpriv_snapshot = {
	.id = "devpriv.snapshot",
	.title = "the kernel tells the device truly where each page is, and not of other devices' "
		 "pages",
	.NEEDS(DEVMEM_NEEDS),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 10,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.WORKAROUNDS(WORKAROUND),
	.run = run_snapshot,
};
