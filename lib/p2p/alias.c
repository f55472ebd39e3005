/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions that send requests under another function's id on their bus, by the kernel's table of
 * those that are known to: drivers/pci/quirks.c, all callers of pci_add_dma_alias(). An IOMMU
 * cannot tell such functions apart.
 */
#include "p2p/isolation.h"

#define ANY_DEVICE 0x0000, 0xffff

struct alias {
	uint16_t vendor, first, last;
	/* does the function send requests as this device and function number, too? */
	enum p2p_answer (*covers)(const struct function *f, uint8_t dev, uint8_t fn);
};

static enum p2p_answer yes_if(bool is)
{
	return is ? P2P_YES : P2P_NO;
}

/* quirk_dma_func0_alias() */
static enum p2p_answer as_function_0(const struct function *f, uint8_t dev, uint8_t fn)
{
	return yes_if(dev == f->addr.dev && fn == 0);
}

/* quirk_dma_func1_alias() */
static enum p2p_answer as_function_1(const struct function *f, uint8_t dev, uint8_t fn)
{
	return yes_if(dev == f->addr.dev && fn == 1);
}

/* fixed_dma_alias_tbl: cards of this subsystem only */
static enum p2p_answer as_01_0(const struct function *f, uint8_t dev, uint8_t fn)
{
	if (f->subvendor != 0x9005 || (f->subdevice != 0x02bb && f->subdevice != 0x02bc))
		return P2P_NO;
	return yes_if(dev == 0x01 && fn == 0);
}

/* quirk_mic_x200_dma_alias() */
static enum p2p_answer as_xeon_phi_ntb(const struct function *f attr_unused, uint8_t dev,
				       uint8_t fn)
{
	return yes_if((dev == 0x10 && fn == 0) || (dev == 0x11 && fn == 0) ||
		      (dev == 0x12 && fn == 3));
}

/* quirk_pex_vca_alias() */
static enum p2p_answer as_functions_0_to_4(const struct function *f attr_unused,
					   uint8_t dev attr_unused, uint8_t fn)
{
	return yes_if(fn < 5);
}

/* quirk_plx_ntb_dma_alias() */
static enum p2p_answer as_any(const struct function *f attr_unused, uint8_t dev attr_unused,
			      uint8_t fn attr_unused)
{
	return P2P_YES;
}

/* quirk_switchtec_ntb_dma_alias(): the ids are in the registers of a BAR */
static enum p2p_answer as_switchtec_says(const struct function *f, uint8_t dev attr_unused,
					 uint8_t fn attr_unused)
{
	return f->class_known && f->class >> 8 != 0x0680 ? P2P_NO : P2P_CANNOT_TELL;
}

static const struct alias alias_table[] = {
	{ 0x1180, 0xe476, 0xe476, as_function_0 }, /* Ricoh */
	{ 0x1180, 0xe832, 0xe832, as_function_0 },
	{ 0x6766, 0x3d40, 0x3d41, as_function_0 }, /* Glenfly */
	{ 0x1b4b, 0x9120, 0x9120, as_function_1 }, /* Marvell */
	{ 0x1b4b, 0x9123, 0x9123, as_function_1 },
	{ 0x1b4b, 0x9125, 0x9125, as_function_1 },
	{ 0x1b4b, 0x9128, 0x9128, as_function_1 },
	{ 0x1b4b, 0x9130, 0x9130, as_function_1 },
	{ 0x1b4b, 0x9170, 0x9170, as_function_1 },
	{ 0x1b4b, 0x9172, 0x9172, as_function_1 },
	{ 0x1b4b, 0x917a, 0x917a, as_function_1 },
	{ 0x1b4b, 0x9182, 0x9183, as_function_1 },
	{ 0x1b4b, 0x91a0, 0x91a0, as_function_1 },
	{ 0x1b4b, 0x9215, 0x9215, as_function_1 },
	{ 0x1b4b, 0x9220, 0x9220, as_function_1 },
	{ 0x1b4b, 0x9230, 0x9230, as_function_1 },
	{ 0x1b4b, 0x9235, 0x9235, as_function_1 },
	{ 0x1103, 0x0642, 0x0642, as_function_1 }, /* HighPoint */
	{ 0x1103, 0x0645, 0x0645, as_function_1 },
	{ 0x197b, 0x2392, 0x2392, as_function_1 }, /* JMicron */
	{ 0x1c28, 0x0122, 0x0122, as_function_1 }, /* Lite-On */
	{ 0x9005, 0x0285, 0x0285, as_01_0 }, /* Adaptec */
	{ 0x8086, 0x2260, 0x2260, as_xeon_phi_ntb }, /* Xeon Phi x200 */
	{ 0x8086, 0x2264, 0x2264, as_xeon_phi_ntb },
	{ 0x8086, 0x2954, 0x2956, as_functions_0_to_4 }, /* Visual Compute Accelerator */
	{ 0x8086, 0x2958, 0x295a, as_functions_0_to_4 },
	{ 0x10b5, 0x87b0, 0x87b1, as_any }, /* PLX NTB */
	{ 0x11f8, ANY_DEVICE, as_switchtec_says },
	{ 0x1055, 0x1001, 0x1008, as_switchtec_says },
};

static const struct alias *find(const struct function *f)
{
	for (size_t i = 0; i < ARRAY_LEN(alias_table); i++)
		if (alias_table[i].vendor == f->vendor && alias_table[i].first <= f->device &&
		    f->device <= alias_table[i].last)
			return &alias_table[i];
	return NULL;
}

bool p2p_has_dma_alias(const struct function *f)
{
	return !f->ids_known || find(f);
}

enum p2p_answer p2p_dma_alias(const struct function *a, const struct function *b)
{
	const struct alias *alias = find(a);

	if (!a->ids_known)
		return P2P_CANNOT_TELL;
	return alias ? alias->covers(a, b->addr.dev, b->addr.fn) : P2P_NO;
}
