/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the config space reader: what the walker of the lists (config.c), the readers of
 * capabilities (config_caps.c) and the reader of the bytes (config_read.c) share.
 */
#ifndef P2PCERT_PLATFORM_CONFIG_H
#define P2PCERT_PLATFORM_CONFIG_H

#include <sys/types.h>

#include "base/attr.h"
#include "platform/platform.h"

enum {
	HEADER_BYTES = 64,
	STANDARD_BYTES = 256,
	EXTENDED_BYTES = 4096,
	ENTRY_BYTES = 64, /* more than this of a capability is not looked at */
};

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* Where the entry after this one of the extended list lies; 0: it is the last. */
static inline size_t extended_next(const uint8_t *entry)
{
	return le16(entry + 2) >> 4 & ~3u; /* the low bits are reserved */
}

/* Where a capability lies. */
struct cap {
	const uint8_t *at;
	size_t room; /* bytes from there to the end of what was seen */
	bool is_virtual; /* of a VF, many of whose registers are in its PF (PCIe 6.0, 9.3) */
};

/* One capability that the model knows. */
struct capability {
	uint16_t id;
	uint16_t size; /* bytes without which it is no such capability */
	size_t has; /* offset of the member of struct function that says it is there; 0: none */
	void (*read)(struct function *f,
		     const struct cap *cap); /* NULL: there is nothing to read */
	bool every; /* all of them are read, where there are several; else the first */
};

/* The two lists of capabilities differ in where they lie and how an entry's first bytes look. */
struct capability_list {
	const char *name;
	size_t start, end; /* the space in which entries lie */
	void (*header)(const uint8_t *entry, uint16_t *id, size_t *next);
	const struct capability *known;
	size_t nr_known;
};

/* Places in standard_list.known. */
enum { STANDARD_POWER, STANDARD_SUBSYSTEM, STANDARD_EXPRESS };

extern const struct capability_list standard_list, extended_list;

/*
 * Reads what platform_parse_config() looks at from a function's file; the rest of config stays as it is.
 * Returns how many bytes the file shows, or a negative errno.
 */
ssize_t config_read_needed(int dirfd, const char *path,
			   uint8_t config[EXTENDED_BYTES]) attr_must_check;

#endif
