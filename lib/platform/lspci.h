/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to the lspci reader: what one function's part of the text has shown so far, the fields that it
 * is decoded from, and how what was shown becomes functions of the model.
 */
#ifndef P2PCERT_PLATFORM_LSPCI_H
#define P2PCERT_PLATFORM_LSPCI_H

#include "platform/input.h"
#include "platform/names.h"
#include "platform/platform.h"

#define SHOWN_CONFIG_MAX 4096
#define SHOWN_TEXT_MAX 1024 /* of a line with what was wrapped of it; more is not looked at */

/* The part of a function's text in which a line stands: words mean something else in another one. */
enum part {
	PART_ANY, /* of fields: their label is used in one place only */
	PART_HEADER, /* what stands before the first capability */
	PART_POWER,
	PART_REBAR,
	PART_RECORD, /* of lspci -vmm */
	PART_OTHER, /* any other capability */
};

/* One function's part of the text. */
struct shown {
	struct function f; /* from the decoded lines */
	enum part part;
	bool verbose; /* there are decoded lines at all */
	bool terse; /* they are those of -v */
	bool denied; /* "<access denied>": capabilities were not shown */
	bool broken; /* the capability lists could not be followed to their ends */
	bool standard, extended; /* a capability of this list was shown */
	bool express;
	bool whole; /* nothing more can follow: an empty line, or the lines that come last */
	uint16_t virtual_now;
	struct reg acs_capability, acs_control;
	bool link_capability, link_status;
	char headline[SHOWN_TEXT_MAX]; /* the first line, behind the address */
	size_t headline_len;
	size_t config_len; /* bytes of hex, from 0 without a hole */
	uint8_t config[SHOWN_CONFIG_MAX];
};

/* --- lspci_scan.c: numbers in text ---------------------------------------------------------------- */

/* The number behind key, "size=128K" without the unit; *end, if wanted, is behind it. */
bool number_after(const char *text, const char *key, int base, uint64_t max, uint64_t *value,
		  const char **end);
/* Exactly this many hexadecimal digits, then the character end. */
bool hex_word(const char *s, size_t digits, char end, uint16_t *value);
/* "vvvv:dddd" that ends with this character. */
bool id_pair(const char *s, char end, uint16_t *vendor, uint16_t *device);

/* --- lspci_registers.c: bits and numbers by name --------------------------------------------------- */

enum lspci_register {
	REGISTER_COMMAND,
	REGISTER_BRIDGE_CONTROL,
	REGISTER_DEVICE_CAPABILITIES,
	REGISTER_DEVICE_CONTROL,
	REGISTER_DEVICE_STATUS,
	REGISTER_LINK_CONTROL,
	REGISTER_SLOT_CAPABILITIES,
	REGISTER_SLOT_STATUS,
	REGISTER_DEVICE_CAPABILITIES_2,
	REGISTER_DEVICE_CONTROL_2,
	REGISTER_UNCORRECTABLE,
	REGISTER_CORRECTABLE,
	REGISTER_DPC_CONTROL,
	REGISTER_DPC_STATUS,
	REGISTER_ATS_CONTROL,
	REGISTER_PRI_CONTROL,
	REGISTER_PASID_CONTROL,
	REGISTER_SRIOV_CONTROL,
	REGISTER_ACS, /* capability and control */
};

/* These bits were seen, and are as in value. */
void register_set(struct reg *reg, uint32_t mask, uint32_t value);

/* Each adds to reg what the text says, and nothing else becomes seen. */
void register_read_bits(struct reg *reg, enum lspci_register kind, const char *text);
/* The number behind key is the field under mask. */
void register_read_number(struct reg *reg, uint32_t mask, const char *text, const char *key,
			  int base);
/* "MaxPayload 256 bytes": the field under mask is n for 128 << n bytes. */
void register_read_bytes(struct reg *reg, uint32_t mask, const char *text, const char *key);
/* The field under mask is the index of the word that stands behind key; NULL: nothing has this one. */
void register_read_word(struct reg *reg, uint32_t mask, const char *text, const char *key,
			const char *const *words, size_t nr);

/* --- lspci_capabilities.c -------------------------------------------------------------------------- */

/* Where a member of struct function is in struct shown. */
#define IN_FUNCTION(member) (offsetof(struct shown, f) + offsetof(struct function, member))

/* "[40] Express (v2) Endpoint, MSI 00", "[100 v1] Advanced Error Reporting", "<access denied>" */
void capability_begin(struct shown *s, const char *text);
/* "Red Hat, Inc. Device [1af4:1100]", "1af4:1100" */
void subsystem_read(struct shown *s, const char *text);

/* --- lspci_fields.c: lines ------------------------------------------------------------------------- */

/* What a label introduces, and who reads it; text has its lines joined and ends with NUL. */
struct field {
	const char *label;
	void (*read)(struct shown *s, const struct field *field, const char *text);
	enum part part; /* means this only there */
	bool goes_on; /* in the lines below that have no label */
	enum lspci_register kind;
	size_t at; /* of what it shows, in struct shown */
};

/* The field that a line without its indentation begins, NULL if none; *text is what follows. */
const struct field *field_find(const char *line, size_t len, const char **text);

/* --- lspci_clean.c --------------------------------------------------------------------------------- */

#define LSPCI_LINE_MAX 4096 /* bytes of a line that had to be cleaned; more is not looked at */

/* Points line and end to what the line means, which may be in buf. */
void lspci_clean(const char **line, const char **end, char buf[LSPCI_LINE_MAX]);

/* --- lspci_around.c -------------------------------------------------------------------------------- */

/* What a text says of one thing, and whether it says it in one way. */
struct said {
	char *value;
	bool conflict;
};

struct around {
	struct said release, machine, cmdline, cpu, cpu_name;
	char vendor[16]; /* of the processor that the last lines were about */
	int family; /* -1: not said yet */
};

/* A line that is none of lspci's. */
void around_read(struct around *a, const char *line, const char *end);
/* Hands over to the model, and says in gaps what it lacks. */
void around_finish(struct around *a, struct platform *p);
void around_release(struct around *a);

/* --- lspci_headline.c ------------------------------------------------------------------------------ */

/* What the first line of a function says behind its address. */
struct headline {
	char *name; /* "Intel Corporation Device 1bbc"; NULL: there is none. Freed by the caller */
	char *class_name; /* "PCI bridge"; NULL if there is a number. Freed by the caller */
	bool has_ids, has_class, has_interface;
	uint16_t vendor, device;
	uint32_t class; /* 24 bits */
	uint8_t revision;
};

/* Also of lspci -mm: "PCI bridge" "Intel Corporation" "Device 1bbc" -r04. False if it is none. */
bool headline_parse(const char *text, struct headline *h);

/* --- lspci_gather.c -------------------------------------------------------------------------------- */

struct note;

/* The functions of a text so far. */
struct gathered {
	struct platform *p;
	struct pci_names *names;
	struct function *functions;
	struct note *notes; /* of each */
	size_t nr, room;
};

/* What was shown of one function, which ends with its driver's name taken, becomes one of them. */
void gather_add(struct gathered *g, struct shown *s);
/* Hands all of them over to the model. */
void gather_finish(struct gathered *g);
void gather_release(struct gathered *g);

#endif
