// SPDX-License-Identifier: GPL-2.0-only
/* RDMA on-demand paging. */
#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_INFINIBAND_ON_DEMAND_PAGING)
#error CONFIG_INFINIBAND_ON_DEMAND_PAGING is not set
#endif
