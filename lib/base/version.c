/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The version, in the one object that is rebuilt when only the commit changed. */
#include "base/version.h"

const char *p2pcert_version(void)
{
	return P2PCERT_VERSION;
}

const char *p2pcert_commit(void)
{
	return P2PCERT_COMMIT;
}
