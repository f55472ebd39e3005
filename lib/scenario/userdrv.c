/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of drivers in user space. */
#include "scenario/userdrv.h"

#include "base/alloc.h"

static const struct userdrv *const drivers[] = { &userdrv_edu };

const struct userdrv *userdrv_find(const struct function *f)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (f->ids_known && f->vendor == drivers[i]->vendor &&
		    f->device == drivers[i]->device)
			return drivers[i];
	return NULL;
}
