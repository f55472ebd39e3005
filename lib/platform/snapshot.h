/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots: an archive of the files that the platform model is read from, and of no others, from which
 * any p2pcert reads the same model again. What identifies the machine is not in it: serial numbers,
 * UUIDs, Ethernet addresses, and where its kernel lies in memory.
 */
#ifndef P2PCERT_PLATFORM_SNAPSHOT_H
#define P2PCERT_PLATFORM_SNAPSHOT_H

#include <jansson.h>

#include "platform/platform.h"
#include "platform/tree.h"

/*
 * Reads the model, as platform_read_live() if where is NULL and platform_read_from() otherwise, and puts
 * the files that it is read from into `files`, if that is not NULL: none if the source is text. NULL with
 * errno, and *why set as by platform_read_from() if where is not NULL.
 */
struct platform *snapshot_read(const char *where, struct tree *files, char **why) attr_must_check;

/* Does the name end in a way that says how to pack it: .tar, .tar.gz, .tgz, .tar.xz, .tar.zst? */
bool snapshot_knows(const char *path);

/*
 * Writes the files, the document read from them, and MANIFEST, which says what wrote them and when, to
 * an archive that is there whole or not at all. The same files and time ($SOURCE_DATE_EPOCH, or now) make
 * the same bytes. 0, or a negative errno with *why set, a message for the user.
 */
int snapshot_write(const char *path, const struct tree *files, const json_t *document,
		   char **why) attr_must_check;

#endif
