/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * devpriv-stress SEED SECONDS [BAR]: processes that do, each in an order of its own, whatever can be
 * done to memory and to p2pcert_devpriv, and are killed while they do it. Each page that is written is
 * written whole, with one word of the writer's, so that a page which is torn, or another process's,
 * is seen. That the kernel log stays clean and the module can go is for the script that runs this.
 *
 * What 7.2 and 7.3 are known not to survive is left to the scenarios that show it: for the first half
 * of the time memory may be huge, but pages are not brought back by other processes, for the second it
 * is the other way round (see struct mode).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/attr.h"
#include "base/pciaddr.h"
#include "scenario/pattern.h"
#include "uapi/p2pcert.h"

#ifndef MADV_COLLAPSE /* C libraries before 2.37 */
#define MADV_COLLAPSE 25
#endif

#define WORKERS 4
#define PAGE 4096ul
#define WORDS (PAGE / sizeof(uint64_t))
#define HUGE (2ul << 20)
#define HUGE_PAGES (HUGE / PAGE)
#define RESERVED (4 * HUGE) /* address space, in which an area of any mode has its place */
#define MAX_BATCH 64 /* pages of most operations */
#define CHILD_STEPS 30

/* What a driver must live with, and that ends by itself and loses nothing. */
#define HARMLESS \
	(P2PCERT_FAULT_NO_DEVICE_MEMORY | P2PCERT_FAULT_DELAY | P2PCERT_FAULT_ABORT | \
	 P2PCERT_FAULT_INVALIDATED)

/*
 * The kernel frees a huge page in the device that is unmapped while another process has it brought back
 * (finding HMM-ZAP-MOVING-HUGE), and tells wrong pages of one to who asks for a part of it
 * (HMM-WRONG-DEVICE-PAGE).
 */
struct mode {
	size_t pages; /* of the area */
	size_t offset; /* of it from where a huge page could be; not 0: it has none */
	bool eviction; /* by others than who has the memory */
};

static const struct mode modes[] = {
	{ .pages = 2 * HUGE_PAGES },
	{ .pages = HUGE_PAGES, .offset = HUGE / 2, .eviction = true },
};

struct worker {
	const struct mode *mode;
	uint64_t seed, draws;
	uint64_t tag; /* high half of every word that it and its children write */
	uint64_t written;
	unsigned char *area;
	int fd;
	int parent_fd; /* -1: this is nobody's child */
	bool is_child;
	struct p2pcert_bdf *bar; /* NULL: none */
	atomic_ulong *done; /* of each operation, over all processes */
};

/* A part of the area, and a buffer for its data. */
struct part {
	size_t first, nr;
	unsigned char *at;
	size_t len;
	uint64_t *buffer;
};

static uint64_t draw(struct worker *w, uint64_t below)
{
	return pattern_seed(w->seed, ++w->draws) % below;
}

static struct part draw_part(struct worker *w)
{
	static _Thread_local uint64_t buffer[HUGE / sizeof(uint64_t)];
	struct part p = { .buffer = buffer };

	/* now and then a whole huge page */
	if (draw(w, 8) == 0) {
		p.first = draw(w, w->mode->pages / HUGE_PAGES) * HUGE_PAGES;
		p.nr = HUGE_PAGES;
	} else {
		p.nr = 1 + draw(w, MAX_BATCH);
		p.first = draw(w, w->mode->pages - p.nr);
	}
	p.at = w->area + p.first * PAGE;
	p.len = p.nr * PAGE;
	return p;
}

/* What a device is asked for: all of what may be a huge page in it. */
static struct part draw_for_device(struct worker *w)
{
	struct part p = draw_part(w);

	if (!w->mode->offset) {
		p.first -= p.first % HUGE_PAGES;
		p.nr = HUGE_PAGES;
	}
	p.at = w->area + p.first * PAGE;
	p.len = p.nr * PAGE;
	return p;
}

static uint64_t new_word(struct worker *w)
{
	return w->tag | (++w->written & 0xffffffff);
}

/* --- the CPU ---------------------------------------------------------------------------------- */

/* volatile: set before memory is touched, and not for longer */
static _Thread_local sigjmp_buf *volatile fault;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(*fault, 1);
}

