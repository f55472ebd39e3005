/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: what the kernel counts. Whatever has been done with memory, a page of the device
 * has one reference for each of its mappings and no other, a page that came back is mapped as often as
 * there are processes that see it, and /proc/PID/smaps adds up to the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kernel-page-flags.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/devmem.h"
#include "scenario/devpin.h"
#include "scenario/memstat.h"

#define HUGE_BYTES (2u << 20)
#define PAGES 32
/* The other device draws its patterns from here on, so that they are not the first one's. */
#define OTHER_PATTERNS (1ull << 32)
#define PFN(entry) ((entry) & ((1ull << 55) - 1))

/* How an area lies, and how it should be held: by so many processes that see all of it. */
struct count {
	struct area *a;
	const char *when;
	unsigned int processes;
	uint64_t *entries, *holds;
	size_t present, away;
};

/* --- pages ------------------------------------------------------------------------------------ */

/* Of a huge page the mapping as a whole counts as one, and else that of each small page. */
static bool expect_hold(const struct count *c, size_t i)
{
	uint32_t references = P2PCERT_HOLD_REFERENCES(c->holds[i]);
	uint32_t mappings = P2PCERT_HOLD_MAPPINGS(c->holds[i]);
	size_t singly = P2PCERT_HOLD_ORDER(c->holds[i]) ? c->away : 1;
	bool whole = c->away == c->a->pages && mappings == c->processes;

	if (references == mappings && (whole || mappings == singly * c->processes))
		return true;
	devmem_refute(c->a->dev, EVIDENCE_LEAK,
		      "%s, page %zu in the device, of order %u, %s: %u references and %u mappings; "
		      "%u process%s it",
		      c->a->name, i, P2PCERT_HOLD_ORDER(c->holds[i]), c->when, references, mappings,
		      c->processes, c->processes > 1 ? "es see" : " sees");
	return false;
}

static bool expect_mapped(const struct count *c, size_t i)
{
	const uint64_t anonymous = 1ull << KPF_ANON, poisoned = 1ull << KPF_HWPOISON;
	uint64_t pfn = PFN(c->entries[i]), mappings = 0, flags = 0;
	bool exclusive = c->entries[i] & PAGEMAP_EXCLUSIVE;
	int err = memstat_page("/proc/kpagecount", pfn, &mappings);

	if (!err)
		err = memstat_page("/proc/kpageflags", pfn, &flags);
	if (err) {
		devmem_missing(c->a->dev, EVIDENCE_LEAK, "what the kernel counts of pages: %s",
			       strerror(-err));
		return false;
	}
	if (mappings == c->processes && exclusive == (c->processes == 1) &&
	    (flags & (anonymous | poisoned)) == anonymous)
		return true;
	devmem_refute(c->a->dev, EVIDENCE_LEAK,
		      "%s, page %zu in memory, %s: %" PRIu64 " mappings%s, flags 0x%" PRIx64
		      "; %u process%s it",
		      c->a->name, i, c->when, mappings, exclusive ? ", exclusive" : "", flags,
		      c->processes, c->processes > 1 ? "es see" : " sees");
	return false;
}

/* --- smaps ------------------------------------------------------------------------------------ */

/*
 * 7.2 and 7.3 count a huge page of the device as shared, whoever maps it, and put all of it down to
 * each process.
 */
static bool is_known(const struct count *c, const struct smaps *s)
{
	if (!P2PCERT_HOLD_ORDER(c->holds[0]) || c->away != c->a->pages || s->shared != s->rss ||
	    s->pss != s->rss)
		return false;
	if (c->processes == 1)
		return true; /* it is told once, where it is worst */
	scn_finding(c->a->dev->ctx, "SMAPS-HUGE-DEVICE-PAGE", NULL, 0,
		    "%s: of a huge page in the device that %u processes map smaps says to one of "
		    "them: Rss %" PRIu64 ", Pss %" PRIu64 ", shared %" PRIu64 ", private %" PRIu64,
		    c->a->dev->name, c->processes, s->rss, s->pss, s->shared, s->private);
	return true;
}

