/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The changes "sysctl", "huge-pages" and "iommu-group-type": a value in a file of proc or sysfs. See
 * undo.h.
 */
#ifndef P2PCERT_RUNNER_UNDO_ATTR_H
#define P2PCERT_RUNNER_UNDO_ATTR_H

#include "runner/undo.h"

int undo_sysctl_look(const struct undo_env *env, json_t *args, bool *there,
		     struct unmet *why) attr_must_check;
int undo_sysctl_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		      struct unmet *why) attr_must_check;
enum undo_result undo_sysctl_revert(const struct undo_env *env, const json_t *args,
				    char **why) attr_must_check;

int undo_huge_pages_look(const struct undo_env *env, json_t *args, bool *there,
			 struct unmet *why) attr_must_check;
int undo_huge_pages_apply(const struct undo_env *env, const json_t *args, json_t **facts,
			  struct unmet *why) attr_must_check;
enum undo_result undo_huge_pages_revert(const struct undo_env *env, const json_t *args,
					char **why) attr_must_check;

int undo_iommu_type_look(const struct undo_env *env, json_t *args, bool *there,
			 struct unmet *why) attr_must_check;
int undo_iommu_type_apply(const struct undo_env *env, const json_t *args, json_t **facts,
			  struct unmet *why) attr_must_check;
enum undo_result undo_iommu_type_revert(const struct undo_env *env, const json_t *args,
					char **why) attr_must_check;

#endif
