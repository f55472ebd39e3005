/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The change "disk-range": what a range of an NVMe drive holds. See undo.h. */
#ifndef P2PCERT_RUNNER_UNDO_DISK_H
#define P2PCERT_RUNNER_UNDO_DISK_H

#include "runner/undo.h"

int undo_disk_look(const struct undo_env *env, json_t *args, bool *there,
		   struct unmet *why) attr_must_check;
int undo_disk_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		    struct unmet *why) attr_must_check;
enum undo_result undo_disk_revert(const struct undo_env *env, const json_t *args,
				  char **why) attr_must_check;

#endif
