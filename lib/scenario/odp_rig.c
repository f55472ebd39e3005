/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory, regions and single operations of the scenarios of on-demand paging, held against the model. */
#include "scenario/odp_rig.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "scenario/odp_claims.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define MPOL_MF_MOVE (1 << 1) /* numaif.h, of libnuma */
#define ASIDE (1ull << 36)

bool rig_is_soft(const struct rig *r)
{
	struct pci_addr addr;

	return !verbs_pci_addr(scn_env(r->device->ctx)->sysroot, r->device->verbs.name, &addr);
}

enum outcome rig_each(struct scenario_ctx *ctx, uint32_t claims, rdma_body *body, const void *arg)
{
	autofree char *operations = odp_claims_text(claims);

	return rdma_each(ctx, claims, operations, body, arg);
}

/* --- what is said ------------------------------------------------------------------------------- */

void rig_stage(struct rig *r, const char *fmt, ...)
{
	va_list ap;

	free(r->stage);
	va_start(ap, fmt);
	r->stage = xvasprintf(fmt, ap);
	va_end(ap);
}

int rig_refute(struct rig *r, enum evidence_kind kind, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return rdma_refute(r->device, kind, "%s: %s", r->stage, text);
}

int rig_worse(struct rig *r, int so_far, int ret)
{
	if (ret > 0 && !r->first_wrong)
		r->first_wrong = xstrdup(r->stage);
	return ret < 0 ? ret : so_far | ret;
}

enum outcome rig_cannot_post(struct rdma_device *device, int err)
{
	if (err != -EOPNOTSUPP && err != -EINVAL)
		return rdma_conclude(device, OUTCOME_ERROR, "cannot make a queue pair: %s",
				     strerror(-err));
	device->category = SKIP_DEPENDENCY;
	return rdma_conclude(device, OUTCOME_SKIP,
			     "libibverbs, or its part for this device, cannot post the operation");
}

enum outcome rig_conclude(struct rig *r, int result, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	if (result < 0)
		return rdma_conclude(r->device, OUTCOME_ERROR, "%s: %s", r->stage,
				     strerror(-result));
	if (result)
		return rdma_conclude(r->device, OUTCOME_FAIL, "went wrong: %s",
				     r->first_wrong ? r->first_wrong : r->stage);
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return rdma_conclude(r->device, OUTCOME_PASS, "%s", text);
}

/* --- memory ------------------------------------------------------------------------------------- */

static struct rig_buffer no_buffer(const char *name)
{
	return (struct rig_buffer){ .name = name, .data = MAP_FAILED, .fd = -1 };
}

int rig_open(struct rig *r, struct rdma_device *device, size_t pages)
{
	size_t page = page_size(), mtu = device->verbs.path_mtu;

	*r = (struct rig){
		.device = device,
		.local = no_buffer("local memory"),
		.remote = no_buffer("remote memory"),
		.page = page,
		.pages = pages,
		.len = (pages + 2) * page,
		.piece = mtu < page ? mtu : page,
		.pagemap = pagemap_open(NULL),
		.unreachable = IBV_WC_LOC_PROT_ERR,
	};
	rig_stage(r, "setting up");
	r->local.known = xcalloc(1, r->len);
	r->remote.known = xcalloc(1, r->len);
	return r->pagemap < 0 ? r->pagemap : 0;
}

