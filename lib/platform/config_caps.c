/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The capabilities of config space that the model holds something of, one reader for each, and the
 * tables of them. A register that what was seen does not hold in full, and one that a VF leaves to
 * its PF, is not seen.
 *
 * Registers: PCI Power Management 1.2 chapter 3, PCIe Base 6.0 chapters 7 and 9.
 */
#include <stddef.h>

#include "platform/config.h"

/* Takes the register of so many bytes if all of it is there; of a VF's the bits in own are its own. */
static void see(struct reg *r, const struct cap *cap, size_t offset, size_t bytes, uint32_t own)
{
	uint32_t all = bytes == 2 ? 0xffff : 0xffffffff;
	uint32_t seen = cap->is_virtual ? all & own : all;

	if (offset + bytes > cap->room || !seen)
		return;
	*r = (struct reg){ bytes == 2 ? le16(cap->at + offset) : le32(cap->at + offset), seen };
	r->value &= seen;
}

static void read_power(struct function *f, const struct cap *cap)
{
	enum { CONTROL_STATUS = 4, STATE = 0x3 };

	/* what the kernel says is of before it woke the function to read this */
	if (f->power_known)
		return;
	f->power_known = true;
	f->powered = !(le16(cap->at + CONTROL_STATUS) & STATE);
}

static void read_subsystem(struct function *f, const struct cap *cap)
{
	f->subvendor = le16(cap->at + 4);
	f->subdevice = le16(cap->at + 6);
}

/* --- PCI Express --------------------------------------------------------------------------------- */

enum {
	EXPRESS_CAPABILITIES = 0x02,
	DEVICE_CAPABILITIES = 0x04,
	DEVICE_CONTROL = 0x08,
	DEVICE_STATUS = 0x0a,
	LINK_CAPABILITIES = 0x0c,
	LINK_CONTROL = 0x10,
	LINK_STATUS = 0x12,
	LINK_END = 0x14,
	SLOT_CAPABILITIES = 0x14,
	SLOT_STATUS = 0x1a,
	DEVICE_CAPABILITIES_2 = 0x24,
	DEVICE_CONTROL_2 = 0x28,
};

#define EXPRESS_VERSION 0x000fu
#define EXPRESS_SLOT 0x0100u
#define DEVSTA_VIRTUAL_OWN 0x002fu

/* By the type field of the PCI Express capabilities register. */
static const enum port_type express_types[16] = {
	[0x0] = PORT_ENDPOINT,    [0x1] = PORT_LEGACY_ENDPOINT, [0x4] = PORT_ROOT,
	[0x5] = PORT_UPSTREAM,    [0x6] = PORT_DOWNSTREAM,      [0x7] = PORT_PCIE_TO_PCI,
	[0x8] = PORT_PCI_TO_PCIE, [0x9] = PORT_RC_ENDPOINT,     [0xa] = PORT_RC_EVENT_COLLECTOR,
};

static void read_link(struct function *f, const struct cap *cap)
{
	uint32_t can;
	uint16_t is;

	/* root complex integrated functions have no link, and need not have its registers */
	if (cap->room < LINK_END || f->port_type == PORT_RC_ENDPOINT ||
	    f->port_type == PORT_RC_EVENT_COLLECTOR)
		return;
	see(&f->express.link_control, cap, LINK_CONTROL, 2, 0);
	can = le32(cap->at + LINK_CAPABILITIES);
	is = le16(cap->at + LINK_STATUS);
	if (!(can >> 4 & 0x3f))
		return; /* a VF: its PF has the registers */
	f->link = (struct link){
		.known = true,
		.max_speed = can & 0xf,
		.max_width = can >> 4 & 0x3f,
		.speed = is & 0xf,
		.width = is >> 4 & 0x3f,
	};
}

