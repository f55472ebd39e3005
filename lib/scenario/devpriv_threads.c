/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: threads that use, move, unmap, protect and copy memory while others bring all of
 * it into the device and back. Each thread has a part of the area that it alone changes, and so knows
 * what every byte there must be; where pages are is everybody's business. What a thread does is drawn
 * from the run's seed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/devmem.h"
#include "scenario/pattern.h"

#define HUGE_BYTES (2u << 20)
#define THREADS 4
#define SMALL_PAGES 64 /* of a thread */

static const unsigned int seconds[NR_LEVELS] = {
	[LEVEL_QUICK] = 2,
	[LEVEL_STANDARD] = 6,
	[LEVEL_FULL] = 30,
	[LEVEL_SOAK] = 60,
};

#define MAX_OPS 16

struct worker {
	struct area *area;
	pthread_t thread;
	uint64_t seed, drawn;
	size_t first, pages; /* its part of the area */
	unsigned char *scratch; /* address space for as much */
	unsigned char *buffer; /* and memory */
	int64_t until; /* by clock_ns() */
	atomic_bool *stop; /* somebody has found something wrong */
	pthread_rwlock_t *moving; /* NULL: nothing needs to be done alone */
	uint64_t done[MAX_OPS]; /* of each operation */
	char *wrong; /* NULL: nothing */
};

static uint64_t draw(struct worker *w)
{
	uint64_t n = pattern_seed(w->seed, w->drawn++);

	return n ? n : draw(w);
}

static size_t bytes(size_t pages)
{
	return pages * page_size();
}

/* Only the first thing is kept: the rest follows from it. */
static bool wrong(struct worker *w, const char *fmt, ...) attr_printf(2, 3);
static bool wrong(struct worker *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!w->wrong)
		w->wrong = xvasprintf(fmt, ap);
	va_end(ap);
	return false;
}

static bool failed(struct worker *w, const char *what, size_t first, size_t nr)
{
	return wrong(w, "%s of %zu pages from page %zu on fails: %s", what, nr, first,
		     strerror(errno));
}

/* --- data: of the thread's own pages ---------------------------------------------------------- */

static bool holds(const unsigned char *at, size_t i, uint64_t seed, struct pattern_mismatch *m)
{
	if (seed)
		return pattern_verify(at, page_size(), seed, bytes(i), m);
	*m = (struct pattern_mismatch){ .len = page_size(), .wrong = page_size() };
	return !at[0] && memcmp(at, at + 1, page_size() - 1) == 0;
}

static bool check_at(struct worker *w, const unsigned char *at, size_t first, size_t nr,
		     const char *when)
{
	struct area *a = w->area;
	struct pattern_mismatch m;

	for (size_t i = first; i < first + nr; i++)
		if (!holds(at + bytes(i - first), i, a->seeds[i], &m)) {
			autofree char *text =
				a->seeds[i] ? pattern_mismatch_text(&m) : xstrdup("not zero");

			return wrong(w, "page %zu %s: %s", i, when, text);
		}
	return true;
}

static bool op_read(struct worker *w, size_t first, size_t nr)
{
	return check_at(w, area_page(w->area, first), first, nr, "read by the CPU");
}

static bool op_write(struct worker *w, size_t first, size_t nr)
{
	uint64_t seed = draw(w);

	pattern_fill(area_page(w->area, first), bytes(nr), seed, bytes(first));
	area_expect(w->area, first, nr, seed);
	return true;
}

/* --- the device reads and writes what is in it, which nobody can say beforehand --------------- */

static int device_do(struct worker *w, unsigned long request, size_t first, size_t nr,
		     uint64_t *pages)
{
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)area_page(w->area, first),
		.length = bytes(nr),
		.buffer = (uintptr_t)w->buffer,
	};
	int err = modfd_ioctl(w->area->dev->fd, request, &x);

	*pages = x.pages;
	return err ? err : x.result;
}

#define UNTOUCHED 0x5a

static bool is_untouched(const unsigned char *page)
{
	return page[0] == UNTOUCHED && memcmp(page, page + 1, page_size() - 1) == 0;
}

/* A huge page is asked for whole: kernels are wrong about the middle of one (HMM-WRONG-DEVICE-PAGE). */
static void widen(const struct worker *w, size_t *first, size_t *nr)
{
	if (bytes(w->pages) == HUGE_BYTES) {
		*first = w->first;
		*nr = w->pages;
	}
}

