/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel counts of memory, read from its text files and from those of /proc/kpage*: of the
 * machine, of a range of our own address space, of one page.
 */
#ifndef P2PCERT_SCENARIO_MEMSTAT_H
#define P2PCERT_SCENARIO_MEMSTAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* The number behind a name in a file of "name number" lines (/proc/vmstat, memory.events); 0: not told. */
uint64_t memstat_told(const char *path, const char *name) attr_must_check;

/*
 * Bytes of what kmalloc() has handed out, by the caches of their size, as /proc/slabinfo (path NULL) counts
 * them; some that are free count, too. 0 or a negative errno.
 */
int memstat_kmalloc(const char *path, uint64_t *bytes) attr_must_check;

/* Of smaps (Documentation/filesystems/proc.rst), all in bytes. */
struct smaps {
	uint64_t rss, pss, shared, private, swap;
};

/*
 * The sum over the mappings that lie wholly in [addr, addr + len). path NULL: /proc/self/smaps. 0, or a
 * negative errno: -ENODATA if there are none, -EPROTO for a line that cannot be read.
 */
int memstat_smaps(const char *path, const void *addr, size_t len, struct smaps *s) attr_must_check;

/* The kernel's 64 bits of a page frame from /proc/kpagecount or /proc/kpageflags, or a negative errno. */
int memstat_page(const char *path, uint64_t pfn, uint64_t *value) attr_must_check;

#endif
