/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RDMA devices, over a connection with themselves: ordinary memory is one region, the mapping of a peer's memory
 * is another, and an RDMA write moves from the one to the other, an RDMA read back. Memory of a peer is no
 * memory that the kernel pins for long, so that the region is one on demand where the device can have such. A
 * device that is no PCI function moves nothing by itself; how it refuses the memory is told.
 */
#include "scenario/initiator_rdma.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/verbs.h"

#define GID_WAIT_MS 5000
#define TIMEOUT_MS 30000
#define BYTES (64u * 1024)
#define RIGHTS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE)

struct rdma {
	struct verbs v;
	struct ibv_mr *own, *peer; /* NULL: not registered */
};

/* --- the device ------------------------------------------------------------------------------------- */

static int find(struct exam *x, void **list, size_t *n)
{
	const char *only = scn_env(x->ctx)->rdma_device;
	char **names;
	int err = verbs_names(&names);

	*n = 0;
	if (err)
		return err;
	for (char **name = names; *name; name++) {
		if (only && strcmp(*name, only) != 0)
			free(*name);
		else
			names[(*n)++] = *name;
	}
	names[*n] = NULL;
	*list = names;
	return 0;
}

static void forget(void *list, size_t n attr_unused)
{
	verbs_names_free(list);
}

static size_t unit(const struct initiator *i attr_unused)
{
	return 1;
}

int initiator_rdma_register(struct initiator *i, const struct peer *p, char **why)
{
	struct rdma *r = i->state;
	bool on_demand = r->v.attr.odp_caps.general_caps & IBV_ODP_SUPPORT;
	int pinned = verbs_register(&r->v, p->map.addr, p->map.len, RIGHTS, &r->peer);
	int err = pinned;

	if (err && on_demand)
		err = verbs_register(&r->v, p->map.addr, p->map.len, RIGHTS | IBV_ACCESS_ON_DEMAND,
				     &r->peer);
	if (!err)
		return 0;
	r->peer = NULL;
	*why = on_demand ? xasprintf("'%s' does not register memory of %s: pinned %s, on demand %s",
				     i->name, pci_addr_str(p->target->addr), errno_text(pinned),
				     errno_text(err))
			 : xasprintf("'%s' does not register memory of %s: pinned %s; it has no "
				     "regions "
				     "on demand",
				     i->name, pci_addr_str(p->target->addr), errno_text(pinned));
	return err;
}

/* What a device that is no PCI function says of memory that some function publishes. */
static void say_soft(struct initiator *i)
{
	const struct platform *platform = scn_env(i->exam->ctx)->platform;
	const struct function *lender = NULL;
	struct peer p = { 0 };
	struct rdma *r = i->state;
	struct ibv_mr *mr;
	int err;

	for (size_t k = 0; k < platform->nr_functions && !lender; k++)
		if (p2pmem_is_provider(&platform->functions[k]))
			lender = &platform->functions[k];
	err = lender ? p2pmem_map(scn_env(i->exam->ctx)->sysroot, lender->addr, page_size(), &p.map)
		     : -ENODEV;
	err = err ?: verbs_register(&r->v, p.map.addr, p.map.len, RIGHTS, &mr);
	exam_unusable(
		i->exam,
		"'%s' is no PCI function and moves nothing by itself; a pinned region of %s: %s",
		i->name, lender ? pci_addr_str(lender->addr) : "published memory",
		err ? errno_text(err) : "success");
	verbs_deregister_all(&r->v);
	p2pmem_unmap(&p.map);
}

static bool open_device(struct initiator *i, void *list, size_t k)
{
	const char *name = ((char **)list)[k];
	autofree char *device = xasprintf("rdma:%s", name);
	struct rdma *r = xcalloc(1, sizeof(*r));
	autofree char *why = NULL;
	struct pci_addr addr;
	int err;

	i->state = r;
	i->name = name;
	i->area = BYTES;
	i->own = pages_alloc(i->area);
	err = verbs_open(&r->v, name, &why);
	err = err ?: verbs_connect(&r->v, GID_WAIT_MS, &why);
	if (err) {
		exam_say(i->exam, EVIDENCE_DATA, EVIDENCE_MISSING, "'%s' cannot be used: %s", name,
			 why ? why : strerror(-err));
		return false;
	}
	scn_device_name(i->exam->ctx, device);
	if (verbs_pci_addr(scn_env(i->exam->ctx)->sysroot, name, &addr))
		i->function = platform_find(scn_env(i->exam->ctx)->platform, addr);
	if (!i->function) {
		say_soft(i);
		return false;
	}
	err = verbs_register(&r->v, i->own, i->area, RIGHTS, &r->own);
	if (err)
		exam_say(i->exam, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "'%s' does not register ordinary memory: %s", name, errno_text(err));
	return !err;
}

static void close_device(struct initiator *i)
{
	struct rdma *r = i->state;

	verbs_close(&r->v);
	free(r);
	free(i->own);
}

/* --- a peer ----------------------------------------------------------------------------------------- */

static bool meet(struct initiator *i, struct peer *p, const struct function *target)
{
	autofree char *why = NULL;

	if (!peer_begin(p, i->exam, i->function, target, i->name, i->area))
		return false;
	if (initiator_rdma_register(i, p, &why) == 0)
		return true;
	exam_unusable(i->exam, "%s", why);
	peer_end(p);
	return false;
}

static void leave(struct initiator *i, struct peer *p)
{
	struct rdma *r = i->state;
	int err = r->peer ? verbs_deregister(&r->v, r->peer) : 0;

	r->peer = NULL;
	if (err)
		exam_say(i->exam, EVIDENCE_LEAK, EVIDENCE_REFUTED,
			 "%s: the region of its memory is not deregistered: %s", p->name,
			 errno_text(err));
}

/* A completion that says that the memory cannot be reached is how a pair is refused here. */
static int move(const struct move *m, struct moved *r)
{
	struct rdma *d = m->initiator->state;
	const struct verbs_transfer t = {
		.opcode = m->way == MOVE_TO_PEER ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ,
		.local = d->own,
		.remote = d->peer,
		.local_offset = m->at.own_at,
		.remote_offset = m->at.peer_at,
		.len = m->at.len,
	};
	const int64_t start = clock_ns();
	enum ibv_wc_status status;
	int err = verbs_transfer(&d->v, &t, TIMEOUT_MS, &status);

	r->ns = (uint64_t)(clock_ns() - start);
	if (err == -EBADMSG) {
		r->result = err;
		return 0;
	}
	if (err)
		return err;
	if (status != IBV_WC_SUCCESS) {
		r->result = -EREMOTEIO;
		return verbs_reconnect(&d->v);
	}
	r->bytes = m->at.len;
	return 0;
}

/* What came from its queues has no request as its cause. */
static bool explain(const struct move *m, const struct moved *r)
{
	const struct rdma *d = m->initiator->state;

	if (r->result != -EBADMSG)
		return false;
	exam_say(m->peer->exam, EVIDENCE_DATA, EVIDENCE_REFUTED, "%s, %s: %s", m->peer->name,
		 m->initiator->kind->ways[m->way], d->v.wrong ? d->v.wrong : errno_text(r->result));
	return true;
}

const struct initiator_kind initiator_rdma = {
	.name = "rdma",
	.by = "device",
	.ways = { "memory-to-bar", "bar-to-memory" },
	.refusals = { -EREMOTEIO },
	.unit = unit,
	.find = find,
	.forget = forget,
	.open = open_device,
	.close = close_device,
	.meet = meet,
	.leave = leave,
	.cases = initiator_memory_cases,
	.move = move,
	.explain = explain,
};