static bool op_device_read(struct worker *w, size_t first, size_t nr)
{
	uint64_t pages, seen = 0;
	int err;

	widen(w, &first, &nr);
	memset(w->buffer, UNTOUCHED, bytes(nr));
	err = device_do(w, P2PCERT_IOC_DEVPRIV_READ, first, nr, &pages);
	if (err)
		return wrong(w, "the device cannot read: %s", errno_text(err));
	for (size_t i = 0; i < nr; i++) {
		const unsigned char *page = w->buffer + bytes(i);

		if (is_untouched(page))
			continue;
		seen++;
		if (!check_at(w, page, first + i, 1, "read by the device"))
			return false;
	}
	return seen == pages ||
	       wrong(w, "the device says that it read %" PRIu64 " pages, and did %" PRIu64, pages,
		     seen);
}

/* Pages that were in the device are new now, the others as they were: as many as it says. */
static bool settle(struct worker *w, size_t first, size_t nr, uint64_t seed, uint64_t pages)
{
	struct area *a = w->area;
	struct pattern_mismatch m;
	uint64_t seen = 0;

	for (size_t i = first; i < first + nr; i++)
		if (holds(area_page(a, i), i, seed, &m)) {
			area_expect(a, i, 1, seed);
			seen++;
		}
	if (seen != pages)
		return wrong(w,
			     "the device says that it wrote %" PRIu64 " pages from page %zu on, "
			     "and did %" PRIu64,
			     pages, first, seen);
	return check_at(w, area_page(a, first), first, nr, "after the device wrote a part");
}

static bool op_device_write(struct worker *w, size_t first, size_t nr)
{
	uint64_t seed = draw(w), pages;
	int err;

	widen(w, &first, &nr);
	pattern_fill(w->buffer, bytes(nr), seed, bytes(first));
	err = device_do(w, P2PCERT_IOC_DEVPRIV_WRITE, first, nr, &pages);
	if (err)
		return wrong(w, "the device cannot write: %s", errno_text(err));
	if (pages == nr)
		area_expect(w->area, first, nr, seed);
	return pages == 0 || pages == nr || settle(w, first, nr, seed, pages);
}

/* --- moving: of everybody's pages ------------------------------------------------------------- */

static bool migrate(struct worker *w, unsigned long request, size_t first, size_t nr)
{
	struct p2pcert_devpriv_range range = {
		.addr = (uintptr_t)area_page(w->area, first),
		.length = bytes(nr),
	};
	int err = modfd_ioctl(w->area->dev->fd, request, &range);

	if (!err)
		err = range.result;
	if (err)
		return wrong(w, "migration of %zu pages from page %zu on fails: %s", nr, first,
			     errno_text(err));
	return range.pages <= nr || wrong(w, "of %zu pages, %" PRIu64 " are said to be moved", nr,
					  (uint64_t)range.pages);
}

static bool op_to_device(struct worker *w, size_t first, size_t nr)
{
	return migrate(w, P2PCERT_IOC_DEVPRIV_TO_DEVICE, first, nr);
}

static bool op_to_ram(struct worker *w, size_t first, size_t nr)
{
	return migrate(w, P2PCERT_IOC_DEVPRIV_TO_RAM, first, nr);
}

static bool op_evict(struct worker *w, size_t first, size_t nr)
{
	struct p2pcert_devpriv_evict e = { .pages = nr };
	int err = modfd_ioctl(w->area->dev->fd, P2PCERT_IOC_DEVPRIV_EVICT, &e);

	(void)first; /* whoever's pages they are */
	return !err || wrong(w, "eviction of %zu pages fails: %s", nr, errno_text(err));
}

/* --- the address space: of the thread's own pages --------------------------------------------- */

static bool op_remap(struct worker *w, size_t first, size_t nr)
{
	unsigned char *at = area_page(w->area, first);

	/* in one step, so that nobody else's mapping comes to lie in a hole */
	if (mmap(at, bytes(nr), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) != at)
		return failed(w, "mmap()", first, nr);
	if (bytes(w->pages) == HUGE_BYTES)
		(void)madvise(at, bytes(nr), MADV_HUGEPAGE);
	area_expect(w->area, first, nr, 0);
	return true;
}

static bool op_discard(struct worker *w, size_t first, size_t nr)
{
	if (madvise(area_page(w->area, first), bytes(nr), MADV_DONTNEED) < 0)
		return failed(w, "MADV_DONTNEED", first, nr);
	area_expect(w->area, first, nr, 0);
	return true;
}

