/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the changes that a run makes. */
#include "runner/undo_kmod.h"
#include "runner/undo_rdma.h"

const struct undo_kind undo_kinds[] = {
	{ "module", undo_module_apply, undo_kmod_revert },
	{ "stock-module", undo_stock_module_apply, undo_kmod_revert },
	{ "rdma-link", undo_rdma_apply, undo_rdma_revert },
};
const size_t undo_kinds_len = ARRAY_LEN(undo_kinds);
