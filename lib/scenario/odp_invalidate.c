/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.*: the address space changes under a region on demand, before the device has used it and
 * between its transfers. From then on the device must reach what the process would at the same address,
 * with the same rights: nothing that was there before, and where there is nothing, an error: remote access
 * of the responder's memory, local protection of the initiator's (ibv_poll_cq(3); InfiniBand
 * Architecture Specification volume 1, 10.10.2 and 11.6.2). The other end is pinned.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/alloc.h"
#include "scenario/memstat.h"
#include "scenario/odp_rig.h"
#include "scenario/pattern.h"
#include "scenario/scenario.h"

#define PAGES 8
#define MPOL_MF_MOVE (1 << 1) /* numaif.h, of libnuma */
#define MOVE_TRIES 20
#define MERGE_TRIES 100 /* of a tenth of a second each */

/* What is under test while it runs. */
struct trial {
	struct rig r;
	struct rig_buffer *b; /* whose memory changes */
	const struct change *change;
	unsigned char *before; /* what was in the buffer then */
	void *away; /* where mremap() has moved the pages to */
	pid_t child; /* of fork() */
	int leash; /* closed, it ends the child */
	unsigned char *twin; /* the same data as the pages have, merged with them */
	char *impossible; /* why the change cannot be made here; NULL: it can */
};

struct change {
	const char *name; /* for a person */
	bool file; /* the memory is of a file, not anonymous */
	int (*apply)(struct trial *t);
	bool zeroes; /* the pages under test; else they are as they were */
	bool no_read, no_write; /* the device must not */
	/* makes all of the buffer accessible again, looks at what else there is; NULL: nothing to do */
	int (*restore)(struct trial *t);
};

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

/* --- changes ------------------------------------------------------------------------------------ */

static int apply_munmap(struct trial *t)
{
	return error_of(munmap(pages(t), pages_len(t)));
}

