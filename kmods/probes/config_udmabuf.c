// SPDX-License-Identifier: GPL-2.0-only
/* dma-buf export of ordinary memory. */
#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_UDMABUF)
#error CONFIG_UDMABUF is not set
#endif
