/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the lspci reader: what one function's part of the text has shown so far, and the fields
 * that it is decoded from.
 */
#ifndef P2PCERT_PLATFORM_LSPCI_H
#define P2PCERT_PLATFORM_LSPCI_H

#include "platform/input.h"
#include "platform/names.h"
#include "platform/platform.h"

#define SHOWN_CONFIG_MAX 4096

/* One function's part of the text. */
struct shown {
	struct function f; /* from the decoded lines */
	bool verbose; /* there are decoded lines at all */
	bool denied; /* "<access denied>": capabilities were not shown */
	bool broken; /* the capability lists could not be followed to their ends */
	bool standard, extended; /* a capability of this list was shown */
	bool express;
	bool whole; /* nothing more can follow: an empty line, or the lines that come last */
	bool virtual_enabled;
	uint16_t virtual_now;
	uint8_t acs_capability, acs_control; /* which bits were shown, on or off */
	bool link_capability, link_status;
	size_t config_len; /* bytes of hex, from 0 without a hole */
	uint8_t config[SHOWN_CONFIG_MAX];
};

/* What a label introduces, and who reads it; text has wrapped lines joined and ends with NUL. */
struct field {
	const char *label;
	void (*read)(struct shown *s, const char *text);
	bool before_capabilities; /* means this only there */
};

/* The field that a line without its indentation begins, NULL if none; *text is what follows. */
const struct field *field_find(const char *line, size_t len, const char **text);

/* What the first line of a function says behind its address. */
struct headline {
	char *name; /* "Intel Corporation Device 1bbc"; NULL: there is none. Freed by the caller */
	char *class_name; /* "PCI bridge"; NULL if there is a number. Freed by the caller */
	bool has_ids, has_class, has_interface;
	uint16_t vendor, device;
	uint32_t class; /* 24 bits */
	uint8_t revision;
};

/* False if this is no such line. */
bool headline_parse(const char *text, struct headline *h);

#endif