static void expect_smaps(const struct count *c)
{
	const uint64_t all = (c->present + c->away) * page_size();
	struct smaps s;
	int err = memstat_smaps(NULL, c->a->start, c->a->pages * page_size(), &s);
	bool right;

	if (err) {
		devmem_missing(c->a->dev, EVIDENCE_COUNTERS, "%s: nothing from smaps: %s",
			       c->a->name, strerror(-err));
		return;
	}
	right = (c->processes == 1 ? s.private : s.shared) == all && s.pss == all / c->processes;
	if (s.rss != all || s.swap || s.private + s.shared != all || (!right && !is_known(c, &s)))
		devmem_refute(c->a->dev, EVIDENCE_COUNTERS,
			      "%s %s: of %" PRIu64
			      " bytes that %u process%s smaps says: Rss %" PRIu64 ", Pss %" PRIu64
			      ", shared %" PRIu64 ", private %" PRIu64 ", swap %" PRIu64,
			      c->a->name, c->when, all, c->processes,
			      c->processes > 1 ? "es see" : " sees", s.rss, s.pss, s.shared,
			      s.private, s.swap);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* The holds are asked for from the area's start on: kernels tell wrong pages for others. */
static int look(struct count *c)
{
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)c->a->start,
		.length = c->a->pages * page_size(),
		.buffer = (uintptr_t)c->holds,
	};
	int err = pagemap_read(c->a->dev->pagemap, c->a->start, c->a->pages, c->entries);

	if (!err)
		err = modfd_ioctl(c->a->dev->fd, P2PCERT_IOC_DEVPRIV_HOLDS, &x);
	for (size_t i = 0; i < c->a->pages; i++) {
		c->present += c->entries[i] >> 63;
		c->away += c->holds[i] != 0;
	}
	return err ? err : x.result;
}

/* False if something is wrong: memory with a wrong count may never come back. */
static bool expect(struct area *a, unsigned int processes, const char *when)
{
	autofree uint64_t *entries = xcalloc(a->pages, sizeof(*entries));
	autofree uint64_t *holds = xcalloc(a->pages, sizeof(*holds));
	struct count c = {
		.a = a, .when = when, .processes = processes, .entries = entries, .holds = holds
	};
	int err = look(&c);

	if (err)
		devmem_missing(a->dev, EVIDENCE_LEAK, "%s: the pages cannot be looked at: %s",
			       a->name, errno_text(err));
	for (size_t i = 0; i < a->pages && !err; i++) {
		if (holds[i] ? !expect_hold(&c, i)
			     : entries[i] & PAGEMAP_PRESENT && !expect_mapped(&c, i))
			return false;
	}
	if (!err)
		expect_smaps(&c);
	if (!err && !a->dev->refuted)
		devmem_prove(a->dev, EVIDENCE_LEAK,
			     "%s %s: %zu pages in memory and %zu in the device are held as they "
			     "must be by %u process%s",
			     a->name, when, c.present, c.away, processes,
			     processes > 1 ? "es" : "");
	return !a->dev->refuted;
}

static bool send_away(struct area *a, const char *when)
{
	return area_send(a, 0, a->pages) && expect(a, 1, when);
}

/* --- what is done with it --------------------------------------------------------------------- */

static void go_and_return(struct area *a)
{
	if (!send_away(a, "migrated"))
		return;
	area_write_device(a, 0, a->pages);
	if (!expect(a, 1, "written by the device"))
		return;
	if (area_to_ram(a, 0, a->pages) != (long)a->pages)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: not all pages come back", a->name);
	expect(a, 1, "brought back");
}

static void touch(struct area *a)
{
	if (!send_away(a, "migrated"))
		return;
	area_check(a, 0, a->pages / 4, "touched");
	expect(a, 1, "touched in part");
}

static void evict(struct area *a)
{
	struct p2pcert_devpriv_evict e = { .pages = a->pages };

	if (!send_away(a, "migrated"))
		return;
	if (modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_EVICT, &e) || !e.evicted)
		devmem_refute(a->dev, EVIDENCE_PATH, "%s: no page is evicted", a->name);
	expect(a, 1, "evicted");
}

static void unmap(struct area *a)
{
	size_t at = a->pages / 2, nr = 5;

	if (!send_away(a, "migrated"))
		return;
	if (munmap(area_page(a, at), nr * page_size()) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "munmap() fails: %s", strerror(errno));
	if (!expect(a, 1, "unmapped in part"))
		return;
	area_check(a, 0, at, "before a hole");
	area_check(a, at + nr, a->pages - at - nr, "behind a hole");
	expect(a, 1, "unmapped in part, and touched");
	if (area_map(a, at, nr, MAP_PRIVATE | MAP_ANONYMOUS, -1))
		area_expect(a, at, nr, 0);
}

/* A kernel that lets nobody hold pages has nothing to count here. */
static void pin(struct area *a)
{
	size_t held = 4;
	struct devpin p;
	int err = -ENOSYS;

	if (!send_away(a, "migrated"))
		return;
	for (size_t i = 0; i < devpin_kinds_len && err; i++)
		err = devpin_kinds[i].take(&p, area_page(a, a->pages / 2), held * page_size());
	if (err)
		return;
	expect(a, 1, "held in part");
	devpin_release(&p);
	if (area_to_device(a, 0, a->pages) >= 0 &&
	    area_look(a, 0, a->pages, AREA_AWAY, "let go of, and migrated again"))
		expect(a, 1, "let go of, and migrated again");
}