/* Where there is no page, or no right to it, there is nothing to do. */
#define IF_MAPPED(statement) \
	({ \
		sigjmp_buf here; \
		bool mapped = sigsetjmp(here, 1) == 0; \
		fault = &here; \
		if (mapped) \
			statement; \
		fault = NULL; \
		mapped; \
	})

static void fill(volatile uint64_t *page, uint64_t word)
{
	for (size_t i = 0; i < WORDS; i++)
		page[i] = word;
}

/* The first word of a page is for sums; the others are all zero or one word of this family. */
static void look(const struct worker *w, const volatile uint64_t *page)
{
	uint64_t word = page[1];
	size_t i = 1;

	while (i < WORDS && page[i] == word)
		i++;
	if (i == WORDS && (!word || (word & ~0xffffffffull) == w->tag))
		return;
	fprintf(stderr,
		"devpriv-stress: seed 0x%" PRIx64 ", draw %" PRIu64 ": page %zu has 0x%" PRIx64
		", and 0x%" PRIx64 " at word %zu; words of this process are 0x%" PRIx64 "\n",
		w->seed, w->draws, (size_t)((const unsigned char *)page - w->area) / PAGE, word,
		page[i % WORDS], i, w->tag);
	_exit(1);
}

static bool cpu_write(struct worker *w)
{
	struct part p = draw_part(w);
	uint64_t word = new_word(w);
	bool any = false;

	for (size_t i = 0; i < p.nr; i++)
		any |= IF_MAPPED(fill((volatile uint64_t *)(p.at + i * PAGE), word));
	return any;
}

static bool cpu_read(struct worker *w)
{
	struct part p = draw_part(w);
	bool any = false;

	for (size_t i = 0; i < p.nr; i++)
		any |= IF_MAPPED(look(w, (const volatile uint64_t *)(p.at + i * PAGE)));
	return any;
}

/* --- the address space ------------------------------------------------------------------------ */

static bool do_munmap(struct worker *w)
{
	struct part p = draw_part(w);

	return munmap(p.at, p.len) == 0;
}

/* What is shared no child gets: two who write to it at once would tear it. */
static bool do_mmap(struct worker *w)
{
	struct part p = draw_part(w);
	bool shared = draw(w, 8) == 0;
	int flags = MAP_ANONYMOUS | MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE);

	return mmap(p.at, p.len, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED &&
	       (!shared || madvise(p.at, p.len, MADV_DONTFORK) == 0);
}

static bool do_mremap(struct worker *w)
{
	struct part from = draw_part(w), to = draw_part(w);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (draw(w, 4) ? 0 : MREMAP_DONTUNMAP);

	if (from.nr > to.nr)
		from.len = to.len;
	return mremap(from.at, from.len, from.len, flags, to.at) != MAP_FAILED;
}

static bool do_mprotect(struct worker *w)
{
	static const int rights[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	struct part p = draw_part(w);

	return mprotect(p.at, p.len, rights[draw(w, ARRAY_LEN(rights))]) == 0;
}

static bool do_madvise(struct worker *w)
{
	static const int advice[] = { MADV_DONTNEED,      MADV_FREE,     MADV_HUGEPAGE,
				      MADV_NOHUGEPAGE,    MADV_COLLAPSE, MADV_PAGEOUT,
				      MADV_POPULATE_WRITE };
	struct part p = draw_part(w);
	int chosen = advice[draw(w, ARRAY_LEN(advice))];

	/* nothing keeps a child's device from bringing back just then what it sees of its parent */
	if (chosen == MADV_DONTNEED && !w->mode->offset)
		chosen = MADV_FREE;
	return madvise(p.at, p.len, chosen) == 0;
}

/* The whole area as it was in the beginning: else there would soon be little left. */
static bool do_renew(struct worker *w)
{
	const size_t len = w->mode->pages * PAGE;

	return mmap(w->area, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) != MAP_FAILED &&
	       madvise(w->area, len, MADV_HUGEPAGE) == 0;
}

/* --- the device ------------------------------------------------------------------------------- */

static bool move(struct worker *w, unsigned long request)
{
	struct part p = draw_part(w);
	struct p2pcert_devpriv_range r = { .addr = (uintptr_t)p.at, .length = p.len };

	return ioctl(w->fd, request, &r) == 0 && r.pages;
}

static bool to_device(struct worker *w)
{
	return move(w, P2PCERT_IOC_DEVPRIV_TO_DEVICE);
}

static bool to_ram(struct worker *w)
{
	return move(w, P2PCERT_IOC_DEVPRIV_TO_RAM);
}

static bool exclusive(struct worker *w)
{
	return move(w, P2PCERT_IOC_DEVPRIV_EXCLUSIVE);
}

static bool transfer(struct worker *w, int fd, unsigned long request)
{
	struct part p = draw_for_device(w);
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)p.at,
		.length = p.len,
		.buffer = (uintptr_t)p.buffer,
	};
	uint64_t word = new_word(w);

	for (size_t i = 0; i < p.nr * WORDS; i++)
		p.buffer[i] = word;
	return ioctl(fd, request, &x) == 0 && x.pages;
}

