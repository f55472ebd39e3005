/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Roles, from class codes and from what tells a card from what is on the mainboard. */
#include "check/role.h"

#include "base/attr.h"

#define ANY 0xff

/* Class and subclass, first match. */
static const struct {
	uint8_t class, subclass;
	enum role role;
} classes[] = {
	{ 0x03, ANY, ROLE_ACCELERATOR },  { 0x12, ANY, ROLE_ACCELERATOR },
	{ 0x0b, 0x40, ROLE_ACCELERATOR }, { 0x02, ANY, ROLE_NIC },
	{ 0x01, 0x08, ROLE_NVME },
};

/*
 * Displays that are no peers: those of management controllers and of virtual machines, vendor and
 * device (0: any).
 */
static const struct {
	uint16_t vendor, device;
} plain_displays[] = {
	{ 0x1a03, 0 }, /* ASPEED */
	{ 0x102b, 0 }, /* Matrox G200 */
	{ 0x126f, 0 }, /* Silicon Motion */
	{ 0x19e5, 0x1711 }, /* HiSilicon Hi171x */
	{ 0x1013, 0 }, /* Cirrus */
	{ 0x1234, 0x1111 }, /* QEMU */
	{ 0x1b36, 0x0100 }, /* QXL */
	{ 0x1af4, 0 }, /* virtio */
	{ 0x15ad, 0 }, /* VMware */
	{ 0x1414, 0 }, /* Hyper-V */
	{ 0x80ee, 0 }, /* VirtualBox */
};

/* Narrower links are those of management and client network ports. */
#define NIC_LANES 4

static bool is_plain_display(const struct function *f)
{
	for (size_t i = 0; i < ARRAY_LEN(plain_displays); i++)
		if (plain_displays[i].vendor == f->vendor &&
		    (!plain_displays[i].device || plain_displays[i].device == f->device))
			return true;
	/* a processor's own: its memory is the machine's */
	return f->upstream == UPSTREAM_ROOT_BUS;
}

static bool is_narrow(const struct function *f)
{
	return f->link.known && f->link.max_width && f->link.max_width < NIC_LANES;
}

enum role role_of(const struct platform *platform, const struct function *f)
{
	const struct function *pf = f->is_virtual ? platform_find(platform, f->physical) : NULL;
	enum role role = ROLE_OTHER;

	if (!f->class_known || f->is_bridge)
		return ROLE_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(classes) && role == ROLE_OTHER; i++)
		if (classes[i].class == f->class >> 16 &&
		    (classes[i].subclass == ANY || classes[i].subclass == (f->class >> 8 & 0xff)))
			role = classes[i].role;
	if (role == ROLE_ACCELERATOR && f->class >> 16 == 0x03 && is_plain_display(f))
		return ROLE_OTHER;
	/* a VF shows no link of its own */
	if (role == ROLE_NIC && is_narrow(pf ? pf : f))
		return ROLE_OTHER;
	return role;
}

const char *role_name(enum role role)
{
	static const char *const names[NR_ROLES] = {
		[ROLE_OTHER] = "other",
		[ROLE_ACCELERATOR] = "accelerator",
		[ROLE_NIC] = "NIC",
		[ROLE_NVME] = "NVMe",
	};

	return names[role];
}

/* Rows start transfers. A NIC's doorbells are rung by accelerators. */
static const bool likely[NR_ROLES][NR_ROLES] = {
	[ROLE_ACCELERATOR] = { [ROLE_ACCELERATOR] = true, [ROLE_NIC] = true },
	[ROLE_NIC] = { [ROLE_ACCELERATOR] = true },
	[ROLE_NVME] = { [ROLE_ACCELERATOR] = true },
};

bool role_is_likely(const struct platform *platform, const struct function *initiator,
		    const struct function *target)
{
	enum role from = role_of(platform, initiator);

	return likely[from][role_of(platform, target)] ||
	       (from != ROLE_OTHER && target->p2pmem.present);
}
