/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread that has memory come and go, and transfers meanwhile; the CPU looks at the file behind it. */
#include "scenario/odp_away.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/pattern.h"

#define PAUSE_NS 1000000 /* for which it is away, and there */

struct away {
	struct rig *r;
	struct rig_buffer *b; /* that comes and goes */
	unsigned char *elsewhere; /* an address that it can move to */
	uint64_t seed;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint_fast64_t changes;
	atomic_int error; /* a negative errno */
	unsigned char *now; /* what the CPU sees of the file */
};

/* --- away, and back ----------------------------------------------------------------------------- */

static int set_rights(const struct away *a, int rights)
{
	return mprotect(rig_pages(a->r, a->b), rig_pages_len(a->r), rights) < 0 ? -errno : 0;
}

static int forbid(const struct away *a)
{
	return set_rights(a, PROT_NONE);
}

static int allow(const struct away *a)
{
	return set_rights(a, PROT_READ | PROT_WRITE);
}

static int unmap(const struct away *a)
{
	return munmap(rig_pages(a->r, a->b), rig_pages_len(a->r)) < 0 ? -errno : 0;
}

static int map(const struct away *a)
{
	void *p = mmap(rig_pages(a->r, a->b), rig_pages_len(a->r), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED_NOREPLACE, a->b->fd, (off_t)a->r->page);

	return p == MAP_FAILED ? -errno : 0;
}

static int move(const struct away *a, void *from, void *to)
{
	size_t len = rig_pages_len(a->r);
	void *p = mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	return p == MAP_FAILED ? -errno : 0;
}

static int move_away(const struct away *a)
{
	return move(a, rig_pages(a->r, a->b), a->elsewhere);
}

static int move_back(const struct away *a)
{
	return move(a, a->elsewhere, rig_pages(a->r, a->b));
}

static const struct {
	int (*away)(const struct away *a);
	int (*back)(const struct away *a);
} kinds[] = { { forbid, allow }, { unmap, map }, { move_away, move_back } };

static void wait_a_moment(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

/* Whenever it ends, the memory is there. */
static void *away_main(void *arg)
{
	struct away *a = arg;
	int err = 0;

	for (uint64_t n = 0; !err && !atomic_load(&a->stop); n++) {
		size_t kind = pattern_seed(a->seed, n) % ARRAY_LEN(kinds);

		err = kinds[kind].away(a);
		wait_a_moment();
		err = err ?: kinds[kind].back(a);
		wait_a_moment();
		atomic_fetch_add(&a->changes, 1);
	}
	atomic_store(&a->error, err);
	return NULL;
}

/* --- transfers meanwhile ------------------------------------------------------------------------ */

/* Is in the file what must be? The mapping may be away. */
static int check_file(struct away *a)
{
	struct rig *r = a->r;
	ssize_t n = pread(a->b->fd, a->now, r->len, 0);

	if (n < 0)
		return -errno;
	if ((size_t)n == r->len && memcmp(a->now, a->b->known, r->len) == 0)
		return 0;
	r->wrong_data = true;
	return rig_refute(r, EVIDENCE_DATA,
			  "%s, %zu pages between two guards, is not as it must be", a->b->name,
			  r->pages);
}

static int transfer(struct away *a, const struct rig_end *end, const struct rig_op *op, size_t page,
		    struct rig_count *count)
{
	struct rig *r = a->r;
	struct rig_buffer *other = end->local ? &r->remote : &r->local;
	struct verbs_transfer order;
	enum ibv_wc_status status;
	int ret;

	/* new data, so that what was moved before is not taken for it */
	rig_fill(r, other);
	order = rig_order(r, op, page, page);
	ret = rig_try(r, op, page, page, &status) ?: rig_either(r, end, op, status, count);
	if (ret)
		return ret;
	if (status == IBV_WC_SUCCESS)
		op->apply(r, &order);
	return check_file(a) ?: rig_check(r, other);
}

static int run(struct away *a, const struct rig_end *end, int64_t end_ns, struct away_count *count)
{
	struct rig *r = a->r;
	int ret = 0;

	for (size_t n = 0; !ret && clock_ns() < end_ns && !atomic_load(&a->error); n++) {
		const struct rig_op *op = n & 1 ? end->reads : end->writes;

		rig_stage(r, "%s of %s that is away at times, transfer %zu", op->name, end->name,
			  n);
		ret = transfer(a, end, op, n % r->pages, &count->transfers);
	}
	return ret;
}

static int start(struct away *a)
{
	struct rig *r = a->r;
	void *p = mmap(NULL, rig_pages_len(r), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	a->elsewhere = p;
	return -pthread_create(&a->thread, NULL, away_main, a);
}

/* Nothing may be left where it was elsewhere. */
static void release(struct away *a)
{
	if (a->elsewhere)
		munmap(a->elsewhere, rig_pages_len(a->r));
	free(a->now);
}

int away_run(struct rig *r, const struct rig_end *end, int64_t end_ns, struct away_count *count)
{
	struct away a = {
		.r = r,
		.b = end->local ? &r->local : &r->remote,
		.seed = pattern_seed(r->device->seed, r->fills),
		.now = xcalloc(1, r->len),
	};
	int ret = rig_learn(r) ?: rig_register_both(r, true);

	if (!ret)
		rig_fill_both(r);
	ret = ret ?: start(&a);
	if (!ret) {
		ret = run(&a, end, end_ns, count);
		atomic_store(&a.stop, true);
		pthread_join(a.thread, NULL);
		ret = ret ?: atomic_load(&a.error);
		count->changes += atomic_load(&a.changes);
	}
	release(&a);
	return ret;
}