static bool device_read(struct worker *w)
{
	return transfer(w, w->fd, P2PCERT_IOC_DEVPRIV_READ);
}

static bool device_write(struct worker *w)
{
	return transfer(w, w->fd, P2PCERT_IOC_DEVPRIV_WRITE);
}

static bool mirror_read(struct worker *w)
{
	return transfer(w, w->fd, P2PCERT_IOC_DEVPRIV_MIRROR_READ);
}

static bool mirror_write(struct worker *w)
{
	return transfer(w, w->fd, P2PCERT_IOC_DEVPRIV_MIRROR_WRITE);
}

static bool snapshot(struct worker *w)
{
	return transfer(w, w->fd, P2PCERT_IOC_DEVPRIV_SNAPSHOT);
}

/* The parent's memory, which it is using meanwhile: that is only looked at. */
static bool mirror_of_parent(struct worker *w)
{
	return w->parent_fd >= 0 && transfer(w, w->parent_fd,
					     draw(w, 2) ? P2PCERT_IOC_DEVPRIV_MIRROR_READ
							: P2PCERT_IOC_DEVPRIV_SNAPSHOT);
}

static bool do_mirror(struct worker *w)
{
	struct p2pcert_devpriv_mirror m = {
		.addr = (uintptr_t)w->area,
		.length = w->mode->pages * PAGE,
	};

	if (draw(w, 4) == 0)
		m = (struct p2pcert_devpriv_mirror){ 0 };
	return ioctl(w->fd, P2PCERT_IOC_DEVPRIV_MIRROR, &m) == 0;
}

static bool add(struct worker *w)
{
	struct part p = draw_part(w);
	struct p2pcert_devpriv_range r = { .addr = (uintptr_t)p.at, .length = PAGE };
	struct p2pcert_devpriv_add a = { .addr = (uintptr_t)p.at, .add = 1, .times = 10 };

	return ioctl(w->fd, P2PCERT_IOC_DEVPRIV_EXCLUSIVE, &r) == 0 &&
	       ioctl(w->fd, P2PCERT_IOC_DEVPRIV_ADD, &a) == 0 && a.done;
}

static bool evict(struct worker *w)
{
	struct p2pcert_devpriv_evict e = { .pages = 1 + draw(w, w->mode->pages) };

	return w->mode->eviction && ioctl(w->fd, P2PCERT_IOC_DEVPRIV_EVICT, &e) == 0 && e.evicted;
}

static bool change_device(struct worker *w)
{
	struct p2pcert_devpriv_mirror none = { 0 };
	struct p2pcert_devpriv_select s = { .ram = (uint32_t)draw(w, P2PCERT_DEVPRIV_RAM_DEVICES) };

	if (w->bar && s.ram == 0) {
		s.ram = P2PCERT_DEVPRIV_BAR;
		s.bdf = *w->bar;
	}
	return ioctl(w->fd, P2PCERT_IOC_DEVPRIV_MIRROR, &none) == 0 &&
	       ioctl(w->fd, P2PCERT_IOC_DEVPRIV_SELECT, &s) == 0;
}

static bool set_faults(struct worker *w)
{
	struct p2pcert_faults f = {
		.mask = (uint32_t)draw(w, 1u << 16) & HARMLESS,
		.every = (uint32_t)draw(w, 10),
		.times = 1 + (uint32_t)draw(w, 5),
		.seed = draw(w, 2) ? draw(w, UINT64_MAX) : 0,
	};

	return ioctl(w->fd, P2PCERT_IOC_SET_FAULTS, &f) == 0;
}

