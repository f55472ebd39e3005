/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.dmabuf-unsupported: what an RDMA device whose driver knows no dma-bufs says to one. It must say so
 * with EOPNOTSUPP, whatever is wrong with the request besides, since that is what programs go by to
 * fall back to memory; and keep nothing of it.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"
#include "scenario/rdma.h"

#define RIGHTS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE)

static enum outcome refused(struct rdma_device *device, const struct mr_memory *m)
{
	struct p2pcert_dmabuf_place place;
	int err = mr_memory_look(m, &place);

	if (err)
		return rdma_conclude(device, OUTCOME_ERROR, "%s", strerror(-err));
	if (place.attached) {
		scn_evidence(device->ctx, EVIDENCE_ERRNO, EVIDENCE_REFUTED,
			     "%s: says EOPNOTSUPP, and has attached to the dma-buf",
			     device->verbs.name);
		return rdma_conclude(device, OUTCOME_FAIL,
				     "says EOPNOTSUPP, and has attached to the dma-buf");
	}
	scn_evidence(device->ctx, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
		     "%s: has no dma-buf regions, says EOPNOTSUPP, and attached to nothing",
		     device->verbs.name);
	return rdma_conclude(device, OUTCOME_PASS, "no dma-buf regions: EOPNOTSUPP, as it must be");
}

static enum outcome try(struct rdma_device *device, const struct mr_memory *m)
{
	struct verbs *v = &device->verbs;
	struct ibv_mr *mr = NULL;
	int err = verbs_register_dmabuf(v, m->fd, 0, m->len, 0, RIGHTS, &mr);

	if (scn_injected(device->ctx, "wrong-errno"))
		err = -EINVAL;
	if (err == -EOPNOTSUPP)
		return refused(device, m);
	if (err) {
		scn_evidence(device->ctx, EVIDENCE_ERRNO, EVIDENCE_REFUTED,
			     "%s: a dma-buf is refused with %s, expected EOPNOTSUPP or success",
			     v->name, errno_text(err));
		return rdma_conclude(device, OUTCOME_FAIL, "refuses a dma-buf with %s",
				     errno_text(err));
	}
	verbs_deregister_all(v);
	return rdma_conclude(device, OUTCOME_SKIP, "has dma-buf regions");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome = OUTCOME_ERROR;
	struct mr_memory m;

	if (mr_memory_module(device->ctx, &m) == 0)
		outcome = try(device, &m);
	else
		rdma_conclude(device, outcome, "the module hands out no memory");
	mr_memory_close(&m);
	return outcome;
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return rdma_each(ctx, 0, NULL, body, NULL);
}

const struct scenario scenario_mr_dmabuf_unsupported = {
	.id = "mr.dmabuf-unsupported",
	.title = "a driver without dma-buf regions says so, with the errno that programs go by",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_IPC_LOCK" },
	       { NEED_KCONFIG, "CONFIG_INFINIBAND_USER_ACCESS && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "dma_buf" }, { NEED_MODULE, MR_MODULE }, { NEED_ROLE, "rdma" }),
	.evidence = EV(ERRNO),
	.safety = SAFETY_SAFE,
	.level = LEVEL_STANDARD,
	.seconds = 60,
	.FAULTS("wrong-errno"),
	.run = run,
};
