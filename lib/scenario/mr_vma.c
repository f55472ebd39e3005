/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.device-vma: memory regions over the mapping of a device file. What the kernel has no pages for must be
 * refused to be pinned, and not be reached by a region on demand either; pages of a peer may not be
 * pinned, but be used on demand; and ordinary pages that a driver maps are as good as any.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/mr_rig.h"
#include "scenario/p2pmem.h"
#include "scenario/pattern.h"
#include "scenario/rdma.h"

#define PAGES 4
#define PIECE 64
#define TRANSFER_MS 10000
#define RIGHTS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE)

/* A way in which a driver maps what is its own. */
static const struct vma_kind {
	const char *name;
	unsigned long offset; /* in pages, of the module's device file; of a peer's memory: PEER */
	bool touched; /* by the CPU */
	bool pinned; /* may a region pin it, */
	bool on_demand; /* or use it page by page? */
} kinds[] = {
#define PEER (~0ul)
	{ "page frames mapped at once", P2PCERT_VMA_PFN, true, false, false },
	{ "page frames mapped as they are touched", P2PCERT_VMA_FAULT, true, false, false },
	{ "memory that the CPU cannot touch", P2PCERT_VMA_NO_CPU, false, false, false },
	{ "pages of the kernel", P2PCERT_VMA_PAGES, true, true, true },
	{ "pages of a peer", PEER, true, false, true },
};

struct vma {
	struct rdma_device *device;
	const struct vma_kind *kind;
	const char *how; /* it is registered */
	unsigned char *at;
	size_t len;
	unsigned char *known;
	struct p2pmem_map peer;
	int fd; /* of the module */
	unsigned char *local; /* of the other end */
	struct ibv_mr *local_mr;
	uint64_t patterns;
	unsigned int refused, used; /* regions */
};

static int refute(struct vma *v, enum evidence_kind kind, const char *fmt, ...) attr_printf(3, 4);
static int refute(struct vma *v, enum evidence_kind kind, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	scn_evidence(v->device->ctx, kind, EVIDENCE_REFUTED, "%s: %s, %s: %s",
		     v->device->verbs.name, v->kind->name, v->how, text);
	rdma_conclude(v->device, OUTCOME_FAIL, "%s, %s: %s", v->kind->name, v->how, text);
	return 1;
}

/* --- what the CPU sees -------------------------------------------------------------------------- */

static void fill(struct vma *v)
{
	pattern_fill(v->known, v->len, pattern_seed(v->device->seed, ++v->patterns), 0);
	if (v->kind->offset == PEER)
		p2pmem_write(v->at, v->known, v->len);
	else if (v->kind->touched)
		memcpy(v->at, v->known, v->len);
}

static int check(struct vma *v)
{
	autofree unsigned char *seen = xcalloc(1, v->len);

	if (!v->kind->touched)
		return 0;
	if (v->kind->offset == PEER)
		p2pmem_read(seen, v->at, v->len);
	else
		memcpy(seen, v->at, v->len);
	for (size_t i = 0; i < v->len; i++)
		if (seen[i] != v->known[i])
			return refute(v, EVIDENCE_DATA, "byte %zu is 0x%02x, must be 0x%02x", i,
				      seen[i], v->known[i]);
	return 0;
}

/* --- transfers ---------------------------------------------------------------------------------- */

static int transfer(struct vma *v, const struct ibv_mr *mr, enum ibv_wr_opcode opcode,
		    size_t offset, enum ibv_wc_status *status)
{
	const struct verbs_transfer t = {
		.opcode = opcode,
		.local = v->local_mr,
		.remote = mr,
		.remote_offset = offset,
		.len = PIECE,
	};
	int err;

	*status = IBV_WC_SUCCESS;
	if (scn_injected(v->device->ctx, "skip-copy"))
		return 0;
	err = verbs_transfer(&v->device->verbs, &t, TRANSFER_MS, status);
	if (opcode == IBV_WR_RDMA_READ && scn_injected(v->device->ctx, "corrupt-copy"))
		v->local[0] ^= *status == IBV_WC_SUCCESS;
	if (!err && *status != IBV_WC_SUCCESS)
		err = verbs_reconnect(&v->device->verbs);
	return err;
}