/* What no program would ask for is refused, and done when it happens to be right. */
static bool nonsense(struct worker *w)
{
	static const unsigned long requests[] = {
		P2PCERT_IOC_DEVPRIV_TO_DEVICE, P2PCERT_IOC_DEVPRIV_READ,
		P2PCERT_IOC_DEVPRIV_MIRROR,    P2PCERT_IOC_DEVPRIV_MIRROR_READ,
		P2PCERT_IOC_DEVPRIV_SNAPSHOT,  P2PCERT_IOC_DEVPRIV_EXCLUSIVE,
		P2PCERT_IOC_DEVPRIV_SELECT,
	};
	uint64_t arg[8];

	for (size_t i = 0; i < ARRAY_LEN(arg); i++)
		arg[i] = draw(w, 3) ? draw(w, 4) * PAGE : draw(w, UINT64_MAX);
	arg[0] = draw(w, 2) ? (uintptr_t)w->area : arg[0];
	return ioctl(w->fd, requests[draw(w, ARRAY_LEN(requests))], arg) < 0;
}

static bool reopen(struct worker *w)
{
	int fd = open("/dev/" P2PCERT_DEV_DEVPRIV, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (w->fd >= 0 && w->fd != w->parent_fd)
		close(w->fd);
	w->fd = fd;
	return true;
}

/* --- processes -------------------------------------------------------------------------------- */

static bool do_fork(struct worker *w);

static const struct operation {
	const char *name;
	bool (*run)(struct worker *w);
	unsigned int weight;
} operations[] = {
	{ "cpu-write", cpu_write, 10 },
	{ "cpu-read", cpu_read, 10 },
	{ "munmap", do_munmap, 1 },
	{ "mmap", do_mmap, 3 },
	{ "mremap", do_mremap, 2 },
	{ "mprotect", do_mprotect, 3 },
	{ "madvise", do_madvise, 3 },
	{ "renew", do_renew, 1 },
	{ "to-device", to_device, 15 },
	{ "to-ram", to_ram, 3 },
	{ "device-read", device_read, 4 },
	{ "device-write", device_write, 4 },
	{ "mirror", do_mirror, 2 },
	{ "mirror-read", mirror_read, 5 },
	{ "mirror-write", mirror_write, 5 },
	{ "mirror-of-parent", mirror_of_parent, 6 },
	{ "snapshot", snapshot, 3 },
	{ "exclusive", exclusive, 2 },
	{ "add", add, 3 },
	{ "evict", evict, 2 },
	{ "change-device", change_device, 1 },
	{ "faults", set_faults, 1 },
	{ "nonsense", nonsense, 3 },
	{ "reopen", reopen, 1 },
	{ "fork", do_fork, 1 },
};

static void step(struct worker *w)
{
	unsigned int sum = 0;
	uint64_t at;
	size_t i;

	for (i = 0; i < ARRAY_LEN(operations); i++)
		sum += operations[i].weight;
	at = draw(w, sum);
	for (i = 0; at >= operations[i].weight; i++)
		at -= operations[i].weight;
	if (operations[i].run(w))
		atomic_fetch_add(&w->done[i], 1);
}

/*
 * The kernel dies of a huge page that two processes map as one and that a device takes in pieces (7.2, 7.3;
 * finding HMM-SPLIT-SHARED-HUGE), which others show: what is huge is mapped by small pages before another
 * process has it as well.
 */
static void map_by_small_pages(const struct worker *w)
{
	for (unsigned char *at = w->area; at < w->area + w->mode->pages * PAGE; at += HUGE) {
		(void)mprotect(at, PAGE, PROT_NONE);
		(void)mprotect(at, PAGE, PROT_READ | PROT_WRITE);
	}
}

/* A child goes its own way for a while, beside its parent, and mostly is killed in the midst of it. */
static bool do_fork(struct worker *w)
{
	bool killed = draw(w, 3) != 0;
	uint64_t seed = draw(w, UINT64_MAX);
	int status = 0;
	pid_t pid;

	if (w->is_child)
		return false;
	map_by_small_pages(w);
	pid = fork();
	if (pid == 0) {
		w->is_child = true;
		w->parent_fd = w->fd;
		w->seed = seed;
		if (!reopen(w))
			_exit(1);
		for (int i = 0; i < CHILD_STEPS || killed; i++)
			step(w);
		_exit(0);
	}
	if (pid < 0)
		return false;
	for (int i = 0; i < CHILD_STEPS / 2; i++)
		step(w);
	if (killed)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status))) {
		fprintf(stderr, "devpriv-stress: a child ended with wait status 0x%x\n",
			(unsigned int)status);
		_exit(1);
	}
	return true;
}

