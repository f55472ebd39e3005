/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The change "cgroup": a control group below cgroup_root(), for processes of a scenario. See undo.h. */
#ifndef P2PCERT_RUNNER_UNDO_CGROUP_H
#define P2PCERT_RUNNER_UNDO_CGROUP_H

#include "runner/undo.h"

int undo_cgroup_look(const struct undo_env *env, json_t *args, bool *there,
		     struct unmet *why) attr_must_check;
int undo_cgroup_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		      struct unmet *why) attr_must_check;
enum undo_result undo_cgroup_revert(const struct undo_env *env, const json_t *args,
				    char **why) attr_must_check;

#endif
