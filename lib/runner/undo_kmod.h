/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The changes "module" and "stock-module": a test module, or one of the distribution, loaded. See
 * undo.h.
 */
#ifndef P2PCERT_RUNNER_UNDO_KMOD_H
#define P2PCERT_RUNNER_UNDO_KMOD_H

#include "runner/undo.h"

int undo_module_look(const struct undo_env *env, json_t *args, bool *there,
		     struct unmet *why) attr_must_check;
int undo_module_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		      struct unmet *why) attr_must_check;
enum undo_result undo_module_revert(const struct undo_env *env, const json_t *args,
				    char **why) attr_must_check;

int undo_stock_module_look(const struct undo_env *env, json_t *args, bool *there,
			   struct unmet *why) attr_must_check;
int undo_stock_module_apply(const struct undo_env *env, const json_t *args, json_t **facts,
			    struct unmet *why) attr_must_check;
enum undo_result undo_stock_module_revert(const struct undo_env *env, const json_t *args,
					  char **why) attr_must_check;

#endif
