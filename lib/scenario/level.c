/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words for how thorough a run is. */
#include <string.h>

#include "scenario/scenario.h"

static const char *const names[NR_LEVELS] = {
	[LEVEL_QUICK] = "quick",
	[LEVEL_STANDARD] = "standard",
	[LEVEL_FULL] = "full",
	[LEVEL_SOAK] = "soak",
};

const char *level_name(enum level level)
{
	return names[level];
}

int level_parse(const char *s, enum level *level)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], s) != 0)
			continue;
		*level = (enum level)i;
		return 0;
	}
	return -EINVAL;
}
