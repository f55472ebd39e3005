/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages given up (MADV_DONTNEED of shared memory), moved between NUMA nodes, replaced by another mapping of the
 * same, or fetched for the CPU, while transfers go on.
 */
#include "scenario/odp_trouble.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "scenario/pattern.h"

#define MAX_PAGES 16 /* at once */
#define MPOL_MF_MOVE (1 << 1) /* numaif.h, of libnuma */
#define NODES 2

struct trouble {
	struct rig *const *rigs;
	size_t nr_rigs;
	uint64_t seed;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint_fast64_t changes;
	atomic_int error; /* a negative errno */
};

struct range {
	unsigned char *data;
	size_t pages, page;
	int fd; /* of the file that it maps, */
	off_t offset; /* from there */
};

static int give_up(struct range a, uint64_t random attr_unused)
{
	return madvise(a.data, a.pages * a.page, MADV_DONTNEED) < 0 ? -errno : 0;
}

/* A machine of one node, or memory that is in use at this moment, leaves them where they are. */
static int move_away(struct range a, uint64_t random)
{
	void *pages[MAX_PAGES];
	int nodes[MAX_PAGES], status[MAX_PAGES];

	for (size_t i = 0; i < a.pages; i++) {
		pages[i] = a.data + i * a.page;
		nodes[i] = (int)((random >> i) % NODES);
	}
	if (syscall(SYS_move_pages, 0, a.pages, pages, nodes, status, MPOL_MF_MOVE) < 0 &&
	    errno != ENODEV && errno != ENOENT)
		return -errno;
	return 0;
}

/* In one step: there is no time at which nothing is there. */
static int replace(struct range a, uint64_t random attr_unused)
{
	void *p = mmap(a.data, a.pages * a.page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		       a.fd, a.offset);

	return p == MAP_FAILED ? -errno : 0;
}

/* Kernels before 5.14 cannot. */
static int fetch(struct range a, uint64_t random attr_unused)
{
	if (madvise(a.data, a.pages * a.page, MADV_POPULATE_WRITE) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

/* Paging them out would do as well, were it not for drivers that lose what they write then. */
static int (*const kinds[])(struct range a, uint64_t random) = { give_up, move_away, replace,
								 fetch };

static struct range range_of(const struct trouble *t, uint64_t random)
{
	const struct rig *r = t->rigs[(random >> 40) % t->nr_rigs];
	const struct rig_buffer *b = random & 1 ? &r->local : &r->remote;
	size_t first = (random >> 8) % r->pages, rest = r->pages - first;

	return (struct range){
		.data = rig_pages(r, b) + first * r->page,
		.pages = 1 + (random >> 16) % (rest < MAX_PAGES ? rest : MAX_PAGES),
		.page = r->page,
		.fd = b->fd,
		.offset = (off_t)((first + 1) * r->page),
	};
}

static void *trouble_main(void *arg)
{
	struct trouble *t = arg;

	for (uint64_t n = 0; !atomic_load(&t->stop); n++) {
		uint64_t random = pattern_seed(t->seed, n);
		int err = kinds[(random >> 32) % ARRAY_LEN(kinds)](range_of(t, random), random);

		if (err) {
			atomic_store(&t->error, err);
			break;
		}
		atomic_fetch_add(&t->changes, 1);
	}
	return NULL;
}

int trouble_start(struct rig *const *rigs, size_t nr_rigs, uint64_t seed, struct trouble **out)
{
	struct trouble *t = xcalloc(1, sizeof(*t));
	int err;

	*t = (struct trouble){ .rigs = rigs, .nr_rigs = nr_rigs, .seed = seed };
	err = -pthread_create(&t->thread, NULL, trouble_main, t);
	if (err) {
		free(t);
		return err;
	}
	*out = t;
	return 0;
}

void trouble_wait(const struct trouble *t, uint64_t times)
{
	while (atomic_load(&t->changes) < times && !atomic_load(&t->error))
		sched_yield();
}

int trouble_error(const struct trouble *t)
{
	return atomic_load(&t->error);
}

uint64_t trouble_end(struct trouble *t)
{
	uint64_t changes;

	if (!t)
		return 0;
	atomic_store(&t->stop, true);
	pthread_join(t->thread, NULL);
	changes = atomic_load(&t->changes);
	free(t);
	return changes;
}
