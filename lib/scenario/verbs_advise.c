// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Advice on regions: through libibverbs, or by the kernel's own call where the device's part of the
 * library does not have it, which is so for soft RoCE up to rdma-core 56 at least.
 */
#include <infiniband/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/alloc.h"
#include "scenario/verbs.h"

/* The kernel takes it only with the driver's number, which the library does not tell. */
#define DRIVER RDMA_DRIVER_RXE

static struct ib_uverbs_attr attr_of(uint16_t id, uint16_t len, uint64_t data)
{
	return (struct ib_uverbs_attr){
		.attr_id = id,
		.len = len,
		.flags = UVERBS_ATTR_F_MANDATORY,
		.data = data,
	};
}

/* Linux drivers/infiniband/core/uverbs_std_types_mr.c, UVERBS_METHOD_ADVISE_MR */
static int kernel_advise(const struct verbs *v, enum ibv_advise_mr_advice advice, uint32_t flags,
			 const struct ibv_sge *sge)
{
	struct ib_uverbs_sge range = {
		.addr = sge->addr,
		.length = sge->length,
		.lkey = sge->lkey,
	};
	const struct ib_uverbs_attr attrs[] = {
		attr_of(UVERBS_ATTR_ADVISE_MR_PD_HANDLE, 0, v->pd->handle),
		attr_of(UVERBS_ATTR_ADVISE_MR_ADVICE, sizeof(uint64_t), advice),
		attr_of(UVERBS_ATTR_ADVISE_MR_FLAGS, sizeof(uint32_t), flags),
		attr_of(UVERBS_ATTR_ADVISE_MR_SGE_LIST, sizeof(range), (uintptr_t)&range),
	};
	autofree struct ib_uverbs_ioctl_hdr *request = xcalloc(1, sizeof(*request) + sizeof(attrs));

	*request = (struct ib_uverbs_ioctl_hdr){
		.length = sizeof(*request) + sizeof(attrs),
		.object_id = UVERBS_OBJECT_MR,
		.method_id = UVERBS_METHOD_ADVISE_MR,
		.num_attrs = ARRAY_LEN(attrs),
		.driver_id = DRIVER,
	};
	memcpy(request->attrs, attrs, sizeof(attrs));
	return ioctl(v->context->cmd_fd, RDMA_VERBS_IOCTL, request) < 0 ? -errno : 0;
}

int verbs_advise(const struct verbs *v, enum ibv_advise_mr_advice advice, bool wait,
		 const struct ibv_mr *mr, size_t offset, size_t len)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)mr->addr + offset,
		.length = (uint32_t)len,
		.lkey = mr->lkey,
	};
	uint32_t flags = wait ? IBV_ADVISE_MR_FLAG_FLUSH : 0;
	int err = -ibv_advise_mr(v->pd, advice, flags, &sge, 1);

	return err == -EOPNOTSUPP ? kernel_advise(v, advice, flags, &sge) : err;
}
