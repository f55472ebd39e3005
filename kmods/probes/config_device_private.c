// SPDX-License-Identifier: GPL-2.0-only
/* Device-private memory. */
#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_DEVICE_PRIVATE)
#error CONFIG_DEVICE_PRIVATE is not set
#endif