/* A write and a read of the first bytes of each page, which must come about. */
static int use(struct vma *v, const struct ibv_mr *mr)
{
	size_t page = page_size();
	int ret = 0;

	for (size_t at = 0; at < v->len && !ret; at += page) {
		enum ibv_wc_status written, read = IBV_WC_GENERAL_ERR;

		pattern_fill(v->local, PIECE, pattern_seed(v->device->seed, ++v->patterns), 0);
		memcpy(v->known + at, v->local, PIECE);
		ret = transfer(v, mr, IBV_WR_RDMA_WRITE, at, &written);
		memset(v->local, 0, PIECE);
		if (!ret)
			ret = transfer(v, mr, IBV_WR_RDMA_READ, at, &read);
		if (ret)
			return ret;
		if (written != IBV_WC_SUCCESS || read != IBV_WC_SUCCESS)
			return refute(v, EVIDENCE_DATA, "RDMA write: %s, RDMA read: %s",
				      ibv_wc_status_str(written), ibv_wc_status_str(read));
		if (memcmp(v->local, v->known + at, PIECE) != 0)
			return refute(v, EVIDENCE_DATA, "what was written is not what is read");
		ret = check(v);
	}
	v->used++;
	return ret;
}

/* They must not come about, and move nothing. */
static int is_out_of_reach(struct vma *v, const struct ibv_mr *mr)
{
	enum ibv_wc_status status;
	unsigned char before[PIECE];
	int err;

	pattern_fill(v->local, PIECE, pattern_seed(v->device->seed, ++v->patterns), 0);
	memcpy(before, v->local, PIECE);
	err = transfer(v, mr, IBV_WR_RDMA_WRITE, 0, &status);
	if (!err && status == IBV_WC_SUCCESS)
		return refute(v, EVIDENCE_ERRNO, "an RDMA write succeeds");
	if (!err)
		err = transfer(v, mr, IBV_WR_RDMA_READ, 0, &status);
	if (!err && status == IBV_WC_SUCCESS)
		return refute(v, EVIDENCE_ERRNO, "an RDMA read succeeds");
	if (!err && memcmp(v->local, before, PIECE) != 0)
		return refute(v, EVIDENCE_DATA,
			      "an RDMA read that was refused has moved something");
	return err ?: check(v);
}

/* --- regions ------------------------------------------------------------------------------------ */

static int try_pinned(struct vma *v)
{
	struct ibv_mr *mr = NULL;
	int err = verbs_register(&v->device->verbs, v->at, v->len, RIGHTS, &mr);
	int ret;

	v->how = "pinned";
	if (!v->kind->pinned) {
		if (err == -EFAULT) {
			v->refused++;
			return check(v);
		}
		return refute(v, EVIDENCE_ERRNO, "%s, must be EFAULT",
			      err ? errno_text(err) : "it succeeds");
	}
	if (err)
		return refute(v, EVIDENCE_ERRNO, "cannot be registered: %s", errno_text(err));
	ret = use(v, mr);
	return ret ?: verbs_deregister(&v->device->verbs, mr);
}

static bool claims_on_demand(const struct vma *v)
{
	const struct ibv_odp_caps *caps = &v->device->verbs.attr.odp_caps;
	uint32_t both = IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_WRITE;

	return caps->general_caps & IBV_ODP_SUPPORT &&
	       (caps->per_transport_caps.rc_odp_caps & both) == both;
}

static int try_on_demand(struct vma *v)
{
	struct ibv_mr *mr = NULL;
	int err, ret;

	if (!claims_on_demand(v))
		return 0;
	v->how = "on demand";
	err = verbs_register(&v->device->verbs, v->at, v->len, RIGHTS | IBV_ACCESS_ON_DEMAND, &mr);
	if (err == -EFAULT && !v->kind->on_demand) {
		v->refused++;
		return check(v);
	}
	if (err)
		return refute(v, EVIDENCE_ERRNO, "cannot be registered: %s", errno_text(err));
	ret = v->kind->on_demand ? use(v, mr) : is_out_of_reach(v, mr);
	if (!ret && !v->kind->on_demand)
		v->refused++;
	return ret ?: verbs_deregister(&v->device->verbs, mr);
}

/* Whether the CPU reaches the memory, asked of the kernel, which does not kill for it. */
static int touch(struct vma *v, bool expected)
{
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	n = write(ends[1], v->at, 1);
	close(ends[0]);
	close(ends[1]);
	if ((n == 1) == expected)
		return 0;
	return refute(v, EVIDENCE_ERRNO, "the CPU %s it", n == 1 ? "reaches" : "does not reach");
}

/* The driver decides of each opener of its file whether it gets pages; a region gets them from nobody. */
static int deny_and_allow(struct vma *v)
{
	uint32_t no = 0, yes = 1;
	int ret;

	v->how = "denied by the driver";
	ret = modfd_ioctl(v->fd, P2PCERT_IOC_DMABUF_ALLOW_FAULTS, &no);
	ret = ret ?: touch(v, false);
	ret = ret ?: modfd_ioctl(v->fd, P2PCERT_IOC_DMABUF_ALLOW_FAULTS, &yes);
	v->how = "allowed again";
	ret = ret ?: touch(v, true);
	return ret ?: check(v);
}