static void read_express(struct function *f, const struct cap *cap)
{
	static const struct reg none = { 0, 0xffffffff };
	uint16_t what = le16(cap->at + EXPRESS_CAPABILITIES);
	struct express *e = &f->express;

	f->port_type = express_types[what >> 4 & 0xf];
	see(&e->device_capabilities, cap, DEVICE_CAPABILITIES, 4, 0xffffffff);
	see(&e->device_control, cap, DEVICE_CONTROL, 2, 0);
	see(&e->device_status, cap, DEVICE_STATUS, 2, DEVSTA_VIRTUAL_OWN);
	read_link(f, cap);
	/* what these registers would be of where there is no slot does not exist */
	if ((f->port_type == PORT_ROOT || f->port_type == PORT_DOWNSTREAM) &&
	    !(what & EXPRESS_SLOT)) {
		e->slot_capabilities = none;
		e->slot_status = (struct reg){ 0, 0xffff };
	} else if (what & EXPRESS_SLOT) {
		see(&e->slot_capabilities, cap, SLOT_CAPABILITIES, 4, 0);
		see(&e->slot_status, cap, SLOT_STATUS, 2, 0);
	}
	/* version 1 ends before them, and what is there is another capability's: nothing of it is on */
	if ((what & EXPRESS_VERSION) < 2) {
		e->device_capabilities_2 = none;
		e->device_control_2 = (struct reg){ 0, 0xffff };
		return;
	}
	see(&e->device_capabilities_2, cap, DEVICE_CAPABILITIES_2, 4, 0xffffffff);
	see(&e->device_control_2, cap, DEVICE_CONTROL_2, 2, 0);
}

/* --- extended capabilities ----------------------------------------------------------------------- */

static void read_aer(struct function *f, const struct cap *cap)
{
	enum { UNCORRECTABLE = 0x04, UNCORRECTABLE_MASK = 0x08, CORRECTABLE = 0x10 };
	/* PCIe 6.0, 9.4.2: what does not tell which VF it was is in the PF */
	enum { ADVISORY = 0x2000, UNEXPECTED_COMPLETION = 0x10000 };
	const uint32_t own = AER_POISONED | AER_COMPLETION_TIMEOUT | AER_COMPLETER_ABORT |
			     UNEXPECTED_COMPLETION | AER_UNSUPPORTED | AER_ACS_VIOLATION;

	see(&f->errors.uncorrectable, cap, UNCORRECTABLE, 4, own);
	see(&f->errors.uncorrectable_mask, cap, UNCORRECTABLE_MASK, 4, 0);
	see(&f->errors.correctable, cap, CORRECTABLE, 4, ADVISORY);
}

static void read_acs(struct function *f, const struct cap *cap)
{
	f->acs = (struct acs){
		.known = KNOWN_PRESENT,
		.capability = le16(cap->at + 4),
		.control = le16(cap->at + 6),
	};
	if (cap->room < 10)
		return;
	f->acs.dword_control = le16(cap->at + 8);
	f->acs.dword_known = 0xffff;
}

static void read_ats(struct function *f, const struct cap *cap)
{
	see(&f->ats_control, cap, 0x06, 2, ATS_ENABLE);
}

static void read_sriov(struct function *f, const struct cap *cap)
{
	see(&f->sriov_control, cap, 0x08, 2, 0);
	f->max_virtual = le16(cap->at + 0x0e);
	/* NumVFs says what is enabled only while VF Enable is set */
	f->nr_virtual = le16(cap->at + 0x08) & SRIOV_VF_ENABLE ? le16(cap->at + 0x10) : 0;
	f->first_virtual = le16(cap->at + 0x14);
	f->virtual_stride = le16(cap->at + 0x16);
	f->virtual_device = le16(cap->at + 0x1a);
}

static void read_pri(struct function *f, const struct cap *cap)
{
	see(&f->pri_control, cap, 0x04, 2, 0);
}

static void read_pasid(struct function *f, const struct cap *cap)
{
	see(&f->pasid_control, cap, 0x06, 2, 0);
}

static void read_dpc(struct function *f, const struct cap *cap)
{
	see(&f->errors.dpc_control, cap, 0x06, 2, 0);
	see(&f->errors.dpc_status, cap, 0x08, 2, 0);
}