/* --- by another device ------------------------------------------------------------------------ */

static void hand_over(struct area *a)
{
	struct devmem *other = devmem_open_ram(a->dev->ctx, 1);
	struct area two = *a;

	if (!other)
		return;
	other->patterns = OTHER_PATTERNS;
	two.dev = other;
	if (send_away(a, "migrated") && area_mirror(&two)) {
		area_check_mirror(&two, 0, two.pages, "faulted in by another device");
		if (expect(&two, 1, "faulted in by another device"))
			send_away(&two, "handed over to another device");
		devmem_unmirror(other);
	}
	area_check(a, 0, a->pages, "handed over, by the CPU");
	a->dev->refuted |= other->refuted;
	devmem_close(other);
}

/* --- by another process ----------------------------------------------------------------------- */

/* Says a word and waits for one. */
static bool step(int to, int from)
{
	char byte = 0;

	return write(to, &byte, 1) == 1 && read(from, &byte, 1) == 1;
}

static int child_of_share(struct area *a, int to, int from)
{
	if (!step(to, from))
		return 1;
	if (!area_check(a, 0, a->pages / 4, "in the child"))
		return 1;
	return !step(to, from);
}

/* The other process is there, has touched a part, and ends. */
static void follow_child(struct area *a, int to, int from)
{
	char byte = 0;

	if (read(from, &byte, 1) != 1 || !expect(a, 2, "after fork()"))
		return;
	if (step(to, from))
		expect(a, 2, "touched in part by the child");
}

/* fds: what the child reads from and writes to, and then we. */
static void share_with(struct area *a, int fds[4])
{
	pid_t pid = fork();

	if (pid == 0) {
		close(fds[1]);
		close(fds[2]);
		devmem_in_child(a->dev);
		_exit(child_of_share(a, fds[3], fds[0]));
	}
	close(fds[0]);
	close(fds[3]);
	follow_child(a, fds[1], fds[2]);
	/* it waits for one more word, if it has not been left before */
	(void)!write(fds[1], "", 1);
	close(fds[1]);
	close(fds[2]);
	if (devmem_child_right(a->dev, pid, "fork()"))
		expect(a, 1, "after the child has ended");
}

static void share(struct area *a)
{
	int fds[4];

	if (!send_away(a, "migrated"))
		return;
	if (pipe2(fds, O_CLOEXEC) < 0 || pipe2(fds + 2, O_CLOEXEC) < 0) {
		scn_error(a->dev->ctx, ERROR_SETUP, "no pipe: %s", strerror(errno));
		return;
	}
	share_with(a, fds);
}

/* --- the scenario ----------------------------------------------------------------------------- */

static const struct use {
	const char *name;
	void (*run)(struct area *a);
} uses[] = {
	{ "out and back", go_and_return },
	{ "touched", touch },
	{ "evicted", evict },
	{ "unmapped", unmap },
	{ "pinned", pin },
	{ "handed over", hand_over },
	{ "forked", share },
};

/* The area is a mapping of its own, so that smaps tells of it alone. */
static bool run_use(struct devmem *dev, const struct use *u, enum area_kind kind)
{
	size_t pages = kind == AREA_HUGE ? HUGE_BYTES / page_size() : PAGES;
	autofree char *name = xasprintf("%s%s", kind == AREA_HUGE ? "huge, " : "", u->name);
	struct area *a = area_new(dev, kind, pages, name);

	if (!a)
		return false;
	if (madvise(a->start, pages * page_size(), MADV_DONTDUMP) < 0)
		devmem_missing(dev, EVIDENCE_COUNTERS, "the mapping cannot be told apart: %s",
			       strerror(errno));
	area_fill(a, 0, pages);
	u->run(a);
	if (!dev->refuted)
		area_check(a, 0, pages, "at the end");
	area_end(a);
	return true;
}

static bool body_refcount(struct devmem *dev)
{
	for (size_t i = 0; i < ARRAY_LEN(uses); i++)
		for (enum area_kind k = AREA_PRIVATE; k <= AREA_HUGE; k++)
			if (k != AREA_SHARED && !dev->refuted && !run_use(dev, &uses[i], k))
				return false;
	return true;
}

DEVMEM_SCENARIO(refcount, "refcount",
		"pages are held once for each of their mappings, and smaps adds up to it", 30);
