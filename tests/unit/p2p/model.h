/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small platforms for tests, from tables. */
#ifndef P2PCERT_TEST_MODEL_H
#define P2PCERT_TEST_MODEL_H

#include "platform/platform.h"

enum { NO_ACS = -1, UNSEEN = -2 }; /* else the value of the control register */

struct model_function {
	const char *address;
	enum port_type type;
	uint8_t secondary; /* 0: not a bridge */
	int acs;
	uint16_t vendor, device; /* 0: not seen */
	const char *physical; /* of a VF */
	bool no_bar; /* cannot be a target */
	bool multifunction; /* header bit 7 */
	bool header_unseen; /* whether there are more functions is not known */
	uint32_t class; /* 0: a bridge's or a drive's */
	uint16_t subvendor, subdevice;
};

/* FN("01:00.0", type, secondary, acs, vendor, device, .physical = ...) */
#define FN(a, t, s, c, v, d, ...) \
	{ \
		.address = (a), .type = (t), .secondary = (s), .acs = (c), .vendor = (v), \
		.device = (d), ##__VA_ARGS__ \
	}

/*
 * A finished model. The processor is that of a machine without peer-to-peer of its own until
 * changed: GenuineIntel, family 6.
 */
struct platform *model_new(const struct model_function *functions, size_t nr);

/* Index of the function; fails the test if there is none. */
int model_index(const struct platform *p, const char *address);
/* Changes one function's ACS in the finished model. */
void model_set_acs(struct platform *p, const char *address, int acs);
void model_set_cpu(struct platform *p, const char *vendor, int family);

#endif