/* Also in place of what is there. */
static int map_anew(struct trial *t)
{
	void *p = mmap(pages(t), pages_len(t), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

static int apply_replace(struct trial *t)
{
	memcpy(t->before, t->b->known, t->r.len);
	return map_anew(t);
}

/* The file that was mapped before, which nobody has written to since. */
static int check_replaced(struct trial *t)
{
	autofree unsigned char *now = xcalloc(1, t->r.len);
	ssize_t n = pread(t->b->fd, now, t->r.len, 0);

	if (n < 0)
		return -errno;
	if ((size_t)n == t->r.len && memcmp(now, t->before, t->r.len) == 0)
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
	memset(t->b->known + t->r.page, 0, t->r.len - t->r.page);
	return error_of(ftruncate(t->b->fd, (off_t)t->r.page));
}

static int restore_truncate(struct trial *t)
{
	return error_of(ftruncate(t->b->fd, (off_t)t->r.len));
}

/*
 * A child that writes into one half of what it got, waits until it is told that the parent's device has
 * done its work, and says by its status whether it still has what it must.
 */
static void attr_noreturn child_main(const struct trial *t, int leash)
{
	const struct rig *r = &t->r;
	unsigned char *half = t->b->data + r->len / 2;
	uint64_t seed = pattern_seed(r->device->seed, UINT64_MAX - 1);
	char byte;

	pattern_fill(half, r->len - r->len / 2, seed, 0);
	while (read(leash, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(memcmp(t->b->data, t->b->known, r->len / 2) != 0 ||
	      !pattern_verify(half, r->len - r->len / 2, seed, 0, NULL));
}

static int apply_fork(struct trial *t)
{
	int leash[2];

	if (pipe2(leash, O_CLOEXEC) < 0)
		return -errno;
	t->child = fork();
	if (t->child == 0) {
		close(leash[1]);
		child_main(t, leash[0]);
	}
	close(leash[0]);
	t->leash = leash[1];
	return error_of(t->child);
}

static int restore_fork(struct trial *t)
{
	int status = 0;

	close(take_fd(t->leash));
	while (waitpid(t->child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	t->child = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	t->r.wrong_data = true;
	return rig_refute(&t->r, EVIDENCE_DATA,
			  "the child has other data than it was born with and wrote (wait status "
			  "0x%x)",
			  (unsigned int)status);
}

/* Each page to another node than it is on; one that is in use at this moment is asked again. */
static int apply_move_pages(struct trial *t)
{
	void *at[PAGES];
	int now[PAGES], nodes[PAGES], left = PAGES;

	for (size_t i = 0; i < PAGES; i++)
		at[i] = (char *)pages(t) + i * t->r.page;
	if (syscall(SYS_move_pages, 0, PAGES, at, NULL, now, 0) < 0)
		return -errno;
	for (size_t i = 0; i < PAGES; i++)
		nodes[i] = now[i] ? 0 : 1;
	for (int i = 0; i < MOVE_TRIES && left; i++) {
		if (syscall(SYS_move_pages, 0, PAGES, at, nodes, now, MPOL_MF_MOVE) < 0) {
			t->impossible =
				xasprintf("no other NUMA node has memory: %s", strerror(errno));
			return 0;
		}
		left = 0;
		for (size_t k = 0; k < PAGES; k++)
			left += now[k] != nodes[k];
	}
	if (left)
		t->impossible = xasprintf("%d of %d pages do not move", left, PAGES);
	return 0;
}

/* The kernel's thread has found that the pages have a twin each. */
static void wait_for_merge(struct trial *t)
{
	uint64_t merged = 0;

	for (int i = 0; i < MERGE_TRIES && merged < PAGES; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000L }, NULL);
		merged = memstat_told("/proc/self/ksm_stat", "ksm_merging_pages");
	}
	if (merged < PAGES)
		t->impossible = xasprintf("the kernel has merged %d of %d pages in %d seconds: "
					  "'/sys/kernel/mm/ksm/run' must be 1",
					  (int)merged, PAGES, MERGE_TRIES / 10);
}

static int apply_merge(struct trial *t)
{
	t->twin = mmap(NULL, pages_len(t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (t->twin == MAP_FAILED)
		return -errno;
	memcpy(t->before, t->b->known, t->r.len);
	memcpy(t->twin, pages(t), pages_len(t));
	if (madvise(pages(t), pages_len(t), MADV_MERGEABLE) < 0 ||
	    madvise(t->twin, pages_len(t), MADV_MERGEABLE) < 0) {
		t->impossible = xasprintf("memory cannot be merged: %s", strerror(errno));
		return 0;
	}
	wait_for_merge(t);
	return 0;
}

/* Whoever has the same page does not see what the device has written into it. */
static int check_twin(struct trial *t)
{
	bool same = memcmp(t->twin, t->before + t->r.page, pages_len(t)) == 0;
	int err = error_of(madvise(pages(t), pages_len(t), MADV_UNMERGEABLE))
			  ?: error_of(munmap(t->twin, pages_len(t)));

	if (err || same)
		return err;
	t->r.wrong_data = true;
	return rig_refute(&t->r, EVIDENCE_DATA, "memory that had the same data has changed");
}

/* --- course ------------------------------------------------------------------------------------- */

/* From the memory and into it; the other end has new data in between. */
static int traffic(struct trial *t, const struct rig_end *end, bool no_read, bool no_write)
{
	struct rig_buffer *other = end->local ? &t->r.remote : &t->r.local;
	int ret = rig_move_all(&t->r, end->reads, no_read ? end->refused : IBV_WC_SUCCESS);

	ret = ret ?: rig_check(&t->r, other);
	if (ret)
		return ret;
	rig_fill(&t->r, other);
	ret = rig_move_all(&t->r, end->writes, no_write ? end->refused : IBV_WC_SUCCESS);
	return ret ?: rig_check(&t->r, other);
}

static int change(struct trial *t)
{
	int err = t->change->apply(t);

	if (t->change->zeroes)
		memset(t->b->known + t->r.page, 0, pages_len(t));
	return err;
}

/* before: the device has used none of it yet. */
static int run_moment(struct trial *t, const struct rig_end *end, bool before)
{
	const struct change *c = t->change;
	int ret = 0;

	rig_stage(&t->r, "%s, %s, %s", end->name, c->name,
		  before ? "before traffic" : "between transfers");
	if (!before)
		ret = traffic(t, end, false, false) ?: rig_check(&t->r, t->b);
	ret = ret ?: change(t);
	if (ret || t->impossible)
		return ret;
	ret = traffic(t, end, c->no_read, c->no_write);
	if (c->restore && !ret)
		ret = c->restore(t);
	ret = ret ?: rig_check(&t->r, t->b);
	if (!ret && c->restore)
		rig_stage(&t->r, "%s, after %s", end->name, c->name);
	return ret ?: traffic(t, end, false, false) ?: rig_check(&t->r, t->b);
}

/* New memory and new regions, of which the one is changed. */
static int run_end(struct trial *t, const struct rig_end *end, bool before)
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
	ret = ret ?: rig_register(r, t->b, true) ?: rig_register(r, other, false);
	ret = ret ?: run_moment(t, end, before);
	ret = ret ?: rig_deregister(r, t->b) ?: rig_deregister(r, other);
	if (!ret) {
		rig_unmap(r, t->b);
		rig_unmap(r, other);
	}
	return ret;
}

static int run_all(struct trial *t)
{
	int ret = 0;

	for (size_t i = 0; i < RIG_ENDS && !ret && !t->impossible; i++)
		ret = run_end(t, &rig_ends[i], true)
			      ?: t->impossible ? 0
					       : run_end(t, &rig_ends[i], false);
	return ret;
}

static void find(const struct trial *t)
{
	const struct rig *r = &t->r;
	const char *code = r->wrong_data ? "ODP-STALE" : "ODP-STATUS";

	if (r->wrong_data || r->wrong_status)
		scn_finding(r->device->ctx, code, NULL, 0, "%s: %s", r->device->verbs.name,
			    r->stage);
}

static void say(const struct trial *t)
{
	const struct change *c = t->change;

	if (c->no_read && t->r.unreachable != IBV_WC_LOC_PROT_ERR)
		scn_evidence(t->r.device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: sends from there end with '%s', as from a pinned region that is "
			     "no more",
			     t->r.device->verbs.name, ibv_wc_status_str(t->r.unreachable));
	scn_evidence(t->r.device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: %s: %u pages at either end, before traffic and between transfers: reads "
		     "%s, writes %s, all of both buffers as it must be",
		     t->r.device->verbs.name, c->name, PAGES, c->no_read ? "refused" : "right",
		     c->no_write ? "refused" : "right");
}

static void child_end(struct trial *t)
{
	if (t->leash >= 0)
		close(t->leash);
	if (t->child > 0)
		waitpid(t->child, NULL, 0);
}

static enum outcome conclude(struct trial *t, int ret)
{
	if (!ret && t->impossible) {
		t->r.device->category = SKIP_DEPENDENCY;
		return rdma_conclude(t->r.device, OUTCOME_SKIP, "%s", t->impossible);
	}
	if (ret > 0)
		find(t);
	else if (!ret)
		say(t);
	return rig_conclude(&t->r, ret, "%s: the device goes by it", t->change->name);
}

static enum outcome body(struct rdma_device *device, const void *arg)
{
	struct trial t = { .change = arg, .leash = -1 };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, PAGES);

	t.before = xcalloc(1, t.r.len);
	ret = ret ?: run_all(&t);
	outcome = conclude(&t, ret);
	child_end(&t);
	free(t.before);
	free(t.impossible);
	rig_close(&t.r);
	return outcome;
}

#define INVALIDATE(symbol, odp_id, faults_, text, ...) \
	ODP_SCENARIO(symbol, "invalidate." odp_id, text, \
		     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, \
		     (&(const struct change){ __VA_ARGS__ }), EV(DATA), .FAULTS faults_)

INVALIDATE(invalidate_munmap, "munmap", (RIG_FAULTS), "memory of an on-demand region is unmapped",
	   .name = "munmap()", .apply = apply_munmap, .restore = map_anew, .zeroes = true,
	   .no_read = true, .no_write = true);
INVALIDATE(invalidate_munmap_mmap, "munmap-mmap", (RIG_FAULTS),
	   "memory of an on-demand region is replaced by other", .name = "munmap() and mmap()",
	   .file = true, .apply = apply_replace, .restore = check_replaced, .zeroes = true);
INVALIDATE(invalidate_dontneed, "dontneed", (RIG_FAULTS),
	   "anonymous memory of an on-demand region is given up", .name = "MADV_DONTNEED",
	   .apply = apply_dontneed, .zeroes = true);
INVALIDATE(invalidate_mremap, "mremap", (RIG_FAULTS),
	   "memory of an on-demand region moves away, and comes back", .name = "mremap()",
	   .apply = apply_mremap, .restore = restore_mremap, .no_read = true, .no_write = true);
INVALIDATE(invalidate_mprotect, "mprotect", (RIG_FAULTS),
	   "memory of an on-demand region becomes read only", .name = "mprotect(PROT_READ)",
	   .apply = apply_read_only, .restore = restore_access, .no_write = true);
INVALIDATE(invalidate_mprotect_none, "mprotect-none", (RIG_FAULTS),
	   "memory of an on-demand region becomes inaccessible", .name = "mprotect(PROT_NONE)",
	   .apply = apply_no_access, .restore = restore_access, .no_read = true, .no_write = true);
/* What is pinned stays with the parent, whose device it is: fork() copies it for the child. */
INVALIDATE(invalidate_fork_cow, "fork-cow", ("skip-copy", "corrupt-copy"),
	   "memory of an on-demand region is shared with a child, and copied", .name = "fork()",
	   .apply = apply_fork, .restore = restore_fork);
INVALIDATE(invalidate_punch, "punch", (RIG_FAULTS),
	   "a hole is punched into the file of an on-demand region", .name = "FALLOC_FL_PUNCH_HOLE",
	   .file = true, .apply = apply_punch, .zeroes = true);
INVALIDATE(invalidate_truncate, "truncate", (RIG_FAULTS),
	   "the file of an on-demand region is truncated, and grows again", .name = "ftruncate()",
	   .file = true, .apply = apply_truncate, .restore = restore_truncate, .no_read = true,
	   .no_write = true);
/* Memory that is pinned is neither moved nor merged. */
INVALIDATE(invalidate_move_pages, "move-pages", ("skip-copy", "corrupt-copy"),
	   "memory of an on-demand region moves to another NUMA node", .name = "move_pages()",
	   .apply = apply_move_pages);
INVALIDATE(invalidate_ksm, "ksm", ("skip-copy", "corrupt-copy"),
	   "memory of an on-demand region is merged with other of the same data", .name = "KSM",
	   .apply = apply_merge, .restore = check_twin);