static bool op_protect(struct worker *w, size_t first, size_t nr)
{
	unsigned char *at = area_page(w->area, first);
	bool right;

	if (mprotect(at, bytes(nr), PROT_READ) < 0)
		return failed(w, "mprotect()", first, nr);
	right = check_at(w, at, first, nr, "read-only");
	if (mprotect(at, bytes(nr), PROT_READ | PROT_WRITE) < 0)
		return failed(w, "mprotect() back", first, nr);
	return right;
}

/*
 * To the scratch place, and back. The mapping stays, as its address must. What the other operations
 * have cut into several mappings cannot be moved at once: EFAULT, and nothing has changed.
 */
static bool op_move(struct worker *w, size_t first, size_t nr)
{
	unsigned char *at = area_page(w->area, first);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

	if (mremap(at, bytes(nr), bytes(nr), flags, w->scratch) != w->scratch)
		return errno == EFAULT ? op_read(w, first, nr) : failed(w, "mremap()", first, nr);
	if (draw(w) % 2 && !check_at(w, w->scratch, first, nr, "where mremap() moved it"))
		return false;
	if (mremap(w->scratch, bytes(nr), bytes(nr), flags, at) != at)
		return failed(w, "mremap() back", first, nr);
	return true;
}

static void attr_noreturn child_waits(int told)
{
	char byte;

	_exit(read(told, &byte, 1) != 1);
}

/* All pages are a child's as well for a moment, and so are copied when they are written. */
static bool op_fork(struct worker *w, size_t first, size_t nr)
{
	int status = 0, told[2];
	pid_t pid;

	if (pipe2(told, O_CLOEXEC) < 0)
		return failed(w, "pipe()", first, nr);
	pid = fork();
	if (pid == 0)
		child_waits(told[0]);
	if (pid > 0)
		(void)op_write(w, first, nr);
	if (pid > 0 && write(told[1], "", 1) != 1)
		kill(pid, SIGKILL);
	close(told[0]);
	close(told[1]);
	if (pid < 0)
		return failed(w, "fork()", first, nr);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return failed(w, "waitpid()", first, nr);
	return status == 0 || wrong(w, "a child ended with status 0x%x", (unsigned int)status);
}

/* --- drawing ---------------------------------------------------------------------------------- */

/*
 * Some operations unmap what others may be bringing back just then. Of huge pages that is left to
 * devpriv.zap-moving: 7.2 and 7.3 free such a page too early (finding HMM-ZAP-MOVING-HUGE).
 */
static const struct op {
	const char *name;
	unsigned int weight;
	bool everybodys; /* any pages of the area, not only the thread's own */
	bool alone; /* where the pages are huge */
	bool (*run)(struct worker *w, size_t first, size_t nr);
} ops[] = {
	{ "to-device", 8, true, false, op_to_device },
	{ "to-ram", 2, true, true, op_to_ram },
	{ "evict", 1, true, true, op_evict },
	{ "read", 4, false, false, op_read },
	{ "write", 4, false, false, op_write },
	{ "device-read", 4, false, false, op_device_read },
	{ "device-write", 4, false, false, op_device_write },
	{ "remap", 1, false, false, op_remap },
	{ "discard", 1, false, false, op_discard },
	{ "mprotect", 2, false, false, op_protect },
	{ "mremap", 2, false, false, op_move },
	{ "fork", 1, false, true, op_fork },
};

_Static_assert(ARRAY_LEN(ops) <= MAX_OPS, "a worker counts each operation");

static size_t draw_op(struct worker *w)
{
	unsigned int sum = 0;
	uint64_t at;
	size_t i;

	for (i = 0; i < ARRAY_LEN(ops); i++)
		sum += ops[i].weight;
	at = draw(w) % sum;
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	return i;
}

static void begin(struct worker *w, const struct op *op)
{
	if (w->moving && op->alone)
		pthread_rwlock_wrlock(w->moving);
	else if (w->moving)
		pthread_rwlock_rdlock(w->moving);
}

