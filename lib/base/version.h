/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which p2pcert this is. The modules carry the same version, and are refused if they do not. */
#ifndef P2PCERT_BASE_VERSION_H
#define P2PCERT_BASE_VERSION_H

const char *p2pcert_version(void); /* "0.1.0" */
const char *p2pcert_commit(void); /* `git describe` of the source it was built from, or "unknown" */

#endif
