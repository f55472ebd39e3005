/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.mixed-mr: one region on demand over memory of several kinds, side by side: anonymous, private and shared
 * of a file, a huge page, memory that has migrated into a device of the module p2pcert_devpriv, and memory
 * of a PCI device, where one offers it (p2pmem). Each operation goes over all of them in turn.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/devmem.h"
#include "scenario/odp_device.h"
#include "scenario/p2pmem.h"

#define KIND_PAGES 4 /* of each kind but the huge page */
#define HUGE_BYTES AREA_HUGE_BYTES

struct trial {
	struct rig r;
	int fd; /* of the module */
	struct p2pmem_map p2p; /* where p2pmem_map() put it; moved into place */
	const char *p2p_missing; /* why there is none; NULL: there is */
};

/* Pages from the first under test on; the huge page is the last, and aligned. */
enum kind { ANONYMOUS, UNTOUCHED, SHARED, PRIVATE, IN_DEVICE, P2P, NR_KINDS };

static unsigned char *kind_at(const struct rig *r, enum kind k)
{
	return rig_pages(r, &r->remote) + (size_t)k * KIND_PAGES * r->page;
}

static size_t kind_len(const struct rig *r)
{
	return KIND_PAGES * r->page;
}

static int place_file(struct trial *t, enum kind k, int flags)
{
	const struct rig *r = &t->r;
	autoclose int fd = memfd_create("p2pcert-odp", MFD_CLOEXEC);
	void *p;

	if (fd < 0 || ftruncate(fd, (off_t)kind_len(r)) < 0)
		return -errno;
	p = mmap(kind_at(r, k), kind_len(r), PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	return p == MAP_FAILED ? -errno : 0;
}

/* Memory of a PCI function, moved to where the region is. */
static int place_p2p(struct trial *t)
{
	const struct rig *r = &t->r;
	const struct scenario_env *env = scn_env(r->device->ctx);
	const struct platform *platform = env->platform;
	const struct function *provider = NULL;
	void *p;

	for (size_t i = 0; i < platform->nr_functions && !provider; i++)
		if (p2pmem_is_provider(&platform->functions[i]))
			provider = &platform->functions[i];
	t->p2p_missing = "no function offers memory";
	if (!provider)
		return 0;
	t->p2p_missing = "its memory cannot be mapped";
	if (p2pmem_map(env->sysroot, provider->addr, kind_len(r), &t->p2p) < 0)
		return 0;
	p = mremap(t->p2p.addr, t->p2p.len, t->p2p.len, MREMAP_MAYMOVE | MREMAP_FIXED,
		   kind_at(r, P2P));
	if (p == MAP_FAILED)
		return -errno;
	/* it goes with the buffer now */
	t->p2p = (struct p2pmem_map){ 0 };
	t->p2p_missing = NULL;
	return 0;
}

/* The huge page is behind all others; without one the kernel gives small pages, which are right as well. */
static int place(struct trial *t)
{
	struct rig *r = &t->r;
	size_t before = (1 + NR_KINDS * KIND_PAGES) * r->page;
	unsigned char *room = mmap(NULL, r->len + 2 * HUGE_BYTES, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t huge = ((uintptr_t)room + before + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1ul);
	int ret;

	if (room == MAP_FAILED)
		return -errno;
	munmap(room, r->len + 2 * HUGE_BYTES);
	ret = rig_map_at(r, &r->remote, (unsigned char *)huge - before);
	if (ret)
		return ret;
	(void)madvise((void *)huge, HUGE_BYTES, MADV_HUGEPAGE);
	return place_file(t, SHARED, MAP_SHARED) ?: place_file(t, PRIVATE, MAP_PRIVATE) ?:
									       place_p2p(t);
}

/* --- transfers ---------------------------------------------------------------------------------- */

static int send_away(const struct trial *t)
{
	struct p2pcert_devpriv_range range = {
		.addr = (uintptr_t)kind_at(&t->r, IN_DEVICE),
		.length = kind_len(&t->r),
	};
	int err = modfd_ioctl(t->fd, P2PCERT_IOC_DEVPRIV_TO_DEVICE, &range);

	return err ?: range.result;
}

/* Data is known, some of it is in the device, and where nobody has written there is none. */
static int prepare(struct trial *t)
{
	struct rig *r = &t->r;
	struct pagemap_count c;
	int err;

	rig_fill_both(r);
	if (madvise(kind_at(r, UNTOUCHED), kind_len(r), MADV_DONTNEED) < 0)
		return -errno;
	memset(r->remote.known + (kind_at(r, UNTOUCHED) - r->remote.data), 0, kind_len(r));
	err = send_away(t) ?: pagemap_count(r->pagemap, kind_at(r, IN_DEVICE), kind_len(r), &c);
	if (err || c.swap == KIND_PAGES)
		return err;
	return rig_refute(r, EVIDENCE_PATH, "%zu of %u pages are in the device", c.swap,
			  KIND_PAGES);
}

/* The first and the last page of each kind, and of the huge page: where one ends and the next begins. */
static int move_over_all(struct trial *t, const struct rig_op *op)
{
	struct rig *r = &t->r;
	int ret = 0;

	for (size_t n = 0; n <= NR_KINDS && !ret; n++) {
		size_t first = n * KIND_PAGES;
		size_t last = n < NR_KINDS ? first + KIND_PAGES - 1 : r->pages - 1;

		ret = rig_move(r, op, first, first, IBV_WC_SUCCESS)
			      ?: rig_move(r, op, last, last, IBV_WC_SUCCESS);
	}
	return ret;
}

static int run_op(struct trial *t, const struct rig_op *op)
{
	struct rig *r = &t->r;
	int ret;

	rig_stage(r, "%s over all kinds of memory", op->name);
	ret = prepare(t) ?: move_over_all(t, op);
	return ret ?: rig_check(r, &r->remote) ?: rig_check(r, &r->local);
}

static int run_all(struct trial *t)
{
	static const struct rig_op *const ops[] = { &rig_write, &rig_read, &rig_send };
	struct rig *r = &t->r;
	int ret = place(t) ?: rig_map_memfd(r, &r->local);

	ret = ret ?: rig_register(r, &r->remote, true) ?: rig_register(r, &r->local, false);
	for (size_t i = 0; i < ARRAY_LEN(ops) && !ret; i++)
		ret = run_op(t, ops[i]);
	return ret;
}

static void prove(const struct trial *t)
{
	struct scenario_ctx *ctx = t->r.device->ctx;
	const char *name = t->r.device->verbs.name;

	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: send, RDMA write and read over anonymous memory, untouched, shared and "
		     "private of a file, in a device, %sand a huge page, one region: all of both "
		     "buffers right",
		     name, t->p2p_missing ? "" : "of a PCI function ");
	scn_evidence(ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
		     "%s: pages were in the device before each operation", name);
	if (t->p2p_missing)
		scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: no memory of a PCI function is among them: %s", name,
			     t->p2p_missing);
}

