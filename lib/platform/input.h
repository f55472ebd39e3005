/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the sources: bytes that come one after the other, from a file, a pipe, an archive or
 * memory, and the readers of them.
 */
#ifndef P2PCERT_PLATFORM_INPUT_H
#define P2PCERT_PLATFORM_INPUT_H

#include <sys/types.h>

#include "platform/platform.h"
#include "platform/tree.h"

struct input {
	/* At most size bytes; 0 at the end, or a negative errno. */
	ssize_t (*read)(struct input *in, void *buf, size_t size);
	const char *name; /* what messages call it */
};

/* Limits, as stated in p2pcert-probe(1): what passes them is refused with -EFBIG. */
#define LSPCI_TEXT_MAX (4ull << 30) /* bytes */
#define FUNCTIONS_MAX 131072 /* in text each time that one is shown counts */
#define RDMA_TOPO_TEXT_MAX (256u << 20)
#define RDMA_TOPO_ITEM_MAX (1u << 20) /* bytes of JSON for one function */
#define ARCHIVE_ENTRIES_MAX 1000000
#define ARCHIVE_BYTES_MAX (4ull << 30) /* unpacked */
#define CAPTURE_BYTES_MAX (512ull << 20) /* of files that are kept */
#define CAPTURE_FILE_MAX (16u << 20)

/*
 * Reads lspci text into p, which is not finished afterwards. Returns 0 or a negative errno with *why
 * set: -EINVAL if no function is in it.
 */
int lspci_read(struct input *in, struct platform *p, char **why) attr_must_check;

/* The same of the JSON that rdma_topo dump writes. */
int rdma_topo_read(struct input *in, struct platform *p, char **why) attr_must_check;

/* Reads text, of lspci or of rdma_topo by how it begins. NULL with errno and *why set. */
struct platform *text_read_platform(struct input *in, char **why) attr_must_check;

/*
 * Reads an archive of a captured tree, or, if it is a compressed file and no archive, the text in it
 * as text_read_platform() does. record is as of platform_read_tree(). NULL with errno and *why set.
 */
struct platform *archive_read_platform(struct input *in, struct tree *record,
				       char **why) attr_must_check;

#endif
