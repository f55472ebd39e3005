// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * odp.*: RDMA on-demand paging, on a loopback of each device that claims it. Memory is registered
 * without being pinned; the device's driver faults pages in when a transfer needs them and gives
 * them up when the address space changes.
 *
 * What shows that this happened, on any device, is the process's own page table: pages that were not
 * mapped before a transfer are mapped after it, though no CPU instruction touched them; and they are
 * again after madvise(MADV_DONTNEED) took them away, which a device that kept old translations would
 * not see. The kernel's count of pinned memory (VmPin) says that registration pinned nothing.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/odp_rig.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"
#include "scenario/scenario.h"

/* Under test, and one more on either side as guard. */
static const size_t pages_of_level[NR_LEVELS] = {
	[LEVEL_QUICK] = 16,
	[LEVEL_STANDARD] = 64,
	[LEVEL_FULL] = 256,
	[LEVEL_SOAK] = 256,
};

#define TRANSFER_MS 10000

struct operation {
	const char *name; /* for a person */
	enum ibv_wr_opcode opcode;
	int source_access, target_access; /* IBV_ACCESS_*, beside ON_DEMAND */
};

/*
 * guard | pages under test | guard. The source is a file's page cache, written through the
 * file: so its data is known while no page of it is mapped. The target is anonymous memory that
 * nobody has touched.
 */
struct buffer {
	const char *name;
	unsigned char *area; /* MAP_FAILED: none */
	int fd; /* of the source's file */
	struct ibv_mr *mr;
};

/* One device under test. */
struct trial {
	struct scenario_ctx *ctx;
	const struct operation *op;
	struct rdma_device *device;
	struct buffer source, target;
	int pagemap;
	uint64_t seed;
	size_t page, pages, len; /* bytes in a page; of what is under test */
	bool pinning_counted;
};

static size_t area_len(const struct trial *t)
{
	return t->len + 2 * t->page;
}

static uint64_t guard_seed(const struct trial *t)
{
	return pattern_seed(t->seed, UINT64_MAX - 1);
}

static enum outcome setup_error(struct trial *t, const char *what, int err)
{
	return rdma_conclude(t->device, OUTCOME_ERROR, "cannot %s: %s", what, strerror(-err));
}

/* --- buffers ------------------------------------------------------------------------------------ */

