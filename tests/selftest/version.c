/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The version of the test build. It takes test modules with a planted defect, for which there is no
 * other way into p2pcert: $P2PCERT_DEFECT makes its version that of such a module, and so every report
 * of it says that nothing real was judged.
 */
#include "base/version.h"

#include <stdio.h>
#include <stdlib.h>

const char *p2pcert_version(void)
{
	static _Thread_local char version[32];
	const char *defect = getenv("P2PCERT_DEFECT");

	if (!defect)
		return P2PCERT_VERSION;
	(void)snprintf(version, sizeof(version), "%s+%s", P2PCERT_VERSION, defect);
	return version;
}

const char *p2pcert_commit(void)
{
	return P2PCERT_COMMIT;
}
