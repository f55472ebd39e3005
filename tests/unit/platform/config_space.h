/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Config spaces for tests, put together register by register. */
#ifndef P2PCERT_TEST_CONFIG_SPACE_H
#define P2PCERT_TEST_CONFIG_SPACE_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_SIZE 4096u

enum { EXPRESS_AT = 0x40, SUBSYSTEM_AT = 0x80, ACS_AT = 0x148 };

void put16(uint8_t *config, size_t at, uint16_t value);
void put32(uint8_t *config, size_t at, uint32_t value);

/* A type 0 header without capabilities. */
void config_header(uint8_t config[CONFIG_SIZE], uint16_t vendor, uint16_t device, uint32_t class);
/* Makes the header that of a bridge. */
void config_bridge(uint8_t config[CONFIG_SIZE], uint8_t primary, uint8_t secondary,
		   uint8_t subordinate);
/* What the bridge forwards, both ends included. */
void config_windows(uint8_t config[CONFIG_SIZE], uint32_t io, uint32_t io_end, uint32_t memory,
		    uint32_t memory_end, uint64_t prefetchable, uint64_t prefetchable_end);
/* Adds the PCI Express capability; type is the register's field. */
void config_express(uint8_t config[CONFIG_SIZE], unsigned int type, unsigned int max_speed,
		    unsigned int max_width, unsigned int speed, unsigned int width);
/* Adds an extended capability list: AER, then ACS with these registers. */
void config_acs(uint8_t config[CONFIG_SIZE], uint16_t capability, uint16_t control);

#endif
