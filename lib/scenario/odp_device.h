/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For scenarios of on-demand regions over memory that migrates into a device of the module p2pcert_devpriv. */
#ifndef P2PCERT_SCENARIO_ODP_DEVICE_H
#define P2PCERT_SCENARIO_ODP_DEVICE_H

#include "scenario/odp_rig.h"

/* fd: of the module, opened for the faults that were injected. */
typedef enum outcome odp_module_body(struct rdma_device *device, int fd);

/* Runs it, and sees that the module then holds as many pages as before (evidence leak). */
enum outcome odp_with_module(struct rdma_device *device, odp_module_body *run);

#endif
