/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: memory that migrates into a device whose memory the CPU cannot reach, and
 * comes back. The device is the module p2pcert_devpriv; what it says of itself is never enough: that
 * pages have left is read from the page table, that data is in the device from what the device alone
 * reads, and that the device's writes count from what the CPU finds when it faults pages back.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/devmem.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"
#include "scenario/scenario.h"

/* The mapping begins at a multiple of this, so that odd numbers of guard pages are odd offsets. */
#define MAPPING_ALIGN (2u << 20)
/* What passes between us and the device at a time. */
#define CHUNK (1u << 20)
/* A page that somebody else holds for a moment is migrated by a later try. */
#define MIGRATE_TRIES 20

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/*
 * A range of a mapping: pages before and behind it must stay where they are. The first of 2 MiB is one
 * aligned PMD, the second lies across two.
 */
static const struct round_case {
	enum level level; /* the first that it is part of */
	uint64_t bytes;
	size_t before, after; /* pages */
} cases[] = {
	{ LEVEL_QUICK, KIB(4), 1, 1 },      { LEVEL_QUICK, KIB(64), 3, 5 },
	{ LEVEL_QUICK, MIB(1), 9, 2 },      { LEVEL_STANDARD, MIB(2), 512, 1 },
	{ LEVEL_STANDARD, MIB(2), 1, 2 },   { LEVEL_STANDARD, MIB(16), 7, 3 },
	{ LEVEL_STANDARD, MIB(128), 1, 1 }, { LEVEL_STANDARD, GIB(1), 5, 7 },
	{ LEVEL_FULL, GIB(4), 3, 1 },
};

/* Some also with a DMA engine: emulated ones take 200 ms a page. */
static const struct round_case engine_cases[] = {
	{ LEVEL_QUICK, KIB(4), 1, 1 },
	{ LEVEL_QUICK, KIB(16), 3, 5 },
	{ LEVEL_FULL, KIB(64), 7, 3 },
};

/* Of the memory that is available, the part that a range may take. */
static const unsigned int memory_parts[NR_LEVELS] = {
	[LEVEL_QUICK] = 16,
	[LEVEL_STANDARD] = 16,
	[LEVEL_FULL] = 4,
	[LEVEL_SOAK] = 4,
};

/* One case while it runs. */
struct round {
	struct devmem *dev;
	const char *engine; /* the channel that copies; NULL: the CPU does */
	char *name; /* "2097152 bytes at page 1" of the area */
	void *mapping; /* as the kernel gave it, larger than the area for its alignment */
	size_t mapping_len;
	unsigned char *area;
	size_t area_len;
	unsigned char *range; /* in the area */
	size_t len, pages;
	uint64_t first, second, guard; /* seeds */
	unsigned char *chunk;
};

static void refute(struct round *r, enum evidence_kind kind, const char *fmt, ...)
	attr_printf(3, 4);
static void refute(struct round *r, enum evidence_kind kind, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	devmem_refute(r->dev, kind, "%s: %s", r->name, text);
}

/* What began at start, by clock_ns(), is over. */
static void measure(struct round *r, const char *what, int64_t start)
{
	size_t first = (size_t)(r->range - r->area) / page_size();
	const char *by = r->engine ? r->engine : r->dev->is_bar ? "bar" : NULL;
	autofree char *name =
		xasprintf("%s.%zu@%zu%s%s", what, r->len, first, by ? "." : "", by ? by : "");
	int64_t ns = clock_ns() - start;

	if (ns > 0)
		scn_measure(r->dev->ctx, name, "pages/s", (double)r->pages * NS_PER_S / (double)ns);
}

/* --- steps ------------------------------------------------------------------------------------ */

/* Migrates the range; pages is how many the device says it took. */
static int migrate(struct round *r, uint64_t *pages)
{
	const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };
	struct p2pcert_devpriv_range range;
	int err = 0;

	*pages = 0;
	for (int i = 0; i < MIGRATE_TRIES && !err && *pages < r->pages; i++) {
		if (i)
			nanosleep(&moment, NULL);
		range = (struct p2pcert_devpriv_range){
			.addr = (uintptr_t)r->range,
			.length = r->len,
		};
		err = modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_TO_DEVICE, &range);
		if (!err)
			err = range.result;
		if (!err)
			*pages += range.pages;
	}
	return err;
}

