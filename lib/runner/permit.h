/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which changes a scenario may ask for. A process that went wrong must not be able to disturb a device
 * that nobody has named. A pure function.
 */
#ifndef P2PCERT_RUNNER_PERMIT_H
#define P2PCERT_RUNNER_PERMIT_H

#include <jansson.h>

#include "base/attr.h"
#include "runner/undo.h"
#include "scenario/scenario.h"

/*
 * 0, or -EPERM with *why for the user, which the caller frees. A change of an unsafe kind is for unsafe
 * scenarios, and for a function of env->devices ("address"), a bridge above one, or the IOMMU group of
 * one ("group").
 */
int permit_change(const struct scenario *s, const struct scenario_env *env,
		  const struct undo_kind *kind, const json_t *args, char **why) attr_must_check;

#endif
