/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errata: defects of the kernel that are known, as data. configs/errata.json, schema
 * "p2pcert.errata/1" (p2pcert-formats(5)), says of each which findings it shows itself by, since when
 * kernels have it and when it was mended, what it does to users and what they can do meanwhile.
 *
 * An erratum explains a finding. It changes no outcome: what is broken stays broken.
 */
#ifndef P2PCERT_CHECK_KERNEL_ERRATA_H
#define P2PCERT_CHECK_KERNEL_ERRATA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"

/*
 * Reads a list of errata, strictly: an array, each {id, title, findings[], [shown_by[]], since,
 * [fixed[]], consequence, workaround, reference, [seen[]], [read[]]}. 0 or a negative errno; *why is
 * then the text for the user, which the caller frees.
 */
int errata_load(const char *path, json_t **errata, char **why) attr_must_check;
/* The list that p2pcert ships. */
int errata_load_shipped(json_t **errata, char **why) attr_must_check;

/* The erratum of that id, borrowed; NULL: there is none. */
const json_t *errata_find(const json_t *errata, const char *id) attr_must_check;

/*
 * Does a kernel of this release, as uname(2) says it, have the erratum, as far as its version tells?
 * "fixed" names the first release of each series that has it mended: "7.4" all from there on, "7.2.15"
 * only those of 7.2. Distributions mend earlier; what is then not seen is not explained either.
 */
bool erratum_concerns(const json_t *erratum, const char *release) attr_must_check;

/* Those that concern the release, a new array. */
json_t *errata_of_release(const json_t *errata, const char *release) attr_must_check;

#endif
