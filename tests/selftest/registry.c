/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the test build: all scenarios of p2pcert, then those that misbehave. */
#include "scenario/scenario.h"

#define SCENARIO(record) extern const struct scenario record;
#include "scenario/scenario_list.def"
#include "selftest_list.def"
#undef SCENARIO

#define SCENARIO(record) &record,
const struct scenario *const scenario_registry[] = {
#include "scenario/scenario_list.def"
#include "selftest_list.def"
};
#undef SCENARIO

const size_t scenario_registry_len = ARRAY_LEN(scenario_registry);
