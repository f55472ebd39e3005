/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of all scenarios, made from scenario_list.def. */
#include <string.h>

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

const struct scenario *scenario_find(const char *id)
{
	for (size_t i = 0; i < scenario_registry_len; i++)
		if (strcmp(scenario_registry[i]->id, id) == 0)
			return scenario_registry[i];
	return NULL;
}

bool scenario_commits(const struct scenario *s, const char *fault)
{
	for (const char *const *f = s->faults; f && *f; f++)
		if (strcmp(*f, fault) == 0)
			return true;
	return false;
}
