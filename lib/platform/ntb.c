/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Non-transparent bridges: endpoints that translate addresses to another host's. They look like any
 * endpoint, and are known by their ids, as Linux' drivers have them, and for switches by their class.
 */
#include "platform/ntb.h"

#define ANY_DEVICE 0, 0xffff

bool ntb_is_one(const struct function *f)
{
	enum { OTHER_BRIDGE = 0x0680, ANY_CLASS = 0 };
	static const struct {
		uint16_t vendor, first, last;
		uint16_t class; /* and subclass */
	} known[] = {
		/* Linux drivers/ntb/hw/intel/ntb_hw_intel.h */
		{ 0x8086, 0x0db4, 0x0db4, ANY_CLASS },
		{ 0x8086, 0x0e0d, 0x0e0f, ANY_CLASS },
		{ 0x8086, 0x201c, 0x201c, ANY_CLASS },
		{ 0x8086, 0x2f0d, 0x2f0f, ANY_CLASS },
		{ 0x8086, 0x347e, 0x347e, ANY_CLASS },
		{ 0x8086, 0x3725, 0x3727, ANY_CLASS },
		{ 0x8086, 0x3c0d, 0x3c0f, ANY_CLASS },
		{ 0x8086, 0x6f0d, 0x6f0f, ANY_CLASS },
		/* Linux drivers/ntb/hw/amd/ntb_hw_amd.c */
		{ 0x1022, 0x145b, 0x145b, ANY_CLASS },
		{ 0x1022, 0x148b, 0x148b, ANY_CLASS },
		{ 0x1022, 0x14c0, 0x14c0, ANY_CLASS },
		{ 0x1022, 0x14c3, 0x14c3, ANY_CLASS },
		{ 0x1022, 0x155a, 0x155a, ANY_CLASS },
		{ 0x1d94, 0x145b, 0x145b, ANY_CLASS },
		/* Linux drivers/pci/switch/switchtec.c: its management function has another class */
		{ 0x11f8, ANY_DEVICE, OTHER_BRIDGE },
		/* PCI ID database: PEX 87xx, link and virtual interface of the NT ports */
		{ 0x10b5, 0x87a0, 0x87a1, ANY_CLASS },
		{ 0x10b5, 0x87b0, 0x87b1, ANY_CLASS },
	};

	for (size_t i = 0; f->ids_known && i < ARRAY_LEN(known); i++)
		if (f->vendor == known[i].vendor && f->device >= known[i].first &&
		    f->device <= known[i].last &&
		    (known[i].class == ANY_CLASS ||
		     (f->class_known && f->class >> 8 == known[i].class)))
			return true;
	return false;
}