/* Does the page table say that the range is away, and all around it still here? */
static void look_away(struct round *r, const char *when)
{
	size_t before = (size_t)(r->range - r->area), behind = before + r->len;
	struct pagemap_count range, low, high;
	int err = pagemap_count(r->dev->pagemap, r->range, r->len, &range);

	if (!err)
		err = pagemap_count(r->dev->pagemap, r->area, before, &low);
	if (!err)
		err = pagemap_count(r->dev->pagemap, r->area + behind, r->area_len - behind, &high);
	if (err)
		devmem_missing(r->dev, EVIDENCE_PATH, "%s: the page table cannot be read: %s",
			       r->name, strerror(-err));
	else if (range.swap != r->pages)
		refute(r, EVIDENCE_PATH,
		       "%s, %zu of %zu pages are not mapped, %zu are still in memory, %zu gone",
		       when, range.swap, range.pages, range.present, range.none);
	else if (low.present != low.pages || high.present != high.pages)
		refute(r, EVIDENCE_PATH, "%s, %zu of %zu pages around the range are not in memory",
		       when, low.pages + high.pages - low.present - high.present,
		       low.pages + high.pages);
}

/* The device reads n bytes at addr into the chunk, which holds something else before. */
static int device_read(struct round *r, const unsigned char *addr, size_t n, uint64_t *pages)
{
	struct p2pcert_devpriv_access a = {
		.addr = (uintptr_t)addr,
		.length = n,
		.buffer = (uintptr_t)r->chunk,
	};
	int err;

	pattern_fill(r->chunk, n, r->guard, 0);
	err = modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_READ, &a);
	*pages = a.pages;
	return err ? err : a.result;
}

static int device_write(struct round *r, unsigned char *addr, size_t n, uint64_t *pages)
{
	struct p2pcert_devpriv_access a = {
		.addr = (uintptr_t)addr,
		.length = n,
		.buffer = (uintptr_t)r->chunk,
	};
	int err;

	pattern_fill(r->chunk, n, r->second, (uint64_t)(addr - r->range));
	err = modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_WRITE, &a);
	*pages = a.pages;
	return err ? err : a.result;
}

/* The device holds what the CPU wrote: the device itself reads it, page for page. */
static void check_device_holds(struct round *r)
{
	for (size_t at = 0, n; at < r->len; at += n) {
		struct pattern_mismatch m;
		uint64_t pages;
		int err;

		n = r->len - at < CHUNK ? r->len - at : CHUNK;
		err = device_read(r, r->range + at, n, &pages);
		if (err || pages != n / page_size()) {
			refute(r, EVIDENCE_DATA,
			       "the device has %" PRIu64 " of %zu pages at offset 0x%zx (%s)",
			       pages, n / page_size(), at, err ? errno_text(err) : "no error");
			return;
		}
		if (!pattern_verify(r->chunk, n, r->first, at, &m)) {
			autofree char *text = pattern_mismatch_text(&m);

			refute(r, EVIDENCE_DATA, "what the device holds from offset 0x%zx on: %s",
			       at, text);
			return;
		}
	}
}

/* Nothing of what surrounds the range is in the device. */
static void check_device_lacks(struct round *r, const unsigned char *addr, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		uint64_t pages;
		int err;

		n = len - at < CHUNK ? len - at : CHUNK;
		err = device_read(r, addr + at, n, &pages);
		if (err || pages)
			refute(r, EVIDENCE_DATA,
			       "the device has %" PRIu64 " pages around the range (%s)", pages,
			       err ? errno_text(err) : "no error");
	}
}

static void write_in_device(struct round *r)
{
	for (size_t at = 0, n; at < r->len; at += n) {
		uint64_t pages;
		int err;

		n = r->len - at < CHUNK ? r->len - at : CHUNK;
		err = device_write(r, r->range + at, n, &pages);
		if (err || pages != n / page_size()) {
			refute(r, EVIDENCE_DATA,
			       "the device wrote %" PRIu64 " of %zu pages at offset 0x%zx (%s)",
			       pages, n / page_size(), at, err ? errno_text(err) : "no error");
			return;
		}
	}
}

/* The CPU touches each page once, and so brings it back. */
static void fault_back(const struct round *r)
{
	for (size_t at = 0; at < r->len; at += page_size())
		(void)*(volatile unsigned char *)(r->range + at);
}

static void check_back(struct round *r)
{
	struct pattern_mismatch m;
	struct pagemap_count c;
	int err = pagemap_count(r->dev->pagemap, r->range, r->len, &c);

	if (!err && c.present != c.pages)
		refute(r, EVIDENCE_PATH, "touched by the CPU, %zu of %zu pages are not back",
		       c.pages - c.present, c.pages);
	if (!pattern_verify(r->range, r->len, r->second, 0, &m)) {
		autofree char *text = pattern_mismatch_text(&m);

		refute(r, EVIDENCE_DATA, "what came back is not what the device wrote: %s", text);
	}
	if (!pattern_guard_verify(r->area, r->area_len, (size_t)(r->range - r->area), r->len,
				  r->guard, &m)) {
		autofree char *text = pattern_mismatch_text(&m);

		refute(r, EVIDENCE_DATA, "memory around the range changed: %s", text);
	}
}