static int try_kind(struct vma *v)
{
	int ret;

	v->how = "mapped";
	fill(v);
	ret = v->kind->offset == PEER ? 0 : touch(v, v->kind->touched);
	ret = ret ?: try_pinned(v);
	ret = ret ?: try_on_demand(v);
	return ret || v->kind->offset != P2PCERT_VMA_FAULT ? ret : deny_and_allow(v);
}

/* --- mappings ----------------------------------------------------------------------------------- */

static int map_module(struct vma *v)
{
	void *at = mmap(NULL, v->len, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
			(off_t)(v->kind->offset * page_size()));

	if (at == MAP_FAILED)
		return -errno;
	v->at = at;
	return 0;
}

/* 1: there is none, which is no error. */
static int map_peer(struct vma *v)
{
	const struct scenario_env *env = scn_env(v->device->ctx);
	int err = 1;

	for (size_t i = 0; i < env->platform->nr_functions && err; i++) {
		const struct function *f = &env->platform->functions[i];

		if (!p2pmem_is_provider(f) ||
		    p2pmem_map(env->sysroot, f->addr, v->len, &v->peer) < 0)
			continue;
		v->at = v->peer.addr;
		scn_device(v->device->ctx, f->addr);
		err = 0;
	}
	return err;
}

static int run_kind(struct vma *v, const struct vma_kind *kind)
{
	int ret;

	v->kind = kind;
	ret = kind->offset == PEER ? map_peer(v) : map_module(v);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = try_kind(v);
	if (kind->offset == PEER)
		p2pmem_unmap(&v->peer);
	else
		munmap(v->at, v->len);
	return ret;
}

static int run_kinds(struct vma *v)
{
	int ret = 0;

	v->local =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v->local == MAP_FAILED)
		return -errno;
	ret = verbs_register(&v->device->verbs, v->local, page_size(), RIGHTS, &v->local_mr);
	for (size_t i = 0; i < ARRAY_LEN(kinds) && !ret; i++)
		ret = run_kind(v, &kinds[i]);
	verbs_deregister_all(&v->device->verbs);
	munmap(v->local, page_size());
	return ret;
}

static enum outcome conclude(struct vma *v, int ret)
{
	struct scenario_ctx *ctx = v->device->ctx;

	if (ret < 0)
		return rdma_conclude(v->device, OUTCOME_ERROR, "%s: %s",
				     v->kind ? v->kind->name : "preparation", strerror(-ret));
	if (ret)
		return OUTCOME_FAIL;
	scn_evidence(ctx, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
		     "%s: regions refused, or out of reach, where there are no pages: %u",
		     v->device->verbs.name, v->refused);
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: regions read and written where there are: %u", v->device->verbs.name,
		     v->used);
	return rdma_conclude(v->device, OUTCOME_PASS, "%u regions used, %u refused", v->used,
			     v->refused);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct vma v = { .device = device, .len = PAGES * page_size() };
	enum outcome outcome = OUTCOME_ERROR;
	struct p2pcert_held before;
	uint64_t refcnt;

	v.fd = modfd_open(device->ctx, MR_MODULE,
			  modfd_injected(device->ctx, P2PCERT_FAULT_POLICY_IGNORED), &refcnt);
	if (v.fd < 0)
		return rdma_conclude(device, outcome, "the module cannot be used");
	v.known = xcalloc(1, v.len);
	if (modfd_held(device->ctx, MR_MODULE, v.fd, &before) == 0) {
		outcome = conclude(&v, run_kinds(&v));
		if (!modfd_judge_held(device->ctx, MR_MODULE, v.fd, &before))
			outcome = rdma_conclude(device, OUTCOME_FAIL, "the module holds more");
	}
	free(v.known);
	close(v.fd);
	if (outcome != OUTCOME_ERROR && !modfd_judge_refcnt(device->ctx, MR_MODULE, refcnt))
		outcome = rdma_conclude(device, OUTCOME_FAIL, "the module is still in use");
	return outcome;
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return rdma_each(ctx, 0, NULL, body, NULL);
}

const struct scenario scenario_mr_device_vma = {
	.id = "mr.device-vma",
	.title = "a region over the mapping of a device file gets what has pages, and nothing else",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_IPC_LOCK" },
	       { NEED_KCONFIG, "CONFIG_INFINIBAND_USER_ACCESS && CONFIG_MODULE_UNLOAD" },
	       { NEED_MODULE, MR_MODULE }, { NEED_ROLE, "rdma" }),
	.evidence = EV(DATA) | EV(ERRNO) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_STANDARD,
	.seconds = 60,
	.FAULTS("skip-copy", "corrupt-copy", "policy-ignored"),
	.run = run,
};
