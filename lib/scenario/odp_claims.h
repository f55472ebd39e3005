/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operations for which a device can claim on-demand paging, per transport, and their names for a
 * person. IBV_ODP_SUPPORT_* of libibverbs are the kernel's bits.
 */
#ifndef P2PCERT_SCENARIO_ODP_CLAIMS_H
#define P2PCERT_SCENARIO_ODP_CLAIMS_H

#include <stdint.h>

#include "base/attr.h"

/* These libibverbs hands on without a name: Linux include/rdma/ib_verbs.h, ib_odp_transport_cap_bits. */
#define ODP_SUPPORT_FLUSH (1u << 6)
#define ODP_SUPPORT_ATOMIC_WRITE (1u << 7)

/* "send, RDMA write", or "nothing"; bits without a name as a number. The caller frees it. */
char *odp_claims_text(uint32_t claims) attr_must_check;

#endif
