/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking things up in the registry of scenarios and in their records. */
#include "scenario/scenario.h"

#include <string.h>

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