/* Is there an entry of this BAR already? */
static bool has_rebar(const struct function *f, uint8_t bar)
{
	for (uint8_t i = 0; i < f->nr_rebars; i++)
		if (f->rebars[i].bar == bar)
			return true;
	return false;
}

/* Pairs of a capability and a control register; the first control register says how many. */
static void read_rebar(struct function *f, const struct cap *cap)
{
	enum { FIRST = 4, PAIR = 8, COUNT_SHIFT = 5, SIZE_SHIFT = 8, SIZES_SHIFT = 4 };
	enum { MEGABYTE = 20, ABOVE_128T = 48, LARGEST = 63 };
	uint32_t nr = le32(cap->at + FIRST + 4) >> COUNT_SHIFT & 7;

	f->nr_rebars = 0;
	for (uint32_t i = 0; i < nr && FIRST + PAIR * (i + 1) <= cap->room; i++) {
		uint32_t can = le32(cap->at + FIRST + PAIR * i);
		uint32_t control = le32(cap->at + FIRST + PAIR * i + 4);
		struct rebar entry = {
			.bar = control & 7,
			.size = (uint8_t)((control >> SIZE_SHIFT & 0x3f) + MEGABYTE),
			.sizes = (uint64_t)(can >> SIZES_SHIFT) << MEGABYTE |
				 (uint64_t)(control >> 16) << ABOVE_128T,
		};

		/* what no function can mean is none of its BARs */
		if (entry.bar < PCI_BARS && entry.size <= LARGEST && !has_rebar(f, entry.bar) &&
		    f->nr_rebars < PCI_BARS)
			f->rebars[f->nr_rebars++] = entry;
	}
}

/* Designated vendor-specific: CXL's are by the consortium's id (CXL 3.0, 8.1). */
static void read_dvsec(struct function *f, const struct cap *cap)
{
	enum { CXL_VENDOR = 0x1e98 };

	f->has_cxl |= le16(cap->at + 4) == CXL_VENDOR;
}

/* --- the lists ----------------------------------------------------------------------------------- */

#define HAS(member) offsetof(struct function, has_##member)

static const struct capability standard_capabilities[] = {
	[STANDARD_POWER] = { 0x01, 8, .read = read_power },
	[STANDARD_SUBSYSTEM] = { 0x0d, 8, .read = read_subsystem },
	[STANDARD_EXPRESS] = { 0x10, 4, .read = read_express },
};

static const struct capability extended_capabilities[] = {
	{ 0x0001, 4, .has = HAS(aer), .read = read_aer },
	{ 0x0003, 4, .has = HAS(dsn) },
	{ 0x000d, 8, .read = read_acs },
	{ 0x000f, 4, .has = HAS(ats), .read = read_ats },
	{ 0x0010, 0x1c, .has = HAS(sriov), .read = read_sriov },
	{ 0x0012, 4, .has = HAS(multicast) },
	{ 0x0013, 4, .has = HAS(pri), .read = read_pri },
	{ 0x0015, 12, .has = HAS(rebar), .read = read_rebar },
	{ 0x001b, 4, .has = HAS(pasid), .read = read_pasid },
	{ 0x001d, 4, .has = HAS(dpc), .read = read_dpc },
	{ 0x0023, 6, .read = read_dvsec, .every = true },
	{ 0x0030, 4, .has = HAS(ide) },
};

static void standard_header(const uint8_t *entry, uint16_t *id, size_t *next)
{
	*id = entry[0];
	*next = entry[1] & ~3u; /* the low bits are reserved */
}

static void extended_header(const uint8_t *entry, uint16_t *id, size_t *next)
{
	*id = le16(entry);
	*next = extended_next(entry);
}

const struct capability_list standard_list = {
	"capability",    HEADER_BYTES,          STANDARD_BYTES,
	standard_header, standard_capabilities, ARRAY_LEN(standard_capabilities),
};

const struct capability_list extended_list = {
	"extended capability", STANDARD_BYTES,        EXTENDED_BYTES,
	extended_header,       extended_capabilities, ARRAY_LEN(extended_capabilities),
};
