// SPDX-License-Identifier: GPL-2.0-only
/* Mirroring of address spaces, with hmm_range_fault(). */
#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_HMM_MIRROR)
#error CONFIG_HMM_MIRROR is not set
#endif
