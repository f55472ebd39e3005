/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of all scenarios, made from scenario_list.def. Alone in its file, so that a test build
 * can be linked with a table of its own.
 */
#include "scenario/scenario.h"

#define SCENARIO(record) extern const struct scenario record;
#include "scenario/scenario_list.def"
#undef SCENARIO

#define SCENARIO(record) &record,
const struct scenario *const scenario_registry[] = {
#include "scenario/scenario_list.def"
};
#undef SCENARIO

const size_t scenario_registry_len = ARRAY_LEN(scenario_registry);
