/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs between kernel releases, as data: the host bridges through which peer-to-peer traffic
 * is let (drivers/pci/p2pdma.c, pci_p2pdma_whitelist), with the release that has them first.
 */
#include "p2p/rules.h"

#include <ctype.h>
#include <stdlib.h>

#define RELEASE(major, minor) ((major) << 16 | (minor))

/* Releases whose sources were read, oldest first. */
static const struct p2p_rules known_rules[] = {
	{ "6.1", RELEASE(6, 1), .opt_in_beats_off = true },
	{ "6.12", RELEASE(6, 12), .opt_in_beats_off = true, .writes_over_firmware = true },
	{ "7.2", RELEASE(7, 2), .opt_in_beats_off = true, .writes_over_firmware = true,
	  .distrusts_idt_sv = true },
	{ "7.3", RELEASE(7, 3), .writes_over_firmware = true, .distrusts_idt_sv = true },
};

#define ANY_DEVICE (-1)

static const struct {
	unsigned int since;
	uint16_t vendor;
	int32_t device;
	enum p2p_listed listed;
} whitelist[] = {
	{ RELEASE(6, 1), 0x8086, 0x3c00, P2P_LISTED_SAME_HOST_BRIDGE }, /* Sandy Bridge-EP */
	{ RELEASE(6, 1), 0x8086, 0x3c01, P2P_LISTED_SAME_HOST_BRIDGE },
	{ RELEASE(6, 1), 0x8086, 0x2f00, P2P_LISTED_SAME_HOST_BRIDGE }, /* Haswell-EP */
	{ RELEASE(6, 1), 0x8086, 0x2f01, P2P_LISTED_SAME_HOST_BRIDGE },
	{ RELEASE(6, 1), 0x8086, 0x2030, P2P_LISTED }, /* Skylake-SP, Cascade Lake-SP */
	{ RELEASE(6, 1), 0x8086, 0x2031, P2P_LISTED },
	{ RELEASE(6, 1), 0x8086, 0x2032, P2P_LISTED },
	{ RELEASE(6, 1), 0x8086, 0x2033, P2P_LISTED },
	{ RELEASE(6, 1), 0x8086, 0x2020, P2P_LISTED },
	{ RELEASE(6, 1), 0x8086, 0x09a2, P2P_LISTED }, /* Ice Lake-SP and later */
	{ RELEASE(7, 2), 0x8086, 0x0b25, P2P_LISTED }, /* DSA, IAA and QAT accelerators */
	{ RELEASE(7, 2), 0x8086, 0x0cfe, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x11fb, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x1212, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x1216, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x4940, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x4942, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x4944, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x4946, P2P_LISTED },
	{ RELEASE(7, 2), 0x8086, 0x4948, P2P_LISTED },
	{ RELEASE(7, 2), 0x1ae0, ANY_DEVICE, P2P_LISTED }, /* Google */
	{ RELEASE(7, 3), 0x10de, 0x2f95, P2P_LISTED }, /* NVIDIA processors */
	{ RELEASE(7, 3), 0x10de, 0x2f96, P2P_LISTED },
	{ RELEASE(7, 3), 0x10de, 0x2f97, P2P_LISTED },
	{ RELEASE(7, 3), 0x10de, 0x2f98, P2P_LISTED },
};

static int find_listed(uint16_t vendor, uint16_t device)
{
	for (int i = 0; i < (int)ARRAY_LEN(whitelist); i++)
		if (whitelist[i].vendor == vendor &&
		    (whitelist[i].device == device || whitelist[i].device == ANY_DEVICE))
			return i;
	return -1;
}

enum p2p_listed p2p_rules_host_bridge(const struct p2p_rules *rules, uint16_t vendor,
				      uint16_t device)
{
	int i = find_listed(vendor, device);

	return i >= 0 && whitelist[i].since <= rules->release ? whitelist[i].listed : P2P_UNLISTED;
}

const char *p2p_rules_listed_since(uint16_t vendor, uint16_t device)
{
	int at = find_listed(vendor, device);

	for (size_t i = 0; at >= 0 && i < ARRAY_LEN(known_rules); i++)
		if (known_rules[i].release >= whitelist[at].since)
			return known_rules[i].name;
	return NULL;
}

static int parse_release(const char *text, unsigned int *release)
{
	unsigned long major, minor;
	char *end;

	if (!text || !isdigit((unsigned char)*text))
		return -EINVAL;
	major = strtoul(text, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return -EINVAL;
	minor = strtoul(end + 1, NULL, 10);
	if (major > UINT16_MAX || minor > UINT16_MAX)
		return -EINVAL;
	*release = RELEASE((unsigned int)major, (unsigned int)minor);
	return 0;
}

bool p2p_release_is_readable(const char *release)
{
	unsigned int value;

	return parse_release(release, &value) == 0;
}

const struct p2p_rules *p2p_rules_for(const char *release)
{
	size_t i = ARRAY_LEN(known_rules) - 1;
	unsigned int value;

	if (parse_release(release, &value) < 0)
		return &known_rules[i];
	while (i > 0 && known_rules[i].release > value)
		i--;
	return &known_rules[i];
}

const char *p2p_rules_name(const struct p2p_rules *rules)
{
	return rules->name;
}

bool p2p_rules_have_config_acs(const struct p2p_rules *rules)
{
	return rules->writes_over_firmware;
}
