/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the page table says of a range of our own address space, read from /proc/self/pagemap
 * (Documentation/admin-guide/mm/pagemap.rst), and how much memory the kernel holds pinned for us.
 * Looking does not touch: a page that is absent is still absent afterwards.
 */
#ifndef P2PCERT_SCENARIO_PAGEMAP_H
#define P2PCERT_SCENARIO_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define PAGEMAP_PRESENT (1ull << 63) /* mapped, in RAM */
#define PAGEMAP_SWAP (1ull << 62) /* a swap entry: swapped out, migrating, or device-private */
#define PAGEMAP_FILE (1ull << 61) /* of a file, or shared anonymous */
#define PAGEMAP_EXCLUSIVE (1ull << 56) /* mapped here only */

/* A range by the state of its pages. */
struct pagemap_count {
	size_t pages;
	size_t present;
	size_t swap;
	size_t none; /* neither */
};

/* path NULL: /proc/self/pagemap. A file descriptor, or a negative errno. */
int pagemap_open(const char *path) attr_must_check;

/*
 * The entries of the n pages from addr on (rounded down to a page). 0, or a negative errno: -ENODATA
 * if the file ends before.
 */
int pagemap_read(int fd, const void *addr, size_t n, uint64_t *entries) attr_must_check;

/* Counts the pages that [addr, addr + len) touches. Errors as above. */
int pagemap_count(int fd, const void *addr, size_t len, struct pagemap_count *c) attr_must_check;

/*
 * A field of a proc status file given in kB, in bytes: proc_status_bytes("/proc/self/status",
 * "VmPin", &n). -ENOENT if there is no such field.
 */
int proc_status_bytes(const char *path, const char *field, uint64_t *bytes) attr_must_check;

/* Bytes in a page, of the running kernel. */
size_t page_size(void);

#endif