static void attr_noreturn work(struct worker *w)
{
	const struct sigaction handler = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	unsigned char *at = mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || sigaction(SIGSEGV, &handler, NULL) < 0 ||
	    sigaction(SIGBUS, &handler, NULL) < 0) {
		perror("devpriv-stress");
		_exit(1);
	}
	w->area = (unsigned char *)(((uintptr_t)at + HUGE - 1) & ~(HUGE - 1)) + w->mode->offset;
	if (!do_renew(w) || !reopen(w)) {
		perror("devpriv-stress");
		_exit(1);
	}
	for (;;)
		step(w);
}

static pid_t start(const struct worker *first, unsigned int nr)
{
	struct worker w = *first;
	pid_t pid;

	w.seed = pattern_seed(first->seed, nr);
	w.tag = (uint64_t)nr << 32;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* a group of its own, with its children: all of them are killed at once */
		setpgid(0, 0);
		work(&w);
	}
	if (pid > 0)
		setpgid(pid, pid);
	return pid;
}

/* Ends a worker and its children. Had it ended by itself, something was wrong. */
static bool stop(pid_t pid)
{
	int status = 0;

	kill(-pid, SIGKILL);
	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	fprintf(stderr, "devpriv-stress: a worker ended by itself, with wait status 0x%x\n",
		(unsigned int)status);
	return false;
}

/* Lets workers run, and puts new ones in the place of those that it kills. False if one ended. */
static bool supervise(struct worker *w, long seconds, unsigned int *started)
{
	const struct timespec life = { .tv_nsec = 700 * 1000 * 1000 };
	pid_t pids[WORKERS];
	struct timespec now;
	bool good = true;
	long end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + seconds;
	for (size_t i = 0; i < WORKERS; i++)
		pids[i] = start(w, ++*started);
	for (size_t i = 0; good && now.tv_sec < end; i = (i + 1) % WORKERS) {
		nanosleep(&life, NULL);
		good = stop(pids[i]);
		pids[i] = start(w, ++*started);
		good &= pids[i] > 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	for (size_t i = 0; i < WORKERS; i++)
		good &= pids[i] > 0 && stop(pids[i]);
	return good;
}

/* Each operation must have succeeded somewhere, or it was not stressed. */
static bool report(const struct worker *w, unsigned int started)
{
	bool all = true;

	printf("processes %u\n", started);
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		unsigned long done = atomic_load(&w->done[i]);

		printf("%s %lu\n", operations[i].name, done);
		all &= done > 0;
	}
	return all;
}

int main(int argc, char **argv)
{
	struct worker w = { .fd = -1, .parent_fd = -1 };
	struct p2pcert_bdf bar;
	struct pci_addr addr;
	unsigned int started = 0;
	bool good = true;

	if (argc < 3 || argc > 4 || (argc == 4 && pci_addr_parse(argv[3], &addr) < 0)) {
		fprintf(stderr, "usage: devpriv-stress SEED SECONDS [BAR]\n");
		return 2;
	}
	w.seed = strtoull(argv[1], NULL, 0);
	if (argc == 4) {
		bar = (struct p2pcert_bdf){
			.domain = addr.domain,
			.bus = addr.bus,
			.devfn = (uint8_t)(addr.dev << 3 | addr.fn),
		};
		w.bar = &bar;
	}
	w.done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w.done == MAP_FAILED) {
		perror("devpriv-stress");
		return 3;
	}
	for (size_t i = 0; good && i < ARRAY_LEN(modes); i++) {
		w.mode = &modes[i];
		good = supervise(&w, strtol(argv[2], NULL, 10) / (long)ARRAY_LEN(modes), &started);
	}
	return report(&w, started) && good ? 0 : 1;
}
