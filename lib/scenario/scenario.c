/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking things up in the registry of scenarios and in their records. */
#include "scenario/scenario.h"

#include <string.h>

#include "base/text.h"

const struct scenario *scenario_find(const char *id)
{
	for (size_t i = 0; i < scenario_registry_len; i++)
		if (strcmp(scenario_registry[i]->id, id) == 0)
			return scenario_registry[i];
	return NULL;
}

bool scenario_commits(const struct scenario *s, const char *fault)
{
	return text_is_among(s->faults, fault);
}

bool scenario_works_around(const struct scenario *s, const char *erratum)
{
	return text_is_among(s->workarounds, erratum);
}
