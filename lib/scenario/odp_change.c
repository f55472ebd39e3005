/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The changes: system calls, a child that shares memory, a twin that is merged with it. */
#include "scenario/odp_change.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/alloc.h"
#include "scenario/memstat.h"
#include "scenario/pattern.h"
#include "scenario/scenario.h"

#define MPOL_MF_MOVE (1 << 1) /* numaif.h, of libnuma */
#define MOVE_TRIES 20
#define MERGE_TRIES 100 /* of a tenth of a second each */

static void *pages(const struct trial *t)
{
	return rig_pages(&t->r, t->b);
}

static size_t pages_len(const struct trial *t)
{
	return rig_pages_len(&t->r);
}

static int error_of(int r)
{
	return r < 0 ? -errno : 0;
}

/* --- mappings ----------------------------------------------------------------------------------- */

static int apply_munmap(struct trial *t)
{
	return error_of(munmap(pages(t), pages_len(t)));
}

static int map_fixed(struct trial *t, int flags, int fd, off_t offset)
{
	void *p =
		mmap(pages(t), pages_len(t), PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, offset);

	return p == MAP_FAILED ? -errno : 0;
}

/* Also in place of what is there. */
static int map_anew(struct trial *t)
{
	return map_fixed(t, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int map_file(struct trial *t)
{
	return map_fixed(t, MAP_SHARED, t->b->fd, (off_t)t->r.page);
}

/* Is each byte one of the two that were there before? */
static bool is_before(const struct trial *t, const unsigned char *now, size_t from, size_t len)
{
	for (size_t i = from; i < from + len; i++)
		if (now[i - from] != t->before[0][i] && now[i - from] != t->before[1][i])
			return false;
	return true;
}

/* The file that was mapped before, which nobody has written to since. */
static int check_replaced(struct trial *t)
{
	autofree unsigned char *now = xcalloc(1, t->r.len);
	ssize_t n = pread(t->b->fd, now, t->r.len, 0);

	if (n < 0)
		return -errno;
	if ((size_t)n == t->r.len && is_before(t, now, 0, t->r.len))
		return 0;
	t->r.wrong_data = true;
	return rig_refute(&t->r, EVIDENCE_DATA, "the file that was mapped before has changed");
}

static int apply_dontneed(struct trial *t)
{
	return error_of(madvise(pages(t), pages_len(t), MADV_DONTNEED));
}

static int move(const struct trial *t, void *from, void *to)
{
	void *p = mremap(from, pages_len(t), pages_len(t), MREMAP_MAYMOVE | MREMAP_FIXED, to);

	return p == MAP_FAILED ? -errno : 0;
}

static int apply_mremap(struct trial *t)
{
	t->away = mmap(NULL, pages_len(t), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return t->away == MAP_FAILED ? -errno : move(t, pages(t), t->away);
}

static int restore_mremap(struct trial *t)
{
	return move(t, t->away, pages(t));
}

static int apply_read_only(struct trial *t)
{
	return error_of(mprotect(pages(t), pages_len(t), PROT_READ));
}

static int apply_no_access(struct trial *t)
{
	return error_of(mprotect(pages(t), pages_len(t), PROT_NONE));
}

static int restore_access(struct trial *t)
{
	return error_of(mprotect(pages(t), pages_len(t), PROT_READ | PROT_WRITE));
}

static int apply_punch(struct trial *t)
{
	return error_of(fallocate(t->b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  (off_t)t->r.page, (off_t)pages_len(t)));
}

/* All but the first guard page. */
static int apply_truncate(struct trial *t)
{
	return error_of(ftruncate(t->b->fd, (off_t)t->r.page));
}

static int restore_truncate(struct trial *t)
{
	return error_of(ftruncate(t->b->fd, (off_t)t->r.len));
}

/* --- a child ------------------------------------------------------------------------------------ */

/*
 * A child that remembers one half of what it got and writes into the other, says so, waits until it is told
 * that the parent's device has done its work, and says whether it still has what it must.
 */
static void attr_noreturn child_main(const struct trial *t, int told, int leash)
{
	uint64_t seed = pattern_seed(t->r.device->seed, UINT64_MAX - 1);
	size_t half = pages_len(t) / 2;
	unsigned char *first = pages(t), *second = first + half;
	char byte = 0;

	memcpy(t->keep, first, half);
	pattern_fill(second, half, seed, 0);
	if (write(told, &byte, 1) != 1)
		_exit(1);
	while (read(leash, &byte, 1) < 0 && errno == EINTR)
		;
	byte = memcmp(first, t->keep, half) == 0 && pattern_verify(second, half, seed, 0, NULL);
	_exit(write(told, &byte, 1) != 1);
}

/* From when it returns on the child's memory is its own. */
static int apply_fork(struct trial *t)
{
	int told[2], leash[2], err;
	char byte;

	if (pipe2(told, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(leash, O_CLOEXEC) < 0) {
		err = -errno;
		close(told[0]);
		close(told[1]);
		return err;
	}
	t->child = fork();
	err = error_of(t->child);
	if (t->child == 0) {
		close(leash[1]);
		child_main(t, told[1], leash[0]);
	}
	close(told[1]);
	close(leash[0]);
	t->leash = leash[1];
	t->told = told[0];
	if (!err && read(t->told, &byte, 1) != 1)
		err = -ECHILD;
	return err;
}

static int check_child(struct trial *t)
{
	char right = 0;

	close(take_fd(t->leash));
	if (read(t->told, &right, 1) != 1)
		right = 0;
	change_end(t);
	if (right)
		return 0;
	t->r.wrong_data = true;
	return rig_refute(&t->r, EVIDENCE_DATA,
			  "the child has other data than it was born with and wrote");
}

void change_end(struct trial *t)
{
	if (t->leash >= 0)
		close(take_fd(t->leash));
	if (t->told >= 0)
		close(take_fd(t->told));
	if (t->child > 0)
		waitpid(t->child, NULL, 0);
	t->child = 0;
}

/* --- pages that others move --------------------------------------------------------------------- */

/* Each page to another node than it is on; one that is in use at this moment is asked again. */
static int apply_move_pages(struct trial *t)
{
	int now[CHANGE_PAGES], nodes[CHANGE_PAGES], n = (int)t->r.pages, left = n;
	void *at[CHANGE_PAGES];

	for (int i = 0; i < n; i++)
		at[i] = (char *)pages(t) + (size_t)i * t->r.page;
	if (syscall(SYS_move_pages, 0, n, at, NULL, now, 0) < 0)
		return -errno;
	for (int i = 0; i < n; i++)
		nodes[i] = now[i] ? 0 : 1;
	for (int i = 0; i < MOVE_TRIES && left; i++) {
		if (syscall(SYS_move_pages, 0, n, at, nodes, now, MPOL_MF_MOVE) < 0) {
			t->impossible =
				xasprintf("no other NUMA node has memory: %s", strerror(errno));
			return 0;
		}
		left = 0;
		for (int k = 0; k < n; k++)
			left += now[k] != nodes[k];
	}
	if (left)
		t->impossible = xasprintf("%d of %d pages do not move", left, n);
	return 0;
}

/* The kernel's thread has found that the pages have a twin each. */
static void wait_for_merge(struct trial *t)
{
	uint64_t merged = 0;

	for (int i = 0; i < MERGE_TRIES && merged < t->r.pages; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000L }, NULL);
		merged = memstat_told("/proc/self/ksm_stat", "ksm_merging_pages");
	}
	if (merged < t->r.pages)
		t->impossible = xasprintf("the kernel has merged %d of %zu pages in %d seconds: "
					  "'/sys/kernel/mm/ksm/run' must be 1",
					  (int)merged, t->r.pages, MERGE_TRIES / 10);
}

static int apply_merge(struct trial *t)
{
	t->twin = mmap(NULL, pages_len(t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (t->twin == MAP_FAILED)
		return -errno;
	memcpy(t->twin, pages(t), pages_len(t));
	if (madvise(pages(t), pages_len(t), MADV_MERGEABLE) < 0 ||
	    madvise(t->twin, pages_len(t), MADV_MERGEABLE) < 0) {
		t->impossible = xasprintf("memory cannot be merged: %s", strerror(errno));
		return 0;
	}
	wait_for_merge(t);
	return 0;
}

static int restore_merged(struct trial *t)
{
	return error_of(madvise(pages(t), pages_len(t), MADV_UNMERGEABLE));
}

/* Whoever has the same page does not see what the device has written into it. */
static int check_twin(struct trial *t)
{
	bool same = is_before(t, t->twin, t->r.page, pages_len(t));
	int err = error_of(munmap(t->twin, pages_len(t)));

	if (err || same)
		return err;
	t->r.wrong_data = true;
	return rig_refute(&t->r, EVIDENCE_DATA, "memory that had the same data has changed");
}

/* --- the table ---------------------------------------------------------------------------------- */

/*
 * Where it matters whether the memory is of a file or anonymous, .again sees to it: so one region can go
 * through all of them but the last.
 */
#define AWAY .no_read = true, .no_write = true

const struct change change_munmap = {
	.name = "munmap()",
	.rules = { .content = RACE_LOSES, AWAY },
	.apply = apply_munmap,
	.restore = map_anew,
};

const struct change change_replace = {
	.name = "munmap() and mmap()",
	.file = true,
	.rules = { .content = RACE_LOSES },
	.apply = map_anew,
	.verify = check_replaced,
	.again = map_file,
};

const struct change change_dontneed = {
	.name = "MADV_DONTNEED",
	.rules = { .content = RACE_LOSES },
	.apply = apply_dontneed,
	.again = map_anew,
};

const struct change change_mremap = {
	.name = "mremap()",
	.rules = { AWAY },
	.apply = apply_mremap,
	.restore = restore_mremap,
};

const struct change change_read_only = {
	.name = "mprotect(PROT_READ)",
	.rules = { .no_write = true },
	.apply = apply_read_only,
	.restore = restore_access,
};

const struct change change_no_access = {
	.name = "mprotect(PROT_NONE)",
	.rules = { AWAY },
	.apply = apply_no_access,
	.restore = restore_access,
};

const struct change change_fork = {
	.name = "fork()",
	.apply = apply_fork,
	.verify = check_child,
	.again = map_anew,
};

const struct change change_punch = {
	.name = "FALLOC_FL_PUNCH_HOLE",
	.file = true,
	.rules = { .content = RACE_LOSES },
	.apply = apply_punch,
	.again = map_file,
};

const struct change change_truncate = {
	.name = "ftruncate()",
	.file = true,
	.rules = { .content = RACE_LOSES, AWAY, .tail = true },
	.apply = apply_truncate,
	.restore = restore_truncate,
	.again = map_file,
};

const struct change change_move_pages = {
	.name = "move_pages()",
	.apply = apply_move_pages,
};

const struct change change_merge = {
	.name = "KSM",
	.rules = { .still = true },
	.apply = apply_merge,
	.restore = restore_merged,
	.verify = check_twin,
};

/* --- memory for them, and transfers meanwhile --------------------------------------------------- */

int change_set_up(struct trial *t, const struct rig_end *end)
{
	struct rig_buffer *other = end->local ? &t->r.remote : &t->r.local;
	struct rig *r = &t->r;
	int ret;

	t->b = end->local ? &r->local : &r->remote;
	rig_stage(r, "setting up");
	ret = t->change->file ? rig_map_memfd(r, t->b) : rig_map(r, t->b, -1);
	ret = ret ?: rig_map_memfd(r, other);
	if (ret)
		return ret;
	rig_fill(r, t->b);
	rig_fill(r, other);
	ret = rig_learn(r);
	return ret ?: rig_register(r, t->b, true) ?: rig_register(r, other, false);
}

int change_tear_down(struct trial *t, const struct rig_end *end)
{
	struct rig_buffer *other = end->local ? &t->r.remote : &t->r.local;
	int ret = rig_deregister(&t->r, t->b) ?: rig_deregister(&t->r, other);

	if (ret)
		return ret;
	rig_unmap(&t->r, t->b);
	rig_unmap(&t->r, other);
	return 0;
}

static int race_ready(void *arg)
{
	struct trial *t = arg;

	return t->change->again ? t->change->again(t) : 0;
}

static int race_apply(void *arg)
{
	struct trial *t = arg;

	return t->change->apply(t);
}

static int race_restore(void *arg)
{
	struct trial *t = arg;

	return t->change->restore(t);
}

static int race_verify(void *arg)
{
	struct trial *t = arg;

	return t->change->verify ? t->change->verify(t) : 0;
}

int change_race(struct trial *t, const struct rig_end *end, int64_t end_ns,
		struct race_count *count)
{
	struct race race = {
		.r = &t->r,
		.end = end,
		.name = t->change->name,
		.rules = t->change->rules,
		.ready = race_ready,
		.apply = race_apply,
		.restore = t->change->restore ? race_restore : NULL,
		.verify = race_verify,
		.arg = t,
		.impossible = &t->impossible,
		.left = { xcalloc(1, t->r.len), xcalloc(1, t->r.len) },
	};
	int ret;

	t->before[0] = race.left[0];
	t->before[1] = race.left[1];
	ret = race_run(&race, end_ns, count);
	free(race.left[0]);
	free(race.left[1]);
	return ret;
}
