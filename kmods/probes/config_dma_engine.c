// SPDX-License-Identifier: GPL-2.0-only
/* The dmaengine subsystem. */
#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_DMA_ENGINE)
#error CONFIG_DMA_ENGINE is not set
#endif