static void check_counters(struct round *r, const struct p2pcert_devpriv_counters *before)
{
	struct p2pcert_devpriv_counters now = { 0 };
	int err = modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &now);
	uint64_t out = now.pages_to_device - before->pages_to_device;
	uint64_t back = now.pages_to_ram - before->pages_to_ram;
	uint64_t faults = now.cpu_faults - before->cpu_faults;

	if (err) {
		devmem_missing(r->dev, EVIDENCE_COUNTERS,
			       "%s: the module does not tell its counters: %s", r->name,
			       strerror(-err));
		return;
	}
	/* A fault that meets a page being held elsewhere happens again. */
	if (out != r->pages || back != r->pages || faults < r->pages ||
	    now.pages_evicted != before->pages_evicted)
		refute(r, EVIDENCE_COUNTERS,
		       "%zu pages went out and back, and the counters say %" PRIu64 " out, %" PRIu64
		       " back, %" PRIu64 " CPU faults, %" PRIu64 " evicted",
		       r->pages, out, back, faults,
		       (uint64_t)(now.pages_evicted - before->pages_evicted));
	else
		devmem_prove(r->dev, EVIDENCE_COUNTERS,
			     "%s: %" PRIu64 " pages out, %" PRIu64 " back, %" PRIu64 " CPU faults",
			     r->name, out, back, faults);
	if (now.pages_in_use != before->pages_in_use)
		refute(r, EVIDENCE_LEAK,
		       "%" PRIu64 " pages were in the device before, %" PRIu64 " are now",
		       (uint64_t)before->pages_in_use, (uint64_t)now.pages_in_use);
}

/* --- one case --------------------------------------------------------------------------------- */

static bool round_begin(struct round *r, const struct round_case *c)
{
	size_t page = page_size();
	uintptr_t start;

	r->len = c->bytes > page ? c->bytes : page;
	r->pages = r->len / page;
	r->area_len = r->len + (c->before + c->after) * page;
	r->mapping_len = r->area_len + MAPPING_ALIGN;
	r->name = xasprintf("%zu bytes at page %zu%s%s", r->len, c->before,
			    r->engine ? ", by " : "", r->engine ? r->engine : "");
	r->mapping = mmap(NULL, r->mapping_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	if (r->mapping == MAP_FAILED) {
		scn_error(r->dev->ctx, ERROR_SETUP, "cannot map %zu bytes: %s", r->mapping_len,
			  strerror(errno));
		free(r->name);
		return false;
	}
	/* Huge pages have a scenario of their own; a kernel without them refuses, which is as good. */
	(void)madvise(r->mapping, r->mapping_len, MADV_NOHUGEPAGE);
	start = ((uintptr_t)r->mapping + MAPPING_ALIGN - 1) & ~(uintptr_t)(MAPPING_ALIGN - 1);
	r->area = (unsigned char *)start;
	r->range = r->area + c->before * page;
	pattern_guard_fill(r->area, r->area_len, c->before * page, r->len, r->guard);
	pattern_fill(r->range, r->len, r->first, 0);
	return true;
}

static void round_end(struct round *r)
{
	munmap(r->mapping, r->mapping_len);
	free(r->name);
}

static void round_steps(struct round *r, const struct p2pcert_devpriv_counters *before)
{
	size_t behind = (size_t)(r->range - r->area) + r->len;
	int64_t start = clock_ns();
	uint64_t pages;
	int err;

	err = migrate(r, &pages);
	measure(r, "to-device", start);
	if (err || pages != r->pages)
		refute(r, EVIDENCE_PATH, "%" PRIu64 " of %zu pages migrated to the device (%s)",
		       pages, r->pages, err ? errno_text(err) : "no error");
	look_away(r, "migrated");
	check_device_holds(r);
	check_device_lacks(r, r->area, (size_t)(r->range - r->area));
	check_device_lacks(r, r->area + behind, r->area_len - behind);
	write_in_device(r);
	look_away(r, "written by the device");
	start = clock_ns();
	fault_back(r);
	measure(r, "cpu-fault-back", start);
	check_back(r);
	check_counters(r, before);
}

/* False after scn_error(). */
static bool run_case(struct round *r, const struct round_case *c, uint64_t nr)
{
	struct p2pcert_devpriv_counters before = { 0 };
	uint64_t seed = scn_env(r->dev->ctx)->seed;
	int err = modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &before);

	if (err) {
		scn_error(r->dev->ctx, ERROR_SETUP, "%s: the module does not tell its counters: %s",
			  r->dev->name, strerror(-err));
		return false;
	}
	r->first = pattern_seed(seed, 3 * nr);
	r->second = pattern_seed(seed, 3 * nr + 1);
	r->guard = pattern_seed(seed, 3 * nr + 2);
	if (!round_begin(r, c))
		return false;
	round_steps(r, &before);
	if (!r->dev->refuted) {
		devmem_prove(r->dev, EVIDENCE_DATA,
			     "%s: the device read what the CPU wrote, the CPU what the device "
			     "wrote; guards untouched",
			     r->name);
		devmem_prove(r->dev, EVIDENCE_PATH,
			     "%s: %zu pages left the page table, and came back when touched",
			     r->name, r->pages);
	}
	round_end(r);
	return true;
}