/* Writes the pattern into the source's file: what is mapped of it does not change. */
static int source_write(const struct trial *t, uint64_t seed)
{
	autofree unsigned char *data = xcalloc(1, area_len(t));
	size_t done = 0;

	pattern_guard_fill(data, area_len(t), t->page, t->len, guard_seed(t));
	pattern_fill(data + t->page, t->len, seed, 0);
	while (done < area_len(t)) {
		ssize_t n = pwrite(t->source.fd, data + done, area_len(t) - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

static int buffers_open(struct trial *t)
{
	t->source.fd = memfd_create("p2pcert-odp", MFD_CLOEXEC);
	if (t->source.fd < 0 || ftruncate(t->source.fd, (off_t)area_len(t)) < 0)
		return -errno;
	t->source.area = mmap(NULL, area_len(t), PROT_READ, MAP_SHARED, t->source.fd, 0);
	t->target.area =
		mmap(NULL, area_len(t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->source.area == MAP_FAILED || t->target.area == MAP_FAILED)
		return -errno;
	/* One huge page would map the target whole, and take the guards' place. */
	if (madvise(t->target.area, area_len(t), MADV_NOHUGEPAGE) < 0 && errno != EINVAL)
		return -errno;
	pattern_guard_fill(t->target.area, area_len(t), t->page, t->len, guard_seed(t));
	return source_write(t, pattern_seed(t->seed, 0));
}

static void buffer_close(const struct trial *t, struct buffer *b)
{
	if (b->area != MAP_FAILED)
		munmap(b->area, area_len(t));
	if (b->fd >= 0)
		close(b->fd);
}

static int buffer_register(struct trial *t, struct buffer *b, int access)
{
	if (!scn_injected(t->ctx, "pinned"))
		access |= IBV_ACCESS_ON_DEMAND;
	return verbs_register(&t->device->verbs, b->area, area_len(t), access, &b->mr);
}

/* --- evidence: pages ---------------------------------------------------------------------------- */

/*
 * Says whether all pages under test of a buffer are mapped, or none, as expected at this moment. 0, 1
 * if not as expected, or a negative errno.
 */
static int expect_mapped(struct trial *t, const struct buffer *b, size_t expected, const char *when)
{
	struct pagemap_count c;
	int err = pagemap_count(t->pagemap, b->area + t->page, t->len, &c);

	if (err)
		return err;
	if (c.present == expected)
		return 0;
	scn_evidence(t->ctx, EVIDENCE_PATH, EVIDENCE_REFUTED,
		     "%s: %s: %zu of %zu pages of the %s are mapped, expected %zu",
		     t->device->verbs.name, when, c.present, c.pages, b->name, expected);
	return 1;
}

static int expect_both(struct trial *t, size_t expected, const char *when)
{
	int source = expect_mapped(t, &t->source, expected, when);
	int target = source < 0 ? source : expect_mapped(t, &t->target, expected, when);

	return target < 0 ? target : source || target;
}

/* --- evidence: pinned memory -------------------------------------------------------------------- */

static int pinned(uint64_t *bytes)
{
	return proc_status_bytes("/proc/self/status", "VmPin", bytes);
}

/* Does pinning a region raise VmPin here? If not it cannot show that none was pinned. */
static int pinning_is_counted(struct trial *t)
{
	void *area = mmap(NULL, t->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t before, after;
	struct ibv_mr *mr = NULL;
	int err, err_deregister = 0;

	if (area == MAP_FAILED)
		return -errno;
	err = pinned(&before);
	if (!err)
		err = verbs_register(&t->device->verbs, area, t->len, IBV_ACCESS_LOCAL_WRITE, &mr);
	if (!err)
		err = pinned(&after);
	if (!err)
		t->pinning_counted = after >= before + t->len;
	if (mr)
		err_deregister = verbs_deregister(&t->device->verbs, mr);
	munmap(area, t->len);
	return err ? err : err_deregister;
}

/* Registers both buffers. 0, 1 if that pinned or mapped memory (then said), or a negative errno. */
static int register_unpinned(struct trial *t)
{
	uint64_t before, after;
	int err = pinned(&before);

	if (!err)
		err = buffer_register(t, &t->source, t->op->source_access);
	if (!err)
		err = buffer_register(t, &t->target, t->op->target_access);
	if (!err)
		err = pinned(&after);
	if (err)
		return err;

	if (!t->pinning_counted)
		scn_evidence(t->ctx, EVIDENCE_COUNTERS, EVIDENCE_MISSING,
			     "%s: VmPin does not count a pinned region of %zu bytes",
			     t->device->verbs.name, t->len);
	else if (after != before)
		scn_evidence(t->ctx, EVIDENCE_COUNTERS, EVIDENCE_REFUTED,
			     "%s: registration changed VmPin from %llu to %llu bytes",
			     t->device->verbs.name, (unsigned long long)before,
			     (unsigned long long)after);
	else
		scn_evidence(t->ctx, EVIDENCE_COUNTERS, EVIDENCE_PROVEN,
			     "%s: VmPin stays %llu bytes over registration of %zu, and a pinned "
			     "region of %zu raises it",
			     t->device->verbs.name, (unsigned long long)before, 2 * area_len(t),
			     t->len);
	err = expect_both(t, 0, "after registration");
	return err < 0 ? err : err || after != before;
}

/* --- evidence: data ----------------------------------------------------------------------------- */

static void refute_data(struct trial *t, const char *pass, const struct buffer *b, const char *part,
			const struct pattern_mismatch *m, const char *note)
{
	autofree char *text = pattern_mismatch_text(m);

	scn_evidence(t->ctx, EVIDENCE_DATA, EVIDENCE_REFUTED, "%s: %s: %s of the %s: %s%s",
		     t->device->verbs.name, pass, part, b->name, text, note);
}

static bool guards_intact(struct trial *t, const char *pass, const struct buffer *b)
{
	struct pattern_mismatch m;

	if (pattern_guard_verify(b->area, area_len(t), t->page, t->len, guard_seed(t), &m))
		return true;
	refute_data(t, pass, b, "guard pages", &m, "");
	return false;
}

/* stale_seed: of what was there before the pass, 0 for nothing. */
static bool data_as_sent(struct trial *t, const char *pass, const struct buffer *b, uint64_t seed,
			 uint64_t stale_seed)
{
	const unsigned char *data = b->area + t->page;
	struct pattern_mismatch m;
	uint64_t position;
	bool stale;

	if (pattern_verify(data, t->len, seed, 0, &m))
		return true;
	stale = stale_seed &&
		pattern_locate(data + m.first, t->len - m.first, stale_seed, t->len, &position);
	refute_data(t, pass, b, "data", &m, stale ? " (of the pass before)" : "");
	return false;
}

/* --- passes ------------------------------------------------------------------------------------- */

static const struct pass {
	const char *name;
	bool cold; /* the pages are not mapped when it starts, and must be when it ends */
	bool drop; /* by madvise(MADV_DONTNEED), after they were: the device must have let go */
} passes[] = {
	{ .name = "cold pass", .cold = true },
	{ .name = "warm pass" },
	{ .name = "pass after MADV_DONTNEED", .cold = true, .drop = true },
};

static void measure(struct trial *t, const char *pass, int64_t ns)
{
	autofree char *name = xasprintf("%s: %s", t->device->verbs.name, pass);

	scn_measure(t->ctx, name, "s", (double)ns / NS_PER_S);
}

/* Does nothing but move the data. 0, 1 if the device failed (then said), or a negative errno. */
static int transfer(struct trial *t, const char *pass)
{
	bool write = t->op->opcode == IBV_WR_RDMA_WRITE;
	struct verbs_transfer order = {
		.opcode = t->op->opcode,
		.local = write ? t->source.mr : t->target.mr,
		.remote = write ? t->target.mr : t->source.mr,
		.local_offset = t->page,
		.remote_offset = t->page,
		.len = t->len,
	};
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	int64_t start, ns;
	int err;

	if (scn_injected(t->ctx, "skip-copy"))
		return 0;
	start = clock_ns();
	err = verbs_transfer(&t->device->verbs, &order, TRANSFER_MS, &status);
	ns = clock_ns() - start;
	if (err == -ETIMEDOUT)
		return rdma_refute(t->device, EVIDENCE_DATA,
				   "%s: %s of %zu bytes did not complete in %d ms", pass,
				   t->op->name, t->len, TRANSFER_MS);
	if (err)
		return err;
	if (status != IBV_WC_SUCCESS)
		return rdma_refute(t->device, EVIDENCE_DATA,
				   "%s: %s of %zu bytes completed with '%s'", pass, t->op->name,
				   t->len, ibv_wc_status_str(status));
	measure(t, pass, ns);
	return 0;
}

/*
 * One transfer of a new pattern. The order matters: the page table is read before the CPU looks at
 * the data, which maps the pages.
 */
static int pass_run(struct trial *t, size_t n)
{
	const struct pass *pass = &passes[n];
	uint64_t seed = pattern_seed(t->seed, n);
	uint64_t stale_seed = n ? pattern_seed(t->seed, n - 1) : 0;
	bool bad, good;
	int err = source_write(t, seed);

	if (err)
		return err;
	if (pass->drop && (madvise(t->source.area, area_len(t), MADV_DONTNEED) < 0 ||
			   madvise(t->target.area + t->page, t->len, MADV_DONTNEED) < 0))
		return -errno;
	err = expect_both(t, pass->cold ? 0 : t->pages, "before the transfer");
	if (err < 0)
		return err;
	bad = err;
	err = transfer(t, pass->name);
	if (err)
		return err;
	err = expect_both(t, t->pages, "after the transfer");
	if (err < 0)
		return err;
	bad |= err;

	if (scn_injected(t->ctx, "corrupt-copy"))
		t->target.area[t->page + t->len / 2] ^= 1;
	good = data_as_sent(t, pass->name, &t->target, seed, stale_seed);
	good &= data_as_sent(t, pass->name, &t->source, seed, 0);
	good &= guards_intact(t, pass->name, &t->target);
	good &= guards_intact(t, pass->name, &t->source);
	return bad || !good;
}

static enum outcome trial_run(struct trial *t)
{
	int err;

	err = buffers_open(t);
	if (err)
		return setup_error(t, "set up memory", err);
	err = pinning_is_counted(t);
	if (err)
		return setup_error(t, "register a pinned region", err);
	err = register_unpinned(t);
	if (err < 0) {
		scn_evidence(t->ctx, EVIDENCE_DATA, EVIDENCE_REFUTED,
			     "%s: registration of an on-demand region failed: %s",
			     t->device->verbs.name, strerror(-err));
		return rdma_conclude(t->device, OUTCOME_FAIL,
				     "claims on-demand paging and refuses a region: %s",
				     strerror(-err));
	}
	if (err)
		return rdma_conclude(t->device, OUTCOME_FAIL,
				     "registration pins memory or maps it");
	for (size_t n = 0; n < ARRAY_LEN(passes); n++) {
		err = pass_run(t, n);
		if (err < 0)
			return setup_error(t, "transfer", err);
		if (err)
			return rdma_conclude(t->device, OUTCOME_FAIL,
					     "%s went wrong in the %s, path MTU %zu", t->op->name,
					     passes[n].name, t->device->verbs.path_mtu);
	}
	scn_evidence(t->ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
		     "%s: %zu pages at either end were unmapped after registration, mapped by the "
		     "transfer alone, and again after MADV_DONTNEED",
		     t->device->verbs.name, t->pages);
	scn_evidence(t->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: %zu passes of %zu bytes right at both ends, guard pages untouched, path "
		     "MTU %zu",
		     t->device->verbs.name, ARRAY_LEN(passes), t->len, t->device->verbs.path_mtu);
	return rdma_conclude(t->device, OUTCOME_PASS,
			     "%s of %zu bytes, cold, warm and after MADV_DONTNEED", t->op->name,
			     t->len);
}

static enum outcome device_run(struct rdma_device *device, const void *arg)
{
	struct scenario_ctx *ctx = device->ctx;
	size_t pages = pages_of_level[scn_env(ctx)->level];
	autoclose int pagemap = pagemap_open(NULL);
	struct trial t = {
		.ctx = ctx,
		.op = arg,
		.device = device,
		.source = { .name = "source", .area = MAP_FAILED, .fd = -1 },
		.target = { .name = "target", .area = MAP_FAILED, .fd = -1 },
		.pagemap = pagemap,
		.seed = device->seed,
		.page = page_size(),
		.pages = pages,
		.len = pages * page_size(),
	};
	enum outcome outcome;

	if (pagemap < 0)
		return rdma_conclude(device, OUTCOME_ERROR, "cannot open '/proc/self/pagemap': %s",
				     strerror(-pagemap));
	outcome = trial_run(&t);
	/* the regions go before their memory */
	verbs_deregister_all(&device->verbs);
	buffer_close(&t, &t.source);
	buffer_close(&t, &t.target);
	return outcome;
}

static const struct operation rdma_write = {
	.name = "RDMA write",
	.opcode = IBV_WR_RDMA_WRITE,
	.target_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE,
};

static const struct operation rdma_read = {
	.name = "RDMA read",
	.opcode = IBV_WR_RDMA_READ,
	.source_access = IBV_ACCESS_REMOTE_READ,
	.target_access = IBV_ACCESS_LOCAL_WRITE,
};

ODP_SCENARIO(write, "write",
	     "RDMA write between on-demand regions, cold, warm and after MADV_DONTNEED",
	     IBV_ODP_SUPPORT_WRITE, device_run, &rdma_write, EV(DATA) | EV(PATH) | EV(COUNTERS),
	     .FAULTS(RIG_FAULTS));
ODP_SCENARIO(read, "read",
	     "RDMA read between on-demand regions, cold, warm and after MADV_DONTNEED",
	     IBV_ODP_SUPPORT_READ, device_run, &rdma_read, EV(DATA) | EV(PATH) | EV(COUNTERS),
	     .FAULTS(RIG_FAULTS));