static enum outcome run_rig(struct rdma_device *device, int fd)
{
	struct trial t = { .fd = fd };
	struct rig *r = &t.r;
	enum outcome outcome;
	int ret = rig_open(r, device, NR_KINDS * KIND_PAGES + HUGE_BYTES / page_size());

	rig_stage(r, "memory of all kinds");
	ret = ret ?: run_all(&t);
	if (ret > 0 && r->wrong_data)
		scn_finding(device->ctx, "ODP-WRONG-DATA", NULL, 0, "%s: %s", device->verbs.name,
			    r->stage);
	if (!ret)
		prove(&t);
	outcome = rig_conclude(r, ret, "one region over memory of all kinds");
	p2pmem_unmap(&t.p2p);
	rig_close(r);
	return outcome;
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	return odp_with_module(device, run_rig);
}

ODP_SCENARIO_OF(mixed_mr, "mixed-mr", "one on-demand region over memory of all kinds, side by side",
		IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_SEND, body, NULL,
		EV(DATA) | EV(PATH) | EV(LEAK), .NEEDS(RDMA_ODP_NEEDS, DEVMEM_NEEDS),
		.safety = SAFETY_SAFE_BUT_NAMED, .level = LEVEL_QUICK,
		.FAULTS("skip-copy", "corrupt-copy", "no-migrate", "leak"));
