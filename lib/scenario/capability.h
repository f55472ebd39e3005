/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this process may do, in the kernel's own words (capabilities(7)). Root of a container has
 * some of them, root of a user namespace has none that count outside of it.
 */
#ifndef P2PCERT_SCENARIO_CAPABILITY_H
#define P2PCERT_SCENARIO_CAPABILITY_H

#include <stdbool.h>

#include "base/attr.h"

/* Is there a capability "CAP_SYS_ADMIN" that is known here? */
bool capability_is_known(const char *name);

/*
 * Why the capability is not effective in this process and in the whole machine, for the user, who
 * frees it; NULL if it is, or /proc (below sysroot) does not tell.
 */
char *capability_lacking(const char *sysroot, const char *name) attr_must_check;

#endif