/*
 * The largest range that the machine can spare: it is in memory or in the device, which takes its
 * memory from the same place, and some is needed for the tables of both. Of a BAR, no more than half.
 */
static uint64_t largest_range(const struct devmem *dev, enum level level)
{
	uint64_t available;

	if (dev->is_bar)
		return dev->pages * page_size() / 2;
	if (proc_status_bytes("/proc/meminfo", "MemAvailable", &available) < 0)
		return MIB(16);
	available /= memory_parts[level];
	return available > MIB(2) ? available : MIB(2);
}

/* False after scn_error(). */
static bool run_cases(struct round *r)
{
	enum level level = scn_env(r->dev->ctx)->level;
	uint64_t largest = largest_range(r->dev, level);
	bool going = true;

	for (size_t i = 0; i < ARRAY_LEN(cases) && going && !r->dev->refuted; i++)
		if (cases[i].level <= level && cases[i].bytes <= largest)
			going = run_case(r, &cases[i], i);
	return going;
}

/* All that went out and back must have been copied by the engine. */
static void check_engine(struct round *r, const struct p2pcert_devpriv_counters *before,
			 uint64_t pages)
{
	struct p2pcert_devpriv_counters now = { 0 };
	int err = modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &now);
	uint64_t by_engine = now.engine_copied - before->engine_copied;
	uint64_t by_cpu = now.cpu_copied - before->cpu_copied;
	bool right = !err && by_engine == pages && !by_cpu;

	(right ? devmem_prove : devmem_refute)(r->dev, EVIDENCE_PATH,
					       "%" PRIu64 " pages were copied, %" PRIu64
					       " by the engine %s, %" PRIu64 " by the CPU",
					       pages, by_engine, r->engine, by_cpu);
}

/* With a DMA engine if there is one. False after scn_error(). */
static bool run_by_engine(struct round *r)
{
	struct p2pcert_devpriv_counters before = { 0 };
	struct p2pcert_devpriv_engine e;
	uint64_t pages = 0;
	bool going = true;

	if (devmem_engine_find(r->dev->fd, scn_env(r->dev->ctx)->sysroot, &e) < 0 ||
	    modfd_ioctl(r->dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &before) < 0) {
		devmem_prove(r->dev, EVIDENCE_PATH,
			     "the CPU copied: no DMA engine is free and copies memory");
		return true;
	}
	r->engine = e.channel;
	for (size_t i = 0; i < ARRAY_LEN(engine_cases) && going && !r->dev->refuted; i++) {
		if (engine_cases[i].level > scn_env(r->dev->ctx)->level)
			continue;
		going = run_case(r, &engine_cases[i], ARRAY_LEN(cases) + i);
		pages += 2 * (engine_cases[i].bytes / page_size());
	}
	if (going && !r->dev->refuted)
		check_engine(r, &before, pages);
	r->engine = NULL;
	return going;
}

/* How an engine reaches a BAR is for devpriv.engine-copy. */
static bool body_roundtrip(struct devmem *dev)
{
	autofree unsigned char *chunk = xcalloc(1, CHUNK);
	struct round r = { .dev = dev, .chunk = chunk };

	return run_cases(&r) && (dev->is_bar || dev->refuted || run_by_engine(&r));
}

static enum outcome run_roundtrip(struct scenario_ctx *ctx)
{
	return devmem_run(ctx, body_roundtrip);
}

const struct scenario scenario_devpriv_roundtrip = {
	.id = "devpriv.roundtrip",
	.title = "memory migrates into a device, is used there, and faults back",
	.NEEDS(DEVMEM_NEEDS, { NEED_MODULE, "p2pcert_edu" }, { NEED_MEMORY, "64M" }),
	.evidence = DEVMEM_EVIDENCE,
	.safety = SAFETY_SAFE_BUT_NAMED,
	.level = LEVEL_QUICK,
	.seconds = 120,
	.FAULTS(DEVMEM_FAULT_NAMES),
	.run = run_roundtrip,
};
