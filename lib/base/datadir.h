/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the files that p2pcert ships are: profiles, schemas, kernel log patterns, module sources.
 */
#ifndef P2PCERT_BASE_DATADIR_H
#define P2PCERT_BASE_DATADIR_H

#include "base/attr.h"

/*
 * The path of a shipped file or directory ("profiles/reference.json", "schema", "kmods"), which the
 * caller frees: under $P2PCERT_DATADIR if that is set and not empty (tests, running from a build
 * tree), else under the directory fixed when p2pcert was built. It need not exist.
 */
char *data_path(const char *name) attr_must_check;

#endif
