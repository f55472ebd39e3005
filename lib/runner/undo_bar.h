/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The change "bar-range": what the beginning of a BAR holds. See undo.h. */
#ifndef P2PCERT_RUNNER_UNDO_BAR_H
#define P2PCERT_RUNNER_UNDO_BAR_H

#include "runner/undo.h"

int undo_bar_look(const struct undo_env *env, json_t *args, bool *there,
		  struct unmet *why) attr_must_check;
int undo_bar_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		   struct unmet *why) attr_must_check;
enum undo_result undo_bar_revert(const struct undo_env *env, const json_t *args,
				 char **why) attr_must_check;

#endif
