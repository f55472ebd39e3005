/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the sysfs source: IOMMU units, groups and the addresses reserved in them. */
#ifndef P2PCERT_PLATFORM_IOMMU_H
#define P2PCERT_PLATFORM_IOMMU_H

#include "platform/place.h"
#include "platform/platform.h"

/* Of functions whose group is known already: their domain's type, too. */
void iommu_read(struct platform *p, const struct place *top);

#endif