/* Half of the ranges are all that there is: huge pages are to move whole, too. */
static bool step(struct worker *w, size_t i)
{
	size_t first = ops[i].everybodys ? 0 : w->first;
	size_t pages = ops[i].everybodys ? w->area->pages : w->pages;
	size_t at = 0, nr = pages;
	bool right;

	if (draw(w) % 2) {
		at = draw(w) % pages;
		nr = 1 + draw(w) % (pages - at);
	}
	w->done[i]++;
	begin(w, &ops[i]);
	right = ops[i].run(w, first + at, nr);
	if (w->moving)
		pthread_rwlock_unlock(w->moving);
	return right;
}

/*
 * Each operation once, however slow the machine is, and not the one that the others are at; then as they
 * are drawn.
 */
static void *work(void *arg)
{
	struct worker *w = arg;
	size_t steps = 0, begin = w->first / w->pages * ARRAY_LEN(ops) / THREADS;

	while (!atomic_load(w->stop) && (steps < ARRAY_LEN(ops) || clock_ns() < w->until)) {
		size_t i = steps < ARRAY_LEN(ops) ? (begin + steps) % ARRAY_LEN(ops) : draw_op(w);

		if (!step(w, i))
			atomic_store(w->stop, true);
		steps++;
	}
	return NULL;
}

/* --- one area --------------------------------------------------------------------------------- */

static bool worker_begin(struct worker *w)
{
	int err;

	w->buffer = xcalloc(w->pages, page_size());
	w->scratch = mmap(NULL, bytes(w->pages), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->scratch == MAP_FAILED) {
		w->scratch = NULL;
		err = errno;
	} else {
		err = pthread_create(&w->thread, NULL, work, w);
	}
	if (err)
		scn_error(w->area->dev->ctx, ERROR_SETUP, "cannot start a thread: %s",
			  strerror(err));
	return !err;
}

static void worker_end(struct worker *w)
{
	if (w->wrong)
		devmem_refute(w->area->dev, EVIDENCE_DATA, "%s, of thread %zu: %s", w->area->name,
			      w->first / w->pages, w->wrong);
	if (w->scratch)
		munmap(w->scratch, bytes(w->pages));
	free(w->buffer);
	free(w->wrong);
}

static void say_done(const struct area *a, const struct worker *workers)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		uint64_t sum = 0;

		for (size_t t = 0; t < THREADS; t++)
			sum += workers[t].done[i];
		devmem_prove(a->dev, EVIDENCE_DATA, "%s: %" PRIu64 " times %s", a->name, sum,
			     ops[i].name);
	}
}

static bool run_threads(struct area *a, int64_t until, pthread_rwlock_t *moving)
{
	struct worker workers[THREADS] = { 0 };
	atomic_bool stop = false;
	size_t started = 0;

	for (size_t t = 0; t < THREADS; t++) {
		struct worker *w = &workers[t];

		w->area = a;
		w->seed = area_seed(a);
		w->pages = a->pages / THREADS;
		w->first = t * w->pages;
		w->until = until;
		w->stop = &stop;
		w->moving = moving;
	}
	while (started < THREADS && worker_begin(&workers[started]))
		started++;
	if (started < THREADS)
		atomic_store(&stop, true);
	for (size_t t = 0; t < started; t++)
		pthread_join(workers[t].thread, NULL);
	if (started == THREADS)
		say_done(a, workers);
	for (size_t t = 0; t < THREADS; t++)
		worker_end(&workers[t]);
	return started == THREADS;
}

static bool run_area(struct devmem *dev, enum area_kind kind, size_t pages, const char *name)
{
	int64_t ns = seconds[scn_env(dev->ctx)->level] * NS_PER_S;
	struct area *a = area_new(dev, kind, pages * THREADS, name);
	pthread_rwlock_t moving = PTHREAD_RWLOCK_INITIALIZER;
	bool ok = true;

	if (!a)
		return false;
	area_fill(a, 0, a->pages);
	/* one part first, alone: a device that does not work is seen as such */
	if (area_send(a, 0, pages) && area_check_device(a, 0, pages, "before the threads")) {
		ok = run_threads(a, clock_ns() + ns, kind == AREA_HUGE ? &moving : NULL);
		area_check(a, 0, a->pages, "after the threads");
	}
	area_end(a);
	return ok;
}

static bool body_multithread(struct devmem *dev)
{
	return run_area(dev, AREA_PRIVATE, SMALL_PAGES, "pages") &&
	       (dev->refuted || run_area(dev, AREA_HUGE, HUGE_BYTES / page_size(), "huge pages"));
}

DEVMEM_SCENARIO(multithread, "multithread",
		"threads use, move, unmap and copy memory while it goes to the device and back",
		90);