void rig_unmap(struct rig *r, struct rig_buffer *b)
{
	if (b->data != MAP_FAILED)
		munmap(b->data, r->len);
	b->data = MAP_FAILED;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

void rig_close(struct rig *r)
{
	/* the regions go before their memory */
	verbs_deregister_all(&r->device->verbs);
	rig_unmap(r, &r->local);
	rig_unmap(r, &r->remote);
	if (r->pagemap >= 0)
		close(r->pagemap);
	free(r->local.known);
	free(r->remote.known);
	free(r->stage);
	free(r->first_wrong);
}

/*
 * An address out of the way of what else is mapped into this process meanwhile: when a scenario unmaps
 * memory there, nothing comes in its place.
 */
static unsigned char *place(size_t len)
{
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	munmap(p, len);
	return (unsigned char *)p - ASIDE;
}

/* flags: MAP_*. One huge page would map what no transfer has asked for. */
static int map(struct rig *r, struct rig_buffer *b, unsigned char *at, int flags)
{
	b->data = mmap(at, r->len, PROT_READ | PROT_WRITE, flags, b->fd, 0);
	if (b->data == MAP_FAILED)
		return -errno;
	if (madvise(b->data, r->len, MADV_NOHUGEPAGE) < 0 && errno != EINVAL)
		return -errno;
	memset(b->known, 0, r->len);
	return 0;
}

int rig_map_at(struct rig *r, struct rig_buffer *b, unsigned char *at)
{
	return map(r, b, at, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);
}

int rig_map_shared(struct rig *r, struct rig_buffer *b, int fd, int flags)
{
	b->fd = fd;
	if (ftruncate(fd, (off_t)r->len) < 0)
		return -errno;
	return map(r, b, place(r->len), flags);
}

int rig_map(struct rig *r, struct rig_buffer *b, int fd)
{
	if (fd >= 0)
		return rig_map_shared(r, b, fd, MAP_SHARED);
	return map(r, b, place(r->len), MAP_PRIVATE | MAP_ANONYMOUS);
}

int rig_map_memfd(struct rig *r, struct rig_buffer *b)
{
	int fd = memfd_create("p2pcert-odp", MFD_CLOEXEC);

	return fd < 0 ? -errno : rig_map(r, b, fd);
}

int rig_deregister(struct rig *r, struct rig_buffer *b)
{
	struct ibv_mr *mr = b->mr;

	b->mr = NULL;
	return mr ? verbs_deregister(&r->device->verbs, mr) : 0;
}

int rig_register_at(struct rig *r, struct rig_buffer *b, bool on_demand, size_t shift)
{
	struct verbs *v = &r->device->verbs;
	int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
	int err = rig_deregister(r, b);

	if (v->attr.orig_attr.atomic_cap != IBV_ATOMIC_NONE)
		access |= IBV_ACCESS_REMOTE_ATOMIC;
	if (on_demand && !scn_injected(r->device->ctx, "pinned"))
		access |= IBV_ACCESS_ON_DEMAND;
	access = (access | b->with) & ~b->without;
	b->on_demand = on_demand;
	b->shift = shift;
	return err
		       ?: verbs_register_iova(v, b->data, r->len, (uintptr_t)b->data + shift,
					      access, &b->mr);
}

int rig_register(struct rig *r, struct rig_buffer *b, bool on_demand)
{
	return rig_register_at(r, b, on_demand, 0);
}

unsigned char *rig_pages(const struct rig *r, const struct rig_buffer *b)
{
	return b->data + r->page;
}

size_t rig_pages_len(const struct rig *r)
{
	return r->pages * r->page;
}

void rig_fill(struct rig *r, struct rig_buffer *b)
{
	pattern_fill(b->known, r->len, pattern_seed(r->device->seed, r->fills++), 0);
	memcpy(b->data, b->known, r->len);
}

int rig_drop(struct rig *r, struct rig_buffer *b)
{
	if (madvise(b->data, r->len, MADV_DONTNEED) < 0)
		return -errno;
	if (b->fd < 0)
		memset(b->known, 0, r->len);
	return 0;
}

/* Whoever moves a page to a node, be it the same, has them do so. */
void rig_hand_over(const struct rig_buffer *b)
{
	void *page = b->data;
	int node = 0, status;

	(void)syscall(SYS_move_pages, 0, 1, &page, &node, &status, MPOL_MF_MOVE);
}

/* --- evidence ----------------------------------------------------------------------------------- */

static struct pattern_mismatch mismatch(const struct rig *r, const struct rig_buffer *b)
{
	struct pattern_mismatch m = { .len = r->len };

	for (size_t i = 0; i < r->len; i++) {
		if (b->data[i] == b->known[i])
			continue;
		if (!m.wrong++)
			m.first = i;
		m.last = i;
	}
	if (!m.wrong)
		return m;
	m.shown = r->len - m.first < sizeof(m.found) ? r->len - m.first : sizeof(m.found);
	memcpy(m.expected, b->known + m.first, m.shown);
	memcpy(m.found, b->data + m.first, m.shown);
	m.zero = memcmp(m.found, (unsigned char[sizeof(m.found)]){ 0 }, m.shown) == 0;
	return m;
}

bool rig_is_right(const struct rig *r, const struct rig_buffer *b)
{
	return !mismatch(r, b).wrong;
}

int rig_check(struct rig *r, const struct rig_buffer *b)
{
	struct pattern_mismatch m = mismatch(r, b);
	autofree char *text = NULL;

	if (!m.wrong)
		return 0;
	text = pattern_mismatch_text(&m);
	r->wrong_data = true;
	return rig_refute(r, EVIDENCE_DATA, "%s, %zu pages between two guards: %s", b->name,
			  r->pages, text);
}

/* --- both ends ---------------------------------------------------------------------------------- */

int rig_map_both(struct rig *r)
{
	return rig_map_memfd(r, &r->local) ?: rig_map_memfd(r, &r->remote);
}

int rig_register_both(struct rig *r, bool on_demand)
{
	return rig_register(r, &r->local, on_demand) ?: rig_register(r, &r->remote, on_demand);
}

void rig_fill_both(struct rig *r)
{
	rig_fill(r, &r->local);
	rig_fill(r, &r->remote);
}

int rig_check_both(struct rig *r)
{
	return rig_check(r, &r->local) ?: rig_check(r, &r->remote);
}

int rig_mapped(struct rig *r, const struct rig_buffer *b, size_t expected)
{
	struct pagemap_count c;
	int err = pagemap_count(r->pagemap, rig_pages(r, b), rig_pages_len(r), &c);

	if (err || c.present == expected)
		return err;
	return rig_refute(r, EVIDENCE_PATH, "%zu of %zu pages of the %s are mapped, expected %zu",
			  c.present, c.pages, b->name, expected);
}

/* --- operations --------------------------------------------------------------------------------- */

/* What came of an operation: what completed last, at which end, and whether the receive is as it must be. */
struct done {
	enum verbs_end end;
	struct ibv_wc wc;
	enum ibv_wc_status status; /* at the initiator */
};

/* Posts it and waits for all that must complete. */
static int execute(struct rig *r, const struct rig_op *op, const struct verbs_transfer *o,
		   unsigned int timeout_ms, struct done *done)
{
	struct verbs *v = &r->device->verbs;
	struct verbs_transfer shifted = *o;
	int err = 0;

	shifted.local_offset += r->local.shift;
	shifted.remote_offset += r->remote.shift;
	if (op->receives)
		err = verbs_receive(v, r->remote.mr, shifted.remote_offset, o->len);
	*done = (struct done){ .end = VERBS_INITIATOR };
	err = err ?: verbs_post(v, &shifted);
	err = err ?: verbs_wait(v, VERBS_INITIATOR, timeout_ms, &done->wc);
	done->status = done->wc.status;
	if (err || !op->receives || done->status != IBV_WC_SUCCESS)
		return err;
	done->end = VERBS_RESPONDER;
	return verbs_wait(v, VERBS_RESPONDER, timeout_ms, &done->wc);
}

static int check_received(struct rig *r, const struct ibv_wc *wc, size_t len)
{
	size_t expected = verbs_received_len(&r->device->verbs, len);

	if (wc->status != IBV_WC_SUCCESS)
		return rig_refute(r, EVIDENCE_DATA, "the receive completes with '%s'",
				  ibv_wc_status_str(wc->status));
	if (wc->opcode != IBV_WC_RECV || wc->byte_len != expected)
		return rig_refute(r, EVIDENCE_DATA,
				  "the receive completes as operation %d of %u bytes, expected %d "
				  "of %zu",
				  (int)wc->opcode, wc->byte_len, IBV_WC_RECV, expected);
	return 0;
}

/* The same, and says what must not be: that it does not complete, or a receive not as it must. */
static int carry_out(struct rig *r, const struct rig_op *op, const struct verbs_transfer *o,
		     enum ibv_wc_status *status)
{
	struct done done;
	int err = execute(r, op, o, RIG_TRANSFER_MS, &done);

	if (err == -ETIMEDOUT)
		return rig_refute(r, EVIDENCE_DATA, "does not complete in %d ms at the %s",
				  RIG_TRANSFER_MS,
				  done.end == VERBS_INITIATOR ? "initiator" : "responder");
	if (err)
		return err;
	*status = done.status;
	return done.end == VERBS_RESPONDER ? check_received(r, &done.wc, o->len) : 0;
}

/* What nobody else changes meanwhile. */
static void corrupt(struct rig *r, const struct verbs_transfer *o)
{
	if (r->local.on_demand)
		r->remote.data[o->remote_offset] ^= 1;
	else
		r->local.data[o->local_offset] ^= 1;
}

int rig_learn(struct rig *r)
{
	struct verbs_transfer o;
	struct ibv_mr gone;
	int ret;

	ret = rig_register(r, &r->local, false) ?: rig_register(r, &r->remote, false);
	if (ret)
		return ret;
	gone = *r->local.mr;
	o = rig_order(r, &rig_write, 0, 0);
	o.local = &gone;
	ret = rig_deregister(r, &r->local);
	ret = ret ?: carry_out(r, &rig_write, &o, &r->unreachable);
	ret = ret ?: verbs_reconnect(&r->device->verbs);
	if (!ret && r->unreachable == IBV_WC_SUCCESS)
		return rig_refute(r, EVIDENCE_DATA, "sends from a region that is no more");
	return ret;
}

/* How this device says it. */
static enum ibv_wc_status learned(const struct rig *r, const struct rig_op *op,
				  enum ibv_wc_status expected)
{
	return expected == IBV_WC_LOC_PROT_ERR && op->sends ? r->unreachable : expected;
}

int rig_either(struct rig *r, const struct rig_end *end, const struct rig_op *op,
	       enum ibv_wc_status status, struct rig_count *count)
{
	enum ibv_wc_status refused = learned(r, op, end->refused);

	count->moved += status == IBV_WC_SUCCESS;
	count->refused += status == refused;
	if (status == IBV_WC_SUCCESS || status == refused)
		return 0;
	r->wrong_status = true;
	return rig_refute(r, EVIDENCE_DATA, "%s completes with '%s', expected '%s' or '%s'",
			  op->name, ibv_wc_status_str(status), ibv_wc_status_str(refused),
			  ibv_wc_status_str(IBV_WC_SUCCESS));
}

int rig_expect(struct rig *r, const struct rig_op *op, enum ibv_wc_status status,
	       enum ibv_wc_status expected)
{
	expected = learned(r, op, expected);
	if (status == expected)
		return 0;
	r->wrong_data |= status == IBV_WC_SUCCESS;
	r->wrong_status |= status != IBV_WC_SUCCESS;
	return rig_refute(r, EVIDENCE_DATA, "%s completes with '%s', expected '%s'", op->name,
			  ibv_wc_status_str(status), ibv_wc_status_str(expected));
}

static int try_order(struct rig *r, const struct rig_op *op, const struct verbs_transfer *o,
		     enum ibv_wc_status *status)
{
	int ret = carry_out(r, op, o, status);

	if (!ret && *status != IBV_WC_SUCCESS)
		ret = verbs_reconnect(&r->device->verbs);
	return ret;
}

int rig_try(struct rig *r, const struct rig_op *op, size_t local, size_t remote,
	    enum ibv_wc_status *status)
{
	struct verbs_transfer o = rig_order(r, op, local, remote);

	return try_order(r, op, &o, status);
}

int rig_move(struct rig *r, const struct rig_op *op, size_t local, size_t remote,
	     enum ibv_wc_status expected)
{
	struct scenario_ctx *ctx = r->device->ctx;
	struct verbs_transfer o = rig_order(r, op, local, remote);
	enum ibv_wc_status status = expected;
	int ret = 0;

	if (!scn_injected(ctx, "skip-copy"))
		ret = try_order(r, op, &o, &status);
	if (ret)
		return ret;
	if (expected == IBV_WC_SUCCESS) {
		op->apply(r, &o);
		if (scn_injected(ctx, "corrupt-copy"))
			corrupt(r, &o);
	}
	return rig_expect(r, op, status, expected);
}

static int probe(struct rig *r, const struct rig_op *op, const struct verbs_transfer *o,
		 unsigned int timeout_ms, enum ibv_wc_status *status)
{
	struct done done = { 0 };
	int err = execute(r, op, o, timeout_ms, &done);
	bool received = done.end == VERBS_RESPONDER;

	*status = received ? done.wc.status : done.status;
	if (!err && received && *status == IBV_WC_SUCCESS &&
	    done.wc.byte_len != verbs_received_len(&r->device->verbs, o->len))
		err = -EPROTO;
	return err;
}

int rig_probe(struct rig *r, const struct rig_op *op, size_t local, size_t remote,
	      unsigned int timeout_ms, enum ibv_wc_status *status)
{
	struct scenario_ctx *ctx = r->device->ctx;
	struct verbs_transfer o = rig_order(r, op, local, remote);
	bool on_demand = r->local.on_demand || r->remote.on_demand;
	int err = 0, err_connect;

	*status = IBV_WC_SUCCESS;
	if (!on_demand || !scn_injected(ctx, "skip-copy"))
		err = probe(r, op, &o, timeout_ms, status);
	err_connect = err || *status != IBV_WC_SUCCESS ? verbs_reconnect(&r->device->verbs) : 0;
	if (err || err_connect || *status != IBV_WC_SUCCESS)
		return err ?: err_connect;
	op->apply(r, &o);
	if (on_demand && scn_injected(ctx, "corrupt-copy"))
		corrupt(r, &o);
	return 0;
}

int rig_move_all(struct rig *r, const struct rig_op *op, enum ibv_wc_status expected)
{
	int ret = 0;

	for (size_t i = 0; i < r->pages && !ret; i++)
		ret = rig_move(r, op, i, r->pages - 1 - i, expected);
	return ret;
}
