/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the shipped files. */
#include "base/datadir.h"

#include "base/alloc.h"

char *data_path(const char *name)
{
	const char *dir = secure_getenv("P2PCERT_DATADIR");

	return xasprintf("%s/%s", dir && *dir ? dir : P2PCERT_DATADIR, name);
}
