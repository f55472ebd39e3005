/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the changes that a run makes. */
#include "runner/undo_attr.h"
#include "runner/undo_bar.h"
#include "runner/undo_cgroup.h"
#include "runner/undo_disk.h"
#include "runner/undo_kmod.h"
#include "runner/undo_pci.h"
#include "runner/undo_rdma.h"

#define SAFE false
#define UNSAFE true

#define GOES_WITH_BOOT false
#define OUTLIVES_BOOT true

const struct undo_kind undo_kinds[] = {
	{ "module", SAFE, undo_module_look, undo_module_apply, undo_module_revert, GOES_WITH_BOOT },
	{ "stock-module", SAFE, undo_stock_module_look, undo_stock_module_apply,
	  undo_stock_module_revert, GOES_WITH_BOOT },
	{ "rdma-link", SAFE, undo_rdma_look, undo_rdma_apply, undo_rdma_revert, GOES_WITH_BOOT },
	{ "sysctl", SAFE, undo_sysctl_look, undo_sysctl_apply, undo_sysctl_revert, GOES_WITH_BOOT },
	{ "huge-pages", SAFE, undo_huge_pages_look, undo_huge_pages_apply, undo_huge_pages_revert,
	  GOES_WITH_BOOT },
	{ "cgroup", SAFE, undo_cgroup_look, undo_cgroup_apply, undo_cgroup_revert, GOES_WITH_BOOT },
	{ "driver-override", UNSAFE, undo_driver_look, undo_driver_apply, undo_driver_revert,
	  GOES_WITH_BOOT },
	{ UNDO_REMOVAL, UNSAFE, undo_pci_remove_look, undo_pci_remove_apply, undo_pci_remove_revert,
	  GOES_WITH_BOOT },
	{ "pci-config", UNSAFE, undo_pci_config_look, undo_pci_config_apply, undo_pci_config_revert,
	  GOES_WITH_BOOT },
	{ "iommu-group-type", UNSAFE, undo_iommu_type_look, undo_iommu_type_apply,
	  undo_iommu_type_revert, GOES_WITH_BOOT },
	{ "bar-range", UNSAFE, undo_bar_look, undo_bar_apply, undo_bar_revert, GOES_WITH_BOOT },
	{ "disk-range", UNSAFE, undo_disk_look, undo_disk_apply, undo_disk_revert, OUTLIVES_BOOT },
};
const size_t undo_kinds_len = ARRAY_LEN(undo_kinds);
