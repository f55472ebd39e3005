/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the operator declares a machine to claim, a JSON file, schema "p2pcert.manifest/1":
 *
 *	schema, name,
 *	endpoints {NAME: FUNCTIONS}: FUNCTIONS is a side of a --between expression (p2p/between.h)
 *	p2p[] {initiator, target (names of endpoints), [required] ("direct" | "any")}
 *	[iommu] ("off" | "passthrough" | "translating")
 *	[isolated[]] (names of endpoints whose functions share no IOMMU group with another device)
 *
 * A key or value that is not known is refused: a typing error must not make a claim weaker.
 */
#ifndef P2PCERT_CHECK_MANIFEST_H
#define P2PCERT_CHECK_MANIFEST_H

#include "check/check.h"

struct manifest;

/*
 * Reads the file. 0 or a negative errno; *why is then the text for the user, with file, line and
 * column, which the caller frees.
 */
int manifest_load(const char *path, struct manifest **manifest, char **why) attr_must_check;
/* The same of the text of one that is called name in messages. */
int manifest_parse(const char *name, const char *text, size_t len, struct manifest **manifest,
		   char **why) attr_must_check;
void manifest_free(struct manifest *m);

static inline void automanifest_fn(struct manifest **m)
{
	manifest_free(*m);
}
#define automanifest __attribute__((cleanup(automanifest_fn)))

const char *manifest_name(const struct manifest *m);

/*
 * What it claims of this machine. Free with check_claims_release(). 0, or -E2BIG with *why if that is
 * more pairs than can be looked at one by one.
 */
int manifest_resolve(const struct manifest *m, const struct platform *platform,
		     struct check_claims *claims, char **why) attr_must_check;
void check_claims_release(struct check_claims *claims);

#endif
