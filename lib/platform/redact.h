/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the sources: taking out of what was read what identifies one machine, or tells where its
 * kernel lies in memory, and says nothing of peer-to-peer transfers. All are done in place.
 */
#ifndef P2PCERT_PLATFORM_REDACT_H
#define P2PCERT_PLATFORM_REDACT_H

#include <stddef.h>
#include <stdint.h>

/* The number in a Device Serial Number capability, of which an Ethernet address is often made. */
void redact_config(uint8_t *config, size_t len);
/* UUIDs and Ethernet addresses in a text: their digits become x. */
void redact_text(char *text);
/* The addresses in /proc/modules. */
void redact_modules(char *text);
/* The kernel's own ranges in /proc/iomem. */
void redact_iomem(char *text);

#endif
