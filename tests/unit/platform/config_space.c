/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Config spaces for tests. */
#include "config_space.h"

#include <string.h>

void put16(uint8_t *config, size_t at, uint16_t value)
{
	config[at] = value & 0xff;
	config[at + 1] = (uint8_t)(value >> 8);
}

void put32(uint8_t *config, size_t at, uint32_t value)
{
	put16(config, at, value & 0xffff);
	put16(config, at + 2, (uint16_t)(value >> 16));
}

void config_header(uint8_t config[CONFIG_SIZE], uint16_t vendor, uint16_t device, uint32_t class)
{
	memset(config, 0, CONFIG_SIZE);
	put16(config, 0x00, vendor);
	put16(config, 0x02, device);
	put16(config, 0x04, 0x0006); /* memory, bus master */
	put32(config, 0x08, class << 8 | 0x05);
}

void config_bridge(uint8_t config[CONFIG_SIZE], uint8_t primary, uint8_t secondary,
		   uint8_t subordinate)
{
	config[0x0e] |= 1;
	config[0x18] = primary;
	config[0x19] = secondary;
	config[0x1a] = subordinate;
}

void config_windows(uint8_t config[CONFIG_SIZE], uint32_t io, uint32_t io_end, uint32_t memory,
		    uint32_t memory_end, uint64_t prefetchable, uint64_t prefetchable_end)
{
	config[0x1c] = (uint8_t)(io >> 8 & 0xf0) | 1; /* 32 bits */
	config[0x1d] = (uint8_t)(io_end >> 8 & 0xf0) | 1;
	put16(config, 0x30, (uint16_t)(io >> 16));
	put16(config, 0x32, (uint16_t)(io_end >> 16));
	put16(config, 0x20, memory >> 16 & 0xfff0);
	put16(config, 0x22, memory_end >> 16 & 0xfff0);
	put16(config, 0x24, (prefetchable >> 16 & 0xfff0) | 1); /* 64 bits */
	put16(config, 0x26, (prefetchable_end >> 16 & 0xfff0) | 1);
	put32(config, 0x28, (uint32_t)(prefetchable >> 32));
	put32(config, 0x2c, (uint32_t)(prefetchable_end >> 32));
}

void config_express(uint8_t config[CONFIG_SIZE], unsigned int type, unsigned int max_speed,
		    unsigned int max_width, unsigned int speed, unsigned int width)
{
	config[0x06] |= 0x10;
	config[0x34] = EXPRESS_AT;
	config[EXPRESS_AT] = 0x10;
	put16(config, EXPRESS_AT + 2, (uint16_t)(type << 4 | 2));
	put32(config, EXPRESS_AT + 0x0c, max_width << 4 | max_speed);
	put16(config, EXPRESS_AT + 0x12, (uint16_t)(width << 4 | speed));
}

void config_acs(uint8_t config[CONFIG_SIZE], uint16_t capability, uint16_t control)
{
	put32(config, 0x100, (uint32_t)ACS_AT << 20 | 2u << 16 | 0x0001);
	put32(config, ACS_AT, 1u << 16 | 0x000d);
	put16(config, ACS_AT + 4, capability);
	put16(config, ACS_AT + 6, control);
}
