// SPDX-License-Identifier: GPL-2.0-only
/* Peer-to-peer DMA between PCI functions. */
#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_PCI_P2PDMA)
#error CONFIG_PCI_P2PDMA is not set
#endif
