/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling virtual functions from others where the source does not mark them, by what the registers of
 * their physical functions say.
 */
#include "platform/virtual.h"

#include <stddef.h>

/* Many times what a machine has; made-up registers can claim 65,535 VFs of every function. */
#define VIRTUAL_LOOK_UPS_MAX 1000000u

/* The address so many routing ids behind a PF's; false if it leaves the domain. */
static bool address_behind(struct pci_addr pf, uint32_t distance, struct pci_addr *vf)
{
	uint32_t id = ((uint32_t)pf.bus << 8 | (uint32_t)pf.dev << 3 | pf.fn) + distance;

	*vf = (struct pci_addr){ pf.domain, (uint8_t)(id >> 8), id >> 3 & 0x1f, id & 7 };
	return id <= UINT16_MAX;
}

static void mark_virtual_of(struct platform *p, const struct function *pf, size_t *look_ups)
{
	struct pci_addr addr;

	for (uint32_t n = 0; n < pf->nr_virtual && *look_ups < VIRTUAL_LOOK_UPS_MAX; n++) {
		const struct function *found;
		struct function *vf;

		if (!address_behind(pf->addr, pf->first_virtual + n * pf->virtual_stride, &addr))
			return;
		++*look_ups;
		found = platform_find(p, addr);
		if (!found || found == pf)
			continue;
		vf = &p->functions[found - p->functions];
		vf->is_virtual = true;
		vf->physical = pf->addr;
		/* as in the kernel: the registers of a VF have no ids */
		if (!vf->ids_known && pf->ids_known && pf->virtual_device) {
			vf->ids_known = true;
			vf->vendor = pf->vendor;
			vf->device = pf->virtual_device;
		}
	}
}

static void mark_virtual(struct platform *p)
{
	size_t look_ups = 0;

	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].first_virtual && !p->functions[i].is_virtual)
			mark_virtual_of(p, &p->functions[i], &look_ups);
	if (look_ups == VIRTUAL_LOOK_UPS_MAX)
		platform_add_gap(p, "virtual functions",
				 "are more than can be; not all of them were told from others");
}

/* Can have VFs that nothing tells from other functions. */
static bool hides_virtual(const struct function *f)
{
	if (f->is_bridge || f->is_virtual || f->first_virtual)
		return false;
	return f->has_sriov || (f->config_bytes < 4096 && f->acs.known == KNOWN_NO);
}

/* VFs come behind their PF, and are endpoints. */
static void mark_maybe_virtual(struct platform *p)
{
	bool hidden = false;

	for (size_t i = 0; i < p->nr_functions; i++) {
		struct function *f = &p->functions[i];

		if (i && f->addr.domain != p->functions[i - 1].addr.domain)
			hidden = false;
		f->maybe_virtual = hidden && !f->multifunction_known && !f->is_bridge &&
				   !f->is_virtual && f->port_type != PORT_ROOT &&
				   f->port_type != PORT_CONVENTIONAL;
		hidden |= hides_virtual(f);
	}
}

/*
 * Of these registers a VF has only some bits of its own (PCIe 6.0, 9.3.5 to 9.3.7 and 9.4.2); the rest
 * reads as zeros. Of what may be a VF, what is set is not in question.
 */
static void keep_own(struct function *f)
{
	enum { ADVISORY = 0x2000, UNEXPECTED_COMPLETION = 0x10000, NOT_AUX_POWER = 0x2f };
	static const struct {
		size_t at;
		uint32_t own;
	} registers[] = {
		{ offsetof(struct function, command), COMMAND_MASTER },
		{ offsetof(struct function, express.device_control), 0 },
		{ offsetof(struct function, express.device_status), NOT_AUX_POWER },
		{ offsetof(struct function, express.link_control), 0 },
		{ offsetof(struct function, express.device_control_2), 0 },
		{ offsetof(struct function, errors.uncorrectable),
		  AER_POISONED | AER_COMPLETION_TIMEOUT | AER_COMPLETER_ABORT |
			  UNEXPECTED_COMPLETION | AER_UNSUPPORTED | AER_ACS_VIOLATION },
		{ offsetof(struct function, errors.uncorrectable_mask), 0 },
		{ offsetof(struct function, errors.correctable), ADVISORY },
		{ offsetof(struct function, ats_control), ATS_ENABLE },
		{ offsetof(struct function, pri_control), 0 },
		{ offsetof(struct function, pasid_control), 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(registers); i++) {
		struct reg *r = (struct reg *)((char *)f + registers[i].at);

		r->seen &= registers[i].own | (f->is_virtual ? 0 : r->value);
		r->value &= r->seen;
	}
}

void virtual_mark(struct platform *p)
{
	mark_virtual(p);
	mark_maybe_virtual(p);
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].is_virtual || p->functions[i].maybe_virtual)
			keep_own(&p->functions[i]);
}
