/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What scenarios over RDMA share: each device of the machine, or the one that was asked for, is opened,
 * asked what it claims, connected with itself, and given to the scenario's body; the worst of them
 * decides. Those that do not claim what is exercised matter only where none does.
 */
#ifndef P2PCERT_SCENARIO_RDMA_H
#define P2PCERT_SCENARIO_RDMA_H

#include <stdint.h>

#include "base/attr.h"
#include "scenario/scenario.h"
#include "scenario/verbs.h"

/* What an on-demand region takes, and to pin memory beside it without a limit. */
#define RDMA_ODP_NEEDS \
	{ NEED_CAPABILITY, "CAP_IPC_LOCK" }, \
		{ NEED_KCONFIG, "CONFIG_INFINIBAND_ON_DEMAND_PAGING && " \
				"CONFIG_INFINIBAND_USER_ACCESS && CONFIG_PROC_PAGE_MONITOR" }, \
		{ NEED_FEATURE, "odp" }, \
	{ \
		NEED_ROLE, "rdma" \
	}

/* One device under test, while its body runs. */
struct rdma_device {
	struct scenario_ctx *ctx;
	struct verbs verbs; /* connected */
	uint64_t seed; /* of the run and the device */
	char *why; /* what came of it, one line */
	enum skip_category category; /* of OUTCOME_SKIP; hw-unsupported unless the body sets it */
};

/* Says what came of the device; returns outcome. */
enum outcome rdma_conclude(struct rdma_device *device, enum outcome outcome, const char *fmt, ...)
	attr_printf(3, 4);

/*
 * Says of something that it did not hold, with the device's name in front. Returns 1; or -ENETDOWN, and
 * nothing is said: what becomes of transfers when the port goes down is no matter of the kernel's.
 */
int rdma_refute(struct rdma_device *device, enum evidence_kind kind, const char *fmt, ...)
	attr_printf(3, 4);

/*
 * Deregisters what it registered, before it gives the memory back. OUTCOME_SKIP is for what the device
 * does not support.
 */
typedef enum outcome rdma_body(struct rdma_device *device, const void *arg);

/*
 * claims: IBV_ODP_SUPPORT_* that a reliable connection must have for the body to run, called name for a
 * person; 0: nothing of on-demand paging is needed. Returns the scenario's outcome, which has been said.
 */
enum outcome rdma_each(struct scenario_ctx *ctx, uint32_t claims, const char *name, rdma_body *body,
		       const void *arg) attr_must_check;

#endif
